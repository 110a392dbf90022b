"""The act of an agreement: its data once, a Word document and a PDF from them."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from agreements.axes import axes_of
from agreements.reduction import percent_of, reduction_of
from agreements.wording import Filler, wording
from core.dates import format_date_long
from core.documents import store
from core.file_types import DOCX, PDF
from core.models.document import Document
from core.money import format_euros, sum_money
from core.printing import render_docx, render_pdf
from core.text import in_a_sentence
from grants.rules.budget import account_number

OFFICIAL_LANGUAGE = "fr"
TEMPLATE_PDF = "agreements/agreement.typ"
TEMPLATE_DOCX = "agreements/agreement.docx"

DE_MINIMIS_TEXTS = {
    "": "",
    "general": "le règlement (UE) 2023/2831 de la Commission du 13 décembre 2023 relatif aux aides de minimis",
    "sgei": "le règlement (UE) 2023/2832 de la Commission du 13 décembre 2023 relatif aux aides de minimis"
    " accordées aux services d'intérêt économique général",
    "agriculture": "le règlement (UE) n° 1408/2013 de la Commission du 18 décembre 2013 relatif aux aides de minimis"
    " dans le secteur de l'agriculture",
    "fishery": "le règlement (UE) n° 717/2014 de la Commission du 27 juin 2014 relatif aux aides de minimis"
    " dans le secteur de la pêche et de l'aquaculture",
}
EU_FUND_TEXTS = {
    "": "",
    "ESF+": "le Fonds social européen plus (FSE+)",
    "ERDF": "le Fonds européen de développement régional (FEDER)",
}


def generate(agreement, actor) -> tuple[Document, Document]:
    """Write the act as PDF and as Word document, and return both, stored.

    Acts of a French Region are in French, whatever the language of who asks.
    """
    with translation.override(OFFICIAL_LANGUAGE):
        data = act_data(agreement)
        pdf, docx = render_pdf(TEMPLATE_PDF, data), render_docx(TEMPLATE_DOCX, data)
        name = _("act-%(number)s") % {"number": agreement.number}
    return (
        store(pdf, name=f"{name}.pdf", subject=agreement, user=actor, kind="act_pdf", allowed=(PDF,)),
        store(docx, name=f"{name}.docx", subject=agreement, user=actor, kind="act_docx", allowed=(DOCX,)),
    )


def act_data(agreement) -> dict[str, Any]:
    """Return everything the two templates show: filled passages, annexes, signatories."""
    facts = act_facts(agreement)
    passages = wording(agreement.application.rules.convention_template)
    filler = Filler(facts)
    kind = agreement.kind
    recitals = [text for text in map(filler.fill, passages["recitals"]) if text]
    parties = [filler.fill(passages["parties"][who]) for who in ("region", "beneficiary")]
    return {
        "title": filler.fill(passages["title"][kind]),
        "subject": filler.fill(passages["subject"]),
        "reference": agreement.number,
        "region": dict(settings.ESSOR_REGION),
        "parties": parties if kind == "agreement" else [],
        "recitals": recitals,
        "opening": filler.fill(passages["opening"][kind]),
        "articles": [asdict(article) for article in filler.articles(passages["articles"])],
        "signature": filler.fill(passages["signature"][kind]),
        "signatories": _signatories(agreement),
        "annexes": [{"title": title, "tables": tables} for _code, title, tables in _annexes(agreement)],
    }


def act_facts(agreement) -> dict[str, Any]:
    """Return the names that a wording may use, with the facts of the case."""
    application, beneficiary, rules = agreement.application, agreement.beneficiary, agreement.application.rules
    instalments = list(agreement.instalments.select_related("tranche").order_by("rank"))
    years = list(agreement.tranches.order_by("rank"))
    return {
        "number": agreement.number,
        "kind": agreement.kind,
        "title": agreement.title,
        "programme": str(rules.name),
        "programme_version": application.programme_version.number,
        "application_number": application.number,
        "submitted_on": timezone.localtime(application.submitted_at).date(),
        "region": dict(settings.ESSOR_REGION),
        "beneficiary": {
            "name": beneficiary.display_name,
            "identifier": beneficiary.identifier,
            "identifier_label": "SIRET" if beneficiary.siret else "RNA" if beneficiary.rna else "n°",
            "address": beneficiary.address,
            "representative": _representative(beneficiary),
        },
        "republican_commitment": beneficiary.is_association,
        "granted": agreement.granted_amount,
        "eligible_base": agreement.eligible_base,
        "rate": percent_of(agreement.common_rate),
        "start": agreement.start,
        "end": agreement.end,
        "claim_deadline": agreement.claim_deadline,
        "first_claim_deadline": agreement.first_claim_deadline,
        "report_due_on": agreement.report_due_on,
        "payee": agreement.payee,
        "reduction": reduction_of(agreement),
        "to_find": sum_money(line.amount for line in agreement.budget_lines.filter(financing="to_find")),
        "asked": agreement.budget_lines.filter(financing="grant").values_list("asked_amount", flat=True).first(),
        "unfunded_axes": [{"label": axis.label, "cost": axis.cost} for axis in axes_of(agreement) if not axis.amount],
        "axes": [
            {"label": axis.label, "amount": axis.amount, "cost": axis.cost}
            for axis in (() if years else axes_of(agreement))
            if axis.amount
        ],
        "cascade_allowed": agreement.cascade_allowed,
        "decision_reference": agreement.decision_reference,
        "decision_date": agreement.decision_date,
        "de_minimis_text": DE_MINIMIS_TEXTS[agreement.de_minimis_regime],
        "eu_fund_text": EU_FUND_TEXTS[agreement.eu_fund],
        "payment_days": rules.deadlines.payment_days,
        "shares": [{"name": share.person_name, "amount": share.amount} for share in agreement.shares.order_by("rank")],
        "tranches": [
            {
                "label": item.label,
                "amount": item.amount,
                "cost": item.cost,
                "start": item.starts_on,
                "end": item.ends_on,
            }
            for item in years
        ],
        "unfunded": [{"label": in_a_sentence(year.label), "cost": year.cost} for year in years if not year.amount],
        "instalments": [
            {"label": item.label, "amount": item.amount, "trigger": in_a_sentence(item.trigger_text)}
            for item in instalments
        ],
        "annexes": {"budget": 0, "persons": 0}
        | {code: rank for rank, (code, _title, _tables) in enumerate(_annexes(agreement), 1)},
    }


def _representative(beneficiary) -> str:
    parts = [getattr(beneficiary, "representative_name", ""), getattr(beneficiary, "representative_title", "")]
    return ", ".join(part for part in parts if part)


def _signatories(agreement) -> list[dict[str, str]]:
    region = {"who": f"Pour la {settings.ESSOR_REGION['name']}", "quality": "La présidente ou le président"}
    if agreement.kind == "act":
        return [region]
    return [{"who": "Pour le bénéficiaire", "quality": agreement.beneficiary.display_name}, region]


def _annexes(agreement) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """The annexes that the act has: a code for its articles, the title with its number, the tables."""
    annexes = []
    if budget := _budget(agreement):
        annexes.append(("budget", "Budget prévisionnel", budget))
    annexes.append(("schedule", "Échéancier", _schedule(agreement)))
    shares = list(agreement.shares.order_by("rank"))
    if shares:
        rows = [
            [str(share.rank), f"{share.person_name}, apport de {format_euros(share.cost)}", format_euros(share.amount)]
            for share in shares
        ]
        columns = ["N°", "Personne et apport au capital", "Montant"]
        table = _table("Montants par personne", columns, rows, agreement.granted_amount)
        annexes.append(("persons", "Personnes aidées", [table]))
    return [(code, f"Annexe {rank} – {title}", tables) for rank, (code, title, tables) in enumerate(annexes, 1)]


def _budget(agreement) -> list[dict[str, Any]]:
    lines = list(agreement.budget_lines.order_by("rank"))
    tables = []
    for side, caption in (("charge", "Charges"), ("product", "Produits")):
        own = [line for line in lines if line.side == side]
        if own:
            rows = [[account_number(line.account_code), line.in_the_act, format_euros(line.amount)] for line in own]
            tables.append(
                _table(caption, ["Compte", "Libellé", "Montant"], rows, sum_money(line.amount for line in own))
            )
    return tables


def _schedule(agreement) -> list[dict[str, Any]]:
    tables = []
    tranches = list(agreement.tranches.order_by("rank"))
    if tranches:
        rows = [
            [
                item.label,
                f"du {format_date_long(item.starts_on)} au {format_date_long(item.ends_on)}, {_cost(item)}",
                format_euros(item.amount),
            ]
            for item in tranches
        ]
        columns = ["Tranche", "Période et coût éligible", "Montant"]
        tables.append(_table("Tranches annuelles", columns, rows, agreement.granted_amount))
    rows = [
        [item.label, item.trigger_text, format_euros(item.amount)] for item in agreement.instalments.order_by("rank")
    ]
    tables.append(_table("Versements", ["Versement", "Conditions", "Montant"], rows, agreement.granted_amount))
    return tables


def _cost(tranche) -> str:
    """The eligible cost of a year and the part of it that is granted."""
    if not tranche.amount:
        return f"coût de {format_euros(tranche.cost)} hors de l'assiette : rien n'est accordé pour cette année"
    cost = f"coût éligible {format_euros(tranche.cost)}"
    return f"{cost}, taux {percent_of(tranche.rate)}" if tranche.rate else cost


def _table(caption: str, columns: list[str], rows: list[list[str]], total: Decimal) -> dict[str, Any]:
    return {
        "caption": caption,
        "columns": columns,
        "rows": rows,
        "total_label": "Total",
        "total": format_euros(total),
    }
