"""Data step of migrations: operations of agreements that ended before the plan followed them get their version.

A step that comes again writes nothing twice: only a plan that bears something else than what remains a grant moves.
"""

from decimal import Decimal

from django.db import connection

from agreements.settlements.kept import STILL_GRANTED
from agreements.settlements.triggers import ENDED
from core.acting import acting_as
from reporting.rules.ends import GRANTED_BY, Line, plan_at_the_end

REASON = "La convention a pris fin : le plan porte ce qui est versé, dû, et encore retenu."


def operations_of_ended_agreements_follow(apps, schema_editor):
    """An operation whose agreement ended with less than its plan bears: a version with what remains a grant."""
    operation = apps.get_model("reporting", "Operation")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT o.id, {STILL_GRANTED} FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id"  # noqa: S608
            f" WHERE a.state IN {ENDED} ORDER BY o.id"
        )
        kept = dict(cursor.fetchall())
    with acting_as(label="command migrate"):
        for row in operation.objects.filter(pk__in=kept).select_related("agreement", "current").order_by("pk"):
            _follow(apps, row, kept[row.pk])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _follow(apps, operation, kept):
    version, financing = (apps.get_model("reporting", name) for name in ("OperationVersion", "FinancingLine"))
    before = operation.current
    borne = {}
    allocations = apps.get_model("reporting", "CertificateAllocation").objects.filter(
        certificate__operation=operation, source__isnull=False
    )
    for part in allocations.select_related("source"):
        name = (part.source.kind, "" if part.source.kind == "eu" else part.source.label)
        borne[name] = borne.get(name, Decimal(0)) + part.amount
    lines = [
        Line(
            line.kind,
            line.label,
            line.amount,
            borne.get((line.kind, "" if line.kind == "eu" else line.label), Decimal(0)),
        )
        for line in financing.objects.filter(version=before).order_by("rank")
    ]
    declared = Decimal(0)
    items = apps.get_model("reporting", "ExpenditureItem").objects.filter(declaration__operation=operation)
    for state, asked, retained in items.values_list("state", "declared_amount", "retained_amount"):
        declared += asked if state == "pending" else retained
    grant = operation.agreement
    at_most = max(grant.eligible_base or grant.granted_amount, grant.granted_amount)
    plan = plan_at_the_end(lines, before.eligible_cost, kept, declared=declared, at_most=at_most)
    granted = [sum(line.planned for line in lines if line.kind == kind) for kind in GRANTED_BY]
    found = [sum(amount for kind, _name, amount in plan.lines if kind == source) for source in GRANTED_BY]
    if plan.eligible == before.eligible_cost and granted == found:
        return
    facts = {
        field.attname: getattr(before, field.attname)
        for field in version._meta.concrete_fields
        if field.name not in ("id", "number", "recorded_at", "recorded_by", "reason")
    }
    facts |= {
        "number": before.number + 1,
        "reason": REASON,
        "eligible_cost": plan.eligible,
        "total_cost": plan.total(before.total_cost or before.eligible_cost),
        "eu_amount": found[0],
    }
    new = version.objects.create(**facts)
    for rank, (kind, name, amount) in enumerate(plan.lines, 1):
        financing.objects.create(version=new, rank=rank, kind=kind, label=name, amount=amount)
