"""Who learns that a figure does not hold: by mail once for each new finding (auditors too), on every staff page while it
lasts."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils import timezone, translation

from core.figures.invariants import UnknownInvariant, invariant_of
from core.figures.models import FigureCheck, FigureFinding
from core.models.user import User
from core.outbox import enqueue_mail
from core.roles import Role

alerts = logging.getLogger("essor.alerts")

ALERTED = (Role.FINANCE_OFFICER, Role.ADMINISTRATOR)
READERS = (
    *ALERTED,
    Role.AUDITOR,
)  # told by mail: who may have a part in what is found is not the only one to hear of it
TOLD_AT_MOST = 30  # rows in one mail: the page has them all
NUMBER = "essor:figures-broken"
REMEMBERED = 60 * 60  # seconds
SILENT_AFTER = timedelta(hours=50)  # two nights without a look
CLOCKS_DIFFER = timedelta(minutes=5)


def tell() -> None:
    """One mail to each person who answers for the figures, about what is open and nobody was told of yet."""
    untold = FigureFinding.objects.open().filter(told_at=None).order_by("pk")
    fresh = [finding for finding in untold if _is_declared(finding.code)]
    if not fresh:
        return
    for person in User.objects.filter(is_active=True, groups__name__in=READERS).distinct().order_by("pk"):
        with translation.override(person.language):
            lines = [_line(finding) for finding in fresh[:TOLD_AT_MOST]]
        enqueue_mail(
            to=[person.email],
            template="essor/mail/figures",
            context={
                "user": person,
                "lines": lines,
                "count": len(fresh),
                "more": max(0, len(fresh) - TOLD_AT_MOST),
                "link": settings.ESSOR_SITE_URL + reverse("admin:core_figurecheck_changelist"),
            },
            key=f"figures.{person.pk}.{fresh[0].pk}",
            language=person.language,
        )
    FigureFinding.objects.filter(pk__in=[finding.pk for finding in fresh]).update(told_at=timezone.now())


def _line(finding: FigureFinding) -> str:
    invariant = invariant_of(finding.code)
    return f"{invariant.name} – {invariant.called(finding.label)}"


def remember(broken: int) -> None:
    """Keep at hand how many invariants do not hold: every staff page says so."""
    cache.set(NUMBER, broken, REMEMBERED)


def broken_number() -> int:
    """How many invariants did not hold at the last look."""
    number = cache.get(NUMBER)
    if number is None:
        number = len(broken_codes())
        remember(number)
    return number


def broken_codes() -> list[str]:
    """The declared invariants that did not hold at the last look."""
    return [code for code in FigureCheck.objects.filter(broken_since__isnull=False).values_list("code", flat=True)
            if _is_declared(code)]  # fmt: skip


def _is_declared(code: str) -> bool:
    try:
        invariant_of(code)
    except UnknownInvariant:  # it was, in an earlier version
        return False
    return True


def is_silent() -> bool:
    """Whether the figures were looked at once, and not for two nights. A look that is dated of a day to come is none."""
    now = timezone.now()
    looks = FigureCheck.objects.aggregate(
        count=Count("pk"), last=Max("checked_at", filter=Q(checked_at__lte=now + CLOCKS_DIFFER))
    )
    return bool(looks["count"]) and (looks["last"] is None or looks["last"] < now - SILENT_AFTER)


def tell_failure(reasons: Sequence[str]) -> None:
    """One mail a day to each person who answers for the figures: the look, or a part of it, could not be made or kept."""
    alerts.error("The look at the figures failed: %s", "; ".join(reasons))
    for person in User.objects.filter(is_active=True, groups__name__in=READERS).distinct().order_by("pk"):
        enqueue_mail(
            to=[person.email],
            template="essor/mail/figures_failed",
            context={
                "user": person,
                "lines": list(reasons[:TOLD_AT_MOST]),
                "more": max(0, len(reasons) - TOLD_AT_MOST),
                "link": settings.ESSOR_SITE_URL + reverse("admin:core_figurecheck_changelist"),
            },
            key=f"figures.failed.{person.pk}.{timezone.localdate():%Y-%m-%d}",
            language=person.language,
        )


def concerns(user) -> bool:
    """Whether this person answers for the figures."""
    return user.is_authenticated and user.has_role(*ALERTED)
