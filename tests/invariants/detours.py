"""What somebody tries besides the line from draft to paid: each is one move of one person, which may be refused."""

from collections.abc import Callable
from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from agreements import claims, payments
from agreements.settlements.services import has_choice, under_way
from applicants.bank_accounts import enter_account
from core.money import share_floor
from core.transitions import perform
from demo import applicant_side, europe, papers, staff_side
from demo.identity import iban
from grants import instruction
from reporting.models import PaymentApplication
from tests.invariants.world import SHARES, Turn

WHY = "Décision motivée."
Detour = Callable[[Turn], None]


# --- before the vote --------------------------------------------------------------------------------------------------


def ask_pieces(turn: Turn) -> None:
    staff_side.ask_for_pieces(turn.play.refreshed(), turn.instructor)


def refuse_piece(turn: Turn) -> None:
    piece = turn.play.refreshed().pieces.current().order_by("pk").first()
    instruction.judge_piece(piece, "refused", actor=turn.instructor, note="Illisible.")


def withdraw(turn: Turn) -> None:
    applicant_side.withdraw(turn.play.refreshed(), turn.play.member)


def retain_less(turn: Turn) -> None:
    line = turn.play.refreshed().budget_lines.filter(side="charge").order_by("rank").first()
    if line is not None:
        amount = share_floor(line.amount, turn.draw_one(SHARES), 1)
        instruction.retain_amount(line, amount, actor=turn.instructor, reason="Devis retenu.")


def compute(turn: Turn) -> None:
    instruction.compute_aid(turn.play.refreshed(), actor=turn.instructor)


def send_back(turn: Turn) -> None:
    perform(turn.play.refreshed(), "send_back", actor=turn.staff["chefferie"], comment="À revoir.")


def lapse_case(turn: Turn) -> None:
    perform(turn.play.refreshed(), "lapse", actor=turn.staff["chefferie"], comment="Sans suite.")


# --- the act and its end ----------------------------------------------------------------------------------------------


def recall(turn: Turn) -> None:
    if turn.play.agreement is not None:
        perform(turn.play.agreement, "recall", actor=turn.instructor, comment=WHY)


def _end(name: str, person: str = "") -> Detour:
    """The agreement ends, and somebody says of each claim under way whether it goes on."""

    def move(turn: Turn) -> None:
        agreement = turn.play.agreement
        if agreement is None:
            return
        waiting = [claim for claim in under_way(agreement) if has_choice(claim)]
        outcomes = {f"claim-{claim.pk}": turn.draw_one(["pay", "refuse"]) for claim in waiting}
        perform(agreement, name, actor=turn.staff.get(person, turn.instructor), data=outcomes, comment=WHY)

    return move


def give_more_time(turn: Turn) -> None:
    if turn.play.agreement is not None:
        until = timezone.localdate() + timedelta(days=turn.draw_one([30, 200]))
        perform(turn.play.agreement, "extend_claims", actor=turn.instructor, data={"until": str(until)}, comment=WHY)


def record_signed_copy(turn: Turn) -> None:
    if turn.play.agreement is not None:
        data = {"signatory": "Camille Martin", "quality": "Présidente", "signed_on": str(timezone.localdate())}
        files = {"file": SimpleUploadedFile("acte-signe.pdf", papers.bank_details("Acte", "signé"))}
        perform(turn.play.agreement, "record_signed_copy", actor=turn.instructor, data=data, files=files)


# --- claims, orders, accounts -----------------------------------------------------------------------------------------


def _on_claim(name: str) -> Detour:
    def move(turn: Turn) -> None:
        claim = turn.play.claims.last()
        if claim is not None:
            perform(claim, name, actor=turn.instructor, data={}, comment=WHY)

    return move


def finance_sends_back(turn: Turn) -> None:
    claim = turn.play.claims.filter(state="certified").first()
    if claim is not None:
        perform(claim, "send_back", actor=turn.staff["finances"], comment=WHY)


def cancel_order(turn: Turn) -> None:
    claim = turn.play.claims.filter(state="ordered").first()
    order = claim.orders.filter(state="ordered").order_by("pk").first() if claim else None
    if order is not None:
        perform(order, "cancel", actor=turn.staff["finances"], data={}, comment="Refus du comptable.")


def take_out(turn: Turn) -> None:
    """Finance puts the claim in a batch, then takes it out before the batch is closed."""
    claim, finance = turn.play.claims.filter(state="certified", certified_amount__gt=0).first(), turn.staff["finances"]
    if claim is not None:
        batch = payments.open_batch(actor=finance, label="À reprendre")
        payments.order_claims(batch, [claim], actor=finance)
        claim.refresh_from_db()
        perform(claim, "withdraw_order", actor=finance, comment=WHY)
        # The figures are looked at years later: an empty batch that nobody abandoned would rightly be late.
        perform(batch, "abandon", actor=finance)


def certify_less(turn: Turn) -> None:
    claim = turn.play.claims.filter(state="certified").first()
    if claim is not None:
        data = {"certified_amount": str(claims.due_of(claim)), "certification_reason": WHY}
        perform(claim, "certify_less", actor=turn.instructor, data=data)


def abandon_batch(turn: Turn) -> None:
    finance = turn.staff["finances"]
    perform(payments.open_batch(actor=finance, label="Sans suite"), "abandon", actor=finance)


def join_credit_note(turn: Turn) -> None:
    """The beneficiary of a claim that was given back declares that a supplier took something back."""
    claim = turn.play.claims.filter(state="returned").first()
    line = claim.lines.filter(declared_amount__gt=0).order_by("rank").first() if claim else None
    if line is None:
        return
    taken = -share_floor(line.declared_amount, turn.draw_one(SHARES), 1)
    values = {name: getattr(line, name) for name in claims.LINE_FIELDS}
    values |= {"invoice_number": f"AV-{line.pk}", "corrects_number": line.invoice_number}
    values |= {"invoice_total": taken, "declared_amount": taken}
    proof = papers.bank_details("Avoir", f"AV-{line.pk}")
    claims.add_line(claim, values, actor=turn.play.member.user, proof=proof, proof_name="avoir.pdf")


def change_account(turn: Turn) -> None:
    """The beneficiary changes its bank; finance, that cannot reach it, refuses the new account."""
    applicant = turn.play.member.applicant
    number = iban(70_000 + applicant.pk)
    account = enter_account(
        applicant,
        holder_name=applicant.name,
        iban=number,
        bank_name="Banque nouvelle",
        proof=papers.bank_details(applicant.name, number),
        proof_name="rib-nouveau.pdf",
        actor=turn.play.member.user,
    )
    perform(account, "reject", actor=turn.staff["finances2"], comment="Le numéro connu n’est pas joint.")


def give_back_report(turn: Turn) -> None:
    agreement = turn.play.agreement
    tranche = agreement.tranches.filter(reports__state="filed").first() if agreement else None
    if tranche is not None:
        perform(tranche.reports.get(), "give_back", actor=turn.instructor, comment="Un indicateur manque.")


# --- the funds --------------------------------------------------------------------------------------------------------


def ask_the_commission(turn: Turn) -> None:
    finance = turn.staff["finances"]
    for fund in ("ESF+", "ERDF"):
        application = PaymentApplication.objects.filter(state="open", fund__code=fund).first()
        if application is None:
            application = europe.ask_the_commission(turn.world.eu_programme, fund, finance)
        else:
            perform(application, "collect", actor=finance)
        if application.lines.exists() and turn.draw_one([True, False]):
            europe.send(application, finance)


def enter_register(turn: Turn) -> None:
    staff_side.enter_in_central_register(turn.instructor)


BEFORE_THE_VOTE: dict[str, Detour] = {
    "pieces are asked": ask_pieces,
    "a piece is refused": refuse_piece,
    "is withdrawn": withdraw,
    "less is retained": retain_less,
    "is computed anew": compute,
    "is sent back": send_back,
    "the case lapses": lapse_case,
}
AFTER_THE_VOTE: dict[str, Detour] = {
    "the case lapses": lapse_case,
    "the register is filled in": enter_register,
    "the act is taken back": recall,
    "the act is terminated": _end("terminate", "chefferie"),
    "the act lapses": _end("lapse", "chefferie"),
    "the act is completed": _end("complete"),
    "more time is given": give_more_time,
    "the signed copy is recorded": record_signed_copy,
    "the claim leaves its batch": take_out,
    "what is still due is certified": certify_less,
    "an empty batch is cancelled": abandon_batch,
    "a credit note is joined": join_credit_note,
    "the claim is given back": _on_claim("give_back"),
    "the claim is suspended": _on_claim("suspend"),
    "the claim is rejected": _on_claim("reject"),
    "finance sends the claim back": finance_sends_back,
    "the order is cancelled": cancel_order,
    "the account changes": change_account,
    "the report is given back": give_back_report,
    "the Commission is asked": ask_the_commission,
}
