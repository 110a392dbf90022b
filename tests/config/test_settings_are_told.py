"""Whoever runs Essor reads in one table what may be set: no setting is known from the code alone."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: One row speaks of all that describe the Region.
OF_THE_REGION = "ESSOR_REGION_"


def test_every_setting_of_the_environment_stands_in_the_table():
    told = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    read = {
        name
        for module in ("base", "production")
        for name in re.findall(
            r'env(?:\.\w+)?\(\s*"(\w+)"', (ROOT / f"config/settings/{module}.py").read_text(encoding="utf-8")
        )
    }
    assert {"ESSOR_LONGEST_PLAN_DAYS", "ESSOR_TWO_DATABASE_ROLES"} <= read
    assert {name for name in read if name not in told and not name.startswith(OF_THE_REGION)} == set()
