"""In SQL: what remains granted by an agreement that has ended, and that the plan of its operation bears no more.

Sources: ``eu_cofinancing_model.md``, invariant 9; rule 12 of the domain. ``agreements.settlements.services`` says the
same in Python (``still_granted``).
"""

import pgtrigger

from agreements.models.triggers import refuse
from agreements.settlements.kept import STILL_GRANTED as GRANTED_AFTER_THE_END
from agreements.settlements.triggers import ENDED

#: SQL of the euros that an agreement ``a`` grants: all of them while it lives; then what is paid or still kept, less what
#: was paid above what is due.
STILL_GRANTED = f"CASE WHEN a.state NOT IN {ENDED} THEN a.granted_amount ELSE {GRANTED_AFTER_THE_END} END"
#: SQL of the euros that certificates of an operation ``o`` lay on the EU and on the Region.
BORNE = """
    (SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
       JOIN reporting_certificate ct ON ct.id = al.certificate_id
      WHERE ct.operation_id = o.id AND al.kind IN ('eu', 'region'))
"""


def ended_within_what_is_kept() -> pgtrigger.Trigger:
    """A version made after its agreement ended plans of the EU and the Region what is paid and kept, or is certified."""
    return pgtrigger.Trigger(
        name="ended_within_what_is_kept",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        declare=[("at_most", "NUMERIC"), ("planned", "NUMERIC")],
        func=f"""
            SELECT greatest({STILL_GRANTED}, {BORNE}) INTO at_most FROM reporting_operation o
              JOIN agreements_agreement a ON a.id = o.agreement_id WHERE o.id = NEW.operation_id AND a.state IN {ENDED};
            IF at_most IS NULL OR NEW.id <> (SELECT current_id FROM reporting_operation WHERE id = NEW.operation_id) THEN
                RETURN NULL;
            END IF;
            SELECT coalesce(sum(amount), 0) INTO planned FROM reporting_financingline
             WHERE version_id = NEW.id AND kind IN ('eu', 'region');
            IF planned > at_most THEN
                {refuse("the agreement has ended: % are paid and kept, and % would be planned", "at_most", "planned")}
            END IF;
            RETURN NULL;
        """,
    )
