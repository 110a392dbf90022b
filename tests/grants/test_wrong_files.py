"""Programme files that would compute wrong, ask in vain or fail later: each is refused, with its line and what to do."""

from functools import cache
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import translation

from grants.models import Programme
from grants.rules.definition import DefinitionError, check_definition, read_definition
from grants.services.programmes import PROGRAMMES_FOLDER, load_folder
from tests.factories.instruction import version_of

PROGRESS, SCOP, CPO = "progress1", "capital-scop", "cpo"


def text_of(name: str) -> str:
    return (PROGRAMMES_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def changed(name: str, *changes: tuple[str, str]) -> str:
    """The text of a shipped file with some things changed, each once."""
    text = text_of(name)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def problems(text: str):
    with pytest.raises(DefinitionError) as caught:
        check_definition(text, "file.yaml")
    return caught.value.problems


def line_of(text: str, place: str) -> int:
    """The line of the first occurrence of ``place``, at its sign ¦ where it has one."""
    before, _sign, after = place.partition("¦") if "¦" in place else ("", "", place)
    return text[: text.index(before + after) + len(before)].count("\n") + 1


CASES = yaml.safe_load((Path(__file__).parent / "wrong_files.yaml").read_text(encoding="utf-8"))
WRONG = {case["case"]: case for case in CASES}


def wrong_text(case: str) -> str:
    return changed(WRONG[case]["file"], *WRONG[case]["changes"])


@cache
def problems_of(case: str, language: str):
    """What is told of a wrong file in a language: read once for all that is asked of it."""
    with translation.override(language):
        return problems(wrong_text(case))


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_does_not_load_and_is_told_where_and_what_to_write(case):
    text = wrong_text(case)
    found = problems_of(case, "fr")
    told = [problem for problem in found if WRONG[case]["told"] in problem.message]
    assert told, [str(problem) for problem in found]
    assert line_of(text, WRONG[case]["line"]) in {problem.line for problem in told}, [str(problem) for problem in told]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("case", WRONG)
def test_no_message_speaks_of_the_machinery(case, language):
    with translation.override(language):
        for problem in problems_of(case, language):
            for word in ("anyOf", "oneOf", "^[", "Traceback", "expected <", "found character", "{'", "Decimal", "None"):
                assert word not in str(problem)


def test_there_are_more_than_forty_five_of_them():
    assert len(WRONG) == len(CASES) >= 45


def test_problems_of_all_sorts_come_at_once():
    text = changed(
        PROGRESS,
        ("payee: company", "payee: bank"),  # what a schema says
        ("number_prefix: PROG\n", ""),  # what is missing
        ("share: $advance_share", "share: $advance"),  # what no parameter says
        ("equals: true}\n      - code: governance", "equals: 3}\n      - code: governance"),  # a condition
        ("convention_template: common", "convention_template: none"),  # what another part of the product says
        ("weight: 25", "weight: 30"),  # what does not add up
    )
    told = "\n".join(str(problem) for problem in problems(text))
    for words in ("« bank »", "« number_prefix » manque", "« $advance »", "ne se compare pas avec", "« none »", "105"):
        assert words in told, told


def test_a_file_in_the_encoding_of_windows_is_told(tmp_path):
    path = tmp_path / "progress1.yaml"
    path.write_bytes(text_of(PROGRESS).split("’")[0].encode("cp1252"))
    with pytest.raises(DefinitionError) as caught:
        read_definition(path)
    (problem,) = caught.value.problems
    assert "enregistrez-le de nouveau en UTF-8" in problem.message
    assert problem.line == 1


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "progress1.yaml"
    path.write_text(text_of(PROGRESS), encoding="utf-8-sig")
    assert read_definition(path)["code"] == "PROGRESS1"


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("payee: !!int x", "cette ligne ne peut être lue"),
        ("payee: !!float .nan", "cette ligne ne peut être lue"),
        ("payee: !!timestamp 2026-02-31", "cette ligne ne peut être lue"),
        ("payee: &again [*again]", "cette ligne ne peut être lue"),
        ("payee: a\x00b", "un signe illisible"),
        ("? [payee]\n: company", "une clé est un seul mot"),
    ],
)
def test_no_trick_of_yaml_ends_in_a_traceback(new, words):
    found = problems(changed(PROGRESS, ("payee: company", new)))
    assert any(words in problem.message for problem in found), [str(problem) for problem in found]


# --- folders --------------------------------------------------------------------------------------------------------


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.django_db
def test_one_bad_file_does_not_hide_the_others_and_nothing_is_loaded(tmp_path, capsys):
    write(tmp_path, "a.yaml", changed(PROGRESS, ("payee: company", "payee: bank")))
    write(tmp_path, "b.yaml", "code: [")
    write(tmp_path, "c.yaml", changed(SCOP, ("amount: 1000", "amount: 9000")))
    write(tmp_path, "d.yaml", text_of(CPO))
    with pytest.raises(CommandError) as caught:
        call_command("load_programmes", str(tmp_path))
    told = capsys.readouterr().err
    assert "a.yaml: payee (ligne" in told
    assert "b.yaml: " in told
    assert "c.yaml: aid.axes[1].steps[2].amount" in told
    assert "a.yaml" in str(caught.value) and "d.yaml" not in str(caught.value)
    assert not Programme.objects.exists()


@pytest.mark.django_db
def test_a_prefix_that_another_programme_has_is_refused(tmp_path):
    version_of("CPO")
    write(tmp_path, "a.yaml", changed(PROGRESS, ("number_prefix: PROG", "number_prefix: CPO")))
    with pytest.raises(DefinitionError, match="le préfixe « CPO » est pris"):
        load_folder(tmp_path)
    write(tmp_path, "a.yaml", text_of(PROGRESS))
    write(tmp_path, "b.yaml", changed(SCOP, ("number_prefix: SCOP", "number_prefix: PROG")))
    with pytest.raises(DefinitionError, match=r"le préfixe « PROG » est pris par a\.yaml"):
        load_folder(tmp_path)
    assert not Programme.objects.filter(code="PROGRESS1").exists()
