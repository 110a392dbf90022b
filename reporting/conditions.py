"""What must hold before a transition of reporting: errors by field, or None."""

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agreements.still_due import what_is_less, what_is_more
from core.dates import format_date_long
from core.money import format_euros, sum_money
from core.text import colon
from core.transitions import precondition
from reporting.asked import applications_beyond, asked_for, beyond_of, doubt_of
from reporting.credit_notes import wrong_in
from reporting.effects import CERTIFIED


@precondition
def claim_is_certified(declaration, data: dict, actor) -> dict[str, str] | None:
    """The claim is certified (it may have been taken back to review since), and did not end with its fault open."""
    if declaration.operation.flags.keeping_out().filter(claim=declaration.claim_id).exists():
        return {
            "__all__": _(
                "The claim %(claim)s ended while a fault was open: answer the doubt on the page of its operation."
            )
            % {"claim": declaration.claim.number}
        }
    if declaration.claim.state in CERTIFIED:
        return None
    return {"__all__": _("The claim %(claim)s is no longer certified.") % {"claim": declaration.claim.number}}


@precondition
def due_has_not_changed(declaration, data: dict, actor) -> dict[str, str] | None:
    """What is certified of the claim is what is due on it: it does not wait to be certified again."""
    changed = what_is_less(declaration.claim) or what_is_more(declaration.claim)
    return {"__all__": f"{declaration.claim.number}{colon()} {changed}"} if changed else None


@precondition
def priority_is_known(declaration, data: dict, actor) -> dict[str, str] | None:
    """The operation has its programme, fund, priority, objective and category of region."""
    version = declaration.operation.current
    known = version and version.fund_id and version.priority_id and version.category_of_region
    if known and declaration.operation.programme_id:
        return None
    return {
        "__all__": _("The operation %(code)s has no priority yet: answer the doubt on its page first.")
        % {"code": declaration.operation.code}
    }


@precondition
def rate_is_answered(declaration, data: dict, actor) -> dict[str, str] | None:
    """Nobody doubts the EU's share of the operation, or somebody has answered."""
    if not declaration.operation.flags.open().filter(kind="rate_above_priority").exists():
        return None
    return {
        "__all__": _("The EU share of %(code)s is above the rate of its priority: answer the doubt on its page first.")
        % {"code": declaration.operation.code}
    }


@precondition
def retained_within_eligible(declaration, data: dict, actor) -> dict[str, str] | None:
    """What is retained, with what was certified before, is within the eligible cost of the operation."""
    operation = declaration.operation
    retained = sum_money(declaration.items.values_list("retained_amount", flat=True))
    left = operation.current.eligible_cost - sum_money(operation.certificates.values_list("total", flat=True))
    if retained <= left or retained <= 0:
        return None
    return {
        "__all__": _(
            "%(retained)s would be certified and %(left)s of the eligible cost are left:"
            " reject the rest, or correct the operation."
        )
        % {"retained": format_euros(retained), "left": format_euros(left)}
    }


@precondition
def nothing_negative_is_certified(declaration, data: dict, actor) -> dict[str, str] | None:
    """What is retained, with what was certified before, is not less than nothing."""
    retained = sum_money(declaration.items.values_list("retained_amount", flat=True))
    certified = sum_money(declaration.operation.certificates.values_list("total", flat=True))
    if retained >= 0 or retained + certified >= 0:
        return None
    sentence = _(
        "What is retained comes to %(retained)s, and %(certified)s of the operation were certified before: nothing less than "
        "zero is certified. Decide first on the invoices that these credit notes correct, or do not retain the credit notes."
    )
    return {"__all__": sentence % {"retained": format_euros(retained), "certified": format_euros(certified)}}


@precondition
def credits_follow_their_invoice(declaration, data: dict, actor) -> dict[str, str] | None:
    """Every credit note is decided with its invoice, and no more is retained of both than they declare."""
    problems = wrong_in(declaration)
    return {"__all__": " ".join(problems)} if problems else None


def _outside(line, version) -> bool:
    """A credit note is of the period of the invoice that it corrects."""
    if line.declared_amount < 0:
        return False
    return not version.start_date <= line.invoice_date <= version.end_date or line.paid_on < version.start_date


@precondition
def item_in_the_period(item, data: dict, actor) -> dict[str, str] | None:
    """The expenditure was invoiced within the period of the operation, as it is now, and not paid before it."""
    version, line = item.declaration.operation.current, item.expenditure_line
    if not _outside(line, version):
        return None
    words = {"start": format_date_long(version.start_date), "end": format_date_long(version.end_date)}
    return {"__all__": _("It is outside the period of the operation (%(start)s to %(end)s): reject it.") % words}


@precondition
def retained_in_the_period(declaration, data: dict, actor) -> dict[str, str] | None:
    """Everything retained was invoiced within the period of the operation, as it is now, and not paid before it."""
    version = declaration.operation.current
    retained = declaration.items.exclude(retained_amount=0).select_related("expenditure_line").order_by("rank")
    outside = [str(item.rank) for item in retained if _outside(item.expenditure_line, version)]
    if not outside:
        return None
    words = {
        "start": format_date_long(version.start_date),
        "end": format_date_long(version.end_date),
        "ranks": ", ".join(outside),
    }
    return {
        "__all__": _(
            "Retained and outside the period of the operation (%(start)s to %(end)s): items %(ranks)s. Reject them, or"
            " correct the operation."
        )
        % words
    }


@precondition
def every_item_is_decided(declaration, data: dict, actor) -> dict[str, str] | None:
    """No item waits."""
    waiting = declaration.items.filter(state="pending").count()
    if not waiting:
        return None
    words = ngettext("%(count)d item is still to be decided.", "%(count)d items are still to be decided.", waiting)
    return {"__all__": words % {"count": waiting}}


@precondition
def application_has_lines(application, data: dict, actor) -> dict[str, str] | None:
    """An empty application asks for nothing."""
    if application.lines.exists():
        return None
    return {"__all__": _("Nothing has been taken in yet: take in what is certified first.")}


@precondition
def nothing_asked_is_suspended(application, data: dict, actor) -> dict[str, str] | None:
    """No claim whose expenditure it asks for is suspended, or ended with its fault open."""
    doubt = doubt_of(application)
    return {"__all__": doubt} if doubt else None


@precondition
def what_is_asked_is_paid(application, data: dict, actor) -> dict[str, str] | None:
    """The public contribution that it asks of each operation is paid, or may still be."""
    beyond = beyond_of(application, applications_beyond([application.pk]).get(application.pk, {}))
    return {"__all__": beyond} if beyond else None


@precondition
def asked_too_much_was_sent(flag, data: dict, actor) -> dict[str, str] | None:
    """What was asked above what is or will be paid stands in applications that were sent: one that was not is withdrawn."""
    if not flag.asked_too_much:
        return None
    entries = asked_for().filter(
        certificate__operation=flag.operation_id, line__application__state__in=("open", "closed")
    )
    entry = entries.order_by("line__application").first()
    if entry is None:
        return None
    sentence = _("%(application)s asks for it and is not sent: withdraw it, the doubt follows by itself.")
    return {"__all__": sentence % {"application": entry.line.application}}


@precondition
def year_still_takes_it(application, data: dict, actor) -> dict[str, str] | None:
    """The accounting year of the application still takes it: until the month after its end."""
    last = application.accounting_year.last_day_to_apply
    if timezone.localdate() <= last:
        return None
    sentence = _("The last application of %(year)s was due by %(day)s: withdraw this one and open one of a later year.")
    return {"__all__": sentence % {"year": application.accounting_year, "day": format_date_long(last)}}
