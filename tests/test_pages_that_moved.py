"""A page of the portal whose case moved on meanwhile: one answer everywhere, with what was typed given back."""

import re
from decimal import Decimal
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from agreements.admin.forms import LinesForm
from agreements.reports import file_report
from core.models import Event
from core.roles import Role
from core.transitions import perform
from grants.admin.forms import RetainForm
from tests.factories.agreements import add_line, in_force, opened, sent
from tests.factories.applicants import pdf
from tests.factories.grants import filled_draft, incomplete
from tests.factories.instruction import CaseFactory, staff
from tests.forms import PageForm, forms_of

pytestmark = pytest.mark.django_db

TYPED = "Ce que j’ai écrit pendant une heure"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = tmp_path


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def forms_on(client: Client, *addresses: str) -> list[PageForm]:
    """The forms of the page itself: signing out and the language stand in its frame."""
    found = [form for address in addresses for form in forms_of(client.get(address))]
    return [form for form in found if not form.action.startswith(("/deconnexion", "/i18n"))]


def write(form: PageForm) -> dict[str, list[str]]:
    hidden = {"shown", "csrfmiddlewaretoken", "token", "key", "sha256", "action", "typed-by", "asked"}
    kept = {name for name in form.fields if name in hidden or name.startswith(("v-", "p-")) or form.has_box(name)}
    return {name: value if name in kept else [TYPED] for name, value in form.fields.items()}


def given_back(client: Client, form: PageForm) -> str:
    """What is wrong with the answer to a form that comes too late; "" when it is refused and what was typed is there."""
    before, data = Event.objects.count(), write(form)
    answer = client.post(form.action, data)
    happened = Event.objects.count() - before
    text = unescape(answer.content.decode())
    is_kept = [TYPED] not in data.values() or TYPED in text
    return "" if answer.status_code == 409 and is_kept and not happened else f"{form.action}: {answer.status_code}"


def assert_given_back(client: Client, forms: list[PageForm], least: int) -> None:
    assert len(forms) >= least
    assert [wrong for form in forms if (wrong := given_back(client, form))] == []


def test_a_claim_that_was_filed_meanwhile():
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house)
    client = signed_in(house.member)
    pages = [reverse(f"agreements:{name}", args=[claim.number, *more]) for name, more in
             (("claim", []), ("line_add", []), ("line_change", [1]))]  # fmt: skip
    forms = forms_on(client, *pages)
    perform(claim, "submit", actor=house.member, data={"attested": "on"})
    forms = [form for form in forms if form.action != reverse("agreements:claim_submit", args=[claim.number])]
    assert_given_back(client, forms, 5)


def test_a_case_that_was_withdrawn_meanwhile():
    for application in (filled_draft(), incomplete()):
        client = signed_in(application.created_by)
        names = ("step", "withdraw") if application.state == "draft" else ("case", "withdraw")
        pages = [reverse(f"grants:{name}", args=[application.public_id, *(["projet"] if name == "step" else [])])
                 for name in names]  # fmt: skip
        forms = [form for form in forms_on(client, *pages) if not re.search("messages|piece", form.action)]
        perform(application, "withdraw", actor=application.created_by, comment="Abandon.")
        forms = [form for form in forms if form.action != reverse("grants:withdraw", args=[application.public_id])]
        assert_given_back(client, forms, 1)


def test_an_act_that_was_recalled_and_a_report_that_was_accepted_meanwhile():
    agreement, house = sent(granted="30000.00")
    client = signed_in(house.member)
    forms = forms_on(client, agreement.get_absolute_url())
    perform(agreement, "lapse", actor=staff(Role.HEAD_OF_SERVICE), comment="Sans suite.")
    assert_given_back(client, forms, 2)

    agreement, house = in_force("CPO", "180000.00")
    upload = SimpleUploadedFile("bilan.pdf", pdf("bilan"), "application/pdf")
    tranche = agreement.tranches.get(rank=1)
    report = file_report(tranche, summary="Fait.", spent_amount=Decimal(90000), upload=upload, actor=house.member)
    perform(report, "give_back", actor=house.instructor, comment="Il manque les comptes.")
    client = signed_in(house.member)
    forms = forms_on(client, reverse("agreements:report", args=[agreement.number, 1]))
    upload = SimpleUploadedFile("bilan2.pdf", pdf("bilan 2"), "application/pdf")
    data = {"summary": "Fait.", "spent_amount": "90000"}
    perform(report, "file_again", actor=house.member, data=data, files={"document": upload})
    perform(report, "accept", actor=house.instructor)
    assert_given_back(client, forms, 1)


def test_a_refused_step_does_not_say_that_it_is_saved(client):
    """Two sentences at once, "saved" and "not saved": the first one is silent."""
    application = filled_draft()
    client = signed_in(application.created_by)
    address = reverse("grants:step", args=[application.public_id, "projet"])
    (form,) = [form for form in forms_on(client, address) if "v-need" in form.fields]
    client.post(address, form.fields | {"q-need": ["Premier"], "action": ["save"]})
    late = unescape(client.post(address, form.fields | {"q-need": ["Second"], "action": ["save"]}).content.decode())
    assert "n’est pas encore enregistré" in late and "Vous pouvez fermer cette page" not in late


def test_each_field_of_a_form_of_several_rows_says_of_which_row():
    """A page of conflict names a field by its label alone: "Retained" would be any of them."""
    case = CaseFactory(state="in_instruction")
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house)
    add_line(claim, house, invoice_number="F-2")
    for form in (RetainForm(lines=[*case.budget_lines.filter(side="charge")]), LinesForm(lines=[*claim.lines.all()])):
        labels = [str(field.label) for field in form.fields.values()]
        assert len({*labels}) == len(labels) > 2, labels
