"""What a proposal keeps of the consultation of the central register of de minimis aid.

Source: Regulation (EU) 2023/2831, Art. 6(4): the Member State grants new aid only after it has checked the register.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from applicants.forms.de_minimis import SectorField
from core.dates import format_date_long
from core.documents import PIECE_TYPES, accept_attribute, store
from core.models import Document
from core.past_days import PastDayField
from core.site.chosen_files import ChosenFileField, ChosenFileInput
from core.site.sometimes import sometimes

NAMES = ("register_consulted_on", "register_reference", "register_unavailable", "register_sector")
REFERENCE_LENGTH = 120


def consultation_fields(rules) -> dict[str, forms.Field]:
    """The questions on the register for a proposal under these rules: none outside State aid."""
    if not rules.de_minimis:
        return {}
    return {
        "register_consulted_on": sometimes(PastDayField(label=_("De minimis register consulted on"))),
        "register_reference": sometimes(
            forms.CharField(label=_("Reference of the consultation"), max_length=REFERENCE_LENGTH)
        ),
        "register_document": sometimes(
            ChosenFileField(
                label=_("Proof of the consultation"),
                widget=ChosenFileInput(attrs={"accept": accept_attribute(PIECE_TYPES)}),
                help_text=_("An extract of the register, instead of its reference or beside it."),
            )
        ),
        "register_unavailable": sometimes(
            forms.CharField(
                label=_("Why the register could not be consulted"),
                max_length=2000,
                widget=forms.Textarea(attrs={"rows": 2}),
                help_text=_("Only when it could not."),
            )
        ),
        "register_sector": sometimes(SectorField()),
    }


def said_before(proposal) -> dict[str, Any]:
    """What an earlier proposal says of the register, for the form of the next one; see :func:`proof_before` of its file."""
    return {name: getattr(proposal, name) for name in NAMES}


def proof_before(application, day: date | None = None) -> Document | None:
    """The proof that the proposal that was sent back last had joined: it is of its day, and serves again for that day.

    ``day``: the one that the next proposal names; without it, whatever the day.
    """
    last = application.proposals.order_by("-pk").select_related("register_document").first()
    if last is None or last.sent_back_at is None or (day is not None and day != last.register_consulted_on):
        return None
    return last.register_document


def outdated(application, day: date) -> str:
    """Why the consultation that the proposal names is too old for a step on ``day``, in a sentence; "" while it is not.

    Where the register could not be consulted, the day is that of the proposal.
    """
    proposal = application.live_proposal()
    if proposal is None or not proposal.favourable or not proposal.de_minimis_regime:
        return ""
    consulted = proposal.register_consulted_on or timezone.localdate(proposal.made_at)
    if day - consulted <= longest():
        return ""
    sentence = gettext(
        "The consultation of the register of de minimis aid dates from %(day)s, more than %(days)d days before: send the case"
        " back to instruction, or defer it, and consult the register again."
    )
    return sentence % {"day": format_date_long(consulted), "days": longest().days}


def longest() -> timedelta:
    """How long a consultation of the register serves: for the proposal, and until the vote."""
    return timedelta(days=settings.ESSOR_DE_MINIMIS_CONSULTED_DAYS)


def kept_proof_words(document: Document) -> str:
    """What the form says of a proof that was joined before: it is not asked for again."""
    sentence = gettext(
        "“%(name)s”, joined to the proposal that was sent back, is kept for the same day of consultation: join another file"
        " only to replace it."
    )
    return sentence % {"name": document.name}


def problems(application, data: Mapping[str, Any]) -> dict[str, Any]:
    """What is missing of the consultation in a proposal in favour, by field; empty when all is there."""
    if not application.rules.de_minimis or not data.get("favourable", True):
        return {}
    found = {}
    day, today = data.get("register_consulted_on"), timezone.localdate()
    if day is not None and not timezone.localdate(application.submitted_at) <= day <= today:
        found["register_consulted_on"] = _("Between the filing of the case and today: the register changes every day.")
    elif day is not None and today - day > longest():
        sentence = gettext("More than %(days)d days ago: consult the register again, for it changes every day.")
        found["register_consulted_on"] = sentence % {"days": longest().days}
    if not data.get("register_unavailable"):
        if day is None:
            found["register_consulted_on"] = _(
                "Give the day on which the register was consulted, or say why it could not be."
            )
        elif not (
            data.get("register_reference") or data.get("register_document") or proof_before(application, day=day)
        ):
            found["register_reference"] = _("Give the reference of the consultation, or join its proof.")
    if not data.get("register_sector"):
        found["register_sector"] = _("Give the sector of the activity: the central register asks for it.")
    return found


def kept(application, data: Mapping[str, Any], actor) -> dict[str, Any]:
    """The values of the proposal's fields on the register; the proof is stored with the case."""
    regime = application.rules.de_minimis
    if not regime:
        return {}
    values: dict[str, Any] = {"de_minimis_regime": regime}
    values |= {name: data[name] for name in NAMES if data.get(name)}
    if upload := data.get("register_document"):
        values["register_document"] = store(
            upload, name=upload.name, subject=application, user=actor, kind="de_minimis_register", allowed=PIECE_TYPES
        )
    elif (day := data.get("register_consulted_on")) and (proof := proof_before(application, day=day)):
        values["register_document"] = proof
    return values
