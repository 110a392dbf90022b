"""The last active person of a role does not leave the work that waits for it behind unseen."""

from html import unescape

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from core.acting import acting_as
from core.figures.invariants import invariant_of
from core.models import Event, User
from core.roles import Role
from core.users.last_person import stops_without
from grants.models import ProgrammeAssignment
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, SessionFactory, staff
from tests.forms import answer_of, forms_of

pytestmark = pytest.mark.django_db


def account_page(client, user: User):
    administrator = UserFactory(administrator=True)
    client.force_login(administrator, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:core_user_change", args=[user.pk])
    return address, form_with(client.get(address), "email")


def form_with(page, field: str):
    return next(form for form in forms_of(page) if field in form.fields)


def without_other_heads(head: User) -> None:
    for other in User.objects.filter(groups__name=Role.HEAD_OF_SERVICE).exclude(pk=head.pk):
        other.set_roles([Role.INSTRUCTOR])


@pytest.mark.parametrize("change", [{"is_active": None}, {"roles": ["instructor"]}], ids=["deactivated", "role"])
def test_the_last_head_of_service_leaves_open_visas_knowingly_alone(client, change):
    CaseFactory(state="instructed")
    head = staff(Role.HEAD_OF_SERVICE)
    without_other_heads(head)
    address, form = account_page(client, head)
    typed = {name: value for name, value in form.typed(**change, change_reason="Départ.").items() if value is not None}
    refused = client.post(address, typed)
    text = unescape(refused.content.decode())
    assert refused.status_code == 200 and "Personne d’autre ne pourrait" in text and "visa" in text
    assert User.objects.get(pk=head.pk).has_role(Role.HEAD_OF_SERVICE)
    assert client.post(address, typed | {"leave_without": "on"}).status_code == 200  # not what was asked
    assert client.post(address, typed | answer_of(refused, "leave_without")).status_code == 302
    assert not User.objects.get(pk=head.pk).has_role(Role.HEAD_OF_SERVICE)
    assert Event.objects.filter(action="user.left_work", object_id=head.pk, comment="Départ.").exists()
    assert [row for row in invariant_of("core.open-work-has-its-role").broken() if "visa" in row.label.lower()]


def test_a_role_that_another_active_person_holds_may_go(client):
    CaseFactory(state="instructed")
    head, _other = staff(Role.HEAD_OF_SERVICE), staff(Role.HEAD_OF_SERVICE)
    assert stops_without(head, [Role.HEAD_OF_SERVICE]) == []
    User.objects.exclude(pk=head.pk).filter(groups__name=Role.HEAD_OF_SERVICE).update(is_active=False)
    assert stops_without(head, [Role.HEAD_OF_SERVICE])
    assert stops_without(head, []) == []


def test_a_decision_that_may_be_taken_again_is_waited_for_once():
    """A controlled item could be decided again; nothing waits for it, unlike a session that is to be convened."""
    secretary = staff(Role.COMMITTEE_SECRETARY)
    User.objects.exclude(pk=secretary.pk).filter(groups__name=Role.COMMITTEE_SECRETARY).update(is_active=False)
    assert stops_without(secretary, [Role.COMMITTEE_SECRETARY]) == []
    SessionFactory(state="draft")
    assert len(stops_without(secretary, [Role.COMMITTEE_SECRETARY])) == 1


def test_nobody_leaves_a_programme_whose_cases_would_be_nobodys(client):
    case = CaseFactory(state="instructed")
    head = staff(Role.HEAD_OF_SERVICE, case.programme.code)
    ProgrammeAssignment.objects.exclude(user=head).filter(user__groups__name=Role.HEAD_OF_SERVICE).delete()
    client.force_login(UserFactory(administrator=True), backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:grants_programme_change", args=[case.programme.pk])
    form = form_with(client.get(address), "assignments-TOTAL_FORMS")
    assigned = ProgrammeAssignment.objects.get(user=head, programme=case.programme)
    row = next(name for name, value in form.typed().items() if name.endswith("-id") and value == [str(assigned.pk)])
    typed = form.typed(change_reason="Départ.") | {row.replace("-id", "-DELETE"): "on"}
    assert case.number in unescape(client.post(address, typed).content.decode())
    assert ProgrammeAssignment.objects.filter(pk=assigned.pk).exists()
    staff(Role.HEAD_OF_SERVICE, case.programme.code)
    typed = form_with(client.get(address), "assignments-TOTAL_FORMS").typed(change_reason="Départ.") | {
        row.replace("-id", "-DELETE"): "on"
    }
    client.post(address, typed)
    assert not ProgrammeAssignment.objects.filter(pk=assigned.pk).exists()


def test_the_database_keeps_the_last_active_administrator():
    User.objects.filter(groups__name=Role.ADMINISTRATOR).delete()
    last, former = UserFactory(administrator=True), UserFactory(administrator=True)
    User.objects.filter(pk=former.pk).update(is_active=False)
    for attempt in (
        lambda: User.objects.filter(pk=last.pk).update(is_active=False),
        lambda: last.groups.clear(),
        lambda: last.set_roles([Role.AUDITOR]),
    ):
        with pytest.raises(IntegrityError, match="last active administrator"), transaction.atomic():
            attempt()
    with acting_as(last):
        User.objects.filter(pk=former.pk).update(is_active=True)
    with acting_as(former):
        last.set_roles([Role.AUDITOR])
