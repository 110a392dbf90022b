"""The plan of the operation of an agreement that has ended bears no more than what remains granted, for what is declared.

Sources: ``eu_cofinancing_model.md``, invariant 9; rule 12 of the domain.
"""

import pgtrigger

from agreements.models.triggers import refuse
from agreements.settlements.triggers import ENDED
from reporting.models.granted import BORNE_BY_EU, DECLARABLE, PAYABLE_IN_ALL


def ended_within_what_is_kept() -> pgtrigger.Trigger:
    """A version made after its agreement ended plans of the EU and the Region what is paid and kept, or what is
    certified on the EU; its eligible cost is declared, or can still be."""
    return pgtrigger.Trigger(
        name="ended_within_what_is_kept",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        declare=[("at_most", "NUMERIC"), ("planned", "NUMERIC"), ("declarable", "NUMERIC")],
        func=f"""
            SELECT greatest({PAYABLE_IN_ALL}, {BORNE_BY_EU}), {DECLARABLE} INTO at_most, declarable FROM reporting_operation o
              JOIN agreements_agreement a ON a.id = o.agreement_id WHERE o.id = NEW.operation_id AND a.state IN {ENDED};
            IF at_most IS NULL OR NEW.id <> (SELECT current_id FROM reporting_operation WHERE id = NEW.operation_id) THEN
                RETURN NULL;
            END IF;
            SELECT coalesce(sum(amount), 0) INTO planned FROM reporting_financingline
             WHERE version_id = NEW.id AND kind IN ('eu', 'region');
            IF planned > at_most THEN
                {refuse("the agreement has ended: % are paid and kept, and % would be planned", "at_most", "planned")}
            END IF;
            IF NEW.eligible_cost > declarable THEN
                {refuse("the agreement has ended: % are declared or can still be, and % would be eligible",
                        "declarable", "NEW.eligible_cost")}
            END IF;
            RETURN NULL;
        """,
    )  # fmt: skip
