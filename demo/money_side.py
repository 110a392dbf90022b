"""What happens after the vote: act, signatures, claims with their invoices, certification, orders, payments."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from agreements import claims, drafting, payments, reports
from agreements.axes import axes_of
from agreements.models import Agreement, Instalment, PaymentClaim, Tranche
from applicants.bank_accounts import enter_account
from applicants.models import Applicant
from core.models import User
from core.money import share_floor
from core.transitions import perform
from demo import papers
from demo.applicant_side import Member, register
from demo.cases import Case
from demo.identity import iban, siret

PRESIDENT = "La présidente du conseil régional"
# What a supplier of each account sells, and its name.
SUPPLIERS = {
    "622": ("Coopérative de formation Champenoise", "Formation-action du collectif"),
    "623": ("Imprimerie solidaire", "Affiches, site et supports"),
    "625": ("Autopartage des Ardennes", "Déplacements et salles"),
    "604": ("Bureau d’études en coopération", "Prestation d’appui"),
    "641": ("Personnel", "Salaires de l’équipe"),
    "645": ("URSSAF", "Cotisations sociales"),
}
PARTS = 3  # invoices for each line of the budget
CUT = Decimal("120.00")


@dataclass(frozen=True)
class Office:
    """Who does what after the vote."""

    instructor: User
    head: User
    finance: User
    second_finance: User


def verify_account(applicant: Applicant, actor: User) -> None:
    """Finance checks the bank account with its dated proof, once."""
    account = applicant.bank_accounts.filter(state="entered").first()
    if account is not None:
        perform(account, "verify", actor=actor, data={"proof_dated": timezone.localdate() - timedelta(days=2)})


def enter_accounts_of_persons(agreement: Agreement, office: Office) -> None:
    """The persons of a SCOP sent their bank details: the instructor enters them, finance will verify them."""
    for share in agreement.shares.select_related("applicant"):
        if share.applicant is not None and not share.applicant.bank_accounts.exists():
            number = iban(50_000 + share.pk)
            enter_account(
                share.applicant,
                holder_name=share.person_name,
                iban=number,
                bank_name="Banque de démonstration",
                proof=papers.bank_details(share.person_name, number),
                proof_name="rib.pdf",
                actor=office.instructor,
            )
            verify_account(share.applicant, office.second_finance)


def draft(application, case: Case, office: Office) -> Agreement:
    """The act, co-financed or not."""
    return drafting.draft_agreement(application, actor=office.instructor, eu_fund=case.eu_fund)


def send(agreement: Agreement, office: Office) -> None:
    """The beneficiary can read it."""
    perform(agreement, "send", actor=office.instructor)


def sign(agreement: Agreement, member: Member) -> None:
    """The representative accepts the very file in the portal."""
    perform(
        agreement,
        "confirm",
        actor=member.user,
        data={
            "signatory": member.organisation.person,
            "quality": "Représentante ou représentant légal",
            "sha256": agreement.document_pdf.file.sha256,
            "accepted": "on",
        },
    )


def enter_force(agreement: Agreement, office: Office) -> None:
    """The Region signs and notifies."""
    today = timezone.localdate().isoformat()
    perform(
        agreement,
        "enter_force",
        actor=office.head,
        data={"region_signatory": PRESIDENT, "region_signed_on": today, "notified_on": today},
    )


# --- claims ---------------------------------------------------------------------------------------------------------


def claim(agreement: Agreement, instalment: Instalment, member: Member, *, share: Decimal = Decimal(1)) -> PaymentClaim:
    """The beneficiary claims an instalment, with its pieces and, where asked, invoices and their proofs."""
    found = claims.open_claim(agreement, instalment, actor=member.user)
    today = timezone.localdate()
    for piece in instalment.required_pieces:
        if piece["required"]:
            content = papers.piece(piece["label"], member.applicant, today)
            claims.join_piece(found, piece["code"], content, actor=member.user, name=f"{piece['code']}.pdf")
    if instalment.needs_expenditure:
        _declare(found, member, share)
    register(member)
    claims.submit(found, actor=member.user)
    return found


def _declare(found: PaymentClaim, member: Member, share: Decimal) -> None:
    agreement, tranche = found.agreement, found.instalment.tranche
    start = tranche.starts_on if tranche else agreement.start
    end = min(tranche.ends_on if tranche else agreement.end, timezone.localdate() - timedelta(days=5))
    for line in agreement.budget_lines.filter(side="charge").order_by("rank"):
        amount = share_floor(line.amount, tranche.cost, agreement.eligible_base) if tranche else line.amount
        _invoices(found, member, line, share_floor(amount, share, 1), start, end)


def _invoices(found: PaymentClaim, member: Member, line, amount: Decimal, start: date, end: date) -> None:
    supplier, what = SUPPLIERS[line.account_code]
    axis = line.axis if axes_of(found.agreement) else ""
    part = share_floor(amount, 1, PARTS)
    for rank in range(1, PARTS + 1):
        euros = part if rank < PARTS else amount - part * (PARTS - 1)
        day = start + (end - start) * rank // (PARTS + 1)
        number = f"F{found.number[-5:]}-{line.rank}{rank}"
        claims.add_line(
            found,
            {
                "account_code": line.account_code,
                "axis": axis,
                "category": line.label,
                "supplier_name": supplier,
                "supplier_siret": siret(800 + int(line.account_code) % 100),
                "invoice_number": number,
                "invoice_date": day,
                "paid_on": day + timedelta(days=4),
                "description": what,
                "invoice_total": euros,
                "declared_amount": euros,
            },
            actor=member.user,
            proof=papers.invoice(supplier, number, day, what, euros, member.organisation.name),
            proof_name=f"facture-{number}.pdf",
        )


def certify(found: PaymentClaim, office: Office, *, cut: bool = False) -> None:
    """The instructor reads the lines, keeps or cuts them, and certifies what is due."""
    perform(found, "start_review", actor=office.instructor)
    for rank, line in enumerate(found.lines.order_by("rank")):
        kept = line.declared_amount - CUT if cut and rank == 0 else line.declared_amount
        reason = "Frais de bouche non prévus par la convention." if kept != line.declared_amount else ""
        claims.certify_line(line, kept, actor=office.instructor, reason=reason)
    found.refresh_from_db()
    due = claims.due_of(found)
    reason = "" if due == found.claimed_amount else "Dépenses certifiées inférieures aux dépenses prévues."
    data = {"certified_amount": str(due), "certification_reason": reason}
    perform(found, "certify", actor=office.instructor, data=data)


def order(waiting: list[PaymentClaim], office: Office, label: str):
    """Finance gathers certified claims in a batch and closes it: the workbook goes to the finance software."""
    batch = payments.open_batch(actor=office.finance, label=label)
    payments.order_claims(batch, waiting, actor=office.finance)
    payments.close_batch(batch, actor=office.finance)
    return batch


def pay(batch, office: Office) -> None:
    """The public accountant has paid: each order is confirmed."""
    orders = list(batch.orders.filter(state="ordered").order_by("pk"))
    payments.confirm_payments(orders, paid_on=timezone.localdate(), actor=office.second_finance)


def report_on(tranche: Tranche, member: Member) -> None:
    """The beneficiary reports on the year that has ended."""
    content = papers.letter(
        member.organisation.name,
        f"Bilan de l’année {tranche.rank}",
        ["Actions réalisées, publics touchés, indicateurs et comptes de l’année."],
        timezone.localdate(),
    )
    reports.file_report(
        tranche,
        summary="Les actions prévues ont été menées ; les indicateurs sont atteints.",
        spent_amount=tranche.cost,
        upload=SimpleUploadedFile(f"bilan-{tranche.rank}.pdf", content, "application/pdf"),
        actor=member.user,
    )


def accept_report(tranche: Tranche, office: Office) -> None:
    """The instructor accepts it: the next tranche opens."""
    perform(tranche.reports.get(), "accept", actor=office.instructor, comment="Bilan conforme.")


def complete(agreement: Agreement, office: Office) -> None:
    """Everything due was paid: the agreement is completed, the case closed."""
    perform(agreement, "complete", actor=office.instructor, comment="Tout est versé, compte rendu reçu.")


def give_up(agreement: Agreement, head: User) -> None:
    """The time given to the beneficiary to sign has run out."""
    perform(agreement, "lapse", actor=head, comment="Acte resté sans suite six mois après son envoi.")
