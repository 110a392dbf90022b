"""On a telephone a row of a table is a card: a total that stands alone there says what it is the total of."""

import re

from django.conf import settings

TABLE = re.compile(r'<table class="stack".*?</table>', re.DOTALL)
FOOT = re.compile(r"<tfoot>.*?</tfoot>", re.DOTALL)
ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)
TOTAL = re.compile(r'<td class="num"[^>]*>')


def rows_of_totals() -> list[tuple[str, list[str]]]:
    """The template and the totals of every row of totals of a table whose rows are cards on a small screen."""
    found = []
    for app in ("core", "applicants", "grants", "agreements"):
        for path in sorted((settings.BASE_DIR / app / "templates").rglob("*.html")):
            for table in TABLE.findall(path.read_text()):
                for foot in FOOT.findall(table):
                    found += [(path.name, TOTAL.findall(row)) for row in ROW.findall(foot)]
    return found


def test_totals_beside_one_another_say_of_what():
    rows = rows_of_totals()
    assert len(rows) > 5
    for name, totals in rows:
        assert len(totals) < 2 or all("data-label=" in total for total in totals), name
