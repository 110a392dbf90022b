"""What the app tells the others when it is ready: who reads its documents, its links, its work."""

from agreements import receivers  # noqa: F401 - connects the receivers of the transitions
from agreements.permissions import may_see_agreement, may_see_batch, may_see_claim
from core.documents import register_access


def register() -> None:
    """Register the access rules of documents."""
    register_access("agreements.Agreement", may_see_agreement)
    register_access("agreements.PaymentClaim", may_see_claim)
    register_access("agreements.PaymentBatch", may_see_batch)
