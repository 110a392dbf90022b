"""What was stated of a co-financed case is kept with it: the workbooks of the reports made since it is an operation."""

from django.contrib.contenttypes.models import ContentType
from django.db.models import Min, QuerySet

from core import retention
from core.models.document import Document
from core.models.job import Job
from grants.models import Application
from reporting.models import Operation
from reporting.stated import COFINANCING, OPERATIONS


def documents_of_statements(application: Application) -> QuerySet[Document]:
    """The files of the reports in which the operations of a case may stand: those that were asked for since."""
    since = Operation.objects.filter(agreement__application=application).aggregate(first=Min("created_at"))["first"]
    if since is None:
        return Document.objects.none()
    jobs = Job.objects.filter(kind__in=(COFINANCING, OPERATIONS), created_at__gte=since)
    return Document.objects.filter(content_type=ContentType.objects.get_for_model(Job), object_id__in=jobs.values("pk"))


def connect() -> None:
    """Say so to the retention of cases."""
    retention.register_documents(Application, documents_of_statements)
