"""The lists and pages of what core records take few queries, whatever the number of rows."""

import pytest

from core.acting import acting_as
from core.documents import store
from core.engine.seals import seal_all
from core.models import Document, Job, OutboxMessage, User
from core.models.event import Event, EventSeal
from core.outbox import enqueue_mail
from core.transitions import perform
from tests.core.sample.models import Case
from tests.factories.applicants import pdf
from tests.factories.core import UserFactory
from tests.staff_pages import assert_queries_do_not_grow

MODELS = (User, Event, EventSeal, Job, OutboxMessage, Document)


@pytest.fixture
def administrator(client, db) -> User:
    user = UserFactory(administrator=True)
    client.force_login(user)
    return user


def fill(count: int) -> None:
    for _number in range(count):
        person = UserFactory(applicant=True)
        with acting_as(person):
            case = Case.objects.create(title="Case", owner=person, asked=10)
            perform(case, "submit", actor=person)
            store(pdf(f"{case.pk}"), name="piece.pdf", subject=case, user=person)
            enqueue_mail(
                to=[person.email],
                template="essor/mail/invitation",
                context={},
                subject_object=case,
                key=f"case-{case.pk}",
            )
            Job.objects.create(kind="sample.report", key=f"{case.pk}", requested_by=person)
    seal_all()


def addresses():
    for model in MODELS:
        name = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        yield name
        yield f"{name}?q=e"
        yield f"{name}{model._default_manager.order_by('pk').first().pk}/change/"


def test_what_core_records_is_read_in_few_queries(client, administrator, settings, tmp_path):
    settings.ESSOR_DOCUMENT_ROOT = tmp_path
    assert_queries_do_not_grow(client, addresses(), fill)
