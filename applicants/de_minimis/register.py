"""The one door of the de minimis register: each aid is recorded, moved, reduced and withdrawn here.

A grant of the Region has one row from the vote to the end, under the number of its case. The agreement moves it, a
smaller payment reduces it, the end without payment withdraws it: a withdrawn row stays, and counts no more.
"""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from applicants.models import Applicant, DeMinimisAid
from applicants.models.de_minimis import Instrument, Regime
from core.engine.standing import reason_not_impartial
from core.events import record

if TYPE_CHECKING:
    from core.models import User

CORRECTED = ("granted_on", "amount", "authority", "regime", "reference")
"""What a person typed of a declared aid."""


@transaction.atomic
def record_granted(
    applicant: Applicant,
    amount: Decimal,
    granted_on: date,
    *,
    case_number: str,
    regime: str = Regime.GENERAL,
    instrument: str = Instrument.GRANT,
    sector: str = "",
    actor: "User | None" = None,
) -> DeMinimisAid:
    """Put an aid that the Region granted into the register, once for a case.

    ``amount`` is its gross grant equivalent in euros, ``sector`` its NACE class, empty where nobody gave it.
    """
    aid, is_new = DeMinimisAid.objects.get_or_create(
        case_number=case_number,
        origin=DeMinimisAid.Origin.GRANTED,
        defaults={
            "applicant": applicant,
            "reference": case_number,
            "regime": regime,
            "granted_on": granted_on,
            "amount": amount,
            "authority": settings.ESSOR_REGION["name"],
            "instrument": instrument,
            "sector": sector,
            "recorded_by": actor,
        },
    )
    if is_new:
        data = {"aid": aid, "reference": case_number, "amount": amount}
        record(applicant, "de_minimis_granted", actor=actor, data=data)
    return aid


@transaction.atomic
def follow_grant(
    case_number: str,
    *,
    amount: Decimal,
    reference: str = "",
    actor: "User | None" = None,
    reason: str = "",
) -> DeMinimisAid | None:
    """Make the row of a case say what its grant has become; None where the case has no row.

    ``reference`` is the number under which the grant goes on (the agreement's), ``amount`` what is left of it in
    euros: nothing left withdraws the row. Doing it again changes nothing.
    """
    aid = (
        DeMinimisAid.objects.select_for_update(of=("self",), no_key=True)
        .select_related("applicant")
        .filter(case_number=case_number, origin=DeMinimisAid.Origin.GRANTED)
        .first()
    )
    if aid is None:
        return None
    before = {"reference": aid.reference, "amount": aid.amount, "withdrawn_on": aid.withdrawn_on}
    aid.reference = reference or aid.reference
    if amount > 0:
        aid.amount, aid.withdrawn_on = amount, None
    elif aid.withdrawn_on is None:
        aid.withdrawn_on = timezone.localdate()
    after = {name: getattr(aid, name) for name in before}
    if changes := {name: [before[name], after[name]] for name in before if before[name] != after[name]}:
        aid.save(update_fields=list(changes))
        data = {"aid": aid, "case": case_number, "reference": aid.reference, "amount": aid.amount}
        record(aid.applicant, _name_of(changes), actor=actor, data=data, changes=changes, comment=reason)
    return aid


def _name_of(changes: dict) -> str:
    """What the change is called in the history."""
    if "withdrawn_on" in changes:
        return "de_minimis_withdrawn" if changes["withdrawn_on"][1] else "de_minimis_counts_again"
    return "de_minimis_amount" if "amount" in changes else "de_minimis_moved"


def withdraw_granted(case_number: str, *, actor: "User | None" = None, reason: str = "") -> DeMinimisAid | None:
    """The grant is lost and nothing was paid: the row stays, and counts no more. None where there is no row."""
    return follow_grant(case_number, amount=Decimal(0), actor=actor, reason=reason)


def declare(
    applicant: Applicant,
    *,
    amount: Decimal,
    granted_on: date,
    authority: str,
    regime: str,
    reference: str,
    actor: "User",
) -> DeMinimisAid:
    """Note an aid that the applicant says it received elsewhere."""
    aid = DeMinimisAid(
        applicant=applicant,
        amount=amount,
        granted_on=granted_on,
        authority=authority,
        regime=regime,
        reference=reference,
    )
    return _save_declared(aid, actor=actor)


@transaction.atomic
def _save_declared(aid: DeMinimisAid, *, actor: "User") -> DeMinimisAid:
    """Keep a declared aid, from the portal or from paper."""
    aid.origin, aid.recorded_by = DeMinimisAid.Origin.DECLARED, actor
    aid.save()
    data = {"aid": aid, "amount": aid.amount, "granted_on": aid.granted_on}
    record(aid.applicant, "de_minimis_declared", actor=actor, data=data)
    return aid


@transaction.atomic
def withdraw_declaration(aid: DeMinimisAid, *, actor: "User", reason: str = "") -> None:
    """Take a declared aid out of the register; the row history keeps it. A granted one stays.

    Raises:
        ValueError: the aid was granted here.
    """
    _refuse_granted(aid)
    record(
        aid.applicant,
        "de_minimis_withdrawn",
        actor=actor,
        data={"aid": aid, "amount": aid.amount, "granted_on": aid.granted_on, "authority": aid.authority},
        comment=reason,
    )
    aid.delete()


# --- what the service does with a declaration that came on paper ----------------------------------------------------


def enter_declared(aid: DeMinimisAid, *, actor: "User") -> DeMinimisAid:
    """Keep an aid that was declared on paper.

    Raises:
        PermissionDenied: the person has an interest of their own in the enterprise, or is an auditor.
    """
    _refuse_partial(actor, aid.applicant)
    return _save_declared(aid, actor=actor)


@transaction.atomic
def correct_declared(aid: DeMinimisAid, *, actor: "User", reason: str) -> DeMinimisAid:
    """Make a declared aid what it should have been: ``aid`` holds the new values. The room is counted from the rows.

    Raises:
        ValueError: the aid was granted here, would belong to another enterprise, or no reason is given.
        PermissionDenied: as for :func:`enter_declared`.
    """
    before = DeMinimisAid.objects.select_for_update(of=("self",), no_key=True).get(pk=aid.pk)
    _refuse_granted(before)
    _refuse_partial(actor, before.applicant)
    if aid.applicant_id != before.applicant_id:
        raise ValueError(_("An aid stays with its enterprise: withdraw it, and enter it with the other one."))
    _require_reason(reason)
    values = {name: [getattr(before, name), getattr(aid, name)] for name in CORRECTED}
    if changes := {name: pair for name, pair in values.items() if pair[0] != pair[1]}:
        aid.save(update_fields=list(changes))
        record(
            aid.applicant,
            "de_minimis_corrected",
            actor=actor,
            data={"aid": aid},
            changes=changes,
            comment=reason.strip(),
        )
    return aid


def withdraw_declared(aid: DeMinimisAid, *, actor: "User", reason: str) -> None:
    """The service takes out a declared aid that was entered by mistake: as its people do in the portal, with a reason.

    Raises:
        ValueError: the aid was granted here, or no reason is given.
        PermissionDenied: as for :func:`enter_declared`.
    """
    _refuse_partial(actor, aid.applicant)
    _require_reason(reason)
    withdraw_declaration(aid, actor=actor, reason=reason.strip())


def _refuse_granted(aid: DeMinimisAid) -> None:
    if aid.origin != DeMinimisAid.Origin.DECLARED:
        raise ValueError(_("An aid granted by the Region stays in the register."))


def _refuse_partial(actor: "User", applicant: Applicant) -> None:
    if refusal := reason_not_impartial(actor, applicant):
        raise PermissionDenied(refusal)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ValueError(_("Say why: the aid counts for three years."))
