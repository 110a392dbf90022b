"""De minimis room is shared by enterprise (SIREN) and by linked enterprises; people answer whether others are linked."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone, translation
from stdnum import luhn

from applicants.de_minimis.links import decide_links, declare_links, open_question, question_on
from applicants.de_minimis.register import follow_grant
from applicants.de_minimis.room import assess_for
from applicants.models import Applicant, SingleUndertaking, UndertakingAnswer
from core.admin.events import lines
from core.admin.values import NOTHING
from core.engine import versions
from core.events import history
from core.money import format_euros
from core.navigation import work_for
from tests.factories.applicants import ApplicantFactory, DeMinimisAidFactory
from tests.factories.core import UserFactory
from tests.forms import form_to

pytestmark = pytest.mark.django_db
DAY = date(2026, 6, 1)


def another_establishment(applicant: Applicant, number: int = 2) -> str:
    """A valid SIRET of the same enterprise."""
    body = f"{applicant.siret[:9]}{number:04d}"
    return body + luhn.calc_check_digit(body)


@pytest.fixture
def seat():
    return ApplicantFactory(representative=UserFactory(applicant=True))


@pytest.fixture
def branch(seat):
    return ApplicantFactory(siret=another_establishment(seat), representative=UserFactory(applicant=True))


def token(applicant: Applicant) -> dict[str, str]:
    """What a page that shows the applicant sends back with its form."""
    return {versions.FIELD: versions.Shown(versions.label_of(applicant), versions.number_of(applicant)).token()}


def before(applicant: Applicant) -> Decimal:
    return assess_for(applicant, Decimal(0), DAY).before


def test_a_second_establishment_shares_the_room(seat, branch):
    DeMinimisAidFactory(applicant=seat, amount=Decimal(290_000), granted_on=date(2026, 1, 10))
    assert before(branch) == 290_000
    assert not assess_for(branch, Decimal(20_000), DAY).allowed
    assert before(ApplicantFactory()) == 0


def test_the_group_is_found_however_long_the_way(seat, branch):
    """Seat and branch are one enterprise; the branch is linked with a sister, of which there is a branch too."""
    group = SingleUndertaking.objects.create(name="Groupe")
    sister = ApplicantFactory(undertaking=group)
    far = ApplicantFactory(siret=another_establishment(sister, 7))
    Applicant.objects.filter(pk=branch.pk).update(undertaking=group)
    DeMinimisAidFactory(applicant=far, amount=Decimal(1_000), granted_on=date(2026, 1, 10))
    assert before(seat) == 1_000
    found = Applicant.objects.of_undertaking(seat)
    assert set(found) == {seat, branch, sister, far}
    assert set(Applicant.objects.of_undertaking(far)) == set(found)


def test_people_and_associations_without_siret_stand_alone():
    person, association = ApplicantFactory(natural=True), ApplicantFactory(siret=None, rna="W511234567")
    ApplicantFactory(natural=True)
    for applicant in (person, association):
        assert list(Applicant.objects.of_undertaking(applicant)) == [applicant]
        assert question_on(applicant) is None


def test_the_question_opens_with_the_second_establishment_and_again_with_the_third(seat, branch):
    officer = UserFactory(instructor=True)
    assert open_question(seat).sirets == open_question(branch).sirets == sorted([seat.siret, branch.siret])
    decide_links(seat, answer="alone", explanation="Registre du commerce consulté.", actor=officer)
    assert open_question(seat) is open_question(branch) is None
    ApplicantFactory(siret=another_establishment(seat, 3))
    assert len(open_question(branch).sirets) == 3


def test_what_the_applicant_declares_is_kept_and_does_not_close_the_question(seat, branch):
    member = seat.memberships.get().user
    with pytest.raises(ValidationError, match="liées"):
        declare_links(seat, answer="linked", actor=member)
    declare_links(seat, answer="linked", explanation="SCIC Les Halles, 123456789", actor=member)
    question = open_question(branch)
    assert (question.declared.answered_by, question.awaits_declaration) == (member, False)
    assert [event.action for event in history(seat)] == ["undertaking_answer"]


def test_the_answer_of_the_service_puts_all_establishments_in_the_undertaking(seat, branch):
    group, officer = SingleUndertaking.objects.create(name="Groupe"), UserFactory(head_of_service=True)
    sister = ApplicantFactory(undertaking=group)
    DeMinimisAidFactory(applicant=sister, amount=Decimal(5_000), granted_on=date(2026, 1, 10))
    decide_links(branch, answer="linked", explanation="Majorité des voix.", undertaking=group, actor=officer)
    seat.refresh_from_db()
    assert seat.undertaking == group
    assert before(seat) == before(branch) == 5_000
    assert "single_undertaking" in [event.action for event in history(seat)]


def test_the_history_says_the_undertaking_and_the_aids_in_words(seat, branch):
    """Events of a body speak of its undertaking by the name of that day, and of the fields of its aids."""
    group, officer = SingleUndertaking.objects.create(name="Groupe Halles"), UserFactory(head_of_service=True)
    decide_links(branch, answer="linked", explanation="Majorité des voix.", undertaking=group, actor=officer)
    DeMinimisAidFactory(applicant=seat, origin="granted", case_number="D-1", reference="D-1", amount=Decimal(5_000))
    follow_grant("D-1", amount=Decimal(4_000), reference="CONV-1", actor=officer)
    with translation.override("fr"):
        told = [words for line in lines(seat, list(history(seat))) for words in line.changes]
        euros = [format_euros(Decimal(amount)) for amount in (5_000, 4_000)]
    assert ("Entreprise unique", NOTHING, str(group)) in told
    assert ("Référence", "D-1", "CONV-1") in told
    assert ("Montant", *euros) in told


@pytest.mark.parametrize("role", ["finance_officer", "auditor", "applicant"])
def test_only_the_service_answers_for_the_service(seat, branch, role):
    with pytest.raises(ValidationError):
        decide_links(seat, answer="alone", explanation="Vu.", actor=UserFactory(**{role: True}))


def test_who_acts_for_the_applicant_does_not_answer_for_the_service(seat, branch):
    member = seat.memberships.get().user
    member.set_roles(["applicant", "instructor"])
    with pytest.raises(ValidationError):
        decide_links(seat, answer="alone", explanation="Vu.", actor=member)


def test_an_answer_is_never_changed(seat, branch):
    kept = decide_links(seat, answer="alone", explanation="Vu.", actor=UserFactory(instructor=True))
    with pytest.raises(DatabaseError), transaction.atomic():
        UndertakingAnswer.objects.filter(pk=kept.pk).update(answer="linked")
    with pytest.raises(IntegrityError), transaction.atomic():
        UndertakingAnswer.objects.create(
            applicant=seat, siren=seat.siren, side="service", answer="linked", explanation="x",
            answered_by=kept.answered_by,
        )  # fmt: skip


# --- screens ------------------------------------------------------------------------------------------------------


def test_the_applicant_is_asked_on_their_page(client, seat):
    member = UserFactory(applicant=True)
    client.force_login(member)
    typed = {
        "siret": another_establishment(seat), "name": "Antenne de Reims", "ess_statut": "association",
        "email": "reims@asso.example", "address_line": "1 rue Neuve", "postcode": "51100", "city": "Reims",
    }  # fmt: skip
    response = client.post(reverse("applicants:new_legal"), typed, follow=True)
    assert "Un autre établissement de votre entreprise" in response.content.decode()
    branch = Applicant.objects.get(name="Antenne de Reims")
    url = reverse("applicants:de_minimis", args=[branch.pk])
    assert "Votre entreprise est-elle liée" in client.get(url).content.decode()
    shown = token(branch)
    refused = client.post(url, shown | {"answer_links": "1", "answer": "linked", "explanation": ""})
    assert "Nommez les entreprises" in refused.content.decode()
    assert client.post(url, shown | {"answer_links": "1", "answer": "alone"}).status_code == 302
    assert client.post(url, shown | {"answer_links": "1", "answer": "alone"}).status_code == 409
    assert question_on(seat).declared.answered_by == member
    assert "Votre réponse du" in client.get(url).content.decode()


def test_the_officer_answers_from_the_applicants_page(client, seat, branch):
    officer = UserFactory(instructor=True)
    client.force_login(officer)
    url = reverse("admin:applicants_applicant_undertaking", args=[seat.pk])
    assert url in client.get(reverse("admin:applicants_applicant_change", args=[seat.pk])).content.decode()
    assert branch.display_name in client.get(url).content.decode()
    shown = token(seat)
    assert client.post(url, shown | {"answer": "linked", "explanation": "Vu."}).status_code == 200
    assert client.post(url, shown | {"answer": "alone", "explanation": "Kbis du jour."}).status_code == 302
    assert client.post(url, shown | {"answer": "alone", "explanation": "Une seconde fois."}).status_code == 409
    assert question_on(branch).answered.answered_by == officer
    assert timezone.localdate() == timezone.localdate(question_on(branch).answered.answered_at)
    alone = ApplicantFactory()
    answer = client.get(reverse("admin:applicants_applicant_undertaking", args=[alone.pk]))
    assert answer.url == reverse("admin:applicants_applicant_change", args=[alone.pk]), "nothing is asked of it"


def test_the_question_stands_in_the_work_of_the_service_until_it_is_answered(seat, branch):
    officer = UserFactory(instructor=True)

    def asked() -> list[str]:
        return [item.url for item in work_for(officer) if "undertaking" in item.url]

    assert asked() == [reverse("admin:applicants_applicant_undertaking", args=[seat.pk])]
    assert not [item for item in work_for(UserFactory(finance_officer=True)) if "undertaking" in item.url]
    decide_links(seat, answer="alone", explanation="Registre consulté.", actor=officer)
    assert asked() == []


@pytest.mark.old_pages
def test_the_answer_rests_on_the_establishments_that_its_page_showed(client, seat, branch):
    """Another one appears, and its people declare, without an event of the one whose page asks."""
    client.force_login(UserFactory(instructor=True))
    url = reverse("admin:applicants_applicant_undertaking", args=[seat.pk])
    old = form_to(client.get(url), "/undertaking/")
    third = ApplicantFactory(siret=another_establishment(seat, 3))
    typed = {"answer": "alone", "explanation": "Kbis du jour."}
    answer = client.post(old.action, old.fields | typed)
    assert answer.status_code == 409 and third.siret in answer.content.decode()
    assert question_on(seat).is_open
    again = form_to(answer, "/undertaking/")
    assert client.post(again.action, again.fields).status_code == 302
    assert third.siret in question_on(seat).answered.establishments
