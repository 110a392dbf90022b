"""Every row that two ways lead from to one table is held to one parent there, or is said here to be of two by its nature."""

from itertools import combinations

import pytest
from django.apps import apps
from django.db import models

from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.figures.one_parent import figure_of, hops, pairs, parent_of
from tests.invariants.sabotage import sabotage

APPS = {"core", "applicants", "grants", "agreements", "reporting"}
# Parents that say nothing of the money of a row: people, papers, what a body is.
ASIDE = {"User", "Document", "StoredFile", "Event", "LegalCategory", "SingleUndertaking"}
DEPTH = 5
# First steps that lead to two parents by their nature, and why: (table, step, other step).
OF_TWO = {
    ("agreements.DuplicateWarning", "line", "other_line"): "two invoices that look alike, of any two claims",
    ("agreements.AgreementShare", "agreement", "applicant"): "a partner that has a share beside the head of the project",
    ("grants.Application", "call", "programme_version"): "a call takes the newer version of its programme; a case keeps its own",
    ("grants.Partner", "applicant", "application"): "a partner beside the head of the project",
    ("grants.PersonLine", "applicant", "application"): "a person of a partner",
    ("grants.Commitment", "application", "envelope"): "a call may draw on another envelope for its next cases",
}  # fmt: skip


def tables() -> list[type[models.Model]]:
    return [
        model
        for model in apps.get_models()
        if model._meta.app_label in APPS and not model._meta.proxy and not hasattr(model, "pgh_tracked_model")
    ]


def ends(model: type[models.Model], depth: int = DEPTH, seen: tuple = ()) -> set[type[models.Model]]:
    """The tables to which any way from a row leads, itself too."""
    found = {model}
    if depth:
        for field in model._meta.concrete_fields:
            there = field.related_model
            if there and there._meta.app_label in APPS and there.__name__ not in ASIDE and there not in seen:
                found |= ends(there, depth - 1, (*seen, model))
    return found


def steps(model: type[models.Model]) -> dict[str, set[type[models.Model]]]:
    """The first steps from a row, each with the tables to which it leads."""
    links = [field for field in model._meta.concrete_fields if field.related_model]
    return {
        field.name: ends(field.related_model, seen=(model,))
        for field in links
        if field.related_model._meta.app_label in APPS and field.related_model.__name__ not in ASIDE
    }


def first(path: str) -> str:
    return path.partition("__")[0]


def undeclared(model: type[models.Model]) -> set[tuple[str, str, str]]:
    """The steps that lead to one table, where nothing holds them together: neither there nor at a table before it."""
    found = set()
    leads = steps(model)
    for parent in set().union(*leads.values()) if leads else ():
        mine = sorted(step for step, there in leads.items() if parent in there)
        group = {step: {step} for step in mine}
        for other, path, further in pairs():
            one, two = first(path), first(further)
            if other is model and one in group and two in group and parent in ends(parent_of(model, path)):
                joined = group[one] | group[two]
                for step in joined:
                    group[step] = joined
        for one, two in combinations(mine, 2):
            if two not in group[one]:
                found.add((model._meta.label, one, two))
    return found


def test_every_two_ways_to_one_parent_are_held_together():
    every = set().union(*map(undeclared, tables()))
    assert every == set(OF_TWO)


@pytest.mark.parametrize("pair", pairs(), ids=[f"{model.__name__}-{path}-{other}" for model, path, other in pairs()])
@pytest.mark.django_db
def test_each_way_that_leads_elsewhere_is_found(region, pair):
    """The first link of a way is sent to a row of another parent: the row is named, with both parents."""
    model, path, other = pair
    held = invariant_of(figure_of(pair))
    way, kept = (path, other) if other == "pk" else (other, path)
    link = hops(model, way)[0]
    if (place := _elsewhere(model, way, kept)) is None:
        assert not [broken for broken in look_at(held).rows if (broken.subject or held.subject) is model]
        return  # the region has one such parent: there is nowhere to send the row
    row, elsewhere = place
    sabotage((f"UPDATE {model._meta.db_table} SET {link.column} = {elsewhere} WHERE id = {row}",))  # noqa: S608
    found = [broken for broken in look_at(held).rows if (broken.subject or held.subject) is model and broken.pk == row]
    assert found
    assert all(held.told(broken.expected, broken.found)[0] != broken.found for broken in found)


def _elsewhere(model: type[models.Model], way: str, kept: str) -> tuple[int, int] | None:
    """A row whose way begins, and where its first link would lead to another parent."""
    link, _step, rest = first(way), *way.partition("__")[1:]
    of_row = {f"{first(path)}__isnull": False for path in (way, kept)}
    if (found := model._base_manager.filter(**of_row).order_by("-pk").values_list("pk", kept).first()) is None:
        return None
    row, mine = found
    there = model._meta.get_field(link).related_model._base_manager
    others = there.exclude(**{rest or "pk": mine}).order_by("-pk")
    if rest:
        others = others.filter(**{f"{rest}__isnull": False})
    elsewhere = others.values_list("pk", flat=True).first()
    return (row, elsewhere) if elsewhere else None
