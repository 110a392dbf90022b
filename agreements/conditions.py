"""Conditions of the transitions: each returns errors by field, or ``None`` when all is well.

The first line of each docstring stands in ``docs/states.md``. Rows are reached through relations only.
"""

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agreements.axes import axis_without_aid
from agreements.credit_notes import credit_alone, declares_nothing, kept_beyond, lines_alone
from agreements.due import due_of_claim, kind_for
from agreements.duplicates import lines_over_their_total, open_warnings, raise_warnings
from agreements.effects import left_to_order
from agreements.models.claim_states import EDITABLE
from agreements.order_parts import to_order
from agreements.schedule.services import why_too_late
from agreements.settlements.services import kept_until, why_it_stops
from core.dates import format_date_long
from core.money import ZERO, format_euros, sum_money
from core.text import in_a_sentence, listed
from core.transitions import precondition

GENERAL = "__all__"


# --- agreement -----------------------------------------------------------------------------------------------------


@precondition
def acts_are_generated(agreement, data, actor):
    """The act was generated, as PDF and as DOCX."""
    if agreement.document_pdf_id and agreement.document_docx_id:
        return None
    return {GENERAL: _("Generate the act first.")}


@precondition
def plan_adds_up(agreement, data, actor):
    """The instalments, and the tranches where there are any, add up to what is granted."""
    total = sum_money(agreement.instalments.values_list("amount", flat=True))
    if total != agreement.granted_amount:
        return {
            GENERAL: _("The instalments come to %(total)s and the grant is %(granted)s.")
            % {"total": format_euros(total), "granted": format_euros(agreement.granted_amount)}
        }
    return None


@precondition
def annex_says_the_grant(agreement, data, actor):
    """The annexed budget bears what is granted, and the eligible base is that of what is granted."""
    request = agreement.application.budget_lines.filter(financer_status="this_request").exists()
    products = list(agreement.budget_lines.filter(side="product")) if request else []
    borne = {line.financing: line for line in products if line.financing}
    grant, to_find = borne.get("grant"), borne.get("to_find")
    missing = to_find.amount if to_find else ZERO
    if products and (
        grant is None
        or grant.amount != agreement.granted_amount
        or missing != max(grant.asked_amount - grant.amount, ZERO)
    ):
        return {
            GENERAL: _("The annexed budget does not say the %(granted)s that the act grants: write the act again.")
            % {"granted": format_euros(agreement.granted_amount)}
        }
    base = agreement.application.grant_plan.funded_cost or None
    if agreement.application.grant_plan.parts and base != agreement.eligible_base:
        return {GENERAL: _("The eligible base counts what nothing is granted for: write the act again.")}
    return None


@precondition
def beneficiary_signs(agreement, data, actor):
    """The beneficiary signs an agreement; a unilateral act is signed by the Region alone."""
    if agreement.kind == "agreement":
        return None
    return {GENERAL: _("This act is unilateral: its beneficiary signs nothing, the Region signs and notifies it.")}


@precondition
def signature_is_there(agreement, data, actor):
    """An agreement is signed by the beneficiary first; a unilateral act binds by its notification."""
    if agreement.kind == "agreement" and agreement.state != "signed_by_beneficiary":
        return {GENERAL: _("The beneficiary has not signed yet: an agreement needs both signatures.")}
    return None


@precondition
def kind_still_right(agreement, data, actor):
    """An act is enough only while the year's grants to the beneficiary stay within 23,000 EUR."""
    if agreement.kind == "agreement":
        return None
    decision = kind_for(agreement)
    if decision.kind == "agreement":
        return {
            GENERAL: _("%(reason)s Take the act back to draft and draw up an agreement.") % {"reason": decision.reason}
        }
    return None


@precondition
def case_is_approved(agreement, data, actor):
    """The committee approved the application, for this amount."""
    application = agreement.application
    if application.state != "approved":
        return {
            GENERAL: _("The application is not approved: its state is “%(state)s”.")
            % {"state": application.state_label()}
        }
    if application.granted_amount != agreement.granted_amount:
        return {
            GENERAL: _("The committee granted %(granted)s and the agreement says %(amount)s: draw it up again.")
            % {"granted": format_euros(application.granted_amount), "amount": format_euros(agreement.granted_amount)}
        }
    return None


@precondition
def tranche_awaits_report(report, data, actor):
    """The tranche reported on was released."""
    if report.tranche.state == "planned":
        return {GENERAL: _("This tranche was not released yet.")}
    if not report.document_id:
        return {GENERAL: _("The report has no document.")}
    return None


@precondition
def nothing_is_granted_for_it(tranche, data, actor):
    """Nothing is granted for the year."""
    if not tranche.amount:
        return None
    return {GENERAL: _("%(amount)s are granted for this year.") % {"amount": format_euros(tranche.amount)}}


@precondition
def report_is_of_agreement_in_force(report, data, actor):
    """The agreement is in force."""
    agreement = report.tranche.agreement
    if agreement.is_in_force:
        return None
    return {
        GENERAL: _("The agreement %(number)s is no longer in force: its reports are neither filed nor read any more.")
        % {"number": agreement.number}
    }


@precondition
def year_may_be_reported(report, data, actor):
    """The year has ended, and the agreement is in force."""
    if refusal := report_is_of_agreement_in_force(report, data, actor):
        return refusal
    last = report.tranche.ends_on
    if timezone.localdate() > last:
        return None
    return {
        GENERAL: _("The year ends on %(day)s: its report is filed and accepted after that day.")
        % {"day": format_date_long(last)}
    }


# --- claim ---------------------------------------------------------------------------------------------------------


def agreement_pays(claim, data, actor):
    """The agreement is in force (or its settlement names the claim), and its tranche released."""
    if reason := why_it_stops(claim):
        return {GENERAL: reason}
    tranche = claim.instalment.tranche
    if tranche is not None and not tranche.is_released:
        return {GENERAL: _("This tranche is not released yet: it waits for the report on the year before.")}
    return _time_is_over(claim)


def _time_is_over(claim) -> dict | None:
    """What the act, and the more time given since, say of the last days to claim. A claim given back was in time when it
    was first filed; of one that the end of its agreement kept unfiled, the settlement has given a day of its own."""
    if claim.submitted_at is not None or kept_until(claim):
        return None
    late = why_too_late(claim.agreement)
    return {GENERAL: late} if late else None


def claim_is_complete(claim, data, actor):
    """Every required piece is joined; expenditure is declared, with a proof for each line, where it is asked for."""
    errors = []
    joined = set(claim.pieces.values_list("code", flat=True))
    missing = [
        piece["label"]
        for piece in claim.instalment.required_pieces
        if piece.get("required", True) and piece["code"] not in joined
    ]
    if missing:
        errors.append(_("Join: %(pieces)s.") % {"pieces": listed(missing)})
    if claim.instalment.needs_expenditure:
        errors += _expenditure_gaps(claim)
    return {GENERAL: " ".join(errors)} if errors else None


def _expenditure_gaps(claim) -> list[str]:
    lines = list(claim.lines.all())
    if not lines:
        return [_("Declare at least one line of expenditure.")]
    gaps = []
    without = [str(line.rank) for line in lines if not line.proof_id]
    if without:
        gaps.append(
            ngettext("Join the proof of the line %(ranks)s.", "Join the proofs of the lines %(ranks)s.", len(without))
            % {"ranks": ", ".join(without)}
        )
    if short := declares_nothing(claim.declared_total):
        gaps.append(short)
    return gaps


def expenditure_is_eligible(claim, data, actor):
    """Every line is on an account of the annexed budget, within the period of the agreement, of a year and of a part of
    the project that are granted something."""
    if not claim.instalment.needs_expenditure:
        return None
    agreement = claim.agreement
    accounts = set(agreement.budget_lines.filter(side="charge").values_list("account_code", flat=True))
    problems = []
    for line in claim.lines.all():
        if accounts and line.account_code not in accounts:
            problems.append(
                _("Line %(rank)s: the account %(account)s is not in the budget of the agreement.")
                % {"rank": line.rank, "account": line.account_code}
            )
        if line.axis and (axis := axis_without_aid(agreement, line.axis)):
            problems.append(
                _("Line %(rank)s: nothing is granted for “%(axis)s”, its expenditure is declared in no claim.")
                % {"rank": line.rank, "axis": axis.label}
            )
        if year := agreement.year_without_aid(line.invoice_date):
            problems.append(
                _(
                    "Line %(rank)s: the invoice of %(day)s is of %(year)s, for which nothing is granted: it is declared"
                    " in no claim."
                )
                % {"rank": line.rank, "day": line.invoice_date.strftime("%d/%m/%Y"), "year": year.label}
            )
        elif line.invoice_date < agreement.start or line.invoice_date > agreement.end:
            problems.append(
                _(
                    "Line %(rank)s: the invoice of %(day)s is outside the period of the agreement"
                    " (%(start)s to %(end)s)."
                )
                % {
                    "rank": line.rank,
                    "day": line.invoice_date.strftime("%d/%m/%Y"),
                    "start": agreement.start.strftime("%d/%m/%Y"),
                    "end": agreement.end.strftime("%d/%m/%Y"),
                }
            )
    return {GENERAL: " ".join(problems[:20])} if problems else None


def credit_notes_have_their_invoice(claim, data, actor):
    """Every credit note takes back an invoice of its supplier that was declared to the agreement."""
    ranks = lines_alone(claim)
    if not ranks:
        return None
    lines = ngettext("Line %(ranks)s:", "Lines %(ranks)s:", len(ranks)) % {"ranks": ", ".join(map(str, ranks))}
    return {GENERAL: f"{lines} {credit_alone()}"}


@precondition
def lines_are_reviewed(claim, data, actor):
    """Every line of expenditure was certified or cut."""
    left = claim.lines.filter(certified_amount__isnull=True).count()
    if left:
        return {
            GENERAL: ngettext("%(count)s line is not reviewed yet.", "%(count)s lines are not reviewed yet.", left)
            % {"count": left}
        }
    return None


def duplicates_are_answered(claim, data, actor):
    """Every invoice that was declared twice has its answer."""
    raise_warnings(claim)
    left = open_warnings(claim).count()
    if left:
        return {
            GENERAL: ngettext(
                "%(count)s invoice was declared twice: answer the warning first.",
                "%(count)s invoices were declared twice: answer the warnings first.",
                left,
            )
            % {"count": left}
        }
    return None


def invoices_within_their_total(claim, data, actor):
    """Of no invoice more is kept than its total, whatever the claims in which it stands."""
    over = lines_over_their_total(claim)
    if over:
        return {
            GENERAL: " ".join(
                _(
                    "Line %(rank)s: all claims together keep %(kept)s of this invoice of %(total)s. Cut the line, or say of"
                    " the invoices declared twice that they are different; those of one supplier, number, day and total are"
                    " one invoice whatever is answered."
                )
                % {"rank": rank, "kept": format_euros(kept), "total": format_euros(total)}
                for rank, total, kept in over
            )
        }
    return None


def credit_notes_follow_their_invoice(claim, data, actor):
    """Of no invoice more is kept than its credit notes leave."""
    beyond = kept_beyond(claim)
    return {GENERAL: " ".join(map(str, beyond))} if beyond else None


def within_what_is_due(claim, data, actor):
    """No more is certified than what the rules of the agreement make due."""
    due = due_of_claim(claim)
    if data.get("certified_amount") is not None and data["certified_amount"] - claim.given_up_amount > due.amount:
        return {
            "certified_amount": _("At most %(amount)s is due: %(reasons)s")
            % {"amount": format_euros(due.amount), "reasons": " ".join(due.reasons)}
        }
    return None


@precondition
def accounts_are_verified(claim, data, actor):
    """The payee (of several persons, at least one) has a verified bank account, and no change of account is waiting."""
    if not claim.payable_amount:
        return {GENERAL: _("Nothing is due on this claim: there is nothing to order, close it.")}
    parts = to_order([claim])[claim.pk]
    # A person who cannot be paid yet does not hold up the others.
    return {GENERAL: " ".join(parts.reasons)} if parts.reasons and not parts.ready else None


@precondition
def answer_is_late(claim, data, actor):
    """The beneficiary of a claim that was given back, or kept unfiled by the settlement, has let the day of the answer pass."""
    if claim.state not in EDITABLE or claim.answer_due_on is None or claim.answer_due_on < timezone.localdate():
        return None
    return {
        GENERAL: _("The beneficiary may file it until %(day)s: the claim is rejected after that day.")
        % {"day": format_date_long(claim.answer_due_on)}
    }


@precondition
def nothing_is_due(claim, data, actor):
    """The claim was certified for nothing."""
    if claim.certified_amount:
        return {
            GENERAL: _("%(amount)s are due on this claim: order the payment.")
            % {"amount": format_euros(claim.certified_amount)}
        }
    return None


@precondition
def expenditure_is_decided(claim, data, actor):
    """No other claim of the same part of the grant is under way: what it declares would change what is due."""
    others = claim.agreement.claims.filter(instalment__tranche=claim.instalment.tranche).exclude(pk=claim.pk)
    # Of an advance certified at nothing, neither euros nor expenditure are to come.
    of_nothing = Q(state="certified", certified_amount=0, instalment__needs_expenditure=False)
    waiting = others.exclude(Q(state__in=["draft", "paid", "rejected"]) | of_nothing).order_by("pk").first()
    if waiting is None:
        return None
    return {
        GENERAL: _(
            "The claim %(number)s of the same part is under way (%(state)s): what is due is known once it is over."
        )
        % {"number": waiting.number, "state": in_a_sentence(waiting.state_label())}
    }


@precondition
def something_is_left_to_order(claim, data, actor):
    """A person of the claim has no order yet."""
    if left_to_order(claim):
        return None
    return {GENERAL: _("Everything certified is ordered.")}


@precondition
def something_can_be_given_up(claim, data, actor):
    """Something certified is neither ordered nor given up."""
    if claim.certified_amount and left_to_order(claim):
        return None
    return {GENERAL: _("Nothing certified waits for its order: there is nothing to give up.")}


@precondition
def all_is_given_up(claim, data, actor):
    """All that was certified was given up."""
    if claim.certified_amount and not claim.payable_amount:
        return None
    return {GENERAL: _("Some of it may still be paid.")}


def batch_is_open(claim, data, actor):
    """The batch is open, of this budget year."""
    refusal = why_no_more_orders(data.get("batch"))
    return {"batch": refusal} if refusal else None


def why_no_more_orders(batch) -> str:
    """Why a batch takes no order any more: it is closed (or there is none), or of another budget year. Empty when it does."""
    if batch is None or batch.state != "open":
        return _("This batch is closed: choose an open one.")
    year = timezone.localdate().year
    if batch.year == year:
        return ""
    sentence = _("The batch %(number)s is of the budget year %(year)s: open one of %(this_year)s.")
    return sentence % {"number": batch.number, "year": batch.year, "this_year": year}


@precondition
def orders_can_be_cancelled(claim, data, actor):
    """None of the orders was paid, nor sent to finance."""
    if claim.orders.filter(state="paid").exists():
        return {GENERAL: _("A part was already paid: cancel the orders that were refused, one by one.")}
    if claim.orders.filter(state="ordered").exclude(batch__state="open").exists():
        return {GENERAL: _("The batch was sent to finance: record the payment, or cancel the order if it was refused.")}
    return None


@precondition
def orders_are_paid(claim, data, actor):
    """Every order was paid, up to what is certified and not given up."""
    if claim.orders.filter(state="ordered").exists() or claim.paid_amount != claim.payable_amount:
        return {GENERAL: _("Some orders are not paid yet.")}
    return None
