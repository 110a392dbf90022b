"""The demonstration, as ``make demo`` runs it: real transitions, a real worker, the same figures at every run."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.models import Count, F, Max, Min, Sum
from django.test import override_settings
from django.utils import timezone

from agreements.models import Agreement, PaymentOrder
from applicants.models import DeMinimisAid
from core.admin.changes import change_lines
from core.figures.checking import look
from core.figures.models import FigureCheck
from core.models import Event, User
from core.models.job import Job
from core.roles import Role
from core.transitions import workflow_models
from demo.cases import CASES
from demo.scale import file_many
from grants.models import Application, Commitment, Programme
from reporting.models import PaymentApplication
from tests.invariants.test_declared import CODES

pytestmark = pytest.mark.django_db(transaction=True)

# The totals that the demonstration always gives: operations, eligible, EU, declared, kept, asked of the Commission.
TOTALS = {
    "FSE+": (7, "1 387 414,50", "432 765,80", "505 260,00", "457 165,82", "94 790,16"),
    "FEDER": (6, "472 414,50", "156 665,80", "50 000,00", "45 914,50", "45 914,50"),
}
# By programme: what was granted, what is committed (less what was released), what was paid.
MONEY = {
    "PROGRESS1": ("251000.00", "213400.00", "125400.00"),
    "CAPITAL-SCOP": ("47800.00", "42200.00", "19700.00"),
    "CPO": ("1082000.00", "959000.00", "247500.00"),
}
# The register of de minimis aid: each grant once.
REGISTER = {"rows": 16, "euros": Decimal("298800.00")}


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """Runs the command on the test's database, and returns what it printed."""
    monkeypatch.setenv("ESSOR_TEST_DATABASE", connection.settings_dict["NAME"])  # for the worker that it starts

    def run() -> str:
        out = StringIO()
        with override_settings(VAR_DIR=tmp_path):
            call_command("demo", stdout=out)
        return out.getvalue().replace("\u202f", " ").replace("\xa0", " ")

    run.folder = tmp_path / "demo"
    return run


def rows_of_everything() -> dict[str, int]:
    """How many rows each table holds, but for what a run adds on purpose: its jobs, their files, its log and its seals."""
    grows = {"core_job", "core_document", "core_storedfile", "core_event", "core_eventseal", "core_outboxmessage"}
    grows |= {"core_historyseal", "core_personsalt"}
    grows |= {"core_filecheck"}  # between midnight and six o’clock the schedule of its worker reads the files again
    counts = {}
    for name in connection.introspection.table_names():
        if {name, name.removesuffix("event")} & grows or name.startswith("pghistory"):
            continue  # with the histories of these tables
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(name)}")  # noqa: S608
            counts[name] = cursor.fetchone()[0]
    return counts


@pytest.mark.long
def test_a_region_at_work(demo):
    told = demo()
    for fund, figures in TOTALS.items():
        line = next(line for line in told.splitlines() if line.strip().startswith(f"{fund}:"))
        for figure in figures:
            assert str(figure) in line
    assert {code: money_of(code) for code in MONEY} == MONEY
    assert DeMinimisAid.objects.aggregate(rows=Count("pk"), euros=Sum("amount")) == REGISTER
    assert_cases_are_everywhere()
    assert_a_network_has_years_of_their_own()
    assert_no_state_was_written_behind_the_workflow()
    assert_every_role_has_an_account(told)
    assert_each_act_is_a_transaction_of_its_day()
    assert set(FigureCheck.objects.filter(broken_since=None).values_list("code", flat=True)) == set(CODES)
    for name in ("cofinancement.xlsx", "liste-des-operations.xlsx", "liste-des-operations.csv"):
        assert (demo.folder / name).stat().st_size > 1000
        assert str(demo.folder / name) in told
    call_command("verify_history", stdout=StringIO())  # raises when a link is broken
    call_command("check_figures", stdout=StringIO())  # raises when a figure does not hold

    before = rows_of_everything()
    again = demo()
    assert rows_of_everything() == before
    assert [line for line in again.splitlines() if "·" in line] == [line for line in told.splitlines() if "·" in line]
    assert_many_more_are_filed_on_all_cores()


def money_of(code: str) -> tuple[str, ...]:
    """The euros of a programme: granted, committed, paid."""
    cases = Application.objects.filter(programme_version__programme__code=code)
    commitments = Commitment.objects.filter(application__in=cases)
    orders = PaymentOrder.objects.filter(claim__agreement__application__in=cases, state="paid")
    sums = (
        cases.aggregate(euros=Sum("granted_amount")),
        commitments.aggregate(euros=Sum(F("amount") - F("released_amount"))),
        orders.aggregate(euros=Sum("amount")),
    )
    return tuple(str(found["euros"]) for found in sums)


def assert_a_network_has_years_of_their_own() -> None:
    """An agreement in force with years that differ in cost, request and rate, one of them cut; what is certified of each
    claim is due on its own year, at the rate of that year."""
    found = []
    for agreement in Agreement.objects.filter(state="in_force", tranches__isnull=False).distinct():
        years = list(agreement.tranches.order_by("rank"))
        asked = [Decimal(row["requested"]) for row in agreement.application.answers["tranches"]]
        told = [year.cost for year in years], asked, [year.amount / year.cost for year in years]
        cut = [year for year, wanted in zip(years, asked, strict=True) if year.amount < wanted]
        if all(len(set(values)) > 1 for values in told) and len(cut) == 1:
            found.append(agreement)
    assert found
    for agreement in found:
        certified = agreement.claims.exclude(certified_amount=None).select_related("instalment__tranche")
        assert {claim.instalment.needs_expenditure for claim in certified} == {True, False}
        for claim in certified:
            year, due = claim.instalment.tranche, claim.instalment.amount
            if claim.instalment.needs_expenditure:
                of_year = certified.filter(instalment__tranche=year)
                spent = sum(each.certified_total for each in of_year)
                before = sum(each.certified_amount for each in of_year.exclude(pk=claim.pk))
                due = min(year.amount, round(spent * year.amount / year.cost, 2)) - before
                assert due != round(spent * agreement.rate / 100, 2) - before, (
                    "the rate of the whole would give the same"
                )
            assert claim.certified_amount == due


def assert_many_more_are_filed_on_all_cores() -> None:
    """What fills the database of a benchmark: through the doors of everybody, and every figure holds."""
    wanted = Application.objects.count() + 12
    steps = []
    file_many(wanted, steps.append)
    assert (Application.objects.count(), len(steps)) == (wanted, 12)
    broken = {result.invariant.code for result in look() if not result.holds}
    assert broken == {"core.mails-leave"}  # written, and no worker runs here any more


def assert_cases_are_everywhere() -> None:
    """At least 40 cases, in every state, of the three programmes, with money of two funds asked of the Commission."""
    cases = Application.objects.all()
    assert cases.count() == len(CASES) >= 40
    states = {state for state, _label in Application._meta.get_field("state").flatchoices}
    assert set(cases.values_list("state", flat=True)) == states
    codes = set(cases.values_list("programme_version__programme__code", flat=True))
    assert codes == set(Programme.objects.values_list("code", flat=True)) == {"PROGRESS1", "CAPITAL-SCOP", "CPO"}
    sent = PaymentApplication.objects.filter(state="accepted")
    assert {application.fund.code for application in sent.select_related("fund")} == {"ESF+", "ERDF"}


def assert_no_state_was_written_behind_the_workflow() -> None:
    """Each row of a workflow is in the state to which its last event led it."""
    checked = 0
    for model in workflow_models(apps.get_models()):
        if model is Job or model._meta.app_label == "sample":
            continue
        kind = ContentType.objects.get_for_model(model)
        states = {}
        for event in Event.objects.filter(content_type=kind).exclude(to_state="").order_by("pk"):
            states[event.object_id] = event.to_state
        initial = model._meta.get_field(model.STATE_FIELD).default
        for row in model._base_manager.all():
            assert getattr(row, model.STATE_FIELD) == states.get(row.pk, str(initial)), repr(row)
            checked += row.pk in states
    assert checked > 150


def assert_each_act_is_a_transaction_of_its_day() -> None:
    """No transaction holds months: what it tells lies within minutes, and a history page says the day of each change."""
    spans = Event.objects.values("transaction").annotate(first=Min("created_at"), last=Max("created_at"))
    assert len(spans) > 900
    assert max(span["last"] - span["first"] for span in spans) < timedelta(minutes=10)
    case = Application.objects.filter(state="contracted").order_by("pk").first()
    days = {timezone.localdate(line.when) for line in change_lines(case)}
    assert len(days) >= 6 and max(days) < timezone.localdate() - timedelta(days=30)
    assert all(line.who != "command demo" for line in change_lines(case))


def assert_every_role_has_an_account(told: str) -> None:
    for role in Role:
        assert any(user.email in told for user in User.objects.filter(groups__name=role.value)), role


def test_amounts_of_the_story_are_whole_cents():
    """The cases are data: no amount that a float could have spoilt."""
    amounts = [line.amount for case in CASES for line in (*case.charges, *case.products)]
    assert amounts and all(
        isinstance(amount, str) and Decimal(amount) == round(Decimal(amount), 2) for amount in amounts
    )
