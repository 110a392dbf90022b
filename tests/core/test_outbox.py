"""The outbox: decided in the transaction, sent after it, once as far as anybody can tell."""

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pgtrigger
import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.db import IntegrityError, transaction
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import reverse
from django.utils import timezone

from core import delivery, jobs
from core.delivery import deliver, due
from core.documents import store
from core.figures.invariants import invariant_of
from core.models.event import Event
from core.models.job import Job
from core.models.outbox import OutboxMessage
from core.outbox import enqueue_mail
from core.roles import Role
from core.tasks import deliver_message, deliver_outbox
from tests.factories.core import UserFactory

TEMPLATE = "sample/mails/received"


def enqueue(**options) -> OutboxMessage:
    defaults = {"to": ["a@example.org"], "template": TEMPLATE, "context": {"number": "PROG-1"}, "key": "k"}
    return enqueue_mail(**defaults | options)


@pytest.mark.django_db
class TestEnqueue:
    def test_the_mail_is_rendered_when_it_is_decided(self):
        message = enqueue()
        assert message.subject_line == "Dossier PROG-1 reçu"
        assert message.body == f"Demandeur PROG-1, {settings.ESSOR_REGION['name']}\n"
        assert message.state == OutboxMessage.State.PENDING

    @pytest.mark.django_db(transaction=True)
    def test_a_broker_that_does_not_answer_costs_nothing_of_what_was_decided(self, monkeypatch):
        def silent(*_args):
            raise OSError("no broker")

        monkeypatch.setattr("core.outbox._send", silent)
        monkeypatch.setattr("core.jobs._send", silent)
        monkeypatch.setattr("core.jobs.kind_of", lambda _name: SimpleNamespace(queue="default"))
        with transaction.atomic():
            message = enqueue()
            jobs.dispatch(Job(pk=1, kind="outbox-test"))
        assert OutboxMessage.objects.get(pk=message.pk).state == OutboxMessage.State.PENDING

    def test_in_the_language_of_its_reader(self):
        UserFactory(email="en@example.org", language="en")
        assert enqueue(to=["EN@example.org"]).body.startswith("Applicant")
        assert enqueue(to=["en@example.org", "a@example.org"], key="two").body.startswith("Applicant")
        UserFactory(email="fr@example.org", language="fr")
        assert enqueue(to=["en@example.org", "fr@example.org"], key="three").language == "fr"

    def test_once_per_key(self, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks() as callbacks:
            assert enqueue() == enqueue(context={"number": "PROG-2"})
        assert len(callbacks) == 1

    def test_a_subject_and_attachments(self, case):
        document = store(b"%PDF-1.7\n%%EOF", name="receipt.pdf", subject=case, user=None)
        message = enqueue(subject_object=case, attachments=[document])
        assert message.subject == case
        deliver(message.pk)
        assert mail.outbox[0].attachments[0].filename == "receipt.pdf"

    def test_a_missing_template_or_reader_is_a_fault_of_the_code(self):
        with pytest.raises(TemplateDoesNotExist):
            enqueue(template="sample/mails/none")
        with pytest.raises(ValueError, match="recipient"):
            enqueue(to=[""])
        assert not OutboxMessage.objects.exists()

    def test_the_database_refuses_half_a_state(self):
        message = enqueue()
        for values in ({"state": "sent"}, {"state": "failed"}, {"to": []}, {"state": "lost"}):
            with pytest.raises(IntegrityError), transaction.atomic():
                OutboxMessage.objects.filter(pk=message.pk).update(**values)


@pytest.mark.django_db
class TestDeliver:
    def test_a_message_leaves_once(self):
        message = enqueue()
        deliver_message(message.pk)
        deliver_message(message.pk)
        assert len(mail.outbox) == 1
        sent = mail.outbox[0]
        assert sent.to == ["a@example.org"]
        assert sent.extra_headers["Message-ID"].startswith("<")
        message.refresh_from_db()
        assert message.state == OutboxMessage.State.SENT
        assert message.sent_at

    def test_a_server_that_refuses_is_asked_again_with_patience(self, monkeypatch, caplog):
        caplog.set_level("CRITICAL", logger="essor.outbox")
        monkeypatch.setattr(delivery.EmailMessage, "send", broken_send)
        message = enqueue()
        waits = []
        for attempt in range(1, delivery.MAX_ATTEMPTS + 1):
            assert not deliver(message.pk)
            message.refresh_from_db()
            assert message.attempts == attempt
            waits.append(message.next_attempt_at)
        assert waits == sorted(waits)
        assert waits[1] - waits[0] > timedelta(seconds=50)
        assert message.state == OutboxMessage.State.FAILED
        assert message.reason == "OSError: the server says no"
        assert not deliver(message.pk)

    def test_what_waits_is_swept(self):
        message = enqueue()
        assert due() == []
        OutboxMessage.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=5))
        assert due() == [message.pk]
        deliver_outbox()
        assert len(mail.outbox) == 1
        assert due() == []


def broken_send(self, fail_silently=False):
    raise OSError("the server says no")


def given_up(days: int) -> OutboxMessage:
    message = enqueue(key=f"given-up-{days}")
    with pgtrigger.ignore("core.OutboxMessage:says_what_it_said"):
        OutboxMessage.objects.filter(pk=message.pk).update(
            state="failed", reason="OSError: the server says no", created_at=timezone.now() - timedelta(days=days)
        )
    return message


@pytest.mark.django_db
@pytest.mark.parametrize(("answer", "state"), [("again", "pending"), ("told", "failed")])
def test_a_mail_that_was_given_up_waits_for_the_answer_of_a_person_however_old_it_is(client, answer, state):
    """It left the check after thirty days, without anybody having done anything."""
    message, never = given_up(45), given_up(46)
    check = invariant_of("core.mails-leave")
    assert {row.pk for row in check.broken()} == {message.pk, never.pk}
    page = reverse("admin:core_outboxmessage_change", args=[message.pk])
    for role in ("auditor", "administrator"):
        client.force_login(UserFactory(**{role: True}), backend="django.contrib.auth.backends.ModelBackend")
        assert ("Renvoyer" in client.get(page).content.decode()) is (role == "administrator")
    act = reverse("admin:core_outboxmessage_answer", args=[message.pk])
    assert client.post(act, {"answer": answer, "reason": " "}).status_code == 422
    assert client.post(act, {"answer": answer, "reason": "Appelé le 12."}).status_code == 302
    message.refresh_from_db()
    assert message.state == state and {row.pk for row in check.broken()} == {never.pk}
    event = Event.objects.of(message).get()
    assert event.comment == "Appelé le 12." and event.actor.has_role(Role.ADMINISTRATOR)
    assert "Renvoyer" not in client.get(page).content.decode()
    client.post(act, {"answer": "told", "reason": "Encore."})
    assert Event.objects.of(message).count() == 1
    client.force_login(UserFactory(auditor=True), backend="django.contrib.auth.backends.ModelBackend")
    act = reverse("admin:core_outboxmessage_answer", args=[never.pk])
    assert client.post(act, {"answer": "told", "reason": "Vu."}).status_code == 403
    if answer == "again":
        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            assert due() == [message.pk] and deliver(message.pk)


@pytest.mark.django_db(transaction=True)
def test_nothing_leaves_from_a_transaction_that_is_undone(monkeypatch):
    sent = []
    monkeypatch.setattr(deliver_message, "apply_async", lambda args, **options: sent.append(args))
    with pytest.raises(RuntimeError), transaction.atomic():
        enqueue()
        raise RuntimeError
    assert sent == []
    assert not OutboxMessage.objects.exists()
    with transaction.atomic():
        message = enqueue()
        assert sent == []
    assert sent == [[message.pk]]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_does_not_answer_does_not_undo_the_work(monkeypatch, caplog):
    caplog.set_level("CRITICAL", logger="essor.outbox")

    def refuse(**options):
        raise deliver_message.OperationalError

    monkeypatch.setattr(deliver_message, "apply_async", refuse)
    with transaction.atomic():
        enqueue()
    assert OutboxMessage.objects.get().state == OutboxMessage.State.PENDING


# --- every template that the code names -----------------------------------------------------------------------------


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name in (getattr(node.func, "attr", ""), getattr(node.func, "id", "")):
            yield node


def templates_of(module: ast.Module, call: ast.Call) -> Iterator[str]:
    """The templates that a call may name: a literal, or an f-string on an argument that the module's callers give."""
    value = next(keyword.value for keyword in call.keywords if keyword.arg == "template")
    if isinstance(value, ast.Constant):
        yield value.value
        return
    assert isinstance(value, ast.JoinedStr), "write the template as a literal or an f-string"
    prefix, argument = value.values
    around = next(
        node for node in ast.walk(module) if isinstance(node, ast.FunctionDef) and call in list(ast.walk(node))
    )
    position = [parameter.arg for parameter in around.args.args].index(argument.value.id)
    for caller in calls(module, around.name):
        assert isinstance(caller.args[position], ast.Constant), "callers name the template by a literal"
        yield f"{prefix.value}{caller.args[position].value}"


def mail_templates() -> Iterator[tuple[str, str]]:
    """``(file and line, template)`` of every mail that the product sends."""
    for app in ("core", "applicants", "grants", "agreements", "reporting", "demo"):
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py"):
            module = ast.parse(path.read_text())
            for call in calls(module, "enqueue_mail"):
                found = list(templates_of(module, call))
                assert found, f"{path}:{call.lineno}: nobody names the template"
                yield from ((f"{path.relative_to(settings.BASE_DIR)}:{call.lineno}", name) for name in found)


def test_every_mail_has_its_templates():
    named = list(mail_templates())
    missing = []
    for place, template in named:
        for part in ("subject", "body"):
            try:
                get_template(f"{template}.{part}.txt")
            except TemplateDoesNotExist:
                missing.append(f"{place}: {template}.{part}.txt")
    assert missing == []
    assert len(named) > 10


def test_no_mail_template_is_left_behind():
    named = {template for _place, template in mail_templates()}
    written = set()
    for app in ("core", "applicants", "grants", "agreements", "reporting", "demo"):
        folder = Path(settings.BASE_DIR) / app / "templates"
        written |= {str(path.relative_to(folder)).split(".")[0] for path in folder.rglob("*.subject.txt")}
    assert written - named == set()
