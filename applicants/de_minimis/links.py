"""Is it the same single undertaking? The question of a second establishment, and the answers of people.

The question is open for an applicant whose enterprise (SIREN) has several establishments here, until the service has
answered it knowing all of them. The establishments share their room meanwhile: nothing waits for the answer to count.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from applicants.models import Applicant, SingleUndertaking, UndertakingAnswer
from applicants.permissions import may_answer_on_undertaking, may_submit_for
from applicants.rules.identifiers import siren_of
from core.dates import format_moment
from core.events import record

if TYPE_CHECKING:
    from core.models import User

Side, Answer = UndertakingAnswer.Side, UndertakingAnswer.Answer


@dataclass(frozen=True)
class UndertakingQuestion:
    """The question on an enterprise: its establishments here, what its people declared, what the service answered."""

    siren: str
    establishments: list[Applicant]
    declared: UndertakingAnswer | None
    answered: UndertakingAnswer | None

    @property
    def sirets(self) -> list[str]:
        """The SIRET numbers of the establishments, in order."""
        return sorted(applicant.siret for applicant in self.establishments)

    @property
    def grounds(self) -> dict[str, str]:
        """What an answer of the service rests on, as its page says it: another establishment may appear, or its people
        declare something, without an event of the applicant whose page asks."""
        joined = [
            f"{item.siret} · {item.undertaking}" if item.undertaking else item.siret for item in self.establishments
        ]
        given = _given(_("Declared by its people"), self.declared) | _given(_("Last answer"), self.answered)
        return {_("Establishments"): ", ".join(sorted(joined))} | given

    @property
    def is_open(self) -> bool:
        """Whether the service still has to answer."""
        return self.answered is None or not set(self.sirets) <= set(self.answered.establishments)

    @property
    def awaits_declaration(self) -> bool:
        """Whether the applicant's people still have to say what they know."""
        return self.is_open and (self.declared is None or not set(self.sirets) <= set(self.declared.establishments))


def _given(label: str, answer: UndertakingAnswer | None) -> dict[str, str]:
    if answer is None:
        return {}
    words = f"{answer.get_answer_display()}, {answer.answered_by}, {format_moment(answer.answered_at)}"
    return {label: f"{words}. {answer.explanation}".strip()}


def question_on(applicant: Applicant) -> UndertakingQuestion | None:
    """The question on the enterprise of ``applicant``; None while it has one establishment here."""
    if not applicant.siret:
        return None
    siren = siren_of(applicant.siret)
    establishments = list(Applicant.objects.of_enterprise(siren).select_related("undertaking").order_by("siret"))
    if len(establishments) < 2:
        return None
    latest: dict[str, UndertakingAnswer] = {}
    for answer in UndertakingAnswer.objects.filter(siren=siren).select_related("answered_by", "undertaking"):
        latest.setdefault(answer.side, answer)
    return UndertakingQuestion(siren, establishments, latest.get(Side.APPLICANT), latest.get(Side.SERVICE))


def grounds_on(applicant: Applicant) -> dict[str, str]:
    """What an answer on the enterprise of ``applicant`` rests on now; nothing once there is no question."""
    question = question_on(applicant)
    return question.grounds if question is not None else {}


def open_question(applicant: Applicant) -> UndertakingQuestion | None:
    """The question that the service has not answered yet, if there is one."""
    question = question_on(applicant)
    return question if question is not None and question.is_open else None


def open_questions(limit: int = 50) -> list[UndertakingQuestion]:
    """The questions that wait for the service, by SIREN; two queries whatever the establishments."""
    by_siren: dict[str, list[Applicant]] = {}
    for applicant in Applicant.objects.of_several_establishments().order_by("siret"):
        by_siren.setdefault(applicant.siren, []).append(applicant)
    if not by_siren:
        return []
    latest: dict[tuple[str, str], UndertakingAnswer] = {}
    for answer in UndertakingAnswer.objects.filter(siren__in=by_siren).select_related("answered_by", "undertaking"):
        latest.setdefault((answer.siren, answer.side), answer)
    questions = (
        UndertakingQuestion(siren, found, latest.get((siren, Side.APPLICANT)), latest.get((siren, Side.SERVICE)))
        for siren, found in by_siren.items()
    )
    return [question for question in questions if question.is_open][:limit]


@transaction.atomic
def declare_links(applicant: Applicant, *, answer: str, explanation: str = "", actor: "User") -> UndertakingAnswer:
    """Keep what a representative says of the enterprises linked with theirs.

    Raises:
        ValidationError: not a representative, nothing to answer, or the linked enterprises are not named.
    """
    if reason := may_submit_for(actor, applicant):
        raise ValidationError(reason, code="permission")
    return _keep(applicant, Side.APPLICANT, answer, explanation, None, actor)


@transaction.atomic
def decide_links(
    applicant: Applicant,
    *,
    answer: str,
    explanation: str,
    undertaking: SingleUndertaking | None = None,
    actor: "User",
) -> UndertakingAnswer:
    """Answer for the service: all the establishments of the enterprise join ``undertaking``, or stand alone.

    Raises:
        ValidationError: not this person's to answer, nothing to answer, no explanation, no undertaking named.
    """
    if reason := may_answer_on_undertaking(actor, applicant):
        raise ValidationError(reason, code="permission")
    kept = _keep(applicant, Side.SERVICE, answer, explanation, undertaking, actor)
    for establishment in Applicant.objects.of_enterprise(kept.siren).exclude(undertaking=undertaking):
        before, establishment.undertaking = establishment.undertaking, undertaking
        establishment.save(update_fields=["undertaking"])
        changes = {"undertaking": [str(before or ""), str(undertaking or "")]}
        record(establishment, "single_undertaking", actor=actor, changes=changes, comment=explanation)
    return kept


def _keep(
    applicant: Applicant,
    side: str,
    answer: str,
    explanation: str,
    undertaking: SingleUndertaking | None,
    actor: "User",
) -> UndertakingAnswer:
    question = question_on(applicant)
    if question is None:
        raise ValidationError(_("This enterprise has one establishment here: there is nothing to answer."))
    kept = UndertakingAnswer(
        applicant=applicant,
        siren=question.siren,
        establishments=question.sirets,
        side=side,
        answer=answer,
        explanation=explanation.strip(),
        undertaking=undertaking,
        answered_by=actor,
    )
    kept.full_clean()
    kept.save()
    data = {"siren": question.siren, "establishments": question.sirets, "answer": answer, "for": side}
    record(applicant, "undertaking_answer", actor=actor, data=data, comment=kept.explanation)
    return kept
