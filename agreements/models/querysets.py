"""Who sees what: the querysets of the app, deny by default."""

from django.db import models
from django.db.models import Max, OuterRef, Q, Subquery

from applicants.models import Applicant, BankAccount
from core.models.event import Event
from core.money import MoneyField
from core.roles import STAFF_ROLES
from grants.permissions import visible_q

#: States of an agreement that its beneficiary does not see: the Region is still writing.
HIDDEN_FROM_BENEFICIARY = ("draft",)


def _is_staff(user) -> bool:
    return bool(user.is_active and user.role_set & frozenset(STAFF_ROLES))


def agreements_q(user, prefix: str = "") -> Q | None:
    """Return the condition that keeps the agreements ``user`` may see, None when there are none.

    ``prefix`` is the lookup path from the filtered model to the agreement (``"agreement__"``).
    Staff see the agreements of the cases they may see; beneficiaries those of the persons they act for.
    """
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    if _is_staff(user):
        return visible_q(user, f"{prefix}application__")
    own = Q(**{f"{prefix}beneficiary__in": Applicant.objects.for_user(user)})
    return own & ~Q(**{f"{prefix}state__in": HIDDEN_FROM_BENEFICIARY})


class ScopedQuerySet(models.QuerySet):
    """A queryset that knows the way from its model to the agreement."""

    agreement_path = ""

    def for_user(self, user):
        """Keep the rows whose agreement ``user`` may see (none for strangers)."""
        condition = agreements_q(user, self.agreement_path)
        return self.none() if condition is None else self.filter(condition)


class AgreementQuerySet(ScopedQuerySet):
    """Agreements, with the joins their pages need."""

    def with_case(self):
        """Join what every list and page of agreements shows."""
        return self.select_related("beneficiary", "application__call", "application__programme_version__programme")


class OfAgreementQuerySet(ScopedQuerySet):
    """Rows that hang directly on an agreement."""

    agreement_path = "agreement__"


class ClaimQuerySet(OfAgreementQuerySet):
    """Payment claims, with the joins their pages need."""

    def with_case(self):
        """Join what every list and page of claims shows."""
        return self.select_related(
            "instalment__tranche",
            "agreement__beneficiary",
            "agreement__application__call",
            "agreement__application__programme_version__programme",
        )

    def with_answers(self):
        """Add ``suspended_at``, when the claim was suspended last, and ``answered_at``, when its beneficiary answered
        last: an answer that is older than the suspension answers an earlier one."""
        suspensions = Event.objects.filter(
            content_type__app_label="agreements", content_type__model="paymentclaim", object_id=OuterRef("pk")
        )
        last = suspensions.filter(action="suspend").order_by("-pk").values("created_at")[:1]
        return self.annotate(suspended_at=Subquery(last), answered_at=Max("replies__created_at"))


class OfTrancheQuerySet(ScopedQuerySet):
    """Reports on a tranche."""

    agreement_path = "tranche__agreement__"


class OfClaimQuerySet(ScopedQuerySet):
    """Rows that hang on a payment claim."""

    agreement_path = "claim__agreement__"


def on_replaced_account(path: str = "") -> Q:
    """Return the condition of an order that waits for its payment on an account that was replaced since.

    ``path`` is the lookup path from the filtered model to the order (``"orders__"``).
    """
    return Q(**{f"{path}state": "ordered", f"{path}bank_account__state": "superseded"})


class OrderQuerySet(OfClaimQuerySet):
    """Payment orders."""

    def with_accounts(self):
        """Add what became of the account since the order: when the one that replaced it was entered
        (``replaced_at``), its number (``new_iban``), and when a change that still waits was (``change_at``)."""
        later = BankAccount.objects.filter(
            applicant=OuterRef("payee"), entered_at__gt=OuterRef("bank_account__entered_at")
        ).order_by("entered_at")
        verified = later.filter(verified_at__isnull=False)
        waiting = later.filter(state="entered", is_change=True)
        return self.annotate(
            replaced_at=Subquery(verified.values("entered_at")[:1]),
            new_iban=Subquery(verified.order_by("-entered_at").values("iban")[:1]),
            change_at=Subquery(waiting.values("entered_at")[:1]),
        )


class BatchQuerySet(models.QuerySet):
    """Batches."""

    def for_user(self, user):
        """Batches hold many cases: only staff see them."""
        if user is None or not user.is_authenticated or not user.is_active:
            return self.none()
        return self if user.role_set & frozenset(STAFF_ROLES) else self.none()

    def with_totals(self):
        """Add ``live_total`` (euros) and ``live_count`` of the orders that were not cancelled; of those that are not
        paid yet ``waiting_total`` (euros) and ``replaced_count``, on an account that was replaced since; and
        ``holds_investment``, whether one is on the credits of an investment."""
        live, waiting = ~Q(orders__state="cancelled"), Q(orders__state="ordered")
        of_investment = self.model._meta.get_field("orders").related_model.objects.filter(
            batch=OuterRef("pk"), claim__agreement__commitment__envelope__kind="AP"
        )
        return self.annotate(
            holds_investment=models.Exists(of_investment.exclude(state="cancelled")),
            live_total=models.functions.Coalesce(
                models.Sum("orders__amount", filter=live), models.Value(0, output_field=MoneyField())
            ),
            live_count=models.Count("orders", filter=live),
            waiting_total=models.functions.Coalesce(
                models.Sum("orders__amount", filter=waiting), models.Value(0, output_field=MoneyField())
            ),
            replaced_count=models.Count("orders", filter=on_replaced_account("orders__")),
        )
