"""What was asked from the Commission and is then not paid: said before, lowered while it can be, answered in true words after."""

import html
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from agreements.asked_of_funds import BOX, asked_of
from agreements.forms.transitions import GiveUpForm
from agreements.models import PaymentClaim
from agreements.settlements.forms import SettlementForm
from core.figures.invariants import invariant_of
from core.models.event import Event
from core.transitions import TransitionRefused, perform
from reporting.forms import ClosingForm, FlagAnswerForm
from reporting.migrations._asked_too_much_of_before import doubt_what_was_asked_too_much
from reporting.models import OperationFlag, PaymentApplication
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
    certificate = controlled_of_year(case, 1, "10000.00").certificate
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
