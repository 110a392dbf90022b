"""What reports made earlier stated of their data: the proof of a hash that can no longer be made again."""

from datetime import date

from core.dates import end_of_day
from core.models.job import Job
from core.workbooks import Stated

COFINANCING, OPERATIONS = "report.cofinancing", "report.operations"


def stated_before(lasting: str, cut_off: date) -> Stated | None:
    """The hash of the data that the first report with this lasting hash stated, made once its cut-off day was over.

    Where the lasting hash is the same, all that no law removes is the same, word for word; names are those of the
    cut-off day, so that the removed ones are what they were too.
    """
    made = Job.objects.filter(
        kind__in=(COFINANCING, OPERATIONS),
        state=Job.State.DONE,
        created_at__gt=end_of_day(cut_off),
        result__totals__lasting__sha256=lasting,
    )
    first = made.exclude(result__totals__data_sha256="").order_by("created_at", "pk").first()
    return Stated(first.result["totals"]["data_sha256"], first.finished_at) if first else None
