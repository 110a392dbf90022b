"""Where a payment claim stands, and the moves that the database allows."""

from django.db import models
from django.utils.translation import pgettext_lazy


class ClaimState(models.TextChoices):
    """Where a payment claim stands; paid and rejected are final."""

    DRAFT = "draft", pgettext_lazy("claim", "Being written")
    SUBMITTED = "submitted", pgettext_lazy("claim", "Filed")
    UNDER_REVIEW = "under_review", pgettext_lazy("claim", "Under review")
    RETURNED = "returned", pgettext_lazy("claim", "Returned to the beneficiary")
    SUSPENDED = "suspended", pgettext_lazy("claim", "Suspended")
    CERTIFIED = "certified", pgettext_lazy("claim", "Certified")
    ORDERED = "ordered", pgettext_lazy("claim", "Ordered")
    PAID = "paid", pgettext_lazy("claim", "Paid")
    REJECTED = "rejected", pgettext_lazy("claim", "Rejected")


#: States in which the beneficiary writes.
EDITABLE = ("draft", "returned")
#: States in which a claim is over.
FINAL = ("paid", "rejected")

LEGAL_MOVES = [
    ("draft", "submitted"),
    ("returned", "submitted"),
    ("submitted", "under_review"),
    ("under_review", "returned"),
    ("under_review", "certified"),
    ("under_review", "rejected"),
    ("submitted", "suspended"),
    ("under_review", "suspended"),
    ("certified", "suspended"),
    ("suspended", "under_review"),
    ("suspended", "certified"),
    ("suspended", "paid"),
    ("certified", "under_review"),
    ("certified", "ordered"),
    ("ordered", "certified"),
    ("ordered", "paid"),
    ("certified", "paid"),
    ("draft", "rejected"),
    ("returned", "rejected"),
    ("submitted", "rejected"),
    ("suspended", "rejected"),
    ("certified", "rejected"),
]

#: The words for a state that its beneficiary reads.
LABELS_APPLICANT = {
    "draft": pgettext_lazy("claim", "You are writing it"),
    "submitted": pgettext_lazy("claim", "Sent to the Region"),
    "under_review": pgettext_lazy("claim", "Being checked by the Region"),
    "returned": pgettext_lazy("claim", "To be completed by you"),
    "suspended": pgettext_lazy("claim", "Suspended"),
    "certified": pgettext_lazy("claim", "Accepted, payment being prepared"),
    "ordered": pgettext_lazy("claim", "Payment ordered"),
    "paid": pgettext_lazy("claim", "Paid"),
    "rejected": pgettext_lazy("claim", "Rejected"),
}

TONES = {
    "draft": "act",
    "submitted": "wait",
    "under_review": "wait",
    "returned": "act",
    "suspended": "no",
    "certified": "ok",
    "ordered": "ok",
    "paid": "ok",
    "rejected": "no",
}
