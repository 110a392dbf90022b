"""The live figures of a Region at work are clean, and each invariant sees its own false state."""

import operator
import re
from functools import cache

import lxml.html
import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse
from django.utils import translation
from psycopg.errors import IntegrityError, RaiseException

from agreements.models import Agreement
from core.admin.changes import parts_of
from core.admin.events import _changed as changed
from core.admin.events import lines as event_lines
from core.engine.changes import changes_of
from core.engine.entries import sums
from core.events import history, record
from core.figures.checking import look, look_at
from core.figures.invariants import Invariant, Unit, invariant_of, invariants
from core.figures.numbers import numbered
from core.figures.parameters import parameters
from core.job_runner import kinds
from core.management.commands.check_figures import lines_of
from core.models.sequence import Sequence
from core.money import format_euros
from core.roles import Role
from core.transitions import transitions_of
from grants.models import Envelope
from reporting.models import Operation, PaymentApplication, PaymentApplicationEntry
from tests.database_roles import as_the_application
from tests.factories.core import UserFactory, hold_in_breach
from tests.invariants.looking import Looker
from tests.invariants.sabotage import further, sabotage, settings_of, statements_of
from tests.invariants.test_declared import CODES

pytestmark = pytest.mark.django_db
# What the database knows of who acts.
CONTEXT = ["pghistory.context_id", "pghistory.context_metadata"]
# Statements that one look may make, whatever the number of rows.
QUERIES = 3


def test_a_region_at_work_breaks_nothing(region):
    assert [(result.invariant.code, result.rows, result.error) for result in look() if not result.holds] == []


@pytest.mark.parametrize("code", CODES)
def test_a_false_state_is_found(region, code):
    finds(code, statements_of(code))


@pytest.mark.parametrize("code, statements", further(), ids=[f"{code}-{n}" for n, (code, _s) in enumerate(further())])
def test_each_thing_that_one_figure_looks_at_is_shown(region, code, statements):
    finds(code, statements)


def finds(code: str, statements: tuple[str, ...]) -> None:
    """The invariant holds, then finds what was made by SQL, and says it in words that differ."""
    invariant = invariant_of(code)
    assert look_at(invariant).holds
    sabotage(statements)
    with override_settings(**settings_of(code)):
        result = look_at(invariant)
    assert result.error == ""
    assert result.count >= 1
    for row in result.rows:
        assert row.label
        expected, found = invariant.told(row.expected, row.found, row.subject)
        told = [invariant.called(row.label), expected, found]
        assert [text for text in told if is_raw(invariant, text)] == []
        assert expected.removeprefix("≤ ").removeprefix("≥ ") != found, "what should be and what is read alike"
        assert not _is_kept(invariant.relation, row.expected, row.found), (expected, found)
    assert not any("  " in line for line in lines_of(result))


def _is_kept(relation: str, expected: object, found: object) -> bool:
    """Whether what is said to break a relation keeps it: "≤ 14/09/2026, found 01/01/2026" says nothing."""
    if isinstance(expected, str) and expected[:1] in "≤≥":
        relation, expected = expected[0], expected[2:]
        found = str(found)
    if expected is None or found is None or type(expected) is not type(found):
        return False
    return {"≤": operator.le, "≥": operator.ge}.get(relation, operator.eq)(found, expected)


# A value of the machine among the words of a finding: yes and no, the whole of a hash, an identifier, nothing of words.
OF_THE_MACHINE = re.compile(
    r"\b(?:True|False|NaN|infinity|null)\b|\b[0-9a-f]{12,}\b(?<!\d{14})|(?<![\d/])(?<!règlement )\d+/\d{4}\b"
)


def is_raw(invariant: Invariant, text: str) -> bool:
    """Whether what a finding shows is for programs: a code, an identifier, a number that does not say what it counts."""
    parts = text.split(" · ")
    codes = words_of_the_machine() - {"siret"}
    bare = invariant.unit is Unit.TEXT and text.isdigit() and len(text) < 9
    return bool(RAW.search(text) or OF_THE_MACHINE.search(text) or set(parts) & codes or bare)


# What the rows of other rooms say of money: the database has no guard for it, the control of each night has.
NOT_REFUSED = {
    "agreements.committed-in-force": "a commitment is released by the case, whose room does not know the agreement",
    "agreements.confirmed-by-their-own-hands": "accounts are kept in their room, which does not know the orders",
    **dict.fromkeys(
        [
            "agreements.paid-by-known-persons",
            "agreements.signed-by-known-persons",
            "agreements.signed-by-their-own-hands",
        ],
        "accounts are kept in their room, which does not know the acts",
    ),
    "agreements.credit-is-its-order": "credits are given back by the envelope, whose room does not know the order",
    "agreements.filed-once-registered": "the number of a body is written in its room, which does not know the claims",
    "agreements.fund-of-its-case": "the fund of a case is written by the case, whose room does not know the agreement",
    "agreements.register-is-grants": "an amount of the register follows its grant",
    "agreements.share-is-granted": "the amount of a person is of the vote",
    "agreements.open-claim-is-somebodys": "people leave",
    "agreements.paid-impartially": "people join a body",
    "agreements.retention-after-payment": "a later start of the retention is a correction",
}


@pytest.mark.parametrize("code", [code for code in CODES if code.startswith("agreements.")])
def test_a_false_state_of_money_is_refused_by_the_database(region, code):
    """By SQL, with every guard on: it is refused, or what was written there is not taken."""
    refused = False
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # By nobody: who acted last, where the Region was lived here, gives none of it.
            cursor.execute("SELECT set_config(name, '', true) FROM unnest(%s::text[]) AS name", [CONTEXT])
            for statement in statements_of(code):
                cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError as error:
        assert isinstance(error.__cause__, RaiseException | IntegrityError), error
        refused = True
    assert (refused or look_at(invariant_of(code)).holds) == (code not in NOT_REFUSED)


def test_the_look_after_each_random_move_sees_what_the_full_one_sees(region):
    looker = Looker()
    assert looker.broken() == []
    code = "agreements.certifier-does-not-order"
    sabotage(statements_of(code))
    assert code in [broken for broken, _rows, _error in looker.broken()]


@pytest.mark.parametrize("invariant", invariants(), ids=CODES)
def test_every_invariant_is_few_statements(region, invariant: Invariant):
    list(invariant.broken())  # what is asked once in the life of a process is known
    with CaptureQueriesContext(connection) as captured:
        list(invariant.broken())
    assert len(captured) <= QUERIES


# What no reader should meet: a moment or a value of the machine, a code, the name of a key.
RAW = re.compile(r"\d{4}-\d\d-\d\d|\.\d{6}|\bNone\b|[{}]|^[a-z]+(_[a-z]+)+$|^[A-Z][a-z]+ : ", re.MULTILINE)


def codes_of(model) -> set[str]:
    """The values of the choices of a model that are not what they are called."""
    return {
        str(value)
        for item in model._meta.concrete_fields
        for value, label in item.flatchoices
        if str(value) and not str(value).isdigit() and str(value) != str(label)
    }


@cache
def words_of_the_machine() -> set[str]:
    """What any table, any job or any language is kept as, where no label says the same: columns without choices hold such
    codes too."""
    every = [model for model in apps.get_models() if model._meta.app_label != "sample"]
    labels = {
        str(label).casefold()
        for model in every
        for item in model._meta.concrete_fields
        for _v, label in item.flatchoices
    }
    codes = set().union(*map(codes_of, every)) | {code for code, _name in settings.LANGUAGES}
    return {code for code in codes if code.casefold() not in labels} - SAME_WORDS | {kind.name for kind in kinds()}


def numbers_of(model) -> set[tuple[str, str]]:
    """The numbers that choices are kept as, each with the name of its field: elsewhere a number is a number."""
    return {
        (str(item.verbose_name).casefold(), str(value))
        for item in model._meta.concrete_fields
        for value, label in item.flatchoices
        if str(value).isdigit() and str(value) != str(label)
    }


def english_of(model) -> set[str]:
    """The names of the fields, which no French page says."""
    names = {item.name: str(item.verbose_name).casefold() for item in model._meta.concrete_fields}
    return {name.replace("_", " ") for name, label in names.items() if name.replace("_", " ") != label}


def test_no_history_speaks_the_language_of_the_machine(region, monkeypatch):
    """The changes and the events of rows of every model of the staff site, as their history page shows them."""
    # Who and why are no matter here, and this Region lives in one transaction: its events would be read for each row.
    monkeypatch.setattr("core.engine.changes._with_events", lambda changes: changes)
    seen, wrong = 0, set()
    machine = words_of_the_machine()
    for model in admin.site._registry:
        if model._meta.app_label == "sample":
            continue
        rows = model._base_manager.order_by("pk")
        for row in {*rows[:2], *rows.reverse()[:1]}:
            told = [(line.what, line.before, line.after) for line in changed(row)]
            told += [words for line in event_lines(row, list(history(row))) for words in line.changes]
            models = [model, *(part.model for part in parts_of(model))]
            codes, english = set().union(*map(codes_of, models)), set().union(*map(english_of, models))
            numbers = set().union(*map(numbers_of, models))
            # "note" is the French of a score as well as the name of a field.
            english -= {str(item.verbose_name).casefold() for each in models for item in each._meta.concrete_fields}
            for what, before, after in told:
                seen += 1
                label = str(what).rpartition(" · ")[2].casefold()
                if {(label, before), (label, after)} & numbers:
                    wrong.add((model._meta.label, what, before, after))
                if (
                    label in english
                    or {before, after} & (codes | machine)
                    or RAW.search(f"{before}\n{after}")
                    or "**" in what
                ):
                    wrong.add((model._meta.label, what, before[:60], after[:60]))
    assert seen > 1_000
    assert sorted(wrong) == []


# On a page: a code of the machine, an amount as the machine writes it, a moment, an empty value's name.
ON_A_PAGE = re.compile(
    r"\b[a-z]+(?:_[a-z]+)+\b|(?<![\w.:/-])\d+\.\d\d(?![\w.])|\d{4}-\d\d-\d\d(?!\d|[-\w.])|\bNone\b|\*\*"
)
NOT_WORDS = {"script", "style", "template", "noscript", "code", "pre"}
# Addresses and names of files say what they say.
OF_DATA = re.compile(r"\S+@\S+|\S+\.(?:pdf|docx|xlsx|txt|csv|zip|png)\b|https?://\S+")


def words_on(response) -> list[str]:
    """The texts of the page itself, as they are read."""
    document = lxml.html.fromstring(response.content.decode())
    (content,) = document.xpath("//*[@id='content']")
    texts = []
    for node in content.iter():
        if isinstance(node.tag, str) and node.tag not in NOT_WORDS and "material-symbols" not in node.get("class", ""):
            texts.append(node.text)
        parent = node.getparent()
        if parent.tag not in NOT_WORDS and node is not content:
            texts.append(node.tail)
    return [" ".join(OF_DATA.sub("", text).split()) for text in texts if text and text.strip()]


def spoken_wrong(model, texts: list[str]) -> set[str]:
    """What of these texts is of the machine, or of the other language."""
    french = translation.trans_real.translation("fr")
    texts = [text for text in texts if text]
    codes = codes_of(model)
    english = {text for text in texts if text in french._catalog and french.gettext(text) != text}
    raw = {text for text in texts if ON_A_PAGE.search(text) and not SAID_SO.search(text)}
    return (raw | {text for text in texts if text in codes} | english) - SAME_WORDS


# "Close" is said of a session in French too; funds are listed by their code, under which the Commission knows them.
SAME_WORDS = {"Close", "ERDF", "ESF+"}
# The name of a command that acted, and a class of the NACE.
SAID_SO = re.compile(r"^command \w+|^\d\d\.\d\d$")


def test_every_list_and_history_of_the_staff_site_is_read_in_french(region, client):
    """The lists with their filters, and the history page of the newest row, of every model: words, euros, days.

    They open for the role of the application, which adds no content type where a table has none.
    """
    person = hold_in_breach(UserFactory(), *Role)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    record(person, "user.roles")  # what an event tells of the rows of a many-to-many table
    ContentType.objects.clear_cache()
    seen, wrong = 0, set()
    with as_the_application():
        for model, model_admin in admin.site._registry.items():
            if model._meta.app_label == "sample":
                continue
            pages = [reverse(f"admin:{model_admin.url_name('changelist')}")]
            if row := model._base_manager.order_by("-pk").first():
                pages.append(reverse(f"admin:{model_admin.url_name('history')}", args=[row.pk]))
            for address in pages:
                page = client.get(address)
                if page.status_code == 200:
                    seen += 1
                    wrong |= {(address, text[:90]) for text in spoken_wrong(model, words_on(page))}
    assert seen > 60
    assert sorted(wrong) == []


def test_every_counter_has_its_numbers_looked_at(region):
    """A new kind of number is told to the invariant: every counter of the Region has numbers among those it reads."""
    found = {
        str(number).rpartition("-")[0]
        for model, name in numbered()
        for number in model._base_manager.values_list(name, flat=True)
        if number
    }
    assert {f"{prefix}-{year}" for prefix, year in Sequence.objects.values_list("prefix", "year")} <= found


def test_every_table_of_parameters_is_looked_at():
    """Tables without a workflow that people of the staff change on a page, and no register of people or of cases."""
    others = {
        "applicants.Applicant", "applicants.DeMinimisAid", "applicants.SingleUndertaking", "core.User",
        "grants.Application", "grants.CommitteeSession", "grants.Programme", "reporting.EUBeneficiary",
    }  # fmt: skip
    changed_on_a_page = {
        model._meta.label
        for model, model_admin in admin.site._registry.items()
        if model._meta.app_label != "sample" and model_admin.change_roles and not transitions_of(model)
    }
    assert changed_on_a_page - others <= {model._meta.label for model in parameters()}


def test_a_row_begins_with_its_values_at_entry(region):
    envelope, operation = Envelope.objects.order_by("pk").first(), Operation.objects.order_by("pk").first()
    voted = [line for line in changed(envelope) if line.code == "envelope.voted_amount"]
    assert [(line.before, line.after) for line in voted] == [("–", format_euros(envelope.voted_amount))]
    plan = [line for line in changed(operation) if line.code == "financingline.amount"]
    assert len({line.what.rpartition(" · ")[0] for line in plan}) >= 2
    assert all(line.what.startswith("Plan de financement, ") for line in plan)
    assert format_euros(operation.current.financing.get(kind="eu").amount) in {line.after for line in plan}


def test_every_step_of_a_sum_is_told_with_its_entry(region, monkeypatch):
    """What is committed, ordered, paid, declared, given up, asked from the Commission: all rows of the Region."""
    monkeypatch.setattr("core.engine.changes._with_events", lambda changes: changes)
    steps, untold = 0, set()
    for model, name in sums():
        for row in model._base_manager.order_by("pk")[:40]:
            for change in changes_of(row, [name]):
                if change.kind == "update":
                    steps += 1
                    if sum(entry.moved for entry in change.entries) != (change.after or 0) - (change.before or 0):
                        untold.add((model._meta.label, row.pk, name))
    assert steps > 100
    assert untold == set()


def test_a_row_that_is_not_what_its_history_ends_on_says_so_on_its_page(region, client):
    agreement = Agreement.objects.filter(tranches__isnull=False).order_by("pk").first()
    tranche = agreement.tranches.first()
    person = UserFactory(auditor=True)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:agreements_agreement_history", args=[agreement.pk])
    assert "l’historique s’achève sur" not in client.get(address).content.decode()
    forged = (
        f"UPDATE agreements_tranche SET amount = amount + 10 WHERE id = {tranche.pk}",  # noqa: S608
        f"UPDATE agreements_agreement SET title = 'Autre objet' WHERE id = {agreement.pk}",  # noqa: S608
    )
    sabotage(forged)
    page = client.get(address).content.decode()
    said, stands = format_euros(tranche.amount), format_euros(tranche.amount + 10)
    assert f"Tranche {tranche.rank} · Montant : l’historique s’achève sur {said}, la fiche indique {stands}." in page
    assert f"Objet : l’historique s’achève sur {agreement.title}, la fiche indique Autre objet." in page


def test_a_share_and_an_entry_are_in_the_history_of_what_they_belong_to(region, client):
    """What bears a certificate, and the certificates of a payment application: at entry, and where a row was moved, changed,
    removed or added without a trace."""
    entry = PaymentApplicationEntry.objects.filter(released_at=None).order_by("pk").first()
    certificate, application = entry.certificate, entry.line.application
    share, other = certificate.allocations.order_by("pk")[:2]
    away = PaymentApplication.objects.exclude(pk=application.pk).filter(lines__isnull=False).order_by("pk").first()
    client.force_login(UserFactory(auditor=True), backend="django.contrib.auth.backends.ModelBackend")

    def gaps(row) -> tuple[str, list[str]]:
        page = client.get(reverse(f"admin:reporting_{row._meta.model_name}_history", args=[row.pk])).content.decode()
        return page, re.findall(r"<li>([^<]* : l’historique s’achève sur [^<]*)</li>", page)

    page, found = gaps(certificate)
    assert found == [] and "Part : " in page and format_euros(share.amount) in page
    page, found = gaps(application)
    assert found == [] and f"Certificat {certificate.number} · " in page
    assert gaps(away)[1] == []
    sabotage((
        f"UPDATE reporting_certificateallocation SET amount = amount + 7 WHERE id = {share.pk}",  # noqa: S608
        f"DELETE FROM reporting_certificateallocation WHERE id = {other.pk}",  # noqa: S608
        f"INSERT INTO reporting_certificateallocation (certificate_id, kind, amount) VALUES ({certificate.pk}, 'private', 12)",  # noqa: S608
        f"UPDATE reporting_paymentapplicationentry SET line_id = {away.lines.first().pk} WHERE id = {entry.pk}",  # noqa: S608
    ))  # fmt: skip
    found = gaps(certificate)[1]
    said, stands = format_euros(share.amount), format_euros(share.amount + 7)
    assert any(f" · Montant : l’historique s’achève sur {said}, la fiche indique {stands}." in gap for gap in found)
    assert any(gap.endswith("la fiche indique rien : elle n’y est plus.") for gap in found), found
    assert any(gap.endswith("s’achève sur rien, la fiche indique qu’elle est là.") for gap in found), found
    assert len(found) == 3
    for row in (application, away):
        (gap,) = gaps(row)[1]
        assert gap.startswith(f"Certificat {certificate.number} · Ligne : l’historique s’achève sur {entry.line}, ")
