"""Proposed by one, with the visa of another: and neither had the account of the other in hand."""

from django.utils.translation import gettext_lazy as _

from core.figures.invariants import register
from core.figures.taken_accounts import in_one_hand, of_one_maker
from grants.models import Application

SOURCE = _("Rule 4 of the domain: who instructs does not give the visa.")
STEPS = """
    SELECT app.id, app.number AS label, p.made_by_id AS first, p.made_at AS first_at,
           ARRAY['instructor', 'head_of_service'] AS first_roles,
           p.visa_by_id AS second, p.visa_at AS second_at, ARRAY['head_of_service'] AS second_roles
    FROM grants_proposal p JOIN grants_application app ON app.id = p.application_id WHERE p.visa_by_id IS NOT NULL
"""

register(
    in_one_hand(
        STEPS,
        code="grants.visa-by-their-own-hands",
        name=_("Two persons for a proposal"),
        sentence=_(
            "Who gave a proposal its visa is not in one hand with who made it: neither had made the account of the other, "
            "changed its address or password or given it the role used shortly before, unless an independent administrator "
            "confirmed the person."
        ),
        source=SOURCE,
        subject=Application,
    ),
    of_one_maker(
        STEPS,
        code="grants.visa-by-known-persons",
        name=_("Two known persons for a proposal"),
        sentence=_(
            "The same administrator, or one whom they had made, had not made or given the accounts or roles of who made a "
            "proposal and of who gave it its visa shortly before, unless an independent administrator confirmed one of the "
            "two persons, before or since."
        ),
        source=SOURCE,
        subject=Application,
    ),
)
