"""The base of every screen of the staff site: roles, scope, transitions, events."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import FieldError, ValidationError
from django.db import DataError, models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.formats import sanitize_separators
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMFieldMixin
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextInputWidget

from core.admin.events import event_page, recent_events
from core.admin.posted import PostedMixin
from core.admin.reasons import ReasonedMixin
from core.admin.refused import RefusedMixin
from core.admin.traces import TracedMixin
from core.admin.transitions import transition_view
from core.admin.versioned import VersionedInlineMixin, VersionedMixin
from core.admin_permissions import AdminRolesMixin
from core.engine import versions
from core.engine.once import once
from core.engine.readable import Unreadable
from core.models.workflow import WorkflowModel
from core.money import EuroField, MoneyField, PointsField, format_euros
from core.templatetags.essor import short_date, state_pill
from core.text import PastedTextMixin, matching, nothing_to_search
from core.transitions import Option, available_transitions

Text = str | Promise


@dataclass(frozen=True)
class CaseHeader:
    """What stays in sight at the top of a case: its number, its name, its amounts, its clock."""

    number: Text
    title: Text = ""
    subtitle: Text = ""
    amounts: list[tuple[Text, Decimal | None]] = field(default_factory=list)
    clock: Text = ""
    clock_tone: str = "act"


@dataclass(frozen=True)
class Panel:
    """A section of a case page: a template with what it needs, in the main or in the side column."""

    title: Text
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    side: bool = False
    anchor: str = ""
    note: Text = ""


PanelProvider = Callable[[HttpRequest, models.Model], Iterable[Panel]]
_further_panels: dict[str, list[PanelProvider]] = {}


def register_panels(model: str, provider: PanelProvider) -> None:
    """Let an app add sections to the page of another app's model ("app.Model"): the way from a case to what it became.

    ``provider(request, row)`` gives the sections that this person may see.
    """
    _further_panels.setdefault(model.lower(), []).append(provider)


def _panels_of_others(request: HttpRequest, obj: models.Model) -> Iterator[Panel]:
    for provider in _further_panels.get(obj._meta.label_lower, []):
        yield from provider(request, obj)


def money_display(name: str, label: Text, ordering: str | None = None) -> Callable[[models.Model], str]:
    """A list column for an amount: euros, to the right, sortable. ``name`` may follow relations with dots."""

    def column(instance: models.Model) -> SafeString | str:
        value: Any = instance
        for part in name.split("."):
            value = getattr(value, part) if value is not None else None
        return format_html('<span class="num">{}</span>', format_euros(value) or "–")

    column.__name__ = f"money_{name.replace('.', '_')}"
    return admin.display(description=label, ordering=ordering or name.replace(".", "__"))(column)


def date_display(name: str, label: Text, ordering: str | None = None) -> Callable[[models.Model], str]:
    """A list column for a day: 23/11/2026."""

    def column(instance: models.Model) -> str:
        value: Any = instance
        for part in name.split("."):
            value = getattr(value, part) if value is not None else None
        return short_date(value) or "–"

    column.__name__ = f"date_{name.replace('.', '_')}"
    return admin.display(description=label, ordering=ordering or name.replace(".", "__"))(column)


class PastedModelForm(PastedTextMixin, forms.ModelForm):
    """What is typed on the staff site is read as on the portal: nothing that nobody sees, digits 0 to 9."""


class ScopedMixin:
    """Rows that the person may see: ``objects.for_user(user)`` where the model has it."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        queryset = super().get_queryset(request)
        manager = self.model._default_manager
        if not hasattr(manager, "for_user"):
            return queryset
        scoped = manager.for_user(request.user)
        ordering = self.get_ordering(request)
        return scoped.order_by(*ordering) if ordering else scoped


def state_fields(model: type[models.Model]) -> list[str]:
    """The names of the fields that only transitions change."""
    return [item.name for item in model._meta.concrete_fields if isinstance(item, FSMFieldMixin)]


GROUPING = re.compile(r"(?<=\d)[\u202f\xa0 ](?=\d{3}$)")
FIRST = re.compile(r"^1 (?=[^\W\d])")


def year_text(contents: str) -> str:
    """A year is no quantity: 2026, never 2 026."""
    return GROUPING.sub("", str(contents))


def day_text(contents: str) -> str:
    """The first of a month as it is said in French."""
    return FIRST.sub("1er ", str(contents)) if (get_language() or "").startswith("fr") else contents


def amount_text(contents: str) -> str:
    """An amount with its thousands apart and its currency, as everywhere else."""
    try:
        return format_euros(Decimal(str(sanitize_separators(str(contents)))))
    except ArithmeticError:
        return contents  # nothing is known: the mark of an empty field


class LocalAmountsMixin:
    """Amounts, years and days are shown and typed as people write them: 12 345,67, 2026, 1er février 2026."""

    days: dict[str, Callable[[Any], None]] = {}
    """What each day of the form may be: ``HasCome`` for a fact, ``Planned`` for what is to come, by field."""

    @property
    def readonly_preprocess_fields(self) -> dict[str, Callable[[str], str]]:
        """How the values that are only read are written, by field (see django-unfold)."""
        kinds = {models.DateField: day_text, MoneyField: amount_text}
        fields = self.model._meta.concrete_fields
        written = {item.name: text for item in fields for kind, text in kinds.items() if isinstance(item, kind)}
        return written | {"year": year_text}

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, models.DecimalField):
            # A browser shows nothing of “26 000,00” in a field of type number, and would send it back empty.
            widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "class": "num"})
            # A rate or a score is typed as amounts are, and told without a currency.
            form_class = EuroField if isinstance(db_field, MoneyField) else PointsField
            kwargs = {"form_class": form_class, "localize": True, "widget": widget} | kwargs
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and (rule := self.days.get(db_field.name)):
            field.validators = [*field.validators, rule]
        return field


def is_list(request: HttpRequest, model_admin: "EssorModelAdmin") -> bool:
    """Whether this request shows the list, which needs less of a row than its page."""
    return bool(request.resolver_match) and request.resolver_match.url_name == model_admin.url_name("changelist")


def plain_display(name: str, label: Text) -> Callable[[models.Model], str]:
    """A list column for a number that is no quantity, a year: 2026, never 2 026."""

    def column(instance: models.Model) -> str:
        return str(getattr(instance, name))

    column.__name__ = f"plain_{name}"
    return admin.display(description=label, ordering=name)(column)


NOT_A_FILTER = (ValueError, TypeError, ArithmeticError, DataError, FieldError, ValidationError)
"""What is raised by a filter that reads as none: a value out of its range, of another kind, a path that leads nowhere."""


class EssorChangeList(ChangeList):
    """A list that counts once and is called by what it lists. Without a filter, the rows found are all the rows.

    An address may ask for the year 99999, the month 12 of the year 9999 or page "²": what no calendar and no column holds
    is a filter that nothing reads, whether Python or the database says so.
    """

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self._ordering_columns: dict[int, str] | None = None
        self._query_strings: dict[str, str] = {}
        try:
            # A statement that the database refuses takes nothing else with it.
            with transaction.atomic() if request.GET else nullcontext():
                super().__init__(request, *args, **kwargs)
        except NOT_A_FILTER as error:
            if not request.GET:
                raise
            raise IncorrectLookupParameters(str(error)) from error
        self.title = capfirst(self.opts.verbose_name_plural)

    def get_ordering_field_columns(self) -> dict[int, str]:
        """Read once: django-unfold makes the headers of the table again for every row."""
        if self._ordering_columns is None:
            self._ordering_columns = super().get_ordering_field_columns()
        return self._ordering_columns

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """Written once for what is asked: each row asks three addresses for each header of the table."""
        asked = repr((new_params, remove))  # a filter of several values gives lists
        if asked not in self._query_strings:
            self._query_strings[asked] = super().get_query_string(new_params, remove)
        return self._query_strings[asked]

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count


class EssorModelAdmin(
    TracedMixin,
    PostedMixin,
    RefusedMixin,
    ReasonedMixin,
    VersionedMixin,
    AdminRolesMixin,
    ScopedMixin,
    LocalAmountsMixin,
    ModelAdmin,
):
    """Base of all admin classes of Essor.

    Declare ``view_roles``, ``add_roles``, ``change_roles`` and ``delete_roles`` (see
    :class:`core.admin_permissions.AdminRolesMixin`). Models with transitions get their buttons and pages; models with
    events get their history. A case page adds :meth:`case_header` and :meth:`panels`.
    """

    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    list_fullwidth = True
    empty_value_display = "–"
    change_form_template = "admin/essor/change_form.html"
    object_history_template = "admin/essor/events.html"
    show_form = True
    form = PastedModelForm

    # --- hooks of the case page ------------------------------------------------------------------------------------

    def case_header(self, request: HttpRequest, obj: models.Model) -> CaseHeader | None:
        """What stays at the top. By default the row's name, for models with a workflow."""
        return CaseHeader(number=str(obj)) if isinstance(obj, WorkflowModel) else None

    def panels(self, request: HttpRequest, obj: models.Model) -> list[Panel]:
        """The sections of the case page."""
        return []

    def essor_urls(self) -> list[URLPattern]:
        """Further addresses; wrap each view with ``self.admin_site.admin_view``."""
        return []

    def transition_options(self, request: HttpRequest, obj: models.Model) -> list[Option]:
        """The transitions offered on this row's page."""
        return available_transitions(obj, request.user) if state_fields(self.model) else []

    # --- lists -------------------------------------------------------------------------------------------------------

    def search_words(
        self, request: HttpRequest, queryset: models.QuerySet, typed: str, field: str = "search_text"
    ) -> models.QuerySet:
        """The rows whose folded text holds the words typed; a person whose search has no word is told so."""
        if (reason := nothing_to_search(typed)) and not request.path.endswith("/autocomplete/"):
            messages.warning(request, reason)
        return matching(queryset, typed, field)

    def response_action(self, request: HttpRequest, queryset: models.QuerySet) -> HttpResponse | None:
        """What the list does to the rows ticked. Raises Unreadable for a row that no list gave."""
        for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
            try:
                self.opts.pk.to_python(key)
            except ValidationError as error:
                raise Unreadable(
                    _("“%(key)s” is no row of this list: nothing was done. Open the list again.") % {"key": key}
                ) from error
        return super().response_action(request, queryset)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EssorChangeList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; of an address with a filter that nothing reads, the whole list, and a word."""
        response = super().changelist_view(request, extra_context)
        if response.status_code == 302 and response.url == f"{request.path}?{ERROR_FLAG}=1":
            messages.warning(
                request,
                _(
                    "The address held a filter that nothing reads: it was left out. Here is the whole list; choose filters here."
                ),
            )
        return response

    @admin.display(description=_("State"), ordering="state")
    def state_column(self, obj: models.Model) -> SafeString | str:
        return state_pill(obj, audience="staff")

    # --- forms -------------------------------------------------------------------------------------------------------

    @method_decorator(once)
    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().add_view(request, *args, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[Any]:
        declared = list(super().get_readonly_fields(request, obj))
        return declared + [name for name in state_fields(self.model) if name not in declared]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: models.Model | None = None,
    ) -> HttpResponse:
        name = capfirst(self.opts.verbose_name)
        context |= {"title": _("Add: %(name)s") % {"name": name} if add else name, "show_save_and_add_another": add}
        if obj is not None and obj.pk and not add:
            context |= self.case_context(request, obj)
            context["shown_token"] = self.shown_token(request, obj, context)
            if not self.show_form:
                context |= {"show_save": False, "show_save_and_continue": False, "show_delete_link": False}
        form_url = form_url or self.own_address(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def case_context(self, request: HttpRequest, obj: models.Model) -> dict[str, Any]:
        """What the case page adds to Django's form."""
        panels = [
            (panel, render_to_string(panel.template, {"object": obj, **panel.context}, request))
            for panel in (*self.panels(request, obj), *_panels_of_others(request, obj))
        ]
        return {
            "case": self.case_header(request, obj),
            "case_object": obj,
            "case_options": self.transition_options(request, obj),
            "case_number_seen": versions.seen_of(obj),
            "case_row": versions.label_of(obj),
            "case_panels": [(panel, html) for panel, html in panels if not panel.side],
            "case_side": [(panel, html) for panel, html in panels if panel.side],
            "case_events": recent_events(obj),
            "case_shows_form": self.show_form,
        }

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """A row that is not there and a row that is not for this person look the same."""
        raise Http404

    # --- addresses -------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        own = list(self.essor_urls())
        if state_fields(self.model):
            own.append(
                path(
                    "<path:object_id>/transition/<str:name>/",
                    self.admin_site.admin_view(self.transition_page),
                    name=self.url_name("transition"),
                )
            )
        return own + super().get_urls()

    def url_name(self, page: str) -> str:
        """The name of one of this model's addresses, without ``admin:``."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def change_url(self, obj: models.Model) -> str:
        return reverse(f"admin:{self.url_name('change')}", args=[obj.pk])

    def transition_page(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """The page of one transition: its form on GET, the transition itself on POST."""
        return transition_view(self, request, object_id, name)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """All the events of a row, in place of Django's own log."""
        return event_page(self, request, object_id)

    def page(
        self, request: HttpRequest, template: str, title: Text, obj: models.Model | None = None, **context: Any
    ) -> TemplateResponse:
        """A page in the frame of the staff site, for the views of :meth:`essor_urls`."""
        request.current_app = self.admin_site.name
        frame = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "original": obj}
        return TemplateResponse(request, template, {**frame, **context})

    def object_or_404(self, request: HttpRequest, object_id: str | int) -> models.Model:
        """The row, if this person may see it."""
        obj = self.get_object(request, str(object_id))
        if obj is None or not self.has_view_permission(request, obj):
            raise Http404
        return obj


class _InlineDefaults(VersionedInlineMixin, AdminRolesMixin, LocalAmountsMixin):
    """Inlines show; they change only for the roles they name."""

    extra = 0
    show_change_link = False

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[Any]:
        declared = list(super().get_readonly_fields(request, obj))
        return declared + [name for name in state_fields(self.model) if name not in declared]


class EssorTabularInline(_InlineDefaults, TabularInline):
    """Base of the tables of related rows. A cell's field is named by its column, for those who do not see the table."""

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and field.label:
            field.widget.attrs.setdefault("aria-label", capfirst(field.label))
        return field


class EssorStackedInline(_InlineDefaults, StackedInline):
    """Base of the related rows that take more than a line."""
