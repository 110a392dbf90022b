"""What the Region's staff does with a case until it is decided: the functions behind the admin's screens."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from applicants.de_minimis import central
from applicants.models import DeMinimisAid
from core.models import User
from core.transitions import perform
from demo import papers
from demo.cases import Case
from grants import instruction
from grants.models import Application
from grants.rules.schema import CheckRule

REFERENCE_DAYS = 15
SCORES = {"progress": (4, 3, 4, 5), "other": (4, 4, 3, 5)}
NOT_IN_THE_REGION = "Le projet ne se déroule pas sur le territoire du dispositif."
URSCOP = "urscop@union.example"
# The activity that each programme aids, in the nomenclature of the central register of de minimis aid.
SECTORS = {"PROGRESS1": "94.99", "CAPITAL-SCOP": "70.22", "CPO": "94.99"}


def instructor_of(case: Case, staff: dict[str, User]) -> User:
    """Who works the case: one instructor for the SCOP cases, another for the rest."""
    return staff["instruction2" if case.programme == "CAPITAL-SCOP" else "instruction"]


def answer_checks(application: Application, actor: User, *stages: str) -> None:
    """Answer what the product does not answer itself, one check after the other."""
    instruction.answer_automatic_checks(application, actor=actor)
    answered = {item.code: item for item in application.check_answers.all()}
    for check in application.rules.checks_of(*stages):
        found = answered.get(check.code)
        if found is None or found.answer == "no":
            _answer(application, check, actor)


def _answer(application: Application, check: CheckRule, actor: User) -> None:
    instruction.answer_check(application, check.code, "yes", actor=actor, reason="Vérifié sur pièces.")


def ask_for_pieces(application: Application, actor: User) -> None:
    """The accounts are not the approved ones: the applicant is asked for them."""
    code = application.rules.pieces[0].code
    for piece in application.pieces.current().filter(code=code):
        instruction.judge_piece(piece, "refused", actor=actor, note="Le document n’est pas la version en vigueur.")
    perform(
        application,
        "request_pieces",
        actor=actor,
        data={
            "pieces": [code],
            "message": "Merci de joindre la version signée et en vigueur.",
            "deadline": timezone.localdate() + timedelta(days=REFERENCE_DAYS),
        },
    )


def admit(application: Application, actor: User) -> None:
    """Completeness and admissibility, then the case may be instructed."""
    for piece in application.pieces.current():
        if piece.state != "accepted":
            instruction.judge_piece(piece, "accepted", actor=actor)
    answer_checks(application, actor, "completeness", "admissibility")
    perform(application, "declare_admissible", actor=actor)


def refuse_admission(application: Application, actor: User) -> None:
    """The case does not come within the scheme."""
    answer_checks(application, actor, "completeness")
    check = application.rules.checks_of("admissibility")[0]
    instruction.answer_check(application, check.code, "no", actor=actor, reason=NOT_IN_THE_REGION)
    perform(application, "declare_inadmissible", actor=actor, comment=NOT_IN_THE_REGION)


def start(application: Application, actor: User) -> None:
    """Someone takes the case; the fund that would co-finance it is noted later, on the agreement."""
    perform(application, "start_instruction", actor=actor, data={"instructor": actor.pk})
    instruction.write_to_applicant(
        application, "Bonjour, j’instruis votre demande et reviens vers vous si une précision manque.", actor=actor
    )


def instruct(application: Application, case: Case, actor: User) -> None:
    """Opinions, eligibility, scores, the aid with its explanation, and the proposal."""
    for opinion_rule in application.rules.opinions:
        if opinion_rule.required:
            opinion = instruction.ask_opinion(
                application,
                opinion_rule.code,
                actor=actor,
                email=URSCOP,
                due_on=timezone.localdate() + timedelta(days=REFERENCE_DAYS),
            )
            instruction.record_opinion(
                opinion,
                "favourable",
                actor=actor,
                given_on=timezone.localdate(),
                proof=papers.letter(
                    "Union régionale des SCOP et SCIC",
                    "Avis sur un projet de SCOP",
                    [f"Projet : {application.title}.", "Avis favorable : projet mûr, équipe formée à la coopération."],
                    timezone.localdate(),
                ),
                proof_name="avis-urscop.pdf",
                summary="Projet mûr, équipe formée à la coopération.",
            )
    answer_checks(application, actor, "eligibility")
    scores = SCORES["progress" if case.programme == "PROGRESS1" else "other"]
    for criterion, score in zip(application.rules.criteria, scores, strict=False):
        instruction.score_criterion(
            application, criterion.code, Decimal(score), actor=actor, comment="Éléments probants dans le dossier."
        )
    computation = instruction.compute_aid(application, actor=actor)
    application.refresh_from_db()
    perform(
        application,
        "propose",
        actor=actor,
        data={
            "favourable": "yes",
            "proposed_amount": str(computation.amount),
            "reasons": "Projet conforme au règlement, partenaires engagés, budget sincère.",
            **_register_consulted(application),
        },
    )


def _register_consulted(application: Application) -> dict[str, str]:
    """What the officer noted of the central register, where the aid is de minimis."""
    if not application.rules.de_minimis:
        return {}
    return {
        "register_consulted_on": timezone.localdate().isoformat(),
        "register_reference": f"Extrait du registre pour {application.applicant.identifier or application.number}",
        "register_sector": SECTORS[application.programme_version.programme.code],
    }


def enter_in_central_register(actor: User) -> None:
    """The officer enters in the central register the grants that it does not know yet."""
    central.enter(DeMinimisAid.objects.to_be_entered(), on=timezone.localdate(), actor=actor)


def give_visa(application: Application, head: User) -> None:
    """The head of service approves the proposal."""
    perform(application, "give_visa", actor=head, comment="Vu.")
