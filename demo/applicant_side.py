"""What applicants do: sign up, describe their organisation, fill in a form, join pieces, file, answer.

The functions are those behind the portal; nothing is written beside them.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from applicants.bank_accounts import enter_account
from applicants.models import Applicant
from applicants.people import create_applicant
from core.dates import add_months
from core.events import record
from core.models import User
from core.roles import Role
from demo import papers
from demo.cases import Case
from demo.identity import iban, siret
from demo.organisations import Organisation
from demo.people import address_of, create_account
from grants.models import Application, Call
from grants.rules.conditions import ApplicantFacts, FormFacts, expected_pieces, holds, shown_questions, shown_sections
from grants.rules.schema import ProgrammeRules, Question, QuestionKind
from grants.services import filing

# How an applicant's legal form reads in the register of legal categories.
FORMS = {
    "association": {"is_association": True, "ess_statut": "association", "legal_category_id": "9220"},
    "scop": {"ess_statut": "cooperative", "legal_category_id": "5458"},
    "scic": {"ess_statut": "cooperative", "legal_category_id": "5460"},
    "forming": {"ess_statut": "cooperative", "legal_category_id": "5458", "in_formation": True},
}
REASON = "Le collectif s’est engagé auprès de ses partenaires et le projet répond à un besoin relevé sur le territoire."
OWN_RESOURCES = "756"
DAYS_BEFORE_START = 7


@dataclass(frozen=True)
class Member:
    """An organisation with the person who represents it."""

    organisation: Organisation
    number: int
    applicant: Applicant
    user: User


def register(member: Member) -> None:
    """A company that was being created is registered: its representative adds its number, as in the portal."""
    body = Applicant.objects.get(pk=member.applicant.pk)
    if not body.in_formation:
        return
    body.siret, body.in_formation = siret(member.number), False
    body.full_clean()
    with transaction.atomic():
        body.save()
        record(body, "edit", actor=member.user, data={"fields": ["siret", "in_formation"]})


def sign_up(organisation: Organisation, number: int) -> Member:
    """The account of the representative, the organisation, and its bank account waiting to be verified."""
    first_name, _space, last_name = organisation.person.partition(" ")
    email = address_of(first_name, last_name, organisation.key)
    user = create_account(email, Role.APPLICANT, first_name, last_name)
    applicant = create_applicant(
        Applicant(
            kind="legal",
            name=organisation.name,
            siret=None if organisation.kind == "forming" else siret(number),
            email=address_of("contact", "", organisation.key).replace(".@", "@"),
            phone=f"0326{number:06d}",
            address_line=f"{number} rue de la Coopération",
            postcode=organisation.postcode,
            city=organisation.city,
            representative_name=organisation.person,
            **FORMS[organisation.kind],
        ),
        actor=user,
    )
    enter_account(
        applicant,
        holder_name=organisation.name,
        iban=iban(number),
        bank_name="Banque de démonstration",
        proof=papers.bank_details(organisation.name, iban(number)),
        proof_name=f"rib-{organisation.key}.pdf",
        actor=user,
    )
    return Member(organisation, number, applicant, user)


# --- the form -------------------------------------------------------------------------------------------------------


def fill_in(case: Case, member: Member, call: Call) -> Application:
    """A draft with every question answered and every expected piece joined."""
    application = filing.create_draft(call=call, applicant=member.applicant, user=member.user, title=case.title)
    rules = application.rules
    facts = _facts_of(rules, member, case)
    typed = {code: answer for code, answer in facts.answers.items() if answer is not None}
    _save(application, member.user, typed)
    if rules.question_of_kind(QuestionKind.BUDGET):
        _balance(application, case, member.user)
    for piece in expected_pieces(rules, facts):
        if piece.required:
            _join(application, piece.code, str(piece.label.fr), member)
    return application


def _facts_of(rules: ProgrammeRules, member: Member, case: Case) -> FormFacts:
    """The answers in the order of the form: what is asked may hang on what was answered before."""
    applicant = member.applicant
    about = ApplicantFacts(
        kind=applicant.kind,
        is_association=applicant.is_association,
        ess_statut=applicant.ess_statut,
        signs_cer=applicant.is_association,
        in_formation=applicant.in_formation,
    )
    answers: dict[str, Any] = {}
    facts = FormFacts(answers, about, rules)
    for section in shown_sections(rules, facts):
        for question in section.questions:
            if question in shown_questions(section, facts):
                answers[question.code] = _answer(question, case, member, facts)
    return facts


def _save(application: Application, user: User, typed: dict[str, Any]) -> None:
    saved = filing.save_answers(application, user=user, typed=typed)
    if not saved.ok:
        raise RuntimeError(f"{application.title}: {saved.table_errors}")


def _answer(question: Question, case: Case, member: Member, facts: FormFacts) -> Any:
    if question.code in FIXED:
        return FIXED[question.code](case, member)
    if not question.required and question.kind not in TABLES:
        return None
    if question.kind in CHOSEN:
        return CHOSEN[question.kind]([choice.value for choice in question.choices if holds(choice.show_if, facts)])
    return ANSWERS[question.kind](case, member)


def project_period(case: Case) -> dict[str, str]:
    """From a week after the filing, for the months of the case."""
    start = timezone.localdate() + timedelta(days=DAYS_BEFORE_START)
    months = 12 * len(case.tranches) if case.tranches else case.months
    end = add_months(start, months) - timedelta(days=1)
    return {"start": start.isoformat(), "end": end.isoformat()}


def _persons(case: Case, member: Member) -> list[dict[str, str]]:
    return [
        {
            "first_name": first,
            "last_name": last,
            "email": address_of(first, last, member.organisation.key),
            "own_contribution": amount,
        }
        for first, last, amount in case.persons
    ]


def _tranches(case: Case, member: Member) -> list[dict[str, str]]:
    return [
        {"summary": f"Année {year} : {case.title}", "cost": cost, "requested": requested}
        for year, (cost, requested) in enumerate(case.tranches, start=1)
    ]


def _partners(case: Case, member: Member) -> list[dict[str, str]]:
    city = member.organisation.city
    return [
        {"name": f"Commune de {city}", "siret": siret(900 + member.number), "role": "Met un local à disposition"},
        {"name": f"Entreprise d’insertion de {city}", "siret": "", "role": "Accueille les salariés en parcours"},
    ]


def _charges(case: Case, member: Member) -> list[dict[str, str]]:
    if case.tranches:
        total = sum(Decimal(cost) for cost, _asked in case.tranches)
        staff = (total * Decimal("0.70")).quantize(Decimal("0.01"))
        return [
            {"account": "641", "label": "Équipe du réseau", "amount": str(staff)},
            {"account": "625", "label": "Déplacements et rencontres", "amount": str(total - staff)},
        ]
    return [
        {"account": line.account, "label": line.label, "amount": line.amount, "axis": line.axis, "status": line.status}
        for line in (*case.charges, *case.products)
    ]


def _balance(application: Application, case: Case, user: User) -> None:
    """The applicant sees the gap and says that its own resources cover it."""
    question = application.rules.question_of_kind(QuestionKind.BUDGET)
    lines = list(application.budget_lines.all())
    gap = sum(line.amount if line.side == "charge" else -line.amount for line in lines)
    typed = [
        {
            "account": line.account_code,
            "label": line.label,
            "amount": str(line.amount),
            "axis": line.axis,
            "status": line.financer_status,
        }
        for line in lines
        if line.financer_status != "this_request"
    ]
    own = {"account": OWN_RESOURCES, "label": "Cotisations et fonds propres", "amount": str(gap), "status": "own"}
    if gap > 0:
        _save(application, user, {question.code: [*typed, own]})


TABLES = (QuestionKind.PARTNERS, QuestionKind.PERSONS, QuestionKind.BUDGET, QuestionKind.TRANCHES)
ANSWERS = {
    QuestionKind.TEXT: lambda case, member: case.title,
    QuestionKind.LONG_TEXT: lambda case, member: REASON,
    QuestionKind.INTEGER: lambda case, member: "4",
    QuestionKind.DECIMAL: lambda case, member: "4",
    QuestionKind.MONEY: lambda case, member: "60000",
    QuestionKind.DATE: lambda case, member: (timezone.localdate() + timedelta(days=60)).isoformat(),
    QuestionKind.PERIOD: lambda case, member: project_period(case),
    QuestionKind.YES_NO: lambda case, member: True,
    QuestionKind.EMAIL: lambda case, member: member.user.email,
    QuestionKind.PHONE: lambda case, member: "0326000010",
    QuestionKind.SIRET: lambda case, member: member.applicant.siret,
    QuestionKind.PERSONS: _persons,
    QuestionKind.TRANCHES: _tranches,
    QuestionKind.PARTNERS: _partners,
    QuestionKind.BUDGET: _charges,
    QuestionKind.PIECES: lambda case, member: None,  # joined one by one
}
CHOSEN = {
    QuestionKind.CHOICE: lambda shown: shown[0],
    QuestionKind.MULTIPLE: lambda shown: shown[:1],
    QuestionKind.ATTESTATIONS: lambda shown: shown,
}
# Questions whose answer tells something about the case.
FIXED = {
    "is_renewal": lambda case, member: False,
    "recovers_vat": lambda case, member: False,
    "contact_name": lambda case, member: member.organisation.person,
    "city": lambda case, member: member.organisation.city,
}


# --- pieces and filing ----------------------------------------------------------------------------------------------


def _join(application: Application, code: str, label: str, member: Member) -> None:
    filing.attach_piece(
        application,
        code=code,
        content=papers.piece(label, member.applicant, timezone.localdate()),
        name=f"{code}-{member.organisation.key}.pdf",
        user=member.user,
    )


def file(application: Application, member: Member) -> None:
    """File the draft; the receipt leaves by mail."""
    filing.submit(application, user=member.user)


def answer_request(application: Application, member: Member) -> None:
    """Join the pieces that the service asked for, and send them."""
    request = application.open_piece_request()
    for code in request.pieces:
        label = str(application.rules.piece(code).label.fr)
        _join(application, code, f"{label} (complément)", member)
    filing.answer_piece_request(application, user=member.user, comment="Voici les pièces demandées.")


def withdraw(application: Application, member: Member) -> None:
    """The applicant gives the project up."""
    filing.withdraw(application, user=member.user, comment="Le projet est reporté à l’an prochain.")
