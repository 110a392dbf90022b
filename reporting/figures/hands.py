"""Managed by some, controlled by another, asked of the Union by a third: and none had the account of the next in hand."""

from django.utils.translation import gettext_lazy as _

from core.figures.invariants import register
from core.figures.taken_accounts import in_one_hand, of_one_maker
from reporting.models import ExpenditureDeclaration

SOURCE = _("Regulation (EU) 2021/1060, Articles 71(4) and 74(3): separation of functions.")
CONTROLS = "ARRAY['eu_controller']"
PAYS = "ARRAY['finance_officer']"
STEPS = f"""
    SELECT d.id, d.number AS label, managed.person AS first, managed.at AS first_at, managed.roles AS first_roles,
           d.controller_id AS second, coalesce(d.controlled_at, d.control_started_at) AS second_at, {CONTROLS} AS second_roles
    FROM reporting_expendituredeclaration d JOIN agreements_paymentclaim c ON c.id = d.claim_id
    CROSS JOIN LATERAL (
        VALUES (d.submitted_by_id, d.submitted_at, ARRAY['instructor', 'finance_officer']),
               (c.certified_by_id, c.certified_at, ARRAY['instructor']),
               (c.ordered_by_id, (SELECT min(o.ordered_at) FROM agreements_paymentorder o WHERE o.claim_id = c.id), {PAYS})
    ) AS managed (person, at, roles)
    WHERE d.controller_id IS NOT NULL AND managed.person IS NOT NULL
    UNION ALL
    SELECT DISTINCT d.id, d.number, d.controller_id, coalesce(d.controlled_at, d.control_started_at), {CONTROLS},
           p.closed_by_id, p.closed_at, {PAYS}
    FROM reporting_paymentapplication p JOIN reporting_paymentapplicationline l ON l.application_id = p.id
    JOIN reporting_paymentapplicationentry e ON e.line_id = l.id
    JOIN reporting_certificate c ON c.id = e.certificate_id
    JOIN reporting_expendituredeclaration d ON d.id = c.declaration_id
    WHERE p.closed_by_id IS NOT NULL AND d.controller_id IS NOT NULL
"""  # noqa: S608 - names of roles

register(
    in_one_hand(
        STEPS,
        code="reporting.controlled-by-their-own-hands",
        name=_("Two persons for a control"),
        sentence=_(
            "Who controls an expenditure is not in one hand with who certified, ordered or declared it, nor with who closed "
            "its payment application: neither had made the account of the other, changed its address or password or given it "
            "the role used shortly before, unless an independent administrator confirmed the person."
        ),
        source=SOURCE,
        subject=ExpenditureDeclaration,
    ),
    of_one_maker(
        STEPS,
        code="reporting.controlled-by-known-persons",
        name=_("Two known persons for a control"),
        sentence=_(
            "The same administrator, or one whom they had made, had not made or given shortly before the accounts or roles of "
            "who controls an expenditure and of who certified, ordered or declared it, or closed its payment application, "
            "unless an independent administrator confirmed one of the two persons, before or since."
        ),
        source=SOURCE,
        subject=ExpenditureDeclaration,
    ),
)
