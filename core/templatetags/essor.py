"""Template tags and filters of every Essor screen: amounts, dates, states, icons, links that keep the query string."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.conf import settings
from django.db import models
from django.forms import BaseForm, BoundField, CheckboxInput
from django.http import HttpRequest
from django.template import Context
from django.template.defaultfilters import filesizeformat
from django.templatetags.static import static
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import escapejs, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from core import dates, icons, navigation, presentation
from core import text as texts
from core.dates import format_date_long, format_moment
from core.engine import grounds as resting
from core.engine import versions
from core.engine.digests import initial_values
from core.lib.odd_days import in_words
from core.money import format_euros, format_number
from core.site import not_saved, resumed

register = template.Library()

NARROW_SPACE = "\u202f"
_BINARY_UNIT = re.compile(r"\b([KMGTP])io$")  # "Kio" in Django's French


@register.filter
def euros(amount: Decimal | int | str | None) -> str:
    """An amount in euros as people read it (``12 345,67 €``); a dash when there is none."""
    if amount is None or amount == "":
        return "–"
    return format_euros(Decimal(str(amount)) if not isinstance(amount, Decimal) else amount)


_FORM_GOES_TO = re.compile(r'x-bind:action="[^"]*"')


@register.filter
def posted_to(page: SafeString, address: str) -> SafeString:
    """Unfold's form of a row, sent to ``address`` rather than to where the browser stands: a page that is shown again as
    the answer to a refused post stands at the address of that post. A tab that is open stays so."""
    here = format_html("'{}'", mark_safe(escapejs(address)))
    action = f"""x-bind:action="activeTab &amp;&amp; activeTab !== 'general' ? {here} + '#' + activeTab : {here}\""""
    found, count = _FORM_GOES_TO.subn(lambda _match: action, page)
    if count != 1:
        raise ValueError(f"The form of a row says {count} times where it goes: see admin/change_form.html of unfold.")
    return mark_safe(found)


@register.filter
def number(value: int | None) -> str:
    """A count as people read it: ``12 345``. Never for the number of a row, nor for a year."""
    return "" if value is None else format_number(Decimal(value), 0)


@register.filter
def percent(value: Decimal | int | str | None, unit: str = "ratio") -> str:
    """A ratio (0.8) as ``80 %``; with ``unit="points"`` the value is already in points (80)."""
    if value is None or value == "":
        return "–"
    points = Decimal(str(value)) * (1 if unit == "points" else 100)
    text = formats.number_format(points.quantize(Decimal("0.01")), decimal_pos=2)
    separator = formats.get_format("DECIMAL_SEPARATOR")
    if separator in text:
        text = text.rstrip("0").removesuffix(separator)
    return f"{text}{NARROW_SPACE}%"


@register.filter
def long_date(value: date | datetime | None) -> str:
    """A day in a text: ``23 novembre 2026``."""
    return format_date_long(value) if value else ""


@register.filter
def short_date(value: date | datetime | None) -> str:
    """A day in a table: ``23/11/2026``."""
    return dates.format_date_short(_day(value)) if value else ""


@register.filter
def moment(value: datetime | None) -> str:
    """A day and the time: ``23 novembre 2026, 22 h 47``."""
    return format_moment(value) if value else ""


@register.filter
def when(value: date | datetime | str) -> str:
    """A moment, a day, or words ("about four weeks"), whichever a timeline has."""
    if isinstance(value, datetime):
        return moment(value)
    return long_date(value) if isinstance(value, date) else str(value)


@register.filter
def last_day(value: date | datetime | None) -> date | None:
    """The last day that a limit includes: a limit at 00:00 is the end of the day before."""
    return dates.last_day(value) if value else None


@register.filter
def closing(value: datetime | None) -> str:
    """The end of a window, day and hour: ``14 décembre 2026 à minuit``."""
    return dates.format_closing(value) if value else ""


@register.filter
def short_closing(value: datetime | None) -> str:
    """The end of a window in a table, day and hour: ``14/12/2026 à minuit``."""
    return dates.format_closing_short(value) if value else ""


@register.simple_tag
def closes(at: datetime | str | None, sentence: str = "") -> SafeString:
    """What an element that is true until ``at`` carries: from then on the open page says ``sentence`` in its place, or
    takes it away (``closing.js``). Nothing once it is over: the server says so itself."""
    if not at or at <= timezone.now():
        return SafeString()
    moment = format_html(' data-closes="{}"', f"{at.timestamp():.3f}")
    return format_html('{} data-closed-text="{}"', moment, sentence) if sentence else moment


@register.filter
def days_left(value: date | datetime | None) -> str:
    """How far a deadline is, in words: "12 days left", "last day", "3 days late"; not how far what is no day is."""
    if in_words(value):
        return gettext("nobody can reckon how far")
    if not value:
        return ""
    days = (dates.last_day(value) - timezone.localdate()).days
    if days == 0:
        return gettext("last day today")
    if days > 0:
        return ngettext("%(days)d day left", "%(days)d days left", days) % {"days": days}
    return ngettext("%(days)d day late", "%(days)d days late", -days) % {"days": -days}


@register.filter
def file_size(size: int | None) -> str:
    """A size in words (``1,2 Mo``): the units that people read on their own machine."""
    return _BINARY_UNIT.sub(r"\1o", filesizeformat(size or 0))


@register.simple_tag
def colon() -> str:
    """The colon after a label: French puts a space before it."""
    return texts.colon()


@register.filter
def cell(row: Any, key: str) -> Any:
    """``row[key]`` or ``row.key``, following dots: what a generic table shows in a column."""
    for part in key.split("."):
        if row is None:
            return None
        row = row.get(part) if isinstance(row, dict) else getattr(row, part)
        if callable(row) and not isinstance(row, models.Manager):
            row = row()
    return row


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A small drawing. Decorative unless it has a ``label``."""
    if label:
        return format_html(
            '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
            ' stroke-linecap="round" stroke-linejoin="round" role="img" aria-label="{}">{}</svg>',
            label,
            mark_safe(icons.svg(name)),
        )
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
        ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{}</svg>',
        mark_safe(icons.svg(name)),
    )


@register.simple_tag
def pill(text: str, tone: str = "ok", icon_name: str = "") -> SafeString:
    """A word with an icon in a tone: ok, wait, act, no or idle."""
    return format_html('<span class="pill {}">{}{}</span>', tone, icon(icon_name or presentation.ICONS[tone]), text)


@register.simple_tag
def state_pill(instance: models.Model | None, audience: str = "applicant") -> SafeString | str:
    """The state of ``instance`` in the words of its reader (``audience``: applicant or staff)."""
    if instance is None:
        return ""
    return pill(presentation.state_text(instance, audience), presentation.tone_of(instance, instance.state))


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: Any) -> str:
    """The present query string with ``changes``; ``None`` takes a parameter away. Filters stay in the address."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None:
            parameters.pop(name, None)
        else:
            parameters[name] = value
    encoded = parameters.urlencode()
    return f"?{encoded}" if encoded else "?"


@register.inclusion_tag("essor/components/field.html")
def field(bound: BoundField, label: str = "", help_text: str = "") -> dict[str, Any]:
    """One field of a form with its label, help and errors, tied together for screen readers."""
    return {"field": bound, "label": label, "help_text": help_text}


@register.simple_tag
def asks(bound: BoundField | str, label: str = "") -> SafeString:
    """What a form says of one of its fields, for who takes it up after the session ended: a field, or a name and label."""
    value = resumed.carried(bound, label) if isinstance(bound, str) else resumed.asked(bound, label)
    return format_html('<input type="hidden" name="{}" value="{}">', resumed.ASKED, value) if value else SafeString()


@register.simple_tag
def asks_file(bound: BoundField, label: str) -> SafeString:
    """What a file of a form is for: whoever chooses it again on another page is told."""
    return format_html(
        '<input type="hidden" name="{}" value="{}">', resumed.ASKED, resumed.carried(bound.html_name, label)
    )


@register.simple_tag
def does(label: str, url: str = "", name: str = "", value: str = "") -> SafeString:
    """What a button of the form does, for who takes the form up after the session ended: nobody sends what is not named."""
    return format_html(
        '<input type="hidden" name="{}" value="{}">', resumed.DOES, resumed.does(label, url, name, value)
    )


@register.filter
def widget_kind(bound: BoundField) -> str:
    """How a field is laid out: ``checkbox``, ``choices`` (radio buttons, several boxes) or ``plain``."""
    if isinstance(bound.field.widget, CheckboxInput):
        return "checkbox"
    return "choices" if bound.field.widget.use_fieldset else "plain"


@register.simple_tag(takes_context=True)
def summary_id(context: Context) -> str:
    """The id of the title of a summary of errors: a page with several forms has several, each with its own."""
    rank = context.render_context.dicts[0].get(summary_id, 0) + 1
    context.render_context.dicts[0][summary_id] = rank
    return "error-title" if rank == 1 else f"error-title-{rank}"


@register.filter
def error_items(form: Any) -> list[dict[str, str]]:
    """What is wrong in a form, each with the id of its field: the links of the error summary."""
    items = [{"text": text, "target": "", "label": ""} for text in form.non_field_errors()]
    for bound in form:
        items.extend(
            {"text": text, "target": bound.id_for_label or bound.auto_id, "label": str(bound.label)}
            for text in bound.errors
        )
    return items


@register.filter
def page_numbers(page: Any) -> Iterable[int | str]:
    """The page numbers to offer around the present page, with gaps."""
    return page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)


@register.simple_tag(takes_context=True)
def portal_navigation(context: Context) -> list[dict[str, Any]]:
    """The main navigation for the person who reads the page."""
    request = context.get("request")
    return navigation.portal_items(request) if isinstance(request, HttpRequest) else []


@register.simple_tag(takes_context=True)
def shown(
    context: Context,
    subject: models.Model,
    form: BaseForm | None = None,
    name: str = versions.FIELD,
    grounds: Mapping[str, str] | None = None,
    **values: Any,
) -> SafeString:
    """The hidden field by which a form says what its page showed: stands beside ``{% csrf_token %}``.

    ``form`` is settled field by field when it comes back; ``values`` are those of fields written in the template. A
    form that was refused keeps the version of the page that it came from. ``grounds``: what its question rests on, where
    no form says it.
    """
    carried = form.data.get(name) if form is not None and form.is_bound else None
    if carried:
        try:
            number = versions.carried({name: carried}, subject, name).number
        except versions.Stale:
            number = ""  # a token of another row, or of no page of ours: refused when it comes back
    else:
        now = initial_values(form) if form is not None else {}
        found = versions.shown_of(subject, now | values)
        rests = resting.written(resting.of(form) if grounds is None else grounds)
        number, carried = found.number, replace(found, values=found.values | rests).token()
    row, back = versions.label_of(subject), not_saved.of_form(context.get("request"), carried)
    tag = '<input type="hidden" name="{}" value="{}" data-row="{}" data-number="{}"{}>'
    return format_html(tag, name, carried, row, number, format_html(' data-not-saved="{}"', back) if back else "")


@register.simple_tag(takes_context=True)
def shown_token(context: Context, token: str) -> SafeString:
    """The same for a form whose view has made the token itself."""
    back = not_saved.of_form(context.get("request"), token)
    more = format_html(' data-not-saved="{}"', back) if back else ""
    return format_html('<input type="hidden" name="{}" value="{}"{}>', versions.FIELD, token, more)


@register.inclusion_tag("admin/essor/not_saved.html", takes_context=True)
def not_saved_here(context: Context) -> dict[str, Any]:
    """What somebody typed on this page of the staff and could not save, until they send it or let it go. The page of a
    conflict tells it by itself."""
    request, row = context.get("request"), context.get("original")
    label = versions.label_of(row) if isinstance(row, models.Model) else ""
    kept = [] if "tells_what_was_typed" in context else not_saved.on_page(request, label)
    return {"kept": kept, "request": request, "csrf_token": context.get("csrf_token")}


@register.simple_tag
def region_logo() -> str:
    """The address of the Region's logo, or nothing."""
    logo = settings.ESSOR_REGION.get("logo", "")
    if not logo:
        return ""
    return reverse("core:logo") if logo.startswith("/") else static(logo)


def _day(value: date | datetime) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value
