"""What was asked from the Commission and is then not paid: said before, lowered while it can be, answered in true words after."""

import html
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from agreements import claims, payments
from agreements.asked_of_funds import BOX, asked_of
from agreements.forms.transitions import GiveUpForm
from agreements.models import PaymentClaim
from agreements.settlements.forms import SettlementForm
from agreements.settlements.parts import PAYABLE_PARTS
from agreements.settlements.payable import payable_parts
from core.figures.invariants import invariant_of
from core.models.event import Event
from core.money import format_euros
from core.transitions import TransitionRefused, perform
from reporting.eu_programmes.not_asked import beyond_what_is_paid
from reporting.forms import ClosingForm, FlagAnswerForm
from reporting.migrations._asked_too_much_of_before import doubt_what_was_asked_too_much
from reporting.models import OperationFlag, PaymentApplication
from reporting.operations import revise
from tests.factories import agreements
from tests.factories.applicants import pdf
from tests.factories.reporting import applied, cofinanced, controlled, controlled_of_year, opened, paid

pytestmark = pytest.mark.django_db
D = Decimal
FIGURES = (
    "reporting.public-contribution-is-paid",
    "reporting.certified-is-paid-or-doubted",
    "reporting.open-doubt-is-true",
)


def red() -> list[str]:
    """The figures of the matter that find something broken."""
    found = []
    for code in FIGURES:
        with connection.cursor() as cursor:
            cursor.execute(invariant_of(code).sql)
            found += [code] * bool(cursor.fetchall())
    return found


def knowing(form_class, row, actor, data: dict) -> dict:
    """The data of a form with its box ticked, for the sums that the form names."""
    form = form_class(data, None, instance=row, actor=actor)
    assert not form.is_valid()
    return data | {BOX: form.fields[BOX].widget.mark}


def terminated(case, claim) -> None:
    """The agreement ends by somebody who knows what was asked; nothing is paid of the claim."""
    case.agreement.refresh_from_db()
    data = knowing(SettlementForm, case.agreement, case.house.head, {f"claim-{claim.pk}": "refuse"})
    perform(case.agreement, "terminate", actor=case.house.head, data=data, comment="Abandon.")


def sent(case, euros: str = "20000.00"):
    """A claim whose expenditure was asked from the Commission, which has it."""
    finance, certificate = case.house.finance, controlled(case, euros).certificate
    application = applied(case, finance)
    perform(application, "send", actor=finance, data={"sent_on": timezone.localdate()})
    return PaymentClaim.objects.get(pk=certificate.declaration.claim_id), application


def test_who_ends_an_agreement_reads_what_was_asked_and_says_so(client):
    case = cofinanced()
    claim, application = sent(case)
    (item,) = asked_of(case.agreement)
    assert item.claim == claim.number and str(application) in item.application
    assert item.amount == application.lines.get().public_amount
    client.force_login(case.house.head)
    page = client.get(reverse("admin:agreements_agreement_transition", args=[case.agreement.pk, "terminate"]))
    assert str(application) in html.unescape(page.content.decode())
    data = {f"claim-{claim.pk}": "refuse"}
    for box in ({}, {BOX: "on"}):
        with pytest.raises(TransitionRefused) as refused:
            perform(case.agreement, "terminate", actor=case.house.head, data=data | box, comment="Abandon.")
        assert str(application) in str(refused.value.errors[BOX]) and "98" in str(refused.value.errors[BOX])
    kept = SettlementForm({f"claim-{claim.pk}": "pay"}, None, instance=case.agreement, actor=case.house.head)
    assert kept.is_valid() is (item.amount <= claim.certified_amount)
    terminated(case, claim)
    assert Event.objects.filter(action="terminate").latest("pk").data[BOX] is True


def test_no_box_is_shown_where_all_that_was_asked_is_paid_whatever_is_decided():
    case = cofinanced()
    paid(case, kind="advance")
    claim, _application = sent(case)
    (item,) = asked_of(case.agreement)
    form = SettlementForm(instance=case.agreement, actor=case.house.head)
    assert BOX in form.fields and item.amount > case.agreement.paid_amount  # refused, less is paid than was asked
    assert "seulement si" in form.fields[BOX].help_text
    pay(case, claim)
    case.agreement.refresh_from_db()
    assert case.agreement.paid_amount >= item.amount
    form = SettlementForm({}, None, instance=case.agreement, actor=case.house.head)
    assert BOX not in form.fields and form.is_valid()


def test_who_gives_up_a_part_reads_what_was_asked():
    case = cofinanced()
    claim, application = sent(case, "30000.00")
    left = case.agreement.granted_amount - claim.certified_amount
    with pytest.raises(TransitionRefused) as refused:
        perform(claim, "give_up", actor=case.house.instructor, data={"parts": ["0"]}, comment="Abandon.")
    assert application.lines.get().public_amount > left and BOX in refused.value.errors
    data = knowing(GiveUpForm, claim, case.house.instructor, {"parts": ["0"]})
    perform(claim, "give_up", actor=case.house.instructor, data=data, comment="Abandon.")
    assert OperationFlag.objects.open().filter(kind="certified_not_paid").exists()


def test_what_was_asked_too_much_is_answered_in_true_words_and_the_figure_holds(client):
    case = cofinanced()
    finance = case.house.finance
    claim, application = sent(case)
    terminated(case, claim)
    assert red() == ["reporting.public-contribution-is-paid"]  # nobody has answered: a real alarm
    flag = OperationFlag.objects.open().get(kind="certified_not_paid")
    assert {"asked", "payable"} <= set(flag.detail)
    client.force_login(finance)
    address = reverse("admin:reporting_paymentapplication_change", args=[application.pk])
    page = html.unescape(client.get(address).content.decode())
    assert case.operation.code in page and "demande ultérieure" not in page
    form = FlagAnswerForm(instance=flag, actor=finance)
    assert [value for value, _label in form.fields["answer"].choices] == ["withdrawn"]
    with pytest.raises(TransitionRefused):
        perform(flag, "answer_flag", actor=finance, data={"answer": "confirmed"}, comment="Vu.")
    with pytest.raises(IntegrityError, match="is withdrawn, or corrected"), transaction.atomic():
        OperationFlag.objects.filter(pk=flag.pk).update(
            state="answered", answer="confirmed", explanation="Vu.", answered_by=finance, answered_at=timezone.now()
        )
    words = "Retirée des comptes 2026-2027, courrier AG-12."
    perform(flag, "answer_flag", actor=finance, data={"answer": "withdrawn"}, comment=words)
    assert red() == []
    assert page != (after := html.unescape(client.get(address).content.decode())) and case.operation.code in after
    with transaction.atomic():  # other sums than those that were answered
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE reporting_operationflag SET detail = detail || %s WHERE id = %s", ['{"asked": "1.00"}', flag.pk]
            )
        assert red() == ["reporting.public-contribution-is-paid"]


def test_an_application_that_is_not_sent_is_withdrawn_before_the_doubt_is_answered():
    case = cofinanced()
    finance = case.house.finance
    claim = PaymentClaim.objects.get(pk=controlled(case, "20000.00").claim_id)
    application = applied(case, finance)
    terminated(case, claim)
    flag = OperationFlag.objects.open().get(kind="certified_not_paid")
    with pytest.raises(TransitionRefused, match=str(application.number)):
        perform(flag, "answer_flag", actor=finance, data={"answer": "withdrawn"}, comment="Retirée.")
    with pytest.raises(IntegrityError, match="withdrawn before its doubt"), transaction.atomic():
        OperationFlag.objects.filter(pk=flag.pk).update(
            state="answered", answer="withdrawn", explanation="Vu.", answered_by=finance, answered_at=timezone.now()
        )
    perform(application, "withdraw", actor=finance, comment="Retirée.")
    flag.refresh_from_db()
    assert red() == [] and "asked" not in flag.detail


def test_an_open_application_is_lowered_when_the_agreement_ends_and_says_so(client):
    case = cofinanced()
    finance = case.house.finance
    advance = paid(case, kind="advance")
    certificate = controlled(case, "20000.00").certificate
    application = opened(case, finance)
    perform(application, "collect", actor=finance)
    claim = PaymentClaim.objects.get(pk=certificate.declaration.claim_id)
    whole = application.lines.get().public_amount
    assert asked_of(case.agreement) == []  # what is open follows by itself
    data = {f"claim-{claim.pk}": "refuse"}
    case.agreement.refresh_from_db()
    perform(case.agreement, "terminate", actor=case.house.head, data=data, comment="Abandon.")
    assert application.lines.get().public_amount == advance.paid_amount < whole
    assert "reporting.public-contribution-is-paid" not in red()
    event = Event.objects.get(action="lower")
    assert event.actor == case.house.head and case.operation.code in event.comment
    client.force_login(finance)
    page = html.unescape(
        client.get(reverse("admin:reporting_paymentapplication_change", args=[application.pk])).content.decode()
    )
    assert event.comment in page
    less = format_euros(whole - advance.paid_amount)
    assert f"moins {less} certifiés sur la Région, qui ne sont ni versés ni à verser" in page, (
        "and why, beside its line"
    )
    assert perform(application, "close", actor=finance).state == "closed"


def test_what_nothing_is_paid_of_leaves_the_open_application():
    case = cofinanced()
    claim = PaymentClaim.objects.get(pk=controlled(case, "20000.00").claim_id)
    application = opened(case, case.house.finance)
    perform(application, "collect", actor=case.house.finance)
    data = {f"claim-{claim.pk}": "refuse"}
    perform(case.agreement, "terminate", actor=case.house.head, data=data, comment="Abandon.")
    assert not application.lines.exists() and red() == []
    flag = OperationFlag.objects.open().get(kind="certified_not_paid")
    assert flag.detail["certificates"] and "asked" not in flag.detail


def test_a_year_that_was_given_up_is_told_on_the_application_and_at_its_closing(client):
    case = cofinanced("ESF+", code="CPO", years=("60000.00", "20000.00", "40000.00"))
    pay(case, advance_of(case, 1))
    certificate = controlled_of_year(case, 1, "70000.00").certificate
    finance = case.house.finance
    application = opened(case, finance)
    perform(application, "collect", actor=finance)
    claim = PaymentClaim.objects.get(pk=certificate.declaration.claim_id)
    perform(claim, "give_up", actor=case.house.instructor, data={"parts": ["0"]}, comment="Abandon.")
    flag = OperationFlag.objects.open().get(kind="above_payable")
    client.force_login(finance)
    page = html.unescape(
        client.get(reverse("admin:reporting_paymentapplication_change", args=[application.pk])).content.decode()
    )
    assert flag.found in page
    application = PaymentApplication.objects.get(pk=application.pk)
    assert list(ClosingForm(instance=application, actor=finance).grounds.values()) == [flag.found]


def test_what_was_answered_as_right_before_is_doubted_with_its_sums_when_the_database_is_migrated():
    case = cofinanced()
    claim, _application = sent(case)
    terminated(case, claim)
    flag = OperationFlag.objects.open().get(kind="certified_not_paid")
    sums = {name: flag.detail[name] for name in ("asked", "payable")}
    with connection.cursor() as cursor:
        cursor.execute('UPDATE reporting_operationflag SET detail = \'{"certificates": "X"}\' WHERE id = %s', [flag.pk])
    for _again in range(2):
        doubt_what_was_asked_too_much(apps, None)
    flag.refresh_from_db()
    assert flag.detail == {"certificates": "X"} | sums
    OperationFlag.objects.filter(pk=flag.pk).update(state="obsolete", explanation="X", answered_at=timezone.now())
    for _again in range(2):
        doubt_what_was_asked_too_much(apps, None)
    assert OperationFlag.objects.open().get(kind="certified_not_paid").detail == sums


def advance_of(case, rank: int) -> PaymentClaim:
    """The advance of one year, certified."""
    house = case.house
    year = case.agreement.tranches.get(rank=rank)
    claim = claims.open_claim(case.agreement, year.instalments.exclude(kind="balance").get(), actor=house.member)
    for piece in claim.instalment.required_pieces:
        if piece["required"]:
            claims.join_piece(claim, piece["code"], pdf(piece["code"]), actor=house.member)
    claims.submit(claim, actor=house.member)
    return agreements.review(claim, house)


def pay(case, claim) -> None:
    """Order and pay a certified claim."""
    batch = payments.open_batch(actor=case.house.finance)
    payments.order_claims(batch, [claim], actor=case.house.finance)
    agreements.pay(batch, case.house)


def granted_in_the_plan(case) -> D:
    """Euros that the plan in force lays on the EU and on the Region."""
    case.operation.refresh_from_db()
    return sum(line.amount for line in case.operation.current.financing.filter(kind__in=["eu", "region"]))


def parts_in_sql(agreement) -> dict:
    with connection.cursor() as cursor:
        parts = f"SELECT p.* FROM agreements_agreement a, LATERAL ({PAYABLE_PARTS}) AS p WHERE a.id = %s"  # noqa: S608
        cursor.execute(parts, [agreement.pk])
        return {tranche: payable for tranche, _label, payable in cursor.fetchall()}


def payable_of(case) -> dict:
    """What is paid of each year, or may still be: Python and SQL say the same."""
    case.agreement.refresh_from_db()
    agreement = type(case.agreement).objects.get(pk=case.agreement.pk)
    found = payable_parts(agreement)
    assert found == parts_in_sql(agreement)
    return found


def test_what_is_left_of_one_year_makes_up_for_none_of_another():
    case = cofinanced("ESF+", code="CPO", years=("90000.00", "30000.00", "40000.00"))
    house, finance, year = case.house, case.house.finance, case.agreement.tranches.get(rank=1)
    assert sum(payable_of(case).values()) == case.agreement.granted_amount
    advance = advance_of(case, 1)
    perform(advance, "give_up", actor=house.instructor, data={"parts": ["0"]}, comment="Abandon.")
    assert payable_of(case)[year.pk] == year.amount - advance.certified_amount
    certificate = controlled_of_year(case, 1, "100000.00").certificate
    balance = PaymentClaim.objects.get(pk=certificate.declaration.claim_id)
    assert payable_of(case)[year.pk] == balance.certified_amount < year.amount
    application = opened(case, finance)
    perform(application, "collect", actor=finance)
    line = application.lines.get()  # as much as is paid of the year, whatever the others leave
    granted = certificate.amount_of("eu") + certificate.amount_of("region")
    assert line.public_amount == balance.certified_amount < granted < sum(payable_of(case).values())
    flag = OperationFlag.objects.open().get(kind="above_payable")
    assert D(flag.detail["payable"]) == sum(payable_of(case).values())
    plan = case.operation.current
    corrected = {"answer": "corrected", "eu_amount": str(plan.eu_amount)}
    perform(flag, "answer_flag", actor=finance, data=corrected, comment="Vu.")
    assert granted_in_the_plan(case) == sum(payable_of(case).values())
    perform(application, "close", actor=finance)
    pay(case, balance)
    assert payable_of(case)[year.pk] == balance.certified_amount
    assert red() == []
    with transaction.atomic():  # asked of the year above what is paid of it, within the whole
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("UPDATE reporting_paymentapplicationentry SET public_amount = public_amount + 1")
        assert "reporting.public-contribution-is-paid" in red()
        found = beyond_what_is_paid([case.operation.pk])[case.operation.pk]
        assert found["years"] == year.label and D(found["asked"]) == D(found["payable"]) + 1
        transaction.set_rollback(True)


def test_who_gives_up_a_year_reads_what_was_asked_of_that_year_and_ticks_once():
    case = cofinanced("ESF+", code="CPO", years=("60000.00", "20000.00", "40000.00"))
    controlled_of_year(case, 1, "10000.00")
    applied(case, case.house.finance)
    certificate = controlled_of_year(case, 2, "10500.00").certificate
    other = PaymentClaim.objects.get(pk=certificate.declaration.claim_id)
    asked_first = PaymentClaim.objects.exclude(pk=other.pk).get()
    form = GiveUpForm(instance=other, actor=case.house.instructor)
    assert BOX not in form.fields  # nothing was asked of this year
    form = GiveUpForm(instance=asked_first, actor=case.house.instructor)
    assert BOX not in form.fields  # another payment of its year may still come to what was asked
    page = SettlementForm(instance=case.agreement, actor=case.house.head)
    assert asked_first.number in page.fields[BOX].help_text and other.number not in page.fields[BOX].help_text
    ticked = {BOX: page.fields[BOX].widget.mark} | {f"claim-{pk}": "refuse" for pk in (asked_first.pk, other.pk)}
    assert SettlementForm(ticked, None, instance=case.agreement, actor=case.house.head).is_valid()  # at the first time


def test_a_correction_leaves_to_the_region_what_is_certified_on_it():
    case = cofinanced()
    paid(case, kind="advance")
    certificate = controlled(case, "20000.00").certificate
    finance, plan = case.house.finance, case.operation.current
    flag = OperationFlag.objects.create(operation=case.operation, kind="eu_above_eligible", detail={})
    region = certificate.amount_of("region")
    too_much = case.agreement.granted_amount - region + 1
    form = FlagAnswerForm({"answer": "corrected", "eu_amount": str(too_much)}, instance=flag, actor=finance)
    assert not form.is_valid() and "eu_amount" in form.errors
    changes = {"eu_amount": too_much}
    with pytest.raises(IntegrityError, match="certified on a source"), transaction.atomic():
        revise(case.operation, changes, actor=finance, reason="Vu.")
        connection.check_constraints()
    case.operation.refresh_from_db()
    assert case.operation.current == plan


def test_what_is_certified_on_the_region_and_not_paid_is_said_beside_its_plan(client):
    case = cofinanced()
    advance = paid(case, kind="advance")
    certificate = controlled(case, "20000.00").certificate
    terminated_of = {f"claim-{certificate.declaration.claim_id}": "refuse"}
    case.agreement.refresh_from_db()
    perform(case.agreement, "terminate", actor=case.house.head, data=terminated_of, comment="Abandon.")
    above = certificate.amount_of("eu") + certificate.amount_of("region") - advance.paid_amount
    client.force_login(case.house.finance)
    page = client.get(reverse("admin:reporting_operation_change", args=[case.operation.pk])).content.decode()
    assert above > 0 and "au-delà du plan" in html.unescape(page) and format_euros(above) in html.unescape(page)
