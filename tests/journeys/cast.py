"""The people of a journey, each signed in at a window of their own, as if on as many computers."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Model
from playwright.sync_api import BrowserContext, Locator, Page, expect

from core.models import User
from tests.journeys.helpers import Journey, assert_accessible, screenshots

CHROME = "main, #content"  # the part of a page that is not its menu


class Window(Journey):
    """One person's browser. ``told`` waits for the sentence that the site answers with."""

    def press(self, name: str, within: Locator | None = None) -> None:
        """Press the button of this name."""
        (within or self.page.locator(CHROME).first).get_by_role("button", name=name).first.click()

    def follow(self, name: str | re.Pattern, within: Locator | None = None) -> None:
        """Follow the link of this name."""
        (within or self.page.locator(CHROME).first).get_by_role("link", name=name).first.click()

    def told(self, sentence: str | re.Pattern) -> None:
        """Wait until the page says this."""
        expect(self.page.locator("body")).to_contain_text(sentence)
        self.page.wait_for_load_state()  # its scripts answer from now on

    def fill(self, within: Locator | None = None, **values: Any) -> None:
        """Fill fields by their id (``id_`` + name), each as its kind wants it."""
        for name, value in values.items():
            put(within or self.page.locator("body"), f"#id_{name}", value)

    def see_in_the_dark(self, name: str) -> None:
        """The same page for a member of staff who prefers it dark: a picture, and axe again (contrast)."""
        self.in_theme("dark")
        screenshots(self.page, f"{name}-dark", (1440,))
        assert_accessible(self.page)
        self.in_theme("light")

    def in_theme(self, theme: str) -> None:
        """Have the staff site in a theme, as its switch does."""
        self.page.emulate_media(color_scheme=theme)
        self.page.evaluate(f"localStorage.setItem('_x_adminTheme', JSON.stringify('{theme}'))")
        self.page.reload()

    def staff_page(self, row: Model) -> None:
        """Open the staff page of a row."""
        self.go(f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/")

    def begin(self, label: str) -> Locator:
        """Press a transition in the bar of a staff page; its form, which opens beside the case."""
        self.follow(label, self.page.locator(".es-transitions"))
        form = self.page.locator("form.es-form", has=self.page.get_by_role("button", name=label, exact=True))
        expect(form).to_be_visible()
        return form

    def move(self, label: str, **values: Any) -> None:
        """Take a transition: press it, fill in its form, confirm, and be told that it is done."""
        self.confirm(self.begin(label), label, **values)

    def confirm(self, form: Locator, label: str, **values: Any) -> None:
        """Fill in the form of a transition and confirm it."""
        self.fill(form, **values)
        self.press(label, form)
        self.told(f"C’est fait : {label}.")


def put(within: Locator, selector: str, value: Any) -> None:
    """Fill one field: a text, a choice, a box to tick, a file (``{"name", "mimeType", "buffer"}``)."""
    field = within.locator(selector).first
    kind = field.evaluate("field => field.tagName === 'SELECT' ? 'select' : field.type")
    if kind == "select":
        field.select_option(value)
    elif kind == "file":
        field.set_input_files(value)
    elif kind in ("checkbox", "radio"):
        field.set_checked(value)
    else:
        field.fill(str(value))


class Cast:
    """Opens a window for each person, and at the end holds every window to having seen no error."""

    def __init__(self, new_context: Callable[..., BrowserContext], site: str):
        self.new_context, self.site = new_context, site
        self.windows: dict[str, Window] = {}

    def newcomer(self, name: str) -> Window:
        """A window of somebody who has no account yet."""
        page: Page = self.new_context().new_page()
        self.windows[name] = Window(page, self.site)
        return self.windows[name]

    def enter(self, user: User) -> Window:
        """The window of a person, signed in with their password."""
        if user.email not in self.windows:
            self.newcomer(user.email).sign_in(user.email)
        return self.windows[user.email]

    def assert_no_errors(self) -> None:
        for window in self.windows.values():
            window.assert_no_console_errors()


def paper(name: str, content: bytes, media_type: str = "application/pdf") -> Mapping[str, Any]:
    """A file as a browser takes it from the disk."""
    return {"name": name, "mimeType": media_type, "buffer": content}
