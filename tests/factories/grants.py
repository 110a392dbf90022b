"""Applications for the tests, typed and filed through the same functions as the screens."""

from datetime import datetime, timedelta
from typing import Any

import pgtrigger
from django.utils import timezone

from core.dates import add_months
from core.roles import Role
from core.transitions import perform
from grants.models import Application, Call
from grants.rules.conditions import expected_pieces, shown_questions, shown_sections
from grants.rules.schema import Question, QuestionKind
from grants.services import filing
from grants.services.missing import form_facts
from tests.factories.applicants import ApplicantFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.instruction import CallFactory, answer_all, staff, version_of
from tests.factories.worlds import lived_once

PROJECTS = {
    "PROGRESS1": "Filière textile du pays d’Argonne",
    "CAPITAL-SCOP": "SCOP Les Bâtisseurs de l’Ouest",
    "CPO": "Programme d’actions 2027-2029 de la CRESS",
}
BUDGET = [
    {"account": "622", "label": "Formation-action", "amount": "18 500,00"},
    {"account": "623", "label": "Communication", "amount": "6 000,00"},
    {"account": "625", "label": "Réunions et déplacements", "amount": "11 000,00"},
    {"account": "60x", "label": "Petit matériel", "amount": "2 000,00"},
    {"account": "74com", "label": "Commune d’Argonne", "amount": "4 000,00", "status": "granted"},
    {"account": "insufprevisionnel", "label": "Fonds propres", "amount": "5 100,00", "status": "own"},
]
BUDGET_CPO = [
    {"account": "641", "label": "Salaires", "amount": "300 000"},
    {"account": "756", "label": "Cotisations", "amount": "120 000", "status": "own"},
]
TRANCHES = [{"summary": f"Année {year}", "cost": "100 000", "requested": "60 000"} for year in (1, 2, 3)]
PERSONS = [
    {"first_name": "Alix", "last_name": "Moreau", "email": "alix@scop.example", "own_contribution": "3 200"},
    {"first_name": "Noé", "last_name": "Petit", "email": "noe@scop.example", "own_contribution": "7 500"},
]
PARTNERS = [{"name": "Commune d’Argonne", "siret": "", "role": "Prête un local", "contribution": "4 000"}]


@lived_once
def open_call(code: str = "PROGRESS1", **extra) -> Call:
    """A published call of a programme, open now."""
    return CallFactory(programme_version=version_of(code), envelope=None, title=f"Appel 2026 {code}", **extra)


def has_closed(call: Call, closes_at: datetime | None = None) -> Call:
    """The call as its closing has passed, a minute ago: what nobody sets, time brings."""
    call.closes_at = closes_at or timezone.now() - timedelta(minutes=1)
    with pgtrigger.ignore("grants.Call:call_keeps_its_window"):
        call.save()
    return call


def answer_to(question: Question) -> Any:
    """A right answer to a question, as a browser would send it."""
    today = timezone.localdate()
    start = today + timedelta(days=10)
    end = add_months(start, question.max_months or 12) - timedelta(days=1)
    known = {
        QuestionKind.TEXT: "Texte court",
        QuestionKind.LONG_TEXT: "Un texte de quelques phrases.",
        QuestionKind.INTEGER: "3",
        QuestionKind.DECIMAL: "1,5",
        QuestionKind.MONEY: "12 000,00",
        QuestionKind.DATE: f"{start:%d/%m/%Y}",
        QuestionKind.PERIOD: {"start": start.isoformat(), "end": end.isoformat()},
        QuestionKind.YES_NO: "yes",
        QuestionKind.EMAIL: "contact@asso.example",
        QuestionKind.PHONE: "03 26 00 00 00",
        QuestionKind.SIRET: "41816609600051",
        QuestionKind.PARTNERS: PARTNERS,
        QuestionKind.PERSONS: PERSONS,
        QuestionKind.TRANCHES: TRANCHES,
        QuestionKind.BUDGET: BUDGET,
    }
    if question.kind in (QuestionKind.MULTIPLE, QuestionKind.ATTESTATIONS):
        return [choice.value for choice in question.choices]
    if question.kind == QuestionKind.CHOICE:
        return question.choices[0].value
    return known[question.kind]


def right_answers(application: Application) -> dict[str, Any]:
    """Right answers to every question of the form, those that other answers bring up included."""
    code = application.rules.code
    answers = {
        question.code: answer_to(question)
        for question in application.rules.questions.values()
        if question.kind != QuestionKind.PIECES
    }
    answers |= {"title": PROJECTS[code], "is_renewal": "no", "early_start": "", "requested": ""}
    if code == "CPO":
        answers["budget"] = BUDGET_CPO
    return {name: value for name, value in answers.items() if name in application.rules.questions}


@lived_once
def draft(code: str = "PROGRESS1", *, user=None, applicant=None, call: Call | None = None) -> Application:
    """An empty draft of a representative."""
    user = user or UserFactory(applicant=True)
    if applicant is None:
        kind = {"being_formed": True} if code == "CAPITAL-SCOP" else {}
        applicant = ApplicantFactory(representative=user, **kind)
    return filing.create_draft(call=call or open_call(code), applicant=applicant, user=user)


@lived_once
def filled_draft(code: str = "PROGRESS1", *, without: tuple[str, ...] = (), **extra) -> Application:
    """A draft in which nothing is missing, but the questions and pieces named in ``without``."""
    application = draft(code, **extra)
    user = application.created_by
    typed = {name: value for name, value in right_answers(application).items() if name not in without}
    saved = filing.save_answers(application, user=user, typed=typed)
    assert saved.ok, saved
    for rule in expected_pieces(application.rules, form_facts(application)):
        if rule.required and rule.code not in without:
            filing.attach_piece(application, code=rule.code, content=pdf(rule.code), name=f"{rule.code}.pdf", user=user)
    return application


@lived_once
def filed(code: str = "PROGRESS1", **extra) -> Application:
    """A filed application (``submitted``)."""
    application = filled_draft(code, **extra)
    return filing.submit(application, user=application.created_by).application


@lived_once
def incomplete(code: str = "PROGRESS1", *, pieces: tuple[str, ...] = ("statutes",), **extra) -> Application:
    """A filed application of which the service asked for pieces."""
    application = filed(code, **extra)
    data = {
        "pieces": list(pieces),
        "message": "Pourriez-vous joindre une version signée ?",
        "deadline": (timezone.localdate() + timedelta(days=20)).isoformat(),
    }
    perform(application, "request_pieces", actor=staff(Role.INSTRUCTOR, code), data=data)
    return application


@lived_once
def admissible(code: str = "PROGRESS1", **extra) -> Application:
    """A filed application that is complete and admissible."""
    application = filed(code, **extra)
    answer_all(application, "completeness", "admissibility")
    perform(application, "declare_admissible", actor=staff(Role.INSTRUCTOR, code))
    return application


@lived_once
def in_instruction(code: str = "PROGRESS1", **extra) -> Application:
    """An application that an instructor has taken."""
    application = admissible(code, **extra)
    perform(application, "start_instruction", actor=staff(Role.INSTRUCTOR, code), data={})
    return application


@lived_once
def withdrawn(code: str = "PROGRESS1", **extra) -> Application:
    """An application that its applicant withdrew after filing."""
    application = filed(code, **extra)
    return filing.withdraw(application, user=application.created_by)


def questions_shown(application: Application) -> list[str]:
    """The codes of the questions that the form shows now."""
    facts = form_facts(application)
    return [
        question.code
        for section in shown_sections(application.rules, facts)
        for question in shown_questions(section, facts)
    ]
