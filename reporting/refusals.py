"""What a person reads where the database refuses something of European operations: the text of each trigger, and its sentence."""

from django.utils.translation import gettext_lazy as _

from core.engine.refusals import register_refusals, told

TRIGGERS = {
    "% are certified on this operation: its cost cannot be %": told(
        _("%(certified)s are certified on this operation: its eligible cost cannot be %(cost)s."), "certified", "cost"
    ),
    "% of the EU are certified on this operation: its plan cannot be %": told(
        _("%(certified)s of the EU are certified on this operation: its EU amount cannot be %(amount)s."),
        "certified",
        "amount",
    ),
    "% are certified on a source of this operation beside the EU: its plan cannot be %": told(
        _(
            "%(certified)s are certified on a source of this operation beside the EU: its plan cannot bear %(amount)s of it."
        ),
        "certified",
        "amount",
    ),
    "expenditure certified on this operation would be outside its period": told(
        _("Expenditure certified on this operation would be outside its period: keep dates that cover it.")
    ),
    "% are planned on this priority and not %": told(
        _("%(planned)s are planned on this priority: it cannot have %(amount)s."), "planned", "amount"
    ),
    "the call lets the EU bear % percent of % at most, and not %": told(
        _("The call lets the EU bear %(rate)s %% of %(cost)s at most, and not %(amount)s."), "rate", "cost", "amount"
    ),
    "the programme gives % and % would be planned": told(
        _("The programme gives %(given)s to this priority, and %(planned)s would be planned on it."), "given", "planned"
    ),
    "% would be certified of an operation whose eligible cost is %": told(
        _(
            "%(certified)s would be certified of an operation whose eligible cost is %(cost)s: reject the rest, or correct the operation."
        ),
        "certified",
        "cost",
    ),
    "the EU would bear % of an operation for which it grants %": told(
        _("The EU would bear %(certified)s of an operation for which it grants %(granted)s."), "certified", "granted"
    ),
    "the allocations add up to % and not to the certified %": told(
        _("The parts of the sources come to %(total)s and not to the %(certified)s certified."), "total", "certified"
    ),
    "the retained items add up to % and not to the certified %": told(
        _("What is retained comes to %(total)s and not to the %(certified)s certified: decisions changed meanwhile."),
        "total",
        "certified",
    ),
    "a certificate ends the control of its declaration, by its controller": told(
        _("The certificate is issued by the controller of the declaration, at the end of the control.")
    ),
    "a line of a payment application is the sum of its entries": told(
        _("A line of the payment application is not the sum of its entries.")
    ),
    "an entry has the fund, programme, priority, category and amounts of its certificate": told(
        _("This certificate belongs to another programme, fund or priority.")
    ),
    "a withdrawn payment application gives back all that it asked for": told(
        _("A withdrawn payment application gives back all that it asked for.")
    ),
    "what an application asks for is given back when it is withdrawn": told(
        _("What a payment application asks for is given back when the application is withdrawn.")
    ),
    "a withdrawn payment application does not change": told(_("A withdrawn payment application does not change.")),
    "an entry of a payment application does not change": told(
        _("What was taken into a payment application does not change.")
    ),
    "the entries of a closed payment application do not change": told(
        _("The payment application was closed meanwhile: nothing more is taken in.")
    ),
    "the lines of a closed payment application do not change": told(
        _("The payment application was closed meanwhile: nothing more is taken in.")
    ),
    "a closed payment application does not change": told(
        _("The payment application is closed: it does not change any more.")
    ),
    "a sent payment application does not change": told(
        _("The payment application was sent: it does not change any more.")
    ),
    "an accepted payment application does not change": told(
        _("The payment application was accepted: it does not change any more.")
    ),
    "a payment application keeps its programme, fund, year and number": told(
        _("A payment application keeps its programme, its fund, its year and its number.")
    ),
    "an empty payment application is not closed": told(
        _("Nothing has been taken in yet: take in what is certified first.")
    ),
    "who controlled an expenditure does not close its payment application": told(
        _("You controlled an expenditure of this payment application: someone else closes it.")
    ),
    "what is asked from the Commission is of no suspended claim, nor of one that ended with its fault open": told(
        _(
            "A claim of this payment application was suspended, or ended with its fault open: take in what is certified "
            "again, to leave it out."
        )
    ),
    "of % the EU and the Region pay % and % would be asked as public contribution": told(
        _(
            "Of %(operation)s, %(payable)s of the grant are or will be paid, and %(asked)s would be asked as public "
            "contribution: take in what is certified again, or withdraw this application and open another one."
        ),
        "operation",
        "payable",
        "asked",
    ),
    "who took part in a case does not control its expenditure": told(
        _("You take part in this case: someone else controls its expenditure.")
    ),
    "a controlled declaration does not change": told(
        _("The control has ended: the declaration does not change any more.")
    ),
    "every item is decided before the control ends": told(_("An expenditure is still to be decided.")),
    "more is retained of an invoice and its credit notes than they declare": told(
        _("More is retained of an invoice and its credit notes than they declare together: decide on them together.")
    ),
    "a credit note is decided with its invoice": told(
        _("A credit note is decided with the invoice that it corrects: accepted, rejected or parked with it.")
    ),
    "the plan of the operation was corrected since the control began": told(
        _("The plan of the operation was corrected since the control began: read it before you end the control.")
    ),
    "nothing is retained that is outside the period of its operation": told(
        _("This expenditure is outside the period of the operation: reject it.")
    ),
    "an item is decided while its declaration is under control": told(
        _("The declaration is not under control any more: its expenditure is not decided now.")
    ),
    "an item is one certified line of the claim of its declaration": told(
        _("The certified lines of the claim changed meanwhile: read the page again.")
    ),
    "the controller of the declaration decides its items": told(
        _("The person who began the control decides on its expenditure.")
    ),
    "declared expenditure is never deleted": told(_("This expenditure was declared to the fund: it is never deleted.")),
    "what was declared does not change": told(_("This expenditure was declared to the fund: it does not change.")),
    "what was declared to a fund does not change": told(
        _("This expenditure was declared to the fund: it does not change.")
    ),
    "the financing adds up to % and not to the eligible cost of %": told(
        _("The sources of the plan come to %(total)s and not to the eligible cost of %(cost)s: correct them."),
        "total",
        "cost",
    ),
    "the financing by the EU adds up to % and not to %": told(
        _("The EU’s lines of the plan come to %(total)s and not to %(amount)s: correct them."), "total", "amount"
    ),
    "an operation keeps its code, its origin and the date of its first publication": told(
        _("An operation keeps its code, its origin and the date of its first publication.")
    ),
    "the agreement has ended: % are declared or can still be, and % would be eligible": told(
        _(
            "The agreement has ended: %(declarable)s are declared or can still be, and %(eligible)s would be eligible. Give an "
            "eligible cost within it."
        ),
        "declarable",
        "eligible",
    ),
    "the agreement has ended: % are paid and kept, and % would be planned": told(
        _("The agreement has ended: %(kept)s of it remain a grant, and the EU and the Region would bear %(planned)s."),
        "kept",
        "planned",
    ),
    "the agreement is co-financed by % and its operation not": told(
        _("The agreement is co-financed by %(fund)s: its operation is of this fund. The act says which fund it is."),
        "fund",
    ),
    "the line of the EU names the fund of its operation, %": told(
        _("The line of the European Union names the fund of the operation, %(fund)s."), "fund"
    ),
    "the versions of an operation follow each other": told(
        _("The operation was corrected meanwhile: read the page again.")
    ),
    "an application is made in its accounting year (% to %) or the month after, not on %": told(
        _(
            "A payment application is made in its accounting year (%(start)s to %(end)s) or the month after, not on %(day)s."
        ),
        "start",
        "end",
        "day",
    ),
    "an application is sent by % or later for a reason, and in no other case with one": told(
        _("A payment application is sent by %(day)s; after that day, and only then, say why."), "day"
    ),
    "the programme has no priority of this fund": told(
        _("No priority of the programme is financed by this fund: choose another fund.")
    ),
    "what is certified after the end of an accounting year enters the application of a later one": told(
        _("What is certified after the end of an accounting year enters a payment application of a later year.")
    ),
    "an accounting year with payment applications keeps its dates": told(
        _("Payment applications were made in this accounting year: its dates stay.")
    ),
    "operations are planned on this allocation: it is not removed": told(
        _("Operations are planned on this allocation: it is not removed.")
    ),
    "operations are planned on this allocation: it keeps its priority, fund, category and basis": told(
        _("Operations are planned here: the priority, the fund, the category of region and the basis stay.")
    ),
    "the EU bears more of % than the rate of its priority, and nobody is asked about it": told(
        _("The EU would bear more of %(operation)s than the rate of its priority, and nobody is asked about it."),
        "operation",
    ),
    "a priority with operations keeps its programme and its code": told(
        _("This priority has operations: it keeps its programme and its code.")
    ),
    "a specific objective with operations keeps its priority and its code": told(
        _("This specific objective has operations: it keeps its priority and its code.")
    ),
    "an operation with certified expenditure keeps its EU programme": told(
        _("Expenditure of this operation is certified: it keeps its EU programme.")
    ),
    "what was asked above what is paid is withdrawn, or corrected with the authority of the programme": told(
        _(
            "What was asked above what is paid is withdrawn, or corrected with the authority of the programme: answer so."
        )
    ),
    "an application that is not sent is withdrawn before its doubt is answered": told(
        _("A payment application that asks for it is not sent: withdraw it, the doubt follows by itself.")
    ),
}

CONSTRAINTS = {
    "entry_unpaid_not_negative": _("What the Region does not pay of an expenditure is not negative."),
    "operation_amounts_not_negative": _("The eligible cost and the EU amount of an operation are not negative."),
    "operation_flag_open_once": _("This doubt is open already."),
    "operation_flag_fault_is_of_a_claim": _(
        "Somebody is asked about this fault already, or this answer is not one to a fault: open the page of the doubt again."
    ),
    "operation_flag_withdrawn_was_asked": _("Only what was asked too much from the Commission is withdrawn."),
    "operation_flag_above_payable_is_corrected": _(
        "What cannot be paid any more is not confirmed: correct the plan of the operation."
    ),
    "expenditure_item_sign_of_retained_amount": _("The amounts have the sign of the declared expenditure."),
    "expenditure_item_parking_is_explained": _("Say why the expenditure waits."),
    "accounting_years_do_not_overlap": _("This accounting year overlaps another one: check its dates."),
    "eu_programme_cci_unique": _("A programme has this CCI number already."),
    "eu_programme_name_unique": _("A programme has this name already."),
}


def register() -> None:
    """Called once, when the app is ready."""
    register_refusals(TRIGGERS, CONSTRAINTS)
