"""What instruction does on a case besides its transitions: checks, scores, aid, opinions, notes, messages.

Each function checks who acts and the state of the case, writes, and leaves an event, in one transaction. Screens and
commands call the same functions.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.documents import store
from core.engine.refusals import refusal_message
from core.engine.standing import reason_interested
from core.events import record
from core.json_safe import json_safe
from core.money import format_euros
from grants import notices
from grants.case_facts import case_facts
from grants.models import (
    AidComputation,
    Answer,
    Application,
    BudgetLine,
    CheckAnswer,
    Message,
    Note,
    Opinion,
    OpinionResult,
    Piece,
    Score,
)
from grants.opinion_links import new_link
from grants.permissions import may_write_message
from grants.rules.automatic_checks import AUTOMATIC, fingerprint
from grants.rules.schema import CheckRule
from grants.services.amounts import computed_aid, facts_of
from grants.staff_forms import instructors_of
from grants.staff_permissions import may_assign, may_instruct, reason_not_staff_of
from grants.states import ApplicationState as State
from grants.void import file_read_by, present_facts, void_checks

BEFORE_ADMISSION = (State.SUBMITTED, State.INCOMPLETE)
UNTIL_PROPOSAL = (*BEFORE_ADMISSION, State.ADMISSIBLE, State.IN_INSTRUCTION)
DURING_INSTRUCTION = (State.ADMISSIBLE, State.IN_INSTRUCTION)


class InstructionRefused(Exception):
    """What the instruction of a case does not take; ``str()`` says why, ``field`` names the input at fault."""

    def __init__(self, text: str, field: str = ""):
        super().__init__(str(text))
        self.field = field


def locked_case(application: Application, actor, states: Iterable[str], *, permission=may_instruct) -> Application:
    """The case, locked, once the actor and the state are fine."""
    locked = Application.objects.select_for_update(of=("self",), no_key=True).get(pk=application.pk)
    refusal = permission(actor, locked)
    if refusal:
        raise InstructionRefused(refusal)
    if locked.state not in states:
        raise InstructionRefused(
            _("This is not possible while the case is in the state “%(state)s”.") % {"state": locked.state_label()}
        )
    return locked


# --- checks --------------------------------------------------------------------------------------------------


def check_rule(application: Application, code: str) -> CheckRule:
    """The programme's check of this code; InstructionRefused when there is none."""
    found = next((check for check in application.rules.checks if check.code == code), None)
    if found is None:
        raise InstructionRefused(_("The programme has no such check."), "code")
    return found


def answer_check(application: Application, code: str, answer: str, *, actor, reason: str = "") -> CheckAnswer:
    """Answer one check by yes, no or "na"; anything but yes needs a reason. Replaces the earlier answer."""
    rule = check_rule(application, code)
    if answer not in Answer.values:
        raise InstructionRefused(_("Answer yes, no or not applicable."), "answer")
    if answer != Answer.YES and not reason.strip():
        raise InstructionRefused(_("Say why the answer is not yes."), "reason")
    states = UNTIL_PROPOSAL if rule.stage == "eligibility" else BEFORE_ADMISSION
    with transaction.atomic():
        locked = locked_case(application, actor, UNTIL_PROPOSAL)
        facts = present_facts(locked) if rule.automatic else None
        if locked.state not in states and rule not in void_checks(locked, facts):
            locked_case(application, actor, states)  # says why
        row = _write_answer(locked, rule, answer, reason.strip(), actor, facts)
        record(locked, "check", actor=actor, data={"check": code, "answer": answer}, comment=reason)
    return row


def _write_answer(application, rule: CheckRule, answer: str, reason: str, person, facts=None) -> CheckAnswer:
    """The answer of a person, or of the product when ``person`` is None, with the fingerprint of what it rests on."""
    row, _created = CheckAnswer.objects.update_or_create(
        application=application,
        code=rule.code,
        defaults={
            "stage": rule.stage,
            "answer": answer,
            "reason": reason,
            "is_automatic": person is None,
            "answered_by": person,
            "answered_at": timezone.now(),
            "rests_on": fingerprint(rule.automatic, facts) if facts else "",
        },
    )
    return row


def answer_automatic_checks(application: Application, *, actor=None) -> list[CheckAnswer]:
    """Compute the checks that the product answers itself, with their reasons.

    An answer given by a person stays. Nothing is written for a fact that is unknown or an answer that has not changed.
    Once the case is admissible, what was asked before is computed again only where it rests on facts that changed.
    """
    rules = [rule for rule in application.rules.checks if rule.automatic]
    if not rules:
        return []
    with transaction.atomic():
        locked = Application.objects.select_for_update(of=("self",), no_key=True).get(pk=application.pk)
        present = {item.code: item for item in locked.check_answers.all()}
        facts, written = case_facts(locked), []
        kept = present_facts(locked)
        void = void_checks(locked, kept)
        for rule in rules:
            if rule.stage != "eligibility" and locked.state not in BEFORE_ADMISSION and rule not in void:
                continue
            before = present.get(rule.code)
            finding = AUTOMATIC[rule.automatic](facts)
            if finding.holds is None or (before is not None and not before.is_automatic):
                continue
            answer = Answer.YES if finding.holds else Answer.NO
            if before is None or rule in void or (before.answer, before.reason) != (answer, finding.reason):
                written.append(_write_answer(locked, rule, answer, finding.reason, None, kept))
        if written:
            record(locked, "automatic_checks", actor=actor, data={item.code: item.answer for item in written})
    return written


def refresh_automatic_checks(application: Application, *, actor) -> list[CheckAnswer]:
    """As ``answer_automatic_checks``, on the request of someone who instructs the case."""
    with transaction.atomic():
        locked = locked_case(application, actor, UNTIL_PROPOSAL)
        return answer_automatic_checks(locked, actor=actor)


# --- scoring -------------------------------------------------------------------------------------------------


def score_criterion(application: Application, code: str, score: Decimal, *, actor, comment: str = "") -> Score:
    """Give a case its score on one criterion, between zero and the criterion's highest."""
    criterion = next((item for item in application.rules.criteria if item.code == code), None)
    if criterion is None:
        raise InstructionRefused(_("The programme has no such criterion."), "code")
    if not 0 <= score <= criterion.max_score:
        raise InstructionRefused(
            _("%(criterion)s: type a score between 0 and %(highest)s.")
            % {"criterion": criterion.label, "highest": criterion.max_score},
            code,
        )
    with transaction.atomic():
        locked = locked_case(application, actor, DURING_INSTRUCTION)
        row, _created = Score.objects.update_or_create(
            application=locked,
            code=code,
            defaults={
                "score": score,
                "max_score": criterion.max_score,
                "comment": comment.strip(),
                "scored_by": actor,
                "scored_at": timezone.now(),
            },
        )
        record(locked, "score", actor=actor, data={"criterion": code, "score": score}, comment=comment)
    return row


# --- the aid -------------------------------------------------------------------------------------------------


def retain_amount(line: BudgetLine, amount: Decimal | None, *, actor, reason: str = "") -> BudgetLine:
    """Retain ``amount`` euros of an expense as eligible; None goes back to what the programme's rules retain.

    Raises:
        InstructionRefused: more than the expense, less of it without a ``reason``, or the case is not this person's.
    """
    if amount is not None and not 0 <= amount <= line.amount:
        raise InstructionRefused(
            _("Retain between zero and %(amount)s.") % {"amount": format_euros(line.amount)}, "eligible_amount"
        )
    with transaction.atomic():
        locked = locked_case(line.application, actor, UNTIL_PROPOSAL)
        reason, is_cut = reason.strip(), amount is not None and amount < line.amount
        if is_cut and not reason:
            sentence = _("Say why less than %(amount)s is retained of “%(label)s”.")
            raise InstructionRefused(sentence % {"amount": format_euros(line.amount), "label": line.label}, "reason")
        before = line.eligible_amount
        line.eligible_amount = amount
        line.retained_reason = reason if is_cut else ""
        line.save(update_fields=["eligible_amount", "retained_reason"])
        record(
            locked,
            "retain",
            actor=actor,
            data={"line": line.pk, "label": line.label},
            comment=reason,
            changes={"eligible_amount": [json_safe(before), json_safe(amount)]},
        )
    return line


def compute_aid(application: Application, *, actor) -> AidComputation:
    """Compute the aid anew by the rules under which the case was filed, and keep the computation."""
    with transaction.atomic():
        locked = locked_case(application, actor, UNTIL_PROPOSAL)
        facts = facts_of(locked)
        result = computed_aid(locked)
        kept = result.as_json()
        last = locked.computations.order_by("-number").values_list("number", flat=True).first() or 0
        computation = AidComputation.objects.create(
            application=locked,
            number=last + 1,
            amount=result.amount,
            eligible_base=result.eligible_base,
            facts=_plain(facts),
            lines=kept["lines"],
            per_person=kept["per_person"],
            plan=kept["plan"],
            refusals=list(result.refusals),
            computed_by=actor,
        )
        amounts = {person.key: person.amount for person in result.per_person}
        for person in locked.persons.all():
            person.computed_amount = amounts.get(str(person.pk))
            person.save(update_fields=["computed_amount"])
        before = locked.computed_amount
        locked.computed_amount = result.amount
        locked.save()
        record(
            locked,
            "compute",
            actor=actor,
            data={"computation": computation.number, "amount": result.amount},
            changes={"computed_amount": [json_safe(before), json_safe(result.amount)]},
        )
        answer_automatic_checks(locked, actor=actor)
    application.refresh_from_db()
    return computation


def _plain(facts) -> dict:
    return {
        "budget": [json_safe(vars(item)) for item in facts.budget],
        "persons": [json_safe(vars(item)) for item in facts.persons],
        "tranches": [json_safe(vars(item)) for item in facts.tranches],
        "years": facts.years,
        "requested": json_safe(facts.requested),
    }


# --- opinions ------------------------------------------------------------------------------------------------


def ask_opinion(
    application: Application,
    code: str,
    *,
    actor,
    email: str,
    due_on: date,
    body: str = "",
    question: str = "",
    pieces: Iterable[int] = (),
) -> Opinion:
    """Ask a body for its opinion, by mail, with the date by which it is expected and a link to the case in short.

    ``pieces``: ids of the pieces of the case that the body may read by its link; the others stay closed to it.
    """
    rule = next((item for item in application.rules.opinions if item.code == code), None)
    if rule is None and not body:
        raise InstructionRefused(_("Name the body that you consult."), "body")
    if due_on <= timezone.localdate():
        raise InstructionRefused(_("Choose a date in the future."), "due_on")
    try:
        with transaction.atomic():
            locked = locked_case(application, actor, UNTIL_PROPOSAL)
            opinion = Opinion.objects.create(
                application=locked,
                code=code,
                body=body or str(rule.body),
                email=email,
                question=question,
                due_on=due_on,
                asked_by=actor,
                shared_pieces=sorted(locked.pieces.filter(pk__in=list(pieces)).values_list("pk", flat=True)),
            )
            record(locked, "ask_opinion", actor=actor, data={"opinion": code, "body": opinion.body, "due_on": due_on})
            notices.send_opinion_request(opinion, new_link(opinion))
    except IntegrityError as error:
        if text := refusal_message(error):
            raise InstructionRefused(text, "code") from error
        raise
    return opinion


def record_opinion(
    opinion: Opinion, result: str, *, actor, given_on: date, proof=None, proof_name: str = "", summary: str = ""
) -> Opinion:
    """Write down the opinion received, with its signed document.

    Args:
        proof: an upload or bytes; ``core.documents.DocumentRefused`` when the file is not taken. None accepts the
            document that the body sent by its link.
    """
    if result not in OpinionResult.values:
        raise InstructionRefused(_("Say what the opinion is."), "result")
    if not timezone.localdate(opinion.asked_at) <= given_on <= timezone.localdate():
        raise InstructionRefused(_("The opinion was given between the day it was asked and today."), "given_on")
    with transaction.atomic():
        locked = locked_case(opinion.application, actor, UNTIL_PROPOSAL)
        opinion = Opinion.objects.select_for_update(of=("self",)).get(pk=opinion.pk)
        if opinion.result:
            raise InstructionRefused(_("This opinion is recorded already."))
        if not proof and opinion.answer_document is None:
            raise InstructionRefused(_("Join the signed opinion: the body sent none by its link."), "proof")
        if proof:
            name = proof_name or getattr(proof, "name", "")
            opinion.document = store(proof, name=name, subject=opinion, user=actor, kind="opinion")
        else:
            opinion.document = opinion.answer_document
        if proof or opinion.file_number is None:  # what came by the link keeps the file that was read then
            opinion.file_number = file_read_by(opinion, given_on)
        opinion.result, opinion.given_on, opinion.summary = result, given_on, summary.strip()
        opinion.recorded_by, opinion.recorded_at = actor, timezone.now()
        opinion.save()
        record(
            locked,
            "opinion",
            actor=actor,
            data={"opinion": opinion.code, "result": result, "proof": opinion.document},
            comment=summary,
        )
    return opinion


def close_opinion_link(opinion: Opinion, *, actor) -> Opinion:
    """Close at once the link by which a body reads the case; its answer may still come by another way."""
    with transaction.atomic():
        locked = locked_case(opinion.application, actor, UNTIL_PROPOSAL)
        opinion = Opinion.objects.select_for_update(of=("self",)).get(pk=opinion.pk)
        opinion.token_hash, opinion.link_expires_at = "", None
        opinion.save(update_fields=["token_hash", "link_expires_at"])
        record(locked, "opinion_link_closed", actor=actor, data={"opinion": opinion.code})
    return opinion


# --- pieces, notes, messages, assignment ---------------------------------------------------------------------


def judge_piece(piece: Piece, state: str, *, actor, note: str = "") -> Piece:
    """Accept a piece, or say what is wrong with it: the applicant reads the note when pieces are asked for."""
    if state not in (Piece.State.ACCEPTED, Piece.State.REFUSED, Piece.State.PROVIDED):
        raise InstructionRefused(_("Accept the piece or refuse it."), "state")
    if state == Piece.State.REFUSED and not note.strip():
        raise InstructionRefused(_("Say what is wrong with the piece: the applicant will read it."), "note")
    with transaction.atomic():
        locked = locked_case(piece.application, actor, UNTIL_PROPOSAL)
        piece.state, piece.note = state, note.strip()
        piece.save(update_fields=["state", "note"])
        record(
            locked,
            "piece",
            actor=actor,
            data={"piece": piece.code, "file": piece.document, "state": state},
            comment=note,
        )
    return piece


def add_note(application: Application, body: str, *, actor) -> Note:
    """An internal note: staff of the programme only."""
    refusal = reason_not_staff_of(actor, application)
    if refusal:
        raise InstructionRefused(refusal)
    if not body.strip():
        raise InstructionRefused(_("Write something."), "body")
    with transaction.atomic():
        note = Note.objects.create(application=application, body=body.strip(), author=actor)
        record(application, "note", actor=actor, data={"note": note.pk})
    return note


def write_to_applicant(application: Application, body: str, *, actor) -> Message:
    """A message in the portal; the mail only says that there is one."""
    refusal = reason_not_staff_of(actor, application) or may_write_message(actor, application)
    if refusal:
        raise InstructionRefused(refusal)
    if not body.strip():
        raise InstructionRefused(_("Write something."), "body")
    with transaction.atomic():
        message = Message.objects.create(application=application, author=actor, body=body.strip(), from_staff=True)
        application.messages.unread_by_staff().update(read_at=timezone.now())
        record(application, "message", actor=actor, data={"message": message.pk})
        notices.send_message(application, message)
    return message


def mark_read(application: Application, *, actor) -> int:
    """The applicant's messages have been read by the service; how many were not."""
    refusal = reason_not_staff_of(actor, application)
    if refusal:
        raise InstructionRefused(refusal)
    return application.messages.unread_by_staff().update(read_at=timezone.now())


def assign_instructor(application: Application, instructor, *, actor) -> Application:
    """Give the case to an instructor of its programme."""
    if not instructors_of(application.programme_version.programme_id).filter(pk=instructor.pk).exists():
        raise InstructionRefused(
            _("%(person)s does not instruct the cases of %(programme)s.")
            % {"person": instructor, "programme": application.programme_version.programme},
            "instructor",
        )
    with transaction.atomic():
        locked = locked_case(
            application, actor, [state for state in State if state != State.DRAFT], permission=may_assign
        )
        if reason_interested(instructor, locked):
            raise InstructionRefused(
                _("%(person)s has an interest in this case: give it to somebody else.") % {"person": instructor},
                "instructor",
            )
        if locked.instructor_id == instructor.pk:
            return locked
        before = locked.instructor_id
        locked.instructor = instructor
        locked.save()
        record(
            locked,
            "assign",
            actor=actor,
            data={"instructor": instructor},
            changes={"instructor": [before, instructor.pk]},
        )
    application.refresh_from_db()
    return application


def choose_eu_fund(application: Application, eu_fund: str, *, actor) -> Application:
    """Say which European fund will co-finance the case: "ESF+", "ERDF" or "" for none."""
    with transaction.atomic():
        fund_of_act(locked_case(application, actor, UNTIL_PROPOSAL), eu_fund, actor=actor)
    application.refresh_from_db()
    return application


def fund_of_act(locked: Application, eu_fund: str, *, actor) -> None:
    """Write the European fund of a locked case: the one place that holds it. Its act, which repeats it among its terms,
    is drawn up with another one through here too: the database refuses two."""
    before = locked.eu_fund
    if before != eu_fund:
        locked.eu_fund = eu_fund
        locked.save()
        record(locked, "eu_fund", actor=actor, changes={"eu_fund": [before, eu_fund]})
