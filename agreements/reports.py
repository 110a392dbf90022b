"""The yearly reports of a multi-year agreement: filed by the beneficiary, read by the instructor."""

from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from agreements.conditions import year_may_be_reported
from agreements.effects import store_report
from agreements.models import Tranche, TrancheReport
from agreements.permissions import may_write_claims
from core.events import record


class ReportRefused(Exception):
    """Why a report cannot be filed; ``str()`` is a sentence."""


def why_not_now(report: TrancheReport) -> str | None:
    """Why a report on this year cannot be filed or corrected now; None when it can."""
    if report.pk is None and report.tranche.is_passed_over:
        return _("Nothing is granted for this year: no report on it is asked for.")
    if report.tranche.state == Tranche.State.PLANNED:
        return _("This year is not open yet: it opens when the report on the year before was accepted.")
    refusal = year_may_be_reported(report, {}, None)
    return " ".join(refusal.values()) if refusal else None


def file_report(
    tranche: Tranche, *, summary: str, spent_amount: Decimal, upload, actor, amount_is_right: bool = False
) -> TrancheReport:
    """File the report of a year. ``upload`` is the file that holds its activity and its accounts; ``amount_is_right`` is the
    answer of who was asked about an amount far from what was planned.

    Raises:
        ReportRefused: not this person's, the year is not open, or a report was filed.
        DocumentRefused: the file is not taken.
    """
    if refusal := may_write_claims(actor, tranche.agreement):
        raise ReportRefused(refusal)
    with transaction.atomic():
        locked = Tranche.objects.select_for_update(of=("self",), no_key=True).get(pk=tranche.pk)
        if locked.reports.exists():
            raise ReportRefused(_("The report of this year was filed already."))
        if refusal := why_not_now(TrancheReport(tranche=locked)):
            raise ReportRefused(refusal)
        if not summary.strip():
            raise ReportRefused(_("Say what was done in the year."))
        report = TrancheReport.objects.create(
            tranche=locked,
            summary=summary.strip(),
            spent_amount=spent_amount,
            document=store_report(locked, upload, actor),
            filed_by=actor,
        )
        told = {"spent": spent_amount, "file": report.document}
        record(report, "file", actor=actor, data=told | ({"amount_is_right": True} if amount_is_right else {}))
    return report
