"""Whose turn it is, said alike wherever a beneficiary looks: the list, the case, the agreement; and nothing else said."""

import pytest
from django.urls import reverse
from django.utils.translation import override

from agreements.agreement_page import tasks_now
from agreements.models import Agreement
from applicants.models import Membership
from grants.case_links import with_duties
from grants.models import Application
from tests.grants.portal import plain

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("region")]


def sent_acts():
    """The acts that beneficiaries see, with who acts for them."""
    for agreement in Agreement.objects.exclude(state="draft").select_related("application"):
        member = Membership.objects.filter(applicant=agreement.beneficiary, user__is_active=True).first()
        if member is not None:
            yield agreement, member.user


def test_the_list_the_case_and_the_agreement_say_the_same_is_to_be_done(client):
    listed = set(Application.objects.filter(with_duties()).values_list("pk", flat=True))
    seen = set()
    for agreement, person in sent_acts():
        with override("fr"):
            tasks = [task.text for task in tasks_now(agreement) if task.is_theirs]
        assert (agreement.application_id in listed) is bool(tasks), agreement.number
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        case = plain(client.get(agreement.application.get_absolute_url()))
        page = plain(client.get(agreement.get_absolute_url()))
        for text in tasks:
            assert " ".join(text.split()) in case, agreement.number
            assert " ".join(text.split()) in page, agreement.number
        assert ("Ce que vous avez à faire" in case) is bool(tasks), agreement.number
        seen.add(bool(tasks))
    assert seen == {True, False}


def test_nobody_reads_that_his_signature_is_awaited_where_he_has_none_to_give(client):
    alone = [row for row in sent_acts() if row[0].state == "sent" and row[0].kind != Agreement.Kind.AGREEMENT]
    assert alone
    for agreement, person in alone:
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        for url in (
            agreement.get_absolute_url(),
            agreement.application.get_absolute_url(),
            reverse("agreements:agreements"),
        ):
            assert "attente de votre signature" not in plain(client.get(url)), url
        assert "Vous n’avez rien à signer" in plain(client.get(agreement.application.get_absolute_url()))
