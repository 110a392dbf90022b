"""Data step of migrations: what cannot be asked, or not be declared, of operations of before is doubted as it is of new ones."""

from django.db import connection

from core.acting import acting_as
from reporting.migrations._sql import BEYOND_WHAT_IS_PAID, NOTHING_TO_DECLARE

_OF_NOTHING = f"""
    SELECT o.id, v.eu_amount FROM reporting_operation o JOIN reporting_operationversion v ON v.id = o.current_id
    WHERE {NOTHING_TO_DECLARE} ORDER BY o.id
"""  # noqa: S608 - a fragment of our own


def doubt_operations_of_before(apps, schema_editor):
    """A doubt on each operation that asks, or leaves out, more than is paid, and on each of which nothing can be declared."""
    flags = apps.get_model("reporting", "OperationFlag").objects
    with connection.cursor() as cursor:
        cursor.execute(BEYOND_WHAT_IS_PAID)
        beyond = [
            (pk, {"certified": str(of_eu), "payable": str(payable)})
            for pk, _code, payable, _asked, of_eu in cursor.fetchall()
        ]
        cursor.execute(_OF_NOTHING)
        nothing = [(pk, {"eu_amount": str(of_eu)}) for pk, of_eu in cursor.fetchall()]
    with acting_as(label="command migrate"):
        for kind, found in (("certified_not_paid", beyond), ("nothing_to_declare", nothing)):
            for pk, detail in found:
                if not flags.filter(operation_id=pk, kind=kind).exists():
                    flags.create(operation_id=pk, kind=kind, detail=detail)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
