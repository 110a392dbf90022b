"""The forms of a page, as a browser would send them."""

from dataclasses import dataclass
from urllib.parse import urljoin

import lxml.html


@dataclass
class PageForm:
    """One form: where it goes, and its fields as the page filled them (a button only when it is pressed)."""

    action: str
    fields: dict[str, list[str]]
    buttons: list[tuple[str, str]]

    def typed(self, **values: str) -> dict[str, list[str]]:
        """Its fields with what somebody types; ``__`` in a name stands for a dash."""
        return self.fields | {name.replace("__", "-"): value for name, value in values.items()}


def forms_of(response, address: str = "") -> list[PageForm]:
    """The forms of a page that write (method POST), in their order."""
    address = address or response.request["PATH_INFO"]
    found = []
    for form in lxml.html.fromstring(response.content.decode()).iter("form"):
        if (form.get("method") or "get").lower() != "post":
            continue
        fields: dict[str, list[str]] = {}
        for name, value in form.form_values():
            fields.setdefault(name, []).append(value)
        buttons = [(item.get("name"), item.get("value", "")) for item in form.iter("button") if item.get("name")]
        found.append(PageForm(urljoin(address, form.get("action") or address), fields, buttons))
    return found


def form_to(response, ending: str, address: str = "") -> PageForm:
    """The form of a page whose address ends so."""
    return next(form for form in forms_of(response, address) if form.action.endswith(ending))
