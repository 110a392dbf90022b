"""The forms of a page, as a browser would send them."""

from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

import lxml.html
from django.core import signing

from core.engine import versions


@dataclass
class PageForm:
    """One form: where it goes, and its fields as the page filled them (a button only when it is pressed)."""

    action: str
    fields: dict[str, list[str]]
    buttons: list[tuple[str, str]]
    boxes: list[tuple[str, str]]
    is_sent: bool = True
    """Whether it has a button that sends it: a table of a page may stand in a form that nobody can send."""
    kinds: dict[str, str] = field(default_factory=dict)
    """What each field is: the type of an input, ``amount`` where figures are typed, ``select`` or ``textarea``."""
    choices: dict[str, list[str]] = field(default_factory=dict)
    """The values of a list, or of the buttons of a question."""

    def has_button(self, name: str) -> bool:
        return any(button == name for button, _value in self.buttons)

    def has_box(self, name: str) -> bool:
        return any(box == name for box, _value in self.boxes)

    def typed(self, **values: str) -> dict[str, list[str]]:
        """Its fields with what somebody types; ``__`` in a name stands for a dash."""
        return self.fields | {name.replace("__", "-"): value for name, value in values.items()}


def _sends(item) -> bool:
    return item.tag in ("button", "input") and item.get("type", "submit" if item.tag == "button" else "") == "submit"


def _kinds_of(form) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What the fields of a form are, and the values that they offer."""
    kinds, choices = {}, {}
    for item in form.iter("input", "select", "textarea"):
        name, kind = item.get("name"), item.get("type", "text") if item.tag == "input" else item.tag
        if kind in ("text", "number") and item.get("inputmode", kind) in ("decimal", "numeric", "number"):
            kind = "amount"
        if not name or kind in ("submit", "button") or item.get("disabled") is not None:
            continue
        kinds[name] = kind
        if kind == "select":
            choices[name] = list(item.value_options)
        elif kind == "radio":
            choices.setdefault(name, []).append(item.get("value", "on"))
    return kinds, choices


def _is_box(item) -> bool:
    return item.get("type") in ("checkbox", "radio") and bool(item.get("name"))


def forms_of(response, address: str = "") -> list[PageForm]:
    """The forms of a page that write (method POST), in their order."""
    address = address or response.request["PATH_INFO"]
    found = []
    document = lxml.html.fromstring(response.content.decode())
    for form in document.iter("form"):
        if (form.get("method") or "get").lower() != "post":
            continue
        fields: dict[str, list[str]] = {}
        for name, value in form.form_values():
            fields.setdefault(name, []).append(value)
        for item in form.iter("input"):
            if item.get("type") not in ("checkbox", "radio", "submit", "button", "file") and item.get("name"):
                fields.setdefault(item.get("name"), [""])  # a browser sends an empty field
        boxes = [(item.get("name"), item.get("value", "on")) for item in form.iter("input") if _is_box(item)]
        buttons = [(item.get("name"), item.get("value", "")) for item in form.iter("button") if item.get("name")]
        elsewhere = document.xpath("//*[@form=$id]", id=form.get("id")) if form.get("id") else []
        sends = any(_sends(item) for item in [*form.iter("button", "input"), *elsewhere])
        actions = [form.get("action") or address]
        actions += [item.get("formaction") for item in form.iter("button") if item.get("formaction")]
        for action in dict.fromkeys(actions):  # a button may send the same fields somewhere else
            found.append(PageForm(urljoin(address, action), fields, buttons, boxes, sends, *_kinds_of(form)))
    return found


def rows_of(response) -> list[PageForm]:
    """The rows of a page that a script sends one by one (``data-url``)."""
    found = []
    for row in lxml.html.fromstring(response.content.decode()).xpath("//tr[@data-url]"):
        if row.get("data-url"):
            inputs = [item for item in row.iter("input", "select", "textarea") if item.get("name")]
            fields = {item.get("name"): [str(item.value or "")] for item in inputs}
            found.append(PageForm(row.get("data-url"), fields, [], [], True, *_kinds_of(row)))
    return found


def form_to(response, ending: str, address: str = "") -> PageForm:
    """The form of a page whose address ends so."""
    return next(form for form in forms_of(response, address) if form.action.endswith(ending))


def after(form: PageForm, answer) -> PageForm:
    """The form once the page's own script had this answer, as ``shown.js`` leads it on: only from where it stood."""
    row, before, number = answer.headers[versions.REACHED_HEADER].split()
    token, _plus, at = form.fields[versions.FIELD][0].partition(versions.REACHED)
    label, first, _values = signing.loads(token, salt=versions._SALT)
    if (label, str(at or first)) != (row, before):
        return form
    return replace(form, fields=form.fields | {versions.FIELD: [f"{token}{versions.REACHED}{number}"]})


def answer_of(response, name: str) -> dict[str, str]:
    """A tick in the box ``name`` of a page, as it answers the question that the page asks."""
    (box,) = lxml.html.fromstring(response.content).xpath(f'//input[@type="checkbox"][@name="{name}"]')
    return {name: box.get("value")}
