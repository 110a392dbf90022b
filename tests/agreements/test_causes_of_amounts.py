"""No amount of a history stands without what caused it, also where nobody typed it: an order moves sums of five tables."""

import pytest

from core.admin.changes import change_lines, parts_of
from core.admin.values import field_of
from core.money import MoneyField
from tests.factories.agreements import in_force, ordered

# Committed for good: an event and the lines of the row history are brought together by their transaction.
pytestmark = pytest.mark.django_db(transaction=True)


def without_cause(row) -> list[tuple[str, str, str]]:
    models = {model._meta.model_name: model for model in (type(row), *(part.model for part in parts_of(type(row))))}
    found = []
    for line in change_lines(row):
        model, _dot, name = line.code.partition(".")
        if isinstance(field_of(models[model], name), MoneyField) and not (line.action or line.why):
            found.append((type(row).__name__, line.what, line.after))
    return found


def test_every_amount_says_what_caused_it():
    agreement, house = in_force("PROGRESS1", "20000.00")
    claim, batch = ordered(agreement, house)
    rows = [*batch.orders.all(), batch, claim, agreement]
    assert [line for row in rows for line in without_cause(row)] == []
    paid = next(line for line in change_lines(agreement) if line.code == "agreement.ordered_amount")
    assert paid.action == "Ordonner le versement"
