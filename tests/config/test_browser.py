"""In a real browser: the pages of the house itself work under their content security policy."""

from pathlib import Path

import pytest
from playwright.sync_api import Page


@pytest.mark.parametrize("address", ["/admin/login/", "/api/docs/"])
def test_a_page_of_the_house_has_no_error(page: Page, live_server, screenshots: Path, address: str):
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(live_server.url + address, wait_until="networkidle")
    page.screenshot(path=screenshots / f"house{address.replace('/', '-')}.png", full_page=True)
    assert errors == []
