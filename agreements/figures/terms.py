"""The terms of an agreement in force are those that were frozen: their fingerprint is worked out anew."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agreements.figures.annexes import ANNEXES, differences, field_of
from agreements.models import Agreement
from agreements.terms import sha256_of_terms
from core.days_in_sql import TODAY, day_of
from core.engine.erasure import erased_rows
from core.figures.invariants import Broken, Invariant, Unit, register
from core.money import MoneyField, format_euros
from core.templatetags.essor import short_date
from grants.eu_funds import EuFund

# What the kept terms say of the act itself, each by its own name.
OF_THE_ACT = (
    "kind",
    "granted_amount",
    "eligible_base",
    "rate",
    "start",
    "end",
    "claim_deadline",
    "report_due_on",
    "payee",
    "proration",
    "proration_tolerance",
    "proration_cut",
    "cascade_allowed",
    "decision_reference",
    "decision_date",
    "eu_fund",
)


# A row of an annex as a finding names it: "instalments.amount 2".
_OF_AN_ANNEX = re.compile(rf"({'|'.join(ANNEXES)})\.(\w*) (\d+)")


def _kept_terms():
    """The agreements with the terms that were frozen; those that the law had emptied have none any more."""
    return Agreement.objects.exclude(terms_sha256="").exclude(pk__in=erased_rows(Agreement)).order_by("pk")


def rewritten() -> Iterator[Broken]:
    """The agreements whose kept terms do not give their kept fingerprint; one query."""
    kept = _kept_terms().values_list("pk", "number", "terms", "terms_sha256")
    for pk, number, terms, sha256 in kept.iterator(chunk_size=500):
        found = sha256_of_terms(terms)
        if found != sha256:
            yield Broken(pk, number, sha256, found)


def unlike_their_terms() -> Iterator[Broken]:
    """The agreements that say of themselves something else than their frozen terms, a row for each of these; one query."""
    fields = [Agreement._meta.get_field(name) for name in OF_THE_ACT]
    for pk, number, terms, *values in (
        _kept_terms().values_list("pk", "number", "terms", *OF_THE_ACT).iterator(chunk_size=500)
    ):
        for field, value in zip(fields, values, strict=True):
            if field.name in terms and (kept := field.to_python(terms[field.name])) != value:
                yield Broken(pk, f"{number} · {field.name}", *(_in_words(field, one) for one in (kept, value)))


def annexed_otherwise() -> Iterator[Broken]:
    """The payments, years, lines of the budget and shares of an act that are not those of its frozen terms; two queries."""
    for told in differences(_kept_terms()):
        part = f"{told.annex}.{told.column} {told.rank}"
        if not told.column:
            yield Broken(told.agreement, f"{told.number} · {part}", told.kept, told.found)
            continue
        field = field_of(ANNEXES[told.annex].model, told.column)
        kept, found = (_in_words(field, one) or None for one in (told.kept, told.found))
        yield Broken(told.agreement, f"{told.number} · {part}", kept, found)


def unlike() -> Iterator[Broken]:
    """What an act or its annexes say otherwise than the frozen terms; three queries."""
    yield from unlike_their_terms()
    yield from annexed_otherwise()


def _in_words(field: models.Field, value: Any) -> str:
    """A term as its reader reads it; empty where there is none."""
    if value in (None, ""):
        return ""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, date):
        return short_date(value)
    if isinstance(field, MoneyField):
        return format_euros(value)
    if isinstance(value, Decimal):
        digits = max(0, -value.normalize().as_tuple().exponent)
        return f"{number_format(value, decimal_pos=digits)}\N{NO-BREAK SPACE}%"
    if isinstance(value, int):
        return gettext("no. %(number)s") % {"number": value}
    return str(dict(field.flatchoices).get(value, value))


def _word_of(part: str) -> str:
    if part in OF_THE_ACT:
        return str(Agreement._meta.get_field(part).verbose_name)
    if not (found := _OF_AN_ANNEX.fullmatch(part)):
        return part
    name, column, rank = found.groups()
    model = ANNEXES[name].model
    row = f"{model._meta.verbose_name} {rank}"
    return f"{row}, {field_of(model, column).verbose_name}" if column else row


DAYS = f"""
    SELECT a.id, a.number AS label, a.decision_date, {day_of("a.sent_at")} AS sent,
           {day_of("a.beneficiary_signed_at")} AS signed, a.region_signed_on, a.notified_on, a.ended_on
    FROM agreements_agreement a
"""  # noqa: S608 - the day of a moment

register(
    Invariant(
        code="agreements.act-of-the-region-alone",
        name=_("Signature of a unilateral act"),
        sentence=_("An act that the Region signs alone carries no signature of its beneficiary."),
        source=_("Law 2000-321, Article 10: a convention is signed by both; an act is the Region’s own decision."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, 'nobody' AS expected,
                   coalesce(nullif(a.beneficiary_signatory, ''), u.email, 'somebody') AS found
            FROM agreements_agreement a LEFT JOIN core_user u ON u.id = a.confirmed_by_id
            WHERE a.kind <> 'agreement' AND (a.state = 'signed_by_beneficiary' OR a.confirmed_by_id IS NOT NULL
               OR a.beneficiary_signed_at IS NOT NULL OR a.beneficiary_signatory <> '' OR a.signed_sha256 <> '')
            ORDER BY a.id
        """,
        unit=Unit.TEXT,
        words={"nobody": _("nobody"), "somebody": _("somebody")},
    ),
)

register(
    Invariant(
        code="agreements.dates-in-order",
        name=_("Dates of an agreement"),
        sentence=_(
            "An agreement is sent after the deliberation, signed by the beneficiary, then by the Region, then notified,"
            " then ended: no date comes before the one that it follows, none is to come."
        ),
        source=_("An act binds from its notification, of what was decided, sent and signed before."),
        subject=Agreement,
        sql=f"""
            SELECT d.id, d.label || ' · ' || step.name AS label, step.sign || step.limit_of AS expected, step.day AS found
            FROM ({DAYS}) AS d CROSS JOIN LATERAL (VALUES
                (1, 'sent', '≥ ', d.decision_date, d.sent), (2, 'signed', '≥ ', d.sent, d.signed),
                (3, 'of_the_region', '≥ ', greatest(d.decision_date, d.sent, d.signed), d.region_signed_on),
                (4, 'notified', '≥ ', d.region_signed_on, d.notified_on), (5, 'ended', '≥ ', d.notified_on, d.ended_on),
                (6, 'notified', '≤ ', {TODAY}, d.notified_on)) AS step (rank, name, sign, limit_of, day)
            WHERE CASE step.sign WHEN '≥ ' THEN step.day < step.limit_of ELSE step.day > step.limit_of END
            ORDER BY d.id, step.rank
        """,  # noqa: S608 - a constant
        unit=Unit.DAY,
        relation="",
        label_words={
            "sent": _("sent to be signed"),
            "signed": _("signed by the beneficiary"),
            "of_the_region": _("signed by the Region"),
            "notified": _("notified"),
            "ended": _("ended"),
        },
    ),
    Invariant(
        code="agreements.fund-of-its-case",
        name=_("European fund of an act"),
        sentence=_("The European fund that an act names is the one of its case."),
        source=_("Decision 10 of the documentation: one plan of the grant, from the computation to the payment."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number || ' · ' || app.number AS label, app.eu_fund AS expected, a.eu_fund AS found
            FROM agreements_agreement a JOIN grants_application app ON app.id = a.application_id
            WHERE a.eu_fund <> app.eu_fund ORDER BY a.id
        """,
        unit=Unit.TEXT,
        words=dict(EuFund.choices),
    ),
    Invariant(
        code="agreements.terms-are-frozen",
        name=_("Terms of an agreement"),
        sentence=_("The terms kept when an agreement entered in force give the fingerprint that was kept with them."),
        source=_("Rule 6 of the domain: a signed document never changes."),
        subject=Agreement,
        rows=rewritten,
        unit=Unit.HASH,
    ),
    Invariant(
        code="agreements.terms-are-kept",
        name=_("Terms that an agreement applies"),
        sentence=_(
            "An agreement says of itself what the terms say that were frozen when it entered in force: amount, base, rate, days, "
            "proration, payee, payments, years, annexed budget, and the persons with their shares."
        ),
        source=_("Rule 6 of the domain: a signed document never changes."),
        subject=Agreement,
        rows=unlike,
        unit=Unit.TEXT,
        label_words=_word_of,
    ),
    Invariant(
        code="agreements.signed-is-the-act",
        name=_("Signed act"),
        sentence=_("What the beneficiary signed in the portal is the very file of the act."),
        source=_("Rule 6 of the domain: a signed document never changes."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, f.sha256 AS expected, a.signed_sha256 AS found
            FROM agreements_agreement a JOIN core_document d ON d.id = coalesce(a.signed_document_id, a.document_pdf_id)
            JOIN core_storedfile f ON f.id = d.file_id
            WHERE a.signed_sha256 <> '' AND a.signed_sha256 <> f.sha256 ORDER BY a.id
        """,
        unit=Unit.HASH,
    ),
)
