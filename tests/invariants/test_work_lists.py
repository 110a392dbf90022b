"""What the figures say of the work lists is what the lists show: a row is accused if, and only if, no active person finds it.

Over the whole Region, read through "my work" as each member of the staff reads it: as it is, without the people of a case,
with a head of service alone, with nobody. The days that people were given have passed: what waits for them has come back.
"""

from collections.abc import Collection

import pytest
from django.db import connection
from django.db.models import Q

from agreements import work as agreements_work
from agreements.account_waits import is_unknown
from agreements.figures.work import TO_CHECK, TO_PAY, nobodys_acts, nobodys_claims, nobodys_reports
from agreements.models import Agreement, PaymentClaim, TrancheReport
from agreements.work import KEPT_UNFILED, READY_TO_SIGN, TO_SEND, change_url, nothing_to_come
from core.figures.invariants import invariant_of
from core.models import User
from core.navigation import work_for
from core.roles import STAFF_ROLES, Role
from grants import work as grants_work
from grants.figures.work import WHO, nobodys
from grants.models import Application, CommitteeSession
from grants.who_is_there import Without
from tests.invariants.endings_breaks import KEPT_DRAFT

pytestmark = pytest.mark.django_db

ACT = "UPDATE agreements_agreement SET state = '{state}' WHERE id = (SELECT {which}(id) FROM agreements_agreement WHERE state = 'in_force')"
# Something of each kind waits, and the days that people were given have passed.
WAITING = (
    ACT.format(state="draft", which="max"),
    ACT.format(state="signed_by_beneficiary", which="min"),
    "UPDATE agreements_tranchereport SET state = 'filed' WHERE id = (SELECT max(id) FROM agreements_tranchereport)",
    "UPDATE agreements_paymentclaim SET state = 'suspended' WHERE id = (SELECT max(id) FROM agreements_paymentclaim "
    "WHERE state IN ('submitted', 'under_review'))",
    "UPDATE grants_piecerequest SET due_on = current_date - 2 WHERE answered_at IS NULL",
    "UPDATE agreements_paymentclaim SET answer_due_on = current_date - 2 WHERE state = 'returned'",
    *KEPT_DRAFT,
)
INSTRUCTOR = "(SELECT instructor_id FROM grants_application WHERE instructor_id IS NOT NULL ORDER BY id LIMIT 1)"
CLOSE = (
    "UPDATE core_user SET is_active = FALSE WHERE id IN (SELECT user_id FROM core_user_groups m JOIN auth_group g"
    " ON g.id = m.group_id WHERE g.name = ANY (ARRAY[{roles}]))"
)


def close(*roles: Role) -> str:
    return CLOSE.format(roles=", ".join(f"'{role}'" for role in roles))


SCENES = {
    "as it is": (),
    "an instructor's account closed": (f"UPDATE core_user SET is_active = FALSE WHERE id = {INSTRUCTOR}",),  # noqa: S608
    "the role of an instructor taken": (f"DELETE FROM core_user_groups WHERE user_id = {INSTRUCTOR}",),  # noqa: S608
    "the programme of an instructor taken": (f"DELETE FROM grants_programmeassignment WHERE user_id = {INSTRUCTOR}",),  # noqa: S608
    "without instructors named": ("UPDATE grants_application SET instructor_id = NULL",),
    "without instructors": (close(Role.INSTRUCTOR),),
    "a head of service alone": (close(Role.INSTRUCTOR, Role.FINANCE_OFFICER, Role.COMMITTEE_SECRETARY),),
    "without heads": (close(Role.HEAD_OF_SERVICE),),
    "without heads, finance drafted": (
        close(Role.HEAD_OF_SERVICE),
        "UPDATE agreements_agreement SET drafted_by_id = (SELECT min(user_id) FROM core_user_groups m JOIN auth_group g"
        " ON g.id = m.group_id WHERE g.name = 'finance_officer')",
    ),
    "without finance": (close(Role.FINANCE_OFFICER),),
    "without secretaries": (close(Role.COMMITTEE_SECRETARY),),
    "nobody": (close(*STAFF_ROLES - {Role.ADMINISTRATOR}),),
}  # fmt: skip


def as_the_owner(statements: Collection[str]) -> None:
    """What services and triggers refuse may stand in a database that is older than they are."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")


class Shown:
    """What "my work" of each active member of the staff shows: by person, the names and the addresses of its lines."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.addresses: set[str] = set()
        self.of_finance: list[tuple[set[int], set[str]]] = []
        staff = User.objects.filter(is_active=True, groups__name__in=STAFF_ROLES).distinct().order_by("pk")
        for person in staff:
            items = work_for(person)
            addresses = {item.url.partition("#")[0] for item in items}
            self.names |= {str(item.title).partition(" · ")[0] for item in items} | {str(item.title) for item in items}
            self.addresses |= addresses
            if person.has_role(Role.FINANCE_OFFICER):
                programmes = set(person.programme_assignments.values_list("programme", flat=True))
                self.of_finance.append((programmes, addresses))

    def in_a_batch(self, claim: PaymentClaim) -> bool:
        """Its batch is in the list of an officer of its programme: the batches of all programmes are in that of each."""
        programme = claim.agreement.application.programme_version.programme_id
        batches = {change_url(order.batch) for order in claim.orders.select_related("batch")}
        return any(programme in programmes and batches & addresses for programmes, addresses in self.of_finance)

    def cases(self) -> set[int]:
        found = set()
        for case in Application.objects.filter(state__in=WHO).exclude(state="approved", agreement__isnull=False):
            sessions = CommitteeSession.objects.filter(items__application=case) if case.state == "scheduled" else ()
            if case.number in self.names or any(str(session) in self.names for session in sessions):
                found.add(case.pk)
        return found

    def rows(self, rows) -> set[int]:
        return {row.pk for row in rows if change_url(row) in self.addresses}


def pks(broken) -> set[int]:
    return {row.pk for row in broken}


@pytest.fixture
def all_shown(monkeypatch):
    for module in (agreements_work, grants_work):
        monkeypatch.setattr(module, "SHOWN", 10_000)


@pytest.mark.parametrize("scene", SCENES)
def test_a_row_is_accused_if_and_only_if_nobody_finds_it(region, all_shown, scene):
    as_the_owner([*WAITING, *SCENES[scene]])
    shown = Shown()

    cases = Application.objects.filter(state__in=WHO).exclude(state="approved", agreement__isnull=False)
    accused = pks(invariant_of("grants.open-case-is-somebodys").broken())
    assert accused & set(cases.values_list("pk", flat=True)) == pks(cases) - shown.cases()

    acts = Agreement.objects.filter(TO_SEND | READY_TO_SIGN | nothing_to_come())
    assert pks(invariant_of("agreements.open-act-is-somebodys").broken()) == pks(acts) - shown.rows(acts)

    reports = TrancheReport.objects.filter(state="filed")
    assert pks(invariant_of("agreements.open-report-is-somebodys").broken()) == pks(reports) - shown.rows(reports)

    claims = PaymentClaim.objects.filter(Q(state__in=[*TO_CHECK, *TO_PAY]) | KEPT_UNFILED)
    seen = shown.rows(claims) | {claim.pk for claim in claims if claim.state == "ordered" and shown.in_a_batch(claim)}
    accused = pks(invariant_of("agreements.open-claim-is-somebodys").broken())
    assert pks(claims) - seen <= accused
    # The instructor reads, too, who has no account: that orders nothing.
    unknown = pks(PaymentClaim.objects.filter(is_unknown()))
    assert accused & seen <= unknown
    if scene == "nobody":
        assert accused == pks(claims) and not seen
        assert {act.state for act in acts} >= {"draft", "signed_by_beneficiary", "in_force"} and reports
        assert {claim.state for claim in claims} >= {"draft", "submitted", "suspended"}


@pytest.mark.parametrize("which", [nobodys, nobodys_acts, nobodys_claims, nobodys_reports])
def test_what_closing_an_account_says_is_what_it_leaves_behind(region, which):
    """For each role: the last who hold it, thought away one after the other and closed."""
    as_the_owner(WAITING)
    for role in (Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.COMMITTEE_SECRETARY, Role.FINANCE_OFFICER):
        people = User.objects.filter(is_active=True, groups__name=role).order_by("pk").values_list("pk", flat=True)
        foreseen = pks(which(Without(list(people), STAFF_ROLES)))
        as_the_owner([close(role)])
        assert foreseen == pks(which())
    assert foreseen
