"""The selection of a report out of the parameters that a person or a command gave."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core.jobs import JobError
from reporting.facts import Selection
from reporting.models import EUProgramme, Fund


def selection_of(parameters: Mapping[str, Any], user=None) -> Selection:
    """Return the selection. Raises JobError with a sentence that says what to give instead."""
    cut_off = _cut_off(parameters.get("cut_off"))
    return Selection(
        cut_off=cut_off,
        programme=_programme(parameters.get("programme")),
        fund=_fund(parameters.get("fund")),
        user=user,
        format_version=_format_version(parameters.get("format_version")),
    )


def _format_version(given: str | int | None) -> int | None:
    if given in (None, ""):
        return None
    try:
        return int(given)
    except ValueError:
        raise JobError(_("The version of the format “%(given)s” is not a number.") % {"given": given}) from None


def _cut_off(given: str | date | None) -> date:
    today = timezone.localdate()
    if not given:
        return today
    try:
        day = given if isinstance(given, date) else date.fromisoformat(given)
    except ValueError:
        raise JobError(
            _("The cut-off date “%(date)s” is not a date: write it as 2026-12-31.") % {"date": given}
        ) from None
    if day > today:
        raise JobError(_("The cut-off date %(date)s is in the future: nothing is known of it yet.") % {"date": day})
    return day


def _programme(given: str | None) -> EUProgramme | None:
    if not given:
        return None
    found = EUProgramme.objects.filter(Q(code=given) | Q(cci=given) | Q(name=given)).first()
    if found:
        return found
    known = ", ".join(EUProgramme.objects.order_by("code").values_list("code", flat=True)[:40])
    raise JobError(
        _("No EU programme has the code, CCI or name “%(given)s”. Known codes: %(known)s.")
        % {"given": given, "known": known or _("none")}
    )


def _fund(given: str | None) -> Fund | None:
    if not given:
        return None
    found = Fund.objects.filter(Q(code__iexact=given) | Q(label_fr__iexact=given) | Q(label_en__iexact=given)).first()
    if found:
        return found
    known = ", ".join(fund.label for fund in Fund.objects.all())
    raise JobError(_("There is no fund “%(given)s”. Choose one of: %(known)s.") % {"given": given, "known": known})
