"""A day "by" which to answer is included: no French text says "before" it."""

import re

import pytest

from config.messages import PACKAGES, open_catalogue


@pytest.mark.parametrize("package", PACKAGES)
def test_a_day_by_which_to_answer_is_included_in_french_too(package):
    texts = [entry for entry in open_catalogue(package) if re.search(r"\bby %\((?!by\))", entry.msgid)]
    assert not [entry.msgid for entry in texts if "avant le %(" in entry.msgstr]
