"""Acknowledgements to the applicant: a PDF and a mail that say what the law asks (CRPA L112-3, R112-5; france.md B7).

They are made in the transaction of the transition that they tell: one filing, one receipt.
"""

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.dates import add_months, format_date_long
from core.documents import store
from core.file_types import PDF
from core.money import format_euros
from core.outbox import enqueue_mail
from core.printing import render_pdf
from grants.models.snapshot import Snapshot
from grants.notices import people_of
from grants.rules.conditions import expected_pieces
from grants.services.missing import form_facts, pieces_by_code
from grants.services.snapshots import content_of, fingerprint, take_snapshot

OFFICIAL_LANGUAGE = "fr"


def acknowledge_filing(application, actor) -> Snapshot:
    """Freeze what is filed, print the receipt, send it."""
    return _acknowledge(application, actor, Snapshot.Kind.SUBMISSION, "filed")


def acknowledge_completion(application, actor, *, clock_was_stopped: bool) -> Snapshot:
    """Freeze the completed case, print its receipt, send it; ``clock_was_stopped`` until this answer, or not any more:
    the mail says that the limit of the decision runs again only where it did not run."""
    kind, words = Snapshot.Kind.COMPLETION, {"clock_was_stopped": clock_was_stopped}
    return _acknowledge(application, actor, kind, "completed", **words)


def acknowledge_withdrawal(application) -> None:
    """Confirm by mail that the case is withdrawn."""
    enqueue_mail(
        to=people_of(application),
        template="grants/mail/withdrawn",
        context=_mail_context(application),
        subject_object=application,
        key=f"application-{application.pk}-withdrawn",
        reply_to=application.rules.contact.email,
    )


def _acknowledge(application, actor, kind: str, template: str, **words) -> Snapshot:
    content = content_of(application)
    with translation.override(OFFICIAL_LANGUAGE):
        pdf = render_pdf("grants/receipt.typ", receipt_data(application, kind, fingerprint(content), actor))
        name = _("receipt-%(number)s.pdf") % {"number": application.number}
    document = store(pdf, name=name, subject=application, user=None, kind="receipt", allowed=(PDF,))
    snapshot = take_snapshot(application, kind=kind, actor=actor, content=content, receipt=document)
    enqueue_mail(
        to=people_of(application),
        template=f"grants/mail/{template}",
        context=_mail_context(application) | {"missing": _optional_missing(application)} | words,
        subject_object=application,
        key=f"application-{application.pk}-{template}-{snapshot.number}",
        reply_to=application.rules.contact.email,
        attachments=[document],
    )
    return snapshot


def _mail_context(application) -> dict:
    return {
        "application": application,
        "programme": application.programme_version.programme,
        "contact": application.rules.contact,
        "silence_months": application.rules.silence_months,
        "link": f"{settings.ESSOR_SITE_URL}{application.get_absolute_url()}",
    }


def _optional_missing(application) -> list[str]:
    """Expected pieces without a file: compulsory ones keep a case from being filed, so these are the others."""
    present = pieces_by_code(application)
    return [
        str(rule.label)
        for rule in expected_pieces(application.rules, form_facts(application))
        if rule.code not in present
    ]


def receipt_data(application, kind: str, sha256: str, actor) -> dict:
    """What the receipt prints, in the active language."""
    applicant, contact = application.applicant, application.rules.contact
    now = timezone.now()
    rules = application.rules
    facts = [
        [_("Case number"), application.number],
        [_("Programme"), f"{rules.name}"],
        [_("Call"), application.call.title],
        [_("Project"), application.title],
        [_("Applicant"), " · ".join(part for part in (applicant.display_name, applicant.identifier) if part)],
        [_("Filed by"), actor.get_full_name() or actor.email],
        [_("Received on"), application.submitted_at],
        [_("Amount asked"), format_euros(application.requested_amount)],
    ]
    if kind == Snapshot.Kind.COMPLETION:
        facts.append([_("Completed on"), now])
    return {
        "title": _("Acknowledgement of receipt"),
        "reference": application.number,
        "address": [applicant.display_name, *(part for part in (applicant.address_line, _town(applicant)) if part)],
        "facts": facts,
        "texts": _legal_texts(application),
        "labels": {
            "decision": _("When will you have a decision?"),
            "appeal": _("If you disagree"),
            "contact": _("Your contact"),
            "pieces": _("Pieces received"),
            "missing": _("Pieces not joined"),
            "proof": _("Proof of what was filed"),
            "file": _("File"),
            "piece": _("Piece"),
            "sha": _("SHA-256 (first 16 signs)"),
        },
        "contact": [
            [_("Service"), f"{contact.service}"],
            [_("Address"), contact.address or settings.ESSOR_REGION["address"]],
            [_("E-mail"), contact.email],
            [_("Telephone"), ", ".join(str(part) for part in (contact.phone, contact.hours) if part)],
        ],
        "pieces": [
            [f"{rules.piece(piece.code).label}", piece.document.name, piece.document.file.sha256[:16]]
            for piece in application.pieces.current().select_related("document__file").order_by("code", "pk")
        ],
        "missing": _optional_missing(application),
        "sha256": sha256,
    }


def _town(applicant) -> str:
    return f"{applicant.postcode} {applicant.city}".strip()


def _limit_in_words(application, months: int) -> str:
    """What the date of the decision is made of: the months, and the days for which pieces put it off."""
    words = ngettext("%(months)d month after receipt", "%(months)d months after receipt", months) % {"months": months}
    days = (application.decision_due_on - add_months(timezone.localdate(application.submitted_at), months)).days
    if days <= 0:
        return words
    put_off = ngettext("put off by %(days)d day of suspension", "put off by %(days)d days of suspension", days)
    return f"{words}, {put_off % {'days': days}}"


def _legal_texts(application) -> dict[str, str]:
    months = application.rules.silence_months
    values = {
        "received": format_date_long(timezone.localdate(application.submitted_at)),
        "due": format_date_long(application.decision_due_on),
        "limit": _limit_in_words(application, months),
        "region": settings.ESSOR_REGION["name"],
    }
    return {
        "intro": _("Your application was received on %(received)s. Keep this receipt.") % values,
        "decision": _(
            "Without a written decision by %(due)s (%(limit)s), your request is deemed refused "
            "(article L231-4, 3°, of the code of relations between the public and the administration). If the "
            "service asks you for missing pieces, this time limit is suspended for the time given to send them, and at "
            "most until it gets them (article L114-5)."
        )
        % values,
        "appeal": _(
            "You can contest a decision, even an implied one, within two months: by writing to the President of the "
            "Region (%(region)s), or before the administrative court, also on www.telerecours.fr. An appeal to the "
            "President within these two months puts off the time limit of the court."
        )
        % values,
        "proof": _(
            "The fingerprint below identifies everything that you filed (answers, budget, files). Any change would "
            "change it."
        ),
        "not_a_grant": _("This receipt is not a promise of a grant."),
    }
