"""What the beneficiary is told of the European control, through the outbox."""

from django.conf import settings

from core.outbox import enqueue_mail
from grants.notices import people_of


def send_controlled(declaration) -> None:
    """The control has ended and something was rejected or waits: which expenditure, how much and why."""
    items = declaration.items.exclude(state="accepted").select_related("expenditure_line", "error_type")
    found = list(items.order_by("rank"))
    if not found:
        return
    claim = declaration.claim
    application = claim.agreement.application
    enqueue_mail(
        to=people_of(application),
        template="reporting/mail/controlled",
        context={
            "agreement": claim.agreement,
            "claim": claim,
            "items": found,
            "contact": application.rules.contact,
            "link": f"{settings.ESSOR_SITE_URL}{claim.get_absolute_url()}",
        },
        subject_object=declaration,
        key=f"declaration-{declaration.pk}-controlled",
    )
