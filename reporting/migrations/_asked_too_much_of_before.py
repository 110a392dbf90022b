"""Data step of migrations: what was asked above what is paid is doubted with its sums, where it was answered as right before."""

from django.db import connection

from core.acting import acting_as
from reporting.migrations._sql import BEYOND_WHAT_IS_PAID


def doubt_what_was_asked_too_much(apps, schema_editor):
    """A doubt that waits says both sums; where none waits, one is raised: an answer of before said nothing of a correction."""
    flags = apps.get_model("reporting", "OperationFlag").objects.filter(kind="certified_not_paid")
    with connection.cursor() as cursor:
        cursor.execute(BEYOND_WHAT_IS_PAID)
        found = [(pk, payable, asked) for pk, _code, payable, asked, _of_eu in cursor.fetchall() if asked > payable]
    with acting_as(label="command migrate"):
        for pk, payable, asked in found:
            sums = {"asked": str(asked), "payable": str(payable)}
            waiting = flags.filter(operation_id=pk, state="open").first()
            if waiting is None:
                flags.create(operation_id=pk, kind="certified_not_paid", detail=sums)
            else:
                kept = {name: value for name, value in waiting.detail.items() if name != "certified"}
                waiting.detail = kept | sums
                waiting.save(update_fields=["detail"])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
