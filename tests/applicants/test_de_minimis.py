"""The de minimis register: the worked case of france.md G, the edges of the window, the ceilings as dated data."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from applicants.de_minimis.register import declare, record_granted, withdraw_declaration
from applicants.de_minimis.room import assess_for
from applicants.models import DeMinimisCeiling, SingleUndertaking
from applicants.reference_data import ensure_reference_data
from applicants.rules.de_minimis import Aid, Ceiling, NoCeiling, assess, ceiling_for, window_start
from core.events import history
from tests.factories.applicants import ApplicantFactory, DeMinimisAidFactory
from tests.factories.core import UserFactory

GENERAL = Ceiling("general", Decimal("300000"), date(2024, 1, 1), counts=frozenset({"general", "agriculture"}))


def aid(day: date, amount: int, regime: str = "general") -> Aid:
    return Aid(day, Decimal(amount), regime)


def test_worked_case() -> None:
    aids = [aid(date(2023, 2, 10), 120_000), aid(date(2024, 6, 1), 100_000)]
    verdict = assess(Decimal(90_000), date(2026, 2, 9), aids, GENERAL)
    assert verdict.total == Decimal(310_000)
    assert not verdict.allowed
    assert verdict.room == Decimal(80_000)
    assert "310" in verdict.lines[-1] and "300" in verdict.lines[-1]


@pytest.mark.parametrize(("counts", "total"), [(True, 130_000), (False, 10_000)])
def test_the_anniversary_day_is_a_parameter(counts: bool, total: int) -> None:
    aids = [aid(date(2023, 2, 10), 120_000)]
    verdict = assess(Decimal(10_000), date(2026, 2, 10), aids, GENERAL, count_anniversary=counts)
    assert verdict.total == Decimal(total)


def test_the_day_after_the_anniversary_the_aid_is_out() -> None:
    verdict = assess(Decimal(10_000), date(2026, 2, 11), [aid(date(2023, 2, 10), 300_000)], GENERAL)
    assert verdict.allowed and verdict.counted == ()


def test_up_to_the_ceiling_to_the_cent() -> None:
    aids = [aid(date(2025, 1, 1), 299_999)]
    assert assess(Decimal("1.00"), date(2026, 1, 1), aids, GENERAL).allowed
    assert not assess(Decimal("1.01"), date(2026, 1, 1), aids, GENERAL).allowed


def test_aids_of_other_regimes_and_of_later_days_do_not_count() -> None:
    aids = [
        aid(date(2025, 1, 1), 200_000, "sgei"),
        aid(date(2026, 6, 1), 200_000),
        aid(date(2025, 1, 1), 5, "agriculture"),
    ]
    assert assess(Decimal(1), date(2026, 1, 1), aids, GENERAL).before == Decimal(5)


def test_the_29th_of_february_looks_back_to_the_28th() -> None:
    assert window_start(date(2028, 2, 29), GENERAL) == date(2025, 2, 28)


def test_fiscal_years() -> None:
    fishery = Ceiling("fishery", Decimal(30_000), date(2023, 10, 25), window="fiscal")
    assert window_start(date(2026, 3, 1), fishery) == date(2024, 1, 1)
    assert window_start(date(2026, 3, 1), fishery, fiscal_month=9) == date(2023, 9, 1)


def test_the_ceiling_of_the_day_applies() -> None:
    old = Ceiling("general", Decimal(200_000), date(2014, 7, 1), date(2023, 12, 31))
    assert ceiling_for("general", date(2023, 12, 31), [old, GENERAL]) is old
    assert ceiling_for("general", date(2024, 1, 1), [old, GENERAL]) is GENERAL
    with pytest.raises(NoCeiling, match="2013"):
        ceiling_for("general", date(2013, 1, 1), [old, GENERAL])


# --- The register ---------------------------------------------------------------------------------------------------


@pytest.fixture
def applicant(db):
    return ApplicantFactory()


def test_the_ceilings_come_with_the_product(db) -> None:
    ceilings = [row.as_rule() for row in DeMinimisCeiling.objects.all()]
    assert ceiling_for("general", date(2026, 11, 24), ceilings).amount == Decimal(300_000)
    assert ceiling_for("sgei", date(2026, 11, 24), ceilings).amount == Decimal(750_000)
    ensure_reference_data()
    assert DeMinimisCeiling.objects.count() == len(ceilings)


def test_worked_case_from_the_register(applicant) -> None:
    DeMinimisAidFactory(applicant=applicant, amount=Decimal(120_000), granted_on=date(2023, 2, 10))
    record_granted(applicant, Decimal(100_000), date(2024, 6, 1), case_number="PROG-2024-00001")
    verdict = assess_for(applicant, Decimal(90_000), date(2026, 2, 9))
    assert (verdict.total, verdict.allowed) == (Decimal(310_000), False)


def test_the_anniversary_setting_is_obeyed(applicant, settings) -> None:
    DeMinimisAidFactory(applicant=applicant, amount=Decimal(120_000), granted_on=date(2023, 2, 10))
    settings.ESSOR_DE_MINIMIS_COUNTS_ANNIVERSARY = False
    assert assess_for(applicant, Decimal(1), date(2026, 2, 10)).before == 0
    settings.ESSOR_DE_MINIMIS_COUNTS_ANNIVERSARY = True
    assert assess_for(applicant, Decimal(1), date(2026, 2, 10)).before == 120_000


def test_linked_enterprises_add_up(applicant) -> None:
    group = SingleUndertaking.objects.create(name="Groupe")
    sister = ApplicantFactory(undertaking=group)
    DeMinimisAidFactory(applicant=sister, amount=Decimal(290_000), granted_on=date(2026, 1, 1))
    assert assess_for(applicant, Decimal(20_000), date(2026, 6, 1)).allowed
    applicant.undertaking = group
    applicant.save()
    assert not assess_for(applicant, Decimal(20_000), date(2026, 6, 1)).allowed


def test_a_grant_is_registered_once_and_can_be_left_out(applicant) -> None:
    first = record_granted(applicant, Decimal(5), date(2026, 1, 1), case_number="A")
    assert record_granted(applicant, Decimal(5), date(2026, 1, 1), case_number="A") == first
    assert assess_for(applicant, Decimal(5), date(2026, 1, 2), without_case="A").before == 0
    with pytest.raises(IntegrityError), transaction.atomic():
        DeMinimisAidFactory(applicant=applicant, origin="granted", reference="A")


@pytest.mark.parametrize("wrong", [{"amount": Decimal(0)}, {"regime": "x"}, {"origin": "granted", "reference": ""}])
def test_the_database_refuses(applicant, wrong: dict) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        DeMinimisAidFactory(applicant=applicant, **wrong)


def test_a_declared_aid_can_be_taken_back_and_a_granted_one_not(applicant) -> None:
    user = UserFactory(applicant=True)
    declared = declare(
        applicant,
        amount=Decimal(5),
        granted_on=date(2026, 1, 1),
        authority="X",
        regime="general",
        reference="",
        actor=user,
    )
    withdraw_declaration(declared, actor=user)
    assert not applicant.de_minimis_aids.exists()
    assert [event.action for event in history(applicant)] == ["de_minimis_declared", "de_minimis_withdrawn"]
    granted = record_granted(applicant, Decimal(5), date(2026, 1, 1), case_number="A")
    with pytest.raises(ValueError, match="registre"):
        withdraw_declaration(granted, actor=user)
