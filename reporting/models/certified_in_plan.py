"""No source of a plan goes under what certificates lay on it: the Region, and those beside the EU, which has its own refusal.

Sources: ``eu_cofinancing_model.md``, invariant 9; rule 12 of the domain. ``reporting.eu_programmes.certified_in_plan`` says the same
before, with what to correct.
"""

import pgtrigger

from agreements.models.triggers import refuse
from agreements.settlements.triggers import ENDED
from reporting.models.granted import BORNE_BY_EU, BORNE_BY_OTHERS, BORNE_BY_REGION, JUSTIFIED

#: SQL of the euros certified on the Region that the version ``NEW`` of the operation ``o`` of ``a`` bears at least.
_ON_THE_REGION = f"""
    CASE WHEN a.state IN {ENDED}
         THEN least({BORNE_BY_REGION}, greatest(least({JUSTIFIED}, NEW.eligible_cost - {BORNE_BY_OTHERS}) - {BORNE_BY_EU}, 0))
         ELSE {BORNE_BY_REGION} END
"""
_PLANNED_IN = """(SELECT coalesce(sum(fl.amount), 0) FROM reporting_financingline fl
    JOIN reporting_operationversion v ON v.id = fl.version_id
    WHERE v.operation_id = NEW.operation_id AND v.number = NEW.number{before} AND fl.kind = known.kind)"""


def bears_what_is_certified() -> pgtrigger.Trigger:
    """A version plans of each source what is certified on it; of the Region, as far as it is paid: what was given up after it
    was certified is borne by nobody but the beneficiary. What was under it before may stay."""
    return pgtrigger.Trigger(
        name="bears_what_is_certified",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        declare=[("on_region", "NUMERIC"), ("under", "RECORD")],
        func=f"""
            SELECT {_ON_THE_REGION} INTO on_region FROM reporting_operation o
              JOIN agreements_agreement a ON a.id = o.agreement_id WHERE o.id = NEW.operation_id AND o.current_id = NEW.id;
            IF on_region IS NULL THEN RETURN NULL; END IF;
            SELECT known.* INTO under FROM (
                SELECT known.kind, {_PLANNED_IN.format(before="")} AS planned, {_PLANNED_IN.format(before=" - 1")} AS before,
                       CASE known.kind WHEN 'region' THEN on_region ELSE known.certified END AS certified
                  FROM (SELECT al.kind, sum(al.amount) AS certified FROM reporting_certificateallocation al
                          JOIN reporting_certificate ct ON ct.id = al.certificate_id
                         WHERE ct.operation_id = NEW.operation_id
                           AND al.kind IN ('region', 'state', 'local', 'public', 'private') GROUP BY al.kind) AS known) AS known
             WHERE known.planned < known.certified AND known.planned < known.before ORDER BY known.kind LIMIT 1;
            IF under.kind IS NOT NULL THEN
                {refuse("% are certified on a source of this operation beside the EU: its plan cannot be %",
                        "under.certified", "under.planned")}
            END IF;
            RETURN NULL;
        """,
    )  # fmt: skip
