"""A grant of several axes: each expenditure says its own, and is compared with the cost of that very axis."""

from decimal import Decimal

import pgtrigger
import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from agreements import claims, intake
from agreements.axes import axes_of
from agreements.conditions import expenditure_is_eligible
from agreements.drafting import write_act
from agreements.due import due_of_claim
from agreements.models import Agreement, PaymentClaim
from core.transitions import perform
from grants.programmes.grant_plan import GrantPlan, Part
from tests.agreements.test_annexed_budget import words_of
from tests.agreements.test_still_due import ordered_by_sql
from tests.agreements.test_workbook import filled, row
from tests.factories.agreements import add_line, drafted, in_force, opened, ordered
from tests.grants.portal import plain

pytestmark = pytest.mark.django_db
D = Decimal
PLAN = GrantPlan((Part(D(12000), D(15000), "general"), Part(D(8000), D(16000), "engineering")))


@pytest.fixture
def case():
    """20,000 granted: 12,000 of 15,000 for the project, 8,000 of 16,000 for its engineering."""
    agreement, house = in_force(granted_plan=PLAN.as_json())
    ordered(agreement, house)  # the advance of 10,000
    return opened(agreement, house), house


def reviewed(claim: PaymentClaim, house, **kept: str) -> PaymentClaim:
    """The claim with these euros spent by axis, filed and checked line by line."""
    for code, euros in kept.items():
        values = {"axis": code, "invoice_total": D(euros), "declared_amount": D(euros), "invoice_number": f"F-{code}"}
        add_line(claim, house, **values)
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    lines = {line.pk: (line.declared_amount, "") for line in claim.lines.all()}
    claims.certify_lines(claim, lines, actor=house.instructor)
    return PaymentClaim.objects.get(pk=claim.pk)


def test_more_spent_on_one_axis_does_not_make_up_for_less_on_the_other(case):
    """31,000 planned and 31,000 spent, but 8,000 of the 16,000 of the engineering only: half of its 8,000 is due."""
    claim, house = case
    assert [(axis.code, axis.amount, axis.cost) for axis in axes_of(claim.agreement)] == [
        ("general", D(12000), D(15000)),
        ("engineering", D(8000), D(16000)),
    ]
    claim = reviewed(claim, house, general="23000", engineering="8000")
    due = due_of_claim(claim)
    assert due.amount == D(6000)  # 12,000 + 4,000 less the 10,000 of the advance
    assert sum("8 000,00" in reason.replace("\u202f", " ").replace("\xa0", " ") for reason in due.reasons) >= 1


@pytest.mark.parametrize(
    "spent", [("15000", "16000"), ("13500", "14400"), ("13500.01", "14400.01"), ("9000.07", "31.03")]
)
def test_the_database_makes_the_same_figure_by_axis(case, spent):
    claim, house = case
    claim = reviewed(claim, house, general=spent[0], engineering=spent[1])
    due = due_of_claim(claim).amount
    perform(claim, "certify", actor=house.instructor, data={"certified_amount": str(due), "certification_reason": "x"})
    for amount, taken in ((due, True), (due + D("0.01"), False)):
        if D(0) < amount <= claim.claimed_amount:
            assert ordered_by_sql(claim, amount, house) is taken


@pytest.mark.parametrize(
    ("plan", "terms", "said"),
    [
        (PLAN, {}, "d’un volet sont inférieures de 10 % ou plus au coût éligible de ce volet"),
        (PLAN, {"proration_cut": "beyond"}, "d’un volet sont inférieures de plus de 10 % au coût éligible de ce volet"),
        (PLAN, {"proration": "strict"}, "d’un volet sont inférieures au coût éligible de ce volet"),
        (None, {}, "éligibles sont inférieures de 10 % ou plus à l’assiette éligible"),
        (None, {"proration": "none"}, "forfaitaire dans la limite du coût réel"),
    ],
)
def test_the_act_says_with_what_its_expenditure_is_compared(plan, terms, said):
    agreement, _house = drafted(**({"granted_plan": plan.as_json()} if plan else {}))
    Agreement.objects.filter(pk=agreement.pk).update(**terms)
    assert said in words_of(Agreement.objects.get(pk=agreement.pk))


def test_the_portal_says_the_reduction_in_the_very_words_of_the_act(case, client):
    claim, house = case
    network, members = in_force("CPO", "180000.00")
    for agreement, person, said in (
        (claim.agreement, house.member, "d’un volet"),
        (network, members.member, "d’une année"),
        (*whole_budget(), "à l’assiette éligible"),
    ):
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        page = plain(client.get(reverse("agreements:agreement", args=[agreement.number])))
        told = page.split("Si vous dépensez moins ")[1].split(". ")[0]
        assert said in told and told in words_of(agreement)


def whole_budget():
    agreement, house = in_force()
    return agreement, house.member


def test_a_line_says_its_axis_where_there_are_several_and_only_there(case, client):
    claim, house = case
    for axis in ({}, {"axis": "other"}):
        with pytest.raises(claims.ClaimRefused) as refused:
            add_line(claim, house, **axis)
        assert list(refused.value.errors) == ["axis"]
    assert add_line(claim, house, axis="engineering").axis == "engineering"
    other = opened(*in_force(house=house))
    with pytest.raises(claims.ClaimRefused) as refused:
        add_line(other, house, axis="general")
    assert list(refused.value.errors) == ["axis"]
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    for one, asked in ((claim, True), (other, False)):
        page = client.get(reverse("agreements:line_add", args=[one.number]))
        assert ('name="axis"' in page.content.decode()) is asked


def in_its_column(values: dict, axis: str | None) -> dict:
    """A row of the template of a grant of several axes: the axis stands after the account."""
    return {key: values[key] for key in ("rank", "account_code")} | {"axis": axis} | values


def test_the_workbook_asks_for_the_axis(case, tmp_path):
    claim, house = case
    rows = [in_its_column(row(1), "Ingénierie"), in_its_column(row(2), None)]
    kept, found = intake.preview(claim, filled(claim, tmp_path, rows), actor=house.member)
    assert ([values["axis"] for values in found.added], len(found.refused)) == (["engineering"], 1)
    intake.take_in(kept, actor=house.member)
    assert claim.lines.get().axis == "engineering"


def test_lines_of_before_share_one_entitlement(case):
    claim, house = case
    claim = reviewed(claim, house, general="23000", engineering="8000")
    assert due_of_claim(claim).amount == D(6000)
    with pgtrigger.ignore("agreements.ExpenditureLine:line_rules"):
        claim.lines.update(axis="")
    assert due_of_claim(claim).amount == D(10000)  # 31,000 of 31,000 spent, less the advance


def test_an_axis_without_aid_is_in_no_base_and_no_claim_declares_it(client):
    """12,000 of 15,000 for the project, nothing of the 16,000 of its engineering."""
    parts = (Part(D(12000), D(15000), "general"), Part(D(0), D(16000), "engineering"))
    agreement, house = in_force(granted="12000.00", granted_plan=GrantPlan(parts).as_json())
    assert (agreement.eligible_base, agreement.rate) == (D(15000), D(80))
    words = words_of(agreement)
    assert "assiette éligible de 15 000,00 €, soit un taux de 80 %" in words
    assert "son coût de 16 000,00 € n'entre pas dans l'assiette" in words
    claim = opened(agreement, house)
    with pytest.raises(claims.ClaimRefused) as refused:
        add_line(claim, house, axis="engineering")
    assert "Rien n’est accordé" in refused.value.errors["axis"]
    line = add_line(claim, house, axis="general")
    with pytest.raises(DatabaseError, match="nothing is granted"), transaction.atomic():
        claim.lines.update(axis="engineering")
    with pgtrigger.ignore("agreements.ExpenditureLine:line_within_eligible_dates"):  # a line typed before this rule
        claim.lines.update(axis="engineering")
    assert f"Ligne {line.rank}" in expenditure_is_eligible(claim, {}, house.member)["__all__"]


def test_an_axis_without_aid_counts_in_no_year_either():
    parts = [Part(D(20000), D(40000), "general", year=year) for year in (1, 2, 3)]
    parts += [Part(D(0), D(10000), "engineering", year=year) for year in (1, 2, 3)]
    agreement, _house = drafted("CPO", "60000.00", granted_plan=GrantPlan(tuple(parts)).as_json())
    assert agreement.eligible_base == D(120000)
    assert [year.cost for year in agreement.tranches.order_by("rank")] == [D(40000)] * 3
    agreement.tranches.update(cost=D(50000))  # a draft of before this rule
    Agreement.objects.filter(pk=agreement.pk).update(eligible_base=D(150000))
    agreement = write_act(agreement, actor=agreement.drafted_by)
    assert agreement.eligible_base == sum(year.cost for year in agreement.tranches.all()) == D(120000)
