"""The steps of the application form, without JavaScript: start, resume, correct, join pieces, file."""

import uuid
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from core.roles import Role
from grants.models import Application
from grants.services import filing
from tests.factories.applicants import ApplicantFactory, MembershipFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.grants import (
    BUDGET,
    BUDGET_CPO,
    draft,
    filed,
    filled_draft,
    has_closed,
    open_call,
)
from tests.factories.instruction import staff
from tests.grants.portal import plain, posted, read, url

pytestmark = pytest.mark.django_db


def test_starting_needs_a_sign_in_and_an_applicant(client, signed_in):
    call = open_call()
    address = reverse("grants:start", args=[call.code])
    assert client.get(address).status_code == 302
    user = UserFactory(applicant=True)
    assert "D’abord, votre structure" in plain(signed_in(user).get(address))


def test_starting_makes_one_draft_however_many_clicks(signed_in):
    user = UserFactory(applicant=True)
    applicant = ApplicantFactory(representative=user)
    call = open_call()
    client = signed_in(user)
    address = reverse("grants:start", args=[call.code])
    assert applicant.name in plain(client.get(address))
    data = {"applicant": applicant.pk, "token": str(uuid.uuid4())}
    first, second = client.post(address, data), client.post(address, data)
    assert first.url == second.url
    application = Application.objects.get()
    assert first.url == url("form", application)
    assert "Vous avez déjà commencé" in plain(client.get(address))


def test_somebody_elses_applicant_cannot_be_chosen(signed_in):
    user = UserFactory(applicant=True)
    ApplicantFactory(representative=user)
    address = reverse("grants:start", args=[open_call().code])
    response = signed_in(user).post(address, {"applicant": ApplicantFactory().pk})
    assert "Choisissez pour qui" in plain(response)
    assert not Application.objects.exists()


@pytest.mark.parametrize("code", ["PROGRESS1", "CAPITAL-SCOP", "CPO"])
def test_a_whole_application_without_javascript(signed_in, code):
    application = draft(code)
    client = signed_in(application.created_by)
    for section in application.rules.sections:
        address = url("step", application, section.code)
        assert client.get(address).status_code == 200
        if any(question.kind == "pieces" for question in section.questions):
            for rule in application.rules.pieces:
                if rule.required:
                    upload = SimpleUploadedFile(f"{rule.code}.pdf", pdf(rule.code), "application/pdf")
                    assert client.post(url("add_piece", application, rule.code), {"files": upload}).status_code == 302
            continue
        response = client.post(address, posted(application, section.code) | {"action": "next"})
        assert response.status_code == 302, plain(response)
        application.refresh_from_db()
    review = plain(client.get(url("review", application)))
    assert "Il manque" not in review
    response = client.post(url("submit", application), {"token": str(uuid.uuid4())}, follow=True)
    application.refresh_from_db()
    assert application.state == "submitted"
    assert application.number in plain(response)


def test_the_form_resumes_where_something_is_missing(signed_in):
    application = filled_draft(without=("need",))
    client = signed_in(application.created_by)
    assert client.get(url("form", application)).url == url("step", application, "projet")
    filing.save_answers(application, user=application.created_by, typed={"need": "Un besoin."})
    assert client.get(url("form", application)).url == url("review", application)


def test_the_review_lists_what_is_missing_as_links(signed_in):
    application = filled_draft(without=("need", "statutes"))
    content = signed_in(application.created_by).get(url("review", application)).content.decode()
    assert f'href="{url("step", application, "projet")}?check=1#question-need"' in content
    assert f'href="{url("step", application, "pieces")}?check=1#piece-statutes"' in content
    assert "Déposer ma demande" not in content


def test_what_cannot_be_read_stays_typed_with_a_sentence(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    data = posted(application, "structure", {"staff_count": "une douzaine", "contact_email": "pas une adresse"})
    said = client.post(url("step", application, "structure"), data | {"action": "save"})
    assert "« une douzaine » n’est pas un nombre entier" in plain(said), "at once"
    response = client.get(url("step", application, "structure"))
    assert 'value="une douzaine"' in response.content.decode()
    assert "« une douzaine » n’est pas un nombre entier" in plain(response)
    assert "« pas une adresse » n’est pas une adresse électronique" in plain(response)


def test_a_wrong_cell_keeps_the_whole_table_on_the_page(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    rows = [*BUDGET[:2], {"account": "625", "label": "Déplacements", "amount": "onze mille"}]
    data = posted(application, "budget", {"budget": rows})
    response = client.post(url("step", application, "budget"), data | {"action": "next"})
    assert response.status_code == 200
    content = response.content.decode()
    assert 'value="onze mille"' in content
    assert 'value="18 500,00"' in content
    assert "« onze mille » n’est pas un montant" in plain(response)
    assert application.budget_lines.count() == 1  # the line of this request


def test_the_review_gives_the_total_of_the_amounts_of_a_table(signed_in):
    application = filled_draft("CAPITAL-SCOP")
    content = signed_in(application.created_by).get(url("review", application)).content.decode()
    (foot,) = [part.split("</tfoot>")[0] for part in content.split("<tfoot>")[1:]]
    assert "10\u202f700,00" in foot and 'data-label="Apport (EUR)"' in foot


def test_the_review_says_when_more_is_asked_than_is_possible(signed_in):
    """108,833.88 euros were asked, 100,433.33 possible, and nothing said so before the filing."""
    application = filled_draft("CPO")
    client, told = signed_in(application.created_by), "l’aide possible est de"
    assert told not in plain(client.get(url("review", application)))
    years = [{"summary": "Année", "cost": "100 000", "requested": amount} for amount in ("60 000", "60 000", "90 000")]
    budget = [BUDGET_CPO[0], BUDGET_CPO[1] | {"amount": "90 000"}]
    filing.save_answers(application, user=application.created_by, typed={"tranches": years, "budget": budget})
    page = plain(client.get(url("review", application)))
    assert "Vous demandez 210 000,00 €, et avec ce que vous déclarez l’aide possible est de 200 000,00 €" in page


def test_the_review_says_when_no_aid_is_possible(signed_in):
    application = filled_draft()
    client, told = signed_in(application.created_by), "aucune aide n’est possible"
    assert told not in plain(client.get(url("review", application)))
    budget = [
        {"account": "641", "label": "Salaires", "amount": "9 100,00"},
        *(line for line in BUDGET if line["account"] in ("74com", "insufprevisionnel")),
    ]
    filing.save_answers(application, user=application.created_by, typed={"budget": budget})
    assert told in plain(client.get(url("review", application)))


def test_a_social_security_number_is_never_kept(signed_in):
    application = draft("CAPITAL-SCOP")
    client = signed_in(application.created_by)
    number = "1 84 12 76 451 089 46"
    rows = [{"first_name": "Alix", "last_name": number, "own_contribution": "3000"}]
    response = client.post(url("step", application, "fondateurs"), posted(application, "fondateurs", {"persons": rows}))
    assert "numéro de sécurité sociale" in plain(response)
    assert not application.persons.exists()


def test_wrong_sirets_and_dates_are_told(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    partner = [{"name": "Commune", "siret": "41816609600052", "role": "", "contribution": ""}]
    data = posted(application, "collectif", {"partners": partner})
    assert "chiffre de contrôle" in plain(client.post(url("step", application, "collectif"), data)).lower() or (
        "clé" in plain(client.post(url("step", application, "collectif"), data))
    )
    period = {"start": "2027-06-01", "end": "2027-01-01"}
    client.post(url("step", application, "projet"), posted(application, "projet", {"period": period}))
    assert "vérifiez les deux dates" in plain(client.get(url("step", application, "projet")))
    application.refresh_from_db()
    assert application.answers["period"] == period


@pytest.mark.parametrize(("start", "end"), [("9999-01-01", "9999-12-31"), ("1500-01-01", "2026-12-31")])
def test_a_period_that_nobody_means_is_told_and_rules_nothing(signed_in, start, end):
    application = draft()
    client = signed_in(application.created_by)
    period = {"start": start, "end": end}
    client.post(url("step", application, "projet"), posted(application, "projet", {"period": period}))
    application.refresh_from_db()
    assert application.answers["period"] == period
    assert application.project_start is None
    assert "Pour le début de la période : cette date" in plain(client.get(url("step", application, "projet")))
    assert "Pour le début de la période : cette date" in plain(client.get(url("review", application)))


def test_a_draft_of_before_with_a_far_year_opens(signed_in):
    application = filled_draft()
    application.answers["period"] = {"start": "9999-01-01", "end": "9999-12-31"}
    Application.objects.filter(pk=application.pk).update(
        answers=application.answers, project_start=date(9999, 1, 1), project_end=date(9999, 12, 31)
    )
    client = signed_in(application.created_by)
    for address in (application.get_absolute_url(), url("step", application, "projet"), url("review", application)):
        assert client.get(address).status_code == 200
    client.post(url("submit", application), {"token": str(uuid.uuid4())})
    application.refresh_from_db()
    assert application.state == "draft"


def test_an_auditor_begins_nothing_and_reads_nobodys_drafts_as_their_own(signed_in):
    application = draft()
    for role in (Role.AUDITOR, Role.ADMINISTRATOR):
        page = plain(signed_in(UserFactory(roles=[role])).get(reverse("grants:start", args=[application.call.code])))
        assert application.applicant.name not in page
        assert "Vous avez déjà commencé" not in page


@pytest.mark.parametrize("by_script", [True, False])
def test_what_is_no_answer_does_not_take_the_place_of_the_one_that_stands(signed_in, by_script):
    """A choice that is none, a file in the place of a text, a question said to be answered and not: refused in words."""
    application = filled_draft()
    client = signed_in(application.created_by)
    before = application.answers
    choices = {q.code for q in application.rules.questions.values() if q.choices}
    right = posted(application, "projet")
    chosen = next(code for code in choices if f"q-{code}" in right)
    absent = {name: value for name, value in right.items() if name != "q-title"}
    file = SimpleUploadedFile("titre.pdf", pdf(), "application/pdf")
    without_days = {name: value for name, value in right.items() if not name.startswith("q-period-end")}
    table = {name: value for name, value in posted(application, "budget").items() if not name.startswith("q-budget-")}
    for sent in (right | {f"q-{chosen}": "zz"}, absent, absent | {"q-title": file}, without_days, table):
        address = url("autosave", application) if by_script else url("step", application, "projet")
        sent |= {"action": "save"}
        answer = client.post(address, sent, headers={"Accept": "application/json"} if by_script else {})
        told = answer.json()["refused"] if by_script else answer.text
        assert answer.status_code == 400 and "Rien n’a été enregistré" in told
        application.refresh_from_db()
        assert application.answers == before and application.title and application.budget_lines.count() > 1


def test_an_answer_that_cannot_be_read_is_said_at_once(signed_in):
    application = filled_draft()
    sent = posted(application, "projet", {"jobs_created": "beaucoup"})
    for action in ("save", "next"):
        answer = signed_in(application.created_by).post(url("step", application, "projet"), sent | {"action": action})
        assert answer.status_code == 200 and "Une réponse ne peut pas être lue" in plain(answer)
        assert "beaucoup" in plain(answer) and "Vous pouvez fermer cette page" not in plain(answer)


def test_more_lines_without_javascript(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    before = client.get(url("step", application, "budget")).content.decode().count("<tr data-row")
    data = posted(application, "budget") | {"action": "more-budget"}
    after = client.post(url("step", application, "budget"), data).content.decode().count("<tr data-row")
    assert after > before + len(BUDGET)


def test_the_budget_shows_totals_gap_and_the_aid_possible(signed_in):
    application = filled_draft()
    page = plain(signed_in(application.created_by).get(url("step", application, "budget")))
    assert "Le budget est équilibré." in page
    assert "Aide possible : 28 400,00 €" in page
    assert "80 % de 35 500,00 €" in page


def test_a_budget_in_conflict_shows_no_figure_of_the_other_one(signed_in):
    """The aid possible of what somebody else saved stood under the lines that were typed here."""
    application = filled_draft()
    client = signed_in(application.created_by)
    old = posted(application, "budget") | {"q-budget-0-amount": "40 000,00", "v-budget": "0"}
    answer = client.post(url("step", application, "budget"), old)
    page = plain(answer)
    assert 'value="40 000,00"' in answer.content.decode()
    assert "Aide possible : calculée une fois ce budget enregistré" in page
    assert "28 400,00 €" not in page.partition("Aide possible")[2]


def test_a_wrong_file_is_refused_with_a_sentence(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    upload = SimpleUploadedFile("statuts.pdf", b"MZ not a pdf", "application/pdf")
    response = client.post(url("add_piece", application, "statutes"), {"files": upload}, follow=True)
    assert "statuts.pdf" in plain(response)
    assert not application.pieces.exists()
    assert "Choisissez d’abord un fichier" in plain(client.post(url("add_piece", application, "statutes"), follow=True))


def test_several_files_and_a_fragment(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    uploads = [SimpleUploadedFile(f"comptes{number}.pdf", pdf(str(number))) for number in (1, 2)]
    response = client.post(
        url("add_piece", application, "accounts"), {"files": uploads}, headers={"HX-Request": "true"}
    )
    assert "comptes2.pdf" in plain(response)
    assert "<html" not in response.content.decode()
    piece = application.pieces.first()
    assert read(client, piece.document.get_absolute_url()).startswith(b"%PDF-")
    response = client.post(url("remove_piece", application, piece.pk), headers={"HX-Request": "true"})
    assert "comptes1.pdf" not in plain(response)


def test_a_document_is_served_to_those_who_see_the_case(signed_in):
    application = filed()
    address = application.pieces.first().document.get_absolute_url()
    for reader in (application.created_by, staff(Role.INSTRUCTOR)):
        assert read(signed_in(reader), address).startswith(b"%PDF-")
    assert signed_in(UserFactory(applicant=True)).get(address).status_code == 404
    assert signed_in(staff(Role.INSTRUCTOR, "CPO")).get(address).status_code == 404


def test_a_second_click_lands_on_the_same_case(signed_in):
    application = filled_draft()
    client = signed_in(application.created_by)
    data = {"token": str(uuid.uuid4())}
    first, second = client.post(url("submit", application), data), client.post(url("submit", application), data)
    assert first.url == second.url == application.get_absolute_url()
    assert application.snapshots.count() == 1


def test_an_unfinished_application_is_not_filed_and_says_why(signed_in):
    application = filled_draft(without=("need",))
    response = signed_in(application.created_by).post(url("submit", application), {"token": str(uuid.uuid4())})
    assert response.status_code == 409
    assert "Votre demande n’est pas déposée" in plain(response)
    assert "Tout ce que vous avez saisi est gardé" in plain(response)


def test_an_editor_reads_that_a_representative_files(signed_in):
    application = filled_draft()
    editor = MembershipFactory(applicant=application.applicant, role="editor").user
    client = signed_in(editor)
    assert "représentant" in plain(client.get(url("review", application)))
    assert client.post(url("submit", application)).status_code == 409


def test_a_closed_call_says_so_on_every_page(signed_in):
    application = filled_draft()
    call = application.call
    has_closed(call)
    client = signed_in(application.created_by)
    for name in ("review", "case"):
        assert "clos depuis le" in plain(client.get(url(name, application)))
    assert "clos depuis le" in plain(client.post(url("submit", application)))


def test_a_refused_answer_is_marked_so_that_its_copy_stays(signed_in):
    """The page shows what was typed and the server does not have it: the script drops no copy, and says no "saved"."""
    application = draft()
    client = signed_in(application.created_by)
    address = url("step", application, "projet")
    filing.save_answers(application, user=application.created_by, typed={"need": "Ailleurs"})
    late = {"p-need": "1", "v-need": "0", "q-need": "Ici", "action": "next"}
    page = client.post(address, late).content.decode()
    assert page.count("data-refused") == 1
    assert "data-refused" not in client.get(address).content.decode()


def test_the_form_of_a_filed_case_says_why_it_leads_to_the_case(signed_in):
    application = filed()
    client = signed_in(application.created_by)
    for address in (url("form", application), url("step", application, "projet"), url("review", application)):
        assert "formulaire de ce dossier est fermé" in plain(client.get(address, follow=True)), address


@pytest.mark.parametrize(
    "sent",
    [
        {"q-budget-500-label": "Fantôme", "q-budget-500-amount": "1000"},
        {"q-budget--1-label": "x"},
        {f"q-budget-{'9' * 30}-amount": "1"},
        {"q-budget-0-total": "1"},
        {"q-nothing": "1"},
        {"p-nothing": "1"},
        {"q-title-start": "2026-01-01"},
        {"z0": "x", "z1": "y"},
        {"q-title": ["un", "deux"]},
    ],
)
def test_what_the_form_never_asked_is_not_told_to_be_saved(signed_in, sent):
    """With the buttons of the page, and as one types."""
    application = filled_draft()
    client = signed_in(application.created_by)
    before = Application.objects.values("title", "updated_at").get(pk=application.pk)
    for name, place in (("step", ("budget",)), ("autosave", ())):
        page = posted(application, "budget") | posted(application, "projet") | {"action": "save"}
        assert "q-title" in page and "p-budget" in page
        assert client.post(url(name, application, *place), page | sent).status_code == 400, name
    assert Application.objects.values("title", "updated_at").get(pk=application.pk) == before
