"""On a telephone a row of a table is a card: nothing is off the screen, and an amount says what it is."""

import re

from django.conf import settings

TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
STACKS = re.compile(r'<table class="(?:[\w-]+ )*stack["\s]')
BODY = re.compile(r"<tbody>.*?</tbody>", re.DOTALL)
FOOT = re.compile(r"<tfoot>.*?</tfoot>", re.DOTALL)
ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)
NUMBER = re.compile(r'<td class="num[^>]*>')


def tables() -> list[tuple[str, str]]:
    """The template and the text of every table of the portal; the staff site has its own (``es-table``)."""
    found = []
    for app in ("core", "applicants", "grants", "agreements", "reporting"):
        for path in sorted((settings.BASE_DIR / app / "templates").rglob("*.html")):
            if "admin" not in path.parts:
                found += [(path.name, table) for table in TABLE.findall(path.read_text())]
    return found


def rows_of_totals() -> list[tuple[str, list[str]]]:
    """The template and the totals of every row of totals."""
    return [
        (name, NUMBER.findall(row))
        for name, table in tables()
        for foot in FOOT.findall(table)
        for row in ROW.findall(foot)
    ]


def test_every_table_of_the_portal_is_read_as_cards():
    found = tables()
    assert len(found) > 20
    assert not [name for name, table in found if not STACKS.match(table)]


def test_an_amount_of_a_card_says_what_it_is():
    found = [(name, cell) for name, table in tables() for body in BODY.findall(table) for cell in NUMBER.findall(body)]
    assert len(found) > 20
    assert not [name for name, cell in found if "data-label=" not in cell]


def test_totals_beside_one_another_say_of_what():
    rows = rows_of_totals()
    assert len(rows) > 5
    for name, totals in rows:
        assert len(totals) < 2 or all("data-label=" in total for total in totals), name
