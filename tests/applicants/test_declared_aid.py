"""A de minimis aid typed wrong on paper is corrected or withdrawn by whoever may enter it, with a reason."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applicants.de_minimis.register import correct_declared, enter_declared, record_granted, withdraw_declared
from applicants.de_minimis.room import assess_for
from applicants.forms.de_minimis import DeMinimisForm
from applicants.models import DeMinimisAid, Membership
from core.admin.changes import change_lines
from core.events import history
from core.figures.checking import look
from core.roles import Role
from tests.factories.applicants import ApplicantFactory, DeMinimisAidFactory
from tests.factories.core import UserFactory
from tests.factories.instruction import staff
from tests.forms import form_to, forms_of

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 1)


def address(aid: DeMinimisAid, page: str) -> str:
    return reverse(f"admin:applicants_deminimisaid_{page}", args=[aid.pk])


def typed(client, url: str, **values: str):
    return client.post(url, form_to(client.get(url), url).fields | values)


@pytest.fixture
def officer(client):
    person = staff(Role.INSTRUCTOR)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return person


@pytest.fixture
def aid():
    return DeMinimisAidFactory(amount=Decimal("290000.00"), granted_on=date(2026, 3, 1))


def test_an_aid_typed_wrong_is_corrected_with_a_reason_and_the_room_follows(client, officer, aid):
    assert "Dites pourquoi" in typed(client, address(aid, "change"), amount="2 900,00").text
    before = assess_for(aid.applicant, Decimal(50_000), TODAY)
    done = typed(client, address(aid, "change"), amount="2 900,00", change_reason="Deux zéros de trop")
    assert done.status_code == 302
    after = assess_for(aid.applicant, Decimal(50_000), TODAY)
    assert after.room - before.room == Decimal("287100.00")
    event = history(aid.applicant).last()
    assert (event.action, event.actor, event.comment) == ("de_minimis_corrected", officer, "Deux zéros de trop")
    assert event.changes == {"amount": ["290000.00", "2900.00"]}
    assert [result.invariant.code for result in look() if not result.holds] == []


def test_an_aid_of_another_enterprise_is_withdrawn_with_a_reason(client, officer, aid):
    url, applicant = address(aid, "withdraw"), aid.applicant
    assert url in client.get(address(aid, "change")).text
    assert typed(client, url, reason=" ").status_code == 200
    assert DeMinimisAid.objects.exists()
    assert typed(client, url, reason="C’est l’aide d’un homonyme").status_code == 302
    assert not DeMinimisAid.objects.exists()
    event = history(applicant).last()
    assert (event.action, event.comment) == ("de_minimis_withdrawn", "C’est l’aide d’un homonyme")
    gone = next(line for line in change_lines(applicant) if line.code == "deminimisaid.amount" and line.after == "–")
    assert gone.before.startswith("290")


def test_a_grant_of_the_region_is_moved_by_its_case_alone(client, officer):
    granted = record_granted(ApplicantFactory(), Decimal(5), date(2026, 1, 1), case_number="A-1")
    assert client.get(address(granted, "withdraw")).status_code == 403
    assert "change_reason" not in client.get(address(granted, "change")).text
    for act in (correct_declared, withdraw_declared):
        with pytest.raises(ValueError, match="registre"):
            act(granted, actor=officer, reason="Erreur")


def test_nobody_enters_corrects_or_withdraws_an_aid_of_their_own_enterprise(client, officer, aid):
    Membership.objects.create(applicant=aid.applicant, user=officer, role="representative")
    for act in (correct_declared, withdraw_declared):
        with pytest.raises(PermissionDenied):
            act(aid, actor=officer, reason="Erreur")
    with pytest.raises(PermissionDenied):
        enter_declared(DeMinimisAid(applicant=aid.applicant, amount=1, granted_on=TODAY), actor=officer)
    assert client.get(address(aid, "withdraw")).status_code == 403
    url = reverse("admin:applicants_deminimisaid_add")
    values = {"applicant": str(aid.applicant_id), "granted_on": "2026-01-05", "amount": "10", "authority": "Commune"}
    assert typed(client, url, **values).status_code == 200
    assert DeMinimisAid.objects.count() == 1


@pytest.mark.parametrize("role", [Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER, Role.AUDITOR])
def test_others_read(client, aid, role):
    client.force_login(staff(role), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(address(aid, "withdraw")).status_code == 403
    assert "change_reason" not in client.get(address(aid, "change")).text


# --- one aid, one row -------------------------------------------------------------------------------------------------

AID = {
    "granted_on": "2026-10-01",
    "amount": "10000",
    "authority": "Ville de Lille",
    "regime": "general",
    "reference": "D-1",
}


def sent(client, page: str, key: str | None = None, **more: str):
    """The declaration as the page sends it; with the key of another page where one is given."""
    form = next(form for form in forms_of(client.get(page), page) if "authority" in form.fields)
    fields = form.fields | AID | ({"key": key} if key else {}) | more
    return form.fields["key"], client.post(page, fields)


def test_a_declaration_sent_twice_is_there_once_and_the_same_one_again_is_asked_about(client):
    person = UserFactory(applicant=True)
    applicant = ApplicantFactory(representative=person)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    page = reverse("applicants:de_minimis", args=[applicant.pk])
    key, first = sent(client, page)
    _key, second = sent(client, page, key=key[0])
    assert (first.status_code, second.status_code, second.url) == (302, 302, first.url)
    assert applicant.de_minimis_aids.count() == 1
    assert "enregistré une fois" in client.get(page).text
    _key, asked = sent(client, page)  # of a page opened again
    assert "figure déjà" in asked.text and 'type="checkbox" name="another"' in asked.text
    assert applicant.de_minimis_aids.count() == 1
    sent(client, page, another="on")
    assert applicant.de_minimis_aids.count() == 2


def test_an_aid_of_paper_sent_twice_is_there_once_and_the_same_one_again_is_asked_about(client, officer):
    applicant = ApplicantFactory()
    page = f"{reverse('admin:applicants_deminimisaid_add')}?applicant={applicant.pk}"
    key, _first = sent(client, page, applicant=str(applicant.pk))
    sent(client, page, key=key[0], applicant=str(applicant.pk))
    assert applicant.de_minimis_aids.count() == 1
    _key, asked = sent(client, page, applicant=str(applicant.pk))
    assert "figure déjà" in asked.text
    sent(client, page, applicant=str(applicant.pk), another="on")
    assert applicant.de_minimis_aids.count() == 2


def test_two_declarations_at_once_count_each_other(aid):
    """The question is asked under the lock of the enterprise: whoever declares at the same moment came first."""
    form = DeMinimisForm(AID)
    form.instance.applicant = aid.applicant
    with CaptureQueriesContext(connection) as told:
        assert form.is_valid()
    asked = [query["sql"] for query in told]
    locked = next(place for place, sql in enumerate(asked) if "FOR NO KEY UPDATE" in sql)
    assert any('FROM "applicants_deminimisaid"' in sql for sql in asked[locked + 1 :])
