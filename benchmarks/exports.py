"""The list of cases as a CSV and as a workbook, beside django-import-export's own CSV of the same rows and columns.

Fill the database first: ``python manage.py demo --scale 5000``.
"""

import time
from collections.abc import Callable

from django.db.models import QuerySet
from import_export import fields, resources

from core.importexport.formats import CsvFormat, WorkbookFormat
from grants.models import Application
from grants.workbooks import ApplicationResource


class LibraryResource(resources.ModelResource):
    """The baseline: the same columns, written by the library."""

    class Meta:
        model = Application
        fields = ()


for column in ApplicationResource.columns:
    LibraryResource.fields[column.key] = fields.Field(column_name=str(column.label), dehydrate_method=column.getter())


def timed(work: Callable[[], object]) -> float:
    """Seconds of one run: each takes long enough."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cases() -> QuerySet[Application]:
    """The filed cases, as the list of the staff site has them."""
    return Application.objects.filter(submitted_at__isnull=False).select_related(*ApplicationResource.select_related)


def main() -> None:
    """Print seconds, and how many times quicker than the baseline."""
    resource = ApplicationResource()
    baseline = timed(lambda: LibraryResource().export(cases()).csv)
    measured = [
        ("CSV, django-import-export", baseline),
        ("CSV, Essor", timed(lambda: CsvFormat().bytes_of(resource.sheet(cases()), resource.cover([])))),
        ("workbook, Essor", timed(lambda: WorkbookFormat().bytes_of(resource.sheet(cases()), resource.cover([])))),
    ]
    print(f"{cases().count()} cases, {len(ApplicationResource.columns)} columns")
    print(f"{'':28}{'s':>8}{'× quicker':>12}")
    for name, seconds in measured:
        print(f"{name:28}{seconds:8.2f}{baseline / seconds:12.1f}")


if __name__ == "__main__":
    main()
