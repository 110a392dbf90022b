#!/usr/bin/env python3
"""Take the screenshots of the README's tour, from the demonstration.

    make demo && make run            # in one terminal
    .venv/bin/python scripts/tour.py # in another; needs the development requirements and a Chromium

Pages are looked up by following what a person would click, so that the pictures stay true when addresses change.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "tour"
PASSWORD = "essor-demo-2026"  # of the demonstration, on loopback  # noqa: S105
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDE = {"width": 1280, "height": 860}


class Tour:
    """A visitor with a camera."""

    def __init__(self, page: Page, site: str):
        self.page, self.site = page, site

    def go(self, path: str) -> None:
        self.page.goto(f"{self.site}{path}")

    def sign_in(self, email: str) -> None:
        self.page.context.clear_cookies()
        self.go("/connexion/")
        self.page.fill("#id_username", email)
        self.page.fill("#id_password", PASSWORD)
        self.page.locator("main button[type=submit]").click()
        self.page.wait_for_url(lambda url: "/connexion/" not in url)

    def open_first(self, listing: str, link: str) -> None:
        """The first row of a list of the staff site."""
        self.go(listing)
        self.page.locator(f"#result_list a[href*='{link}']").first.click()
        self.page.wait_for_load_state("networkidle")

    def take(self, name: str, *, to: str = "", full: bool = False) -> None:
        """A picture of what is seen, after scrolling to something."""
        if to:
            self.page.locator(to).first.scroll_into_view_if_needed()
            self.page.evaluate("selector => document.querySelector(selector).scrollIntoView()", to)
        self.page.wait_for_timeout(300)  # what is drawn after loading
        self.page.screenshot(path=FOLDER / f"{name}.png", full_page=full, animations="disabled")
        print(f"docs/tour/{name}.png", flush=True)


def applicants_side(tour: Tour) -> None:
    page = tour.page
    tour.go("/aides/")
    tour.take("1-catalogue")
    tour.sign_in("karim.benali@coop-des-vallees.example")
    tour.go("/mes-dossiers/")
    page.get_by_role("link", name=re.compile("Ressourcerie mobile")).first.click()
    expect(page.locator("h1")).to_contain_text("Ressourcerie mobile")
    tour.take("2-my-case")


def staff_side(tour: Tour) -> None:
    tour.sign_in("instruction@region.example")
    tour.go("/admin/")
    tour.take("3-my-work")
    tour.open_first("/admin/grants/application/?state__exact=in_instruction", "/change/")
    tour.take("4-case")
    tour.sign_in("seances@region.example")
    tour.open_first("/admin/grants/committeesession/", "/change/")
    tour.take("5-session")
    tour.sign_in("finances@region.example")
    tour.open_first("/admin/agreements/paymentclaim/?state__exact=paid", "/change/")
    tour.take("6-claim")


def european_side(tour: Tour) -> None:
    tour.sign_in("controle@region.example")
    tour.open_first("/admin/reporting/expenditureitem/", "/change/")
    tour.take("7-item")
    tour.sign_in("audit@region.example")
    tour.open_first("/admin/reporting/paymentapplication/", "/change/")
    tour.take("8-payment-application")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", default="http://127.0.0.1:8000")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=WIDE, locale="fr-FR", timezone_id="Europe/Paris")
        tour = Tour(page, options.site)
        for part in (applicants_side, staff_side, european_side):
            part(tour)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
