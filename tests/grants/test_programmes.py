"""Programmes as files: what is shipped is right, and what is wrong is told so that a person can mend it."""

from decimal import Decimal

import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, transaction

from grants.models import Programme, ProgrammeVersion
from grants.programmes.steps import Ceiling, Floor, Rate, RateCap
from grants.rules.accounts import accounts
from grants.rules.definition import DefinitionError, check_definition, fingerprint, read_definition
from grants.rules.schema import QuestionKind, parse_programme
from grants.services.programmes import PROGRAMMES_FOLDER, load_definition, load_folder

FILES = sorted(PROGRAMMES_FOLDER.glob("*.yaml"))
PROGRESS = PROGRAMMES_FOLDER / "progress1.yaml"


def changed(old: str, new: str) -> str:
    """The text of PROGRESS with one thing changed."""
    text = PROGRESS.read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, 1)


def problems(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        check_definition(text, "progress1.yaml")
    return [str(problem) for problem in caught.value.problems]


# --- what is shipped ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_file_is_right_and_typed(path):
    rules = parse_programme(read_definition(path))
    assert rules.sections
    assert sum(criterion.weight for criterion in rules.criteria) == 100
    assert sum(instalment.share for instalment in rules.instalments) == Decimal(1)
    steps = [step for axis in rules.aid.axes for step in axis.steps]
    assert all(isinstance(step.rate, Decimal) for step in steps if isinstance(step, Rate | RateCap))
    assert all(isinstance(step.amount, Decimal) for step in steps if isinstance(step, Ceiling | Floor))
    assert rules.question_of_kind(QuestionKind.PIECES)
    assert rules.question_of_kind(QuestionKind.ATTESTATIONS)
    assert rules.question_for("title")
    assert rules.question_for("project_period")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_rule_names_its_source_and_what_is_not_published_says_so(path):
    rules = parse_programme(read_definition(path))
    steps = [step for axis in rules.aid.axes for step in axis.steps] + list(rules.aid.overall)
    for item in [*rules.checks, *rules.opinions, *rules.instalments, *steps, rules.deadlines, rules.proration]:
        assert rules.source(item.source)
    for parameter in rules.parameters:
        assert parameter.verified is rules.source(parameter.source).verified


def test_the_three_programmes_have_their_own_shape():
    rules = {path.stem: parse_programme(read_definition(path)) for path in FILES}
    assert rules["capital-scop"].aid.floor_policy == "refuse"
    assert [opinion.code for opinion in rules["capital-scop"].opinions] == ["urscop"]
    assert [instalment.kind for instalment in rules["capital-scop"].instalments] == ["single"]
    assert rules["capital-scop"].payee == "person"
    assert rules["cpo"].tranches.count == 3
    assert rules["cpo"].tranches.released_on == "report"
    assert {instalment.kind for instalment in rules["cpo"].instalments} == {"advance", "balance"}
    assert rules["progress1"].question_of_kind(QuestionKind.PARTNERS)
    assert all(programme.silence_months == 2 for programme in rules.values())


def test_no_form_asks_for_a_national_number():
    for path in FILES:
        text = path.read_text(encoding="utf-8").lower()
        assert "code: nir" not in text
        assert "numero_secu" not in text


def test_the_accounts_follow_the_form():
    assert {account.side for account in accounts().values()} == {"charge", "product"}
    assert accounts()["864"].in_kind
    assert accounts()["74com"].is_public
    assert not accounts()["74aidespriv"].is_public
    assert not accounts()["870"].verified


# --- what is wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("silence_months: 2", "silence_month: 2", "« silence_month » n’est pas connu ici : vouliez-vous écrire « silence_months »"),
        ("number_prefix: PROG", "# no prefix", "« number_prefix » manque"),
        ("payee: company", "payee: bank", "« bank » n’est pas possible : écrivez person, company"),
        ("max_months: 12", 'max_months: "douze"', "sections[3].questions[8].max_months"),
        ("weight: 25", "weight: 30", "les poids font 105"),
        ("share: $advance_share", "share: 0.40", "les parts font 0.90"),
        ("rate: 0.80, source: rtes", "rate: 0.80, source: nowhere", "aucune source n’a le code « nowhere »"),
        ('value: ["604", "622", "623", "625"]', 'value: ["604", "6999"]', "aucun compte n’a le code « 6999 »"),
        ("share: $advance_share", "share: $advance", "« $advance » est employé, mais aucun paramètre"),
        ("- code: volunteers_count", "- code: staff_count", "« staff_count » est employé deux fois"),
        ("answer: is_renewal,", "answer: is_new,", "aucune question n’a le code « is_new »"),
        ("kind: budget\n        label", "kind: money\n        label", "a besoin d’une question de type « budget »"),
        ("fr: \"PROGRESS, volet 1\"", "de: \"PROGRESS\"", "écrivez un texte"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_to_write(old, new, expected):
    found = problems(changed(old, new))
    assert any(expected in problem for problem in found), found


def test_problems_come_all_at_once_with_their_lines():
    text = changed("payee: company", "payee: bank").replace("weight: 25", "weight: heavy", 1)
    found = problems(text)
    assert len(found) == 2
    assert all("ligne" in problem for problem in found)


def test_a_key_written_twice_and_broken_yaml_are_told():
    assert "écrit deux fois" in problems(changed("payee: company", "payee: company\npayee: person"))[0]
    assert "ligne" in problems("code: [PROGRESS1\nname: x: y\n")[0]
    assert problems("just a text")


def test_amounts_are_exact_decimals():
    definition = check_definition(PROGRESS.read_text(encoding="utf-8"), "progress1.yaml")
    assert isinstance(definition["aid"]["axes"][0]["steps"][0]["rate"], Decimal)


def test_the_fingerprint_ignores_the_order_of_keys():
    definition = read_definition(PROGRESS)
    assert fingerprint(definition) == fingerprint(dict(reversed(definition.items())))


# --- loading --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_loading_is_idempotent_and_versions_by_content():
    first = load_folder()
    assert {item.code for item in first} == {"PROGRESS1", "CAPITAL-SCOP", "CPO"}
    assert all(item.version == 1 for item in first)
    again = load_folder()
    assert not any(item.is_new for item in again)
    assert ProgrammeVersion.objects.count() == 3
    definition = read_definition(PROGRESS)
    definition["aid"]["axes"][0]["steps"][1]["amount"] = 25000
    loaded = load_definition(definition)
    assert (loaded.version, loaded.is_new) == (2, True)
    programme = Programme.objects.get(code="PROGRESS1")
    assert programme.current_version.rules.aid.axes[0].steps[1].amount == Decimal(25000)
    assert programme.versions.get(number=1).rules.aid.axes[0].steps[1].amount == Decimal(30000)


@pytest.mark.django_db
def test_a_version_in_the_database_has_the_rules_of_its_file():
    load_folder()
    for path in FILES:
        rules = parse_programme(read_definition(path))
        assert Programme.objects.get(code=rules.code).current_version.rules == rules


@pytest.mark.django_db
def test_a_version_is_never_rewritten():
    load_folder()
    version = ProgrammeVersion.objects.first()
    with pytest.raises(DatabaseError), transaction.atomic():
        ProgrammeVersion.objects.filter(pk=version.pk).update(definition={})
    with pytest.raises(DatabaseError), transaction.atomic():
        version.delete()


@pytest.mark.django_db
def test_the_command_loads_all_or_nothing(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text(PROGRESS.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text(changed("payee: company", "payee: bank").replace("PROGRESS1", "OTHER"))
    with pytest.raises(CommandError):
        call_command("load_programmes", str(tmp_path))
    assert not Programme.objects.exists()
    assert "b.yaml" in capsys.readouterr().err
    call_command("load_programmes")
    assert Programme.objects.count() == 3


@pytest.mark.django_db
def test_two_files_with_the_same_code_are_refused(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(PROGRESS.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(DefinitionError):
        load_folder(tmp_path)


def test_the_schema_is_published_for_editors(capsys, db):
    call_command("load_programmes", schema=True)
    schema = yaml.safe_load(capsys.readouterr().out)
    assert "number_prefix" in schema["required"]
