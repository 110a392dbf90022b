"""A page that moved on says who did it: oneself in another window, a colleague by name, or the service."""

from decimal import Decimal
from html import unescape

import pytest
from django.urls import reverse

from agreements import claims
from core.roles import Role
from core.transitions import perform
from grants.case_links import links_of
from grants.services import filing
from tests.factories.agreements import add_line, in_force, opened, submitted
from tests.factories.applicants import MembershipFactory
from tests.factories.grants import draft, filled_draft
from tests.forms import form_to
from tests.grants.portal import url
from tests.grants.test_autosave import autosave, one
from tests.grants.test_versions import signed_in

pytestmark = pytest.mark.django_db


def text_of(answer) -> str:
    return unescape(answer.content.decode())


def late(house, change) -> str:
    """What is said to the member whose form comes after ``change(claim)``."""
    agreement, house = house
    claim = opened(agreement, house)
    add_line(claim, house)
    client = signed_in(house.member)
    form = form_to(client.get(claim.get_absolute_url()), reverse("agreements:claim_submit", args=[claim.number]))
    change(claim, house)
    answer = client.post(form.action, form.fields | {"attested": "on"})
    assert answer.status_code == 409
    return text_of(answer)


def test_oneself_in_another_window():
    for change in (
        lambda claim, house: claims.set_amount(claim, Decimal("50.00"), actor=house.member),
        lambda claim, house: claims.remove_line(claim.lines.get(), actor=house.member),
    ):
        text = late(in_force(), change)
        assert "Vous avez modifié ceci vous-même" in text and "le service" not in text


def test_a_colleague_by_name_though_applicants_have_a_role_too():
    agreement, house = in_force()
    colleague = MembershipFactory(applicant=agreement.beneficiary, role="representative").user
    colleague.set_roles([Role.APPLICANT])
    text = late((agreement, house), lambda claim, _house: claims.set_amount(claim, Decimal("50.00"), actor=colleague))
    assert f"{colleague.get_full_name()} a modifié ceci" in text and "le service" not in text


def test_an_answer_of_the_form_changed_by_oneself():
    application = draft()
    client = signed_in(application.created_by)
    filing.save_answers(application, user=application.created_by, typed={"need": "Ici"})
    _status, reply = autosave(client, application, one("need", "Là"))
    (conflict,) = reply["conflicts"]
    assert conflict["message"].startswith("Vous avez modifié cette réponse vous-même")


def test_a_draft_that_changed_after_its_last_page_is_not_filed_and_says_what_changed():
    application = filled_draft()
    client = signed_in(application.created_by)
    form = form_to(client.get(url("review", application)), url("submit", application))
    filing.save_answers(application, user=application.created_by, typed={"need": "Changé"})
    answer = client.post(form.action, form.fields)
    text = text_of(answer)
    assert answer.status_code == 409
    assert "n’est pas déposée" in text and str(application.rules.questions["need"].label) in text
    application.refresh_from_db()
    assert application.state == "draft"


def test_an_answer_sent_is_said_and_asked_for_no_more():
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", "3000.00")
    client = signed_in(house.member)
    for round_number in range(2):  # a second suspension asks again, whatever was answered to the first one
        perform(claim, "suspend", actor=house.instructor, comment="Un détail.")
        assert "Lire et répondre" in text_of(client.get(agreement.get_absolute_url()))
        assert any("suspendu" in link.task for link in links_of(agreement.application, house.member))
        claims.reply(claim, "Le voici.", actor=house.member)
        text = text_of(client.get(agreement.get_absolute_url()))
        assert "votre réponse a été envoyée" in text and "Lire et répondre" not in text
        assert not any("suspendu" in link.task for link in links_of(agreement.application, house.member)), round_number
        perform(claim, "resume", actor=house.instructor, comment="Merci.")


def test_a_returned_claim_says_to_correct_it_and_keeps_its_first_filing():
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", "3000.00")
    perform(claim, "start_review", actor=house.instructor)
    perform(claim, "give_back", actor=house.instructor, comment="Total à corriger.")
    client = signed_in(house.member)
    text = text_of(client.get(claim.get_absolute_url()))
    assert "Corrigez ce que le service indique" in text and "Tout est là" not in text
    assert text.count("Déposée") >= 2  # the first filing, and the one to come
