"""Every open act, claim and report stands in the work list of a person who can do something about it."""

from collections.abc import Collection, Iterator

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agreements.changed_since import due_is_another
from agreements.models import Agreement, PaymentClaim, TrancheReport
from agreements.signers import who_may_sign
from agreements.work import KEPT_UNFILED, READY_TO_SIGN, TO_SEND, nothing_to_come
from core.figures.invariants import Broken, Invariant, Severity, Unit, register
from core.roles import Role
from grants.figures.work import told
from grants.who_is_there import ALL_STAY, FOLLOWS_UP, INSTRUCTS, Without, several, somebody, there

OF_CLAIM = "agreement__application__"
TO_CHECK = ("submitted", "under_review", "suspended", "returned")
TO_PAY = ("certified", "ordered")


def nobodys_acts(without: Without = ALL_STAY) -> Iterator[Broken]:
    """Acts to send, to sign or to end that stand in nobody's list, or would without some people; one query."""
    to_sign = READY_TO_SIGN
    for role in (Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER):
        # Two of them may have prepared it: another signs, where the programme has three.
        to_sign &= ~(several([role], "application__", without, more_than=2) | Q(Exists(who_may_sign(role, without))))
    unseen = to_sign | ~somebody(FOLLOWS_UP, "application__", without) & (TO_SEND | nothing_to_come())
    acts = Agreement.objects.filter(unseen).order_by("pk").values_list("pk", "number", "state")
    for pk, number, state in acts.iterator():
        expected = Role.INSTRUCTOR if state in ("draft", "in_force") else Role.HEAD_OF_SERVICE
        yield Broken(pk, number, expected)


def nobodys_claims(without: Without = ALL_STAY) -> Iterator[Broken]:
    """Claims filed, or kept unfiled by a settlement, that are not over and stand in nobody's list, or would without some
    people. Of which another amount is due, the dearest question, is asked of those alone that somebody is missing for."""
    other = Exists(there([Role.FINANCE_OFFICER], OF_CLAIM, without).exclude(user=OuterRef("certified_by")))
    # Each row is asked for another officer only where its programme has no two.
    pays = ExpressionWrapper(several([Role.FINANCE_OFFICER], OF_CLAIM, without) | Q(other), BooleanField())
    certifies = ExpressionWrapper(somebody(INSTRUCTS, OF_CLAIM, without), BooleanField())
    claims = PaymentClaim.objects.annotate(is_paid_by_somebody=pays, is_seen_again=certifies)
    unseen = (Q(state__in=TO_CHECK) | KEPT_UNFILED) & ~somebody(FOLLOWS_UP, OF_CLAIM, without)
    unseen |= Q(state__in=TO_PAY) & (Q(is_paid_by_somebody=False) | Q(is_seen_again=False))
    rows = claims.filter(unseen).order_by("pk")
    rows = list(rows.values_list("pk", "number", "state", "is_paid_by_somebody", "is_seen_again"))
    certified = [pk for pk, _number, state, *_there in rows if state == "certified"]
    again = (
        set(PaymentClaim.objects.filter(due_is_another(), pk__in=certified).values_list("pk", flat=True))
        if rows
        else ()
    )
    for pk, number, state, paid, seen in rows:
        if state not in TO_PAY or pk in again and not seen:
            yield Broken(pk, number, Role.INSTRUCTOR)
        elif pk not in again and not paid:
            yield Broken(pk, number, Role.FINANCE_OFFICER)


def nobodys_reports(without: Without = ALL_STAY) -> Iterator[Broken]:
    """Filed reports that stand in nobody's list, or would without some people; one query."""
    unseen = ~somebody(FOLLOWS_UP, "tranche__agreement__application__", without)
    reports = TrancheReport.objects.filter(unseen, state="filed").order_by("pk")
    for pk, number, year in reports.values_list("pk", "tranche__agreement__number", "tranche__label").iterator():
        yield Broken(pk, f"{number} · {year}", Role.INSTRUCTOR)


def stranded_without(people: Collection[int], lost: Collection[str], programme: int | None = None) -> list[str]:
    """For :func:`core.users.last_person.register_stranded`."""
    without = Without(people, lost, programme)
    found = []
    for nobodys, words in (
        (nobodys_acts, gettext("acts that would be in nobody's list (%(count)s): %(numbers)s")),
        (nobodys_claims, gettext("payment claims that would be in nobody's list (%(count)s): %(numbers)s")),
        (nobodys_reports, gettext("yearly reports that would be in nobody's list (%(count)s): %(numbers)s")),
    ):
        before = {broken.pk for broken in nobodys()}
        found += told([broken.label for broken in nobodys(without) if broken.pk not in before], words)
    return found


register(
    Invariant(
        code="agreements.open-act-is-somebodys",
        name=_("Acts in a work list"),
        sentence=_(
            "Every act to send, to sign or to end stands in the work list of an active person of its programme: an "
            "instructor, or somebody who signs for the Region and did not prepare it."
        ),
        source=_("Law 2000-321, Article 10: a convention is signed by both; an act is the Region’s own decision."),
        subject=Agreement,
        rows=nobodys_acts,
        unit=Unit.TEXT,
        words=dict(Role.choices),
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="agreements.open-claim-is-somebodys",
        name=_("Claims in a work list"),
        sentence=_(
            "Every filed claim that is not over stands in the work list of an active person: an instructor, also the head "
            "of service where another amount is due, then a finance officer who did not certify it."
        ),
        source=_("Law 2021-875, Article 2: a grant is paid within sixty days; a claim that nobody sees is late."),
        subject=PaymentClaim,
        rows=nobodys_claims,
        unit=Unit.TEXT,
        words=dict(Role.choices),
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="agreements.open-report-is-somebodys",
        name=_("Reports in a work list"),
        sentence=_("Every filed report on a year stands in the work list of an active instructor of its programme."),
        source=_("Terms of the multi-year agreement: the next year waits for the report to be read."),
        subject=TrancheReport,
        rows=nobodys_reports,
        unit=Unit.TEXT,
        words=dict(Role.choices),
        severity=Severity.FOLLOW_UP,
    ),
)
