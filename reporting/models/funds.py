"""In SQL: the fund of an operation is the fund of its agreement; the agreement says it, the plan repeats it."""

import pgtrigger

from agreements.models.triggers import refuse


def fund_of_its_agreement() -> pgtrigger.Trigger:
    """A version of an agreement's operation is of the fund that co-finances the agreement."""
    return pgtrigger.Trigger(
        name="fund_of_its_agreement",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("of_act", "TEXT"), ("of_plan", "TEXT")],
        func=f"""
            SELECT a.eu_fund INTO of_act FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
             WHERE o.id = NEW.operation_id;
            SELECT code INTO of_plan FROM reporting_fund WHERE id = NEW.fund_id;
            IF of_act IS NOT NULL AND of_plan IS DISTINCT FROM of_act THEN
                {refuse("the agreement is co-financed by % and its operation not", "of_act")}
            END IF;
            RETURN NEW;
        """,
    )


def line_of_its_fund() -> pgtrigger.Trigger:
    """The line of the EU in the plan of an agreement's operation names the fund of its version."""
    return pgtrigger.Trigger(
        name="line_of_its_fund",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Condition("NEW.kind = 'eu'"),
        declare=[("of_version", "TEXT")],
        func=f"""
            SELECT f.code INTO of_version FROM reporting_operationversion v JOIN reporting_fund f ON f.id = v.fund_id
              JOIN reporting_operation o ON o.id = v.operation_id
             WHERE v.id = NEW.version_id AND o.agreement_id IS NOT NULL;
            IF of_version IS NOT NULL AND NEW.label <> of_version THEN
                {refuse("the line of the EU names the fund of its operation, %", "of_version")}
            END IF;
            RETURN NEW;
        """,
    )
