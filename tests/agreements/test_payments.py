"""Orders and batches: who may, how much, on which account; the workbook; the payments; the tranches that follow."""

import io
import threading
from datetime import timedelta
from decimal import Decimal

import openpyxl
import pgtrigger
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from agreements import claims, payments, reports
from agreements.agreement_page import tasks_now
from agreements.models import Agreement, PaymentBatch, PaymentClaim, PaymentOrder, Tranche, TrancheReport
from agreements.work import work_on_payments
from core.dates import format_date_long
from core.documents import open_document
from core.figures.checking import look
from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants.commitments import use_credit
from tests.factories.agreements import certified, give_accounts, in_force, instalment, opened, ordered, pay
from tests.factories.applicants import ApplicantFactory, BankAccountFactory, pdf
from tests.factories.core import hold_in_breach
from tests.factories.instruction import staff

D = Decimal
YEARS_IN_ORDER = ("agreements.tranche-after-report", "agreements.year-days-in-order")


def finance_and(role: Role, code: str = "PROGRESS1"):
    """Somebody with two roles."""
    user = staff(role, code)
    hold_in_breach(user, role, Role.FINANCE_OFFICER)
    return user


# --- separation of duties ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_who_certifies_does_not_order():
    agreement, house = in_force()
    claim = certified(agreement, house)
    hold_in_breach(house.instructor, Role.INSTRUCTOR, Role.FINANCE_OFFICER)
    batch = payments.open_batch(actor=house.finance)
    with pytest.raises(TransitionRefused) as refused:
        perform(claim, "order", actor=house.instructor, data={"batch": batch.pk})
    assert refused.value.code == "permission"


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["certifier", "instructor"])
def test_sql_does_not_order_in_their_name_either(who):
    agreement, house = in_force()
    claim = certified(agreement, house)
    other = staff(Role.INSTRUCTOR)
    if who == "instructor":
        type(agreement.application).objects.filter(pk=agreement.application_id).update(instructor=other)
    person = house.instructor if who == "certifier" else other
    with pytest.raises(DatabaseError), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(ordered_by=person, ordered_at=timezone.now())


@pytest.mark.django_db
def test_the_instructor_does_not_order_even_a_claim_that_another_certified():
    agreement, house = in_force()
    claim = certified(agreement, house)
    other = finance_and(Role.INSTRUCTOR)
    type(agreement.application).objects.filter(pk=agreement.application_id).update(instructor=other)
    batch = payments.open_batch(actor=house.finance)
    with pytest.raises(TransitionRefused) as refused:
        perform(PaymentClaim.objects.get(pk=claim.pk), "order", actor=other, data={"batch": batch.pk})
    assert refused.value.code == "permission"


@pytest.mark.django_db
def test_only_finance_opens_a_batch():
    with pytest.raises(TransitionRefused):
        payments.open_batch(actor=staff(Role.INSTRUCTOR))


# --- accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_only_a_verified_account_is_paid():
    applicant = ApplicantFactory()
    agreement, house = in_force(applicant=applicant)
    applicant.memberships.create(user=house.member, role="representative")
    BankAccountFactory(applicant=applicant)
    claim = certified(agreement, house)
    batch = payments.open_batch(actor=house.finance)
    with pytest.raises(TransitionRefused) as refused:
        payments.order_claims(batch, [claim], actor=house.finance)
    assert claim.number in str(refused.value)


def raw_order(claim, batch, account, person, **changes):
    """An order written without the services."""
    values = {
        "claim": claim,
        "batch": batch,
        "payee": claim.agreement.beneficiary,
        "bank_account": account,
        "reference": "X-1",
        "amount": claim.certified_amount,
        "ordered_by": person,
    }
    return PaymentOrder.objects.create(**values | changes)


@pytest.mark.django_db
def test_the_database_refuses_other_accounts_and_amounts():
    agreement, house = in_force()
    claim = certified(agreement, house)
    batch = payments.open_batch(actor=house.finance)
    good = agreement.beneficiary.bank_accounts.get()
    foreign = BankAccountFactory(verified=True)
    wrong = [
        ({"bank_account": foreign}, "account of the payee"),
        ({"bank_account": foreign, "payee": foreign.applicant}, "not the beneficiary"),
        ({"amount": claim.certified_amount + D("0.01")}, "would be ordered of the claim"),
        ({"ordered_by": house.instructor}, "does not order"),
    ]
    for changes, words in wrong:
        with pytest.raises(DatabaseError, match=words), transaction.atomic():
            raw_order(claim, batch, good, house.finance, **changes)
    with pgtrigger.ignore("agreements.PaymentOrder:ordered_while_due"):
        with pytest.raises(DatabaseError, match="claim_ordered_within_certified"), transaction.atomic():
            raw_order(claim, batch, good, house.finance, amount=claim.certified_amount + D("0.01"))
    entered = BankAccountFactory(applicant=agreement.beneficiary)
    for account, words in ((entered, "verified"), (good, "change of account")):
        with pytest.raises(DatabaseError, match=words), transaction.atomic():
            raw_order(claim, batch, account, house.finance)


@pytest.mark.django_db
def test_orders_under_way_wait_for_a_change_of_account():
    """Neither the batch that pays the old account is closed, nor a payment recorded, until somebody has decided."""
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    (order,) = batch.orders.all()
    change = BankAccountFactory(applicant=agreement.beneficiary)
    with pytest.raises(TransitionRefused) as caught:
        payments.close_batch(batch, actor=house.finance)
    assert agreement.beneficiary.display_name in str(caught.value)
    with pytest.raises(DatabaseError, match="change of account"), transaction.atomic():
        PaymentBatch.objects.filter(pk=batch.pk).update(state="sent", closed_total=order.amount)
    perform(change, "reject", actor=house.finance, data={"reason": "Personne ne l’a demandé."})
    payments.close_batch(batch, actor=house.finance)
    change = BankAccountFactory(applicant=agreement.beneficiary)
    today = timezone.localdate()
    with pytest.raises(TransitionRefused):
        payments.confirm_payments([order], paid_on=today, actor=house.finance)
    with pytest.raises(DatabaseError, match="change of account"), transaction.atomic():
        PaymentOrder.objects.filter(pk=order.pk).update(state="paid", paid_on=today, confirmed_by=house.finance)
    perform(change, "reject", actor=house.finance, data={"reason": "Personne ne l’a demandé."})
    assert payments.confirm_payments([order], paid_on=today, actor=house.finance) == 1


@pytest.mark.django_db
def test_an_order_on_an_account_that_was_replaced_is_paid_for_a_reason_only(client):
    """Closed before the change, paid after it: the payment of that day or later says how one knows of it."""
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    payments.close_batch(batch, actor=house.finance)
    (order,) = batch.orders.all()
    perform(order.bank_account, "supersede", actor=None, system=True)
    BankAccountFactory(applicant=agreement.beneficiary, verified=True)
    order, today = PaymentOrder.objects.get(pk=order.pk), timezone.localdate()
    with pytest.raises(TransitionRefused, match="a été remplacé"):
        payments.confirm_payments([order], paid_on=today, actor=house.finance)
    with pytest.raises(DatabaseError, match="was replaced before the payment"), transaction.atomic():
        PaymentOrder.objects.filter(pk=order.pk).update(state="paid", paid_on=today, confirmed_by=house.finance)
    client.force_login(house.finance, backend="django.contrib.auth.backends.ModelBackend")
    for row in (order, order.batch):
        page = client.get(reverse(f"admin:agreements_{row._meta.model_name}_change", args=[row.pk])).content.decode()
        assert f"depuis le {format_date_long(today)} : {order.bank_account.masked_iban} → " in page
    for path, words in {
        "admin:agreements_paymentorder_changelist": "Ce compte a été remplacé après l’ordre",
        "admin:agreements_paymentbatch_changelist": "1 ordre sur un compte remplacé depuis",
    }.items():
        for query in ("", "?queue=replaced"):
            assert words in client.get(reverse(path) + query).content.decode()
    assert any("1 ordre sur un compte remplacé depuis" in item.why for item in work_on_payments(house.finance))
    address = reverse("admin:agreements_paymentorder_transition", args=[order.pk, "confirm"])
    assert "replaced_account_reason" in client.get(address).content.decode()
    words = "Courriel de la paierie : viré sur l’ancien compte."
    perform(order, "confirm", actor=house.finance, data={"paid_on": today, "replaced_account_reason": words})
    order.refresh_from_db()
    assert (order.state, order.replaced_account_reason) == ("paid", words)
    address = reverse("admin:agreements_paymentorder_change", args=[order.pk])
    assert words in client.get(address).content.decode()


@pytest.mark.django_db
def test_each_person_of_a_scop_is_paid_on_their_own_account():
    agreement, house = in_force("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    assert agreement.payee == "persons"
    give_accounts(agreement)
    claim, batch = ordered(agreement, house, "single")
    assert sorted(batch.orders.values_list("amount", flat=True)) == [D("2000.00"), D("3200.00")]
    pay(batch, house)
    claim.refresh_from_db()
    assert (claim.state, claim.paid_amount) == ("paid", D("5200.00"))


# --- batches ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_workbook_of_a_batch_has_its_total():
    house_agreement, house = in_force()
    second, _house = in_force(house=house, granted="12000.00")
    batch = payments.open_batch(actor=house.finance)
    waiting = [certified(house_agreement, house), certified(second, house)]
    payments.order_claims(batch, waiting, actor=house.finance)
    payments.close_batch(batch, actor=house.finance)
    with open_document(batch.workbook) as file:
        book = openpyxl.load_workbook(io.BytesIO(file.read()), data_only=True)
    sheet = book.worksheets[1]
    headers = [cell.value for cell in sheet[1]]
    amounts = [row[headers.index("Montant") if "Montant" in headers else headers.index("Amount")].value
               for row in sheet.iter_rows(min_row=2, max_row=3)]  # fmt: skip
    total = sum(D(str(amount)) for amount in amounts)
    assert total == batch.closed_total == sum(order.amount for order in batch.orders.all())
    assert any(order.bank_account.iban in [cell.value for cell in row] for order in batch.orders.all() for row in sheet)


@pytest.mark.django_db
def test_an_empty_batch_is_not_closed():
    _agreement, house = in_force()
    with pytest.raises(TransitionRefused):
        payments.close_batch(payments.open_batch(actor=house.finance), actor=house.finance)


@pytest.mark.django_db
def test_claims_are_ordered_all_together_or_not_at_all():
    agreement, house = in_force()
    bare = ApplicantFactory()
    second, _house = in_force(house=house, applicant=bare)
    bare.memberships.create(user=house.member, role="representative")
    waiting = [certified(agreement, house), certified(second, house)]
    batch = payments.open_batch(actor=house.finance)
    with pytest.raises(TransitionRefused):
        payments.order_claims(batch, waiting, actor=house.finance)
    assert not PaymentOrder.objects.exists()


@pytest.mark.django_db
def test_payments_settle_the_claim_and_the_batch():
    agreement, house = in_force()
    claim, batch = ordered(agreement, house)
    pay(batch, house)
    for row in (claim, batch, agreement):
        row.refresh_from_db()
    assert (claim.state, batch.state) == ("paid", "paid")
    assert agreement.paid_amount == claim.certified_amount == agreement.ordered_amount


@pytest.mark.django_db
def test_a_payment_is_not_dated_before_its_order():
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    with pytest.raises(TransitionRefused):
        pay(batch, house, timezone.localdate() - timedelta(days=1))
    assert not PaymentOrder.objects.filter(state="paid").exists()


@pytest.mark.django_db
def test_a_claim_taken_out_of_the_batch_frees_the_money():
    agreement, house = in_force()
    claim, batch = ordered(agreement, house)
    perform(claim, "withdraw_order", actor=house.finance, comment="Erreur de lot.")
    agreement.refresh_from_db()
    assert claim.state == "certified"
    assert agreement.ordered_amount == D("0.00")
    assert batch.orders.get().state == "cancelled"


# --- tranches ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_report_on_a_year_opens_the_next():
    agreement, house = in_force("CPO", "180000.00")
    first, second, _third = agreement.tranches.order_by("rank")
    with pytest.raises(DatabaseError, match="accepted report"), transaction.atomic():
        Tranche.objects.filter(pk=second.pk).update(state="released", released_on=timezone.localdate())
    upload = SimpleUploadedFile("bilan.pdf", pdf("bilan"), "application/pdf")
    report = reports.file_report(first, summary="Fait.", spent_amount=D("90000"), upload=upload, actor=house.member)
    perform(report, "give_back", actor=house.instructor, comment="Il manque les comptes.")
    data = {"summary": "Fait, avec les comptes.", "spent_amount": "90 000,00"}
    perform(report, "file_again", actor=house.member, data=data)
    perform(report, "accept", actor=house.instructor)
    second.refresh_from_db()
    assert second.state == "released"
    assert {item.tranche_id for item in claims.claimable(agreement)} == {first.pk, second.pk}


@pytest.mark.django_db
def test_a_year_without_a_grant_is_passed_over(client):
    agreement, house = in_force("CPO", "180000.00", years=("60000.00", "0.00", "40000.00"))
    first, second, _third = agreement.tranches.order_by("rank")
    upload = SimpleUploadedFile("bilan.pdf", pdf("bilan"), "application/pdf")
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    assert f"s’ouvre avec le bilan de {first.label}" in client.get(agreement.get_absolute_url()).text.replace(
        "&#x27;", "’"
    )
    report = reports.file_report(first, summary="Fait.", spent_amount=D("90000"), upload=upload, actor=house.member)
    with pytest.raises(DatabaseError, match="passed over"), transaction.atomic():
        Tranche.objects.filter(pk=second.pk).update(state="released", released_on=timezone.localdate())
    perform(report, "accept", actor=house.instructor)
    states = agreement.tranches.order_by("rank").values_list("state", flat=True)
    assert list(states) == ["released", "closed", "released"]
    second.refresh_from_db()
    assert second.state_label("applicant") == "Sans aide"
    assert [event.action for event in second.events] == ["pass_over"]
    with pytest.raises(reports.ReportRefused, match="Aucune aide"):
        reports.file_report(second, summary="x", spent_amount=D(0), upload=upload, actor=house.member)
    with pytest.raises(DatabaseError, match="nothing is granted"), transaction.atomic():
        TrancheReport.objects.create(tranche=second, summary="x", spent_amount=1, filed_by=house.member)
    assert not [task for task in tasks_now(agreement) if second.label in str(task.text)]
    assert all(result.holds for result in look(YEARS_IN_ORDER))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("years", "states"),
    [
        (("0.00", "80000.00", "40000.00"), ["closed", "released", "planned"]),
        (("0.00", "0.00", "40000.00"), ["closed", "closed", "released"]),
    ],
)
def test_a_first_year_without_a_grant_opens_the_next_with_the_act(years, states):
    agreement, _house = in_force("CPO", "180000.00", years=years)
    assert list(agreement.tranches.order_by("rank").values_list("state", flat=True)) == states
    opened = agreement.tranches.get(state="released")
    assert opened.instalments.get(kind="advance").due_on is not None
    assert all(result.holds for result in look(YEARS_IN_ORDER))


@pytest.mark.django_db
def test_a_report_is_filed_once():
    agreement, house = in_force("CPO", "180000.00")
    first = agreement.tranches.get(rank=1)
    for attempt in range(2):
        upload = SimpleUploadedFile("bilan.pdf", pdf("bilan"), "application/pdf")
        values = {"summary": "Fait.", "spent_amount": D("1"), "upload": upload, "actor": house.member}
        if attempt == 0:
            reports.file_report(first, **values)
        else:
            with pytest.raises(reports.ReportRefused):
                reports.file_report(first, **values)


@pytest.mark.django_db
def test_no_more_is_ordered_than_the_tranche():
    agreement, house = in_force("CPO", "180000.00")
    first = agreement.tranches.get(rank=1)
    claim, _batch = ordered(agreement, house)
    first.refresh_from_db()
    assert first.ordered_amount == claim.certified_amount
    with pytest.raises(DatabaseError), transaction.atomic():
        agreement.instalments.filter(tranche=first).update(amount=first.amount)


# --- many sessions at once --------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_claim_is_ordered_once_whoever_tries_at_once():
    agreement, house = in_force()
    claim = certified(agreement, house)
    batches = [payments.open_batch(actor=house.finance) for _number in range(8)]
    done, refused = [], []

    def attempt(batch):
        try:
            payments.order_claims(batch, [PaymentClaim.objects.get(pk=claim.pk)], actor=house.finance)
            done.append(batch.pk)
        except TransitionRefused as refusal:
            refused.append(refusal.code)
        finally:
            connection.close()

    together(attempt, batches)
    assert (len(done), len(refused)) == (1, 7)
    agreement = Agreement.objects.get(pk=agreement.pk)
    assert agreement.ordered_amount == claim.certified_amount
    assert PaymentOrder.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_raw_orders_of_many_sessions_never_pass_what_was_certified():
    agreement, house = in_force()
    claim = certified(agreement, house)
    batch = payments.open_batch(actor=house.finance)
    account = agreement.beneficiary.bank_accounts.get()
    envelope = agreement.commitment.envelope
    outcomes = []

    def attempt(rank):
        try:
            with transaction.atomic():
                raw_order(claim, batch, account, house.finance, reference=f"X-{rank}", amount=claim.certified_amount)
                use_credit(envelope, batch.year, claim.certified_amount, reference=f"X-{rank}", actor=house.finance)
                moved = {"state": "ordered", "ordered_by": house.finance, "ordered_at": timezone.now()}
                PaymentClaim.objects.filter(pk=claim.pk).update(**moved)
            outcomes.append("done")
        except DatabaseError:
            outcomes.append("refused")
        finally:
            connection.close()

    together(attempt, range(8))
    assert outcomes.count("done") == 1
    claim = PaymentClaim.objects.get(pk=claim.pk)
    assert claim.ordered_amount == claim.certified_amount
    assert Agreement.objects.get(pk=agreement.pk).ordered_amount == claim.certified_amount


@pytest.mark.django_db(transaction=True)
def test_one_claim_per_instalment_whoever_opens_it_at_once():
    agreement, house = in_force()
    item = instalment(agreement)
    numbers = []

    def attempt(_rank):
        try:
            found = claims.open_claim(Agreement.objects.get(pk=agreement.pk), item, actor=house.member)
            numbers.append(found.number)
        finally:
            connection.close()

    together(attempt, range(8))
    assert len(numbers) == 8
    assert len(set(numbers)) == 1


def together(work, items) -> None:
    """Run ``work(item)`` in as many threads."""
    barrier = threading.Barrier(len(items))

    def run(item):
        barrier.wait()
        work(item)

    threads = [threading.Thread(target=run, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db
def test_a_suspended_claim_is_not_ordered():
    agreement, house = in_force()
    claim = certified(agreement, house)
    perform(claim, "suspend", actor=house.head, comment="Litige.")
    batch = payments.open_batch(actor=house.finance)
    with pytest.raises(TransitionRefused):
        payments.order_claims(batch, [claim], actor=house.finance)
    assert opened(agreement, house, "balance").state == "draft"
