"""The sections of a case's page: what each one needs, read in a fixed number of queries."""

from collections.abc import Iterable
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import localize
from django.utils.translation import gettext as _

from core.admin import Panel
from core.money import sum_money
from core.templatetags.essor import days_left, long_date
from grants.admin.case_reader import COMMITTEE, CaseReader
from grants.admin.forms import (
    AskOpinionForm,
    AssignForm,
    EuFundForm,
    RecordOpinionForm,
    RetainForm,
    ScoreForm,
    UpholdOpinionForm,
)
from grants.admin.side_panels import envelope_panel, messages_panel, notes_panel, pieces_panel
from grants.check_lines import check_lines
from grants.consultation import outdated
from grants.form_page import QuestionView
from grants.instruction import BEFORE_ADMISSION, DURING_INSTRUCTION, UNTIL_PROPOSAL
from grants.models import (
    Application,
    Stage,
)
from grants.rules.deadlines import urgency
from grants.rules.schema import QuestionKind
from grants.services.missing import form_facts
from grants.staff_permissions import may_assign, may_instruct, reason_not_staff_of
from grants.void import unknown_undertaking, void_answers, void_computation, void_opinions

TONES = {"late": "no", "soon": "act", "later": "wait", "none": "idle"}


def case_clock(case: Application) -> tuple[str, str]:
    """The words and the tone of the clock: when silence becomes a refusal."""
    if case.decision_due_on is None or case.state not in Application.UNDECIDED:
        return "", "idle"
    if case.clock_stands_still:
        return _("Clock stopped since %(date)s") % {"date": long_date(case.clock_suspended_at)}, "idle"
    due = case.decision_due_on
    tone = TONES[urgency(due, timezone.localdate())]
    words = {"date": long_date(due), "left": days_left(due)}
    return _("Implied refusal on %(date)s · %(left)s") % words, tone


def case_panels(case: Application, user, refused_forms: dict) -> list[Panel]:
    """The sections of the page for one reader, in their order."""
    reader = CaseReader(
        user=user,
        forms=refused_forms,
        may_instruct=may_instruct(user, case) is None,
        may_write=reason_not_staff_of(user, case) is None,
    )
    panels = [
        *proposal_panels(case),
        amount_panel(case, reader),
        *check_panels(case, reader),
        scoring_panel(case, reader),
        *table_panels(case, reader),
        opinions_panel(case, reader),
        answers_panel(case, reader),
        envelope_panel(case),
        pieces_panel(case, reader),
        messages_panel(case, reader),
        notes_panel(case, reader),
    ]
    return [panel for panel in panels if panel is not None]


def amount_panel(case: Application, reader: CaseReader) -> Panel:
    """Why this amount: the lines of the last computation."""
    computation = None if case.state in BEFORE_ADMISSION else case.latest_computation()
    return Panel(
        title=_("Why this amount"),
        template="admin/grants/application/amount.html",
        anchor="amount",
        context={
            "computation": computation,
            "void_reason": void_computation(case) if computation else "",
            "years": computation.grant_plan.years() if computation else (),
            "may_compute": reader.may_instruct and case.state in DURING_INSTRUCTION,
            "fund_form": reader.form("fund", lambda: EuFundForm(initial={"eu_fund": case.eu_fund})),
            "may_choose_fund": reader.may_instruct and case.state in UNTIL_PROPOSAL,
        },
    )


UNTIL_DECISION = ("instructed", "ready_for_committee", "scheduled")
"""After the proposal and before the decision: what the checks rest on is still looked at."""


def rests_on_checks(case: Application) -> bool:
    """Whether a decision that rests on the checks is still to come."""
    return case.state in UNTIL_DECISION


def check_panels(case: Application, reader: CaseReader) -> list[Panel]:
    """One section a stage, the check's answer or the buttons to answer it."""
    panels = []
    asked = reader.may_instruct and case.state in UNTIL_PROPOSAL
    for stage, lines in check_lines(case, with_facts=asked or rests_on_checks(case)).items():
        states = UNTIL_PROPOSAL if stage == Stage.ELIGIBILITY else BEFORE_ADMISSION
        answered = sum(1 for line in lines if line.answer is not None)
        may_answer = reader.may_instruct and case.state in states
        fine = all(line.answer is not None and line.answer.answer != "no" and not line.is_void for line in lines)
        panels.append(
            Panel(
                title=Stage(stage).label,
                template="admin/grants/application/checks.html",
                anchor=f"checks-{stage}",
                note=_("%(answered)s of %(total)s") % {"answered": answered, "total": len(lines)},
                context={
                    "lines": lines,
                    "stage": stage,
                    "may_answer": may_answer,
                    "may_answer_void": asked,
                    "computes": asked and (stage == Stage.COMPLETENESS or any(line.is_void for line in lines)),
                    "folded": fine and not may_answer,
                    "refused": reader.forms.get("check"),
                },
            )
        )
    return panels


def scoring_panel(case: Application, reader: CaseReader) -> Panel | None:
    """The criteria with their weights, scores and reasons, and the total on 20."""
    if not case.rules.criteria:
        return None
    given = {item.code: item for item in case.scores.all()}
    form = reader.form("score", lambda: _score_form(case, given))
    result = case.scoring()
    helps = {criterion.code: criterion.help for criterion in case.rules.criteria}
    rows = [
        {
            "line": line,
            "help": helps[line.code],
            "given": given.get(line.code),
            "score": form[f"score-{line.code}"],
            "comment": form[f"comment-{line.code}"],
        }
        for line in result.lines
    ]
    return Panel(
        title=_("Scoring"),
        template="admin/grants/application/scoring.html",
        anchor="scoring",
        note=f"{localize(result.total)} / 20" if result.total is not None else "",
        context={
            "rows": rows,
            "result": result,
            "form": form,
            "may_score": reader.may_instruct and case.state in DURING_INSTRUCTION,
        },
    )


def _score_form(case: Application, given: dict) -> ScoreForm:
    return ScoreForm(criteria=case.rules.criteria, initial=ScoreForm.initial_of(given))


def table_panels(case: Application, reader: CaseReader) -> list[Panel]:
    """The budget, the partners, the persons: those that the programme asks for."""
    panels = []
    rules = case.rules
    if rules.question_of_kind(QuestionKind.BUDGET):
        panels.append(budget_panel(case, reader))
    if rules.question_of_kind(QuestionKind.PARTNERS):
        partners = list(case.partners.all())
        panels.append(
            Panel(
                title=_("Partners"),
                template="admin/grants/application/partners.html",
                anchor="partners",
                context={"partners": partners, "total": sum_money(item.contribution for item in partners)},
            )
        )
    if rules.question_of_kind(QuestionKind.PERSONS):
        persons = list(case.persons.all())
        panels.append(
            Panel(
                title=_("Persons"),
                template="admin/grants/application/persons.html",
                anchor="persons",
                context={
                    "persons": persons,
                    "contribution": sum_money(item.own_contribution for item in persons),
                    "computed": sum_money(item.computed_amount for item in persons),
                    "granted": _sum_of_known(item.granted_amount for item in persons),
                },
            )
        )
    return panels


def _sum_of_known(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of the amounts that are known; None, a dash on the page, before any is."""
    known = [amount for amount in amounts if amount is not None]
    return sum_money(known) if known else None


def budget_panel(case: Application, reader: CaseReader) -> Panel:
    """Expenses and resources, with what is retained of each expense."""
    lines = list(case.budget_lines.all())
    charges = [line for line in lines if line.side == "charge"]
    products = [line for line in lines if line.side == "product"]
    form = reader.form("retain", lambda: _retain_form(charges))
    return Panel(
        title=_("Budget"),
        template="admin/grants/application/budget.html",
        anchor="budget",
        context={
            "charges": [(line, form[f"line-{line.pk}"]) for line in charges],
            "products": products,
            "charges_total": sum_money(line.amount for line in charges),
            "products_total": sum_money(line.amount for line in products),
            "form": form,
            "may_retain": reader.may_instruct and case.state in UNTIL_PROPOSAL,
        },
    )


def _retain_form(charges: list) -> RetainForm:
    return RetainForm(lines=charges, initial=RetainForm.initial_of(charges))


def opinions_panel(case: Application, reader: CaseReader) -> Panel | None:
    """The opinions asked and received, and those still to be asked."""
    asked = list(case.opinions.all())
    if not asked and not case.rules.opinions:
        return None
    void = void_opinions(case) if case.state in UNTIL_PROPOSAL else []
    stale = {item.pk for item in void}
    # What is void and not being asked again may be asked again.
    known = {item.code for item in asked if item.pk not in stale}
    refused = reader.forms.get("opinion")
    return Panel(
        title=_("Opinions"),
        template="admin/grants/application/opinions.html",
        anchor="opinions",
        context={
            "asked": [(item, *_opinion_forms(reader, item, item in void), item.pk in stale) for item in asked],
            "to_ask": [
                (rule, _matching(reader, "opinion", "code", rule.code, AskOpinionForm, case=case))
                for rule in case.rules.opinions
                if rule.code not in known
            ],
            "refused": refused,
            "may_ask": reader.may_instruct and case.state in UNTIL_PROPOSAL,
        },
    )


def _opinion_forms(reader: CaseReader, opinion, is_void: bool) -> tuple:
    """The form that records an awaited opinion, and the one that upholds a void one; None for what is not asked."""
    record = None if opinion.result else _record_form(reader, opinion)
    uphold = _matching(reader, "opinion-uphold", "opinion", opinion.pk, UpholdOpinionForm) if is_void else None
    return record, uphold


def _record_form(reader: CaseReader, opinion):
    """What the body sent by its link stands in the form already: to be accepted, or written otherwise."""
    form = _matching(reader, "opinion-answer", "opinion", opinion.pk, RecordOpinionForm)
    if not form.is_bound and opinion.answered_at:
        day = timezone.localdate(opinion.answered_at)
        form.initial |= {"result": opinion.answer_result, "summary": opinion.answer_summary, "given_on": day}
    return form


def _matching(reader: CaseReader, name: str, field: str, value, form_class, **more):
    """The refused form when it is about this row, else a fresh one for it."""
    refused = reader.forms.get(name)
    if refused is not None and str(refused.data.get(field)) == str(value):
        return refused
    return form_class(initial={field: value}, auto_id=f"id_{name}_{value}_%s", **more)


def _what_decisions_wait_for(case: Application) -> str:
    """Why neither visa, agenda nor grant follow the proposal for now, where State aid applies."""
    if not rests_on_checks(case):
        return ""
    return unknown_undertaking(case) or outdated(case, timezone.localdate())


def proposal_panels(case: Application) -> list[Panel]:
    """The proposal with its visa, and what the committee did with it."""
    panels = []
    if case.state not in UNTIL_PROPOSAL:
        proposals = list(case.proposals.all())
        if proposals:
            panels.append(
                Panel(
                    title=_("Proposal and visa"),
                    template="admin/grants/application/proposal.html",
                    anchor="proposal",
                    context={
                        "proposals": proposals,
                        "live": case.live_proposal(),
                        "void_reason": void_computation(case) or (void_answers(case) if rests_on_checks(case) else ""),
                        "waits_reason": _what_decisions_wait_for(case),
                    },
                )
            )
    if case.state in COMMITTEE:
        items = list(case.agenda_items.all())
        if items:
            panels.append(
                Panel(
                    title=_("Committee"),
                    template="admin/grants/application/committee.html",
                    anchor="committee",
                    context={"items": items},
                )
            )
    return panels


def answers_panel(case: Application, reader: CaseReader) -> Panel:
    """Who asks, who instructs, and what the applicant typed, section by section, folded."""
    tables = {*(kind.value for kind in (QuestionKind.BUDGET, QuestionKind.PARTNERS, QuestionKind.PERSONS)), "pieces"}
    facts = form_facts(case)
    sections = []
    for section in case.rules.sections:
        views = [
            QuestionView(question, case.answers.get(question.code), version=0, is_shown=True, facts=facts)
            for question in section.questions
            if question.kind not in tables and facts.answer(question.code) not in (None, "", [])
        ]
        if views:
            sections.append((section.title, views))
    return Panel(
        title=_("The application"),
        template="admin/grants/application/answers.html",
        anchor="answers",
        context={"sections": sections, "case": case, "assign_form": _assign_form(case, reader)},
    )


def _assign_form(case: Application, reader: CaseReader) -> AssignForm | None:
    if case.state not in Application.UNDECIDED or may_assign(reader.user, case):
        return None
    return reader.form("assign", lambda: AssignForm(cases=[case], initial={"instructor": case.instructor_id}))
