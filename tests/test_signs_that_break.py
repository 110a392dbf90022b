"""What nobody types by hand, in every address and every field of the portal, is answered: never by an error 500.

"²" is a digit to ``str.isdigit`` and no number to ``int``; NUL has no place in any column of the database.
"""

import re
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.forms import DateField, DateTimeField, Form, IntegerField, SplitDateTimeField
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from agreements.admin.forms import LinesForm
from agreements.line_problems import _amount_problems
from agreements.models import ExpenditureLine
from config.wsgi import application
from core.admin.base import EssorChangeList
from core.engine.readable import SentOnce, Unreadable, readable_fields, refuse_other_rows
from core.lib.telephones import normal_number
from core.money import MAX_AMOUNT, EuroField
from core.roles import Role
from core.text import PastedTextMixin
from core.workbooks.values import CellRefused, to_date, to_money, to_text
from grants.rules.answers import normalise, parse_amount, problems_of
from grants.rules.conditions import ApplicantFacts, FormFacts
from grants.rules.schema import Question, QuestionKind, Text
from tests.factories.agreements import add_line, in_force, opened
from tests.factories.core import UserFactory
from tests.factories.grants import filed, filled_draft
from tests.factories.instruction import CaseFactory, staff
from tests.forms import PageForm, forms_of
from tests.grants.test_conditions import BASE
from tests.test_days_of_forms import forms_of_essor
from tests.test_writing_views import (
    change,
    key_of,
    portal_pages_of_agreements,
    portal_pages_of_applicants,
    portal_pages_of_cases,
    staff_pages_of_cases,
    tokens_of,
)

ROOT = Path(__file__).resolve().parent.parent
APPS = ("core", "applicants", "grants", "agreements", "reporting")
SIGN = "²"
LEAVES = ("core:logout", "core.views.account.sign_out")


def pages_of_drafts():
    draft = filled_draft()
    address = f"/mes-dossiers/{draft.public_id}/formulaire/"
    steps = [f"{address}{section.code}/" for section in draft.rules.sections]
    yield draft.created_by, [*steps, f"/mes-dossiers/nouveau/{draft.call.code}/"]


PAGES = (
    pages_of_drafts,
    portal_pages_of_applicants,
    portal_pages_of_cases,
    portal_pages_of_agreements,
    staff_pages_of_cases,
)
QUERY = ("next", "seen", "page", "p", "q", "applicant", "token", "o", "check", "action", "etat", "programme", "what")
SAMPLES = {"int": "1", "uuid": str(uuid.UUID(int=1)), "slug": "a", "path": SIGN, "str": SIGN, "drf_format_suffix": ""}
CHARSETS = ("utf-7", "unicode_escape", "utf-16")
_PLACE = re.compile(r"<(?:(\w+):)?\w+>")


def routes(samples: dict[str, str], patterns=None, before: str = "") -> Iterator[tuple[str, object]]:
    """Every address of the product that is written with converters, with a sample in each place, and its view."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        route = before + str(pattern.pattern).removeprefix("^")
        if not isinstance(pattern, URLPattern):
            yield from routes(samples, pattern.url_patterns, route)
        elif not re.search(r"[\\^$(]", route):
            yield "/" + _PLACE.sub(lambda place: samples[place[1] or "str"], route), pattern.callback


def reader_of(view) -> object:
    """What reads the path and the query: one address of each is tried. Lists of the staff site have their own filters."""
    inner = view
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    owner = getattr(inner, "__self__", None)
    if not isinstance(owner, admin.ModelAdmin):
        return inner
    return inner.__func__, type(owner).get_object, type(owner).get_queryset


def signed_in(user) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def head(db) -> Client:
    return signed_in(UserFactory(head_of_service=True))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "of_theirs"),
    [
        ("applicant", r"/(?!admin)"),
        ("administrator", r"/admin/(core|applicants)/"),
        ("head_of_service", r"/admin/(?!core|applicants)"),
    ],
)
def test_every_reader_of_an_address_answers(role, of_theirs):
    client = signed_in(UserFactory(**{role: True}))
    found = {reader_of(view): route for route, view in routes(SAMPLES) if re.match(of_theirs, route)}
    assert len(found) > 40
    query = dict.fromkeys(QUERY, SIGN)
    assert [route for route in found.values() if client.get(route, query).status_code >= 500] == []


def test_every_filter_of_a_list_answers(head):
    """One list for each class of filter that the product wrote, and one for a filter of Django."""
    lists = {}
    for model, model_admin in admin.site._registry.items():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        lists |= {
            chosen: (address, chosen.parameter_name)
            for chosen in model_admin.list_filter
            if hasattr(chosen, "parameter_name")
        }
    assert len(lists) > 4
    tried = [*lists.values(), (reverse("admin:grants_application_changelist"), "state__exact")]
    assert [where for where in tried if head.get(where[0], {where[1]: SIGN}).status_code >= 500] == []


OUT_OF_RANGE = {
    models.DateField: {
        "year": ["99999", "9999", "0", "-1", SIGN],
        "month": ["99", SIGN],
        "day": ["99"],
        "gte": ["99999-01-01", "0000-00-00", SIGN],
        "range": ["1,2,3", "2026-01-01"],
        "exact": ["9999-12-31", "1"],
        "isnull": ["²"],
        "nonsense": ["1"],
    },
    models.IntegerField: {"exact": ["9" * 30, SIGN], "gte": ["-" + "9" * 30], "in": ["a,b"]},
    models.DecimalField: {"gte": ["1e400", "NaN", SIGN], "exact": ["9" * 40]},
    models.CharField: {"regex": ["["], "exact": ["x" * 5000], "year": ["1"]},
    models.BooleanField: {"exact": ["2026"]},
    models.ForeignKey: {"exact": ["9" * 30], "id__exact": ["9" * 30, SIGN], "in": ["9" * 30]},
}
OF_THE_LIST = [
    {"p": "9" * 30}, {"p": "-1"}, {"p": "0"}, {"p": SIGN}, {"o": "9" * 30}, {"o": "-.²"}, {"all": SIGN}, {"pk__in": SIGN},
]  # fmt: skip


def absurd_queries(model_admin) -> Iterator[dict[str, str]]:
    """One field of each kind, of the list and of its hierarchy of dates, with what no such field holds."""
    yield from OF_THE_LIST
    fields = {
        kind: item for item in model_admin.opts.concrete_fields for kind in OUT_OF_RANGE if isinstance(item, kind)
    }
    names = [(item.name, lookups) for kind, lookups in OUT_OF_RANGE.items() if (item := fields.get(kind))]
    names += [(name, OUT_OF_RANGE[models.DateField]) for name in {model_admin.date_hierarchy} if name]
    for name, lookups in names:
        yield from ({f"{name}__{lookup}": value} for lookup, values in lookups.items() for value in values)
    if by_days := model_admin.date_hierarchy:
        yield {f"{by_days}__year": "9999", f"{by_days}__month": "12"}
        yield {f"{by_days}__year": "1", f"{by_days}__month": "1", f"{by_days}__day": "1"}
        yield {f"{by_days}__year": "2026", f"{by_days}__month": "2", f"{by_days}__day": "30"}


@pytest.mark.django_db
@pytest.mark.parametrize("app", APPS)
def test_every_list_of_the_staff_answers_a_filter_out_of_range(app, rf):
    """The years 99999 and 9999, the month 99, page -1: the list is made, or says that it cannot read the filter."""
    user = UserFactory(administrator=True, is_superuser=True)
    broken = []
    lists = [item for model, item in admin.site._registry.items() if model._meta.app_label == app]
    for model_admin in lists:
        assert issubclass(model_admin.get_changelist(rf.get("/")), EssorChangeList), model_admin
        for query in absurd_queries(model_admin):
            request = rf.get("/", query)
            request.user, request.session, request._messages = user, {}, SimpleNamespace(add=lambda *_words: None)
            try:
                found = model_admin.get_changelist_instance(request)
                list(found.result_list[:1])
            except (IncorrectLookupParameters, DisallowedModelAdminLookup):
                pass
            except Exception as error:
                broken.append((model_admin.opts.label, query, repr(error)))
    assert len(lists) > 2 and broken == []


@pytest.mark.parametrize("value", ["99999", "0"])
def test_a_filter_that_nothing_reads_is_left_out_with_a_word(head, value):
    cases = reverse("admin:grants_application_changelist")
    answer = head.get(cases, {"created_at__year": value}, follow=True)
    assert answer.status_code == 200 and "que rien ne lit" in answer.text
    by_days = reverse("admin:core_event_changelist")
    administrator = signed_in(UserFactory(administrator=True))
    for query in ({"created_at__year": value}, {"created_at__year": "9999"}):
        told = administrator.get(by_days, query, follow=True)
        assert told.status_code == 200 and "que rien ne lit" in told.text


def everything_typed(form: PageForm) -> dict:
    """The form with the sign in every field, as sent from a page of now."""
    boxes = dict.fromkeys([name for name, _value in [*form.boxes, *form.buttons]], SIGN)
    return boxes | dict.fromkeys(form.fields, SIGN) | {name: form.fields[name] for name in tokens_of(form)}


@pytest.mark.django_db
@pytest.mark.parametrize("pages", PAGES, ids=lambda pages: pages.__name__)
def test_every_form_answers(pages):
    seen = {}
    for user, addresses in pages():
        client = signed_in(user)
        for address in addresses:
            for form in forms_of(client.get(address, follow=True), address):
                key = (key_of(form.action), tuple(sorted(re.sub(r"[0-9]+", "0", name) for name in form.fields)))
                if key[0] not in LEAVES and key not in seen:
                    seen[key] = client.post(form.action, everything_typed(form)).status_code
    assert len(seen) > 4
    assert [key for key, status in seen.items() if status >= 500] == []


def test_what_no_page_sends_is_said_in_words(head):
    """NUL in the path, the query, the keys of the staff site, a cookie; encodings that are none; rows of no list."""
    administrator = signed_in(UserFactory(administrator=True))
    cases = reverse("admin:grants_application_changelist")
    nul = [route for route, _view in routes(SAMPLES | {"path": "a%00", "str": "a%00"}) if "%00" in route][::9]
    assert len(nul) > 10 and {head.get(route).status_code for route in [*nul, f"{cases}a_00/change/"]} == {404}
    bad = [
        head.get("/", {"q": "a\0"}),
        administrator.get(reverse("admin:core_retention_download"), {"q": SIGN, "foo": "1"}),
        head.get(reverse("admin:applicants_applicant_export"), {"foo": SIGN}),
        head.post(cases, {"action": "assign_to", "_selected_action": SIGN}),
        *(head.generic("POST", "/", b"x", f"multipart/form-data; boundary=x; charset={name}") for name in CHARSETS),
        *(head.get("/", {"a": "b"}, CONTENT_TYPE=f"text/plain; charset={name}") for name in CHARSETS),
    ]
    told = ["incomplet" not in answer.text for answer in bad]
    assert ([answer.status_code for answer in bad], told) == ([400] * len(bad), [True] * len(bad)), (
        "each says what it was"
    )
    nobody = Client(raise_request_exception=False).get(cases, headers={"Cookie": r'sessionid="\000aaaaaaaa"'})
    assert nobody.status_code == 302, "a session of that name is none"


def test_an_encoding_of_no_text_is_refused_as_the_others(rf):
    environ = rf.get("/", {"q": "é"}).environ | {"CONTENT_TYPE": "text/plain; charset=hex"}
    assert application.request_class(environ).GET.dict() == {"q": "é"}
    with pytest.raises(Unreadable):
        readable_fields(application.request_class(environ), {})


@pytest.mark.django_db
@pytest.mark.parametrize("value", [SIGN, "http://[", "bytes=²-", '"²', "\xff"])
def test_every_header_that_is_read_answers(value):
    client = signed_in(UserFactory(applicant=True))
    names = (
        "Referer Origin If-None-Match If-Modified-Since Range Accept Accept-Language HX-Request HX-Current-URL Cookie"
    )
    answers = [client.post("/mon-compte/", {"first_name": SIGN}, headers={name: value}) for name in names.split()] + [
        client.get(address, headers={name: value}) for name in names.split() for address in ("/", "/api/v1/calls/")
    ]
    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []


def test_a_file_of_any_name_is_taken_or_refused(head):
    case = filed()
    client = signed_in(case.created_by)
    page = f"/ma-structure/{case.applicant_id}/comptes/nouveau/"
    for name in (
        "filename*=utf-8''a%00%ED%A0%80.pdf",
        "filename*=foo''a.pdf",
        'filename="\x00²\xff.pdf"',
        'filename="²',
    ):
        body = f'--x\r\nContent-Disposition: form-data; name="proof"; {name}\r\n\r\n%PDF\r\n--x--\r\n'
        answer = client.post(page, body.encode("latin-1"), content_type="multipart/form-data; boundary=x")
        assert answer.status_code < 500, name


@pytest.mark.django_db
def test_a_bare_word_is_no_address_to_go_back_to():
    case = filed()
    client = signed_in(case.created_by)
    page = f"/ma-structure/{case.applicant_id}/modifier/"
    form = next(form for form in forms_of(client.get(page)) if "email" in form.fields)
    answer = client.post(page, form.fields | {"next": "foo"})
    assert (answer.status_code, answer.url) == (302, f"/ma-structure/{case.applicant_id}/")


@pytest.mark.django_db
def test_a_message_loses_the_sign_that_nobody_sees_and_nothing_else():
    case = filed()
    client = signed_in(case.created_by)
    client.post(f"/mes-dossiers/{case.public_id}/messages/", {"body": "Bon\0jour ²"})
    assert case.messages.get().body == "Bonjour ²"


def test_nothing_takes_a_sign_for_a_digit():
    """``core.text.is_number`` is the one test of what ``int`` is then given."""
    found = []
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if ".isdigit(" in (text := path.read_text(encoding="utf-8")) or ".isnumeric(" in text:
                found.append(str(path.relative_to(ROOT)))
    assert found == []


@pytest.mark.parametrize("amount", ["100 000 000 000", "1" * 15, "1" * 400])
def test_one_rule_says_what_is_no_plausible_amount(amount):
    with pytest.raises(ValidationError):
        EuroField().clean(amount)
    with pytest.raises(CellRefused):
        to_money(amount)
    assert parse_amount(amount) is None
    assert "trop élevé" in _amount_problems({"declared_amount": Decimal(amount.replace(" ", ""))})["declared_amount"]


@pytest.mark.django_db
def test_the_database_refuses_an_invoice_of_no_plausible_amount():
    agreement, house = in_force()
    line = add_line(opened(agreement, house), house)
    with pytest.raises(IntegrityError, match="expenditure_invoice_is_plausible"):
        ExpenditureLine.objects.filter(pk=line.pk).update(invoice_total=MAX_AMOUNT + 1)


@pytest.mark.parametrize("raw", [1e308, float("inf"), float("nan")])
def test_a_cell_of_any_size_is_read_or_refused(raw):
    with pytest.raises(CellRefused):
        to_money(raw)
    assert to_text(raw)


def test_digits_of_other_scripts_are_no_amount():
    with pytest.raises(ValidationError):
        EuroField().clean("٣")
    assert EuroField().clean("99 999 999 999,99") == MAX_AMOUNT


@pytest.mark.parametrize(
    ("kind", "typed"), [("integer", "٣"), ("money", "٣"), ("date", "٣/12/2026"), ("phone", "٠" * 10)]
)
def test_digits_of_other_scripts_are_no_answer(kind, typed):
    question = Question("x", QuestionKind(kind), Text("X"))
    assert problems_of(question, normalise(question, typed), FormFacts({}, ApplicantFacts(), BASE))


@pytest.mark.parametrize(("reads", "typed"), [(to_date, "٠١/٠١/٢٠٢٦"), (to_money, "٣"), (normal_number, "٠٣٢٦٠٠٠٠٠٠")])
def test_digits_of_other_scripts_are_no_cell(reads, typed):
    with pytest.raises((CellRefused, ValidationError)):
        reads(typed)


def test_every_field_of_a_number_or_a_day_takes_the_digits_0_to_9_alone():
    """Forms of Essor, and those that the staff site makes of its models."""
    written = IntegerField | DateField | DateTimeField | SplitDateTimeField
    forms = [form for form in forms_of_essor() if any(isinstance(f, written) for f in form.base_fields.values())]
    assert {form.__qualname__ for form in forms if not issubclass(form, PastedTextMixin)} == set()
    own = [one for one in admin.site._registry.values() if one.opts.app_label in APPS and one.change_roles]
    assert own and {str(one) for one in own if not issubclass(one.form, PastedTextMixin)} == set()


class Counted(PastedTextMixin, Form):
    jobs, day = IntegerField(), DateField()


def test_a_form_says_which_digits_to_write():
    assert Counted({"jobs": "3", "day": "01/12/2026"}).is_valid()
    errors = Counted({"jobs": "٣", "day": "٠١/12/2026"}).errors
    assert errors["jobs"] == ["Écrivez-le avec les chiffres 0 à 9."]
    assert errors["day"]


@pytest.mark.parametrize("sent", ["amount-²=5", "reason-66=Coupe", "amount-7=5&amount-7=6"])
def test_rows_of_another_page_are_not_passed_over(sent):
    line = SimpleNamespace(pk=7, rank=1, declared_amount=MAX_AMOUNT, certified_amount=None, certified_reason="")
    known = LinesForm(lines=[line]).fields
    refuse_other_rows(QueryDict("amount-7=5&reason-7=&comment=a&comment=b"), "(amount|reason)-.*", known)
    with pytest.raises(Unreadable):
        refuse_other_rows(QueryDict(sent), "(amount|reason)-.*", known)


@pytest.mark.django_db
def test_a_line_or_a_criterion_of_another_case_is_refused():
    officer = staff(Role.INSTRUCTOR)
    case = CaseFactory(state="in_instruction", instructor=officer)
    client = signed_in(officer)
    found = {}
    for form in forms_of(client.get(change(case))):
        if row := next((name for name in form.fields if re.match("(line|score)-", name)), None):
            kind = row.partition("-")[0]
            found[kind] = client.post(form.action, form.fields | {f"{kind}-0": "5"}).status_code
    assert found == {"line": 400, "score": 400}


def test_one_value_of_a_field_that_came_twice_is_read_by_nobody():
    """A form, a view, a cell; boxes and lists are read as lists, and what is the same twice is one."""
    sent = SentOnce("day=01/01/2026&day=02/01/2026&box=1&box=2&same=a&same=a")
    for read in (lambda: sent["day"], lambda: sent.get("day"), lambda: Counted(sent).is_valid()):
        with pytest.raises(Unreadable, match="day"):
            read()
    assert (sent.getlist("box"), sent["same"], sent.get("none", "")) == (["1", "2"], "a", "")
    assert sent.copy()["day"] == "02/01/2026"  # a view that makes its own data of it knows what it does


@pytest.mark.django_db
def test_a_field_of_the_portal_that_came_twice_changes_nothing():
    agreement, house = in_force()
    claim = opened(agreement, house)
    client = signed_in(house.member)
    address = reverse("agreements:claim", args=[claim.number])
    form = next(form for form in forms_of(client.get(address)) if "claimed_amount" in form.fields)
    action = reverse("agreements:claim_amount", args=[claim.number])
    answer = client.post(action, form.fields | {"claimed_amount": ["100,00", "1,00"]})
    assert answer.status_code == 400 and "deux fois" in answer.content.decode()
    assert type(claim).objects.get(pk=claim.pk).claimed_amount == claim.claimed_amount
    profile = {"first_name": ["Anne", "Ève"], "last_name": "Roy", "phone": "", "language": "fr"}
    assert client.post(reverse("core:profile"), profile).status_code == 400


@pytest.mark.django_db
def test_more_than_a_page_may_hold_is_refused_in_words(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    client.force_login(UserFactory(applicant=True))
    answer = client.post(
        reverse("core:profile"), "first_name=" + "x" * 2000, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 400 and "dépasse" in answer.content.decode()
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000, 5
    answer = client.post(reverse("core:profile"), {f"z{rank}": "1" for rank in range(9)})
    assert answer.status_code == 400 and "dépasse" in answer.content.decode()
