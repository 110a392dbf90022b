"""What was typed in the rows of a table, and met somebody else's change: it stands in the same rows again, wherever they are."""

import re

import pytest
from playwright.sync_api import Page, expect

from core.roles import Role
from tests.factories.instruction import EnvelopeFactory, staff
from tests.forms import form_to
from tests.grants.test_versions import signed_in
from tests.journeys.test_unsaved import answer, keep_theirs
from tests.rows import never_written

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def envelope():
    """An envelope with two years; the page shows the newest first."""
    found = EnvelopeFactory()
    for year in (2028, 2027):
        found.payment_credits.create(year=year, voted_amount="50000.00")
    return found


def colleague_saves(envelope, year: str) -> None:
    """Another officer adds a year, which moves all rows, and says otherwise how it is called."""
    client = signed_in(staff(Role.FINANCE_OFFICER, last_name="Bernard"))
    form = form_to(client.get(f"/admin/grants/envelope/{envelope.pk}/change/"), "/change/")
    rank = form.fields["payment_credits-TOTAL_FORMS"][0]
    row = {f"payment_credits-{rank}-year": year, f"payment_credits-{rank}-voted_amount": "111"}
    total = {"payment_credits-TOTAL_FORMS": str(int(rank) + 1)}
    typed = form.fields | row | total | {"label": f"Lib {year}", "change_reason": "Vote du 1."}
    assert client.post(form.action, typed).status_code == 302


def type_years(page: Page) -> None:
    """An amount in the first row, and a new row."""
    page.locator("[name=payment_credits-0-voted_amount]").fill("47000")
    page.locator("#payment_credits-group .add-row").click()
    page.locator("[name=payment_credits-2-year]").fill("2026")
    page.locator("[name=payment_credits-2-voted_amount]").fill("32000")
    page.locator("[name=label]").fill("Le mien")
    page.locator("[name=change_reason]").fill("Vote du 2.")


def save(page: Page) -> None:
    with page.expect_navigation():
        page.locator("[name=_save]").first.click()


def test_what_is_typed_in_rows_comes_back_in_the_same_rows_wherever_they_stand(journey, envelope):
    officer = staff(Role.FINANCE_OFFICER)
    journey.sign_in(officer.email)
    page, address = journey.page, f"/admin/grants/envelope/{envelope.pk}/change/"
    journey.go(address)
    type_years(page)
    colleague_saves(envelope, "2029")
    save(page)
    keep_theirs(page)
    told = page.locator("[data-told]")
    for _reading in range(2):
        expect(page.locator("[name=payment_credits-0-voted_amount]")).to_have_value("111,00")
        expect(page.locator("[name=payment_credits-1-voted_amount]")).to_have_value(re.compile(r"^47.?000(,00)?$"))
        expect(page.locator("[name=payment_credits-3-year]")).to_have_value("2026")
        expect(page.locator("[name=payment_credits-3-voted_amount]")).to_have_value(re.compile(r"^32.?000(,00)?$"))
        expect(page.locator("[name=payment_credits-4-year]")).to_have_count(0)
        expect(told.locator("[data-in-fields] li")).to_have_count(4)
        expect(told.locator("[data-without-field]")).to_be_hidden()
        page.reload()
    journey.see("conflict-of-rows-kept", fits=False)
    # Refused: the page shows what was sent, once, and tells it again.
    expect(page.locator("[name=payment_credits-3-year]")).to_have_value("2026")
    page.locator("[name=change_reason]").fill("")
    save(page)
    expect(page.locator("[name=payment_credits-1-voted_amount]")).to_have_value(re.compile(r"^47.?000(,00)?$"))
    expect(page.locator("[name=payment_credits-3-year]")).to_have_value("2026")
    expect(page.locator("[name=payment_credits-4-year]")).to_have_count(0)
    expect(told.locator("[data-in-fields] li")).to_have_count(4)
    expect(page.locator(".es-not-saved")).to_be_visible()
    page.locator("[name=change_reason]").fill("Vote du 2.")
    save(page)
    years = dict(envelope.payment_credits.values_list("year", "voted_amount"))
    assert years == {2029: 111, 2028: 47000, 2027: 50000, 2026: 32000}
    journey.go(address)
    expect(told).to_have_count(0)


def test_what_has_no_field_any_more_is_told_until_it_is_let_go(journey, envelope):
    journey.sign_in(staff(Role.FINANCE_OFFICER).email)
    page, address = journey.page, f"/admin/grants/envelope/{envelope.pk}/change/"
    journey.go(address)
    type_years(page)
    colleague_saves(envelope, "2029")
    save(page)
    never_written(envelope.payment_credits.filter(year=2028))
    keep_theirs(page)
    told = page.locator("[data-told]")
    expect(told.locator("[data-without-field] li")).to_have_count(1)
    expect(told.locator("[data-without-field] li")).to_contain_text(re.compile("47.000"))
    journey.see("conflict-of-a-row-that-is-gone", fits=False)
    # Beside a form that came back with an error, letting go would leave it: that is asked first.
    page.locator("[name=change_reason]").fill("")
    save(page)
    page.get_by_role("button", name="Ne pas le garder").click()
    answer(page, "Rester")
    expect(told.locator("[data-without-field] li")).to_have_count(1)
    page.locator("[name=change_reason]").fill("Vote du 2.")
    save(page)
    assert envelope.payment_credits.get(year=2026).voted_amount == 32000
    journey.go(address)
    expect(told.locator("li")).to_have_count(1)
    expect(told.locator("[data-without-field] li")).to_contain_text(re.compile("47.000"))
    with page.expect_navigation():
        page.get_by_role("button", name="Ne pas le garder").click()
    expect(told).to_have_count(0)
