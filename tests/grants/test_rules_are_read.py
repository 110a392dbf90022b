"""No rule of a programme's file that nothing reads: each field of each dataclass is read by code outside the schema.

The whole life of a case runs while each reading of a field is noted with the file that reads it. ``source`` is read by
the loader, which refuses one that the file does not declare: that is tried for each dataclass that has one.
"""

import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from agreements import claims, receivers
from agreements.rules.deadlines import first_claim_due_on
from core.dates import add_months
from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants.programmes import steps
from grants.rules import schema
from grants.rules.automatic_checks import AUTOMATIC, CaseFacts
from grants.rules.definition import DefinitionError, check_definition
from grants.services.amounts import computed_aid, refresh_amounts
from grants.services.drafting import FilingRefused
from grants.services.facts import seat_refusal
from grants.services.missing import early_start_problems
from grants.services.programmes import PROGRAMMES_FOLDER, load_folder
from tests.factories.agreements import drafted, in_force, opened
from tests.factories.applicants import ApplicantFactory
from tests.factories.grants import draft, filed, in_instruction, incomplete
from tests.factories.instruction import staff, version_of

CODES = ("PROGRESS1", "CAPITAL-SCOP", "CPO")
KINDS = [
    kind
    for module in (schema, steps)
    for kind in vars(module).values()
    if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == module.__name__ and kind is not steps.Step
]
READ_BY_THE_LOADER = {("Source", "code"), ("Parameter", "code"), ("Parameter", "value")}
"""What a ``$code`` or a ``source:`` of the file stands for: resolved before there is a dataclass, refused if unknown."""

OWN_FILES = ("grants/rules/schema.py", "grants/programmes/steps.py")


@pytest.fixture
def readings(monkeypatch) -> set[tuple[str, str]]:
    """``(dataclass, field)`` of each reading by product code outside the schema, while the test runs."""
    seen: set[tuple[str, str]] = set()

    def watch(kind: type) -> None:
        names = {field.name for field in fields(kind)}

        def __getattribute__(self, name):
            if name in names:
                code = sys._getframe(1).f_code.co_filename
                if "/tests/" not in code and not code.startswith("<") and not code.endswith(OWN_FILES):
                    seen.add((kind.__name__, name))
            return object.__getattribute__(self, name)

        monkeypatch.setattr(kind, "__getattribute__", __getattribute__, raising=False)

    for kind in KINDS:
        watch(kind)
    return seen


def live_a_life(client) -> None:
    """The public pages, a form, a filing, an instruction and an act of each programme."""
    load_folder()
    for code in CODES:
        check_definition((PROGRAMMES_FOLDER / f"{code.lower()}.yaml").read_text(encoding="utf-8"), code)
        application = draft(code)
        client.force_login(application.created_by)
        client.get(reverse("grants:catalogue"), {"audience": "association", "purpose": "start", "amount": "5000"})
        client.get(reverse("grants:catalogue"), {"amount": "5000"})
        client.get(reverse("grants:programme", args=[code]), {"general": "10000", "person1": "2000", "cost1": "9"})
        client.get(reverse("grants:start", args=[application.call.code]))
        for section in application.rules.sections:
            client.get(reverse("grants:step", args=[application.public_id, section.code]), {"check": "1"})
        case = in_instruction(code)
        client.force_login(case.created_by)
        client.get(case.get_absolute_url())
        client.force_login(staff(Role.INSTRUCTOR, code))
        page = client.get(reverse("admin:grants_application_change", args=[case.pk]))
        assert page.status_code == 200
    incomplete("PROGRESS1")


def grant_and_report() -> None:
    """An act, and a yearly report that is filed."""
    drafted("PROGRESS1")
    agreement, _house = in_force("CPO", "180000.00")
    report = SimpleNamespace(tranche=SimpleNamespace(agreement=agreement, rank=1))
    receivers.report_moved(None, report, name="file", actor=None, comment="")


@pytest.mark.django_db
def test_every_field_of_every_rule_is_read_outside_of_the_schema(client, readings):
    with transaction.atomic():  # the factories of agreements number their cases themselves
        live_a_life(client)
        transaction.set_rollback(True)
    grant_and_report()
    every = {(kind.__name__, field.name) for kind in KINDS for field in fields(kind)}
    unread = {item for item in every - readings if item[1] != "source" and item[0] != "Text"} - READ_BY_THE_LOADER
    assert unread == set()


def dataclasses_with_source() -> Iterator[tuple[str, str, str]]:
    yield from (
        ("progress1", "rate: 0.80, source: rtes", "rate"),
        ("progress1", "amount: 30000, per: year, source: rtes", "ceiling"),
        ("capital-scop", "per: person, source: esperluat", "floor"),
        ("cpo", "rate: $rate_cap, source: region", "rate_cap"),
        ("progress1", "{rate: $public_aid_cap, source: region", "public_aid_cap"),
        ("progress1", "rule: within_request, source: region", "within_request"),
        ("progress1", "kind: budget, axis: general, accounts: $eligible_accounts, source: rtes", "base"),
        ("progress1", "stage: completeness, source: cerfa", "check"),
        ("progress1", "types: [pdf, image]\n    source: cerfa", "piece"),
        ("capital-scop", 'body: {fr: "URSCOP", en: "URSCOP"}\n    source: esperluat', "opinion"),
        ("cpo", "released_on: report, source: region", "tranches"),
        ("progress1", "deadlines:\n  source: crpa", "deadlines"),
        (
            "progress1",
            "proration: {policy: tolerance, tolerance: $proration_tolerance, cut: from, source: auvergne",
            "proration",
        ),
        ("progress1", 'notification of the grant"}\n    source: region', "instalment"),
        ("progress1", "value: 1.00\n    verified: false\n    source: region", "parameter"),
    )


@pytest.mark.parametrize(("name", "text", "what"), list(dataclasses_with_source()), ids=lambda value: value[:20])
def test_a_rule_whose_source_is_not_declared_is_refused(name, text, what):
    content = (PROGRAMMES_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert content.count(text) >= 1, what
    head, _word, _code = text.rpartition("source: ")
    with pytest.raises(DefinitionError, match="aucune source n’a le code « nowhere »"):
        check_definition(content.replace(text, f"{head}source: nowhere", 1), name)


# --- each of the rules that nothing read ------------------------------------------------------------------------------


def with_rules(monkeypatch, code: str, **changes) -> None:
    """The programme of this code says otherwise, in its file."""
    version = version_of(code)
    definition = version.definition | changes
    monkeypatch.setattr(schema, "_PARSED", {version.sha256: schema.parse_programme(definition)})


@pytest.mark.django_db
def test_early_start_is_refused_or_judged_as_the_programme_says(monkeypatch):
    application = draft("PROGRESS1")
    application.project_start = timezone.localdate() - timedelta(days=3)
    application.early_start_reason = ""
    assert early_start_problems(application)
    application.early_start_reason = "Inondation du local."
    assert early_start_problems(application) == []
    with_rules(monkeypatch, "PROGRESS1", early_start_allowed=False)
    application = type(application).objects.get(pk=application.pk)
    application.project_start = timezone.localdate() - timedelta(days=3)
    application.early_start_reason = "Inondation du local."
    (problem,) = early_start_problems(application)
    assert "n’aide pas un projet déjà commencé" in problem
    application.project_start = timezone.localdate()
    assert early_start_problems(application) == []
    days = {"filed_on": timezone.localdate(), "project_start": timezone.localdate() - timedelta(days=1)}
    facts = CaseFacts(early_start_reason="Inondation", **days)
    assert AUTOMATIC["early_start"](facts).holds is None
    refused = AUTOMATIC["early_start"](CaseFacts(early_start_reason="x", early_start_allowed=False, **days))
    assert refused.holds is False
    assert "exception" in refused.reason


@pytest.mark.django_db
def test_the_seat_is_in_the_region_where_the_programme_asks_for_it(monkeypatch, settings):
    away, here = ApplicantFactory(postcode="44000"), ApplicantFactory(postcode="51100")
    rules = version_of("CAPITAL-SCOP").rules
    assert rules.same_region
    assert seat_refusal(rules, away) is None  # the Region is not known: the instructor looks
    settings.ESSOR_REGION = settings.ESSOR_REGION | {"insee": "44"}
    assert here.region_insee == "44"
    assert seat_refusal(rules, here) is None
    assert "hors de la région" in seat_refusal(rules, away)
    assert seat_refusal(version_of("CPO").rules, away) is None
    assert AUTOMATIC["region"](CaseFacts(place="Nantes", seat_in_region=False)).holds is False
    assert AUTOMATIC["region"](CaseFacts(place="Reims", seat_in_region=True)).holds is None


@pytest.mark.django_db
def test_nobody_from_elsewhere_begins_or_files(settings):
    application = draft("CAPITAL-SCOP")
    settings.ESSOR_REGION = settings.ESSOR_REGION | {"insee": "01"}
    with pytest.raises(FilingRefused, match="hors de la région"):
        draft("CAPITAL-SCOP", user=application.created_by, applicant=application.applicant, call=application.call)
    with pytest.raises(TransitionRefused, match="hors de la région"):
        perform(application, "submit", actor=application.created_by, data={})


@pytest.mark.django_db
def test_who_says_the_amount_is_what_the_programme_says(monkeypatch):
    application = filed("PROGRESS1")
    application.answers["requested"] = "9000.00"
    assert computed_aid(application).amount == Decimal("9000.00")
    refresh_amounts(application)
    assert application.requested_amount == Decimal("9000.00")
    rules = application.rules
    computed = schema.replace(rules, aid=schema.replace(rules.aid, requested="computed"))
    monkeypatch.setattr(schema, "_PARSED", {application.programme_version.sha256: computed})
    application = type(application).objects.get(pk=application.pk)
    application.answers["requested"] = "9000.00"
    assert refresh_amounts(application).amount > Decimal("9000.00")
    assert application.requested_amount == application.computed_amount


@pytest.mark.django_db
def test_the_first_claim_is_filed_in_the_months_of_the_programme():
    agreement, house = in_force("PROGRESS1")
    months = agreement.application.rules.deadlines.first_claim_months
    assert agreement.first_claim_deadline == first_claim_due_on(agreement.decision_date, months)
    assert agreement.first_claim_deadline == add_months(agreement.decision_date, 12)
    cpo, _house = in_force("CPO", "180000.00")
    assert cpo.first_claim_deadline is None


@pytest.mark.django_db
@pytest.mark.parametrize(("late", "refused"), [(0, False), (1, True)])
def test_a_first_claim_after_its_last_day_is_refused(monkeypatch, late, refused):
    agreement, house = in_force("PROGRESS1")
    claim = opened(agreement, house, "advance")
    assert claim.submitted_at is None
    day = agreement.first_claim_deadline + timedelta(days=late)
    monkeypatch.setattr(timezone, "localdate", lambda *_args: day)
    if refused:
        with pytest.raises(TransitionRefused, match="première demande de versement devait"):
            claims.submit(claim, actor=house.member)
    else:
        assert claims.submit(claim, actor=house.member).state == "submitted"
