"""Two people read the same page, both change it: the second is refused, and reads what the first did.

Each writing address that ``tests/test_writing_views.py`` meets is driven so, or says here why it cannot be.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import lxml.html
import pytest
from django.contrib.messages import WARNING, get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone

from core.models.event import Event
from core.models.user import User
from core.roles import STAFF_ROLES
from core.site import not_saved
from grants.models import ProgrammeAssignment
from tests.factories.applicants import pdf
from tests.factories.core import UserFactory
from tests.forms import PageForm, forms_of, rows_of
from tests.test_writing_views import PAGES, is_known, key_of, signed_in, tokens_of

STAFF = [pages for pages in PAGES if pages.__name__.startswith("staff_pages")]
pytestmark = [pytest.mark.django_db, pytest.mark.old_pages]

NOT_DRIVEN = {
    "admin:grants_application_do:automatic": "asks Essor for its own answers again: there is nothing to type",
    "admin:applicants_applicant_change": "the change forms of all models are one view (an account, a session: driven here)",
    "applicants:withdraw_de_minimis": "asks on a page of its own first; both are compared under the lock of the applicant",
    "grants:complete": "sends back the pieces that were joined beside it (tests/grants/test_case_page.py)",
}
"""The addresses of which the first client cannot be driven by typing anything, and why; a late form is refused there too
(``tests/test_writing_views.py``)."""

THE_SAME = {
    "grants:submit": "the case is filed, once: the page of the filed case says so (tests/grants/test_submission.py)",
    "agreements:workbook_preview": "the workbook is taken in, once: the claim shows its lines",
}
"""Where the second asks for the very thing that the first did, and is led to the page that says that it is done."""

WORDS = {"text", "textarea", "tel"}
PARTS = {"phone", "decision", "reason"}
"""Parts of the name of a field that is typed alone."""
FILLED = [
    WORDS | {"amount", "date", "select", "radio", "checkbox", "file"},
    WORDS | {"file"},
    {"phone", "reason"},
    {"decision"},
    set(),
]
"""What the first client types: all of it; where that is refused, words or one field, at last the button alone."""

EXACT = re.compile(r"siret|rna|postcode|email|website|year|rank|code|number|_FORMS$|-id$|first_name")
"""What cannot be anything: left as it was."""


@contextmanager
def taken_back() -> Iterator[None]:
    """What two clients write is undone: the next form of the page stands where this one stood."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def colleague_of(person: User) -> User:
    """Somebody with the same roles and programmes."""
    other = UserFactory(roles=[*person.role_set], last_name="Bernard")
    for code in person.programme_assignments.values_list("programme", flat=True):
        ProgrammeAssignment.objects.create(user=other, programme_id=code)
    return other


def other_number(value: str, turn: int) -> str:
    """Less than the page shows."""
    whole, mark, rest = re.match(r"(\d*)([.,]?)(\d*)", re.sub(r"[\s\u202f\xa0]", "", value)).groups()
    return f"{max(int(whole) - turn, 0)}{mark}{rest}" if whole else str(turn)


def other_of(form: PageForm, name: str, value: str, turn: int) -> Any:
    """Something else than a field shows: at each turn another thing."""
    kind = form.kinds[name]
    if name in form.choices:
        others = [item for item in form.choices[name] if item and item != value]
        return others[(turn - 1) % len(others)] if others else value
    if kind == "file":
        return SimpleUploadedFile(f"lu-{turn}.pdf", pdf(f"lu {turn}"), "application/pdf")
    if kind == "date":
        return value or timezone.localdate().isoformat()
    if kind == "amount":
        return other_number(value, turn)
    if "phone" in name:
        return f"03 26 00 00 0{turn}"
    return f"{value} {turn}" if value else f"Lecture {turn}."


def typed(form: PageForm, turn: int, kinds: set[str]) -> dict[str, Any]:
    """The form as somebody fills it, each field of these kinds otherwise than it was, and presses one of its buttons."""
    data: dict[str, Any] = dict(form.fields)
    for name, kind in form.kinds.items():
        wanted = kind in kinds or any(part in name for part in kinds & PARTS)
        if wanted and not EXACT.search(name):
            data[name] = other_of(form, name, data.get(name, [""])[0], turn)
    if "checkbox" in kinds:
        data |= {name: value for name, value in form.boxes if form.kinds[name] == "checkbox" and not is_left_out(name)}
    buttons: dict[str, list[str]] = {}
    for name, value in form.buttons:
        if name == "all":
            continue  # one's own decision on every row at once
        buttons.setdefault(name, []).append(value)
    return data | {name: values[(turn - 1) % len(values)] for name, values in buttons.items()}


def is_left_out(name: str) -> bool:
    """A box that takes a row away, or an account's rights."""
    return name.endswith("-DELETE") or name in ("is_active", "is_staff")


def form_again(client, address: str, form: PageForm, rank: int) -> PageForm | None:
    """The same form, as this client reads it."""
    page = client.get(address)
    if page.status_code != 200:
        return None
    found = [item for item in [*forms_of(page, address), *rows_of(page)] if item.action == form.action]
    return found[rank] if rank < len(found) and tokens_of(found[rank]) else None


def written_by_now() -> int:
    """The events, without those of a form that was saved as it was."""
    return Event.objects.exclude(changes={}, data={}, action__in=("change", "edit")).count()


def faults(late, second_wrote: int, first: User, form: PageForm) -> str:
    """What is wrong with the answer to the second; "" where it was refused with what the first did."""
    if late.status_code == 302 and not second_wrote:
        refusals = [item for item in get_messages(late.wsgi_request) if item.level >= WARNING]
        if refusals or key_of(form.action) in THE_SAME:
            return ""  # the page says beside what was ticked why it cannot be done any more
    if late.status_code not in (409, 422) or second_wrote:
        return f"taken: {late.status_code}, {second_wrote} events"
    told = unescape(late.content.decode())
    context = late.context or {}
    if late.status_code == 409 and any(context.get(name) for name in ("changes", "differences", "sums")):
        return ""
    return "" if str(first) in told else f"{late.status_code}, nothing is said of what the first did"


def drive(people, address: str, form: PageForm, rank: int) -> str | None:
    """What went wrong with two clients on this form; None when nothing that is typed in it so was taken of the first."""
    for kinds in FILLED:
        with taken_back():
            clients = [signed_in(person) for person in people]
            for client in clients:
                client.raise_request_exception = False
            forms = [form_again(client, address, form, rank) for client in clients]
            if None in forms:
                return None
            before = written_by_now()
            clients[0].post(form.action, typed(forms[0], 1, kinds))
            written = written_by_now()
            if written > before:
                late = clients[1].post(form.action, typed(forms[1], 2, kinds))
                return faults(late, written_by_now() - written, people[0], form)
    return None


def driven(pages) -> tuple[set[str], list[str]]:
    """The writing addresses of these pages of which the first client was taken, and what the second was not told."""
    done: set[str] = set()
    wrong: list[str] = []
    for person, addresses in pages():
        other = colleague_of(person) if person.role_set & STAFF_ROLES else person
        for address in addresses:
            ranks: dict[str, int] = {}
            page = signed_in(person).get(address)
            for form in [*forms_of(page, address), *rows_of(page)]:
                rank = ranks[form.action] = ranks.get(form.action, -1) + 1
                key = key_of(form.action)
                left = is_known(key) or key.endswith("_changelist") or form.has_button("change-password")
                if left or not form.is_sent or not tokens_of(form) or key in done:
                    continue
                found = [drive((person, second), address, form, rank) for second in dict.fromkeys((other, person))]
                fault = next((item for item in found if item is not None), None)
                if fault is not None:
                    done.add(key)
                if fault:
                    wrong.append(f"{key}: {fault}")
    return done, wrong


@pytest.mark.parametrize("pages", PAGES, ids=lambda pages: pages.__name__)
def test_the_second_of_two_clients_is_refused(pages):
    done, wrong = driven(pages)
    assert wrong == []
    assert {key for key in PAGES[pages] if key not in done} == {key for key in PAGES[pages] if key in NOT_DRIVEN}


# --- what the second typed is told, disputed or not ------------------------------------------------------------------

SEEN_AS_TYPED = WORDS | {"amount"}
"""Fields of which the page says what was typed as it was typed, but for the spaces of an amount."""
NOT_MET = {
    "admin:grants_application_do:automatic",  # nothing is typed
    "admin:grants_committeesession_decide",  # the rows that nobody disputes are recorded, the others stand in the grid
    "admin:grants_committeesession_decide-row",  # a script: its page keeps what was typed
    "admin:reporting_expendituredeclaration_decide",  # as the grid of a session
    "admin:grants_committeesession_add-cases",  # boxes alone
    "admin:agreements_paymentbatch_do:order",
}
"""Forms that meet no page of a conflict, and why."""


def one_field(form: PageForm, name: str, turn: int) -> dict[str, Any]:
    """The form with something typed in one field alone."""
    return form.fields | {name: other_of(form, name, form.fields.get(name, [""])[0], turn)}


def first_moves(form: PageForm) -> Iterator[dict[str, Any]]:
    """What the first may do: as little as is taken, so that most of what the second types is disputed by nobody."""
    for name, kind in form.kinds.items():
        if kind in SEEN_AS_TYPED | {"select"} and not EXACT.search(name):
            yield one_field(form, name, 1)
    for kinds in FILLED:
        yield typed(form, 1, kinds)


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u202f\xa0]", "", text)


def untold(late, form: PageForm, data: dict[str, Any]) -> list[str]:
    """The fields in which the second typed something that the page of the conflict does not say."""
    told = squeezed(unescape(re.sub(r"<input[^>]*>", "", late.content.decode())))
    found = []
    for name, value in data.items():
        is_typed = form.kinds.get(name) in SEEN_AS_TYPED and value != form.fields.get(name, [""])[0]
        if is_typed and isinstance(value, str) and value and squeezed(value).removesuffix(",00") not in told:
            found.append(f"{name}={value}")
    return found


def without_field(client, address: str, form: PageForm, rank: int) -> list[str]:
    """What nobody disputes, and does not come back in a field of the page on which it was typed, or is not told there."""
    page = lxml.html.fromstring(client.get(address, follow=True).content.decode())
    names = set(page.xpath("//form//@name"))
    back = [item for text in page.xpath("//@data-not-saved") for item in json.loads(text)]
    placed = {kept for item in back for field, kept in item["names"].items() if field in names}
    placed |= {row["row"] + name for item in back for row in item["rows"] for name in row["fields"]}
    told = {name for names in page.xpath("//*[@data-told]//li/@data-names") for name in names.split()}
    lines = [line for item in client.session.get(not_saved.IN_SESSION, ()) for line in item["told"]]
    found = [f"{label} is told nowhere" for label, _text, names in lines if not told.issuperset(names)]
    is_there = form_again(client, address, form, rank) is not None  # what the first did may have closed it
    return found + [f"{name} has no field" for name in told - placed if is_there]


def told_of(people, address: str, form: PageForm, rank: int) -> list[str] | None:
    """What the page of a conflict leaves out; None where the second met none."""
    for step in range(len(list(first_moves(form)))):
        with taken_back():
            clients = [signed_in(person) for person in people]
            for client in clients:
                client.raise_request_exception = False
            forms = [form_again(client, address, form, rank) for client in clients]
            if None in forms:
                return None
            before = written_by_now()
            clients[0].post(forms[0].action, list(first_moves(forms[0]))[step])
            if written_by_now() == before:
                continue
            data = typed(forms[1], 2, FILLED[0])
            late = clients[1].post(forms[1].action, data, headers={"Referer": f"http://testserver{address}"})
            if late.status_code == 409:
                found = untold(late, forms[1], {name: item for name, item in data.items() if name in form.kinds})
                return found + without_field(clients[1], address, form, rank)
    return None


@pytest.mark.parametrize("pages", STAFF, ids=lambda pages: pages.__name__)
def test_all_that_the_second_typed_is_told_disputed_or_not(pages):
    met, wrong = set(), []
    for person, addresses in pages():
        for address in addresses:
            ranks: dict[str, int] = {}
            for form in forms_of(signed_in(person).get(address), address):
                rank = ranks[form.action] = ranks.get(form.action, -1) + 1
                key = key_of(form.action)
                if not form.action.startswith("/admin/") or not tokens_of(form) or key in met | NOT_MET:
                    continue
                found = told_of((person, colleague_of(person)), address, form, rank)
                if found is not None:
                    met.add(key)
                    wrong += [f"{key}: {item}" for item in found]
    assert set(PAGES[pages]) - met <= NOT_MET
    assert wrong == []
