"""What the history of a case, of a session, of an envelope and of a programme shows besides their own fields."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db import models
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from applicants.admin.history_parts import regime_in_words
from applicants.models import DeMinimisAid
from core.admin.changes import part_name, register_parts
from core.admin.values import NOTHING, register_expander, register_reader
from core.dates import format_date_long
from core.engine.changes import Part, register_told
from core.engine.entries import Entries, net_amount, register_entries
from core.engine.owners import register_owner
from core.money import format_euros
from core.presentation import register_actors
from core.text import colon, listed
from grants.models import (
    AgendaItem,
    Application,
    BudgetLine,
    CheckAnswer,
    Commitment,
    CommitteeMember,
    CommitteeSession,
    CreditUse,
    Envelope,
    Opinion,
    Partner,
    PaymentCredit,
    PersonLine,
    Piece,
    PieceRequest,
    Programme,
    ProgrammeAssignment,
    Proposal,
    Recusal,
    Score,
    SessionProgramme,
)
from grants.programmes.grant_plan import GrantPlan
from grants.rules.answers import number_text, parse_amount, parse_day
from grants.rules.schema import Question, QuestionKind

Values = Mapping[str, Any]


def _rule_name(rules: str, what: Any) -> Callable[[Application, Values], str]:
    """How a row is called that answers a rule of the programme: by the rule's own words."""

    def name(application: Application, values: Values) -> str:
        found = {rule.code: rule for rule in getattr(application.rules, rules)}.get(values["code"])
        return f"{what} “{found.label if found else values['code']}”"

    return name


def _recusal(session: models.Model, values: Values) -> str:
    """Who takes no part in which item, by the rank of the item on the agenda."""
    prefetch_related_objects([session], "items")  # read once for a page
    rank = next((item.rank for item in session.items.all() if item.pk == values["item_id"]), "–")
    return _("Agenda item %(rank)s, recusal") % {"rank": rank}


def _agenda_of_case(_application: models.Model, values: Values) -> str:
    return _("Agenda item %(rank)s") % {"rank": values["rank"]}


def _agenda_of_session(_session: models.Model, values: Values) -> str:
    number = Application.objects.filter(pk=values["application_id"]).values_list("number", flat=True).first()
    return _("Case %(number)s") % {"number": number or values["application_id"]}


def _person(_application: models.Model, values: Values) -> str:
    return f"{values['first_name']} {values['last_name']}".strip() or _("Person")


DECISION = ("decision", "decided_amount", "reason", "proposed_amount", "decided_by")


def plan_in_words(data: Any) -> str:
    """The plan of a grant: how much in all, and for each year or person."""
    plan = GrantPlan.from_json(data)
    groups = [f"{group.label}{colon()} {format_euros(group.amount)}" for group in plan.groups()]
    return " · ".join([format_euros(plan.amount), *groups])


for _model, _field in (
    ("grants.Application", "granted_plan"), ("grants.Proposal", "plan"), ("grants.AgendaItem", "decided_plan"),
    ("grants.AidComputation", "plan"),
):  # fmt: skip
    register_reader(_model, _field, plan_in_words)

register_reader("grants.Proposal", "de_minimis_regime", regime_in_words)
register_actors(
    {
        "command load_programmes": gettext_lazy("loading of the programmes"),
        "task grants.tasks.remind_opinions": gettext_lazy("reminders of opinions"),
        "reminders of opinions": gettext_lazy("reminders of opinions"),
    }
)
register_entries(Envelope, "committed_amount", Entries(Commitment, "envelope_id", "reference", net_amount))
register_entries(PaymentCredit, "ordered_amount", Entries(CreditUse, "credit_id", "reference", net_amount))
register_owner(DeMinimisAid, "case_number", Application, "number")
register_told(Score, reason="comment", by={"criterion": "code"})
register_told(CheckAnswer, reason="reason", by={"check": "code"})
register_told(Opinion, by={"opinion": "code"})
register_told(Piece, reason="note", by={"piece": "code"})
register_told(BudgetLine, by={"line": "id"})
register_told(AgendaItem, reason="reason", by={"item": "id"})
register_told(Commitment, reason="release_reason")
register_told(CommitteeMember, by={"member": "name"})
register_parts(
    Application,
    Part(
        BudgetLine, "application_id", ("label", "account_code", "axis", "amount", "eligible_amount", "financer_status"),
        part_name(gettext_lazy("budget line"), "label"),
    ),
    Part(PersonLine, "application_id", ("own_contribution", "computed_amount", "granted_amount", "email"), _person),
    Part(CheckAnswer, "application_id", ("answer", "reason"), _rule_name("checks", gettext_lazy("Check"))),
    Part(Score, "application_id", ("score", "comment"), _rule_name("criteria", gettext_lazy("Criterion"))),
    Part(Opinion, "application_id", ("due_on", "result", "given_on", "summary"), part_name(gettext_lazy("opinion"), "body")),
    Part(Piece, "application_id", ("document", "state", "note"), _rule_name("pieces", gettext_lazy("Piece"))),
    Part(PieceRequest, "application_id", ("due_on", "answered_at"), part_name(gettext_lazy("request for pieces"))),
    Part(
        Proposal, "application_id", ("favourable", "amount", "eligible_base", "score", "reasons", "visa_by", "sent_back_at"),
        part_name(gettext_lazy("proposal")),
    ),
    Part(AgendaItem, "application_id", DECISION, _agenda_of_case),
    Part(Partner, "application_id", ("name", "siret", "role", "contribution"), part_name(gettext_lazy("partner"), "rank")),
)  # fmt: skip
register_parts(
    CommitteeSession,
    Part(AgendaItem, "session_id", DECISION, _agenda_of_session),
    Part(CommitteeMember, "session_id", ("name", "capacity", "is_voting", "is_present"),
         part_name(gettext_lazy("member"), "name")),
    Part(Recusal, "item__session_id", ("member", "reason"), _recusal),
    Part(SessionProgramme, "committeesession_id", ("programme",), part_name(gettext_lazy("programme of a session"))),
)  # fmt: skip
register_parts(
    Envelope,
    Part(Commitment, "envelope_id", ("amount", "released_amount", "release_reason"),
         part_name(gettext_lazy("commitment"), "reference")),
    Part(PaymentCredit, "envelope_id", ("voted_amount", "ordered_amount"),
         part_name(gettext_lazy("payment credits"), "year")),
)  # fmt: skip
register_parts(Programme, Part(ProgrammeAssignment, "programme_id", ("user",), part_name(gettext_lazy("staff"))))


# --- the answers of a form ----------------------------------------------------------------------------------------------


def _choice(question: Question, value: Any) -> str:
    return next((str(choice.label) for choice in question.choices if choice.value == value), str(value))


def _choices(question: Question, value: Any) -> str:
    return listed(_choice(question, item) for item in value)


def _day(value: Any) -> str:
    day = parse_day(str(value or ""))
    return format_date_long(day) if day else str(value or "")


def _period(_question: Question, value: Any) -> str:
    return _("from %(start)s to %(end)s") % {"start": _day(value.get("start")), "end": _day(value.get("end"))}


def _money(_question: Question, value: Any) -> str:
    amount = parse_amount(str(value))
    return str(value) if amount is None else format_euros(amount)


def _text(_question: Question, value: Any) -> str:
    return str(value)


def _years(_question: Question, value: Any) -> str:
    rows = []
    for row in value:
        words = {"year": row.get("year"), "summary": row.get("summary") or "–"}
        words |= {name: _money(_question, row.get(name) or 0) for name in ("cost", "requested")}
        rows.append(_("year %(year)s: %(summary)s, cost %(cost)s, %(requested)s asked") % words)
    return listed(rows)


READERS: dict[QuestionKind, Callable[[Question, Any], str]] = {
    QuestionKind.TEXT: _text,
    QuestionKind.LONG_TEXT: _text,
    QuestionKind.INTEGER: _text,
    QuestionKind.DECIMAL: lambda _question, value: number_text(value),
    QuestionKind.EMAIL: _text,
    QuestionKind.PHONE: _text,
    QuestionKind.SIRET: _text,
    QuestionKind.MONEY: _money,
    QuestionKind.DATE: lambda _question, value: _day(value),
    QuestionKind.PERIOD: _period,
    QuestionKind.CHOICE: _choice,
    QuestionKind.MULTIPLE: _choices,
    QuestionKind.ATTESTATIONS: _choices,
    QuestionKind.YES_NO: lambda _question, value: pgettext("answer", "Yes") if value else pgettext("answer", "No"),
    QuestionKind.TRANCHES: _years,
}
"""How an answer kept in the case is read; the other tables have rows of their own."""


def answer_in_words(question: Question, value: Any) -> str:
    """An answer as people read it. Raises KeyError for a kind of question that keeps no answer in the case."""
    if value in (None, "", [], {}):
        return NOTHING
    return READERS[question.kind](question, value)


def answers_that_changed(application: Application, before: Any, after: Any) -> Iterable[tuple[str, str, str]]:
    """Each answer that changed: (question, before, after), in the words of the form."""
    before, after = before or {}, after or {}
    for code in sorted({*before, *after}, key=list({**after, **before}).index):
        if before.get(code) == after.get(code):
            continue
        question = application.rules.questions.get(code)
        if question is None:  # a question of an earlier version of the programme
            yield code, str(before.get(code) or NOTHING), str(after.get(code) or NOTHING)
        elif question.kind in READERS:
            words = [answer_in_words(question, values.get(code)) for values in (before, after)]
            yield (str(question.label), *words)


register_expander("grants.Application", "answers", answers_that_changed)
