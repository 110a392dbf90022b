"""What is annexed to an act in force — payments, years, budget, shares — against the terms that were frozen with it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef
from django.db.models.functions import Cast, JSONObject

from agreements.models import AgreementBudgetLine, AgreementShare, Instalment, Tranche
from core.engine.erasure import erased_rows


class Annex(NamedTuple):
    """The rows of an act that its terms hold under a name, and what they hold of each."""

    model: type[models.Model]
    columns: tuple[str, ...]


ANNEXES = {
    "instalments": Annex(Instalment, ("kind", "label", "amount", "trigger_text", "tranche__rank")),
    "tranches": Annex(Tranche, ("label", "amount", "cost", "starts_on", "ends_on")),
    "budget": Annex(AgreementBudgetLine, ("side", "account_code", "label", "amount", "eligible_amount")),
    "shares": Annex(AgreementShare, ("person_name", "amount", "cost")),
}


class Differs(NamedTuple):
    """One value of a row that is not the one of the terms; without a column, a row that one side has alone, by its label."""

    agreement: int
    number: str
    annex: str
    rank: int
    column: str
    kept: Any
    found: Any


def differences(kept_terms: models.QuerySet) -> Iterator[Differs]:
    """What the annexes of these agreements say otherwise than their frozen terms; two queries. Terms of before hold fewer
    names: what they did not say is compared with nothing, nor a name that the law had erased."""
    nameless = set(AgreementShare.objects.filter(pk__in=erased_rows(AgreementShare)).values_list("pk", flat=True))
    rows = kept_terms.annotate(**{f"rows_of_{name}": _rows(annex) for name, annex in ANNEXES.items()})
    names = [f"rows_of_{name}" for name in ANNEXES]
    for pk, number, terms, *found in rows.values_list("pk", "number", "terms", *names).iterator(chunk_size=500):
        for name, mine in zip(ANNEXES, found, strict=True):
            if name not in terms:
                continue
            for row in mine:
                if name == "shares" and row["pk"] in nameless:
                    del row["person_name"]
            for rank, column, kept, value in _of_one(ANNEXES[name], terms[name], mine):
                yield Differs(pk, number, name, rank, column, kept, value)


def _rows(annex: Annex) -> ArraySubquery:
    """The rows of an annex as plain data, its values as texts: those of the terms are texts too."""
    texts = {column: Cast(column, models.TextField()) for column in annex.columns}
    rows = annex.model.objects.filter(agreement=OuterRef("pk")).order_by("rank")
    return ArraySubquery(rows.values(row=JSONObject(pk="pk", rank="rank", **texts)))


def _of_one(annex: Annex, kept: list[dict], found: list[dict]) -> Iterator[tuple[int, str, Any, Any]]:
    """Rank, column and both values of what differs."""
    by_rank, mine = ({row["rank"]: row for row in rows} for rows in (kept, found))
    for rank in sorted({*by_rank, *mine}):
        one, other = by_rank.get(rank), mine.get(rank)
        if one is None or other is None:
            yield rank, "", *((row[_named(annex)] if row else None) for row in (one, other))
            continue
        for column in annex.columns:
            if column in one and column in other:
                field = field_of(annex.model, column)
                before, now = (field.to_python(row[column]) for row in (one, other))
                if before != now:
                    yield rank, column, before, now


def _named(annex: Annex) -> str:
    return "label" if "label" in annex.columns else "person_name"


def field_of(model: type[models.Model], column: str) -> models.Field:
    """The field at the end of a path."""
    path, _step, name = column.rpartition("__")
    return (model._meta.get_field(path).related_model if path else model)._meta.get_field(name)
