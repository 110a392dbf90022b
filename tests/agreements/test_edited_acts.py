"""A signed act whose row, history or hash was edited: what was touched is named, and the honest file is not."""

import pytest
from django.utils import translation

from agreements.models import Agreement
from core.engine.contents import check_content, contents
from core.engine.line_checks import check_lines
from core.engine.seals import seal_all
from core.engine.verification import check_rows
from tests.core.test_proof_of_the_proof import behind_the_triggers, sql
from tests.factories.agreements import in_force

pytestmark = pytest.mark.django_db


def _told() -> list[str]:
    with translation.override("en"):
        own = [content for content in contents() if content.model is Agreement]
        found = [
            *check_rows(Agreement),
            *check_lines(Agreement),
            *(one for content in own for one in check_content(content)),
        ]
        return [str(finding) for finding in found]


def _say(agreement: Agreement, sha256: str) -> None:
    """Another hash of the signed act, in its row and in all its history."""
    with behind_the_triggers():
        sql("UPDATE agreements_agreement SET signed_sha256 = %s WHERE id = %s", sha256, agreement.pk)
        sql(
            "UPDATE agreements_agreementevent SET signed_sha256 = %s WHERE pgh_obj_id = %s AND signed_sha256 <> ''",
            sha256,
            agreement.pk,
        )


def test_an_act_edited_with_its_history_accuses_no_honest_file_and_one_edited_alone_is_told_once():
    agreement, _house = in_force()
    seal_all()
    signed = agreement.signed_sha256
    _say(agreement, "b" * 64)
    found = _told()
    assert found and not any("no longer has the content" in line for line in found), found
    assert all("field=signed_sha256" in line and line.index(signed[:8]) < line.index("bbbb") for line in found), found

    _say(agreement, signed)
    with behind_the_triggers():
        sql("UPDATE agreements_agreement SET terms = jsonb_set(terms, '{forged}', '1') WHERE id = %s", agreement.pk)
    (told,) = _told()
    assert "field=terms" in told, told
