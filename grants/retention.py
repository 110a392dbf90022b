"""What keeps a case: its end, and the de minimis aid that it granted."""

from collections.abc import Iterable

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import retention
from core.events import history
from core.models.document import Document
from core.models.retention import Retention
from core.retention import RetentionRule
from core.signals import transitioned
from grants.models import Application, Opinion
from grants.states import FINAL, GRANTED, ApplicationState

CASE_ENDED = RetentionRule(
    "case_ended",
    _("The case has ended"),
    _("Retention table of the Region (years to be set with the departmental archives)"),
    "ESSOR_RETENTION_CASE_YEARS",
)
DE_MINIMIS = RetentionRule(
    "de_minimis",
    _("De minimis aid was granted"),
    _("Regulation (EU) 2023/2831, Article 6(3): ten years from the grant"),
    "ESSOR_RETENTION_DE_MINIMIS_YEARS",
    least=10,
)


def documents_of_case(application: Application) -> QuerySet[Document]:
    """The files of a case and of its opinions."""
    opinions = application.opinions.values("pk")
    return Document.objects.filter(
        content_type=ContentType.objects.get_for_model(Application), object_id=application.pk
    ) | Document.objects.filter(content_type=ContentType.objects.get_for_model(Opinion), object_id__in=opinions)


def case_moved(sender, instance: Application, target: str, **kwargs) -> None:
    """A case that ends is kept from that day; one that grants de minimis aid, from the grant."""
    today = timezone.localdate()
    if target in FINAL:
        retention.start(instance, CASE_ENDED.code, today)
    elif target == ApplicationState.APPROVED and instance.rules.de_minimis:
        retention.start(instance, DE_MINIMIS.code, today)


def catch_up() -> int:
    """Start the retention of the cases whose event came before this rule was known; how many."""
    started = 0
    for rule, cases, states in (
        (CASE_ENDED, Application.objects.filter(state__in=FINAL), FINAL),
        (DE_MINIMIS, Application.objects.filter(state__in=GRANTED), (ApplicationState.APPROVED,)),
    ):
        for application in _without(cases, rule).iterator(500):
            if rule is DE_MINIMIS and not application.rules.de_minimis:
                continue
            retention.start(application, rule.code, _day_of(application, states))
            started += 1
    return started


def _without(cases: QuerySet[Application], rule: RetentionRule) -> QuerySet[Application]:
    kind = ContentType.objects.get_for_model(Application)
    known = Retention.objects.filter(content_type=kind, object_id=OuterRef("pk"), rule=rule.code)
    return cases.filter(~Exists(known)).select_related("programme_version")


def _day_of(application: Application, states: Iterable[str]):
    """The day on which the case came to one of these states, by its events."""
    moment = history(application).filter(to_state__in=list(states)).values_list("created_at", flat=True).last()
    return timezone.localdate(moment) if moment else timezone.localdate()


def connect() -> None:
    """Declare the rules, and listen to the transitions of cases."""
    for rule in (CASE_ENDED, DE_MINIMIS):
        retention.register_rule(rule)
    retention.register_documents(Application, documents_of_case)
    retention.register_catch_up(catch_up)
    transitioned.connect(case_moved, sender=Application, dispatch_uid="grants_retention")
