"""The beneficiary's page of an agreement: what to do first, the payments in their order, where everything stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import urlencode

from django.db.models import Prefetch, prefetch_related_objects
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.changed_since import with_change
from agreements.closing import BALANCE, closed_parts, why_closed
from agreements.models import Agreement, Instalment, PaymentClaim, Tranche, TrancheReport
from agreements.order_parts import who_waits
from agreements.settlements.services import why_it_stops
from agreements.still_due import why_nothing_is_paid
from applicants.bank_accounts import what_the_account_needs
from core.dates import format_date_long
from core.money import format_euros

LATER, NOW, DONE, DROPPED = "later", "now", "done", "dropped"


@dataclass(frozen=True)
class Task:
    """What the beneficiary has to do, and where."""

    text: str
    url: str = ""
    action: str = ""
    is_theirs: bool = True
    """False for what only waits for the service: it is told, and is nobody's turn in the lists of the portal."""


@dataclass(frozen=True)
class Step:
    """A step of a timeline; ``status`` is done, now, later, or dropped: it will not come any more."""

    title: str
    status: str
    when: datetime | date | str | None = None
    text: str = ""
    url: str = ""
    url_label: str = ""


@dataclass(frozen=True)
class Payment:
    """An instalment with its live claim, and whether it may be claimed now."""

    instalment: Instalment
    claim: PaymentClaim | None
    is_claimable: bool
    has_ended: bool = False
    """The agreement has ended: what was not claimed is not to come any more."""
    year_before: Tranche | None = None
    """The year whose report opens its own."""
    closed_by: PaymentClaim | None = None
    """The filed balance that closed its account: what was not filed before it is not to come any more."""

    @property
    def asked(self) -> Decimal | None:
        """Euros that its claim asks for, while nothing is accepted of it; None without a claim, and afterwards."""
        if self.claim is None or self.claim.certified_amount is not None:
            return None
        return self.claim.claimed_amount

    @property
    def opens_after(self) -> date | None:
        """The last day of the year that its balance closes, until it has come; None of any other payment.

        It may be claimed before, by who has spent all, and it closes the account: nobody is asked to do so now.
        """
        tranche = self.instalment.tranche
        waits = self.is_claimable and self.instalment.kind == BALANCE and tranche is not None
        return tranche.ends_on if waits and tranche.ends_on >= timezone.localdate() else None

    @property
    def is_to_claim_now(self) -> bool:
        """Whether claiming it is something to do now."""
        return self.is_claimable and self.opens_after is None

    @property
    def answer_sent_at(self) -> datetime | None:
        """When the answer to the suspension that holds now was sent; None while it is awaited."""
        claim = self.claim
        if claim is None or claim.state != PaymentClaim.State.SUSPENDED or not is_answered(claim):
            return None
        return claim.answered_at

    @property
    def pay_by(self) -> date | None:
        """The day by which it is to be paid, as long as that may still come true."""
        due_on = self.instalment.due_on
        to_come = self.claim is None and not self.is_settled
        told = due_on and to_come and due_on >= timezone.localdate()
        return due_on if told else None

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is paid on it."""
        return self.has_ended or self.closed_by is not None if self.claim is None else self.claim.is_over

    @property
    def waits(self) -> str:
        """Why it cannot be claimed yet, in a few words; empty when it can or was."""
        if self.claim is not None or self.is_claimable or self.has_ended:
            return ""
        if self.closed_by is not None:
            return why_closed(self.closed_by.number)
        tranche = self.instalment.tranche
        if tranche is None or tranche.state != Tranche.State.PLANNED:
            return ""
        if self.year_before is None:
            return _("opens once the agreement is in force")
        if tranche.rank - self.year_before.rank > 1:
            return _("opens with the report on %(year)s") % {"year": self.year_before.label}
        return _("opens with the report of the year before")


@dataclass(frozen=True)
class Year:
    """A tranche with its report, for those who report on it."""

    tranche: Tranche
    report: TrancheReport | None
    year_before: Tranche | None = None
    act_has_ended: bool = False

    @property
    def is_open(self) -> bool:
        """Whether a report may be filed now: the act is in force, the year was opened, and has ended."""
        return (
            self.report is None
            and not self.act_has_ended
            and not self.tranche.is_passed_over
            and self.tranche.state != Tranche.State.PLANNED
            and self.has_ended
        )

    @property
    def report_waits(self) -> str:
        """When its report may be filed, in a few words; empty when it may, or was."""
        if self.report is not None or self.is_open:
            return ""
        if self.tranche.is_passed_over:
            return _("none is asked for")
        if self.tranche.state == Tranche.State.PLANNED:
            return _("after the report of the year before") if self.year_before else _("once the year has ended")
        return _("to file once the year has ended, after %(day)s") % {"day": format_date_long(self.tranche.ends_on)}

    @property
    def is_returned(self) -> bool:
        """Whether the service asked for more, and still takes it."""
        sent_back = self.report is not None and self.report.state == TrancheReport.State.RETURNED
        return sent_back and not self.act_has_ended

    @property
    def is_dropped(self) -> bool:
        """Whether the act ended before its report was filed, or completed: none is expected any more."""
        there = (TrancheReport.State.FILED, TrancheReport.State.ACCEPTED)
        return self.act_has_ended and (self.report is None or self.report.state not in there)

    @property
    def has_ended(self) -> bool:
        """Whether the year is over: its report is expected."""
        return self.tranche.ends_on < timezone.localdate()


def load(agreement: Agreement) -> None:
    """Fetch what the page shows, one query a relation."""
    prefetch_related_objects(
        [agreement],
        Prefetch("instalments", Instalment.objects.select_related("tranche").order_by("rank")),
        Prefetch("claims", with_change(PaymentClaim.objects.with_answers()).order_by("opened_at", "pk")),
        Prefetch("tranches", Tranche.objects.order_by("rank")),
        Prefetch("tranches__reports", TrancheReport.objects.select_related("document__file")),
        "shares",
        "document_pdf__file",
        "signed_document__file",
    )


def payments_of(agreement: Agreement) -> list[Payment]:
    """The instalments in their order, with their claims."""
    return _with_claims(agreement, agreement.instalments.all(), agreement.claims.all(), agreement.tranches.all())


def ended_claims_of(agreement: Agreement) -> list[PaymentClaim]:
    """The claims that ended without a payment, given up or rejected: what they hold stays readable."""
    return [claim for claim in agreement.claims.all() if claim.state == PaymentClaim.State.REJECTED]


def _with_claims(
    agreement: Agreement,
    instalments: Iterable[Instalment],
    claims: Iterable[PaymentClaim],
    tranches: Iterable[Tranche] = (),
) -> list[Payment]:
    alive = (claim for claim in claims if claim.state != PaymentClaim.State.REJECTED)
    live = {claim.instalment_id: claim for claim in alive}
    before = _years_before(tranches)
    instalments = list(instalments)
    closed = closed_parts(instalments, live)
    return [
        Payment(
            instalment=item,
            claim=live.get(item.pk),
            is_claimable=agreement.is_in_force
            and item.pk not in live
            and (item.tranche is None or item.tranche.is_released)
            and (item.kind == BALANCE or item.tranche_id not in closed),
            has_ended=agreement.ended_on is not None,
            year_before=before.get(item.tranche_id),
            closed_by=closed.get(item.tranche_id) if item.kind != BALANCE else None,
        )
        for item in instalments
    ]


def years_of(agreement: Agreement) -> list[Year]:
    """The tranches in their order, with their reports."""
    tranches = list(agreement.tranches.all())
    before = _years_before(tranches)
    ended = agreement.ended_on is not None
    return [Year(year, next(iter(year.reports.all()), None), before.get(year.pk), ended) for year in tranches]


def _years_before(tranches: Iterable[Tranche]) -> dict[int, Tranche]:
    """The year whose report opens each one, by its id: the last before it with a grant. The first has none."""
    found, last = {}, None
    for year in tranches:
        if last is not None:
            found[year.pk] = last
        last = year if year.amount else last
    return found


def tasks_of(agreement: Agreement, payments: list[Payment], years: list[Year]) -> list[Task]:
    """What waits for the beneficiary now; empty when it is the Region's turn. The one list of it: the page of the
    agreement, that of the case and the mails read it; the lists ask whether it holds anything (``agreements.turns``)."""
    if agreement.awaits_beneficiary:
        return [
            Task(
                _("Read the agreement, then sign it here. It binds the Region once both have signed."),
                "#sign",
                _("Read and sign"),
            )
        ]
    waiting = [payment for payment in payments if payment.claim and _waits_for_beneficiary(payment.claim)]
    if not agreement.is_in_force:
        return [_claim_task(payment) for payment in waiting if why_it_stops(payment.claim) is None]
    tasks = [
        Task(
            _("The service asks for more on the report of %(year)s.") % {"year": year.tranche.label},
            report_url(agreement, year.tranche),
            _("Complete the report"),
        )
        for year in years
        if year.is_returned
    ]
    tasks += [_claim_task(payment) for payment in waiting]
    tasks += [
        Task(
            _("Report on %(year)s: the next year opens when the report is accepted.") % {"year": year.tranche.label},
            report_url(agreement, year.tranche),
            _("File the report"),
        )
        for year in years
        if year.is_open
    ]
    first = next((payment for payment in payments if payment.is_to_claim_now), None)
    if (first is not None or waiting) and agreement.beneficiary.awaits_siret:
        back = urlencode({"next": agreement.get_absolute_url()})
        url = f"{reverse('applicants:edit', args=[agreement.beneficiary_id])}?{back}"
        text = _("“%(name)s” has no SIRET number yet: add it, no claim is filed before.")
        tasks.append(Task(text % {"name": agreement.beneficiary.display_name}, url, _("Add the SIRET number")))
    for payment in payments:
        if payment.is_to_claim_now:
            words = {"label": payment.instalment.label, "amount": format_euros(payment.instalment.amount)}
            tasks.append(Task(_("You may claim: %(label)s, %(amount)s.") % words, "#payments", _("Claim a payment")))
    if all(payment.is_settled for payment in payments):
        return tasks
    return [*tasks, *_account_task(agreement)]


def tasks_now(agreement: Agreement) -> list[Task]:
    """What waits for the beneficiary of an agreement as the database holds it: for mails, which must not say "nothing"
    where something does. In the language of who reads."""
    return tasks_alone(Agreement.objects.select_related("beneficiary", "application").get(pk=agreement.pk))


def tasks_alone(agreement: Agreement) -> list[Task]:
    """What waits for the beneficiary, for whoever shows nothing else of the agreement: reads what the tasks need, and
    answers and years only where there are any."""
    if agreement.awaits_beneficiary:
        return tasks_of(agreement, [], [])
    claims = list(agreement.claims.order_by("opened_at", "pk"))
    if any(claim.state == PaymentClaim.State.SUSPENDED for claim in claims):
        claims = agreement.claims.with_answers().order_by("opened_at", "pk")
    instalments = list(agreement.instalments.select_related("tranche").order_by("rank"))
    years = []
    if any(item.tranche_id for item in instalments):
        prefetch_related_objects(
            [agreement], Prefetch("tranches", Tranche.objects.order_by("rank")), "tranches__reports"
        )
        years = years_of(agreement)
    return tasks_of(agreement, _with_claims(agreement, instalments, claims), years)


def _waits_for_beneficiary(claim: PaymentClaim) -> bool:
    return claim.is_editable or (claim.state == PaymentClaim.State.SUSPENDED and not is_answered(claim))


def is_answered(claim: PaymentClaim) -> bool:
    """Whether the beneficiary answered the suspension that holds now (``with_answers``): it is the service's turn."""
    return claim.answered_at is not None and (claim.suspended_at is None or claim.answered_at >= claim.suspended_at)


def _claim_task(payment: Payment) -> Task:
    claim = payment.claim
    if claim.state == PaymentClaim.State.SUSPENDED:
        text = _("The claim %(number)s is suspended: read what the service asks, and answer there.")
        return Task(text % {"number": claim.number}, claim.get_absolute_url(), _("Read and answer"))
    if nothing_paid := why_nothing_is_paid(claim):
        return Task(nothing_paid, claim.get_absolute_url(), _("Read"))
    if claim.state == PaymentClaim.State.RETURNED:
        text = _("The service returned the claim %(number)s: it says what to correct.")
        return Task(text % {"number": claim.number}, claim.get_absolute_url(), _("Correct and file again"))
    if payment.closed_by is not None:
        text = _("The final claim %(final)s closed the account: the claim %(number)s, never filed, is to be given up.")
        words = {"final": payment.closed_by.number, "number": claim.number}
        return Task(text % words, claim.get_absolute_url(), _("Give this claim up"))
    text = _("You began the claim %(number)s. It is not filed yet.")
    return Task(text % {"number": claim.number}, claim.get_absolute_url(), _("Go on"))


def _account_task(agreement: Agreement) -> list[Task]:
    """Nothing is paid without a verified account: better said before than after."""
    if agreement.payee == "persons":
        return []
    reason, is_theirs = what_the_account_needs(agreement.beneficiary_id)
    if not reason:
        return []
    url = reverse("applicants:bank_accounts", args=[agreement.beneficiary_id])
    return [Task(reason, url, _("Bank details"), is_theirs)]


def report_url(agreement: Agreement, tranche: Tranche) -> str:
    """The page of the report on a year."""
    return reverse("agreements:report", args=[agreement.number, tranche.rank])


def timeline_of(agreement: Agreement, payments: list[Payment]) -> list[Step]:
    """The past, the present and the future of an agreement."""
    in_order = sorted(payments, key=lambda payment: (payment.claim and payment.claim.paid_on) or date.max)
    return [*_signature_steps(agreement), *(_payment_step(agreement, payment) for payment in in_order), _end(agreement)]


def _signature_steps(agreement: Agreement) -> list[Step]:
    steps = [Step(_("Act sent to you"), DONE, agreement.sent_at)]
    if agreement.kind == Agreement.Kind.AGREEMENT:
        if agreement.beneficiary_signed_at:
            text = agreement.beneficiary_signatory
            steps.append(Step(_("Signed by you"), DONE, agreement.beneficiary_signed_on, text))
        else:
            steps.append(Step(_("Your signature"), NOW if agreement.awaits_beneficiary else LATER))
    if agreement.notified_on:
        steps.append(Step(_("In force"), DONE, agreement.notified_on, _("Signed by the Region and notified.")))
    elif agreement.state in ("sent", "signed_by_beneficiary"):
        waits = agreement.awaits_beneficiary
        steps.append(Step(_("Signature of the Region and notification"), LATER if waits else NOW))
    return steps


def _payment_step(agreement: Agreement, payment: Payment) -> Step:
    item, claim = payment.instalment, payment.claim
    title = f"{item.label} – {format_euros(_amount_of(payment))}"
    if claim is not None:
        status = DONE if claim.is_over else NOW
        state = claim.state_label("applicant")
        if waiting := who_waits(claim):
            state = " ".join([f"{state}.", *waiting])
        if payment.answer_sent_at:
            sent = {"date": format_date_long(payment.answer_sent_at)}
            state = _("Suspended: your answer was sent on %(date)s, the service reads it.") % sent
        return Step(title, status, claim.paid_on, state, claim.get_absolute_url(), claim.number)
    if payment.closed_by is not None and not payment.has_ended:
        return Step(title, DROPPED, None, why_closed(payment.closed_by.number))
    if payment.opens_after:
        return Step(title, LATER, None, after_the_year(payment.opens_after))
    if payment.is_claimable:
        return Step(title, NOW, None, _("You may claim it. %(trigger)s") % {"trigger": item.trigger_text})
    if payment.has_ended:
        ended = {"the_act": agreement.in_words}
        return Step(title, DROPPED, None, _("%(the_act)s has ended: this payment will not be made.") % ended)
    return Step(title, LATER, None, item.trigger_text)


def after_the_year(day: date) -> str:
    """From when a balance of a year is claimed, and what it does before."""
    return _("To claim once the year has ended, after %(day)s: it closes the account of the year.") % {
        "day": format_date_long(day)
    }


def _amount_of(payment: Payment):
    """Euros: what was accepted once it was, what is asked once it was filed, else what is planned."""
    claim = payment.claim
    if claim is None or (claim.certified_amount is None and claim.submitted_at is None):
        return payment.instalment.amount
    return claim.claimed_amount if claim.certified_amount is None else claim.payable_amount


def _end(agreement: Agreement) -> Step:
    if agreement.ended_on:
        return Step(agreement.state_label("applicant"), DONE, agreement.ended_on)
    status = DONE if agreement.end < timezone.localdate() else LATER
    if agreement.report_due_on:
        when = format_date_long(agreement.report_due_on)
        return Step(_("End of the project"), status, agreement.end, _("Final report due on %(day)s.") % {"day": when})
    return Step(_("End of the project"), status, agreement.end)
