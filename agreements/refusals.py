"""What a person reads where the database refuses something of acts, claims and payments: the text of each trigger, and its sentence."""

from django.utils.translation import gettext_lazy as _

from core.engine.refusals import register_refusals, told

TRIGGERS = {
    "more is kept of an invoice than its total, in all claims together": told(
        _("More is kept of an invoice than its total, in all claims together: cut the line, or say that they differ.")
    ),
    "% were certified and % are still due": told(
        _(
            "%(certified)s were certified and %(due)s are due now: the instructor certifies what is due now before the payment is ordered."
        ),
        "certified",
        "due",
    ),
    "% would be certified and % are due": told(
        _("%(amount)s would be certified and %(due)s at most are due on this claim now: read its page again."),
        "amount",
        "due",
    ),
    "% are ordered of the claim % and % are due": told(
        _(
            "%(ordered)s are ordered of the claim %(number)s and %(due)s are due now: take it out of its batch, the instructor"
            " certifies what is due now."
        ),
        "ordered",
        "number",
        "due",
    ),
    "% would be ordered of the claim % and % are due": told(
        _(
            "%(ordered)s would be ordered of the claim %(number)s and %(due)s are due now: nothing more is ordered of it before"
            " its instructor certifies what is due, or gives the rest up."
        ),
        "ordered",
        "number",
        "due",
    ),
    "the account is closed by the final claim: no other payment of it is claimed any more": told(
        _("The account is closed by the final claim: no other payment of it is claimed any more.")
    ),
    "a credit note names the invoice that it corrects": told(
        _("Write the number of the invoice that this credit note corrects.")
    ),
    "a credit note takes back more than the invoice that it corrects": told(
        _("A credit note takes back more than what is declared of the invoice that it corrects.")
    ),
    "more is kept of an invoice than its credit notes leave": told(
        _("More is kept of an invoice than its credit notes leave: cut the invoice, or keep its credit notes.")
    ),
    "the credit notes take back more than is kept of their invoice": told(
        _(
            "The credit notes of an invoice take back more than is kept of it: cut them as well, or keep more of the invoice."
        )
    ),
    "% (%) comes before %, on %": told(
        _("A date (%(day)s) comes before the one that it follows (%(earlier)s): check both."),
        "what",
        "day",
        "before",
        "earlier",
    ),
    "% (%) is to come": told(_("The date %(day)s is to come: check it."), "what", "day"),
    "the payment (%) comes before the sending of its batch, on %": told(
        _("The payment (%(day)s) comes before the sending of its batch, on %(sent)s: check the date."), "day", "sent"
    ),
    "a claim is given back with the day by which the answer is expected": told(
        _("A claim is given back with the day by which the answer is expected: give it.")
    ),
    "a claim that goes on while it is being written has a day by which it is filed": told(
        _("A claim that goes on while it is being written has a day by which it is filed: give it.")
    ),
    "what was paid above what is due is written when the claim is closed": told(
        _("What was paid above what is due is written down when the claim is closed: it does not change any more.")
    ),
    "a row begins in its first state": told(
        _("What is entered begins in its first state: it goes further by its own steps.")
    ),
    "% were paid above what is due and not %": told(
        _(
            "The payments made exceed what is due by %(due)s and not by %(written)s: read the page again, then close the claim."
        ),
        "due",
        "written",
    ),
    "a claim is filed once its act was notified, on %": told(
        _("The act was notified on %(day)s: a claim is filed from that day on."), "day"
    ),
    "a claim is filed and certified once its beneficiary is registered": told(
        _("The organisation has no SIRET number yet: add it before a claim is filed, or certified, for it.")
    ),
    "a claim leaves its batch once its orders are cancelled": told(
        _("An order of this claim still stands: cancel its orders first.")
    ),
    "a claim is paid on the day of its last payment, %": told(
        _("The last payment of this claim is of %(day)s: it is paid on that day."), "day"
    ),
    "the act names the fund “%” and its case “%”": told(
        _("The act and its case name two European funds (“%(act)s”, “%(case)s”): choose one on the page of the act."),
        "act",
        "case",
    ),
    "the act grants % and % were voted for its case": told(
        _("The act grants %(granted)s and %(voted)s were voted for its case: draw it up again."), "granted", "voted"
    ),
    "the act grants % and % are committed for its case": told(
        _("The act grants %(granted)s and %(held)s are committed for its case: commit the money first."),
        "granted",
        "held",
    ),
    "the batch of this payment was not sent": told(_("The batch is still open: close it first.")),
    "a payment is ordered once its claim is certified and its batch open, on %": told(
        _("A payment is ordered from the certification of its claim and the opening of its batch on (%(day)s)."), "day"
    ),
    "only what was certified and is not paid is given up": told(
        _("Only what was certified and is not paid yet is given up.")
    ),
    "what is given up is of a person of the act, or of its one payee": told(
        _("What is given up is the part of a person of the act, or that of its one payee.")
    ),
    "of the claim % are not ordered, and % would be given up": told(
        _("%(left)s of the claim are not ordered yet, and %(amount)s would be given up: read the page again."),
        "left",
        "amount",
    ),
    "what was given up of a claim is not ordered": told(
        _("This part of the claim was given up: it is not ordered any more.")
    ),
    "a claim is ordered as long as one of its orders stands": told(
        _("A claim is ordered as long as one of its orders stands: cancel them, or order it again.")
    ),
    "the budget year % took orders until 31 January of the next": told(
        _(
            "The budget year %(year)s took orders until 31 January of the next one: take the claims out of this batch,"
            " and order them in one of this year."
        ),
        "year",
    ),
    "the investment credits of % took orders until 31 December": told(
        _(
            "The investment credits of %(year)s took orders until 31 December: take their claims out of this batch, and"
            " order them in one of this year."
        ),
        "year",
    ),
    "a claim ends without a payment by an event that says why": told(
        _("A claim ends without a payment when its beneficiary gives it up, or when it is rejected: take this step.")
    ),
    "the batch holds no order": told(_("The batch is empty: order certified claims first.")),
    "the orders of the batch come to % and not to %": told(
        _("The orders of the batch come to %(total)s and not to %(written)s: close it again."), "total", "written"
    ),
    "the batch is sent after its last order, of %": told(
        _("The last order of the batch is of %(day)s: it is sent from that day on."), "day"
    ),
    "the settlement keeps % in all and % for its claims": told(
        _("The settlement keeps %(kept)s in all and %(named)s for its claims: read the page again, then settle."),
        "kept",
        "named",
    ),
    "no expenditure justifies % of what is paid or kept, and % would be said": told(
        _(
            "No expenditure justifies %(reckoned)s of what is paid or kept for the agreement, and %(written)s would be said."
        ),
        "reckoned",
        "written",
    ),
    "no expenditure justifies % of what is paid, and % would be asked back": told(
        _(
            "No expenditure justifies %(reckoned)s of what is paid, and %(written)s would be asked back: read the page again."
        ),
        "reckoned",
        "written",
    ),
    "a settlement is written once": told(_("The settlement of an agreement is written once.")),
    "an agreement ends on the day of its settlement, %": told(
        _("The settlement is of %(day)s: the agreement ends on that day."), "day"
    ),
    "a settlement keeps at most the % at stake on a claim": told(
        _("At most %(stake)s are at stake on this claim: its settlement keeps no more."), "stake"
    ),
    "a unilateral act is signed by the Region alone": told(
        _("This act is unilateral: its beneficiary signs nothing, the Region signs and notifies it.")
    ),
    "the annexed budget says % and the act grants %": told(
        _("The annexed budget says %(annexed)s and the act grants %(granted)s: write the act again."),
        "annexed",
        "granted",
    ),
    "the day of a release stays": told(_("The day on which a tranche was released does not change.")),
    "a tranche is released while its agreement is in force": told(
        _("The agreement is not in force: none of its tranches is released.")
    ),
    "a tranche is released once its act was notified and the report before it accepted, on %": told(
        _("A tranche is released once its act was notified and the report before it accepted (%(day)s)."), "day"
    ),
    "% were certified and % are due: it is certified again": told(
        _("%(certified)s were certified and %(due)s are due now: the instructor certifies the claim again first."),
        "certified",
        "due",
    ),
    "the final claim % counted it: % are due on it, and % were": told(
        _(
            "The final claim %(final)s was certified beside this claim: %(due)s would be due on it and not %(then)s, and nobody"
            " could be paid them."
        ),
        "final",
        "due",
        "then",
    ),
    "another claim of this part is under way": told(
        _("Another claim of the same part is under way: its expenditure is decided first.")
    ),
    "a batch keeps its number, its year and who opened it": told(
        _("A batch keeps its number, its year and the name of who opened it.")
    ),
    "a batch is of the budget year in which it is opened, not of %": told(
        _("A batch is of the budget year in which it is opened, not of %(year)s."), "year"
    ),
    "the batch is of the budget year %: an order goes in a batch of its year": told(
        _("The batch is of the budget year %(year)s: choose a batch of this year."), "year"
    ),
    "the order % does not take its payment credits of %": told(
        _("The order %(order)s does not take its payment credits of %(year)s: order it again."),
        "order",
        "year",
    ),
    "a batch is paid when an order of it was, and cancelled when none was": told(
        _("A batch is paid when one of its orders was, and cancelled when none was.")
    ),
    "a batch that was closed does not change": told(_("The batch was closed: it does not change any more.")),
    "a change of account of a payee of this batch waits to be verified": told(
        _("A change of account of a payee of this batch waits to be verified: verify or reject it first.")
    ),
    "a change of account of the payee waits to be verified": told(
        _("A change of account of the payee waits to be verified: verify or reject it first.")
    ),
    "the account of the order was replaced before the payment, and nobody says why it is paid": told(
        _(
            "The account of the order was replaced before the payment: cancel it, or write how you know that it was paid."
        )
    ),
    "a claim and its instalment belong to one agreement": told(_("This payment belongs to another agreement.")),
    "a claim is ordered in full: % of %": told(
        _("A claim is ordered in full: %(ordered)s of %(certified)s would be."), "ordered", "certified"
    ),
    "a claim keeps its number, its agreement and its instalment": told(
        _("A claim keeps its number, its agreement and its payment.")
    ),
    "a line is certified while its claim is under review": told(
        _("Lines are checked while the claim is under review: its state has changed meanwhile.")
    ),
    "a payment order does not change": told(_("A payment order does not change: cancel it and order again.")),
    "a person is paid at most the % of their share": told(
        _("This person is paid at most the %(share)s of their share."), "share"
    ),
    "a report is filed and read while its agreement is in force": told(
        _("The agreement is no longer in force: its reports are neither filed nor read any more.")
    ),
    "a report is filed once its year has ended, on %": told(
        _("The year ends on %(day)s: its report is filed after that day."), "day"
    ),
    "a settlement names the claims of its agreement before it ends": told(
        _("The agreement has ended meanwhile: its settlement is written.")
    ),
    "a settlement says what an agreement in force granted and paid": told(
        _("A payment was recorded meanwhile: read the page again, then settle.")
    ),
    "a year of which nothing is granted is passed over, any other is released": told(
        _("A year of which nothing is granted is passed over, any other is released.")
    ),
    "no report is filed on a year of which nothing is granted": told(
        _("Nothing is granted for this year: no report on it is asked for.")
    ),
    "a tranche is released after the one before it": told(_("A tranche is released after the one before it.")),
    "a tranche is released on the accepted report of the one before it": told(
        _("A tranche is released when the report on the year before was accepted.")
    ),
    "a year in which nothing was spent is accepted for a reason": told(
        _("Nothing was spent in the year: say why the report is accepted all the same.")
    ),
    "an agreement in force ends with its settlement": told(
        _("Say what becomes of each claim under way before the agreement ends.")
    ),
    "the settlement says what becomes of every claim under way": told(
        _("A claim was opened meanwhile: read the page again, and say what becomes of it.")
    ),
    "an agreement says once on which day it ended, when it ends": told(
        _("The day on which an agreement ended is written when it ends, and does not change.")
    ),
    "an agreement in force keeps its terms and its signatures": told(
        _("The agreement is in force: its terms and its signatures do not change.")
    ),
    "an agreement that is sent has its instalments": told(
        _("The act has no payment yet: write its payments before it is sent.")
    ),
    "an extension goes further than the one before it": told(_("More time was given meanwhile: give a later day.")),
    "more time to claim is given while the agreement is in force": told(
        _("The agreement is no longer in force: no more time to claim is given.")
    ),
    "an instalment and its tranche belong to one agreement": told(_("This tranche belongs to another agreement.")),
    "an instalment of an agreement by tranches belongs to one of them": told(
        _("Each payment of this act belongs to a tranche: say which.")
    ),
    "an invoice declared twice is answered before certification": told(
        _("An invoice was declared twice meanwhile: answer the warning first.")
    ),
    "the answer to an invoice declared twice stays once its claim is certified": told(
        _("This answer stays: a claim was certified on it. Take back the certification first.")
    ),
    "every line is certified or cut before the claim is": told(
        _("A line is not reviewed yet: keep it or cut it first.")
    ),
    "one answers while the claim is suspended": told(_("The claim is no longer suspended: no answer is awaited.")),
    "only a certified claim is ordered": told(_("Only a certified claim is ordered: its state has changed meanwhile.")),
    "the account of an order was erased by law": told(
        _(
            "The bank account of this payment was erased by law: nothing is paid on it. Ask for bank details (RIB), cancel the"
            " order if there is one, and order it again."
        )
    ),
    "only a verified bank account is paid": told(
        _("The bank account of the payee is not verified any more: verify one first.")
    ),
    "only an agreement in force is paid": told(_("The agreement is not in force: nothing can be claimed on it.")),
    "the agreement has ended: its settlement does not name this claim": told(
        _("The agreement has ended, and its settlement does not name this claim: it is not paid.")
    ),
    "the agreement has ended: the settlement does not name the claim %": told(
        _("The agreement has ended, and its settlement does not name the claim %(claim)s."), "claim"
    ),
    "the bank account is not the account of the payee": told(_("This bank account is not the payee’s.")),
    "the batch is closed": told(_("This batch was closed meanwhile: choose an open one.")),
    "the claim asks for % and the instalment is %": told(
        _("The claim asks for %(asked)s and this payment is of %(planned)s."), "asked", "planned"
    ),
    "the expenditure is paid outside the eligible dates, % to %": told(
        _("It is paid outside the eligible dates (%(start)s to %(end)s)."), "start", "end"
    ),
    "an expenditure that is paid before its invoice says why": told(
        _("It is paid before the date of its invoice: correct one of the dates, or say why (a deposit, a salary).")
    ),
    "an invoice of another year says why it belongs to the year of the claim": told(
        _(
            "The invoice is dated in another year than the one that the claim is about: declare it with the year of its date, "
            "or say why it belongs to this one."
        )
    ),
    "the invoice is dated outside the period of the agreement": told(
        _("The invoice is dated outside the period of the agreement: check its date.")
    ),
    "the invoice is of a year for which nothing is granted": told(
        _("The invoice is of a year for which nothing is granted: it is declared in no claim.")
    ),
    "the expenditure is of a part of the project for which nothing is granted": told(
        _("Nothing is granted for this part of the project: its expenditure is declared in no claim.")
    ),
    "more is certified of an account than was retained of it, and nothing says why": told(
        _("More is kept of an account than was retained of it: say why, or keep less of its lines.")
    ),
    "the expenditure is of an account of which nothing is retained": told(
        _("Nothing of this account was retained for the aid: its expenditure is declared in no claim.")
    ),
    "the instalments of a tranche come to %, the tranche to %": told(
        _("The payments of a tranche come to %(total)s and the tranche to %(amount)s: correct them."), "total", "amount"
    ),
    "the payee is not the beneficiary": told(_("The payee is not the beneficiary of the agreement.")),
    "the payee is not the person of the share": told(_("The payee is not the person of this share.")),
    "the pieces of a claim that was filed do not change": told(
        _("The claim is no longer being written: its pieces do not change any more.")
    ),
    "the lines of a claim that was filed do not change": told(
        _("The claim is no longer being written: its lines do not change any more.")
    ),
    "the settlement keeps % for the claim and not %": told(
        _("The settlement of the agreement keeps %(kept)s for this claim and not %(amount)s."), "kept", "amount"
    ),
    "the terms of an agreement that was sent do not change": told(
        _("The act was sent: its terms do not change. Take it back to draft first.")
    ),
    "the tranche of this instalment is not released": told(
        _("The tranche of this payment is not released yet: it waits for the report on the year before.")
    ),
    "the tranche of this payment is not released": told(
        _("The tranche of this payment is not released yet: it waits for the report on the year before.")
    ),
    "the number of a line is given once: % was given": told(
        _("A line was added meanwhile: read the page again."), "rank"
    ),
    "an answer that holds no more does not change": told(
        _("A line was changed since this answer: answer the question that is asked anew.")
    ),
    "a report that was accepted does not change": told(_("The report was accepted: it does not change any more.")),
    "what was certified does not change": told(_("The claim was certified: what was certified does not change.")),
    "what was filed does not change": told(_("The claim was filed: what was asked does not change.")),
    "who certifies does not order": told(_("You certified this claim: someone else orders its payment.")),
    "who instructs a case does not order its payments": told(
        _("You instruct this case: someone else orders its payments.")
    ),
    "the instalments add up to % and not to the % granted": told(
        _("The payments come to %(total)s and not to the %(granted)s granted: correct them."), "total", "granted"
    ),
    "the costs of the instalments add up to % and not to the eligible base of %": told(
        _("The costs of the payments come to %(total)s and not to the eligible base of %(base)s: correct them."),
        "total",
        "base",
    ),
    "the shares add up to % and not to the % granted": told(
        _("The shares of the persons come to %(total)s and not to the %(granted)s granted: correct them."),
        "total",
        "granted",
    ),
    "the costs of the shares add up to % and not to the eligible base of %": told(
        _(
            "The costs of the shares of the persons come to %(total)s and not to the eligible base of %(base)s: correct them."
        ),
        "total",
        "base",
    ),
    "the tranches add up to % and not to the % granted": told(
        _("The tranches come to %(total)s and not to the %(granted)s granted: correct them."), "total", "granted"
    ),
    "the costs of the tranches add up to % and not to the eligible base of %": told(
        _("The costs of the tranches come to %(total)s and not to the eligible base of %(base)s: correct them."),
        "total",
        "base",
    ),
    "the instalments of an agreement that was sent do not change": told(
        _("The act was sent: its payments do not change. Take it back to draft first.")
    ),
    "the share is of another person than the one of the case": told(
        _("This share is of another person than the one of the case: read the persons of the case again.")
    ),
    "the question about an invoice declared twice stays as long as both lines are declared": told(
        _("The question about an invoice declared twice stays as long as both lines are declared: answer it.")
    ),
    "the shares of an agreement that was sent do not change": told(
        _("The act was sent: its shares of the persons do not change. Take it back to draft first.")
    ),
    "the tranches of an agreement that was sent do not change": told(
        _("The act was sent: its tranches do not change. Take it back to draft first.")
    ),
    "the budget lines of an agreement that was sent do not change": told(
        _("The act was sent: its annexed budget does not change. Take it back to draft first.")
    ),
}

CONSTRAINTS = {
    "claim_due_as_certified": _("What was due when a claim was certified is kept with its certificate."),
    "agreement_ordered_within_granted": _("More would be ordered than the agreement grants."),
    "agreement_paid_within_ordered": _("More would be paid than was ordered."),
    "claim_one_per_instalment": _("This payment is claimed already: read the page again."),
    "agreement_drafter_does_not_sign": _("You prepared this agreement: someone else signs it for the Region."),
    "claim_certifier_does_not_order": _("You certified this claim: someone else orders its payment."),
    "claim_filer_does_not_certify": _("You filed this claim: someone else reviews it."),
    "claim_certified_within_claimed": _("No more is certified than what was asked."),
    "claim_ordered_within_certified": _("No more is ordered than what was certified."),
    "claim_cut_has_reason": _("Say why less is due than what was asked."),
    "tranche_ordered_within_amount": _("More would be ordered on this year than its tranche."),
    "tranche_report_one": _("The report of this year was filed already."),
    "tranche_report_decided_by_another": _("You filed this report: someone else decides on it."),
    "order_once_per_claim_and_share": _("This payment is ordered already: read the page again."),
    "expenditure_within_invoice": _("No more is declared than the invoice, and with its sign."),
    "expenditure_rank_unique": _("A line was added meanwhile: read the page again."),
    "expenditure_siret_shape": _("The SIRET of the supplier has 14 digits."),
    "expenditure_upload_taken_once": _("This workbook was taken in already."),
    "claim_extension_once": _("Claims are taken until this day already: give a later one."),
}


def register() -> None:
    """Called once, when the app is ready."""
    register_refusals(TRIGGERS, CONSTRAINTS)
