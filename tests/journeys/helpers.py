"""A person at a browser: signs in, looks, and checks that everybody could have done the same."""

import re
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.core import mail
from playwright.sync_api import ConsoleMessage, Page, Response

from core.delivery import deliver
from core.models.outbox import OutboxMessage

WIDTHS = {1440: 900, 768: 1024, 360: 740}
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = {"runOnly": {"type": "tag", "values": LEVELS}, "resultTypes": ["violations"]}
PASSWORD = "un mot de passe assez long"


def sign_in(page: Page, site: str, email: str, password: str = PASSWORD) -> None:
    """Signs in at the one sign-in page and waits for where the person lands."""
    page.goto(f"{site}/connexion/")
    page.fill("#id_username", email)
    page.fill("#id_password", password)
    page.locator("main button[type=submit]").click()
    page.wait_for_url(lambda url: "/connexion/" not in url)


def screenshots(page: Page, name: str, widths: tuple[int, ...] = tuple(WIDTHS)) -> list[Path]:
    """The whole page at each width, in ``var/screenshots/<name>-<width>.png``; the window is put back afterwards."""
    folder = settings.VAR_DIR / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    paths = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": WIDTHS.get(width, 900)})
        page.evaluate("window.scrollTo(0, 0)")  # what stays at the top stands at the top of the picture
        page.wait_for_timeout(150)
        paths.append(folder / f"{name}-{width}.png")
        page.screenshot(path=paths[-1], full_page=True, animations="disabled")
    if before:
        page.set_viewport_size(before)
    return paths


def assert_accessible(page: Page, context: Any = None) -> None:
    """No violation of WCAG 2.0, 2.1 and 2.2, levels A and AA, that axe can see."""
    found = Axe().run(page, context=context, options=RULES).response["violations"]
    assert not found, "\n".join(
        f"{item['id']} ({item['impact']}): {item['help']}\n"
        + "\n".join(f"    {node['html'][:200]}\n      {node['failureSummary']}" for node in item["nodes"][:5])
        for item in found
    )


def assert_no_sideways_scroll(page: Page, width: int = 360) -> None:
    """The page fits a telephone: nothing is wider than the window but what scrolls on its own."""
    before = page.viewport_size
    page.set_viewport_size({"width": width, "height": WIDTHS.get(width, 900)})
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if before:
        page.set_viewport_size(before)
    assert wide <= 0, f"{page.url} is {wide} px wider than a window of {width} px"


def delivered_links() -> list[str]:
    """The links of the mails that left, oldest first; what waits in the outbox leaves now."""
    waiting = OutboxMessage.objects.filter(state=OutboxMessage.State.PENDING).order_by("id")
    for number in waiting.values_list("id", flat=True):
        deliver(number)
    return [link for message in mail.outbox for link in re.findall(r"https?://\S+", message.body)]


class Journey:
    """One person's walk through the site."""

    def __init__(self, page: Page, site: str):
        self.page = page
        self.site = site
        self.console: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.console.append(f"{page.url}: {error}"))
        page.on("response", self._check)

    def _listen(self, message: ConsoleMessage) -> None:
        # A refused form answers 4xx on purpose; the browser notes every such answer as an error.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.console.append(f"{self.page.url}: {message.text}")

    def _check(self, response: Response) -> None:
        if response.status >= 500:
            self.console.append(f"{response.url}: {response.status}")

    def go(self, path: str) -> None:
        self.page.goto(f"{self.site}{path}")

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        sign_in(self.page, self.site, email, password)

    def sign_out(self) -> None:
        self.page.context.clear_cookies()

    def see(self, name: str, *, accessible: bool = True, fits: bool = True) -> None:
        """Screenshots at the three widths; axe; no sideways scroll on a telephone."""
        self.assert_no_console_errors()
        screenshots(self.page, name)
        if accessible:
            assert_accessible(self.page)
        if fits:
            assert_no_sideways_scroll(self.page)

    def assert_no_console_errors(self) -> None:
        assert not self.console, "\n".join(self.console)
