"""The worked cases of the published rules (france.md G), on the programmes as they are shipped."""

from decimal import Decimal

import pytest
from django.utils import translation

from core.money import format_euros, spread
from grants.rules.aid import AidFacts, PersonFacts, TrancheFacts, compute, percent, years_of
from grants.rules.budget import BudgetItem, balance_problems, totals_of
from grants.rules.definition import read_definition
from grants.rules.schema import ProgrammeRules, parse_programme
from grants.services.programmes import PROGRAMMES_FOLDER

D = Decimal


def rules_of(name: str, **parameters) -> ProgrammeRules:
    """The rules of a shipped programme, with other values for its parameters."""
    definition = read_definition(PROGRAMMES_FOLDER / f"{name}.yaml")
    for parameter in definition["parameters"]:
        parameter["value"] = parameters.pop(parameter["code"], parameter["value"])
    assert not parameters
    return parse_programme(definition)


def charge(amount, account="622", axis="general", eligible=None) -> BudgetItem:
    return BudgetItem("charge", account, D(amount), axis, eligible)


def product(amount, account="756", status="") -> BudgetItem:
    return BudgetItem("product", account, D(amount), status=status)


def aid(rules, **facts):
    return compute(rules, AidFacts(**facts))


# --- PROGRESS -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("eligible", "expected"), [("50000", "30000.00"), ("20000", "16000.00"), ("37500", "30000.00"), ("0", "0")]
)
def test_progress_pays_80_percent_up_to_30000_a_year(eligible, expected):
    assert aid(rules_of("progress1"), budget=(charge(eligible),)).amount == D(expected)


@pytest.mark.parametrize(("spent", "expected"), [("30000", "15000.00"), ("60000", "20000.00"), ("40000", "20000.00")])
def test_progress_engineering_is_50_percent_up_to_20000(spent, expected):
    assert aid(rules_of("progress1"), budget=(charge(spent, axis="engineering"),)).amount == D(expected)


def test_the_two_axes_of_progress_add_up():
    result = aid(rules_of("progress1"), budget=(charge("50000"), charge("60000", axis="engineering")))
    assert result.amount == D("50000.00")
    assert result.eligible_base == D("110000.00")


def test_only_the_accounts_of_the_rule_are_eligible():
    budget = (charge("10000", "625"), charge("2000", "60x"), charge("500", "864"))
    result = aid(rules_of("progress1"), budget=budget)
    assert result.eligible_base == D("10000.00")
    assert result.amount == D("8000.00")


def test_what_the_instructor_retained_wins_over_the_account():
    budget = (charge("10000", "622", eligible=D("4000")), charge("1000", "60x", eligible=D("1000")))
    assert aid(rules_of("progress1"), budget=budget).eligible_base == D("5000.00")


def test_a_rate_is_rounded_down_to_the_cent():
    assert aid(rules_of("progress1"), budget=(charge("100.01"),)).amount == D("80.00")


def test_never_more_than_what_is_asked():
    assert aid(rules_of("progress1"), budget=(charge("20000"),), requested=D("9000")).amount == D("9000")


def test_public_aid_of_others_counts_against_the_cap_of_the_programme():
    rules = rules_of("progress1", public_aid_cap=D("0.80"))
    budget = (charge("20000"), product("8000", "74com", "granted"), product("3000", "74aidespriv", "granted"))
    result = aid(rules, budget=budget)
    assert result.amount == D("8000.00")  # 80 % of 20,000 less the 8,000 of the commune; the foundation is not public
    assert any("8 000,00 €" in line.text.replace("\u202f", " ") for line in result.lines)


def test_a_yearly_ceiling_counts_for_each_year():
    assert aid(rules_of("progress1"), budget=(charge("100000"),), years=2).amount == D("60000.00")
    assert [years_of(months) for months in (0, 1, 12, 13, 24, 25)] == [1, 1, 1, 2, 2, 3]


def test_every_amount_comes_with_its_reasons():
    result = aid(rules_of("progress1"), budget=(charge("50000"),))
    texts = [line.text.replace("\u202f", " ") for line in result.lines]
    assert texts[0] == "Projet : dépenses retenues (comptes 604, 622, 623, 625) 50 000,00 €."
    assert texts[1] == "80 % de 50 000,00 € : 40 000,00 €."
    assert texts[2] == "Plafond de 30 000,00 € par an : aide limitée à 30 000,00 €."
    assert texts[-1] == "Aide : 30 000,00 €."
    with translation.override("en"):
        assert aid(rules_of("progress1"), budget=(charge("50000"),)).lines[-1].text == "Aid: €30,000.00."


# --- Capital SCOP ---------------------------------------------------------------------------------------------------


def scop(*contributions, **parameters):
    persons = tuple(
        PersonFacts(str(rank), f"Personne {rank}", D(amount)) for rank, amount in enumerate(contributions, 1)
    )
    return aid(rules_of("capital-scop", **parameters), persons=persons)


@pytest.mark.parametrize(
    ("contribution", "expected"), [("3200", "3200.00"), ("7500", "5000.00"), ("1000", "1000.00"), ("999.99", "0.00")]
)
def test_a_grant_equals_the_own_contribution_between_1000_and_5000(contribution, expected):
    assert scop(contribution).amount == D(expected)


def test_under_the_floor_the_parameter_decides():
    refused = scop("800", "3000")
    assert [person.amount for person in refused.per_person] == [D(0), D("3000.00")]
    assert refused.per_person[0].refused
    assert refused.amount == D("3000.00")
    assert not refused.refusals  # one person without aid does not stand against the others
    assert len(scop("800", "900").refusals) == 2
    paid = scop("800", "3000", below_floor="pay_contribution")
    assert [person.amount for person in paid.per_person] == [D("800.00"), D("3000.00")]
    assert paid.amount == D("3800.00")
    assert not paid.refusals


def test_each_person_has_their_own_amount():
    result = scop("3200", "7500", "1500.50")
    assert [person.amount for person in result.per_person] == [D("3200.00"), D("5000.00"), D("1500.50")]
    assert result.amount == D("9700.50")


# --- CPO ------------------------------------------------------------------------------------------------------------


def test_three_years_each_within_the_rate_of_its_cost():
    tranches = tuple(
        TrancheFacts(year, D(cost), D(asked))
        for year, cost, asked in ((1, "100000", "60000"), (2, "100000", "90000"), (3, "50000", "40000"))
    )
    result = aid(rules_of("cpo"), tranches=tranches)
    assert [tranche.amount for tranche in result.per_tranche] == [D("60000.00"), D("80000.00"), D("40000.00")]
    assert result.amount == D("180000.00")
    assert result.eligible_base == D("250000.00")


def cut(amount: str, retained: str) -> BudgetItem:
    """An expense of which an instructor retained less."""
    return charge(amount, eligible=D(retained))


@pytest.mark.parametrize(
    ("budget", "costs", "amounts"),
    [
        # What is retained covers the costs of the years: they count as they were typed.
        (
            [charge("130200"), charge("55800")],
            ["60000.00", "62000.00", "64000.00"],
            ["24000.00", "25000.00", "26000.00"],
        ),
        ([charge("200000")], ["60000.00", "62000.00", "64000.00"], ["24000.00", "25000.00", "26000.00"]),
        # 20,000 euros of 186,000 are retained: that much in all, and 80 % of it.
        (
            [cut("130200", "10000"), cut("55800", "10000")],
            ["6451.61", "6666.66", "6881.73"],
            ["5161.28", "5333.32", "5505.38"],
        ),
        # One cent less than the years cost.
        ([cut("186000", "185999.99")], ["59999.99", "62000.00", "64000.00"], ["24000.00", "25000.00", "26000.00"]),
        # The applicant typed years that cost more than the budget.
        ([charge("93000")], ["30000.00", "31000.00", "32000.00"], ["24000.00", "24800.00", "25600.00"]),
        ([cut("186000", "0")], ["0.00", "0.00", "0.00"], ["0.00", "0.00", "0.00"]),
    ],
)
def test_the_years_cost_no_more_than_what_is_retained_of_the_budget(budget, costs, amounts):
    """75,000 euros were asked, proposed and given the visa on 186,000, of which an instructor had retained 20,000."""
    typed = ((1, "60000", "24000"), (2, "62000", "25000"), (3, "64000", "26000"))
    tranches = tuple(TrancheFacts(year, D(cost), D(asked)) for year, cost, asked in typed)
    result = aid(rules_of("cpo", public_aid_cap=D("1.00")), tranches=tranches, budget=tuple(budget))
    assert [tranche.cost for tranche in result.per_tranche] == [D(cost) for cost in costs]
    assert [tranche.amount for tranche in result.per_tranche] == [D(amount) for amount in amounts]
    assert result.eligible_base == sum(map(D, costs))
    words = " ".join(line.text for line in result.lines)
    assert ("ne va pas au-delà" in words) is (costs[0] != "60000.00")
    assert all(format_euros(D(cost)) in words for cost in costs)


def test_an_axis_of_which_nothing_is_retained_stays_in_the_explanation():
    general = charge("10000")
    for retained, said in ((None, False), (D("1.00"), False), (D("0.00"), True)):
        budget = (general, charge("6000", axis="engineering", eligible=retained))
        result = aid(rules_of("progress1"), budget=budget)
        words = " ".join(line.text for line in result.lines).replace("\u202f", " ").replace("\xa0", " ")
        assert ("Ingénierie : rien n’est retenu des 6 000,00 € déclarés, aucune aide." in words) is said
    assert "rien n’est retenu" not in " ".join(
        line.text for line in aid(rules_of("progress1"), budget=(general,)).lines
    )


def test_a_cap_on_the_whole_is_shared_between_the_years_to_the_cent():
    tranches = tuple(TrancheFacts(year, D("100"), D("33.33")) for year in (1, 2, 3))
    rules = rules_of("cpo", public_aid_cap=D("0.50"))
    result = aid(rules, tranches=tranches, budget=(charge("100"),))
    assert result.amount == D("50.00")
    assert sum(tranche.amount for tranche in result.per_tranche) == D("50.00")


# --- pieces of it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "weights"), [("100.00", "1 1 1"), ("0.01", "5 5"), ("9700.50", "3200 5000 1500.50"), ("10", "0 7 3")]
)
def test_spreading_loses_no_cent(total, weights):
    weights = [D(weight) for weight in weights.split()]
    shares = spread(D(total), weights)
    assert sum(shares) == D(total)
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - D(total) * weight / sum(weights)) <= D("0.01")


def test_spreading_over_nothing_gives_nothing():
    assert spread(D("10"), [D(0), D(0)]) == [D(0), D(0)]


def test_percentages_show_decimals_only_where_needed():
    assert [percent(D(rate)) for rate in ("0.8", "0.805", "1.00", "0.3333")] == [
        "80\u202f%", "80,5\u202f%", "100\u202f%", "33,33\u202f%",
    ]  # fmt: skip


# --- budget ---------------------------------------------------------------------------------------------------------


def test_a_budget_balances_in_money_and_apart_in_kind():
    items = (charge("1000"), product("600"), product("400", "74region", "this_request"))
    totals = totals_of(items)
    assert totals.is_balanced
    assert totals.requested == D("400.00")
    assert balance_problems(totals) == []
    assert not totals_of((*items, charge("50", "864"))).is_balanced
    assert totals_of((*items, charge("50", "864"), product("50", "870"))).is_balanced


def test_the_gap_is_told_with_its_amount_and_side():
    (problem,) = balance_problems(totals_of((charge("37500"), product("36500"))))
    assert problem.replace("\u202f", " ") == "Il manque 1 000,00 € de produits pour équilibrer le budget."
    (problem,) = balance_problems(totals_of((charge("100"), product("150"))))
    assert "50,00" in problem
    assert len(balance_problems(totals_of(()))) == 1


def test_a_request_to_this_programme_is_no_other_public_aid():
    totals = totals_of((product("10", "74dep"), product("20", "74region", "this_request"), product("5", "758")))
    assert totals.other_public_aid == D("10.00")
