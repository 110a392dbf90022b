"""What the history of an applicant shows besides its own fields: its people, its accounts, its de minimis aid."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applicants.models import Applicant, BankAccount, CallBack, DeMinimisAid, InterestPeriod, Membership
from applicants.models.de_minimis import Regime
from core.admin.changes import do_not_show, part_name, register_body, register_parts
from core.admin.values import register_field_name, register_reader
from core.engine.changes import Part, register_told
from core.text import listed


def _account(_applicant: models.Model, values: Mapping[str, Any]) -> str:
    """An account by its last signs: who reads the applicant's page does not read account numbers."""
    return _("Bank account …%(end)s") % {"end": values["iban"][-4:]}


def regime_in_words(code: str) -> str:
    """What a de minimis regime is called, in every table that names one; its code where it is none of today's."""
    return str(Regime(code).label) if code in Regime.values else code


register_reader("applicants.DeMinimisCeiling", "counts", lambda regimes: listed(map(regime_in_words, regimes)))
register_field_name(CallBack, "created_at", gettext_lazy("recorded on"))
do_not_show(InterestPeriod, "only")  # what keeps it to one row
register_body(Applicant)
register_told(BankAccount, reason="decision_note")
register_told(DeMinimisAid, by={"reference": "reference"})
register_parts(
    Applicant,
    Part(Membership, "applicant_id", ("user", "role"), part_name(gettext_lazy("person who acts"))),
    Part(BankAccount, "applicant_id", ("holder_name", "bank_name", "state", "verified_by", "decision_note"), _account),
    Part(DeMinimisAid, "applicant_id", ("amount", "granted_on", "regime", "reference"),
         part_name(gettext_lazy("de minimis aid"), "reference")),
)  # fmt: skip
