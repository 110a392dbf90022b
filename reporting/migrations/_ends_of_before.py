"""Data step of migrations: operations of agreements that ended before the plan followed them get their version.

A step that comes again writes nothing twice: only a plan that bears something else than it should moves. It needs what
settlements say is to be asked back: the migrations of before that column leave all to the one that comes after it.
"""

from decimal import Decimal

from django.db import connection

from core.acting import acting_as
from reporting.migrations._sql import AT_THE_END
from reporting.rules.ends import GRANTED_BY, End, Line, plan_at_the_end

REASON = "La convention a pris fin : le plan est ce qui est certifié ou peut encore être déclaré."
_RECKONED = "unjustified_amount"


def operations_of_ended_agreements_follow(apps, schema_editor):
    """An operation whose agreement ended with less than its plan bears: a version with what is declared or can still be."""
    settlement = apps.all_models["agreements"].get("settlement")
    if settlement is None or _RECKONED not in {field.name for field in settlement._meta.fields}:
        return
    operation = apps.get_model("reporting", "Operation")
    with connection.cursor() as cursor:
        cursor.execute(AT_THE_END)
        ends = {pk: End(*found) for pk, *found in cursor.fetchall()}
    with acting_as(label="command migrate"):
        for row in operation.objects.filter(pk__in=ends).select_related("current").order_by("pk"):
            _follow(apps, row, ends[row.pk])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _follow(apps, operation, end):
    version, financing, flag = (
        apps.get_model("reporting", name) for name in ("OperationVersion", "FinancingLine", "OperationFlag")
    )
    before = operation.current
    lines = _lines(apps, operation, financing.objects.filter(version=before).order_by("rank"))
    plan = plan_at_the_end(lines, before.eligible_cost, end)
    granted = [sum(line.planned for line in lines if line.kind == kind) for kind in GRANTED_BY]
    found = [sum(amount for kind, _name, amount in plan.lines if kind == source) for source in GRANTED_BY]
    if plan.eligible != before.eligible_cost or granted != found:
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
    doubts = flag.objects.filter(operation=operation, kind="paid_not_borne", state="open")
    if end.paid > sum(found) and not doubts.exists():
        detail = {"paid": str(end.paid), "borne": str(sum(found))}
        flag.objects.create(operation=operation, kind="paid_not_borne", detail=detail)


def _lines(apps, operation, sources):
    """The sources of a plan, with what certificates lay on each."""
    borne = {}
    allocations = apps.get_model("reporting", "CertificateAllocation").objects.filter(
        certificate__operation=operation, source__isnull=False
    )
    for part in allocations.select_related("source"):
        name = _name(part.source)
        borne[name] = borne.get(name, Decimal(0)) + part.amount
    return [Line(one.kind, one.label, one.amount, borne.get(_name(one), Decimal(0))) for one in sources]


def _name(source):
    return source.kind, "" if source.kind == "eu" else source.label
