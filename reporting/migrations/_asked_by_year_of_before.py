"""Data step of migrations: what was asked of a year above what is paid of it is doubted, and the plans that count on it."""

from django.db import connection

from core.acting import acting_as
from reporting.migrations._sql import BEYOND_BY_YEAR, PLANS_ABOVE_PAYABLE


def doubt_what_was_asked_of_a_year(apps, schema_editor):
    """Doubts that wait say the sums of now; where none waits, one is raised, unless the answer was of these very sums."""
    flags = apps.get_model("reporting", "OperationFlag").objects
    with connection.cursor() as cursor:
        cursor.execute(BEYOND_BY_YEAR)
        beyond = cursor.fetchall()
        cursor.execute(PLANS_ABOVE_PAYABLE)
        plans = cursor.fetchall()
    with acting_as(label="command migrate"):
        for pk, _code, payable, asked, payable_eu, of_eu, years in beyond:
            sums = {"certified": str(of_eu), "payable": str(payable_eu)}
            if asked > payable:
                sums = {"asked": str(asked), "payable": str(payable)}
            _doubt(flags, pk, "certified_not_paid", sums, {"years": years} if years else {})
        for pk, planned, payable in plans:
            _doubt(flags, pk, "above_payable", {"planned": str(planned), "payable": str(payable)}, {})
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _doubt(flags, operation: int, kind: str, sums: dict[str, str], named: dict[str, str]) -> None:
    known = flags.filter(operation_id=operation, kind=kind)
    waiting = known.filter(state="open").first()
    if waiting is not None:
        if "certified" not in sums or "certified" in waiting.detail:
            waiting.detail = {name: value for name, value in waiting.detail.items() if name != "certified"} | sums | named
            waiting.save(update_fields=["detail"])
        return
    answered = known.filter(state="answered")
    if "certified" in sums:
        is_answered = answered.exists()
    else:
        is_answered = answered.filter(**{f"detail__{name}": value for name, value in sums.items()}).exists()
    if not is_answered:
        flags.create(operation_id=operation, kind=kind, detail=sums | named)
