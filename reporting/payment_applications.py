"""Opening payment applications."""

from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from core.dates import format_date_long
from core.events import record
from reporting.models import (
    AccountingYear,
    EUProgramme,
    Fund,
    PaymentApplication,
    PaymentApplicationState,
    PriorityAllocation,
)
from reporting.models.guards import GRACE_DAYS

GRACE = timedelta(days=GRACE_DAYS)
MAX_PER_YEAR = 6  # Regulation (EU) 2021/1060, Article 91(1)


def open_application(
    programme: EUProgramme, fund: Fund, *, actor, day: date | None = None, accounting_year: AccountingYear | None = None
) -> PaymentApplication:
    """Open the next payment application of a programme and fund in the accounting year of ``day`` (today).

    Raises ValidationError when one is open already, when the year has its six, has not begun or is over, or when no
    priority of the programme has the fund.
    """
    today = day or timezone.localdate()
    year = accounting_year or AccountingYear.objects.containing(today)
    _check_may_open(programme, fund, year, today)
    with transaction.atomic():
        EUProgramme.objects.select_for_update(no_key=True).get(pk=programme.pk)
        of_year = PaymentApplication.objects.filter(programme=programme, fund=fund, accounting_year=year)
        if of_year.filter(state=PaymentApplicationState.OPEN).exists():
            raise ValidationError(
                _("A payment application of %(programme)s, %(fund)s, %(year)s is already open: close it first.")
                % {"programme": programme, "fund": fund, "year": year}
            )
        last = of_year.aggregate(last=Max("number"))["last"] or 0
        if counted_in(programme, fund, year) >= MAX_PER_YEAR:
            raise ValidationError(
                _("%(fund)s already has %(max)d payment applications in %(year)s: the year takes no more.")
                % {"fund": fund, "max": MAX_PER_YEAR, "year": year}
            )
        application = PaymentApplication.objects.create(
            programme=programme, fund=fund, accounting_year=year, number=last + 1
        )
        record(application, "open", actor=actor, to_state=application.state)
    return application


def counted_in(programme: EUProgramme, fund: Fund, year: AccountingYear) -> int:
    """Return how many applications the Commission counts in a year: one sent after its last day counts in the next."""
    of_fund = PaymentApplication.objects.filter(programme=programme, fund=fund)
    last = F("accounting_year__ends_on") + GRACE
    own = of_fund.filter(accounting_year=year).exclude(state=PaymentApplicationState.VOID)
    late = of_fund.filter(sent_on__range=(year.starts_on, year.ends_on), accounting_year__ends_on__lt=year.starts_on)
    return own.exclude(sent_on__gt=last).count() + late.filter(sent_on__gt=last).count()


def _check_may_open(programme: EUProgramme, fund: Fund, year: AccountingYear, today: date) -> None:
    """A fund of the programme, in a year that takes applications today. Raises ValidationError."""
    if today < year.starts_on:
        raise ValidationError(
            _("The accounting year %(year)s begins on %(day)s: no payment application is made in it before.")
            % {"year": year, "day": format_date_long(year.starts_on)}
        )
    if today > year.last_day_to_apply:
        raise ValidationError(
            _("The last payment application of %(year)s was due by %(day)s: open one of a later year.")
            % {"year": year, "day": format_date_long(year.last_day_to_apply)}
        )
    if not PriorityAllocation.objects.filter(priority__programme=programme, fund=fund).exists():
        raise ValidationError(
            _("No priority of %(programme)s is financed by %(fund)s: choose another fund.")
            % {"programme": programme, "fund": fund}
        )
