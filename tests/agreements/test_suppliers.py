"""The supplier of an invoice is one whichever of its rows carries the number; a credit note takes back an invoice."""

import importlib
from datetime import date, timedelta
from decimal import Decimal

import pgtrigger
import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone, translation

from agreements import claims, intake
from agreements.conditions import claim_is_complete
from agreements.credit_notes import declares_nothing, kept_beyond, notes_by_line
from agreements.duplicates import answer_warning, open_warnings, raise_warnings, twins_of
from agreements.models import ExpenditureLine, PaymentClaim
from agreements.rules.duplicates import Invoice, Suppliers, contradict, credits_without_invoice, may_be_one
from core.figures.invariants import invariant_of, invariants
from core.transitions import TransitionRefused, perform
from tests.agreements.test_workbook import filled, row
from tests.factories.agreements import add_line, certified, in_force, line_values, opened, submitted
from tests.factories.applicants import siret

DAY = date(2026, 3, 1)


def invoice(name="Papeterie Dupont", number="12", supplier="", total="100", day=DAY) -> Invoice:
    return Invoice(name, supplier, number, day, Decimal(total))


# --- rules ----------------------------------------------------------------------------------------------------------


def test_a_number_on_one_row_serves_all_rows_of_the_name():
    suppliers = Suppliers([invoice(supplier=siret(1)), invoice(number="13")])
    assert suppliers.siren_of(invoice()) == siret(1)[:9]
    assert set(suppliers.keys_of(invoice())) & set(suppliers.keys_of(invoice(supplier=siret(1))))


def test_another_spelling_of_the_name_is_met_through_the_number():
    """Dupont SARL gives the number; Dupont gives it on one row and not on the other."""
    rows = [
        invoice("Dupont", "1", siret(1)), invoice("Dupont", "2"), invoice("Dupont SARL", "2", siret(1))
    ]  # fmt: skip
    suppliers = Suppliers(rows)
    assert set(suppliers.keys_of(rows[1])) & set(suppliers.keys_of(rows[2]))


def test_namesakes_with_two_numbers_stay_apart():
    rows = [invoice(supplier=siret(1)), invoice(supplier=siret(2))]
    assert contradict(*rows)
    assert not may_be_one(*rows)
    assert Suppliers(rows).siren_of(invoice()) == ""


def test_suppliers_in_any_script_stay_apart():
    greek = [invoice("Δήμος Α"), invoice("Εταιρεία Β")]
    assert greek[0].name_key != greek[1].name_key


@pytest.mark.parametrize(
    ("lines", "alone"),
    [
        ([("Dupont", "", "-50")], [0]),
        ([("Dupont", "", "100"), ("Dupont", "", "-50")], []),
        ([("Dupont", "", "-50"), ("Dupont", "", "100")], []),
        ([("Dupont", "", "100"), ("Dupont", "", "-80"), ("Dupont", "", "-30")], [2]),
        ([("Dupont", "", "100"), ("Durand", "", "-50")], [1]),
        ([("Dupont", siret(1), "100"), ("Dupont", "", "-50")], []),
        ([("Dupont", siret(1), "100"), ("Dupont", siret(2), "-50")], [1]),
    ],
)
def test_a_credit_note_takes_back_an_invoice_of_its_supplier(lines, alone):
    rows = [
        (invoice(name, str(n), number, amount), Decimal(amount), "") for n, (name, number, amount) in enumerate(lines)
    ]
    assert credits_without_invoice(rows) == alone


@pytest.mark.parametrize(
    ("corrects", "amount", "alone"),
    [
        ("F-1", "-100", []),  # all of it
        ("f 1", "-100", []),  # written otherwise
        ("F-1", "-100.01", [2]),  # more than it, though the supplier sent another invoice
        ("F-2", "-100.01", []),
        ("F-3", "-10", [2]),  # nobody declared it
    ],
)
def test_a_credit_note_takes_back_no_more_than_the_invoice_that_it_names(corrects, amount, alone):
    rows = [
        (invoice(number="F-1"), Decimal(100), ""),
        (invoice(number="F-2"), Decimal(500), ""),
        (invoice(number="AV-1", total=amount), Decimal(amount), corrects),
    ]
    assert credits_without_invoice(rows) == alone


def test_two_credit_notes_on_one_invoice_count_together_and_only_its_supplier_sends_them():
    of = [(invoice(number="F-1"), Decimal(100), ""), (invoice("Imprimerie", number="F-1"), Decimal(500), "")]
    notes = [(invoice(number=f"AV-{n}", total="-60"), Decimal(-60), "F-1") for n in (1, 2)]
    assert credits_without_invoice([*of, *notes]) == [3]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {"day": date(2026, 3, 2)}, True),  # a date typed otherwise
        ({}, {"total": "100.01"}, True),  # a total typed otherwise
        ({}, {"day": date(2025, 3, 1), "total": "80"}, False),  # the number of another year
        ({}, {"day": date(2025, 3, 1)}, True),  # the same total a year before: a person says
        ({"total": "-100"}, {}, False),  # a credit note with the number of its invoice
    ],
)
def test_a_number_used_again_by_its_supplier(one, other, same):
    assert may_be_one(invoice(**one), invoice(**other)) is same


def test_a_supplier_written_in_another_way_is_met_by_number_and_total():
    mine, other = invoice("IMPRIMERIE SOLIDAIRE SARL", "F-016"), invoice("Imp. Solidaire", "f016", siret(1))
    assert set(Suppliers([mine]).keys_of(mine)) & set(Suppliers([other]).keys_of(other))
    assert not invoice(number="12").total_key, "a short number tells nothing"


@pytest.mark.parametrize(
    "number",
    [
        "FА-100",
        "FA-1OO",
        "0FA-100",
        "fa 100",
        "FA-0100",
        "ＦＡ-１００",
        "FΑ_l00",
        "FA-٠١٠٠",
        "FA-100\u3164",
        "\u115fFA-\u1160100\uffa0",
        "ꜰᴀ-100",
        "N° FA-100",
        "Facture 100",
        "100",
        "FA-|00",
        "FA-ا00",
        "FA-100ʰ",
        "FA-100ˋ",
        "FA-100ำ",
    ],
)
def test_a_number_that_looks_like_another_one_meets_it(number):
    keys = set(invoice(number="FA-100", supplier=siret(1)).alike_keys())
    assert keys & set(invoice(number=number, supplier=siret(1)).alike_keys())
    assert keys & set(invoice("Рapeterie Dupоnt", number).alike_keys()), "its supplier's name in two alphabets"


@pytest.mark.parametrize("number", ["FA-101", "FA-1000", "FA-10", "FB-100", "A-100", "AV-100"])
def test_another_number_of_the_supplier_is_another_invoice(number):
    assert not set(invoice(number="FA-100").alike_keys()) & set(invoice(number=number).alike_keys())


# --- in a claim -----------------------------------------------------------------------------------------------------


@pytest.fixture
def claim(db):
    agreement, house = in_force()
    return opened(agreement, house), house


def test_one_invoice_twice_is_found_when_one_line_lacks_the_number(claim):
    claim, house = claim
    first = add_line(claim, house)
    second = add_line(claim, house, supplier_siret="", account_code="623")
    assert first.duplicate_key != second.duplicate_key
    assert list(twins_of(first)) == [second]
    assert list(twins_of(second)) == [first]
    assert raise_warnings(claim) == 1


@pytest.mark.parametrize(
    "changes",
    [
        lambda values: {"invoice_date": values["invoice_date"] + timedelta(days=1)},
        lambda values: {"invoice_total": values["invoice_total"] + Decimal("0.01")},
        lambda _values: {"supplier_siret": "", "supplier_name": "Coop. de form."},
    ],
)
def test_one_invoice_typed_otherwise_is_asked_about_and_never_kept_twice(claim, changes):
    claim, house = claim
    first = add_line(claim, house)
    second = add_line(claim, house, account_code="623", **changes(line_values()))
    assert list(twins_of(first)) == [second]
    assert list(twins_of(second)) == [first]
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    kept = {line.pk: (line.declared_amount, "") for line in claim.lines.all()}
    claims.certify_lines(claim, kept, actor=house.instructor)
    warning = open_warnings(claim).get()
    with pytest.raises(ValueError, match=r"20.000,00|deux totaux"):
        answer_warning(warning, answer="split", comment="Partagée.", actor=house.instructor)
    answer_warning(warning, answer="cut", comment="Saisie deux fois.", actor=house.instructor)
    data = {"certified_amount": str(claims.due_of(claim)), "certification_reason": "Moins."}
    with pytest.raises(TransitionRefused) as refused:
        perform(claim, "certify", actor=house.instructor, data=data)
    assert "20" in str(refused.value.errors), refused.value.errors
    with pytest.raises(DatabaseError, match="than its total"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(
            state="certified", certified_by=house.instructor, certified_at=timezone.now(),
            certified_amount=Decimal("1.00"), certification_reason="x",
        )  # fmt: skip
    claims.certify_lines(claim, {second.pk: (Decimal(0), "Saisie deux fois.")}, actor=house.instructor)
    perform(claim, "certify", actor=house.instructor, data=data | {"certified_amount": str(claims.due_of(claim))})
    assert claim.state == "certified"


def certified_by_sql(claim, house):
    kept = {line.pk: (line.declared_amount, "") for line in claim.lines.all()}
    claims.certify_lines(claim, kept, actor=house.instructor)
    with transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(
            state="certified", certified_by=house.instructor, certified_at=timezone.now(),
            certified_amount=Decimal("1.00"), certification_reason="x",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("names", "one"),
    [
        (("Pêche du Nord", "Peche du Nord"), False),  # folded alike
        (("A" * 80 + " Lille", "A" * 80 + " Lens"), False),  # their keys hold eighty signs
        (("Pêche du Nord", "PE\u0302CHE  DU NORD"), True),  # capitals, spaces, another encoding
    ],
)
@pytest.mark.parametrize("number", ["", siret(1)])
def test_names_that_fold_alike_ask_a_question_that_stays_one(claim, names, one, number):
    """Two suppliers, of which a number at most is known: a person says that they are two, and both invoices are kept."""
    claim, house = claim
    add_line(claim, house, supplier_name=names[0], supplier_siret="")
    add_line(claim, house, supplier_name=names[1], supplier_siret=number, account_code="623")
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    with pytest.raises(DatabaseError, match="declared twice"):
        certified_by_sql(claim, house)
    answer_warning(open_warnings(claim).get(), answer="different", comment="Deux maisons.", actor=house.instructor)
    if one:
        with pytest.raises(DatabaseError, match="than its total"):
            certified_by_sql(claim, house)
    else:
        certified_by_sql(claim, house)
        assert not list(invariant_of("agreements.invoice-within-its-total").broken())


def test_look_alike_numbers_are_asked_about_each_pair_once_and_another_number_is_not(claim):
    claim, house = claim
    values = {"invoice_total": Decimal(100), "declared_amount": Decimal(100)}
    alike = ["FA-100", "FА-100", "FA-1OO", "0FA-100"]
    lines = [add_line(claim, house, invoice_number=number, **values) for number in alike]
    lines.append(add_line(claim, house, invoice_number="fa 100", supplier_siret="", **values))
    later = line_values()["invoice_date"] + timedelta(days=1)
    add_line(claim, house, invoice_number="FA-101", invoice_date=later, **values)
    for line in lines:
        assert set(twins_of(line)) == {*lines} - {line}
    claims.submit(claim, actor=house.member)
    assert (open_warnings(claim).count(), raise_warnings(claim)) == (10, 0)
    assert {
        bool(warning.why) for warning in open_warnings(claim).exclude(line=lines[-1]).exclude(other_line=lines[-1])
    } == {True}
    perform(claim, "start_review", actor=house.instructor)
    for warning in open_warnings(claim)[1:]:
        answer_warning(warning, answer="different", comment="Lues.", actor=house.instructor)
    with pytest.raises(DatabaseError, match="declared twice"):
        certified_by_sql(claim, house)
    answer_warning(open_warnings(claim).get(), answer="cut", comment="La même.", actor=house.instructor)
    with pytest.raises(DatabaseError, match="than its total"):
        certified_by_sql(claim, house)


def test_one_file_for_several_invoices_is_asked_about_and_the_answer_stays(claim):
    claim, house = claim
    values = {"invoice_total": Decimal(100), "declared_amount": Decimal(100)}
    one = add_line(claim, house, invoice_number="FA-100", **values)
    day_before = line_values()["invoice_date"] - timedelta(days=1)
    other = add_line(claim, house, invoice_number="B/7", invoice_date=day_before, **values)
    apart = add_line(claim, house, invoice_number="B/8", invoice_total=Decimal(50), declared_amount=Decimal(50))
    payslip = add_line(claim, house, invoice_number="C/9", supplier_name="Zoé Salariée", supplier_siret="", **values)
    theirs = add_line(claim, house, invoice_number="D/1", supplier_name="Imprimerie", supplier_siret=siret(5), **values)
    assert not twins_of(one).exists()
    claims.attach_proof(claim, [one, other, apart, payslip, theirs], one.proof, actor=house.member)
    one.refresh_from_db()
    payslip.refresh_from_db()
    assert list(twins_of(one)) == [other], "a bundle of several invoices of one agreement asks nothing"
    assert not twins_of(payslip).exists()
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    warning = open_warnings(claim).get()
    assert "B/7" in warning.why
    with pytest.raises(DatabaseError, match="declared twice"):
        certified_by_sql(claim, house)
    answer_warning(warning, answer="different", comment="Deux pages.", actor=house.instructor)
    answer_warning(warning, answer="different", comment="Deux pages, deux factures.", actor=house.instructor)
    certified_by_sql(claim, house)
    with pytest.raises(ValueError, match="certifiée"):
        answer_warning(warning, answer="cut", comment="Tard.", actor=house.instructor)
    with pytest.raises(DatabaseError, match="answer"), transaction.atomic():
        type(warning).objects.filter(pk=warning.pk).delete()


def test_one_supplier_one_day_and_one_total_is_a_question_whatever_the_numbers(claim):
    """Not payslips of two persons, not another day, not another total."""
    claim, house = claim
    values = {"invoice_total": Decimal(100), "declared_amount": Decimal(100)}
    day = line_values()["invoice_date"] - timedelta(days=1)
    one = add_line(claim, house, invoice_number="FA-100", **values)
    other = add_line(claim, house, invoice_number="B/7", supplier_siret="", **values)
    for number, changes in (
        ("P/1", {"supplier_name": "Zoé Salariée", "supplier_siret": ""}),
        ("P/2", {"supplier_name": "Léo Salarié", "supplier_siret": ""}),
        ("D/1", {"invoice_date": day}),
        ("T/1", {"invoice_total": Decimal(101)}),
    ):
        add_line(claim, house, invoice_number=number, **(values | changes))
    assert (list(twins_of(one)), list(twins_of(other))) == ([other], [one])
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    warning = open_warnings(claim).get()
    assert "B/7" in warning.why and "FA-100" in warning.why
    with pytest.raises(DatabaseError, match="declared twice"):
        certified_by_sql(claim, house)
    answer_warning(warning, answer="different", comment="Deux commandes.", actor=house.instructor)
    certified_by_sql(claim, house)


def test_one_supplier_one_day_and_one_total_is_asked_in_all_agreements_of_a_body_and_not_of_another(claim):
    """Two acts of one body, and the same invoice under another number sent to another body."""
    claim, house = claim
    values = {"invoice_total": Decimal(100), "declared_amount": Decimal(100)}
    one = add_line(claim, house, invoice_number="FA-100", **values)
    claims.submit(claim, actor=house.member)
    same, its_house = in_force(house=house, applicant=claim.agreement.beneficiary)
    assert same.beneficiary == claim.agreement.beneficiary
    second = opened(same, its_house)
    other = add_line(second, its_house, invoice_number="B/7", supplier_siret="", **values)
    stranger, their_house = in_force()
    third = opened(stranger, their_house)
    theirs = add_line(third, their_house, invoice_number="C-9", supplier_siret="", **values)
    assert (list(twins_of(other)), list(twins_of(theirs))) == ([one], [])
    assert (raise_warnings(second), raise_warnings(third)) == (1, 0)
    assert {open_warnings(second).get().line, open_warnings(second).get().other_line} == {one, other}


def test_a_doubt_that_waits_is_followed_from_the_filing_of_both_until_it_is_answered(claim, settings):
    """Before any certification: the same invoice in two claims, seen by the figure for the one and the other."""
    first, house = claim
    add_line(first, house)
    claims.submit(first, actor=house.member)
    second = opened(in_force(house=house, applicant=first.agreement.beneficiary)[0], house)
    add_line(second, house)

    def followed(days: int) -> list[int]:
        settings.ESSOR_DOUBTS_ANSWERED_DAYS = days
        return [broken.pk for broken in invariant_of("agreements.doubts-are-answered-in-time").broken()]

    late = -1  # as if it waited for a day more than it may
    assert followed(late) == [], "nobody relies on a claim that is being written"
    claims.submit(second, actor=house.member)
    assert (followed(30), followed(late)) == ([], [first.pk, second.pk])
    perform(second, "start_review", actor=house.instructor)
    perform(second, "give_back", actor=house.instructor, comment="Complétez.")
    assert followed(late) == [], "its lines may be written otherwise"
    claims.submit(second, actor=house.member)
    perform(second, "start_review", actor=house.instructor)
    assert followed(late) == [first.pk, second.pk]
    answer_warning(open_warnings(second).get(), answer="cut", comment="La même.", actor=house.instructor)
    assert followed(late) == []


def test_one_file_for_two_lines_of_one_invoice_asks_one_question(claim):
    claim, house = claim
    half = {"declared_amount": Decimal(100), "invoice_total": Decimal(200)}
    one, other = add_line(claim, house, **half), add_line(claim, house, account_code="623", **half)
    claims.attach_proof(claim, [one, other], one.proof, actor=house.member)
    assert raise_warnings(claim) == 1
    warning = open_warnings(claim).get()
    assert (warning.why, {warning.line, warning.other_line}) == ("", {one, other})


def test_old_lines_get_the_keys_of_what_they_look_like(claim):
    claim, house = claim
    line = add_line(claim, house)
    claims.submit(claim, actor=house.member)
    with pgtrigger.ignore("agreements.ExpenditureLine:line_rules"):
        ExpenditureLine.objects.filter(pk=line.pk).update(alike_keys=[], proof_key="")
    for name, keys in (
        ("0019_look_alike_invoices_are_asked_about", "key_what_looks_alike"),
        ("0031_invoices_of_one_body_are_asked_about", "key_by_body"),
    ):
        getattr(importlib.import_module(f"agreements.migrations.{name}"), keys)(apps, None)
    kept = ExpenditureLine.objects.get(pk=line.pk)
    assert kept.proof_key
    assert kept.keys().items() <= vars(kept).items()


def test_the_database_refuses_to_certify_what_nobody_answered(claim):
    claim, house = claim
    add_line(claim, house)
    add_line(claim, house, supplier_siret="", account_code="623")
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    claims.certify_lines(
        claim, {line.pk: (line.declared_amount, "") for line in claim.lines.all()}, actor=house.instructor
    )
    assert open_warnings(claim).count() == 1
    with pytest.raises(DatabaseError, match="declared twice"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(state="certified", certified_amount=Decimal(1))


def test_a_credit_note_alone_is_not_filed(claim):
    claim, house = claim
    add_line(claim, house)
    credit = {
        "invoice_total": Decimal(-50), "declared_amount": Decimal(-50), "invoice_number": "AV-1",
        "corrects_number": "F-2026-1",
    }  # fmt: skip
    alone = add_line(claim, house, supplier_name="Imprimerie", supplier_siret=siret(5), **credit)
    with pytest.raises(TransitionRefused, match="avoir"):
        claims.submit(claim, actor=house.member)
    claims.remove_line(alone, actor=house.member)
    add_line(claim, house, **credit)
    claims.submit(claim, actor=house.member)


def test_credit_notes_above_the_new_expenditure_are_said_as_they_are(claim):
    """They take back invoices that were filed before: the total is negative, which is not nothing."""
    claim, house = claim
    add_line(claim, house, invoice_number="F-9", invoice_total=Decimal(300), declared_amount=Decimal(300))
    credit = {"invoice_number": "AV-1", "corrects_number": "F-2026-1"}
    credit |= dict.fromkeys(("invoice_total", "declared_amount"), Decimal(-1000))
    add_line(claim, house, **credit)
    claim.refresh_from_db()
    with translation.override("fr"):
        (told,) = claim_is_complete(claim, {}, house.member).values()
        assert "dépassent de 700,00\u202f€" in told
        assert "négatif" in told and "s’annulent" not in told
        assert "négatif" not in declares_nothing(Decimal(0)) and declares_nothing(Decimal(300)) == ""


def test_a_credit_note_names_its_invoice_and_nothing_else_does(claim):
    claim, house = claim
    line = add_line(claim, house)
    credit = {"invoice_total": Decimal(-50), "declared_amount": Decimal(-50), "invoice_number": "AV-1"}
    for wrong in (credit, {"corrects_number": "F-2026-1"}):
        with pytest.raises(claims.ClaimRefused) as refused:
            add_line(claim, house, **wrong)
        assert list(refused.value.errors) == ["corrects_number"]
    with pytest.raises(IntegrityError, match="credit_names_its_invoice"), transaction.atomic():
        ExpenditureLine.objects.filter(pk=line.pk).update(corrects_number="F-1", corrects_key="f1")
    with pytest.raises(IntegrityError, match="names the invoice"), transaction.atomic():
        ExpenditureLine.objects.create(claim=claim, rank=9, **line_values(**credit))


def test_the_database_certifies_no_credit_note_beyond_its_invoice(claim, monkeypatch):
    claim, house = claim
    add_line(claim, house)
    credit = {
        "invoice_total": Decimal(-50), "declared_amount": Decimal(-50), "invoice_number": "AV-1",
        "corrects_number": "F-2026-9",
    }  # fmt: skip
    add_line(claim, house, **credit)
    monkeypatch.setattr("agreements.conditions.credit_notes_have_their_invoice", lambda *_args: None)
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    kept = {line.pk: (line.declared_amount, "") for line in claim.lines.all()}
    claims.certify_lines(claim, kept, actor=house.instructor)
    data = {"certified_amount": "100", "certification_reason": "Moins."}
    with pytest.raises(TransitionRefused, match="avoir"):
        perform(claim, "certify", actor=house.instructor, data=data)
    with pgtrigger.ignore("agreements.ExpenditureLine:line_rules"):
        ExpenditureLine.objects.filter(claim=claim, declared_amount__lt=0).update(
            corrects_number="F 2026 1", corrects_key="f20261"
        )
    assert perform(claim, "certify", actor=house.instructor, data=data).state == "certified"


def test_old_lines_get_their_key_by_name(claim):
    claim, house = claim
    line = add_line(claim, house)
    claims.submit(claim, actor=house.member)
    with pgtrigger.ignore("agreements.ExpenditureLine:line_rules"):
        ExpenditureLine.objects.filter(pk=line.pk).update(name_key="", duplicate_key="old")
    migration = importlib.import_module("agreements.migrations.0010_invoices_known_by_name_too")
    migration.key_the_invoices(apps, None)
    kept = ExpenditureLine.objects.get(pk=line.pk)
    assert (kept.name_key, kept.duplicate_key) == (line.name_key, line.duplicate_key)


# --- in a workbook --------------------------------------------------------------------------------------------------


def found_in(claim, house, tmp_path, *rows):
    return intake.preview(claim, filled(claim, tmp_path, list(rows)), actor=house.member)[1]


@pytest.mark.parametrize("order", [1, -1])
def test_one_invoice_twice_in_a_file_is_found_when_one_row_lacks_the_number(claim, tmp_path, order):
    found = found_in(*claim, tmp_path, *[row(1), row(1, supplier_siret=None)][::order])
    assert (len(found.added), len(found.refused)) == (1, 1)
    (problem,) = found.problems
    assert problem.row == 3


def test_an_invoice_of_the_claim_is_known_without_its_number(claim, tmp_path):
    claim, house = claim
    first = row(1, supplier_siret="SIRET\u00a0" + siret(77))
    kept, found = intake.preview(claim, filled(claim, tmp_path, [first]), actor=house.member)
    assert len(found.added) == 1
    intake.take_in(kept, actor=house.member)
    assert claim.lines.get().supplier_siret == siret(77)
    again = found_in(claim, house, tmp_path, row(1, supplier_siret=None))
    assert (again.added, again.known, len(again.refused)) == ([], 1, 1)


def test_the_invoices_of_two_namesakes_are_both_taken(claim, tmp_path):
    found = found_in(*claim, tmp_path, row(1), row(1, supplier_siret=siret(78)))
    assert (len(found.added), found.refused) == (2, [])


def reviewed(claim, *lines):
    """A claim under review, with its lines by invoice number."""
    claim, house = claim
    add_line(claim, house)
    for values in lines:
        add_line(claim, house, **values)
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    return claim, house, {line.invoice_number: line for line in claim.lines.all()}


def note(amount: int, number: str = "AV-1", **values):
    total = Decimal(values.pop("total", amount))
    return {"invoice_total": total, "declared_amount": Decimal(amount), "invoice_number": number,
            "corrects_number": "F-2026-1"} | values  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "kept", "fits"),
    [
        ([note(-50)], {"AV-1": 0}, False),  # cut to nothing, the invoice kept whole
        ([note(-50)], {"AV-1": -49}, False),
        ([note(-50)], {}, True),
        ([note(-50)], {"AV-1": 0, "F-2026-1": "less 50"}, True),  # both follow
        ([note(-50)], {"AV-1": 0, "F-2026-1": "less 49.99"}, False),
        ([note(-50)], {"AV-1": 0, "F-2026-1": 0}, True),
        ([note(-50), note(-30, "AV-2")], {"AV-2": 0, "F-2026-1": "less 29"}, False),  # two notes count together
        ([note(-50), note(-30, "AV-2")], {"AV-2": 0, "F-2026-1": "less 30"}, True),
        ([note(-50)], {"F-2026-1": 0}, False),  # it would take back another invoice
        ([note(-50)], {"F-2026-1": 30}, False),
        ([note(-50)], {"F-2026-1": 30, "AV-1": -30}, True),
        ([note(-50)], {"F-2026-1": 50}, True),
        ([note(-10, total=-5000)], {}, False),  # a note of more than the invoice, of which little was declared
    ],
)
def test_a_credit_note_follows_its_invoice(claim, lines, kept, fits):
    """On the page of the lines, at the certification, and in the database."""
    claim, house, by_number = reviewed(claim, *lines)
    whole = by_number["F-2026-1"].declared_amount
    amounts = {line.pk: line.declared_amount for line in by_number.values()}
    for number, amount in kept.items():
        cut = str(amount).removeprefix("less ")
        amounts[by_number[number].pk] = whole - Decimal(cut) if cut != str(amount) else Decimal(amount)
    values = {pk: (amount, "Réduit.") for pk, amount in amounts.items()}
    if fits:
        claims.certify_lines(claim, values, actor=house.instructor)
        assert not kept_beyond(claim)
        return
    with pytest.raises(claims.ClaimRefused, match="avoir") as refusal:
        claims.certify_lines(claim, values, actor=house.instructor)
    assert any(name.startswith("amount-") for name in refusal.value.errors)
    for pk, amount in amounts.items():
        ExpenditureLine.objects.filter(pk=pk).update(certified_amount=amount, certified_reason="Réduit.")
    data = {"certified_amount": "1", "certification_reason": "Moins."}
    with pytest.raises(TransitionRefused, match="avoir"):
        perform(claim, "certify", actor=house.instructor, data=data)
    with pytest.raises(IntegrityError, match="credit notes (leave|take back)"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(state="certified")


def test_a_note_takes_back_no_more_than_is_kept_of_the_invoice_of_an_earlier_claim_and_pages_say_so(claim):
    second, house = claim
    first = submitted(second.agreement, house, "advance", "100", "900")
    perform(first, "start_review", actor=house.instructor)
    (line, other) = first.lines.all()
    kept = {line.pk: (Decimal(0), "Hors sujet."), other.pk: (other.declared_amount, "")}
    claims.certify_lines(first, kept, actor=house.instructor)
    data = {"certified_amount": str(claims.due_of(first)), "certification_reason": "Moins."}
    perform(first, "certify", actor=house.instructor, data=data)
    add_line(second, house, invoice_number="F-2026-2")
    credit = add_line(second, house, **note(-50, corrects_number=line.invoice_number))
    claims.submit(second, actor=house.member)
    perform(second, "start_review", actor=house.instructor)
    with translation.override("fr"):
        (said,) = notes_by_line(second)[credit.pk]
        assert first.number in said and "0,00" in said
        assert "-50,00" in notes_by_line(first)[line.pk][0].replace("\u2212", "-")
        with pytest.raises(claims.ClaimRefused, match="reprennent"):
            claims.certify_line(credit, credit.declared_amount, actor=house.instructor)
    claims.certify_line(credit, Decimal(0), reason="Sa facture n’est pas retenue.", actor=house.instructor)
    assert not kept_beyond(second)


def test_a_credit_note_of_a_later_claim_follows_the_invoice_of_the_first(claim):
    """What was certified of the invoice stays; the note that comes later is not cut, and the figure sees one that was."""
    (figure,) = [item for item in invariants() if item.code == "agreements.credit-follows-its-invoice"]
    second, house = claim
    (line,) = certified(second.agreement, house, "advance", "100").lines.all()
    add_line(second, house, invoice_number="F-2026-2")
    credit = add_line(second, house, **note(-50, corrects_number=line.invoice_number))
    claims.submit(second, actor=house.member)
    perform(second, "start_review", actor=house.instructor)
    with pytest.raises(claims.ClaimRefused, match="avoir"):
        claims.certify_line(credit, Decimal(0), reason="Réduit.", actor=house.instructor)
    claims.certify_line(credit, credit.declared_amount, actor=house.instructor)
    assert not list(figure.broken())
    ExpenditureLine.objects.filter(pk=credit.pk).update(certified_amount=0, certified_reason="x")
    with pgtrigger.ignore(*(f"agreements.PaymentClaim:certified_{rule}" for rule in ("line_by_line", "is_still_due"))):
        PaymentClaim.objects.filter(pk=second.pk).update(
            state="certified", certified_by=house.instructor, certified_at=timezone.now(),
            certified_amount=Decimal("1.00"), certification_reason="x",
        )  # fmt: skip
    (broken,) = figure.broken()
    assert (broken.expected, broken.found) == (Decimal(50), Decimal(100))


def test_a_credit_note_alone_in_a_file_is_refused(claim, tmp_path):
    credit = {"invoice_total": -50, "declared_amount": -50, "corrects_number": "F-1"}
    of_another = row(3, **credit | {"supplier_name": "Autre", "supplier_siret": None})
    unnamed = row(4, **credit | {"corrects_number": None})
    found = found_in(*claim, tmp_path, row(1), row(2, **credit), of_another, unnamed)
    assert (len(found.added), len(found.refused)) == (2, 2)
    assert found.added[1]["corrects_number"] == "F-1"
    assert sum("avoir" in problem.message for problem in found.problems) == 2
