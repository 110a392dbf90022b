"""What the database refuses reaches people in their language: each trigger and constraint, and no page is an error 500."""

import re
from types import SimpleNamespace

import pgtrigger
import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.urls import path
from django.utils import translation
from pgtrigger import registry

from agreements import payments
from agreements.models import Agreement, PaymentClaim
from config.urls import urlpatterns as pages
from core.engine.refusals import constraint_message, refusal_message, sentence_for
from core.transitions import TransitionRefused, perform
from tests.factories.agreements import certified, in_force
from tests.factories.core import UserFactory

RAISED = re.compile(r"RAISE EXCEPTION\s+'((?:[^']|'')*)'")
#: A table of history tells what happened, it refuses nothing.
TELLING = {"insert_insert", "update_update", "delete_delete"}


def texts() -> dict[str, str]:
    """What every declared trigger may say: the text, and one trigger that says it."""
    found = {}
    for model, trigger in registry.registered():
        if trigger.name not in TELLING:
            for text in RAISED.findall(str(trigger.get_func(model))):
                found[text.replace("''", "'")] = f"{model._meta.label}:{trigger.name}"
    return found


TEXTS = texts()


def test_the_triggers_are_read():
    assert len(TEXTS) > 120


@pytest.mark.parametrize("text", sorted(TEXTS))
def test_every_text_of_a_trigger_has_its_sentence_in_both_languages(text):
    told = sentence_for(text)
    assert len(told.names) == text.count("%"), TEXTS[text]
    values = tuple("1234.50" for _name in told.names)
    said = {}
    for language in ("fr", "en"):
        with translation.override(language):
            said[language] = told(values)
    assert said["fr"] != said["en"], f"{TEXTS[text]}: no French"
    assert "%(" not in said["fr"] and text not in said["fr"]


def test_every_message_of_a_constraint_is_in_french():
    models = [model for model in apps.get_models() if not model.__module__.startswith("tests.")]
    names = [item.name for model in models for item in model._meta.constraints]
    without = []
    for name in names:
        with translation.override("en"):
            english = constraint_message(name)
        with translation.override("fr"):
            if english and constraint_message(name) == english:
                without.append(name)
    assert without == []


@pytest.mark.django_db
def test_any_other_constraint_has_a_sentence():
    user = UserFactory()
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        type(user).objects.filter(pk=user.pk).update(email="Grandes@lettres.example")
    assert refusal_message(refused.value)
    with pytest.raises(DatabaseError) as fault, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    assert refusal_message(fault.value) is None  # a fault of the program stays one


def test_no_refusal_of_a_constraint_shows_its_name():
    """A rule is for who reads the logs: a person reads what it asks, of which fields."""
    names = [item.name for model in apps.get_models() for item in model._meta.constraints]
    for name in [*names, "a_rule_that_no_model_declares", ""]:
        refused = IntegrityError("refused")
        refused.__cause__ = Exception()
        refused.__cause__.diag = SimpleNamespace(message_primary="refused", sqlstate="23514", constraint_name=name)
        said = refusal_message(refused)
        assert said, name
        assert not name or name not in said, name


@pytest.mark.django_db
def test_a_transition_that_the_database_refuses_says_why_in_french(monkeypatch):
    agreement, house = in_force()
    _advance, balance = certified(agreement, house), certified(agreement, house, "balance", "26625.00")
    batch = payments.open_batch(actor=house.finance)
    with pgtrigger.ignore("agreements.ExpenditureLine:line_rules"):
        balance.lines.update(certified_amount="21300.00", certified_reason="Coupé.")
    monkeypatch.setattr("agreements.still_due.certified_is_still_due", lambda *_args: None)  # as in a race
    with pytest.raises(TransitionRefused) as refused:
        perform(balance, "order", actor=house.finance, data={"batch": batch.pk})
    said = str(refused.value).replace("\u202f", " ").replace("\xa0", " ")
    assert "5 000,00 €" in said and "2 000,00 €" in said and "sont dus à présent" in said
    assert PaymentClaim.objects.get(pk=balance.pk).state == "certified"


def writes(request):
    """A page that the database refuses, as in a race that passed by its form."""
    agreement = Agreement.objects.get()
    with transaction.atomic():
        Agreement.objects.filter(pk=agreement.pk).update(granted_amount=agreement.granted_amount + 1)


urlpatterns = [path("ecrit/", writes), path("admin/ecrit/", writes), *pages]


@pytest.mark.django_db
@pytest.mark.urls("tests.core.test_refusals")
@pytest.mark.parametrize("address", ["/ecrit/", "/admin/ecrit/"])
def test_no_page_is_an_error_500(client, address):
    _agreement, house = in_force()
    client.force_login(house.instructor, backend="django.contrib.auth.backends.ModelBackend")
    response = client.post(address)
    page = response.content.decode().replace("&#x27;", "’")
    assert response.status_code == 409
    assert "L’acte est envoyé" in page and "terms of an agreement" not in page
    script = client.post(address, headers={"Accept": "application/json"})
    assert (script.status_code, list(script.json())) == (409, ["refused"])
