"""The public catalogue of programmes, the page of each, and its simulator."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from operator import attrgetter

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from core.navigation import OpenCall
from core.text import nothing_to_search, words_of
from grants.models import Call, Programme, ProgrammeVersion
from grants.rules.accounts import accounts_of
from grants.rules.aid import AidFacts, AidResult, PersonFacts, TrancheFacts, compute
from grants.rules.answers import not_an_amount, typed_amount
from grants.rules.budget import BudgetItem
from grants.rules.schema import Axis, ProgrammeRules
from grants.services.programmes import search_text_of
from grants.views.replies import closes

AUDIENCES = {
    "association": _("An association"),
    "cooperative": _("A cooperative"),
    "mutual": _("A mutual society"),
    "foundation": _("A foundation"),
    "company": _("A social company (ESUS)"),
    "siae": _("An integration company (SIAE, GEIQ)"),
    "collective": _("A collective"),
    "network": _("A network"),
    "person": _("A person who founds a company"),
}
PURPOSES = {
    "start": _("Start an activity"),
    "capital": _("Build up capital"),
    "experiment": _("Try something out"),
    "develop": _("Develop an activity"),
    "cooperate": _("Work with others"),
    "structure": _("Run a network"),
}
AMOUNTS = {"5000": _("5,000 EUR"), "20000": _("20,000 EUR"), "50000": _("50,000 EUR"), "200000": _("200,000 EUR")}
DEADLINES = {"open": _("Open now"), "soon": _("Closing within a month")}
SOON_DAYS = 31
SIMULATED_PERSONS = 4


@dataclass
class Entry:
    """A programme of the catalogue with the calls that are not over, and the version that was loaded last."""

    programme: Programme
    newest: ProgrammeVersion
    calls: list[Call]

    @cached_property
    def rules(self) -> ProgrammeRules:
        """What one may count on: the rules of the call that is shown, which are not always the newest."""
        return (self.call.programme_version if self.call else self.newest).rules

    @cached_property
    def call(self) -> Call | None:
        """The call to show: the open one that closes first, else the next to open."""
        now = timezone.now()
        opened = [call for call in self.calls if call.is_open(now)]
        return min(opened or self.calls, key=attrgetter("closes_at"), default=None)

    @property
    def is_open(self) -> bool:
        return self.call is not None and self.call.is_open()


def entries(programmes: Iterable[Programme] | None = None) -> list[Entry]:
    """The programmes of the catalogue, in three queries whatever their number."""
    programmes = list(Programme.objects.in_catalogue() if programmes is None else programmes)
    versions = {
        version.programme_id: version
        for version in ProgrammeVersion.objects.filter(programme__in=programmes)
        .order_by("programme_id", "-number")
        .distinct("programme_id")
    }
    calls: dict[int, list[Call]] = {}
    for call in Call.objects.not_over().select_related("programme_version").order_by("closes_at"):
        calls.setdefault(call.programme_version.programme_id, []).append(call)
    return [
        Entry(programme, versions[programme.pk], calls.get(programme.pk, []))
        for programme in programmes
        if programme.pk in versions
    ]


def open_calls() -> list[OpenCall]:
    """The calls that are open now, for the home page."""
    found = []
    for entry in entries():
        for call in entry.calls:
            if call.is_open():
                found.append(
                    OpenCall(
                        title=call.title,
                        summary=str(call.programme_version.rules.summary),
                        url=entry.programme.get_absolute_url(),
                        closes_at=call.closes_at,
                    )
                )
    return found


# --- catalogue ------------------------------------------------------------------------------------------------------


def catalogue(request: HttpRequest) -> HttpResponse:
    """Search box, four filters, one card a programme."""
    chosen = {
        "audience": _known(request.GET.get("audience"), AUDIENCES),
        "purpose": _known(request.GET.get("purpose"), PURPOSES),
        "amount": _known(request.GET.get("amount"), AMOUNTS),
        "deadline": _known(request.GET.get("deadline"), DEADLINES),
    }
    typed = request.GET.get("q", "").strip()[:200]
    nothing = nothing_to_search(typed)
    found = [] if nothing else [entry for entry in entries() if _matches(entry, words_of(typed), chosen)]
    found.sort(key=lambda entry: (not entry.is_open, entry.call.closes_at if entry.call else timezone.now()))
    filters = [
        ("audience", _("Who are you?"), AUDIENCES),
        ("purpose", _("What for?"), PURPOSES),
        ("amount", _("At least how much?"), AMOUNTS),
        ("deadline", _("When?"), DEADLINES),
    ]
    context = {
        "entries": found,
        "typed": typed,
        "nothing": nothing,
        "filters": [
            {"name": name, "label": label, "options": options.items(), "chosen": chosen[name]}
            for name, label, options in filters
        ],
        "is_filtered": bool(typed or any(chosen.values())),
    }
    return render(request, "grants/catalogue.html", context)


def _known(value: str | None, options: dict) -> str:
    return value if value in options else ""


def _matches(entry: Entry, words: list[str], chosen: dict[str, str]) -> bool:
    catalogue = entry.rules.catalogue
    text = search_text_of(entry.rules).split()
    if any(not any(candidate.startswith(word) for candidate in text) for word in words):
        return False
    if chosen["audience"] and chosen["audience"] not in catalogue.audiences:
        return False
    if chosen["purpose"] and chosen["purpose"] not in catalogue.purposes:
        return False
    if chosen["amount"] and catalogue.ceiling < Decimal(chosen["amount"]):
        return False
    if chosen["deadline"] and not entry.is_open:
        return False
    if chosen["deadline"] == "soon":
        return (entry.call.closes_at - timezone.now()).days <= SOON_DAYS
    return True


# --- a programme ----------------------------------------------------------------------------------------------------


def programme(request: HttpRequest, code: str) -> HttpResponse:
    """Everything about a programme in plain words, its rules with their sources, and the simulator."""
    found = entries(Programme.objects.in_catalogue().filter(code__iexact=code))
    if not found:
        raise Http404
    entry = found[0]
    simulation = Simulation(entry.rules, request.GET) if entry.rules.catalogue.simulator else None
    context = {
        "entry": entry,
        "programme": entry.programme,
        "rules": entry.rules,
        "catalogue": entry.rules.catalogue,
        "call": entry.call,
        "closed_reason": entry.call.closed_to_readers if entry.call else None,
        "simulation": simulation,
        "unverified": [parameter for parameter in entry.rules.parameters if not parameter.verified],
        "sources": [source for source in entry.rules.sources if source.verified],
    }
    fragment = request.headers.get("HX-Request") and simulation
    return render(request, "grants/simulation.html" if fragment else "grants/programme.html", context)


@dataclass
class SimulatorField:
    """An amount to type in the simulator."""

    name: str
    label: str
    value: str = ""
    error: str = ""


class Simulation:
    """The simulator of a programme: it asks for the bases of its aid rule and runs the very same computation."""

    def __init__(self, rules: ProgrammeRules, typed: QueryDict):
        self.rules = rules
        self.fields = [self._field(name, label, typed) for name, label in self._wanted()]
        self.result: AidResult | None = None
        if any(field.value for field in self.fields) and not any(field.error for field in self.fields):
            self.result = compute(rules, self._facts())

    def _wanted(self) -> Iterable[tuple[str, str]]:
        for axis in self.rules.aid.axes:
            yield from SIMULATED[axis.base.kind].asks(self.rules, axis)

    def _field(self, name: str, label: str, typed: QueryDict) -> SimulatorField:
        value = typed.get(name, "").strip()[:30]
        amount = typed_amount(value) if value else None
        wrong = bool(value) and (amount is None or amount < 0)
        return SimulatorField(name, label, value, not_an_amount(value) if wrong else "")

    def _amount(self, name: str) -> Decimal:
        field = next(field for field in self.fields if field.name == name)
        return typed_amount(field.value) or Decimal(0)

    def _facts(self) -> AidFacts:
        facts = AidFacts()
        for axis in self.rules.aid.axes:
            facts = SIMULATED[axis.base.kind].adds(self.rules, axis, facts, self._amount)
        return facts


@dataclass(frozen=True)
class SimulatedBase:
    """What the simulator asks for one kind of base, and how it adds the answers to the facts of the computation."""

    asks: Callable[[ProgrammeRules, Axis], Iterable[tuple[str, str]]]
    adds: Callable[[ProgrammeRules, Axis, AidFacts, Callable[[str], Decimal]], AidFacts]


def _asks_expenses(rules: ProgrammeRules, axis: Axis) -> Iterable[tuple[str, str]]:
    yield axis.base.axis, _("Eligible expenses: %(axis)s") % {"axis": axis.label}


def _adds_expenses(rules: ProgrammeRules, axis: Axis, facts: AidFacts, amount) -> AidFacts:
    taken = axis.base.accounts or [
        account.code for account in accounts_of("charge") if account.code not in axis.base.excluded_accounts
    ]
    item = BudgetItem("charge", taken[0], amount(axis.base.axis), axis.base.axis)
    return replace(facts, budget=(*facts.budget, item))


def _asks_contributions(rules: ProgrammeRules, axis: Axis) -> Iterable[tuple[str, str]]:
    for rank in range(1, SIMULATED_PERSONS + 1):
        yield f"person{rank}", _("Own contribution of person %(rank)d") % {"rank": rank}


def _adds_contributions(rules: ProgrammeRules, axis: Axis, facts: AidFacts, amount) -> AidFacts:
    persons = tuple(
        PersonFacts(str(rank), str(_("Person %(rank)d") % {"rank": rank}), amount(f"person{rank}"))
        for rank in range(1, SIMULATED_PERSONS + 1)
        if amount(f"person{rank}")
    )
    return replace(facts, persons=persons)


def _asks_years(rules: ProgrammeRules, axis: Axis) -> Iterable[tuple[str, str]]:
    for year in range(1, rules.tranches.count + 1):
        yield f"cost{year}", _("Year %(year)d: cost") % {"year": year}
        yield f"asked{year}", _("Year %(year)d: amount asked") % {"year": year}


def _adds_years(rules: ProgrammeRules, axis: Axis, facts: AidFacts, amount) -> AidFacts:
    tranches = tuple(
        TrancheFacts(year, amount(f"cost{year}"), amount(f"asked{year}")) for year in range(1, rules.tranches.count + 1)
    )
    return replace(facts, tranches=tranches)


SIMULATED = {
    "budget": SimulatedBase(_asks_expenses, _adds_expenses),
    "own_contribution": SimulatedBase(_asks_contributions, _adds_contributions),
    "tranches": SimulatedBase(_asks_years, _adds_years),
}


# --- until when -----------------------------------------------------------------------------------------------------


@never_cache
@require_GET
def closing(request: HttpRequest, call_code: str) -> JsonResponse:
    """Until when a call is open, as it is now: a page that stays open asks before it says that the call has closed."""
    return JsonResponse(closes(get_object_or_404(Call.objects.published(), code=call_code)))
