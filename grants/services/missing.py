"""What keeps an application from being filed: one line by problem, with the question it is about."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.dates import format_date_long
from core.money import format_euros, sum_money
from grants.rules.answers import parse_amount, problems_of
from grants.rules.budget import balance_problems, totals_of
from grants.rules.conditions import FormFacts, expected_pieces, is_shown, shown_questions, shown_sections
from grants.rules.schema import PieceRule, Question, QuestionKind
from grants.services.amounts import budget_items, possible_aid, tranche_rows, typed_request
from grants.services.facts import early_start_reason, form_facts


@dataclass(frozen=True)
class Missing:
    """A problem of one question (``code``) or piece, in the step ``section``."""

    section: str
    code: str
    label: str
    message: str
    is_piece: bool = False

    @property
    def name(self) -> str:
        """The label without the colon that some questions end with."""
        return self.label.rstrip(" :\u00a0\u202f")

    @property
    def anchor(self) -> str:
        return f"{'piece' if self.is_piece else 'question'}-{self.code}"


def missing_of(application) -> list[Missing]:
    """Every problem, in the order of the form."""
    facts = form_facts(application)
    found: list[Missing] = []
    for section in shown_sections(application.rules, facts):
        for question in shown_questions(section, facts):
            if question.kind == QuestionKind.PIECES:
                found += _missing_pieces(application, facts, section.code)
                continue
            found += [
                Missing(section.code, question.code, str(question.label), message)
                for message in question_problems(application, question, facts)
            ]
    return found


def question_problems(application, question: Question, facts: FormFacts) -> list[str]:
    """What is wrong with one question of the application, tables included."""
    if question.kind in TABLES:
        return list(TABLES[question.kind](application, question))
    value = application.answers.get(question.code)
    problems = problems_of(question, value, facts)
    if question.target == "project_period" and not problems:
        problems += early_start_problems(application)
    if question.target == "requested_amount" and not problems:
        problems += _request_problems(application)
    return problems


def unanswered_pieces(application) -> list[str]:
    """The codes of the pieces that the service asked for and that nobody has joined since."""
    request = application.open_piece_request()
    if request is None:
        return []
    there = {
        piece.code
        for piece in application.pieces.all()
        if piece.state == "accepted" or (piece.state == "provided" and piece.added_at >= request.requested_at)
    }
    return [code for code in request.pieces if code not in there]


def early_start_problems(application, today: date | None = None) -> list[str]:
    """A project starts after filing, unless the programme allows a written reason why not (``france.md`` B7)."""
    today = today or timezone.localdate()
    start = application.project_start
    if start is None or start >= today:
        return []
    allowed = application.rules.early_start_allowed
    if allowed and early_start_reason(application):
        return []
    sentence = _("The start (%(start)s) is before today. Choose a date from %(today)s on.")
    if not allowed:
        sentence = _(
            "The start (%(start)s) is before today, and this programme does not aid a project that has begun. Choose a"
            " date from %(today)s on."
        )
    elif application.rules.question_for("early_start_reason"):
        sentence = _(
            "The start (%(start)s) is before today. Choose a date from %(today)s on, or explain in writing why the"
            " project could not wait: the service will judge."
        )
    return [sentence % {"start": format_date_long(start), "today": format_date_long(today)}]


def _request_problems(application) -> Iterator[str]:
    typed = typed_request(application)
    possible = possible_aid(application).amount
    if typed is not None and typed > possible:
        yield _("You ask for %(asked)s, but the aid possible is %(possible)s: ask for that at most.") % {
            "asked": format_euros(typed),
            "possible": format_euros(possible),
        }


# --- tables ---------------------------------------------------------------------------------------------------------


def _rows_problem(question: Question, count: int) -> Iterator[str]:
    if count < question.min_rows:
        yield ngettext(
            "Give at least %(count)d line in this table.",
            "Give at least %(count)d lines in this table.",
            question.min_rows,
        ) % {"count": question.min_rows}


def _budget_problems(application, question: Question) -> Iterator[str]:
    yield from balance_problems(totals_of(budget_items(application)))


def _partner_problems(application, question: Question) -> Iterator[str]:
    partners = list(application.partners.all())
    yield from _rows_problem(question, len(partners))
    if application.rules.question_of_kind(QuestionKind.BUDGET) is None:
        return
    totals, given = totals_of(budget_items(application)), sum_money(partner.contribution for partner in partners)
    whole = totals.charges + totals.kind_charges
    if totals.charges > 0 and given > whole:
        yield _("The partners bring %(given)s, more than the whole budget (%(whole)s): correct one or the other.") % {
            "given": format_euros(given),
            "whole": format_euros(whole),
        }


def _person_problems(application, question: Question) -> Iterator[str]:
    persons = list(application.persons.all())
    yield from _rows_problem(question, len(persons))
    for person in persons:
        if not person.first_name or not person.last_name:
            yield _("Line %(rank)d: give the first name and the last name.") % {"rank": person.rank}
        if person.own_contribution <= 0:
            yield _("%(name)s: give the amount of the own contribution.") % {"name": person.full_name or person.rank}
    yield from _ceiling_problem(application, question, sum_money(person.own_contribution for person in persons))
    if persons and not list(_rows_problem(question, len(persons))):
        yield from possible_aid(application).refusals


def _ceiling_problem(application, question: Question, total: Decimal) -> Iterator[str]:
    """The rows of a table against the amount that the programme names (``rows_within``), once it is given."""
    if not question.rows_within:
        return
    facts, other = form_facts(application), application.rules.questions[question.rows_within]
    ceiling = parse_amount(str(facts.answer(other.code) or ""))
    if ceiling is not None and total > ceiling:
        yield _(
            "The rows come to %(total)s, more than “%(label)s” (%(ceiling)s, step “%(step)s”): correct one or the other."
        ) % {
            "total": format_euros(total),
            "label": str(other.label).rstrip(" :\u00a0\u202f"),
            "ceiling": format_euros(ceiling),
            "step": application.rules.section_of(other.code).title,
        }


def _tranche_problems(application, question: Question) -> Iterator[str]:
    rows = {row["year"]: row for row in tranche_rows(application)}
    yield from _years_above_the_budget(application, rows)
    for year in range(1, application.rules.tranches.count + 1):
        row = rows.get(year, {})
        cost, asked = (parse_amount(str(row.get(name) or "")) for name in ("cost", "requested"))
        if cost is None or asked is None:
            yield _("Year %(year)d: give the cost and the amount asked.") % {"year": year}
        elif not cost or not asked:
            yield _("Year %(year)d: the cost and the amount asked are more than zero.") % {"year": year}
        elif asked > cost:
            yield _("Year %(year)d: the amount asked (%(asked)s) is above the cost (%(cost)s).") % {
                "year": year,
                "asked": format_euros(asked),
                "cost": format_euros(cost),
            }


def _years_above_the_budget(application, rows: dict[int, dict]) -> Iterator[str]:
    """The years are parts of the budget of the whole programme."""
    if application.rules.question_of_kind(QuestionKind.BUDGET) is None:
        return
    charges = totals_of(budget_items(application)).charges
    cost = sum_money(parse_amount(str(row.get("cost") or "")) for row in rows.values())
    if 0 < charges < cost:
        yield _("The years cost %(cost)s, more than the budget (%(whole)s): correct one or the other.") % {
            "cost": format_euros(cost),
            "whole": format_euros(charges),
        }


TABLES = {
    QuestionKind.BUDGET: _budget_problems,
    QuestionKind.PARTNERS: _partner_problems,
    QuestionKind.PERSONS: _person_problems,
    QuestionKind.TRANCHES: _tranche_problems,
}


# --- pieces ---------------------------------------------------------------------------------------------------------


def pieces_by_code(application) -> dict[str, list]:
    """The pieces that count, by the code of their rule."""
    found: dict[str, list] = {}
    for piece in application.pieces.all():
        if piece.state != "replaced":
            found.setdefault(piece.code, []).append(piece)
    return found


def lacking_pieces(application, facts: FormFacts) -> list[PieceRule]:
    """The compulsory pieces for which there is no file that counts."""
    present = pieces_by_code(application)
    return [
        rule
        for rule in expected_pieces(application.rules, facts)
        if rule.required and not any(piece.state != "refused" for piece in present.get(rule.code, []))
    ]


def _missing_pieces(application, facts: FormFacts, section: str) -> list[Missing]:
    return [
        Missing(section, rule.code, str(rule.label), _("Join this piece."), is_piece=True)
        for rule in lacking_pieces(application, facts)
    ]


def question_is_shown(application, code: str) -> bool:
    """Whether the form shows this question for the present answers."""
    question = application.rules.questions.get(code)
    return question is not None and is_shown(question, form_facts(application)) is not False
