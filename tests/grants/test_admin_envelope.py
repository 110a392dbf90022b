"""Envelopes, commitments, calls and programmes on the staff's screens."""

from decimal import Decimal
from html import unescape
from io import BytesIO

import openpyxl
import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from core.models.event import Event
from core.money import format_euros
from core.roles import Role
from grants.commitments import commit
from grants.committee import totals
from grants.conditions import GENERAL
from grants.models import AgendaItem, Application, Envelope
from grants.session_conditions import beyond_envelopes
from grants.workbooks import EnvelopeResource
from tests.factories.core import UserFactory
from tests.factories.instruction import (
    CallFactory,
    CaseFactory,
    EnvelopeFactory,
    SessionFactory,
    agenda,
    programme_of,
    staff,
)
from tests.factories.plans import plan_for
from tests.forms import answer_of

pytestmark = pytest.mark.django_db

MOST_QUERIES = 20


def sign_in(client, role, *codes):
    user = staff(role, *codes)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


@pytest.fixture
def officer(client):
    return sign_in(client, Role.FINANCE_OFFICER)


def test_the_figures_of_an_envelope(officer):
    """480,000 voted: 20,000 committed, 26,000 granted, 26,000 proposed, 408,000 available."""
    committed = CaseFactory(state="contracted")
    CaseFactory(state="approved", call=committed.call)
    CaseFactory(state="instructed", call=committed.call)
    commit(committed, Decimal("20000.00"), officer)
    envelope = Envelope.objects.with_figures().get(pk=committed.call.envelope_id)
    assert (envelope.committed_amount, envelope.awaiting_amount) == (Decimal("20000.00"), Decimal("26000.00"))
    assert (envelope.proposed_total, envelope.available_amount) == (Decimal("26000.00"), Decimal("408000.00"))


def told_of(client, envelope):
    """What the list, the page, a case's page and an export say of an envelope: its words, for amounts to be found in."""
    rows = client.get(reverse("admin:grants_envelope_changelist") + "?is_closed__exact=1").content.decode()
    rows += client.get(reverse("admin:grants_envelope_changelist")).content.decode()
    case = envelope.calls.get().applications.order_by("pk").first()
    chosen = {f"enveloperesource_{column.key}": "on" for column in EnvelopeResource.columns}
    exported = client.post(
        reverse("admin:grants_envelope_export"), {"format": "1", "resource": "0", **chosen}
    ).content.decode()
    return {
        "list": next(row for row in unescape(rows).split("<tr") if f"<b>{envelope.code}</b>" in row),
        "page": unescape(client.get(reverse("admin:grants_envelope_change", args=[envelope.pk])).content.decode()),
        "case": unescape(client.get(reverse("admin:grants_application_change", args=[case.pk])).content.decode()),
        "file": next(row for row in exported.splitlines() if envelope.code in row).split(",")[-1],
    }


@pytest.mark.parametrize(
    ("left", "states", "closed"),
    [
        ("20000.00", ["scheduled"], False),
        ("15000.01", ["scheduled", "contracted", "approved", "instructed"], False),  # proposed above what is left
        ("0.00", ["scheduled", "approved"], False),
        ("7000.00", ["instructed", "contracted"], True),
    ],
)
def test_all_that_say_what_is_left_of_an_envelope_agree(client, officer, left, states, closed):
    """Its figures, the grid and the condition of a session, the list, pages and an export; what the form and the
    database refuse begins a cent beyond."""
    left, cent = Decimal(left), Decimal("0.01")
    first = CaseFactory(state=states[0])
    others = [CaseFactory(state=state, call=first.call) for state in states[1:]]
    commitments = [commit(case, Decimal("20000.00"), officer) for case in others if case.state == "contracted"]
    used = sum(commitment.amount for commitment in commitments) + Decimal("26000.00") * states.count("approved")
    Envelope.objects.filter(pk=first.call.envelope_id).update(voted_amount=used + left, is_closed=closed)
    proposed = Decimal("26000.00") * len({"scheduled", "instructed"}.intersection(states))

    envelope = Envelope.objects.with_figures().get(pk=first.call.envelope_id)
    grantable = Decimal(0) if closed else left
    assert (envelope.used_amount, envelope.left_amount) == (used, grantable)
    assert envelope.available_amount == (Decimal(0) if closed else left - proposed)
    assert envelope.unused_amount == (left if closed else 0)
    (line,) = totals(SessionFactory(), [AgendaItem(application=first, proposed_amount=proposed)]).envelopes
    assert line.left_before == grantable
    assert beyond_envelopes({envelope.pk: grantable}) is None
    assert format_euros(grantable) in beyond_envelopes({envelope.pk: grantable + cent})[GENERAL]
    said = told_of(client, envelope)
    available = format_euros(envelope.available_amount)
    assert [available in said[place] for place in ("list", "case")] == [True, True]
    assert said["file"] == f"{envelope.available_amount:.2f}"
    assert (format_euros(left) if closed else available) in said["page"]

    for amount, is_taken in ((used, True), (used - cent, False)):
        envelope.voted_amount = amount
        errors = {}
        try:
            envelope.clean()
        except ValidationError as refused:
            errors = refused.message_dict
        assert ("voted_amount" in errors) is not is_taken
        assert taken(Envelope.objects.filter(pk=envelope.pk), voted_amount=amount) is is_taken
    for amount, is_taken in ((left, True), (left + cent, False)) if left and not closed else ():
        plan = plan_for("PROGRESS1", amount).as_json()
        values = {"state": "approved", "granted_amount": amount, "granted_plan": plan}
        assert taken(Application.objects.filter(pk=first.pk), **values) is is_taken


def taken(queryset, **values) -> bool:
    """Whether the database takes this change, which is undone."""
    with transaction.atomic():
        try:
            with transaction.atomic():
                queryset.update(**values)
        except DatabaseError:
            return False
        transaction.set_rollback(True)
    return True


@pytest.mark.parametrize("model", ["envelope", "commitment", "call", "programme"])
def test_lists_take_as_many_queries_for_thirty_rows_as_for_three(client, officer, django_assert_max_num_queries, model):
    def rows(count):
        for _number in range(count):
            case = CaseFactory(state="approved", budget=False, instruction=False)
            commit(case, Decimal("100.00"), officer)

    rows(3)
    address = reverse(f"admin:grants_{model}_changelist")
    client.get(address)  # what the frame of the staff site remembers (broken figures) is at hand
    with django_assert_max_num_queries(MOST_QUERIES) as few:
        assert client.get(address).status_code == 200
    rows(27)
    with django_assert_max_num_queries(MOST_QUERIES) as many:
        client.get(address)
    assert len(few) == len(many)


def test_the_page_of_an_envelope_takes_few_queries(client, officer, django_assert_max_num_queries):
    first = CaseFactory(state="approved")
    address = reverse("admin:grants_envelope_change", args=[first.call.envelope_id])
    commit(first, Decimal("100.00"), officer)
    client.get(address)
    with django_assert_max_num_queries(MOST_QUERIES) as few:
        response = client.get(address)
    for _number in range(10):
        commit(CaseFactory(state="approved", call=first.call), Decimal("100.00"), officer)
    with django_assert_max_num_queries(MOST_QUERIES) as many:
        response = client.get(address)
    assert len(few) == len(many)
    assert first.number in response.content.decode()


def form_of(envelope: Envelope, **changes) -> dict:
    values = {
        "code": envelope.code, "label": envelope.label, "programme": envelope.programme_id, "kind": envelope.kind,
        "year": envelope.year, "budget_chapter": "", "budget_account": "65748",
        "voted_amount": "480000,00", "voted_on": "", "deliberation": "",
        "change_reason": "Décision modificative",
        "payment_credits-TOTAL_FORMS": "1", "payment_credits-INITIAL_FORMS": "0",
        "payment_credits-0-year": "2026", "payment_credits-0-voted_amount": "100000,00",
    }  # fmt: skip
    return values | changes


def test_finance_edits_the_budget_and_the_history_keeps_it(client, officer):
    envelope = EnvelopeFactory()
    address = reverse("admin:grants_envelope_change", args=[envelope.pk])
    response = client.post(address, form_of(envelope, voted_amount="500000,00"))
    assert response.status_code == 302
    envelope.refresh_from_db()
    assert envelope.voted_amount == Decimal("500000.00")
    assert envelope.payment_credits.get().voted_amount == Decimal("100000.00")
    assert Event.objects.of(envelope).get(action="change").actor == officer
    assert envelope.history_rows.count() >= 2


def test_a_closed_envelope_says_so_wherever_it_stands_and_what_still_counts_on_it(client, officer):
    case = CaseFactory(state="ready_for_committee")
    envelope = case.call.envelope
    address = reverse("admin:grants_envelope_change", args=[envelope.pk])
    page = client.get(address).content.decode()
    assert case.number in page and "Propositions qui comptent sur elle" in page
    values = form_of(envelope, is_closed="on")
    page = client.post(address, values, follow=True).content.decode()
    assert "sont proposés sur cette enveloppe close" in page
    saved = Envelope.objects.with_figures().get(pk=envelope.pk)
    assert (saved.is_closed, saved.available_amount, saved.left_amount) == (True, 0, 0)
    assert saved.unused_amount == saved.voted_amount
    assert "Cette enveloppe est close" in client.get(address).content.decode()
    assert "close" in client.get(reverse("admin:grants_envelope_changelist") + "?is_closed__exact=1").content.decode()
    sign_in(client, Role.INSTRUCTOR)
    case_page = client.get(reverse("admin:grants_application_change", args=[case.pk])).content.decode()
    assert "Cette enveloppe est close" in case_page


def test_a_vote_lowered_under_an_agenda_is_recorded_once_its_cases_were_read(client, officer):
    session = SessionFactory(state="draft")
    (item,) = agenda(session, CaseFactory(state="scheduled"))
    envelope = item.application.call.envelope
    address = reverse("admin:grants_envelope_change", args=[envelope.pk])
    values = form_of(envelope, voted_amount="25999,99") | {"payment_credits-0-voted_amount": "1000,00"}
    refused = client.post(address, values)
    assert f"inscrits à un ordre du jour : {item.application.number} ({session})" in unescape(refused.content.decode())
    answer = answer_of(refused, "all_the_same")
    lower = client.post(address, values | answer | {"voted_amount": "20000,00"})  # read for another vote
    envelope.refresh_from_db()
    assert answer_of(lower, "all_the_same") != answer and envelope.voted_amount > Decimal("25999.99")
    page = unescape(client.post(address, values | answer, follow=True).content.decode())
    assert "sont proposés au-delà de ce qui reste" in page
    envelope.refresh_from_db()
    assert envelope.voted_amount == Decimal("25999.99")


def test_no_year_takes_more_credits_than_the_whole_envelope(client, officer):
    envelope = EnvelopeFactory()
    envelope.payment_credits.create(year=2026, voted_amount=Decimal("100000.00"))
    address = reverse("admin:grants_envelope_change", args=[envelope.pk])
    credit = envelope.payment_credits.get()
    values = form_of(envelope, voted_amount="85000,00") | {
        "payment_credits-INITIAL_FORMS": "1", "payment_credits-0-id": credit.pk,
        "payment_credits-0-envelope": envelope.pk,
    }  # fmt: skip

    response = client.post(address, values)
    assert "aucune année n’en reçoit davantage" in response.content.decode()
    for rows, change in (
        (Envelope.objects.filter(pk=envelope.pk), {"voted_amount": 85000}),
        (envelope.payment_credits.all(), {"voted_amount": 500000}),
    ):
        with pytest.raises(DatabaseError, match="the whole envelope"), transaction.atomic():
            rows.update(**change)
            connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    response = client.post(address, values | {"payment_credits-0-voted_amount": "85000,00"})
    envelope.refresh_from_db()
    credit.refresh_from_db()
    assert (envelope.voted_amount, credit.voted_amount) == (85000, 85000)


def test_amounts_stand_in_fields_that_a_browser_can_show(client, officer):
    """A field of type number shows nothing of “480 000,00”: saving the page would lose the amount."""
    envelope = EnvelopeFactory()
    envelope.payment_credits.create(year=2026, voted_amount=Decimal("100000.00"))
    response = client.get(reverse("admin:grants_envelope_change", args=[envelope.pk]))
    fields = [response.context["adminform"].form["voted_amount"]]
    fields += [form["voted_amount"] for form in response.context["inline_admin_formsets"][0].formset.initial_forms]
    assert [field.value() for field in fields] == ["480\u202f000,00", "100\u202f000,00"]
    assert [field.field.widget.input_type for field in fields] == ["text", "text"]


def test_a_year_is_no_quantity(client, officer):
    EnvelopeFactory()
    page = client.get(reverse("admin:grants_envelope_changelist")).text
    assert ">2026<" in page
    assert "2\u202f026" not in page


def test_less_than_what_is_committed_is_refused_in_words(client, officer):
    case = CaseFactory(state="approved")
    commit(case, Decimal("26000.00"), officer)
    envelope = case.call.envelope
    address = reverse("admin:grants_envelope_change", args=[envelope.pk])
    response = client.post(address, form_of(envelope, voted_amount="25999,99"))
    assert response.status_code == 200
    assert "26\u202f000,00" in response.context["adminform"].form.errors["voted_amount"][0]
    envelope.refresh_from_db()
    assert envelope.voted_amount == Decimal("480000.00")


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.COMMITTEE_SECRETARY, Role.AUDITOR])
def test_others_read_the_budget(client, role):
    envelope = EnvelopeFactory()
    sign_in(client, role)
    address = reverse("admin:grants_envelope_change", args=[envelope.pk])
    assert client.get(address).status_code == 200
    assert client.post(address, form_of(envelope, voted_amount="1,00")).status_code == 403
    assert client.get(reverse("admin:grants_envelope_import")).status_code in (302, 403)


def test_an_envelope_of_another_programme_is_not_found(client):
    envelope = EnvelopeFactory(programme=programme_of("CPO"))
    sign_in(client, Role.INSTRUCTOR)
    assert client.get(reverse("admin:grants_envelope_change", args=[envelope.pk])).status_code == 404


# --- in and out --------------------------------------------------------------------------------------------------


def test_envelopes_go_out_and_come_in_again(client, officer):
    envelope = EnvelopeFactory()
    columns = [str(column.label) for column in EnvelopeResource.imported_columns()]
    assert "Close" in columns and "Fermé" not in columns  # said as on the pages; a file of before is read all the same
    columns[columns.index("Close")] = "Fermé"
    book = openpyxl.Workbook()
    book.active.append(columns)
    book.active.append([envelope.code, "Relu", "PROGRESS1", "AE", 2026, "", "", 500000, None, "", "non"])
    book.active.append(["AE-NEUVE", "Neuve", "PROGRESS1", "AE", 2027, "", "", 1000, None, "", "non"])
    stream = BytesIO()
    book.save(stream)
    upload = SimpleUploadedFile("enveloppes.xlsx", stream.getvalue())
    address, data = reverse("admin:grants_envelope_import"), {"import_file": upload, "format": "0"}
    assert client.post(address, data).context["form"].errors["change_reason"]
    upload.seek(0)
    page = client.post(address, data | {"change_reason": "Budget supplémentaire"})
    assert page.status_code == 200
    confirm = page.context["confirm_form"]
    client.post(reverse("admin:grants_envelope_process_import"), confirm.initial)
    envelope.refresh_from_db()
    assert (envelope.label, envelope.voted_amount) == ("Relu", Decimal("500000.00"))
    assert Envelope.objects.get(code="AE-NEUVE").voted_amount == Decimal("1000.00")


def test_the_cases_of_a_list_go_out_as_a_workbook(client):
    sign_in(client, Role.INSTRUCTOR)
    case, other = CaseFactory(), CaseFactory(state="in_instruction")
    address = reverse("admin:grants_application_export") + "?state=submitted"
    page = client.get(address)
    assert page.status_code == 200
    fields = {name: "on" for name in page.context["form"].fields if name.startswith("applicationresource_")}
    response = client.post(address, {"format": "0", "resource": "0", **fields})
    book = openpyxl.load_workbook(BytesIO(response.content), data_only=True)
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows(values_only=True) for cell in row]
    assert case.number in cells
    assert other.number not in cells
    assert client.get(reverse("admin:grants_application_import")).status_code in (302, 403)


# --- calls and programmes ------------------------------------------------------------------------------------------


def test_the_head_of_service_publishes_a_call(client):
    head = sign_in(client, Role.HEAD_OF_SERVICE)
    call = CallFactory(is_published=False)
    address = reverse("admin:grants_call_change", args=[call.pk])
    assert client.get(address).status_code == 200
    data = {
        "title": call.title, "opens_at_0": "01/01/2026", "opens_at_1": "08:00", "closes_at_0": f"31/12/{timezone.localdate().year + 1}",
        "closes_at_1": "23:59", "envelope": call.envelope_id, "is_published": "on", "lock_reason": "",
        "change_reason": "Ouverture votée le 12 mars",
    }  # fmt: skip
    assert client.post(address, data).status_code == 302
    call.refresh_from_db()
    assert call.is_published
    assert head.pk


def test_a_call_closes_after_it_opens(client):
    sign_in(client, Role.HEAD_OF_SERVICE)
    call = CallFactory()
    data = {
        "title": call.title, "opens_at_0": "31/12/2026", "opens_at_1": "08:00", "closes_at_0": "01/01/2026",
        "closes_at_1": "23:59", "envelope": call.envelope_id, "lock_reason": "",
    }  # fmt: skip
    response = client.post(reverse("admin:grants_call_change", args=[call.pk]), data)
    assert response.status_code == 200
    assert set(response.context["adminform"].form.errors) - {"change_reason"}


def test_the_administrator_assigns_the_staff_of_a_programme(client):
    sign_in(client, Role.ADMINISTRATOR)
    programme, person = programme_of("CPO"), UserFactory(instructor=True)
    data = {
        "is_active": "on", "assignments-TOTAL_FORMS": "1", "assignments-INITIAL_FORMS": "0",
        "assignments-0-user": person.pk, "versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0",
        "change_reason": "Remplace Zoé",
    }  # fmt: skip
    response = client.post(reverse("admin:grants_programme_change", args=[programme.pk]), data)
    assert response.status_code == 302
    assert person.programme_assignments.get().programme == programme


def test_a_row_that_nobody_takes_away_says_so(client, officer):
    envelope = EnvelopeFactory()
    credit = envelope.payment_credits.create(year=2026, voted_amount=Decimal("100000.00"))
    values = form_of(envelope, voted_amount="500000,00") | {
        "payment_credits-INITIAL_FORMS": "1", "payment_credits-0-id": credit.pk,
        "payment_credits-0-envelope": envelope.pk,
    }  # fmt: skip
    address = reverse("admin:grants_envelope_change", args=[envelope.pk])
    for name, value in (("payment_credits-0-DELETE", "on"), ("payment_credits-7-year", "2031")):
        response = client.post(address, values | {name: value})
        assert response.status_code == 400 and name in response.content.decode()
    envelope.refresh_from_db()
    assert envelope.voted_amount == Decimal("480000.00") and envelope.payment_credits.count() == 1
    assert client.post(address, values).status_code == 302
