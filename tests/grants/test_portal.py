"""The public pages and the applicant's pages: what they show, to whom, and at what price in queries."""

import json
import re
import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from core.roles import Role
from grants.models import Application, Message
from grants.services import filing
from tests.factories.applicants import ApplicantFactory, MembershipFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.grants import (
    BUDGET,
    draft,
    filed,
    filled_draft,
    in_instruction,
    incomplete,
    open_call,
    right_answers,
)
from tests.factories.instruction import staff, version_of

pytestmark = pytest.mark.django_db
MAX_QUERIES = 20


def plain(response) -> str:
    """The page's text with ordinary spaces."""
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"[\s\u00a0\u202f]+", " ", text).replace("&#x27;", "'")


def read(client, address: str) -> bytes:
    """The bytes of a document; its file is closed without ending the test's connection."""
    response = client.get(address)
    assert response.status_code == 200
    content = b"".join(response.streaming_content)
    for close in response._resource_closers:
        close()
    return content


def url(name: str, application: Application, *extra) -> str:
    return reverse(f"grants:{name}", args=[application.public_id, *extra])


def posted(application: Application, section: str, changes: dict | None = None) -> dict[str, str]:
    """What a browser sends for a step, with some answers changed."""
    data: dict = {}
    answers = right_answers(application) | (changes or {})
    for question in application.rules.section(section).questions:
        code = question.code
        if question.kind == "pieces":
            continue
        data |= {f"p-{code}": "1", f"v-{code}": str(application.answer_versions.get(code, {}).get("v", 0))}
        value = answers[code]
        if question.is_table:
            for number, row in enumerate(value):
                data |= {f"q-{code}-{number}-{column}": text for column, text in row.items()}
        elif isinstance(value, dict):
            data |= {f"q-{code}-{side}": text for side, text in value.items()}
        else:
            data[f"q-{code}"] = value
    return data


@pytest.fixture
def signed_in(client):
    """Sign somebody in and give the client back."""

    def sign_in(user):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


# --- catalogue ------------------------------------------------------------------------------------------------------


@pytest.fixture
def programmes():
    return {code: open_call(code) for code in ("PROGRESS1", "CAPITAL-SCOP", "CPO")}


def test_the_catalogue_is_public(client, programmes):
    page = plain(client.get("/aides/"))
    assert "3 dispositifs" in page
    assert "jusqu’à 30 000 € par an" in page
    assert "encore" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=experimenter", {"PROGRESS1"}),
        ("q=SCOP+capital", {"CAPITAL-SCOP"}),
        ("q=zzz", set()),
        ("audience=network", {"CPO"}),
        ("audience=association", {"PROGRESS1", "CPO"}),
        ("purpose=capital", {"CAPITAL-SCOP"}),
        ("amount=50000", {"PROGRESS1", "CPO"}),
        ("deadline=open", {"PROGRESS1", "CAPITAL-SCOP", "CPO"}),
        ("deadline=soon", set()),
        ("audience=nonsense", {"PROGRESS1", "CAPITAL-SCOP", "CPO"}),
    ],
)
def test_search_and_filters(client, programmes, query, expected):
    content = client.get(f"/aides/?{query}").content.decode()
    assert {code for code in programmes if f'href="/aides/{code}/"' in content} == expected


def test_a_closed_programme_stays_in_the_catalogue(client):
    version_of("CPO")
    page = plain(client.get("/aides/"))
    assert "Fermé" in page
    assert "Aucun appel n’est annoncé" in page


@pytest.mark.parametrize("code", ["PROGRESS1", "CAPITAL-SCOP", "CPO"])
def test_a_programme_page_says_everything(client, programmes, code):
    response = client.get(f"/aides/{code}/")
    page = plain(response)
    rules = version_of(code).rules
    for text in (rules.catalogue.what, rules.catalogue.example, rules.pieces[0].label, rules.criteria[0].label):
        assert re.sub(r"\s+", " ", str(text)).replace("'", "'") in page
    assert "absents des textes publiés" in page
    assert rules.parameters[0].label.fr.split(" (")[0] in page
    assert reverse("grants:start", args=[programmes[code].code]) in response.content.decode()


def test_a_programme_is_found_whatever_the_case_and_404_otherwise(client, programmes):
    assert client.get("/aides/progress1/").status_code == 200
    assert client.get("/aides/nothing/").status_code == 404


def test_the_simulator_computes_with_the_rules(client, programmes):
    assert "30 000,00 €" in plain(client.get("/aides/PROGRESS1/?general=50000"))
    assert "Aide possible : 15 000,00 €" in plain(client.get("/aides/PROGRESS1/?engineering=30 000,00"))
    page = plain(client.get("/aides/CAPITAL-SCOP/?person1=3200&person2=7500"))
    assert "Aide possible : 8 200,00 €" in page
    page = plain(client.get("/aides/CPO/?cost1=100000&asked1=90000"))
    assert "Aide possible : 80 000,00 €" in page
    fragment = client.get("/aides/PROGRESS1/?general=20000", headers={"HX-Request": "true"})
    assert "16 000,00 €" in plain(fragment)
    assert "<html" not in fragment.content.decode()


def test_the_simulator_says_what_is_no_amount(client, programmes):
    response = client.get("/aides/PROGRESS1/?general=beaucoup")
    assert "n’est pas un montant" in plain(response)
    assert 'value="beaucoup"' in response.content.decode()


def test_the_catalogue_speaks_english(client, programmes):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    page = plain(client.get("/aides/PROGRESS1/"))
    assert "80% of eligible spending" in page
    assert "What it funds" in page


def test_catalogue_queries_do_not_grow(client, programmes, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        client.get("/aides/")
    with django_assert_max_num_queries(6):
        client.get("/aides/PROGRESS1/")


# --- start ----------------------------------------------------------------------------------------------------------


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


# --- the steps ------------------------------------------------------------------------------------------------------


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
    assert client.post(url("step", application, "structure"), data | {"action": "save"}).status_code == 302
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


# --- saving as one types --------------------------------------------------------------------------------------------


def autosave(client, application, data):
    response = client.post(url("autosave", application), data, headers={"Accept": "application/json"})
    return response.status_code, json.loads(response.content)


def one(code: str, value: str, version: int = 0) -> dict[str, str]:
    return {f"p-{code}": "1", f"v-{code}": str(version), f"q-{code}": value}


def test_each_answer_is_saved_with_its_version(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    status, reply = autosave(client, application, one("need", "Un besoin"))
    assert (status, reply["versions"]) == (200, {"need": 1})
    assert reply["saved"].startswith("Enregistré à")
    status, reply = autosave(client, application, one("need", "Un vrai besoin", 1))
    assert reply["versions"] == {"need": 2}
    application.refresh_from_db()
    assert application.answers["need"] == "Un vrai besoin"


def test_two_tabs_do_not_overwrite_one_another(signed_in):
    application = draft()
    editor = MembershipFactory(applicant=application.applicant, role="editor").user
    filing.save_answers(application, user=editor, typed={"need": "Écrit par un autre"})
    status, reply = autosave(signed_in(application.created_by), application, one("need", "Écrit par moi"))
    assert status == 200
    (conflict,) = reply["conflicts"]
    assert conflict["theirs"] == "Écrit par un autre"
    assert editor.last_name in conflict["message"]
    application.refresh_from_db()
    assert application.answers["need"] == "Écrit par un autre"
    _status, reply = autosave(signed_in(application.created_by), application, one("need", "Écrit par moi", 1))
    assert not reply["conflicts"]
    application.refresh_from_db()
    assert application.answers["need"] == "Écrit par moi"


def test_the_same_answer_twice_is_no_conflict(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    autosave(client, application, one("need", "Un besoin"))
    _status, reply = autosave(client, application, one("need", "Un besoin"))
    assert not reply["conflicts"]
    assert reply["versions"] == {"need": 1}


def test_a_conflict_without_javascript_keeps_what_was_typed(signed_in):
    application = draft()
    filing.save_answers(application, user=application.created_by, typed={"need": "Ailleurs"})
    stale = posted(application, "projet", {"need": "Ici"}) | {"v-need": "0"}
    response = signed_in(application.created_by).post(url("step", application, "projet"), stale)
    assert response.status_code == 200
    assert "Ici</textarea>" in response.content.decode()
    assert "a changé cette réponse entre-temps" in plain(response)


def test_the_reply_says_what_is_shown_and_possible(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    _status, reply = autosave(client, application, one("is_collective", "yes"))
    assert {"partners", "governance"} <= set(reply["shown"])
    _status, reply = autosave(client, application, posted(application, "budget"))
    assert reply["budget"]["request"] == "28400.00"
    assert reply["budget"]["aid"].replace("\u202f", " ") == "28 400,00 €"


def test_cells_that_cannot_be_read_are_told_one_by_one(signed_in):
    application = draft()
    data = posted(application, "budget", {"budget": [{"account": "", "label": "x", "amount": "y"}]})
    _status, reply = autosave(signed_in(application.created_by), application, data)
    assert {(cell["row"], cell["column"]) for cell in reply["cells"]["budget"]} == {(0, "account"), (0, "amount")}


def test_an_ended_session_gets_a_bare_401(client):
    application = draft()
    response = client.post(url("autosave", application), one("need", "x"), headers={"Accept": "application/json"})
    assert response.status_code == 401


def test_an_ended_session_on_a_step_keeps_what_was_typed(client):
    application = draft()
    response = client.post(url("step", application, "projet"), posted(application, "projet", {"need": "Gardé"}))
    assert response.status_code == 401
    assert "Gardé" in response.content.decode()


def test_saving_a_filed_case_says_so(signed_in):
    application = filed()
    status, reply = autosave(signed_in(application.created_by), application, one("need", "x", 1))
    assert status == 409
    assert "déposée" in reply["refused"]
    response = signed_in(application.created_by).post(
        url("step", application, "projet"), posted(application, "projet", {"need": "Trop tard"})
    )
    assert response.status_code == 409
    assert "Trop tard" in response.content.decode()


# --- pieces ---------------------------------------------------------------------------------------------------------


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


# --- filing from the page -------------------------------------------------------------------------------------------


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
    call.opens_at, call.closes_at = timezone.now() - timedelta(days=9), timezone.now() - timedelta(days=1)
    call.save()
    client = signed_in(application.created_by)
    for name in ("review", "case"):
        assert "clos depuis le" in plain(client.get(url(name, application)))
    assert "clos depuis le" in plain(client.post(url("submit", application)))


# --- the case -------------------------------------------------------------------------------------------------------


def test_the_page_of_a_case_says_first_what_to_do(signed_in):
    application = incomplete(pieces=("statutes",))
    client = signed_in(application.created_by)
    response = client.get(application.get_absolute_url())
    page = plain(response)
    assert page.index("Ce que vous avez à faire") < page.index("Où en est mon dossier")
    assert "Il manque 1 pièce" in page
    assert "le délai de décision est suspendu" in page
    upload = SimpleUploadedFile("statuts-signes.pdf", pdf("signed"))
    client.post(url("add_piece", application, "statutes"), {"files": upload})
    client.post(url("complete", application), {"comment": "Voici."})
    application.refresh_from_db()
    assert application.state == "submitted"
    assert "Ce que vous avez à faire" not in plain(client.get(application.get_absolute_url()))


def test_pieces_are_not_sent_before_they_are_there(signed_in):
    application = incomplete(pieces=("statutes",))
    response = signed_in(application.created_by).post(url("complete", application), follow=True)
    assert "Reste à joindre : Statuts." in plain(response)


def test_the_timeline_has_a_past_a_present_and_a_future(signed_in):
    application = in_instruction()
    content = signed_in(application.created_by).get(application.get_absolute_url()).content.decode()
    assert content.count('class="now"') == 1
    assert content.count('class="later"') == 3
    assert "Accusé de réception n° " in content


def test_messages_go_both_ways_once(signed_in):
    application = filed()
    client = signed_in(application.created_by)
    data = {"body": "Bonjour, quand aurai-je une réponse ?", "key": str(uuid.uuid4())}
    for _click in range(2):
        client.post(url("write_message", application), data)
    assert Message.objects.count() == 1
    Message.objects.create(application=application, author=staff(Role.INSTRUCTOR), body="En mars.", from_staff=True)
    assert "Nouveau message" in plain(client.get("/mes-dossiers/"))
    assert "En mars." in plain(client.get(application.get_absolute_url()))
    assert "Nouveau message" not in plain(client.get("/mes-dossiers/"))
    response = client.post(url("write_message", application), {"body": "  "})
    assert response.status_code == 422
    assert "Écrivez d’abord votre message" in plain(response)


def test_a_draft_has_no_messages_yet(signed_in):
    application = draft()
    response = signed_in(application.created_by).post(url("write_message", application), {"body": "Bonjour"})
    assert response.status_code == 422
    assert "Bonjour" in response.content.decode()


def test_withdrawing_asks_first(signed_in):
    application = filed()
    client = signed_in(application.created_by)
    assert "ne sera plus examinée" in plain(client.get(url("withdraw", application)))
    client.post(url("withdraw", application), {"comment": "Projet abandonné"})
    application.refresh_from_db()
    assert application.state == "withdrawn"
    assert "Demande retirée par vous" in plain(client.get(application.get_absolute_url()))


def test_a_case_has_a_short_address(signed_in):
    application = filed()
    client = signed_in(application.created_by)
    assert client.get(f"/dossier/{application.number}/").url == application.get_absolute_url()
    assert client.get("/dossier/PROG-2026-99999/").status_code == 404


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("case", "get"),
        ("form", "get"),
        ("review", "get"),
        ("filed_form", "get"),
        ("autosave", "post"),
        ("submit", "post"),
        ("write_message", "post"),
        ("complete", "post"),
        ("withdraw", "post"),
    ],
)
def test_a_foreign_case_does_not_exist(signed_in, client, name, method):
    application = filled_draft()
    assert getattr(client, method)(url(name, application)).status_code in (302, 401)
    for stranger in (MembershipFactory().user, staff(Role.INSTRUCTOR), UserFactory(auditor=True)):
        assert getattr(signed_in(stranger), method)(url(name, application)).status_code == 404
    application.refresh_from_db()
    assert application.state == "draft"


def test_what_was_filed_can_be_read_again(signed_in):
    application = filed()
    page = plain(signed_in(application.created_by).get(url("filed_form", application)))
    assert "Un texte de quelques phrases." in page
    assert "18 500,00 €" in page
    assert "Commune d’Argonne" in page


# --- speed ----------------------------------------------------------------------------------------------------------


def queries(client, address, django_assert_max_num_queries) -> int:
    client.get(address)
    with django_assert_max_num_queries(MAX_QUERIES) as captured:
        response = client.get(address)
    assert response.status_code == 200
    return len(captured.captured_queries)


def test_the_list_costs_the_same_for_3_and_30_cases(signed_in, django_assert_max_num_queries):
    user = UserFactory(applicant=True)
    applicant, call = ApplicantFactory(representative=user), open_call()

    def add(count):
        for _number in range(count):
            filing.create_draft(call=call, applicant=applicant, user=user)

    client = signed_in(user)
    add(3)
    few = queries(client, "/mes-dossiers/", django_assert_max_num_queries)
    add(27)
    assert queries(client, "/mes-dossiers/", django_assert_max_num_queries) == few


def test_a_step_costs_the_same_for_a_long_budget(signed_in, django_assert_max_num_queries):
    application = filled_draft()
    client = signed_in(application.created_by)
    few = queries(client, url("step", application, "budget"), django_assert_max_num_queries)
    rows = [{"account": "622", "label": f"Ligne {number}", "amount": "10"} for number in range(60)]
    filing.save_answers(application, user=application.created_by, typed={"budget": rows})
    assert queries(client, url("step", application, "budget"), django_assert_max_num_queries) == few


@pytest.mark.parametrize("section", ["structure", "collectif", "projet", "budget", "pieces", "engagements"])
def test_every_step_is_cheap(signed_in, django_assert_max_num_queries, section):
    application = filled_draft()
    queries(signed_in(application.created_by), url("step", application, section), django_assert_max_num_queries)


def test_a_case_costs_the_same_for_3_and_30_messages_and_pieces(signed_in, django_assert_max_num_queries):
    application = filed()
    client = signed_in(application.created_by)
    instructor = staff(Role.INSTRUCTOR)

    def add(count):
        for number in range(count):
            Message.objects.create(application=application, author=instructor, body=str(number), from_staff=True)

    add(3)
    few = queries(client, application.get_absolute_url(), django_assert_max_num_queries)
    add(27)
    assert queries(client, application.get_absolute_url(), django_assert_max_num_queries) == few


def test_review_and_filed_form_are_cheap(signed_in, django_assert_max_num_queries):
    application = filled_draft()
    client = signed_in(application.created_by)
    queries(client, url("review", application), django_assert_max_num_queries)
    filing.submit(application, user=application.created_by)
    queries(client, url("filed_form", application), django_assert_max_num_queries)
