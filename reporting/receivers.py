"""What reporting does when agreements and claims move: operations and declarations follow by themselves."""

from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils.translation import gettext as _

from agreements.models import Agreement, PaymentClaim
from core.signals import transitioned
from core.transitions import TransitionRefused
from reporting.credit_notes import follow_or_refuse
from reporting.declarations import open_declaration, withdraw_draft
from reporting.ends import ENDED, follow_the_end
from reporting.eu_programmes.doubts import drop_doubts_of
from reporting.eu_programmes.given_up import doubt_the_fault, doubt_the_plan
from reporting.eu_programmes.not_asked import doubt_what_cannot_be_asked, follow_what_is_asked
from reporting.eu_programmes.rates import doubt_operations_of
from reporting.models import ExpenditureDeclaration, ExpenditureItem, Operation, PaymentApplication, PriorityAllocation
from reporting.notices import send_controlled
from reporting.operations import ensure_operation


@receiver(transitioned, sender=Agreement, dispatch_uid="reporting_agreement_moved")
def agreement_moved(sender, instance, target, actor, **kwargs) -> None:
    """A co-financed agreement that enters in force is an operation; when it ends, its plan bears what is paid and kept."""
    if target == Agreement.State.IN_FORCE and instance.eu_fund:
        ensure_operation(instance, actor)
    elif target in ENDED and instance.eu_fund:
        follow_the_end(instance.pk, actor=actor)
        _doubt_what_cannot_be_asked(instance.pk, actor)


@receiver(transitioned, sender=PaymentClaim, dispatch_uid="reporting_claim_moved")
def claim_moved(sender, instance, name, source, target, actor, **kwargs) -> None:
    """A certified claim opens a declaration; its orderer is remembered; a certification taken back closes a draft. What is
    given up is doubted: the fault that was open on it, the plan that counts on it."""
    state = PaymentClaim.State
    if target == state.CERTIFIED and source not in (state.ORDERED, state.SUSPENDED):
        open_declaration(instance, actor)
        forbid_own_control(instance)
    elif target == state.ORDERED:
        remember_orderer(instance)
    elif (
        source in (state.CERTIFIED, state.SUSPENDED)
        and instance.certified_amount is None
        and not withdraw_draft(instance, actor)
    ):
        raise TransitionRefused("conditions", {"__all__": _declared(instance)})
    if source == state.SUSPENDED and target == state.PAID:
        doubt_the_fault(instance)
    if instance.agreement.eu_fund:
        _follow_what_is_paid(instance, {source, target}, name, actor)


def _follow_what_is_paid(claim, states: set[str], name: str, actor) -> None:
    """What is paid of a grant, or may still be, moves with what is certified of a claim, given up or paid: the plan and what is
    asked from the Commission are looked at again."""
    state = PaymentClaim.State
    has_ended = claim.agreement.state in ENDED
    if has_ended:
        follow_the_end(claim.agreement_id, actor=actor)
    if has_ended or name in ("give_up", "give_up_at_end") or states & {state.CERTIFIED, state.ORDERED, state.PAID}:
        doubt_the_plan(claim.agreement_id, actor=actor)
        _doubt_what_cannot_be_asked(claim.agreement_id, actor)


def _doubt_what_cannot_be_asked(agreement_id: int, actor) -> None:
    operations = Operation.objects.filter(agreement_id=agreement_id).values_list("pk", flat=True)
    doubt_what_cannot_be_asked(operations, actor=actor)


@receiver(transitioned, sender=PaymentApplication, dispatch_uid="reporting_payment_application_moved")
def payment_application_moved(sender, instance, name, actor, **kwargs) -> None:
    """What an application leaves out, or gives back, is doubted as long as no other one can take it."""
    if name in ("collect", "withdraw"):
        follow_what_is_asked(instance, actor=actor)


def _declared(claim) -> str:
    return _(
        "The expenditure of the claim %(claim)s was declared to the EU fund: its certification stays. While a fault is"
        " open, suspend the claim: nothing of it is paid, nor asked from the Commission."
    ) % {"claim": claim.number}


def why_certification_stays(claim) -> str | None:
    """What agreements ask before they offer to take a certification back; one query."""
    declared = ExpenditureDeclaration.objects.filter(claim=claim).exclude(state=ExpenditureDeclaration.State.DRAFT)
    return _declared(claim) if declared.exists() else None


@receiver(transitioned, sender=ExpenditureDeclaration, dispatch_uid="reporting_declaration_moved")
def declaration_moved(sender, instance, name, actor, **kwargs) -> None:
    """A control that ends is told to the beneficiary when something was rejected or waits; the plan of an ended operation
    follows what was retained."""
    if name == "conclude":
        send_controlled(instance)
        if instance.operation.agreement_id:  # one that was taken in from a list has none
            follow_the_end(instance.operation.agreement_id, actor=actor)
            doubt_what_cannot_be_asked([instance.operation_id], actor=actor)


@receiver(transitioned, sender=ExpenditureItem, dispatch_uid="reporting_item_moved")
def item_moved(sender, instance, actor, **kwargs) -> None:
    """The credit notes of an invoice follow what is decided on it."""
    follow_or_refuse(instance, actor)


@receiver(post_save, sender=PriorityAllocation, dispatch_uid="reporting_allocation_saved")
def allocation_saved(sender, instance, raw=False, **kwargs) -> None:
    """A rate that goes down, or comes after operations, leaves some above it: somebody is asked about each of them. When
    it goes up again, nobody is."""
    if not raw:
        drop_doubts_of(instance)
        doubt_operations_of(instance)


def forbid_own_control(claim) -> None:
    """Who controls the expenditure of a claim does not certify it, the second time either."""
    if ExpenditureDeclaration.objects.filter(claim=claim, controller=claim.certified_by_id).exists():
        raise TransitionRefused(
            "permission", {"__all__": _("You control the expenditure of this claim: someone else certifies it.")}
        )


def remember_orderer(claim) -> None:
    """Write the orderer into the declaration; the controller of the expenditure may not be the one."""
    declaration = ExpenditureDeclaration.objects.filter(claim=claim).first()
    if declaration is None:
        return
    if declaration.controller_id and declaration.controller_id == claim.ordered_by_id:
        raise TransitionRefused(
            "permission", {"__all__": _("You control the expenditure of this claim: someone else orders its payment.")}
        )
    ExpenditureDeclaration.objects.filter(pk=declaration.pk).update(orderer_id=claim.ordered_by_id)
