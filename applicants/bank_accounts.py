"""Bank accounts: entering one, warning of a change, and the account that may be paid."""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from applicants.known_contacts import joined_lately, known_addresses, long_before
from applicants.models import Applicant, BankAccount, Membership
from applicants.permissions import may_enter_bank_account
from applicants.reached import is_reached, warned_addresses
from applicants.rules.identifiers import validate_bic, validate_iban
from core.documents import IMAGE_TYPES, store
from core.events import record
from core.models import Document, User
from core.outbox import enqueue_mail
from core.roles import Role
from core.transitions import TransitionRefused, perform

if TYPE_CHECKING:
    from django.core.files.base import File

PROOF_KIND = "bank_proof"


@transaction.atomic
def enter_account(
    applicant: Applicant,
    *,
    holder_name: str,
    iban: str,
    bic: str = "",
    bank_name: str = "",
    proof: "Document | File | BinaryIO | bytes",
    proof_name: str = "",
    actor: "User",
) -> BankAccount:
    """Enter an account for ``applicant``, to be verified by another person before anything is paid on it.

    One that was still to be verified is replaced. Where it counts as a change (:func:`counts_as_change`) the
    representatives are told at once, so that one who did not ask for it can say so.

    Raises:
        TransitionRefused: ``actor`` may not, or the account is the one that is verified already.
        ValidationError: the IBAN, the BIC or the proof is wrong (with a sentence).
    """
    if reason := may_enter_bank_account(actor, applicant):
        raise TransitionRefused("permission", {"__all__": reason})
    iban = validate_iban(iban)
    bic = validate_bic(bic) if bic else ""
    # The applicant's row is the lock: two people who enter accounts at once come one after the other.
    Applicant.objects.select_for_update(of=("self",), no_key=True).get(pk=applicant.pk)
    current = BankAccount.objects.verified().filter(applicant=applicant).first()
    if current and current.iban == iban:
        raise TransitionRefused(
            "input", {"iban": _("This account is already the one used for payments: nothing to change.")}
        )
    if not isinstance(proof, Document):
        proof = store(
            proof,
            name=proof_name or getattr(proof, "name", "") or "rib.pdf",
            subject=applicant,
            user=actor,
            kind=PROOF_KIND,
            allowed=IMAGE_TYPES,
        )
    for waiting in BankAccount.objects.waiting().filter(applicant=applicant):
        perform(waiting, "supersede", actor=actor, system=True)
    account = BankAccount.objects.create(
        applicant=applicant,
        holder_name=" ".join(holder_name.split()),
        iban=iban,
        bic=bic,
        bank_name=bank_name,
        proof=proof,
        is_change=counts_as_change(applicant, actor),
        entered_by=actor,
    )
    account.refresh_from_db(fields=["is_change"])
    record(account, "enter", actor=actor, data={"iban": account.masked_iban, "is_change": account.is_change})
    if account.is_change:
        _warn_of_change(account, current)
    return account


def counts_as_change(applicant: Applicant, actor: User) -> bool:
    """Whether an account that ``actor`` enters now is a change: one is verified, another person entered one before, whatever
    became of it, or they joined a body that was here before them a short while ago. The database says the same."""
    others = applicant.bank_accounts.filter(Q(state=BankAccount.State.VERIFIED) | ~Q(entered_by=actor))
    return others.exists() or joined_lately(actor, applicant, at=timezone.now())


def people_to_alert(account: BankAccount) -> list[str]:
    """Who is told of a change: the representatives, the body's address, who gave the accounts before, and those known
    long before. Whoever took hold of an account has changed its people and its address first."""
    applicant = account.applicant
    entered = User.objects.filter(pk__in=applicant.bank_accounts.exclude(pk=account.pk).values("entered_by")).order_by(
        "pk"
    )
    found = [
        *warned_addresses(applicant),
        applicant.email,
        *(person.email for person in entered if is_reached(person) and _acts_for(person, applicant)),
        *known_addresses(applicant, at=long_before(account.entered_at)),
    ]
    return list(dict.fromkeys(address.lower() for address in found if address))


def _acts_for(user: "User", applicant: Applicant) -> bool:
    """Whether the person was one of the applicant's: an account that came on paper was entered by an officer."""
    return not user.is_staff_member or Membership.objects.filter(user=user, applicant=applicant).exists()


def service_addresses() -> list[str]:
    """Those of the Region who verify accounts: its finance officers, or the Region's address when there is none."""
    officers = User.objects.filter(groups__name=Role.FINANCE_OFFICER, is_active=True).order_by("pk")
    return list(officers.values_list("email", flat=True)) or [settings.ESSOR_REGION["email"]]


def _warn_of_change(account: BankAccount, current: BankAccount | None) -> None:
    recipients, service = people_to_alert(account), service_addresses()
    others = account.applicant.bank_accounts.exclude(pk=account.pk)
    current = current or others.order_by("-entered_at", "-pk").first()
    record(
        account,
        "change_alert",
        actor=account.entered_by,
        data={
            "replaces": current.pk if current else None,
            "from": current.masked_iban if current else "",
            "to": account.masked_iban,
            "told": recipients,
            "service": service,
        },
    )
    context = {
        "applicant": account.applicant,
        "account": account,
        "current": current,
        "entered_by": account.entered_by,
    }
    site, accounts = settings.ESSOR_SITE_URL, reverse("applicants:bank_accounts", args=[account.applicant_id])
    if recipients:
        enqueue_mail(
            to=recipients,
            template="applicants/mail/bank_account_change",
            context=context | {"url": site + accounts},
            subject_object=account,
            key=f"bank-account-change:{account.pk}",
        )
    enqueue_mail(
        to=service,
        template="applicants/mail/bank_account_change_service",
        context=context | {"url": site + reverse("admin:applicants_bankaccount_change", args=[account.pk])},
        subject_object=account,
        key=f"bank-account-change-service:{account.pk}",
    )


def _live_accounts(applicant: Applicant | int) -> tuple[BankAccount | None, BankAccount | None]:
    """The account that waits to be verified and the one that is."""
    accounts = BankAccount.objects.filter(applicant=applicant, state__in=["entered", "verified"])
    accounts = {account.state: account for account in accounts}
    return accounts.get("entered"), accounts.get("verified")


def account_for_its_owner(applicant: Applicant) -> tuple[BankAccount | None, str]:
    """As ``payable_account``, with the reason in words for the applicant: what to do, or what to wait for."""
    waiting, verified = _live_accounts(applicant)
    return (None if waiting else verified), _words_for_owner(waiting, verified)


def what_the_account_needs(applicant: Applicant | int) -> tuple[str, bool]:
    """Why nothing can be paid to ``applicant`` now, in words for itself (empty: it can), and whether it is its turn."""
    waiting, verified = _live_accounts(applicant)
    return _words_for_owner(waiting, verified), not (waiting or verified)


def _words_for_owner(waiting: BankAccount | None, verified: BankAccount | None) -> str:
    if waiting and verified:
        return _("The service is checking your new bank details: no payment leaves until it has.")
    if waiting:
        return _("The service is checking your bank details: payments can leave once it has.")
    if not verified:
        return _("You have not given your bank details (RIB) yet: nothing can be paid without them.")
    return ""


def replaced_since(account: BankAccount) -> date | None:
    """The day on which the account that replaced this one was entered; None while it is the one that is paid."""
    if account.state != BankAccount.State.SUPERSEDED:
        return None
    later = BankAccount.objects.filter(
        applicant=account.applicant_id, entered_at__gt=account.entered_at, verified_at__isnull=False
    )
    entered_at = later.order_by("entered_at").values_list("entered_at", flat=True).first()
    return timezone.localdate(entered_at) if entered_at else None


def payable_account(applicant: Applicant) -> tuple[BankAccount | None, str]:
    """The account on which ``applicant`` may be paid now, or None and why not.

    While a change waits to be verified nothing is paid, neither on the old account nor on the new one.
    """
    waiting, verified = _live_accounts(applicant)
    reason = _why_not(applicant, waiting, verified)
    return None if reason else verified, reason


def why_not_payable(applicants: Iterable[Applicant]) -> dict[int, str]:
    """Why each of these cannot be paid now, by id, in the words of ``payable_account``; who can is not there. One query."""
    applicants = list(applicants)
    found: dict[int, dict[str, BankAccount]] = {applicant.pk: {} for applicant in applicants}
    for account in BankAccount.objects.filter(applicant__in=found, state__in=["entered", "verified"]):
        found[account.applicant_id][account.state] = account
    reasons = {
        applicant.pk: _why_not(applicant, found[applicant.pk].get("entered"), found[applicant.pk].get("verified"))
        for applicant in applicants
    }
    return {pk: reason for pk, reason in reasons.items() if reason}


def _why_not(applicant: Applicant, waiting: BankAccount | None, verified: BankAccount | None) -> str:
    words = {"name": applicant.display_name}
    if waiting and verified:
        return _("A change of bank account of “%(name)s” waits to be verified: payments wait for it.") % words
    if waiting:
        return _("The bank account of “%(name)s” waits to be verified.") % words
    if not verified:
        return _("“%(name)s” has no bank account yet: ask for its bank details (RIB).") % words
    return ""
