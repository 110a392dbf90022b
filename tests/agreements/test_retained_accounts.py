"""What is retained of each expense binds the act and the claims: the annex says it, an account of which nothing counts is
declared in no claim, and what is kept above what was retained of an account is told to who certifies."""

from decimal import Decimal

import pgtrigger
import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from agreements import claims, intake
from agreements.acts import act_data
from agreements.budget_accounts import accounts_of, kept_above, spent_of
from agreements.drafting import draft_agreement
from agreements.forms.transitions import CertificationForm
from agreements.models import ExpenditureLine
from agreements.terms import terms_of
from core.transitions import TransitionRefused, perform
from grants.models import BudgetLine
from grants.programmes.grant_plan import GrantPlan, Part
from tests.agreements.test_axes import in_its_column
from tests.agreements.test_workbook import filled, row
from tests.factories.agreements import add_line, approved, entry, opened
from tests.factories.instruction import compute

pytestmark = pytest.mark.django_db
D = Decimal
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def act():
    """25,000 of training, of which 6,000 are retained; supplies, that the rules leave out; 86, given in kind."""
    case, house = approved(granted="8000.00")
    with transaction.atomic():
        lines = {line.account_code: line for line in case.budget_lines.filter(side="charge")}
        BudgetLine.objects.filter(pk=lines["604"].pk).update(
            eligible_amount=D(6000), retained_reason="Devis trop élevé"
        )
        for side, code in (("charge", "864"), ("product", "875")):
            case.budget_lines.create(side=side, account_code=code, label="Bénévolat", rank=9, amount=D(1200))
    compute(case)
    return draft_agreement(case, actor=house.instructor), house


@pytest.fixture
def claim(act):
    """A claim of that act, in force."""
    agreement, house = act
    perform(agreement, "send", actor=house.instructor)
    return opened(perform(agreement, "enter_force", actor=house.head, data=entry()), house), house


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\xa0", " ")


def test_the_annex_keeps_and_says_what_is_retained_of_each_expense(act):
    agreement, _house = act
    kept = dict(agreement.budget_lines.filter(side="charge").values_list("account_code", "eligible_amount"))
    assert kept == {"604": D(6000), "623": D(10500), "60x": D(0), "864": D(0)}
    rows = [row for annex in act_data(agreement)["annexes"] for table in annex["tables"] for row in table["rows"]]
    said = {row[0]: plain(str(row[1])) for row in rows if row[0] in ("604", "60", "623")}
    assert said["604"].endswith("(retenu pour l’aide : 6 000,00 €)")
    assert said["60"].endswith("(retenu pour l’aide : 0,00 €)") and "retenu" not in said["623"]
    frozen = {line["account_code"]: line["eligible_amount"] for line in terms_of(agreement)["budget"]}
    assert frozen["604"] == "6000.00"


def test_an_account_of_which_nothing_is_retained_is_declared_in_no_claim(claim, client, tmp_path):
    claim, house = claim
    with pytest.raises(claims.ClaimRefused) as refusal:
        add_line(claim, house, account_code="60x")
    assert "Rien n’a été retenu de « 60x – Fournitures »" in refusal.value.errors["account_code"]
    _kept, found = intake.preview(claim, filled(claim, tmp_path, [row(account_code="60x")]), actor=house.member)
    (problem,) = found.problems
    assert not found.added and "Rien n’a été retenu de « 60x" in problem.message
    client.force_login(house.member, backend=BACKEND)
    page = client.get(reverse("agreements:line_add", args=[claim.number])).content.decode()
    assert "60x – Fournitures (rien n’est retenu)" in page
    assert "604 – Formation-action (6 000,00 € retenus)" in plain(page)


@pytest.mark.parametrize("code", ["60x", "864"])
def test_the_database_refuses_such_a_line_typed_or_moved(claim, code):
    claim, house = claim
    line = add_line(claim, house)
    assert line.category == "Formation-action"
    with pytest.raises(DatabaseError, match="of which nothing is retained"), transaction.atomic():
        ExpenditureLine.objects.filter(pk=line.pk).update(account_code=code)
    line.pk, line.rank, line.account_code = None, line.rank + 1, code
    with pytest.raises(DatabaseError, match="of which nothing is retained"), transaction.atomic():
        ExpenditureLine(
            **{field.attname: getattr(line, field.attname) for field in line._meta.fields if not field.primary_key}
        ).save()


def test_what_is_kept_above_what_is_retained_is_told_to_who_certifies(claim, client):
    """9,500 euros were certified of an account of which 6,000 were retained, and nobody was told."""
    claim, house = claim
    for number, euros in enumerate((D(6000), D("3500.00")), 1):
        values = {"invoice_number": f"F-{number}", "invoice_total": euros, "declared_amount": euros}
        add_line(claim, house, **values)
        assert bool(kept_above(claim)) is False, "nothing is kept yet"
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    one, other = claim.lines.order_by("rank")
    claims.certify_lines(claim, {one.pk: (D(6000), ""), other.pk: (D(0), "Hors budget")}, actor=house.instructor)
    assert kept_above(claim) == []
    claims.certify_lines(claim, {other.pk: (D("3500.00"), "")}, actor=house.instructor)
    (above,) = kept_above(claim)
    assert (above.number, above.account.planned, above.account.retained, above.kept, above.above) == (
        "604", D(25000), D(6000), D(9500), D(3500),
    )  # fmt: skip
    assert [spent.kept for spent in spent_of(claim)] == [D(9500), D(0), D(0), D(0)]
    client.force_login(house.instructor, backend=BACKEND)
    page = plain(client.get(reverse("admin:agreements_paymentclaim_change", args=[claim.pk])).content.decode())
    assert "Par compte du budget" in page and "3 500,00 € au-delà du budget retenu" in page
    claim.refresh_from_db()
    facts = dict(
        (plain(label), amount) for label, amount in CertificationForm(instance=claim, actor=house.instructor).facts
    )
    assert facts[
        "Dépenses retenues sur le compte 604 (Formation-action) au-delà des 6 000,00 € retenus au budget"
    ] == D(3500)


def certify(claim, house, **data):
    due = str(claims.due_of(claim))
    given = {"certified_amount": due, "certification_reason": "Dépenses inférieures."} | data
    return perform(claim, "certify", actor=house.instructor, data=given)


def test_more_than_what_is_retained_is_certified_for_a_reason(claim, client):
    claim, house = claim
    add_line(claim, house, invoice_total=D(9500), declared_amount=D(9500))
    client.force_login(house.member, backend=BACKEND)
    page = plain(client.get(claim.get_absolute_url()).content.decode())
    assert (
        "604 – Formation-action : 9 500,00 € sont déclarés sur vos demandes, et 6 000,00 € en ont été retenus" in page
    )
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    claims.certify_lines(claim, {claim.lines.get().pk: (D(9500), "")}, actor=house.instructor)
    claim.refresh_from_db()
    for reason in ({}, {"kept_above_reason": "  "}):
        with pytest.raises(TransitionRefused) as refusal:
            certify(claim, house, **reason)
        assert [*refusal.value.errors] == ["kept_above_reason"]
    with (
        pytest.raises(DatabaseError, match="nothing says why"),
        pgtrigger.ignore("agreements.PaymentClaim:legal_moves"),
    ):
        with transaction.atomic():
            type(claim).objects.filter(pk=claim.pk).update(
                state="certified", certified_amount=1, certified_at=timezone.now(), certified_by=house.instructor,
                certification_reason="x",
            )  # fmt: skip
    certify(claim, house, kept_above_reason="Devis revu le 3 mars.")
    claim.refresh_from_db()
    assert claim.kept_above_reason == "Devis revu le 3 mars."
    client.force_login(house.instructor, backend=BACKEND)
    page = client.get(reverse("admin:agreements_paymentclaim_change", args=[claim.pk])).content.decode()
    assert "Au-delà du budget retenu : Devis revu le 3 mars." in page
    perform(claim, "send_back", actor=house.finance, comment="À revoir")
    claim.refresh_from_db()
    assert claim.kept_above_reason == ""


def test_nobody_is_asked_why_within_what_is_retained(claim):
    claim, house = claim
    add_line(claim, house, invoice_total=D(6000), declared_amount=D(6000))
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    claims.certify_lines(claim, {claim.lines.get().pk: (D(6000), "")}, actor=house.instructor)
    claim.refresh_from_db()
    assert "kept_above_reason" not in CertificationForm(instance=claim, actor=house.instructor).fields
    assert certify(claim, house).state == "certified"


@pytest.fixture
def two_axes():
    """28,000 of training for the project, of which nothing is retained; 10,000 of advice for the engineering, on one account."""
    plan = GrantPlan((Part(D(5600), D(7000), "general"), Part(D(5000), D(10000), "engineering")))
    case, house = approved(granted="10600.00", granted_plan=plan.as_json())
    for line, (code, label, axis, euros, kept) in zip(
        case.budget_lines.filter(side="charge").order_by("rank"),
        (("622", "Formation-action", "general", 28000, 0), ("623", "Communication", "general", 7000, None),
         ("622", "Conseil", "engineering", 10000, None)),
        strict=True,
    ):  # fmt: skip
        BudgetLine.objects.filter(pk=line.pk).update(
            account_code=code, label=label, axis=axis, amount=D(euros), eligible_amount=kept,
            retained_reason="" if kept is None else "Devis hors sujet",
        )  # fmt: skip
    compute(case)
    agreement = draft_agreement(case, actor=house.instructor)
    perform(agreement, "send", actor=house.instructor)
    return opened(perform(agreement, "enter_force", actor=house.head, data=entry()), house), house


def test_an_account_is_the_one_of_its_axis(two_axes, client, tmp_path):
    """Training of which nothing was retained was declared for the project, on the account of the advice of the engineering."""
    claim, house = two_axes
    values = {"account_code": "622", "invoice_total": D(9500), "declared_amount": D(9500)}
    for axis, code, said in (
        ("general", "622", "Rien n’a été retenu de « 622 – Formation-action – Projet »"),
        ("engineering", "623", "Le compte 623 n’est pas dans le budget de « Ingénierie » : utilisez 622."),
    ):
        with pytest.raises(claims.ClaimRefused) as refusal:
            add_line(claim, house, **values | {"account_code": code, "axis": axis})
        assert said in refusal.value.errors["account_code"]
    cells = in_its_column(row(account_code="622"), "Projet")
    _kept, found = intake.preview(claim, filled(claim, tmp_path, [cells]), actor=house.member)
    assert not found.added and found.problems
    line = add_line(claim, house, **values | {"axis": "engineering"})
    with pytest.raises(DatabaseError, match="of which nothing is retained"), transaction.atomic():
        ExpenditureLine.objects.filter(pk=line.pk).update(axis="general")
    client.force_login(house.member, backend=BACKEND)
    page = plain(client.get(reverse("agreements:line_add", args=[claim.number])).content.decode())
    assert "622 – Formation-action – Projet (rien n’est retenu) / Conseil – Ingénierie" in page


def test_what_is_above_is_told_axis_by_axis(two_axes):
    claim, house = two_axes
    for number, axis, code, euros in (("F-1", "engineering", "622", 12000), ("F-2", "general", "623", 7000)):
        add_line(
            claim,
            house,
            axis=axis,
            account_code=code,
            invoice_number=number,
            invoice_total=D(euros),
            declared_amount=D(euros),
        )
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    kept = {line.pk: (line.declared_amount, "") for line in claim.lines.all()}
    claims.certify_lines(claim, kept, actor=house.instructor)
    (above,) = kept_above(claim)
    assert (above.account.title, above.account.retained, above.above) == ("Conseil – Ingénierie", D(10000), D(2000))
    assert [(spent.account.axis, spent.kept) for spent in spent_of(claim)] == [
        ("general", D(0)), ("general", D(7000)), ("engineering", D(12000)),
    ]  # fmt: skip
    assert not above.asks_why  # all of it was retained: money moves between accounts that count


def test_an_act_of_before_knows_what_an_instructor_retained_alone(act):
    agreement, _house = act
    agreement.budget_lines.filter(side="charge").exclude(account_code="604").update(eligible_amount=None)
    assert [account.counts for account in accounts_of(agreement)] == [True] * 4
