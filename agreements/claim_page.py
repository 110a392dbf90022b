"""The beneficiary's page of a claim: what is missing, the lines with their proofs, what happens next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from agreements.agreement_page import DONE, LATER, NOW, Step
from agreements.budget_accounts import charge_accounts, told_of_what_is_above
from agreements.closing import account_is_open
from agreements.costs import costs_as_filed, costs_of, told_by_the_final_claim
from agreements.due import asked_back_of, ordered_above_of, reckoning_of
from agreements.duplicates import typed_again
from agreements.forms.portal import AmountForm, PieceForm, ProofForm, ReplyForm, WorkbookForm
from agreements.forms.transitions import SubmitClaimForm
from agreements.models import ClaimPiece, ExpenditureLine, PaymentClaim
from agreements.order_parts import who_waits
from agreements.permissions import may_edit_claim, may_reply, may_submit_claim
from agreements.settlements.services import kept_until, why_it_stops
from agreements.still_due import changed_due, told_of_the_change, why_nothing_is_paid
from core.site.chosen_files import remember
from core.transitions import reasons_against

State = PaymentClaim.State
BESIDE_THE_CLAIM = ("proof", "workbook")
"""The fields whose files go to buttons of their own: chosen and not sent, they hold the filing of the claim."""


@dataclass(frozen=True)
class AskedPiece:
    """A piece that the payment asks for, what was joined, and the form to join it."""

    code: str
    label: str
    required: bool
    joined: list[ClaimPiece]
    form: PieceForm

    @property
    def is_missing(self) -> bool:
        """Whether the claim cannot be filed without it."""
        return self.required and not self.joined


def asked_pieces(
    claim: PaymentClaim, refused: tuple[str, PieceForm] | None = None, chosen: Mapping[str, str] | None = None
) -> list[AskedPiece]:
    """The pieces that the payment asks for, in their order; ``chosen`` as in :func:`claim_context`."""
    joined: dict[str, list[ClaimPiece]] = {}
    for piece in claim.pieces.select_related("document__file"):
        joined.setdefault(piece.code, []).append(piece)
    return [
        AskedPiece(
            code=rule["code"],
            label=rule["label"],
            required=rule.get("required", True),
            joined=joined.get(rule["code"], []),
            form=refused[1]
            if refused and refused[0] == rule["code"]
            else remember(PieceForm(prefix=rule["code"]), chosen or {}),
        )
        for rule in claim.instalment.required_pieces
    ]


def lines_of(claim: PaymentClaim) -> list[ExpenditureLine]:
    """The lines in their order, with their proofs: one query."""
    return list(claim.lines.select_related("proof__file").order_by("rank"))


def alike_sentence(ranks: list[int]) -> str:
    """What is said of a line that another one of the claim may repeat; it is kept all the same."""
    words = {"ranks": ", ".join(map(str, ranks))}
    sentence = ngettext(
        "Same supplier and same invoice number as line %(ranks)s. If it is the same expenditure, remove one of the two; "
        "if the invoice is shared between them, leave both.",
        "Same supplier and same invoice number as lines %(ranks)s. If it is the same expenditure, keep one of them; "
        "if the invoice is shared between them, leave them all.",
        len(ranks),
    )
    return sentence % words


def _mark_lines_alike(lines: list[ExpenditureLine]) -> None:
    """Say on each line which other one of its claim gives its supplier and number."""
    again = typed_again(lines)
    for line in lines:
        line.alike = alike_sentence(again[line.rank]) if line.rank in again else ""


def claim_context(
    claim: PaymentClaim,
    user: Any,
    typed: QueryDict | None = None,
    chosen: Mapping[str, str] | None = None,
    *,
    amount_form: AmountForm | None = None,
    piece_form: tuple[str, PieceForm] | None = None,
    proof_form: ProofForm | None = None,
    submit_form: SubmitClaimForm | None = None,
    workbook_form: WorkbookForm | None = None,
    reply_form: ReplyForm | None = None,
) -> dict[str, Any]:
    """What the page shows to one reader; a refused form is shown with what was typed.

    ``typed`` is what the page's other buttons sent: boxes that were ticked stay so, without a word of error; ``chosen``
    the names of the files that were chosen for them, by field: the page asks for them again.
    """
    lines = lines_of(claim)
    refusal = may_edit_claim(user, claim)
    closed = refusal if claim.state == State.REJECTED else None
    ended = (why_it_stops(claim) or _why_closed(claim)) if claim.is_editable else None
    writes = refusal is None and ended is None
    if writes:
        _mark_lines_alike(lines)
    events, waiting = list(claim.events), who_waits(claim)
    initial = {"claimed_amount": claim.claimed_amount, "statement": claim.statement}
    typed, chosen = typed or QueryDict(), chosen or {}
    above = asked_back_of(claim)
    ordered_above = ordered_above_of(claim, above)
    nothing_paid = why_nothing_is_paid(claim) if writes else ""
    missing = reasons_against(claim, "submit", user) if writes and not nothing_paid else {}
    return {
        "claim": claim,
        "agreement": claim.agreement,
        "instalment": claim.instalment,
        "lines": lines,
        "above_retained": told_of_what_is_above(claim) if writes and lines else [],
        "unproved": [line for line in lines if line.proof_id is None],
        "accounts": dict(charge_accounts(claim.agreement)) if lines else {},
        "pieces": asked_pieces(claim, piece_form, chosen),
        "writes": writes,
        "ended": ended,
        "kept_until": kept_until(claim) if writes else "",
        "gives_up": refusal is None and claim.state == State.DRAFT and why_it_stops(claim) is None,
        "closed": closed,
        "awaits_siret": writes and claim.agreement.beneficiary.awaits_siret,
        "replies": list(claim.replies.select_related("document__file", "author")) if _may_have_replies(events) else [],
        "reply_form": (reply_form or remember(ReplyForm(prefix="reply"), chosen))
        if claim.state == State.SUSPENDED and may_reply(user, claim) is None
        else None,
        "answers_now": claim.state == State.SUSPENDED and not _is_answered(events),
        "missing": [text for texts in missing.values() for text in texts],
        "nothing_paid": nothing_paid,
        "before_filing": costs_of(claim) if writes and not missing and not nothing_paid else [],
        "as_filed": costs_as_filed(claim),
        "told_by_the_final": told_by_the_final_claim(claim) or told_of_the_change(claim),
        "reckoning": reckoning_of(claim),
        "asked_back": above - ordered_above,
        "ordered_above": ordered_above,
        "given_up": list(claim.given_up.select_related("share")) if claim.given_up_amount else [],
        "answer": last_answer(claim, events),
        "timeline": timeline_of(claim, events, waiting),
        "waiting": waiting,
        "amount_form": amount_form or AmountForm(initial=initial),
        "proof_form": proof_form or remember(ProofForm(lines=lines, initial={"lines": typed.getlist("lines")}), chosen),
        "submit_form": submit_form
        or SubmitClaimForm(instance=claim, actor=user, initial={"attested": "attested" in typed}),
        "submit_refusal": may_submit_claim(user, claim) if writes else None,
        "aside": [(name, chosen[name]) for name in BESIDE_THE_CLAIM if name in chosen],
        "workbook_form": workbook_form or remember(WorkbookForm(), chosen),
        "forms": [
            form
            for form in (amount_form, piece_form and piece_form[1], proof_form, submit_form, workbook_form, reply_form)
            if form is not None
        ],
        "orders": claim.orders.exclude(state="cancelled").select_related("payee", "share").order_by("pk"),
    }


def _why_closed(claim: PaymentClaim) -> str | None:
    """Why a claim that is being written can no longer be filed: the final claim of its part was."""
    refused = account_is_open(claim, {}, None)
    return " ".join(refused.values()) if refused else None


def _may_have_replies(events: list) -> bool:
    return any(event.action == "reply" for event in events)


def _is_answered(events: list) -> bool:
    """Whether the beneficiary answered the suspension that holds now."""
    return _answer_to(events) is not None


def _answer_to(events: list) -> Any:
    """The event of that answer; None as long as there is none."""
    last = next((event for event in reversed(events) if event.action in ("suspend", "reply")), None)
    return last if last is not None and last.action == "reply" else None


def last_answer(claim: PaymentClaim, events: list) -> str:
    """What the service wrote when it returned, suspended or rejected the claim; empty in the other states."""
    answers = {
        State.RETURNED: ("give_back",),
        State.SUSPENDED: ("suspend",),
        State.REJECTED: ("reject", "refuse_at_end"),  # not "abandon": these are words of the service
    }
    actions = answers.get(claim.state, ())
    return next((event.comment for event in reversed(events) if event.action in actions), "")


#: The moves that stay in the timeline, whatever came after them.
MOVES = ("submit", "give_back", "suspend", "reply")


def timeline_of(claim: PaymentClaim, events: list, waiting: Sequence[str] = ()) -> list[Step]:
    """Filed, checked, ordered, paid: what is behind, where it stands, what comes. ``waiting``: whose part waits."""
    moves = [event for event in events if event.action in MOVES]
    steps = [Step(_("Claim opened"), DONE, claim.opened_at), *_past_moves(claim, moves)]
    if claim.state == State.REJECTED and claim.submitted_at is None:
        pass  # it was never filed: given up, or its agreement ended before
    elif claim.is_editable:
        returned = claim.state == State.RETURNED
        steps.append(Step(_("To be completed by you") if returned else _("You are writing it"), NOW))
        steps.append(Step(pgettext("feminine", "Filed"), LATER))
    elif not moves:
        steps.append(Step(pgettext("feminine", "Filed"), DONE, claim.submitted_at))
    if claim.state in (State.REJECTED, State.SUSPENDED):
        last = next((event for event in reversed(events) if event.to_state == claim.state), None)
        text = given_up_words(last)
        answer = _answer_to(events) if claim.state == State.SUSPENDED else None
        stage = NOW if answer is None else DONE
        steps.append(Step(claim.state_label("applicant"), stage, last.created_at if last else None, text))
        if answer is not None:
            steps.append(Step(_("Answered: the service reads it"), NOW, answer.created_at))
        if claim.state == State.REJECTED:
            return steps
    return [*steps, *_payment_steps(claim, waiting)]


def given_up_words(event) -> str:
    """Who gave a claim up, and why when they wrote it; empty for any other event."""
    if event is None or event.action != "abandon":
        return ""
    by = _("Given up by %(person)s.") % {"person": event.actor}
    return f"{by} {event.comment}".strip()


def _past_moves(claim: PaymentClaim, moves: list) -> list[Step]:
    """Every filing, return, suspension and answer, but the suspension that holds now and its answer: they have steps of
    their own. What was written of a return that holds now stands above them."""
    titles = {
        "submit": pgettext("feminine", "Filed"),
        "give_back": _("Returned to you"),
        "suspend": str(claim.STATE_LABELS_APPLICANT[State.SUSPENDED]),
        "reply": _("Answer sent"),
    }
    if claim.state == State.SUSPENDED:
        last = max((rank for rank, event in enumerate(moves) if event.action == "suspend"), default=len(moves))
        moves = moves[:last]
    holds = moves[-1] if moves and claim.state == State.RETURNED else None
    told = [event.comment if event.action in ("give_back", "suspend") and event is not holds else "" for event in moves]
    return [Step(titles[event.action], DONE, event.created_at, text) for event, text in zip(moves, told, strict=True)]


def _payment_steps(claim: PaymentClaim, waiting: Sequence[str]) -> list[Step]:
    if changed_due(claim) is not None:
        return [
            Step(_("Checked by the Region"), DONE, claim.certified_at),
            Step(claim.state_label("applicant"), NOW),
        ]
    if claim.owes_nothing:
        return [
            Step(_("Checked by the Region"), DONE, claim.certified_at),
            Step(_("Nothing is due: no payment follows"), DONE if claim.is_over else NOW, claim.ordered_at),
        ]
    if claim.is_over and not claim.paid_on:
        return [
            Step(_("Checked and accepted by the Region"), DONE, claim.certified_at),
            Step(_("Given up: no payment follows"), DONE),
        ]
    reading = claim.state in (State.SUBMITTED, State.UNDER_REVIEW)
    stages = [
        (_("Checked and accepted by the Region"), claim.certified_at, reading),
        (_("Payment ordered"), claim.ordered_at, claim.state == State.CERTIFIED),
        (_("Paid"), claim.paid_on, claim.state == State.ORDERED),
    ]
    steps = [
        Step(title, DONE, when) if when else Step(title, NOW if is_now else LATER) for title, when, is_now in stages
    ]
    if waiting and claim.ordered_amount:
        steps[1] = Step(_("Payment ordered in part"), NOW, claim.ordered_at, " ".join(waiting))
    elif waiting:
        steps[1] = Step(steps[1].title, steps[1].status, steps[1].when, " ".join(waiting))
    return steps
