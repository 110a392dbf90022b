"""Every address of Essor, tried by those it is not for: strangers, applicants without a case, auditors.

The addresses come from the resolver and the admin's registry: a new one is tried at once.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, get_resolver, resolve, reverse

from applicants.models import JoinRequest
from core.documents import store
from core.history import history_model_of, tracked_models
from core.jobs import submit
from core.models import Document, Event, Job, User
from core.roles import Role
from core.transitions import transitions_of, workflow_models
from core.views.resume import PREFIX
from tests.factories import reporting
from tests.factories.applicants import DeMinimisAidFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, staff

pytestmark = pytest.mark.django_db

SECRET = "Ferme du Val Caché"
# What everybody may read, whoever they are.
PUBLIC = {
    "api-call-detail", "api-call-list", "api-docs", "api-operation-detail", "api-operation-list",
    "api-programme-detail", "api-programme-list", "api-schema",
    "accessibility", "activate", "brand", "catalogue", "health", "home", "legal", "login", "logo", "logout",
    "password_reset", "password_reset_confirm", "password_reset_done", "privacy", "programme", "resume",
    "set_language", "signup", "signup_done",
}  # fmt: skip
REFUSED = {302, 401, 403, 404, 405, 410}  # 410: the link of an opinion that nobody was asked for


@dataclass(frozen=True)
class World:
    """One case from end to end, which belongs to somebody."""

    owner: User
    values: dict[str, dict[str, Any]]


@pytest.fixture
def world() -> World:
    chain = reporting.cofinanced("ESF+", title=SECRET)
    reporting.controlled(chain, "1000.00")
    reporting.applied(chain)
    agreement, case, house = chain.agreement, chain.agreement.application, chain.house
    applicant, claim = case.applicant, agreement.claims.first()
    applicant.name = f"Association {SECRET}"
    applicant.save()
    document = store(pdf("x"), name=f"{SECRET}.pdf", subject=case, user=house.member)
    job = submit("report.cofinancing", parameters={}, user=house.finance)
    aid = DeMinimisAidFactory(applicant=applicant)
    member = applicant.memberships.get(user=house.member)
    asked = JoinRequest.objects.create(applicant=applicant, user=UserFactory(applicant=True))
    numbers = {"number": agreement.number, "rank": 1, "code": "kbis", "pk": 1}
    return World(
        house.member,
        {
            "travaux/": {"pk": job.pk},
            "documents/": {"pk": document.pk},
            "ma-structure/": {"pk": applicant.pk, "member_pk": member.pk, "invitation_pk": 1, "request_pk": asked.pk,
                              "aid_pk": aid.pk, "token": "x", "number": applicant.siret, "name": "accept"},
            "mes-dossiers/": {"public_id": case.public_id, "section_code": "project", "code": "statutes",
                              "piece_id": 1, "call_code": case.call.code},
            "dossier/": {"number": case.number},
            "conventions/": numbers,
            "versements/": numbers | {"number": claim.number},
            "avis/": {"token": "x", "piece_id": 1},
            "api/": {"public_id": case.public_id, "code": chain.operation.code, "format": "json"},
        },
    )  # fmt: skip


def patterns(resolver: Any = None, prefix: str = "", spaces: tuple[str, ...] = ()) -> Iterator[tuple[str, str, tuple]]:
    """(route, name, namespaces) of every address."""
    for item in (resolver or get_resolver()).url_patterns:
        route = prefix + str(item.pattern)
        if isinstance(item, URLPattern):
            yield route, item.name or "", spaces
        else:
            yield from patterns(item, route, (*spaces, item.namespace) if item.namespace else spaces)


def portal_addresses(world: World) -> list[tuple[str, str]]:
    """(name, address) of every page outside of the staff site, on the rows of the world."""
    found = []
    for route, name, spaces in patterns():
        if route.startswith("admin/") or not name:
            continue
        values = next((values for prefix, values in world.values.items() if route.startswith(prefix)), {})
        wanted = re.findall(r"<(?:\w+:)?(\w+)>", route)
        values = {key: values.get(key, "x") for key in wanted}
        try:
            found.append((name, reverse(":".join((*spaces, name)), kwargs=values)))
        except NoReverseMatch as problem:
            raise AssertionError(f"Tell this test how to fill {route}") from problem
    assert len(found) > 60
    return found


def rows() -> list[tuple[Any, models.Model | None]]:
    """Every admin class of Essor with a row where there is one."""
    return [
        (admin_class, model._base_manager.order_by("pk").first())
        for model, admin_class in admin.site._registry.items()
        if model._meta.app_label != "auth"
    ]


def staff_addresses() -> Iterator[tuple[str, str]]:
    """(page, address) of the staff site: the usual pages of each model, and each further one."""
    for admin_class, row in rows():
        prefix = f"admin:{admin_class.opts.app_label}_{admin_class.opts.model_name}"
        pk = row.pk if row else 1
        for page in ("changelist", "add"):
            yield page, reverse(f"{prefix}_{page}")
        for page in ("change", "delete", "history"):
            yield page, reverse(f"{prefix}_{page}", args=[pk])
        for spec in transitions_of(admin_class.model):
            yield f"{spec.audience} transition", reverse(f"{prefix}_transition", args=[pk, spec.name])
    for route, _name, _spaces in patterns():
        if route.startswith("admin/") and route.endswith(("/import/", "/export/", "/do/<slug:action>/", "/workbook/")):
            yield route.split("/")[-2].strip("<>").split(":")[-1], "/" + filled(route)
    yield "index", reverse("admin:index")
    yield "badges", "/admin/badges/"
    yield "let-go", "/admin/not-saved/"


def filled(route: str) -> str:
    return re.sub(r"<(?:int:|path:)\w+>", "1", route).replace("<slug:action>", "take").replace("<str:name>", "take")


def facts() -> dict[str, int]:
    """How many lines of history, events and jobs there are: what changes when anything is changed."""
    counts = {model._meta.label: history_model_of(model).objects.count() for model in tracked_models()}
    return counts | {"events": Event.objects.count(), "jobs": Job.objects.count(), "files": Document.objects.count()}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


# --- nobody ----------------------------------------------------------------------------------------------------------


def test_a_visitor_reads_what_is_public_and_nothing_else(world):
    client, before = Client(), facts()
    for name, address in portal_addresses(world):
        for response in (client.get(address), client.post(address)):
            if name in PUBLIC:
                assert SECRET not in response.text, address
            else:
                assert response.status_code in REFUSED, f"{address} answers {response.status_code}"
    for page, address in staff_addresses():
        response = client.get(address)
        assert response.status_code in REFUSED, f"{page} {address} answers {response.status_code}"
        # Somebody whose session ended while they typed: the page to sign in carries it, whatever the address.
        response = client.post(address, {"note": "Appelé la trésorière"})
        assert response.status_code == 401, f"{page} {address} answers {response.status_code}"
        assert f'name="{PREFIX}note" value="Appelé la trésorière"' in response.text, f"{page} {address} loses the text"
    assert facts() == before


def test_every_form_of_every_page_shows_what_the_server_sent(world):
    """A browser that goes back fills a form with what stood in it before, beside the versions of now."""
    administrator = signed_in(UserFactory(administrator=True))
    pages = [(signed_in(world.owner), name, address) for name, address in portal_addresses(world) if name != "logout"]
    pages += [(administrator, page, address) for page, address in staff_addresses() if page in ("change", "index")]
    seen = 0
    for client, name, address in pages:
        answer = client.get(address)
        if answer.streaming:
            b"".join(answer)
            continue
        if not answer.headers.get("Content-Type", "").startswith("text/html"):
            continue
        forms = re.findall(r"<form\b[^>]*>", answer.text)
        assert all(' autocomplete="off"' in form for form in forms), f"{name} {address}"
        scripts = [script for script in re.findall(r"essor/([\w-]+)\.js", answer.text) if script != "staff"]
        assert scripts[:3] in (["typed", "fields", "as-sent"], []), f"{name} {address}: {scripts}"
        seen += len(forms)
    assert seen > 100


# --- where only posts are taken -----------------------------------------------------------------------------------


def further_addresses() -> Iterator[tuple[str, type[models.Model], Callable, str]]:
    """(route, model, view, address of the page that it belongs to) of what admin classes put beside Django's pages."""
    for admin_class, row in rows():
        for pattern in admin_class.essor_urls():
            prefix = f"admin:{admin_class.opts.app_label}_{admin_class.opts.model_name}"
            of_row = "object_id" in str(pattern.pattern)
            if of_row and row is None:
                continue
            page = reverse(f"{prefix}_change", args=[row.pk]) if of_row else reverse(f"{prefix}_changelist")
            start = reverse(f"{prefix}_changelist") + filled(str(pattern.pattern).replace("<int:object_id>", "{pk}"))
            yield admin_class.opts.label, pattern.callback, page, start.format(pk=row.pk if row else "")


def test_whoever_comes_to_read_where_only_posts_are_taken_lands_on_the_page_of_the_row(world):
    agenda(SessionFactory(), CaseFactory(state="scheduled", number="PROG-2025-1"))
    clients = [signed_in(UserFactory(**{role: True})) for role in ("administrator", "auditor")]
    clients += [signed_in(staff(role)) for role in (Role.INSTRUCTOR, Role.COMMITTEE_SECRETARY)]
    clients += [signed_in(UserFactory(roles=[role])) for role in (Role.FINANCE_OFFICER, Role.EU_CONTROLLER)]
    seen = set()
    for label, view, page, address in further_addresses():
        answers = [client.get(address) for client in clients]
        assert not {answer.status_code for answer in answers} & {405}, f"use `posted` of the admin class: {address}"
        if not getattr(view, "only_takes_posts", False):
            continue
        assert page in {answer.headers.get("Location") for answer in answers}, f"{address} leads nowhere"
        seen.add(label)
    assert seen >= {"grants.Application", "grants.CommitteeSession", "agreements.PaymentClaim", "core.User"}


def test_whoever_comes_to_read_where_the_portal_only_takes_posts_lands_on_its_page(world):
    """The browser stands at such an address after a refused form: it asks for it again in another language, after a new
    sign-in, on the way back."""
    client, before, seen = signed_in(world.owner), facts(), set()
    for name, address in portal_addresses(world):
        if name == "document":  # a stream
            continue
        answer = client.get(address)
        assert answer.status_code != 405 or name.startswith("api-"), f"use `posts_to`: {address}"
        if not getattr(resolve(address).func, "only_takes_posts", False):
            continue
        assert answer.status_code == client.head(address).status_code == 302, address
        page = client.get(answer.headers["Location"], follow=True)
        of_another = name == "job_cancel"  # the job of somebody in the house
        assert page.status_code == (404 if of_another else 200), f"{address} leads to {answer.headers['Location']}"
        seen.add(name)
    assert seen >= {"claim_submit", "line_remove", "sign", "submit", "add_piece", "complete", "logout", "job_cancel"}
    assert client.get(reverse("core:profile")).status_code == 200, "reading signs nobody out"
    assert facts() == before


def test_an_address_that_only_takes_posts_is_made_by_one_door():
    """What refuses to be read is told to the two above by its mark."""
    for path in [*Path("core/admin").glob("*.py"), *Path().glob("*/admin/*.py"), *Path().glob("*/views/*.py")]:
        source = path.read_text()
        assert "require_POST" not in source, path
        assert not re.search(r'method != "POST"[^\n]*:\n\s+raise Http404', source), path


# --- an applicant with nothing ----------------------------------------------------------------------------------


def test_an_applicant_without_cases_finds_nothing_of_others(world):
    stranger = UserFactory(applicant=True)
    client, before = signed_in(stranger), facts()
    for name, address in portal_addresses(world):
        # Signing out ends the walk; whoever knows the public number of an organisation is told its public name.
        if name in {"logout", "set_language", "join"}:
            continue
        methods = (client.get,) if name in {"new_legal", "new_natural", "profile", "start"} else (
            client.get, client.post,
        )  # fmt: skip
        for method in methods:
            response = method(address)
            assert response.status_code < 500, address
            assert SECRET not in response.text, f"{address} tells of another one's case"
    for page, address in staff_addresses():
        for response in (client.get(address), client.post(address)):
            assert response.status_code in REFUSED, f"{page} {address} answers {response.status_code}"
    assert facts() == before


def test_the_owner_does_find_the_case(world):
    """The walk above would see the case if it were shown."""
    client = signed_in(world.owner)
    pages = {name: client.get(address) for name, address in portal_addresses(world) if name in {"case", "agreement"}}
    assert {name: page.status_code for name, page in pages.items()} == {"case": 200, "agreement": 200}
    assert all(SECRET in page.text for page in pages.values())


# --- an auditor ----------------------------------------------------------------------------------------------------


@pytest.fixture
def auditor() -> Client:
    return signed_in(UserFactory(auditor=True))


WRITES = re.compile(r'<(?:button|input)[^>]*name="(?:_save|_continue|_addanother|_import)"|/delete/"|/add/"')
BARE_AMOUNT = re.compile(r"(?<![\d,.])\d{4,},\d\d(?!\d)")
"""Thousands that are not apart: 19700,00."""


def test_an_auditor_reads_every_page_and_finds_no_button(world, auditor):
    seen = 0
    for admin_class, row in rows():
        prefix = f"admin:{admin_class.opts.app_label}_{admin_class.opts.model_name}"
        pages = [reverse(f"{prefix}_changelist")]
        if row is not None:
            pages += [reverse(f"{prefix}_change", args=[row.pk]), reverse(f"{prefix}_history", args=[row.pk])]
        for address in pages:
            response = auditor.get(address)
            assert response.status_code == 200, f"{address} answers {response.status_code}"
            assert not WRITES.search(response.text), f"{address}: {WRITES.search(response.text).group()}"
            bare = BARE_AMOUNT.search(re.sub(r"<[^>]*>", " ", response.text))
            assert not bare, f"{address} shows an amount as no one writes it: {bare.group()}"
            seen += 1
    assert seen > 100


def test_an_auditor_changes_nothing(world, auditor):
    before = facts()
    for page, address in staff_addresses():
        if page in {
            "changelist",
            "index",
            "badges",
            "let-go",
            "history",
            "export",
            "workbook",
        }:  # reads, or of one's session
            continue
        response = auditor.post(address, {"comment": "x", "_save": "1", "post": "yes", "reason": "x"})
        refused = {302, 404} if page == "system transition" else {403, 404, 405}  # sent back: it happens by itself
        assert response.status_code in refused, f"{page} {address} answers {response.status_code}"
        if page in {"add", "delete", "import"}:
            assert auditor.get(address).status_code in {403, 404}, address
    for admin_class, row in rows():
        actions = admin_class.get_actions(auditor.get("/admin/").wsgi_request) if row else {}
        for name in actions:
            address = reverse(f"admin:{admin_class.opts.app_label}_{admin_class.opts.model_name}_changelist")
            auditor.post(address, {"action": name, "_selected_action": [row.pk]})
    assert facts() == before


def test_every_transition_has_its_page_in_the_staff_site_or_the_portal():
    """What an auditor was refused above is all that there is."""
    unseen = {
        model._meta.label
        for model in workflow_models(apps.get_models())
        if model not in admin.site._registry and any(spec.audience == "staff" for spec in transitions_of(model))
    }
    assert unseen == set()
