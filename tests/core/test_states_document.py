"""The page of states comes from the code, and says so when it is stale."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from core.states_document import render
from tests.core.sample.models import Case


def test_the_page_of_a_model():
    page = render([Case])
    assert "## Case (`sample.Case`)" in page
    assert "| `draft` (first) | Draft | Draft |" in page
    assert "| `archived` (last) | Archived | Archived |" in page
    assert "| `submitted` | Submitted | Received |" in page
    assert "    [*] --> draft" in page
    assert "    submitted --> accepted: accept" in page
    assert (
        "| `accept`: Accept | `submitted` | `accepted` | instructor, head of service "
        "| The amount accepted is at most the amount asked | optional |"
    ) in page
    assert "| `archive`: Archive | `accepted`, `refused` | `archived` | the system alone | – | none |" in page
    assert "| `invalidate`: Invalidate | any | the same | instructor; also the system | – | none |" in page


def test_check_tells_a_stale_page(tmp_path: Path, capsys):
    out = tmp_path / "states.md"
    with pytest.raises(CommandError, match="stale"):
        call_command("states_document", check=True, out=out)
    call_command("states_document", out=out)
    call_command("states_document", check=True, out=out)
    assert "sample" not in out.read_text()
    out.write_text(out.read_text() + "edited")
    with pytest.raises(CommandError, match="stale"):
        call_command("states_document", check=True, out=out)
