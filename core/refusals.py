"""What a person reads where the database refuses something of the common part: the text of each trigger, and its sentence."""

from django.utils.translation import gettext_lazy as _

from core.engine.refusals import register_refusals, told
from core.models.known_person import KNOWS_NOBODY
from core.models.loosening import BEGINS_IN_FORCE, LOOSENED_ALONE, PAIR_STAYS
from core.models.opening import OPENS_AGAIN, OPENS_STRANGERS
from core.models.own_rights import APPROVES_OWN, GIVES_THEMSELVES

SEALED = _("The proof is sealed in its order, by Essor alone: nothing is put between what it holds already.")

TRIGGERS = {
    GIVES_THEMSELVES: told(_("Nobody gives themselves a role or a programme: another administrator does.")),
    APPROVES_OWN: told(_("An address is confirmed by an administrator who is independent of who changed it.")),
    OPENS_AGAIN: told(_("This account was deactivated: only an administrator opens it again, and nobody their own.")),
    OPENS_STRANGERS: told(
        _(
            "Nobody has proved yet that they read the mail of this account: the password that was typed for it is not kept"
            " by who opens it or gives it a role."
        )
    ),
    KNOWS_NOBODY: told(
        _(
            "That an account is of who it says is confirmed by an administrator who is independent of who made it, changed it or "
            "gave it a role."
        )
    ),
    LOOSENED_ALONE: told(
        _(
            "A rule on roles is loosened by two administrators: one asks, another one who is independent of them confirms."
        )
    ),
    PAIR_STAYS: told(_("The roles of a pair stay as they are: add another pair.")),
    BEGINS_IN_FORCE: told(
        _("A pair of roles that are not held together is in force from the day on which it is added.")
    ),
    "the last active administrator stays": told(
        _("This is the last active administrator: nobody could give a role any more. Name another one first.")
    ),
    "the rows of % cannot be removed": told(
        _("This is kept as it is, for the proof: it is never deleted. A correction is recorded beside it."), "table"
    ),
    "pgtrigger: Cannot delete rows from % table": told(
        _("This is kept as it is, for the proof: it is never deleted. A correction is recorded beside it."), "table"
    ),
    "a row of % is never deleted": told(
        _("This is kept as it is, for the proof: it is never deleted. A correction is recorded beside it."), "table"
    ),
    "pgtrigger: Cannot update or delete rows from % table": told(
        _(
            "This is kept as it is, for the proof: it is neither changed nor deleted. A correction is recorded beside it."
        ),
        "table",
    ),
    "pgtrigger: Cannot update rows from % table": told(
        _(
            "This is kept as it is, for the proof: it is neither changed nor deleted. A correction is recorded beside it."
        ),
        "table",
    ),
    "% may not go from % to %": told(
        _("This step is no longer possible: the state has changed meanwhile. Read the page again."),
        "table",
        "source",
        "target",
    ),
    'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %': told(
        _("This step is no longer possible: the state has changed meanwhile. Read the page again."),
        "source",
        "target",
        "table",
    ),
    "a seal comes after the last one (%)": told(SEALED, "number"),
    "a seal is made now, not at %": told(SEALED, "moment"),
    "there is no such event to seal: %": told(SEALED, "event"),
    "a file was not read at %": told(
        _("A reading of a file is recorded when it is done, not for another moment."), "moment"
    ),
    "a mail says what it said, and one that left has left": told(
        _("This mail has left: what it said does not change. Write another one.")
    ),
    "the numbers of a counter follow one another": told(
        _("The numbers of a counter follow one another: none is given twice, none is left out.")
    ),
    "document % must be kept until %": told(
        _("The law keeps this document until %(day)s: it is not removed before."), "document", "day"
    ),
    "the job % has ended: its result does not change": told(
        _("This job has ended: its result does not change. Ask for a new one."), "job"
    ),
    "the job % made a file: it is kept": told(_("This job made a file, which is kept: the job is not removed."), "job"),
    "this role is not held together with another one of the person": told(
        _("This role does not go together with another one of this person: take the other one away first.")
    ),
    "what is kept until % is not kept for less": told(
        _("This case is kept until %(day)s: the date moves only later."), "day"
    ),
}

CONSTRAINTS = {
    "core_sentform_once": _(
        "This was sent already, and is recorded once. To record it again, open the page again and fill it in."
    ),
    "core_job_one_active_per_key": _("The same job is under way: wait for its end."),
    "core_user_email_lower": _("Write the e-mail address in small letters."),
}


def register() -> None:
    """Called once, when the app is ready."""
    register_refusals(TRIGGERS, CONSTRAINTS)
