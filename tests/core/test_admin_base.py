"""The base of the staff site: who sees and changes what, transitions by POST, history, and few queries."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from core import navigation
from core.acting import acting_as
from core.admin.events import recent_events
from core.events import record
from core.models.event import Event
from core.models.job import Job
from core.models.outbox import OutboxMessage
from core.models.user import User
from core.outbox import enqueue_mail
from core.roles import Role
from core.transitions import perform
from tests.core.sample.models import Case
from tests.factories.core import UserFactory

LIST = "/admin/sample/case/"


@pytest.fixture
def staff(client: Client, instructor: User) -> Client:
    client.force_login(instructor)
    return client


@pytest.fixture
def submitted(case: Case, applicant: User) -> Case:
    return perform(case, "submit", actor=applicant)


def page_of(case: Case) -> str:
    return f"{LIST}{case.pk}/change/"


def transition_of(case: Case, name: str) -> str:
    return reverse("admin:sample_case_transition", args=[case.pk, name])


# --- who ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "sees", "adds"),
    [
        (Role.INSTRUCTOR, True, True),
        (Role.AUDITOR, True, False),
        (Role.ADMINISTRATOR, True, False),
        (Role.FINANCE_OFFICER, False, False),
    ],
)
def test_lists_open_by_role(client: Client, case: Case, role: Role, sees: bool, adds: bool) -> None:
    client.force_login(UserFactory(roles=[role]))
    assert client.get(LIST).status_code == (200 if sees else 403)
    assert client.get(page_of(case)).status_code == (200 if sees else 403)
    assert client.get(f"{LIST}add/").status_code == (200 if adds else 403)


def test_an_applicant_has_no_staff_site(client: Client, case: Case, applicant: User) -> None:
    client.force_login(applicant)
    assert client.get(LIST).status_code == 302
    assert client.post(transition_of(case, "refuse"), {"comment": "x"}).status_code == 302


def test_an_auditor_reads_and_changes_nothing(client: Client, submitted: Case) -> None:
    client.force_login(UserFactory(roles=[Role.AUDITOR, Role.INSTRUCTOR]))
    page = client.get(page_of(submitted)).text
    assert "owner" in page
    assert 'name="_save"' not in page
    assert client.post(page_of(submitted), {"title": "Changed"}).status_code == 403


def test_a_row_of_somebody_else_does_not_exist(client: Client, db) -> None:
    mine, other = UserFactory(instructor=True), UserFactory(instructor=True)
    job = Job.objects.create(kind="sample.report", key="one", requested_by=other)
    client.force_login(mine)
    assert client.get(f"/admin/core/job/{job.pk}/change/").status_code == 404
    assert "A report" not in client.get("/admin/core/job/").text
    client.force_login(other)
    assert client.get(f"/admin/core/job/{job.pk}/change/").status_code == 200
    assert "A report" in client.get("/admin/core/job/").text


def test_a_row_that_is_not_there_is_404(staff: Client, db) -> None:
    assert staff.get(f"{LIST}987654/change/").status_code == 404
    assert staff.get(f"{LIST}987654/transition/accept/").status_code == 404
    assert staff.get(f"{LIST}987654/history/").status_code == 404


# --- the case page ------------------------------------------------------------------------------------------


def test_the_case_page_shows_header_panels_buttons_and_history(staff: Client, submitted: Case) -> None:
    page = staff.get(page_of(submitted)).text
    assert f"CASE-{submitted.pk}" in page
    assert "800,00\u202f€" in page
    assert page.count('class="owner"') == 2
    for name in ("accept", "refuse"):
        assert transition_of(submitted, name) in page
    assert transition_of(submitted, "submit") not in page  # not from this state, and not for staff
    assert "Submit" in page  # the event


def test_the_state_is_never_a_field(staff: Client, submitted: Case) -> None:
    assert 'name="state"' not in staff.get(page_of(submitted)).text
    data = {"title": "Another title", "owner": submitted.owner_id, "asked": "800", "state": "accepted"}
    staff.post(page_of(submitted), data)
    submitted.refresh_from_db()
    assert (submitted.title, submitted.state) == ("Another title", "submitted")


def test_amounts_are_typed_as_people_write_them(staff: Client, submitted: Case) -> None:
    assert 'value="800,00"' in staff.get(page_of(submitted)).text
    data = {"title": "Same", "owner": submitted.owner_id, "asked": "12\u202f345,67"}
    staff.post(page_of(submitted), data)
    submitted.refresh_from_db()
    assert submitted.asked == Decimal("12345.67")


def test_a_button_that_is_refused_says_why(client: Client, submitted: Case) -> None:
    client.force_login(UserFactory(administrator=True))
    page = client.get(page_of(submitted)).text
    assert "disabled" in page
    assert "Instructeur" in page or "instructeur" in page


# --- transitions --------------------------------------------------------------------------------------------


def test_reading_a_transition_changes_nothing(staff: Client, submitted: Case) -> None:
    answer = staff.get(transition_of(submitted, "accept"))
    assert answer.status_code == 200
    assert 'name="amount"' in answer.text and 'name="comment"' in answer.text
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


def test_a_transition_is_taken_by_post(staff: Client, submitted: Case, instructor: User) -> None:
    answer = staff.post(transition_of(submitted, "accept"), {"amount": "500", "comment": "Good project"}, follow=True)
    assert "Accept" in answer.text
    submitted.refresh_from_db()
    assert (submitted.state, submitted.amount) == ("accepted", Decimal("500.00"))
    event = Event.objects.of(submitted).last()
    assert (event.action, event.actor, event.comment) == ("accept", instructor, "Good project")


def test_a_transition_needs_the_mark_of_this_site(submitted: Case, instructor: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(instructor)
    assert strict.post(transition_of(submitted, "accept"), {"amount": "500"}).status_code == 403
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


def test_a_wrong_input_is_told_beside_its_field_and_kept(staff: Client, submitted: Case) -> None:
    answer = staff.post(
        transition_of(submitted, "accept"), {"amount": "900", "note": "my note", "comment": "my comment"}
    )
    assert answer.status_code == 422
    assert "More than what was asked." in answer.text
    assert "id_amount_error" in answer.text
    assert "my note" in answer.text and "my comment" in answer.text


def test_what_the_database_refuses_is_told_too(staff: Client, submitted: Case) -> None:
    with acting_as(label="test"):
        Case.objects.filter(pk=submitted.pk).update(asked=5000)
    answer = staff.post(transition_of(submitted, "accept"), {"amount": "2000"})
    assert answer.status_code == 422
    assert "at most 1,000" in answer.text


def test_a_compulsory_comment_is_asked_for(staff: Client, submitted: Case) -> None:
    answer = staff.post(transition_of(submitted, "refuse"), {"comment": " "})
    assert answer.status_code == 422
    assert "id_transition_comment_error" in answer.text
    staff.post(transition_of(submitted, "refuse"), {"comment": "Out of scope"})
    submitted.refresh_from_db()
    assert submitted.state == "refused"


def test_a_transition_taken_twice_is_told_not_done_twice(staff: Client, submitted: Case) -> None:
    for _ in range(2):
        answer = staff.post(transition_of(submitted, "accept"), {"amount": "500"}, follow=True)
    submitted.refresh_from_db()
    assert submitted.runs == 2  # submitted once, accepted once
    assert answer.status_code == 409
    told = "« Accept » n’est pas possible dans l’état « Accepted »."
    assert told in answer.content.decode()


@pytest.mark.parametrize(
    ("role", "status"), [(Role.AUDITOR, 403), (Role.ADMINISTRATOR, 403), (Role.FINANCE_OFFICER, 404)]
)
def test_a_transition_of_other_roles_is_refused(client: Client, submitted: Case, role: Role, status: int) -> None:
    client.force_login(UserFactory(roles=[role]))
    assert client.post(transition_of(submitted, "refuse"), {"comment": "x"}).status_code == status
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


@pytest.mark.parametrize("name", ["nonsense", "delete", "save", "__init__", "pk"])
def test_no_other_method_is_reached_by_an_address(staff: Client, submitted: Case, name: str) -> None:
    assert staff.post(f"{LIST}{submitted.pk}/transition/{name}/").status_code == 404


@pytest.mark.parametrize("name", ["submit", "archive"])
def test_what_is_not_for_staff_is_not_done_by_staff(staff: Client, submitted: Case, name: str) -> None:
    staff.post(transition_of(submitted, name))
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


def test_the_history_page_tells_everything(staff: Client, submitted: Case) -> None:
    perform(submitted, "accept", actor=UserFactory(instructor=True), data={"amount": "500"}, comment="Good")
    page = staff.get(f"{LIST}{submitted.pk}/history/").text
    assert page.index("Accept") < page.index("Submit")
    assert "Good" in page


def test_the_same_thing_done_again_and_again_is_one_line(staff: Client, submitted: Case, instructor: User) -> None:
    for _number in range(20):
        record(submitted, "look", actor=instructor)
    record(submitted, "look", actor=instructor, comment="with a word")
    shown = recent_events(submitted)
    assert [(line.event.action, line.count) for line in shown[:2]] == [("look", 1), ("look", 20)]
    assert shown[-1].event.action == "submit"
    assert "× 20" in staff.get(f"{LIST}{submitted.pk}/change/").text


def test_pages_are_called_by_what_they_show(staff: Client, submitted: Case) -> None:
    assert staff.get(LIST).context["title"] == "Cases"
    assert staff.get(f"{LIST}{submitted.pk}/change/").context["title"] == "Case"


def test_why_a_step_is_refused_is_tied_to_its_button(client: Client, submitted: Case) -> None:
    client.force_login(UserFactory(administrator=True))
    page = client.get(page_of(submitted)).text
    reasons = re.findall(r'disabled aria-describedby="(why-[a-z0-9_-]+)"', page)
    assert reasons
    assert all(page.count(f'id="{name}"') == 1 for name in reasons)  # the same reason is told once


# --- few queries --------------------------------------------------------------------------------------------


def count_queries(client: Client, path: str, django_assert_max_num_queries) -> int:
    client.get(path)
    with django_assert_max_num_queries(20) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def make_cases(number: int) -> None:
    with acting_as(label="test"):
        for position in range(number):
            Case.objects.create(title=f"Case {position}", owner=UserFactory(applicant=True), asked=10)


@pytest.mark.parametrize("path", [LIST, "/admin/core/user/", "/admin/core/event/", "/admin/core/job/", "/admin/"])
def test_lists_take_as_many_queries_for_3_rows_as_for_30(client, db, path, django_assert_max_num_queries) -> None:
    user = UserFactory(roles=[Role.INSTRUCTOR, Role.ADMINISTRATOR])
    client.force_login(user)
    counts = []
    for number in (3, 27):
        make_cases(number)
        for position in range(number):
            Job.objects.create(kind="sample.report", key=f"{number}-{position}", requested_by=user)
        counts.append(count_queries(client, path, django_assert_max_num_queries))
    assert counts[0] == counts[1]


def test_the_case_page_takes_few_queries(staff: Client, submitted: Case, django_assert_max_num_queries) -> None:
    for _ in range(12):
        perform(submitted, "accept", actor=UserFactory(instructor=True), data={"amount": "500"})
        with acting_as(label="test"):
            Case.objects.filter(pk=submitted.pk).update(state="submitted")
        submitted.refresh_from_db()
    assert count_queries(staff, page_of(submitted), django_assert_max_num_queries) <= 16


# --- the menu and the work of the day -----------------------------------------------------------------------


def test_the_counts_of_the_menu_are_those_of_the_lists(staff: Client, submitted: Case, monkeypatch) -> None:
    monkeypatch.setattr(navigation, "_menu", {})
    navigation.register(
        navigation.Section.WORK,
        "Submitted cases",
        "admin:sample_case_changelist",
        "inbox",
        roles=[Role.INSTRUCTOR],
        query="state__exact=submitted",
        badge=lambda user: Case.objects.filter(state="submitted").count(),
    )
    counts = staff.get("/admin/badges/").json()
    [item] = navigation._menu.values()
    assert counts == {item.key: 1}
    shown = staff.get(item.url)
    assert shown.context["cl"].result_count == counts[item.key]
    assert item.key in shown.text.replace("&amp;", "&")


def test_a_menu_item_is_for_its_roles(db, monkeypatch) -> None:
    monkeypatch.setattr(navigation, "_menu", {})
    navigation.register(navigation.Section.WORK, "Cases", "admin:sample_case_changelist", "inbox", [Role.INSTRUCTOR])
    seen = {role for role in Role if navigation.menu_items(UserFactory(roles=[role]))}
    assert seen == {Role.INSTRUCTOR, Role.AUDITOR, Role.ADMINISTRATOR}


def test_one_link_of_the_menu_is_the_page_s_own(db, rf: RequestFactory) -> None:
    request = rf.get(reverse("admin:reporting_reports"))  # its address begins with that of the operations
    request.user = UserFactory(finance_officer=True)
    links = [item for group in navigation.sidebar(request) for item in group["items"]]
    assert [link["link"] for link in links if link["active"]] == [reverse("admin:reporting_reports")]


def test_the_work_of_the_day_is_in_due_order(staff: Client, monkeypatch) -> None:
    today = timezone.localdate()
    items = [
        navigation.WorkItem(None, "Someday", "no hurry", "/c/", "Look"),
        navigation.WorkItem(today + timedelta(days=3), "Soon", "it closes", "/b/", "Answer"),
        navigation.WorkItem(today - timedelta(days=2), "Late", "it was due", "/a/", "Decide", tone="act"),
    ]
    monkeypatch.setattr(navigation, "_work_providers", [lambda user: items])
    page = staff.get("/admin/").text
    assert page.index("Late") < page.index("Soon") < page.index("Someday")
    assert "2 jours de retard" in page


def test_the_counts_need_a_staff_account(client: Client, applicant: User) -> None:
    client.force_login(applicant)
    assert client.get("/admin/badges/").status_code == 302


# --- people -------------------------------------------------------------------------------------------------


@pytest.fixture
def administrator(client: Client, db) -> User:
    user = UserFactory(administrator=True)
    client.force_login(user)
    return user


def account_data(user: User | None = None, **changes: object) -> dict[str, object]:
    return {
        "first_name": user.first_name if user else "Noor",
        "last_name": user.last_name if user else "Diallo",
        "email": user.email if user else "noor@example.org",
        "phone": "",
        "language": "fr",
        "is_active": "on",
        "roles": sorted(user.role_set) if user else ["instructor"],
        "change_reason": "Arrivée dans le service",
    } | changes


def test_an_administrator_opens_an_account_without_knowing_its_password(client: Client, administrator: User) -> None:
    client.post("/admin/core/user/add/", account_data())
    user = User.objects.get(email="noor@example.org")
    assert user.role_set == {"instructor"} and user.is_staff
    assert not user.has_usable_password()
    [message] = OutboxMessage.objects.all()
    assert message.to == ["noor@example.org"] and "/mot-de-passe/nouveau/" in message.body
    assert Event.objects.of(user).get().changes == {"roles": [[], ["instructor"]]}


def test_roles_change_with_a_trace(client: Client, administrator: User) -> None:
    user = UserFactory(instructor=True)
    roles = ["head_of_service", "instructor"]
    client.post(f"/admin/core/user/{user.pk}/change/", account_data(user, roles=roles))
    assert User.objects.get(pk=user.pk).role_set == set(roles)
    assert Event.objects.of(user).get().changes == {"roles": [["instructor"], roles]}


def test_an_administrator_cannot_shut_themselves_out(client: Client, administrator: User) -> None:
    data = account_data(administrator, roles=[])
    del data["is_active"]
    client.post(f"/admin/core/user/{administrator.pk}/change/", data)
    again = User.objects.get(pk=administrator.pk)
    assert again.is_active and again.role_set == {"administrator"}


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_only_administrators_give_roles(client: Client, db, role: Role) -> None:
    user = UserFactory(roles=[role])
    client.force_login(user)
    client.post(f"/admin/core/user/{user.pk}/change/", account_data(user, roles=["administrator"]))
    client.post("/admin/core/user/add/", account_data(roles=["administrator"]))
    assert not User.objects.filter(groups__name="administrator").exists()


def test_nobody_edits_groups(client: Client, administrator: User) -> None:
    group = Group.objects.get(name="auditor")
    assert client.get("/admin/auth/group/").status_code == 404
    assert client.get(f"/admin/auth/group/{group.pk}/change/").status_code == 404


def test_the_log_keeps_the_links_that_open_accounts_to_itself(client: Client, administrator: User, case: Case) -> None:
    client.post("/admin/core/user/add/", account_data())
    message = OutboxMessage.objects.get()
    page = client.get(f"/admin/core/outboxmessage/{message.pk}/change/").text
    assert "noor@example.org" in page
    assert "/mot-de-passe/nouveau/" not in page


def test_records_are_only_read(client: Client, administrator: User, case: Case) -> None:
    perform(case, "submit", actor=case.owner)
    event = Event.objects.of(case).get()
    page = client.get(f"/admin/core/event/{event.pk}/change/").text
    assert event.hash in page and 'name="_save"' not in page
    assert f"/admin/sample/case/{case.pk}/change/" in page
    assert client.get("/admin/core/event/add/").status_code == 403
    assert client.post(f"/admin/core/event/{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Event.objects.filter(pk=event.pk).exists()


@pytest.mark.parametrize("model", ["event", "eventseal", "job", "outboxmessage", "document", "user"])
def test_every_list_of_core_opens(client: Client, administrator: User, model: str) -> None:
    enqueue_mail(to=["a@example.org"], template="essor/mail/activation", context={"user": administrator}, key=model)
    answer = client.get(f"/admin/core/{model}/", {"q": "a@example.org"})
    assert answer.status_code == 200
