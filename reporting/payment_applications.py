"""Opening payment applications."""

from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from core.events import record
from reporting.models import AccountingYear, EUProgramme, Fund, PaymentApplication, PaymentApplicationState

MAX_PER_YEAR = 6  # Regulation (EU) 2021/1060, Article 91(1)


def open_application(
    programme: EUProgramme, fund: Fund, *, actor, day: date | None = None, accounting_year: AccountingYear | None = None
) -> PaymentApplication:
    """Open the next payment application of a programme and fund in the accounting year of ``day`` (today).

    Raises ValidationError when one is open already or when the year has its six.
    """
    year = accounting_year or AccountingYear.objects.containing(day or timezone.localdate())
    with transaction.atomic():
        EUProgramme.objects.select_for_update(no_key=True).get(pk=programme.pk)
        of_year = PaymentApplication.objects.filter(programme=programme, fund=fund, accounting_year=year)
        if of_year.filter(state=PaymentApplicationState.OPEN).exists():
            raise ValidationError(
                _("A payment application of %(programme)s, %(fund)s, %(year)s is already open: close it first.")
                % {"programme": programme, "fund": fund, "year": year}
            )
        last = of_year.aggregate(last=Max("number"))["last"] or 0
        if last >= MAX_PER_YEAR:
            raise ValidationError(
                _("%(fund)s already has %(max)d payment applications in %(year)s: the year takes no more.")
                % {"fund": fund, "max": MAX_PER_YEAR, "year": year}
            )
        application = PaymentApplication.objects.create(
            programme=programme, fund=fund, accounting_year=year, number=last + 1
        )
        record(application, "open", actor=actor, to_state=application.state)
    return application
