"""On a slow line a page can be typed in seconds before its scripts are there: nothing of it is wiped or said to be saved."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.factories.agreements import in_force, opened
from tests.factories.applicants import MembershipFactory, pdf
from tests.journeys.test_application_form import drafted, person, saved

pytestmark = pytest.mark.django_db(transaction=True)
TYPED = "Nous formons trente personnes"


@contextmanager
def scripts_on_their_way(page: Page, address: str) -> Iterator[None]:
    """The page without its scripts, but the small one without which it is not seen; they arrive when the block ends."""
    held, released = [], []

    def hold(route):
        route.continue_() if released or "/typed" in route.request.url else held.append(route)

    page.route(re.compile(r"/static/.*\.js"), hold)
    page.goto(address, wait_until="commit")
    yield
    assert held
    released.append(True)
    for route in list(held):
        route.continue_()
    page.wait_for_load_state("load")


def test_an_answer_typed_before_the_scripts_stays_and_is_saved(journey):
    application = drafted(journey, "projet")
    page = journey.page
    saved_before = page.locator("[data-status]").inner_text()
    with scripts_on_their_way(page, page.url):
        page.locator("#q-need").click()
        page.locator("#q-need").press_sequentially(TYPED)
    saved(page)
    assert page.locator("[data-status]").inner_text() != saved_before
    expect(page.locator("#q-need")).to_have_value(re.compile(TYPED))
    application.refresh_from_db()
    assert TYPED in application.answers["need"]


def test_what_was_kept_on_the_device_is_offered_beside_what_was_typed_since(journey):
    application = drafted(journey, "projet")
    page = journey.page
    page.context.set_offline(True)
    page.fill("#q-need", "Écrit dans le train")
    expect(page.locator("[data-status]")).to_contain_text("Non enregistré", timeout=10_000)
    page.route("**/enregistrer/", lambda route: route.abort())  # before the line comes back, and the page tries again
    page.context.set_offline(False)
    page.on("dialog", lambda dialog: dialog.accept())
    address = page.url
    page.goto("about:blank")
    with scripts_on_their_way(page, address):
        page.locator("#q-need").click()
        page.locator("#q-need").press_sequentially(TYPED)
    told = page.locator("[data-moved]")
    expect(told).to_contain_text("Écrit dans le train")
    expect(page.locator("#q-need")).to_have_value(re.compile(TYPED))
    page.unroute("**/enregistrer/")
    told.get_by_role("button", name="Reprendre ma saisie").click()
    saved(page)
    application.refresh_from_db()
    assert application.answers["need"] == "Écrit dans le train"


def test_a_line_of_expenditure_keeps_its_lists_and_its_photograph(journey):
    agreement, house = in_force()
    claim, member = opened(agreement, house), person()
    MembershipFactory(applicant=agreement.beneficiary, user=member)
    journey.sign_in(member.email)
    page = journey.page
    with scripts_on_their_way(page, f"{journey.site}{reverse('agreements:line_add', args=[claim.number])}"):
        page.locator("[name=supplier_name]").click()
        page.locator("[name=supplier_name]").press_sequentially("Imprimerie du port")
        account = page.locator("select[name=account_code]")
        account.focus()
        page.keyboard.press("ArrowDown")
        chosen = account.input_value()
        page.locator("input[type=file]").first.set_input_files(
            {"name": "photo.pdf", "mimeType": "application/pdf", "buffer": pdf("photo")}
        )
    assert chosen
    expect(page.locator("[name=supplier_name]")).to_have_value("Imprimerie du port")
    expect(page.locator("select[name=account_code]")).to_have_value(chosen)
    assert page.locator("input[type=file]").first.evaluate("field => field.files.length") == 1


def test_a_page_that_the_small_script_never_reached_works_all_the_same(journey):
    application = drafted(journey, "projet")
    page = journey.page
    page.route("**/essor/typed*.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
    page.reload()
    page.fill("#q-need", TYPED)
    saved(page)
    application.refresh_from_db()
    assert application.answers["need"] == TYPED
