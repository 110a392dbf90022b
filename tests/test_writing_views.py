"""Every view that writes: a form of a page read before somebody changed something is refused, and writes nothing.

The test walks the addresses of the product. Each one that takes a POST is either met as a form of one of the pages
below (and then refused when it comes back late, or without its version), or stands in one of the lists with its reason.
A new writing view that is neither fails the test.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lxml.html
import pytest
from django.conf import settings
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.urls import get_resolver, resolve, reverse
from django.utils import timezone

from agreements import intake
from agreements.reports import file_report
from applicants.people import ask_to_join, invite
from core.admin.refused import RefusedMixin
from core.admin.versioned import VersionedMixin
from core.documents import store
from core.engine import grounds, versions
from core.importexport import EssorImportExportAdmin
from core.models.event import Event
from core.roles import Role
from core.transitions import available_transitions, perform
from grants import instruction
from grants.admin.case_actions import ADDS as ADDED_TO_CASES
from grants.admin.case_actions import HANDLERS
from grants.models import Opinion
from grants.opinion_links import new_link
from grants.services.snapshots import take_snapshot
from tests.agreements.test_workbook import filled, row
from tests.factories.agreements import add_line, certified, drafted, in_force, opened, ordered, sent, submitted
from tests.factories.applicants import ApplicantFactory, DeMinimisAidFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.grants import filed, filled_draft, incomplete
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, ask, staff
from tests.factories.reporting import cofinanced, under_control
from tests.forms import PageForm, forms_of, rows_of

pytestmark = [pytest.mark.django_db, pytest.mark.old_pages]

READS = "reads: what is sent changes only what is shown"
READING = """
    staff-badges set_language admin:search admin:index admin:jsi18n admin:autocomplete admin:view_on_site admin:app_list
    admin:core_figurecheck_rows admin:core_retention_download admin:grants_committeesession_workbook
    core:home core:signup_done core:password_reset_done core:job core:job_state core:document core:health core:brand
    core:logo core:accessibility core:privacy core:legal
    applicants:index applicants:new applicants:detail applicants:bank_accounts
    grants:catalogue grants:programme grants:closing grants:my_cases grants:case grants:form grants:review grants:filed_form
    grants:by_number grants:opinion_piece
    agreements:agreements agreements:agreement agreements:claim agreements:workbook_template
""".split()
ACCOUNT = "one's own session or account: nothing that a page showed is written over"
ADDS = "adds a row of its own: nothing of anybody else's is written over"
JOB = "asks for a job or a mail: a row of its own"
EXEMPT = {
    **dict.fromkeys(["login/", "logout/", "admin:login", "admin:logout", "core:login", "core:logout"], ACCOUNT),
    "core.views.account.sign_out": ACCOUNT,
    **dict.fromkeys(["core:resume", "core:signup", "core:activate", "core:password_reset"], ACCOUNT),
    "core:password_reset_confirm": "holds a link of one use",
    "staff-let-go": ACCOUNT,
    **dict.fromkeys(["admin:password_change", "admin:password_change_done"], "asks for the present password"),
    "core:job_cancel": "stops one's own job, whose state the runner checks under its lock",
    **dict.fromkeys(
        ["applicants:new_legal", "applicants:new_natural", "applicants:join", "applicants:no_interest", "grants:start"],
        ADDS,
    ),
    **dict.fromkeys(["applicants:invitation", "applicants:my_invitation"], "takes up an invitation once, or not"),
    "agreements:claim_reply": ADDS,
    **dict.fromkeys(["applicants:people", "applicants:new_bank_account", "applicants:de_minimis"], ADDS),
    **dict.fromkeys(["grants:write_message", "grants:add_piece", "agreements:open_claim", "agreements:line_add"], ADDS),
    **dict.fromkeys(["agreements:claim_piece", "agreements:workbook_upload"], ADDS),
    "grants:remove_piece": "takes back the very file that it names; a file never changes",
    "grants:step": "each answer carries its own version (tests/grants/test_autosave.py)",
    "grants:autosave": "each answer carries its own version (tests/grants/test_autosave.py)",
    "admin:core_user_password_link": JOB,
    "admin:core_user_confirm_person": "names the address that it confirms (tests/core/test_own_hands.py)",
    "admin:core_outboxmessage_answer": "answers once for a mail that did not leave, under its lock (tests/core/test_outbox.py)",
    "admin:core_incompatibleroles_ask_loosening": "asks once, under the lock of the rule (tests/core/test_incompatible_roles.py)",
    "admin:core_incompatibleroles_confirm_loosening": "names the request that it confirms (tests/core/test_incompatible_roles.py)",
    "admin:core_incompatibleroles_keep_in_force": "takes back once what was asked, under the lock of the rule",
    "admin:applicants_applicant_undertaking": "compared once what is typed is valid",
    "admin:applicants_applicant_interest": "lifts an interest once, under its lock",
    "admin:applicants_deminimisaid_complete": "compared once what is typed is valid",
    "admin:applicants_deminimisaid_withdraw": "compared once what is typed is valid",
    **dict.fromkeys(["admin:core_figurecheck_ask", "admin:reporting_reports", "admin:reporting_import"], JOB),
    "admin:agreements_agreement_to-draft": "draws up the one act of a case, which the database keeps single",
    "admin:reporting_paymentapplication_open": ADDS,
    **{f"admin:grants_application_do:{name}": ADDS for name in ("opinion", "message", "read", "note")},
}
ONCE_OTHERWISE = {"grants:add_piece": "a piece takes so many files, and each is shown with the way to take it back"}
"""What adds, and is not held to once by its page."""
OF_EVERY_MODEL = {
    "changelist": READS,
    "add": ADDS,
    "history": READS,
    "delete": "names the row that goes; Django shows what goes with it and the database keeps what is referred to",
    "export": READS,
    "import": "shows what a file would change; a long one asks for a job, which compares (tests/core/test_importexport.py)",
}
IMPORTS = [item for item in admin.site._registry.values() if isinstance(item, EssorImportExportAdmin)]
LIST_ACTIONS = {"grants.Application": ["assign_to"], "applicants.DeMinimisAid": ["mark_entered"]}
"""What lists do to several rows: tested below, each by its own test."""


# --- the addresses ---------------------------------------------------------------------------------------------------


def names(patterns=None, space: str = "") -> Iterator[str]:
    """The name of each address, with its name space; without a name, its pattern."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from names(pattern.url_patterns, f"{space}{pattern.namespace}:" if pattern.namespace else space)
        else:
            yield f"{space}{pattern.name or pattern.pattern}"


def is_known(name: str) -> bool:
    if name in READING or name in EXEMPT or name.startswith(("api", "admin:<path", "admin:(?P")):
        return True
    if name.endswith("_process_import"):
        return False  # compared below, whatever the table
    return any(name.startswith("admin:") and name.endswith(f"_{page}") for page in OF_EVERY_MODEL)


def key_of(action: str) -> str:
    """The name of the address that a form goes to; with the name of the action where one address takes several."""
    found = resolve(action.partition("?")[0].partition("#")[0])
    more = found.kwargs.get("action")
    return f"{found.view_name}:{more}" if more else found.view_name


def test_the_api_only_reads():
    for name in names():
        assert not re.search(r"api.*-(create|update|destroy)", name)


@pytest.mark.parametrize("model_admin", admin.site._registry.values(), ids=lambda item: item.opts.label)
def test_every_change_form_of_the_staff_site_is_compared(model_admin, monkeypatch):
    """A form without a version is refused before anything else looks at it, whatever class stands in between."""
    assert isinstance(model_admin, VersionedMixin)
    owners = [owner for owner in type(model_admin).__mro__ if "_changeform_view" in vars(owner)]
    assert owners == [RefusedMixin, VersionedMixin, admin.ModelAdmin]  # a new one hands the form on, in each case
    row = model_admin.model(pk=1)
    monkeypatch.setattr(model_admin, "get_object", lambda *args, **kwargs: row)
    monkeypatch.setattr(model_admin, "has_change_permission", lambda *args, **kwargs: True)
    with pytest.raises(versions.Stale) as refused:
        model_admin._changeform_view(RequestFactory().post("/", {"_save": "1"}), "1", "", None)
    assert refused.value.subject is row and refused.value.shown is None
    own = [name for name in model_admin.actions or [] if name not in ("delete_selected", "export_admin_action")]
    assert own == LIST_ACTIONS.get(model_admin.opts.label, [])
    assert not model_admin.list_editable


@pytest.mark.parametrize("model_admin", IMPORTS, ids=lambda item: item.opts.label)
def test_every_import_is_compared_with_what_its_preview_showed(model_admin):
    """A file confirmed without its preview is refused before it is read, whatever class stands in between; two clients
    confirm one in tests/core/test_importexport.py."""
    owners = [owner for owner in type(model_admin).__mro__ if "process_import" in vars(owner)]
    assert owners[0] is EssorImportExportAdmin
    address = reverse(f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_process_import")
    client = signed_in(UserFactory(roles=[*(model_admin.change_roles or [Role.ADMINISTRATOR])][:1]))
    before = Event.objects.count()
    confirmed = {"import_file_name": "x", "change_reason": "Vote", "format": "0", "resource": "0"}
    for shown in ({}, {"shown": "x"}):
        assert client.post(address, confirmed | shown).status_code in (403, 409)
    assert Event.objects.count() == before


def test_every_table_that_is_taken_in_is_compared():
    taken_in = {f"admin:{item.opts.app_label}_{item.opts.model_name}_process_import" for item in IMPORTS}
    assert {name for name in names() if name.endswith("_process_import")} == taken_in


def views(patterns=None, space: str = "") -> Iterator[tuple[str, Any]]:
    """The name of each address with its view."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from views(pattern.url_patterns, f"{space}{pattern.namespace}:" if pattern.namespace else space)
        else:
            yield f"{space}{pattern.name or pattern.pattern}", pattern.callback


def test_every_view_that_adds_takes_a_form_once():
    """A new view that adds a row goes through the door of ``core.engine.once``, or says here why it need not."""
    of_each_model = {
        f"admin:{item.opts.app_label}_{item.opts.model_name}_add" for item in admin.site._registry.values()
    }
    adding = {name for name, reason in EXEMPT.items() if reason == ADDS and "_do:" not in name} | of_each_model
    taken = {name for name, view in views() if getattr(view, "adds_once", False)}
    assert adding - taken == set(ONCE_OTHERWISE)
    in_cases = {name.rpartition(":")[2] for name, reason in EXEMPT.items() if reason == ADDS and "_do:" in name}
    assert in_cases == ADDED_TO_CASES  # what CaseActions sends through the same door


# --- the pages -------------------------------------------------------------------------------------------------------


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def change(row) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def moves(row, person) -> list[str]:
    """The pages of the transitions that this person may take."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_transition"
    options = available_transitions(row, person)
    return [reverse(name, args=[row.pk, item.spec.name]) for item in options if item.allowed]


def staff_pages_of_cases():
    officer, head = staff(Role.INSTRUCTOR), staff(Role.HEAD_OF_SERVICE)
    case = filed()
    yield officer, [change(case), *moves(case, officer)]
    yield head, [change(case)]
    case = CaseFactory(state="in_instruction", instructor=officer, number="PROG-2025-1")
    ask(case, token_hash="0" * 64, link_expires_at=timezone.now() + timedelta(days=20))
    instruction.compute_aid(case, actor=officer)
    given = ask(case, "ddets", body="DDETS")  # on the file of before
    signed = store(pdf("avis"), name="avis.pdf", subject=given, user=officer, kind="opinion")
    Opinion.objects.filter(pk=given.pk).update(
        result="favourable", given_on=timezone.localdate(), recorded_by=officer, document=signed
    )
    take_snapshot(case, kind="completion", actor=case.created_by, content={})
    yield officer, [change(case)]
    case = CaseFactory(state="instructed", number="PROG-2025-2")
    yield head, moves(case, head)


def staff_pages_of_sessions():
    secretary = staff(Role.COMMITTEE_SECRETARY)
    case = CaseFactory(state="scheduled")
    session = SessionFactory(members=3)
    agenda(session, case)
    CaseFactory(state="ready_for_committee", call=case.call)
    yield secretary, [change(session)]
    held = SessionFactory(state="in_session", members=3)
    agenda(held, CaseFactory(state="scheduled", call=case.call))
    yield secretary, [change(held)]
    secretary = staff(Role.COMMITTEE_SECRETARY, "CPO")
    network = CaseFactory(
        state="scheduled", programme_code="CPO", proposed_amount=Decimal(180000), computed_amount=Decimal(180000)
    )
    held = SessionFactory(state="in_session", members=3, programmes=[network.programme_version.programme])
    (item,) = agenda(held, network)
    yield secretary, [reverse("admin:grants_committeesession_plan", args=[held.pk, item.pk])]


def staff_pages_of_agreements():
    agreement, house = drafted()
    yield house.instructor, [change(agreement), *moves(agreement, house.instructor)]
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", "8000")
    perform(claim, "start_review", actor=house.instructor)
    yield house.instructor, [change(claim)]
    claim = opened(*in_force(house=house))
    add_line(claim, house, invoice_number="F-7")
    add_line(claim, house, invoice_number="f 7", declared_amount=Decimal("1.00"))
    perform(claim, "submit", actor=house.member, data={"attested": "on"})
    perform(claim, "start_review", actor=house.instructor)
    yield house.instructor, [change(claim)]
    agreement, house = in_force()
    certified(agreement, house)
    _claim, batch = ordered(*in_force(house=house))
    yield house.finance, [change(batch)]
    perform(batch, "close", actor=house.finance)
    yield house.finance, [change(batch)]


def staff_pages_of_operations():
    case = cofinanced()
    declaration = under_control(case, "9000")
    yield declaration.controller, [change(declaration)]


def staff_pages_of_registers():
    administrator, officer = UserFactory(administrator=True), staff(Role.INSTRUCTOR)
    yield administrator, [change(officer)]
    applicant = ApplicantFactory(representative=UserFactory(applicant=True))
    yield officer, [change(applicant)]


def portal_pages_of_applicants():
    person, other = UserFactory(applicant=True), UserFactory(applicant=True)
    applicant = ApplicantFactory(representative=person, editor=UserFactory(applicant=True))
    invite(applicant, actor=person, email="invitee@example.org", role="editor")
    ask_to_join(applicant, user=other, role="editor", message="Bonjour")
    DeMinimisAidFactory(applicant=applicant)
    yield other, [reverse("applicants:index")]
    pages = ["edit", "people", "de_minimis"]
    yield person, [reverse("core:profile"), *(reverse(f"applicants:{name}", args=[applicant.pk]) for name in pages)]


def portal_pages_of_cases():
    application = filled_draft()
    address = [application.public_id]
    yield application.created_by, [reverse("grants:review", args=address), reverse("grants:withdraw", args=address)]
    application = incomplete()
    yield application.created_by, [reverse("grants:case", args=[application.public_id])]


def page_of_a_body():
    officer = staff(Role.INSTRUCTOR)
    opinion = ask(CaseFactory(state="in_instruction", instructor=officer), body="DDETS")
    yield UserFactory(applicant=True), [new_link(opinion).removeprefix(settings.ESSOR_SITE_URL)]


def portal_pages_of_agreements():
    agreement, house = sent(granted="30000.00")
    yield house.member, [agreement.get_absolute_url()]
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house)
    with TemporaryDirectory() as folder:
        kept, _found = intake.preview(claim, filled(claim, Path(folder), [row(5)]), actor=house.member)
    preview = reverse("agreements:workbook_preview", args=[claim.number, kept.pk])
    written = [reverse("agreements:line_change", args=[claim.number, 1]), preview]
    yield house.member, [claim.get_absolute_url(), reverse("agreements:claim_abandon", args=[claim.number]), *written]
    agreement, house = in_force("CPO", "180000.00")
    upload = SimpleUploadedFile("bilan.pdf", pdf("bilan"), "application/pdf")
    tranche = agreement.tranches.get(rank=1)
    report = file_report(tranche, summary="Fait.", spent_amount=Decimal(90000), upload=upload, actor=house.member)
    perform(report, "give_back", actor=house.instructor, comment="Il manque les comptes.")
    yield house.member, [reverse("agreements:report", args=[agreement.number, 1])]


PAGES = {
    staff_pages_of_cases: [
        "admin:grants_application_transition",
        *(
            f"admin:grants_application_do:{name}"
            for name in (
                "assign",
                "automatic",
                "check",
                "compute",
                "fund",
                "opinion-answer",
                "opinion-link",
                "opinion-uphold",
                "piece",
                "retain",
                "score",
            )  # fmt: skip
        ),
    ],
    staff_pages_of_sessions: [
        f"admin:grants_committeesession_{name}"
        for name in ("change", "add-cases", "decide", "decide-row", "move", "plan", "recuse")
    ],
    staff_pages_of_agreements: [
        "admin:agreements_agreement_transition",
        "admin:agreements_agreement_do:fund",
        "admin:agreements_agreement_do:write",
        "admin:agreements_paymentbatch_do:order",
        "admin:agreements_paymentbatch_do:pay",
        "admin:agreements_paymentclaim_do:duplicate",
        "admin:agreements_paymentclaim_do:lines",
    ],
    staff_pages_of_operations: ["admin:reporting_expendituredeclaration_decide"],
    staff_pages_of_registers: [
        "admin:core_user_change",
        "admin:applicants_applicant_change",
    ],
    portal_pages_of_applicants: [
        "core:profile",
        *(
            f"applicants:{name}"
            for name in ("answer_request", "cancel_invitation", "edit", "member", "withdraw_de_minimis")
        ),
    ],
    portal_pages_of_cases: ["grants:complete", "grants:submit", "grants:withdraw"],
    page_of_a_body: ["grants:opinion"],
    portal_pages_of_agreements: [
        f"agreements:{name}"
        for name in (
            "claim_abandon",
            "claim_amount",
            "claim_remove_piece",
            "claim_submit",
            "line_change",
            "line_proof",
            "line_remove",
            "report",
            "sign",
            "signed_copy",
            "workbook_preview",
        )  # fmt: skip
    ],
}
"""The pages, and the writing addresses whose forms stand on them."""


def test_every_address_is_met_or_has_its_reason():
    met = {name for keys in PAGES.values() for name in keys}
    written = {name for name in every_key() if not is_known(name)}
    # Change forms, transitions and imports of the staff site are each one view, whatever the model (compared above).
    left = {name for name in written - met if not name.endswith(("_change", "_transition", "_process_import"))}
    assert left == set(), "a view that writes carries the version of what it showed: add a page, or the reason why not"
    assert met <= written
    assert {*EXEMPT, *READING} <= {*every_key(), "core.views.account.sign_out"}


def every_key() -> Iterator[str]:
    """The names, with those of the actions where one address takes several."""
    actions = {f"admin:{item.opts.app_label}_{item.opts.model_name}_do": item for item in admin.site._registry.values()}
    for name in names():
        if name in actions:
            yield from (f"{name}:{action}" for action in getattr(actions[name], "actions_of_page", HANDLERS))
        else:
            yield name


# --- late, or without a version --------------------------------------------------------------------------------------


def of_an_old_page(form: PageForm) -> dict[str, list[str]]:
    """The form as a page filled it before somebody changed all that it shows; something is typed in each field."""
    fields = dict(form.fields)
    for name in tokens_of(form):
        label, number, values = versions.signing.loads(fields[name][0], salt=versions._SALT)
        old = {
            key: str(int(value) - 1) if value.isdigit() and len(value) < 6 else "then" for key, value in values.items()
        }
        old |= {key: value for key, value in values.items() if key.startswith("+")}  # what the page asked, no field
        fields[name] = [versions.Shown(label, number - 1, old).token()]
        fields |= {key: ["typed"] for key in values if key in fields and not is_of_a_row(key)}
    for name, value in form.boxes:
        fields.setdefault(name, [value])
    if "answer" not in fields and form.has_button("answer"):
        fields["answer"] = ["no"]
    if form.has_button("state"):
        fields["state"] = ["refused"]
    for key in fields:
        if key.startswith("decision-"):
            fields[key] = ["accept"]
    return fields


def tokens_of(form: PageForm) -> list[str]:
    return [name for name in form.fields if name == versions.FIELD or name.endswith(f"-{versions.FIELD}")]


def without_a_version(form: PageForm) -> dict[str, list[str]]:
    fields = of_an_old_page(form)
    return {name: value for name, value in fields.items() if name not in tokens_of(form)}


def is_of_a_row(name: str) -> bool:
    """The hidden number of a row of a table: nobody types it."""
    return re.search(r"-\d+-id$", name) is not None


def of_other_rows(form: PageForm) -> dict[str, list[str]]:
    """The form of a page of now, with numbers of rows that no page gave."""
    return {name: ["typed"] if is_of_a_row(name) and value[0] else value for name, value in form.fields.items()}


def taken(client: Client, form: PageForm, data: dict) -> str:
    """Why a late form was not refused as stale (or beside its row, in a grid); "" when it was, and nothing happened."""
    before = Event.objects.count()
    answer = client.post(form.action, data)
    happened = Event.objects.count() - before
    if answer.status_code == 422 and (lost := lost_forms(answer)):
        return f"the page shown again sends {lost} to where only another form is taken"
    return "" if answer.status_code in (409, 422) and not happened else f"{answer.status_code}, {happened} events"


def lost_forms(answer) -> list[str]:
    """The forms of a page shown again that would go to the address of the post rather than to their own."""
    if not answer.headers["Content-Type"].startswith("text/html"):
        return []
    without = lxml.html.fromstring(answer.text).xpath("//form[@method='post' and not(@action)]/@id")
    takes_one = getattr(answer.resolver_match.func, "only_takes_posts", False)
    return [*without, *re.findall(r"window\.location\.pathname", answer.text)] if takes_one else []


def exercise(pages) -> tuple[set[str], list[str]]:
    """The writing addresses met on these pages, and what went wrong."""
    met, wrong = set(), []
    for person, addresses in pages():
        client = signed_in(person)
        for address in addresses:
            page = client.get(address)
            assert page.status_code == 200, address
            for form in [*forms_of(page, address), *rows_of(page)]:
                key = key_of(form.action)
                if (
                    is_known(key)
                    or key.endswith("_changelist")
                    or not form.is_sent
                    or form.has_button("change-password")
                ):
                    continue
                met.add(key)
                if not tokens_of(form):
                    wrong.append(f"{key}: no version")
                elif why := taken(client, form, of_an_old_page(form)):
                    wrong.append(f"{key}: taken from an old page ({why})")
                elif why := taken(client, form, without_a_version(form)):
                    wrong.append(f"{key}: taken without a version ({why})")
                elif of_other_rows(form) != dict(form.fields) and (why := taken(client, form, of_other_rows(form))):
                    wrong.append(f"{key}: taken with the numbers of other rows ({why})")
    return met, wrong


@pytest.mark.parametrize("pages", PAGES, ids=lambda pages: pages.__name__)
def test_a_late_form_is_refused(pages):
    met, wrong = exercise(pages)
    assert wrong == []
    assert set(PAGES[pages]) <= met


# --- rows picked from a list -----------------------------------------------------------------------------------------

PICKED_OTHERWISE = {
    "admin:agreements_paymentbatch_do:pay": "an order never changes its amount or its account; one that is gone is named",
    "admin:grants_application_transition": "pieces of the very case, whose number the form carries",
    "agreements:line_proof": "lines of the very claim, each change of which is an event of it",
    **dict.fromkeys(
        [
            "agreements:claim_amount",
            "agreements:claim_submit",
            "agreements:claim_remove_piece",
            "agreements:line_remove",
        ],
        "other buttons of the page of a claim: they pick no line",
    ),
    "admin:core_user_change": "roles and programmes of the account, compared field by field",
    "admin:grants_committeesession_change": "programmes of the session, compared field by field",
}
"""Forms with boxes that stand for rows, of which the token need not say what was shown, and why."""


def picks_of(form: PageForm) -> dict[str, list[str]]:
    """The numbers of the rows that the boxes of a form stand for, by their name."""
    found: dict[str, list[str]] = {}
    for name, value in form.boxes:
        if form.kinds.get(name) == "checkbox" and value.isdigit() and not name.endswith("-without"):
            found.setdefault(name, []).append(value)
    return found


def with_other_grounds(form: PageForm) -> dict[str, list[str]] | None:
    """The form of a page that said something else of each row that it offers; None where its token says nothing."""
    label, number, values = versions.signing.loads(form.fields[versions.FIELD][0], salt=versions._SALT)
    said = grounds.read(values)
    if not said:
        return None
    told = grounds.written({key: f"{words} then" for key, words in said.items()})
    return form.fields | {versions.FIELD: [versions.Shown(label, number, values | told).token()]}


@pytest.mark.parametrize("pages", PAGES, ids=lambda pages: pages.__name__)
def test_a_row_is_picked_as_its_list_showed_it(pages):
    """A row of another case, another claim changes without an event of the page that offers it."""
    wrong = []
    for person, addresses in pages():
        client = signed_in(person)
        for address in addresses:
            for form in forms_of(client.get(address), address):
                key, picks = key_of(form.action), picks_of(form)
                if not picks or not form.is_sent or is_known(key) or not tokens_of(form) or key in PICKED_OTHERWISE:
                    continue
                other = with_other_grounds(form)
                if other is None:
                    wrong.append(f"{key}: its token says nothing of {[*picks]}")
                elif why := taken(client, form, other | picks):
                    wrong.append(f"{key}: a row is taken that is not what was shown ({why})")
    assert wrong == []
