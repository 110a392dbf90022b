"""What becomes of an opinion once the file that it was given on was completed or corrected."""

from django.db import transaction
from django.utils.translation import gettext as _

from core.events import record
from grants.instruction import UNTIL_PROPOSAL, InstructionRefused, locked_case
from grants.models import Opinion
from grants.void import file_number, void_opinions


def uphold_opinion(opinion: Opinion, reason: str, *, actor) -> Opinion:
    """Say why an opinion still holds although the file was completed or corrected since; it then counts again."""
    if not reason.strip():
        raise InstructionRefused(_("Say why the opinion still holds."), "reason")
    with transaction.atomic():
        locked = locked_case(opinion.application, actor, UNTIL_PROPOSAL)
        opinion = Opinion.objects.select_for_update(of=("self",)).get(pk=opinion.pk)
        if opinion not in void_opinions(locked):
            raise InstructionRefused(_("This opinion was given on the file as it is now: nothing is to be said of it."))
        opinion.upheld_number, opinion.upheld_by = file_number(locked), actor
        opinion.upheld_reason = reason.strip()
        opinion.save(update_fields=["upheld_number", "upheld_by", "upheld_reason"])
        record(
            locked, "opinion_upheld", actor=actor, data={"opinion": opinion.code, "body": opinion.body}, comment=reason
        )
    return opinion
