"""Credit notes under control: each is decided with the invoice that it corrects, and no more is retained than declared."""

from decimal import Decimal

import pgtrigger
import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from agreements import claims
from core.figures.invariants import invariants
from core.money import sum_money
from core.transitions import TransitionRefused, perform
from reporting.credit_notes import pairs_of
from reporting.models import ErrorType, ExpenditureItem
from tests.factories import agreements
from tests.factories.reporting import Case, cofinanced, cut
from tests.forms import form_to

pytestmark = pytest.mark.django_db
D = Decimal
CODES = ("reporting.credit-follows-its-invoice", "reporting.credit-decided-with-its-invoice",
         "reporting.certified-within-declared")  # fmt: skip


def declared_to_the_fund(case: Case, lines: dict[str, str], kind: str = "balance", of: str = "I-1"):
    """A declaration under control: euros by invoice number; negative ones are credit notes on the invoice ``of``."""
    claim = agreements.opened(case.agreement, case.house, kind)
    for number, euros in lines.items():
        amount = D(euros)
        note = {"corrects_number": of} if amount < 0 else {}
        agreements.add_line(
            claim, case.house, invoice_number=number, invoice_total=amount, declared_amount=amount, **note
        )
    agreements.review(claims.submit(claim, actor=case.house.member), case.house)
    perform(case.declaration, "submit", actor=case.house.instructor)
    perform(case.declaration, "start_control", actor=case.controller)
    return case.declaration


def with_a_note() -> tuple[Case, ExpenditureItem, ExpenditureItem, ExpenditureItem]:
    """An invoice of 12 000, its credit note of 2 000, another invoice of 8 000."""
    case = cofinanced()
    declared_to_the_fund(case, {"I-1": "12000.00", "AV-1": "-2000.00", "I-2": "8000.00"})
    return (case, *case.items)


def because(**more) -> dict:
    return {"error_type": ErrorType.objects.get(code="LINK").pk} | more


def sums(case: Case) -> tuple[Decimal, ...]:
    return tuple(
        sum_money(getattr(item, f"{name}_amount") for item in case.items) for name in ("retained", "rejected", "parked")
    )


def found() -> list[str]:
    return [code for code in CODES for one in invariants() if one.code == code and list(one.broken())]


def typed(item, decision: str, **cells: str) -> dict[str, str]:
    return {f"decision-{item.pk}": decision} | {f"{name}-{item.pk}": value for name, value in cells.items()}


def page(case: Case) -> str:
    return reverse("admin:reporting_expendituredeclaration_change", args=[case.declaration.pk])


def controls(case: Case) -> Client:
    client = Client()
    client.force_login(case.controller, backend="django.contrib.auth.backends.ModelBackend")
    return client


def sent(case: Case, values: dict):
    client = controls(case)
    form = form_to(client.get(page(case)), "/decide/")
    return client.post(form.action, form.fields | values)


def test_a_credit_note_follows_what_is_decided_on_its_invoice_and_is_not_decided_apart():
    case, invoice, note, other = with_a_note()
    perform(other, "accept", actor=case.controller)
    with translation.override("fr"), pytest.raises(TransitionRefused) as refused:
        perform(note, "reject", actor=case.controller, data=because(), comment="Non.")
    assert "AV-1" in str(refused.value) and "I-1" in str(refused.value)
    perform(invoice, "accept", actor=case.controller)
    assert (case.items[1].state, sums(case)) == ("accepted", (D(18000), D(0), D(0)))
    for name, data in (("reject", because()), ("park", {}), ("reject_partly", because(rejected_amount="-1500"))):
        with translation.override("fr"), pytest.raises(TransitionRefused) as refused:
            perform(note, name, actor=case.controller, data=data, comment="Non.")
        assert "AV-1" in str(refused.value) and "I-1" in str(refused.value), name
    perform(invoice, "park", actor=case.controller, comment="Question.")
    assert (case.items[1].state, sums(case)) == ("parked", (D(8000), D(0), D(10000)))
    perform(invoice, "reject", actor=case.controller, data=because(), comment="Hors opération.")
    assert (case.items[1].state, case.items[1].reason) == ("rejected", "Hors opération.")
    assert sums(case) == (D(8000), D(10000), D(0))
    with pytest.raises(TransitionRefused):
        perform(note, "accept", actor=case.controller)
    cut(invoice, case.controller, "3000.00")
    assert sums(case) == (D(15500), D(2500), D(0)), "a quarter of both"
    perform(note, "accept", actor=case.controller)
    assert sums(case) == (D(15000), D(3000), D(0)), "by an answer of its own"
    cut(invoice, case.controller, "11000.00")
    assert sums(case) == (D("8833.33"), D("9166.67"), D(0)), "decided anew with its invoice"
    assert not found()
    perform(case.declaration, "conclude", actor=case.controller)
    assert case.declaration.certificate.total == D("8833.33")


def test_the_grid_takes_an_invoice_and_its_credit_note_together_or_not_at_all():
    case, invoice, note, other = with_a_note()
    shown = controls(case).get(page(case)).content.decode()
    assert "Rectifie I-1 (DEC" in shown and "Son avoir AV-1 (DEC" in shown, "marked on both rows"
    error = {"error": str(because()["error_type"]), "reason": "Non éligible."}
    apart = typed(invoice, "accept") | typed(note, "reject", **error) | typed(other, "accept")
    refused = sent(case, apart)
    assert refused.status_code == 422
    assert [item.state for item in case.items] == ["pending", "pending", "accepted"]
    fields = form_to(refused, "/decide/").fields
    assert fields[f"reason-{note.pk}"] == ["Non éligible."] and fields[f"decision-{invoice.pk}"] == ["accept"]
    assert sent(case, typed(note, "accept")).status_code == 422, "before its invoice"
    mistaken = typed(invoice, "reject_partly", rejected="99 999,00", **error) | typed(note, "accept")
    refused = sent(case, mistaken)
    assert refused.status_code == 422 and [item.state for item in case.items][:2] == ["pending", "pending"]
    assert "dépense 1" in refused.content.decode(), "the note says with which row it was left"
    explicit = typed(invoice, "reject_partly", rejected="3 000,00", **error) | typed(note, "accept")
    assert sent(case, explicit).status_code == 302
    assert sums(case) == (D(15000), D(3000), D(0))
    both = typed(invoice, "reject", rejected="", **error) | typed(note, "reject", **error)
    assert sent(case, both).status_code == 302
    assert sums(case) == (D(8000), D(10000), D(0))


def test_accept_all_takes_both():
    case, *_items = with_a_note()
    assert sent(case, {"all": "accept"}).status_code == 302
    assert sums(case) == (D(18000), D(0), D(0))


def decided_by_sql(case: Case, item: ExpenditureItem, state: str) -> None:
    column = {"accepted": "retained_amount", "rejected": "rejected_amount", "parked": "parked_amount"}[state]
    values = dict.fromkeys(("retained_amount", "rejected_amount", "parked_amount"), D(0)) | {
        column: item.declared_amount
    }
    why = {"error_type": ErrorType.objects.get(code="LINK")} if state == "rejected" else {"error_type": None}
    ExpenditureItem.objects.filter(pk=item.pk).update(
        state=state, reason="x", decided_by=case.controller, decided_at=timezone.now(), **values, **why
    )


@pytest.mark.parametrize(
    ("of_invoice", "of_note", "figures"),
    [
        ("accepted", "rejected", [CODES[0], CODES[1], CODES[2]]),
        ("accepted", "parked", [CODES[0], CODES[1], CODES[2]]),
        ("rejected", "accepted", [CODES[1]]),
        ("rejected", "parked", [CODES[1]]),
        ("parked", "accepted", [CODES[1]]),
        ("accepted", "accepted", []),
        ("rejected", "rejected", []),
        ("parked", "parked", []),
    ],
)
def test_the_database_ends_no_control_that_parts_them_and_figures_see_what_was_so_before(of_invoice, of_note, figures):
    case, invoice, note, other = with_a_note()
    for item, state in ((invoice, of_invoice), (note, of_note), (other, "accepted")):
        decided_by_sql(case, item, state)
    declaration = case.declaration
    ended = {"state": "controlled", "controlled_at": timezone.now()}
    if not figures:
        type(declaration).objects.filter(pk=declaration.pk).update(**ended)
        assert not found()
        return
    with pytest.raises(TransitionRefused, match="AV-1"):
        perform(declaration, "conclude", actor=case.controller)
    with pytest.raises(DatabaseError, match="credit note"), transaction.atomic():
        type(declaration).objects.filter(pk=declaration.pk).update(**ended)
    with pgtrigger.ignore("reporting.ExpenditureDeclaration:credits_follow_their_invoice"):
        type(declaration).objects.filter(pk=declaration.pk).update(**ended)
    assert found() == figures


def second(case: Case, lines: dict[str, str]):
    """A later declaration of the same case."""
    return declared_to_the_fund(case, lines)


def test_a_note_of_a_later_declaration_follows_the_invoice_of_the_first():
    case = cofinanced()
    first = declared_to_the_fund(case, {"I-1": "12000.00"}, kind="advance")
    for item in case.items:
        perform(item, "reject", actor=case.controller, data=because(), comment="Hors opération.")
    perform(first, "conclude", actor=case.controller)
    later = second(case, {"AV-1": "-2000.00", "I-2": "8000.00"})
    note, other = case.items
    perform(other, "accept", actor=case.controller)
    with translation.override("fr"), pytest.raises(TransitionRefused) as refused:
        perform(note, "accept", actor=case.controller)
    assert first.number in str(refused.value) and later.number in str(refused.value)
    perform(note, "reject", actor=case.controller, data=because(), comment="Avec sa facture.")
    perform(later, "conclude", actor=case.controller)
    assert not found()


def test_a_note_whose_invoice_was_retained_before_is_accepted():
    case = cofinanced()
    first = declared_to_the_fund(case, {"I-1": "12000.00"}, kind="advance")
    for item in case.items:
        perform(item, "accept", actor=case.controller)
    perform(first, "conclude", actor=case.controller)
    later = second(case, {"AV-1": "-2000.00", "I-2": "8000.00"})
    note, other = case.items
    perform(other, "accept", actor=case.controller)
    for name in ("reject", "park"):
        with pytest.raises(TransitionRefused, match="AV-1"):
            perform(note, name, actor=case.controller, data=because(), comment="Non.")
    perform(note, "accept", actor=case.controller)
    perform(later, "conclude", actor=case.controller)
    assert not found()


def test_a_note_is_of_the_period_of_its_invoice():
    """The period of the operation may end between the two: the note is retained with its invoice all the same."""
    case, invoice, note, _other = with_a_note()
    line = note.expenditure_line
    day = case.operation.current.end_date
    rules = ("line_rules", "line_within_eligible_dates")
    with pgtrigger.ignore(*(f"agreements.ExpenditureLine:{rule}" for rule in rules)):
        type(line).objects.filter(pk=line.pk).update(invoice_date=day.replace(year=day.year + 1))
    perform(invoice, "accept", actor=case.controller)
    assert case.items[1].state == "accepted"


def test_what_is_typed_of_a_credit_note_is_asked_for_in_words_and_euros():
    case, invoice, note, _other = with_a_note()
    perform(invoice, "accept", actor=case.controller)
    for amount in ("1500", "-2000", "0"):
        with translation.override("fr"), pytest.raises(TransitionRefused) as refused:
            perform(note, "reject_partly", actor=case.controller, data=because(rejected_amount=amount), comment="Non.")
        said = str(refused.value).replace("\u202f", " ").replace("\xa0", " ")
        assert "négatif" in said and "2 000,00 €" in said and "2000.00" not in said


def test_a_cut_is_shared_to_the_cent_between_the_notes_of_an_invoice():
    case = cofinanced()
    declared_to_the_fund(case, {"I-1": "10000.00", "AV-1": "-3333.33", "AV-2": "-6666.66", "I-2": "8000.00"})
    cut(case.items[0], case.controller, "3333.35")
    notes = case.items[1:3]
    assert [item.state for item in notes] == ["partly_rejected"] * 2
    assert D(0) <= sum_money(item.retained_amount for item in case.items[:3]) <= D("0.01")
    assert not found()


def test_pages_know_the_pairs_with_one_query(django_assert_num_queries):
    case, *_items = with_a_note()
    declaration = case.declaration
    with django_assert_num_queries(1):
        assert len(pairs_of(declaration)) == 2  # the note with its invoice, and with itself
