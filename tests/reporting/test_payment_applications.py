"""What is asked from the Commission: sums, freezing, one place for each certificate, also from parallel sessions."""

import html
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from threading import Barrier

import pgtrigger
import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from agreements.asked_of_funds import BOX
from agreements.forms.transitions import GiveUpForm
from agreements.models import PaymentClaim
from core.figures.invariants import invariant_of
from core.roles import Role
from core.transitions import TransitionRefused, perform
from reporting.effects import public_amount_of, waiting_certificates
from reporting.eu_programmes.not_asked import left_out, waiting_for
from reporting.forms import SendingForm
from reporting.menu import work_for
from reporting.models import (
    AccountingYear,
    Certificate,
    CertificateAllocation,
    Fund,
    OperationFlag,
    PaymentApplication,
    PaymentApplicationEntry,
    PaymentApplicationLine,
    PriorityAllocation,
)
from reporting.payment_applications import MAX_PER_YEAR, counted_in, open_application
from tests.factories.applicants import given
from tests.factories.core import UserFactory, hold_in_breach
from tests.factories.reporting import (
    applied,
    cofinanced,
    controlled,
    controlled_of_year,
    cut,
    opened,
    paid,
    rule,
    under_control,
)

D = Decimal


@pytest.fixture
def finance(db):
    return UserFactory(finance_officer=True)


def sql(statement: str, *parameters) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def rows_of(code: str) -> list[tuple]:
    """What a figure finds broken."""
    with connection.cursor() as cursor:
        cursor.execute(invariant_of(code).sql)
        return cursor.fetchall()


# --- certificates -------------------------------------------------------------------------------------------------------


def test_the_sources_of_several_certificates_add_up_to_the_cent(db):
    case = cofinanced("ESF+", code="CPO", granted="180000.00")
    for kind, euros in (("balance", ("9999.99", "0.01", "3333.33")),):
        declaration = under_control(case, *euros, kind=kind)
        cut(case.items[2], case.controller, "33,34")
        for item in case.items[:2]:
            perform(item, "accept", actor=case.controller)
        perform(declaration, "conclude", actor=case.controller)
    certificate = Certificate.objects.get()
    assert certificate.total == D("13299.99")
    version = case.operation.current
    eu = certificate.amount_of("eu")
    assert eu == (certificate.total * version.eu_amount / version.eligible_cost).quantize(D("0.01"), "ROUND_FLOOR")
    assert sum(line.amount for line in certificate.allocations.all()) == certificate.total


def test_certificate_after_certificate_no_source_is_a_cent_from_its_share(db):
    case = cofinanced("ESF+", code="CPO", years=("72000.00", "72000.00", "36000.00"))  # 72 % of the cost of each
    version = case.operation.current
    certified, borne = D(0), {line.pk: D(0) for line in version.financing.exclude(kind="own")}
    for rank, euros in enumerate((("10000.01", "3333.32"), ("0.02", "7777.77"), ("9999.99",)), 1):
        certificate = controlled_of_year(case, rank, *euros).certificate
        certified += certificate.total
        for share in certificate.allocations.exclude(kind="own"):
            borne[share.source_id] += share.amount
        for line in version.financing.exclude(kind="own"):
            exact = Fraction(certified) * Fraction(line.amount) / Fraction(version.eligible_cost)
            assert 0 <= exact - Fraction(borne[line.pk]) < Fraction(1, 100), (rank, line)
        assert sum(share.amount for share in certificate.allocations.all()) == certificate.total
    assert certified == D("31111.11")
    finance = UserFactory(finance_officer=True)
    assert applied(case, finance).lines.get().union_amount == sum(
        certificate.amount_of("eu") for certificate in case.operation.certificates.all()
    )


def test_each_year_is_certified_and_asked_at_the_rate_at_which_it_is_paid(db):
    case = cofinanced("ESF+", code="CPO", years=("60000.00", "20000.00", "40000.00"))  # of 100,000, 100,000 and 50,000
    assert case.operation.current.eu_amount == D("100000.00")  # 40 % of the total
    dear = controlled_of_year(case, 1, "10000.00").certificate
    assert (dear.amount_of("eu"), dear.amount_of("region")) == (D("4000.00"), D("2000.00"))
    cheap = controlled_of_year(case, 2, "10500.00").certificate
    assert (cheap.amount_of("eu"), cheap.amount_of("region")) == (D("2100.00"), 0)
    line = applied(case).lines.get()
    paid_or_due = PaymentClaim.objects.filter(agreement=case.agreement).aggregate(sum=Sum("certified_amount"))["sum"]
    assert (line.union_amount, line.public_amount) == (D("6100.00"), D("8100.00"))
    assert line.public_amount == paid_or_due
    for code in ("public-part-is-due", "shared-by-the-floor", "certified-is-paid-or-doubted"):
        assert not rows_of(f"reporting.{code}")


def test_the_database_wants_shares_that_add_up_within_the_grant(db):
    case = cofinanced()
    controlled(case, "12000.00")
    certificate = Certificate.objects.get()
    eu_line = case.operation.current.financing.get(kind="eu")
    with pytest.raises(DatabaseError, match="add up|unique|append"), transaction.atomic():
        CertificateAllocation.objects.create(certificate=certificate, source=None, kind="eu", amount=D("1.00"))
        connection.check_constraints()
    with pytest.raises(DatabaseError, match="append|Cannot|not"), transaction.atomic():
        CertificateAllocation.objects.filter(source=eu_line).update(amount=D("0.00"))


def test_a_certificate_ends_the_control_of_its_declaration(db):
    case = cofinanced()
    declaration = under_control(case, "12000.00")
    perform(case.items[0], "accept", actor=case.controller)
    version = case.operation.current
    with pytest.raises(DatabaseError, match="ends the control"), transaction.atomic():
        forged = Certificate.objects.create(
            number="CSF-FAUX", declaration=declaration, operation=case.operation, version=version,
            total=D("12000.00"), issued_by=case.controller, sha256="0" * 64,
        )  # fmt: skip
        CertificateAllocation.objects.create(certificate=forged, source=None, kind="own", amount=D("12000.00"))
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_nothing_retained_gives_no_certificate(db):
    case = cofinanced()
    declaration = under_control(case, "12000.00")
    perform(case.items[0], "park", actor=case.controller, comment="Relevé demandé.")
    perform(declaration, "conclude", actor=case.controller)
    assert not Certificate.objects.exists()


# --- opening and taking in ----------------------------------------------------------------------------------------------


def test_an_application_takes_in_what_is_certified_per_priority(finance):
    case, other = cofinanced("ESF+"), cofinanced("ERDF")
    for each in (case, other):
        controlled(each, "12000.00")
    application = opened(case, finance)
    perform(application, "collect", actor=finance)
    line = PaymentApplicationLine.objects.get(application=application)
    assert (line.priority.code, line.category_of_region, line.basis) == ("P-ESF+", "transition", "total")
    assert (line.eligible_amount, line.union_amount) == (D("12000.00"), D("4800.00"))
    certificate = Certificate.objects.get(operation=case.operation)
    public = sum(line.amount for line in certificate.allocations.all() if line.kind in ("eu", "region"))
    assert line.public_amount == public
    assert PaymentApplicationEntry.objects.filter(line=line).count() == 1
    perform(application, "collect", actor=finance)
    assert PaymentApplicationEntry.objects.count() == 1
    assert waiting_certificates(other.operation.programme_id, other.operation.current.fund_id).count() == 1


def test_one_open_application_a_programme_fund_and_year_and_six_a_year(finance):
    made = rule("ESF+")
    programme, fund = made.objective.priority.programme, made.fund
    open_application(programme, fund, actor=finance)
    with pytest.raises(ValidationError, match="déjà ouverte"):
        open_application(programme, fund, actor=finance)
    year = AccountingYear.objects.containing(timezone.localdate())
    with pytest.raises(IntegrityError, match="one_open"), transaction.atomic():
        PaymentApplication.objects.create(programme=programme, fund=fund, accounting_year=year, number=2)
    other = rule("ERDF")
    programme, fund = other.objective.priority.programme, other.fund
    for number in range(1, MAX_PER_YEAR + 1):
        PaymentApplication.objects.create(
            programme=programme, fund=fund, accounting_year=year, number=number, state="closed",
            closed_at=timezone.now(), closed_by=finance, sha256="0" * 64,
        )  # fmt: skip
    with pytest.raises(ValidationError, match="6"):
        open_application(programme, fund, actor=finance)


def test_an_application_is_made_in_its_year_for_a_fund_of_its_programme(finance):
    made = rule("ESF+")
    programme, fund = made.objective.priority.programme, made.fund
    for starts_on, sentence in ((date(2023, 7, 1), "31 juillet 2024"), (date(2029, 7, 1), "1er juillet 2029")):
        year = AccountingYear.objects.get(starts_on=starts_on)
        with pytest.raises(ValidationError, match=sentence):
            open_application(programme, fund, actor=finance, accounting_year=year)
        with pytest.raises(IntegrityError, match="made in its accounting year"), transaction.atomic():
            PaymentApplication.objects.create(programme=programme, fund=fund, accounting_year=year, number=1)
    unknown = Fund.objects.exclude(pk__in=PriorityAllocation.objects.values("fund")).first()
    with pytest.raises(ValidationError, match="Aucune priorité"):
        open_application(programme, unknown, actor=finance)
    year = AccountingYear.objects.containing(timezone.localdate())
    with pytest.raises(IntegrityError, match="no priority of this fund"), transaction.atomic():
        PaymentApplication.objects.create(programme=programme, fund=unknown, accounting_year=year, number=1)
    with pytest.raises(IntegrityError, match="keeps its dates"), transaction.atomic():
        open_application(programme, fund, actor=finance)
        AccountingYear.objects.filter(pk=year.pk).update(ends_on=year.ends_on - timedelta(days=1))


def test_an_old_application_takes_nothing_certified_later_is_not_closed_and_can_be_withdrawn(finance):
    case = cofinanced()
    controlled(case, "12000.00")
    programme, fund = case.operation.programme, case.operation.current.fund
    past = AccountingYear.objects.get(starts_on=date(2023, 7, 1))
    with pgtrigger.ignore("reporting.PaymentApplication:in_its_accounting_year"):
        old = PaymentApplication.objects.create(programme=programme, fund=fund, accounting_year=past, number=1)
    perform(old, "collect", actor=finance)
    assert not old.lines.exists()
    with pytest.raises(IntegrityError, match="of a later one"), transaction.atomic():
        entry_of(old, Certificate.objects.get())
    with pgtrigger.ignore("reporting.PaymentApplicationEntry:certified_by_the_end_of_its_year"):
        entry_of(old, Certificate.objects.get())
    with pytest.raises(TransitionRefused, match="31 juillet 2024"):
        perform(old, "close", actor=finance)
    with pytest.raises(IntegrityError, match="made in its accounting year"):
        sql(
            "UPDATE reporting_paymentapplication SET state = 'closed', closed_at = now(), closed_by_id = %s WHERE id = %s",
            finance.pk,
            old.pk,
        )
    perform(old, "withdraw", actor=finance, comment="Ouverte par erreur.")
    assert old.state == "void"
    application = opened(case, finance)
    perform(application, "collect", actor=finance)
    assert PaymentApplicationEntry.objects.get().line.application == application


def test_what_left_late_has_its_day_and_its_reason_and_counts_in_the_next_year(finance):
    case = cofinanced()
    controlled(case, "12000.00")
    application = applied(case, finance)
    year = application.accounting_year
    with time_machine.travel(datetime.combine(year.last_day_to_apply, time(12)) + timedelta(days=3), tick=True):
        in_time, late = (year.last_day_to_apply + timedelta(days=days) for days in (0, 1))
        before = timezone.localdate(application.closed_at) - timedelta(days=1)
        for wrong in ({"sent_on": late.isoformat()}, {}, {"sent_on": before.isoformat()}):
            with pytest.raises(TransitionRefused):
                perform(application, "send", actor=finance, data=wrong)
        programme, fund = application.programme, application.fund
        following = AccountingYear.objects.get(starts_on=year.ends_on + timedelta(days=1))
        form = SendingForm({"sent_on": in_time.isoformat()}, instance=application)
        assert form.is_valid() and form.cleaned_data["late_reason"] == ""
        given = {"sent_on": late, "late_reason": "Panne de SFC2021.", "national_reference": ""}
        form = SendingForm(given, instance=application)
        assert form.is_valid() and form.cleaned_data["late_reason"]
    with pgtrigger.ignore("reporting.PaymentApplication:recorded_when_it_came"):  # the days are still to come
        for reason, day in (("", late), ("Trop tôt.", in_time)):
            with pytest.raises(IntegrityError, match="or later for a reason"), transaction.atomic():
                PaymentApplication.objects.filter(pk=application.pk).update(
                    state="sent", sent_at=timezone.now(), sent_on=day, sent_by=finance, late_reason=reason
                )
        assert (counted_in(programme, fund, year), counted_in(programme, fund, following)) == (1, 0)
        PaymentApplication.objects.filter(pk=application.pk).update(
            state="sent", sent_at=timezone.now(), sent_on=late, sent_by=finance, late_reason="Panne de SFC2021."
        )
    assert PaymentApplication.objects.get(pk=application.pk).is_late
    assert (counted_in(programme, fund, year), counted_in(programme, fund, following)) == (0, 1)


def test_a_payment_application_is_sent_on_a_day_that_has_come_and_not_before_its_closing(finance):
    case = cofinanced()
    controlled(case, "12000.00")
    application = applied(case, finance)
    for days, refused in ((1, "is to come"), (-1, "comes before")):
        day = timezone.localdate() + timedelta(days=days)
        with pytest.raises(IntegrityError, match=refused), transaction.atomic():
            PaymentApplication.objects.filter(pk=application.pk).update(
                state="sent", sent_at=timezone.now(), sent_on=day, sent_by=finance
            )
    sent = perform(application, "send", actor=finance, data={"national_reference": "DP-1"})
    assert sent.sent_on == timezone.localdate()


def entry_of(application, certificate) -> None:
    """The certificate stands in the application, as it did before its year was looked at."""
    version = certificate.version
    amounts = {
        "eligible_amount": certificate.total,
        "union_amount": certificate.amount_of("eu"),
        "public_amount": public_amount_of(certificate),
    }
    line = PaymentApplicationLine.objects.create(
        application=application, priority=version.priority, category_of_region=version.category_of_region, **amounts
    )
    PaymentApplicationEntry.objects.create(line=line, certificate=certificate, **amounts)


def test_what_sums_group_by_stays_on_a_priority_in_use(finance):
    case = cofinanced()
    version = case.operation.current
    priority = version.priority
    held = PriorityAllocation.objects.get(
        priority=priority, fund=version.fund, category_of_region=version.category_of_region
    )
    other = Fund.objects.exclude(pk=held.fund_id).first()
    for change in (
        {"fund": other, "amount": D("1.00")},
        {"category_of_region": "outermost"},
        {"basis": "public"},
    ):
        with pytest.raises(IntegrityError, match="are planned"), transaction.atomic():
            PriorityAllocation.objects.filter(pk=held.pk).update(**change)
        moved = PriorityAllocation.objects.get(pk=held.pk)
        for name, value in change.items():
            setattr(moved, name, value)
        with pytest.raises(ValidationError):
            moved.full_clean()
    with pytest.raises(IntegrityError, match="not removed"), transaction.atomic():
        held.delete()
    free = PriorityAllocation(priority=priority, fund=other, category_of_region="outermost", eu_rate=D(0))
    with pytest.raises(IntegrityError, match="rate_is_percent"), transaction.atomic():
        free.save()
    with pytest.raises(IntegrityError, match="its programme and its code"), transaction.atomic():
        type(priority).objects.filter(pk=priority.pk).update(code="9")
    with pytest.raises(IntegrityError, match="its priority and its code"), transaction.atomic():
        type(version.specific_objective).objects.filter(pk=version.specific_objective_id).update(code="X")
    controlled(case, "12000.00")
    with pytest.raises(IntegrityError, match="keeps its EU programme"), transaction.atomic():
        type(case.operation).objects.filter(pk=case.operation.pk).update(programme=None)


def test_accounting_years_do_not_overlap(db):
    with pytest.raises(IntegrityError, match="overlap"), transaction.atomic():
        AccountingYear.objects.create(starts_on=date(2024, 6, 1), ends_on=date(2025, 5, 31))


def test_an_empty_application_is_not_closed(finance):
    application = opened(cofinanced(), finance)
    with pytest.raises(TransitionRefused):
        perform(application, "close", actor=finance)
    with pytest.raises(IntegrityError, match="empty payment application"):
        sql(
            "UPDATE reporting_paymentapplication SET state = 'closed', closed_at = now(), sha256 = 'x', closed_by_id = %s WHERE id = %s",
            finance.pk, application.pk,
        )  # fmt: skip


def test_who_controlled_does_not_close(finance):
    case = cofinanced()
    controlled(case, "12000.00")
    application = opened(case, finance)
    perform(application, "collect", actor=finance)
    controller = case.controller
    hold_in_breach(controller, Role.EU_CONTROLLER, Role.FINANCE_OFFICER)
    controller = type(controller).objects.get(pk=controller.pk)
    with pytest.raises(TransitionRefused, match="contrôlé"):
        perform(application, "close", actor=controller)
    with pytest.raises(IntegrityError, match="does not close"):
        sql(
            "UPDATE reporting_paymentapplication SET state = 'closed', closed_at = now(), sha256 = 'x', closed_by_id = %s WHERE id = %s",
            controller.pk, application.pk,
        )  # fmt: skip


# --- frozen -------------------------------------------------------------------------------------------------------------


def test_what_is_closed_is_frozen_and_what_is_sent_too(finance):
    case = cofinanced()
    controlled(case, "12000.00")
    application = applied(case, finance)
    line = application.lines.get()
    entry = line.entries.get()
    frozen = [
        ("UPDATE reporting_paymentapplicationline SET eligible_amount = 1 WHERE id = %s", line.pk),
        ("DELETE FROM reporting_paymentapplicationline WHERE id = %s", line.pk),
        ("UPDATE reporting_paymentapplicationentry SET union_amount = 1 WHERE id = %s", entry.pk),
        ("DELETE FROM reporting_paymentapplicationentry WHERE id = %s", entry.pk),
        ("UPDATE reporting_paymentapplication SET closed_at = now() - interval '1 day' WHERE id = %s", application.pk),
        ("UPDATE reporting_paymentapplication SET number = 9 WHERE id = %s", application.pk),
        ("UPDATE reporting_paymentapplication SET state = 'open' WHERE id = %s", application.pk),
    ]
    for statement, pk in frozen:
        with pytest.raises(IntegrityError, match="does not change|do not change|keeps its|may not go"):
            sql(statement, pk)
    with pytest.raises(DatabaseError):
        sql("DELETE FROM reporting_paymentapplication WHERE id = %s", application.pk)
    perform(application, "send", actor=finance, data={"national_reference": "DP-2026-1"})
    with pytest.raises(IntegrityError, match="does not change"):
        sql("UPDATE reporting_paymentapplication SET national_reference = 'X' WHERE id = %s", application.pk)
    early = {"accepted_on": "2020-01-01", "commission_reference": "CE-1"}
    with pytest.raises(TransitionRefused, match="précède"):
        perform(application, "accept", actor=finance, data=early)
    done = early | {"accepted_on": timezone.localdate().isoformat()}
    application = perform(application, "accept", actor=finance, data=done)
    assert (application.state, application.commission_reference) == ("accepted", "CE-1")
    with pytest.raises(IntegrityError, match="does not change"):
        sql("UPDATE reporting_paymentapplication SET accepted_on = '2020-01-01' WHERE id = %s", application.pk)


def test_a_line_is_the_sum_of_its_entries_and_an_entry_its_certificate(finance):
    case = cofinanced()
    controlled(case, "12000.00")
    application = opened(case, finance)
    perform(application, "collect", actor=finance)
    line = application.lines.get()
    with pytest.raises(IntegrityError, match="sum of its entries"), transaction.atomic():
        PaymentApplicationLine.objects.filter(pk=line.pk).update(eligible_amount=D("1.00"))
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    more = cofinanced()
    controlled(more, "500.00")
    certificate = Certificate.objects.get(operation=more.operation)
    with pytest.raises(IntegrityError, match="amounts of its certificate"), transaction.atomic():
        PaymentApplicationEntry.objects.create(
            line=line, certificate=certificate, eligible_amount=D("501.00"), union_amount=D("0.00"), public_amount=D(0)
        )
    known = line.entries.get()
    with pytest.raises(IntegrityError, match="unique|duplicate|amounts"), transaction.atomic():
        PaymentApplicationEntry.objects.create(
            line=line, certificate=known.certificate, eligible_amount=known.eligible_amount,
            union_amount=known.union_amount, public_amount=known.public_amount,
        )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_certificate_never_stands_in_two_applications_also_from_parallel_sessions():
    finance = UserFactory(finance_officer=True)
    cases = [cofinanced() for _number in range(2)]
    for case in cases:
        controlled(case, "12000.00")
    programme, fund = cases[0].operation.programme, cases[0].operation.current.fund
    years = list(AccountingYear.objects.order_by("-starts_on")[:4])
    # Applications of several years that take the same certificates: none is opened so early, the race is theirs alone.
    with pgtrigger.ignore("reporting.PaymentApplication:in_its_accounting_year"):
        applications = [
            PaymentApplication.objects.create(programme=programme, fund=fund, accounting_year=year, number=1)
            for year in years
        ]
    together = Barrier(len(applications))

    def collect(application) -> None:
        try:
            together.wait(timeout=30)
            perform(application, "collect", actor=finance)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(applications)) as pool:
        list(pool.map(collect, applications))  # none of them fails
    assert PaymentApplicationEntry.objects.count() == 2
    assert set(PaymentApplicationEntry.objects.values_list("certificate__operation", flat=True)) == {
        case.operation.pk for case in cases
    }
    assert sum(line.eligible_amount for line in PaymentApplicationLine.objects.all()) == D("24000.00")


@pytest.mark.django_db
def test_the_database_lets_nobody_close_or_send_what_a_body_of_theirs_is_asked_for():
    case = cofinanced()
    controlled(case, "1000.00")
    application = opened(case)
    perform(application, "collect", actor=UserFactory(finance_officer=True))
    partial = UserFactory(finance_officer=True)
    given(user=partial, applicant=case.agreement.beneficiary, role="editor")
    for column in ("closed_by", "sent_by"):
        with pytest.raises(IntegrityError, match="acts for a body of the case"), transaction.atomic():
            PaymentApplication.objects.filter(pk=application.pk).update(**{column: partial})


@pytest.mark.django_db
def test_the_public_contribution_that_is_asked_is_paid(monkeypatch):
    # An application that would not follow by itself is refused at its closing all the same.
    monkeypatch.setattr("reporting.eu_programmes.not_asked._lower_open_applications", lambda *_arguments: None)
    case = cofinanced()
    advance = paid(case, kind="advance")
    certificate = controlled(case, "20000.00").certificate
    finance = case.house.finance
    application = opened(case, finance)
    perform(application, "collect", actor=finance)
    whole = application.lines.get().public_amount
    assert whole == certificate.amount_of("eu") + certificate.amount_of("region") > advance.paid_amount
    claim = PaymentClaim.objects.get(pk=certificate.declaration.claim_id)
    perform(claim, "give_up", actor=case.house.instructor, data={"parts": ["0"]}, comment="Abandon du porteur.")
    case.agreement.refresh_from_db()
    perform(case.agreement, "complete", actor=finance, comment="Le reste est abandonné.")
    with pytest.raises(TransitionRefused, match=case.operation.code):
        perform(application, "close", actor=finance)
    with pytest.raises(IntegrityError, match="would be asked as public contribution"), transaction.atomic():
        PaymentApplication.objects.filter(pk=application.pk).update(
            state="closed", closed_at=timezone.now(), sha256="x", closed_by=finance
        )
    perform(application, "collect", actor=finance)
    line = application.lines.get()
    assert (line.eligible_amount, line.union_amount) == (certificate.total, certificate.amount_of("eu"))
    assert line.public_amount == advance.paid_amount < whole
    assert perform(application, "close", actor=finance).state == "closed"


@pytest.mark.django_db
def test_a_certificate_of_which_the_eu_bears_more_than_is_paid_is_left_out():
    case = cofinanced()
    certificate = controlled(case, "5000.00").certificate
    claim = PaymentClaim.objects.get(pk=certificate.declaration.claim_id)
    perform(
        case.agreement, "terminate", actor=case.house.head, data={f"claim-{claim.pk}": "refuse"}, comment="Abandon."
    )
    application = opened(case, case.house.finance)
    perform(application, "collect", actor=case.house.finance)
    assert certificate.amount_of("eu") > 0 and not application.lines.exists()


@pytest.mark.django_db
def test_what_was_asked_and_is_paid_no_longer_is_said_wherever_it_stands(client):
    case = cofinanced()
    finance = case.house.finance
    certificate = controlled(case, "30000.00").certificate
    application = applied(case, finance)
    claim = PaymentClaim.objects.get(pk=certificate.declaration.claim_id)
    form = GiveUpForm({"parts": ["0"]}, None, instance=claim, actor=case.house.instructor)
    assert not form.is_valid()
    knowing = {"parts": ["0"], BOX: form.fields[BOX].widget.mark}
    perform(claim, "give_up", actor=case.house.instructor, data=knowing, comment="Abandon du porteur.")
    flag = OperationFlag.objects.open().get(kind="certified_not_paid")
    assert set(flag.detail) == {"asked", "payable"}
    work = {item.title: item.why for item in work_for(finance)}[str(application)]
    with pytest.raises(TransitionRefused, match=case.operation.code) as refused:
        perform(application, "send", actor=finance, data={"sent_on": timezone.localdate()})
    assert (
        work in refused.value.errors["__all__"]
    )  # the list says what the refusal says, and names what a closed one offers
    perform(application, "withdraw", actor=finance, comment="Retirée.")
    again = opened(case, finance)
    perform(again, "collect", actor=finance)
    assert not again.lines.exists()
    flag.refresh_from_db()
    assert not rows_of("reporting.certified-is-paid-or-doubted") and not rows_of("reporting.open-doubt-is-true")
    assert flag.state == "open" and flag.detail["certificates"] == certificate.number
    (left,) = left_out(again, waiting_for(again))
    # It was the final claim: nothing else of the grant can be claimed any more.
    assert (left.certificate, left.most) == (certificate, 0) and certificate.amount_of("eu") > 0
    client.force_login(finance)
    page = client.get(reverse("admin:reporting_paymentapplication_change", args=[again.pk])).content.decode()
    assert certificate.number in page and left.why in html.unescape(page)
    perform(flag, "answer_flag", actor=finance, data={"answer": "confirmed"}, comment="Renoncement constaté.")
    perform(again, "collect", actor=finance)
    assert not OperationFlag.objects.open().filter(kind="certified_not_paid").exists()  # answered with these figures
