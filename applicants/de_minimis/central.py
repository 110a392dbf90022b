"""The central register of de minimis aid: what was told to it, by whom, and what is still to be told.

Regulation 2023/2831, Art. 6: from 1 January 2026 each grant is entered within twenty working days, with beneficiary,
amount, date, authority, instrument and sector; the records are kept ten years. Essor writes the file; a person enters
it there and says so here.
"""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from applicants.models import DeMinimisAid
from core.dates import format_date_long
from core.engine.standing import reason_interested
from core.events import record
from core.past_days import in_the_future
from core.text import colon

if TYPE_CHECKING:
    from core.models import User


@transaction.atomic
def enter(
    aids: Iterable[DeMinimisAid],
    *,
    on: date,
    reference: str = "",
    seen: Iterable[str] | None = None,
    actor: "User",
) -> list[DeMinimisAid]:
    """Note that these grants stand in the central register as they are now; those that already did are left out.

    A grant that was lost counts as entered with nothing. ``seen`` are the amounts that a page showed ("id:euros").

    Raises:
        ValidationError: the day is in the future or before a grant, a grant lacks its sector, changed meanwhile, or is
            of a body of the actor.
    """
    if on > timezone.localdate():
        raise ValidationError(in_the_future())
    found = DeMinimisAid.objects.to_be_entered().filter(pk__in=[aid.pk for aid in aids]).order_by("pk")
    entered = list(found.select_for_update(of=("self",), no_key=True).select_related("applicant"))
    shown = None if seen is None else set(seen)
    for aid in entered:
        _refuse_interested(aid, actor)
        if shown is not None and f"{aid.pk}:{aid.amount_in_force}" not in shown:
            raise ValidationError(
                _("%(reference)s changed while you were entering it: look at its amount and enter it again.")
                % {"reference": aid.reference}
            )
        if on < aid.granted_on:
            raise ValidationError(
                _("%(reference)s was granted on %(day)s: it cannot have been entered before.")
                % {"reference": aid.reference, "day": format_date_long(aid.granted_on)}
            )
        if not aid.sector:
            raise ValidationError(
                _("%(reference)s has no sector (NACE): give it on the page of the aid, the register asks for it.")
                % {"reference": aid.reference}
            )
    for aid in entered:
        aid.entered_on, aid.entered_by, aid.entered_amount = on, actor, aid.amount_in_force
        aid.entered_reference = reference.strip() or aid.entered_reference
        aid.save(update_fields=["entered_on", "entered_by", "entered_amount", "entered_reference"])
        data = {
            "aid": aid,
            "reference": aid.reference,
            "amount": aid.entered_amount,
            "on": on,
            "number": aid.entered_reference,
        }
        record(aid.applicant, "de_minimis_entered", actor=actor, data=data)
    return entered


def _refuse_interested(aid: DeMinimisAid, actor: "User") -> None:
    if reason := reason_interested(actor, aid.applicant):
        raise ValidationError(f"{aid.reference}{colon()} {reason}")


@transaction.atomic
def complete(aid: DeMinimisAid, *, instrument: str, sector: str, actor: "User") -> DeMinimisAid:
    """Give a grant what the central register asks for and the case did not say.

    Raises:
        ValidationError: the sector is no NACE class, the instrument is unknown, or the aid is of a body of the actor.
    """
    _refuse_interested(aid, actor)
    before = [aid.instrument, aid.sector]
    aid.instrument, aid.sector = instrument, sector
    aid.full_clean(exclude=["authority"])
    aid.save(update_fields=["instrument", "sector"])
    changes = {"instrument": [before[0], instrument], "sector": [before[1], sector]}
    record(
        aid.applicant,
        "de_minimis_completed",
        actor=actor,
        data={"aid": aid, "reference": aid.reference},
        changes=changes,
    )
    return aid
