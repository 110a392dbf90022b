"""Programme files that would compute wrong, ask in vain or fail later: each is refused, with its line and what to do."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import translation

from grants.models import Programme
from grants.rules.definition import DefinitionError, check_definition, read_definition
from grants.services.programmes import PROGRAMMES_FOLDER, load_folder
from tests.factories.instruction import version_of

PROGRESS, SCOP, CPO = "progress1", "capital-scop", "cpo"
GENERAL_STEPS = "        - {rule: rate, rate: 0.80, source: rtes}"
IS_COLLECTIVE = "show_if: {answer: is_collective, equals: true}"
SECTORS = "value: environment"


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


# name of the case: (file, changes, words of the line where it is told, words of the sentence)
WRONG = {
    # --- amounts and steps
    "a rate without its rate": (PROGRESS, [("{rule: rate, rate: 0.80, source: rtes}", "{rule: rate, source: rtes}")], "{rule: rate, source", "« rate » manque"),
    "a rate cap without its rate": (CPO, [("{rule: rate_cap, rate: $rate_cap, source: region}", "{rule: rate_cap, source: region}"), ("  - code: rate_cap", "  - code: rate_cap_unused")], "{rule: rate_cap, source", "« rate » manque"),
    "a ceiling without amount": (PROGRESS, [("{rule: ceiling, amount: 30000, per: year, source: rtes}", "{rule: ceiling, per: year, source: rtes}")], "{rule: ceiling, per: year", "« amount » manque"),
    "a floor without amount": (SCOP, [("{rule: floor, amount: 1000, per: person, source", "{rule: floor, per: person, source")], "{rule: floor, per", "« amount » manque"),
    "an amount on a rate": (PROGRESS, [("rate: 0.80, source: rtes", "rate: 0.80, amount: 5, source: rtes")], "rate: 0.80", "« amount » n’est pas connu ici"),
    "a step that is not known": (PROGRESS, [("{rule: rate, rate: 0.80", "{rule: percentage, rate: 0.80")], "rule: percentage", "« percentage » n’est pas possible : écrivez rate, ceiling, floor"),
    "a rate in points": (PROGRESS, [("rate: 0.80", "rate: 80")], "rate: 80", "80 est trop : écrivez 2 au plus. (une part : 0.80 pour 80 %)"),
    "an amount with spaces": (PROGRESS, [("amount: 30000", 'amount: "30 000 €"')], "amount: \"30 000 €", "un nombre, sans espace ni monnaie"),
    "an amount that YAML reads in base eight": (PROGRESS, [("amount: 30000", "amount: 030000")], "030000", "« 030000 » ne convient pas ici : écrivez un nombre"),
    "an amount that YAML reads in base sixty": (PROGRESS, [("amount: 30000", "amount: 30:00")], "30:00", "un nombre"),
    "floor above ceiling": (SCOP, [("rule: floor, amount: 1000", "rule: floor, amount: 6000")], "rule: floor", "le plancher (6000) dépasse le plafond (5000)"),
    "floor above the ceiling of the years": (PROGRESS, [("per: year, source: rtes}", "per: year, source: rtes}\n        - {rule: floor, amount: 30001, source: rtes}")], "30001", "le plancher (30001) dépasse le plafond (30000)"),
    "a yearly ceiling on the whole": (PROGRESS, [("    - {rule: within_request", "    - {rule: ceiling, amount: 5, per: year, source: region}\n    - {rule: within_request")], "amount: 5,", "« per: year » serait mal calculé ici : écrivez application, company"),
    "a yearly floor": (PROGRESS, [("per: application, source: rtes}", "per: application, source: rtes}\n        - {rule: floor, amount: 9, per: year, source: rtes}")], "amount: 9,", "« per: year » serait mal calculé ici"),
    "a ceiling per year of a tranche": (CPO, [("source: region}\n\ntranches", "source: region}\n        - {rule: ceiling, amount: 60000, per: year, source: region}\n\ntranches")], "amount: 60000", "serait mal calculé ici : écrivez tranche"),
    "a rate on the whole": (PROGRESS, [("    - {rule: within_request", "    - {rule: rate, rate: 0.5, source: region}\n    - {rule: within_request")], "rate: 0.5,", "n’a pas d’assiette propre ici"),
    "the public aid counted by axis": (PROGRESS, [(GENERAL_STEPS, GENERAL_STEPS + "\n        - {rule: public_aid_cap, rate: 0.9, source: rtes}")], "rate: 0.9,", "se calcule sur l’ensemble"),
    "the cap on public aid said twice": (PROGRESS, [("    - {rule: within_request", "    - {rule: public_aid_cap, rate: 0.5, source: region}\n    - {rule: within_request")], "rate: 0.5,", "est aussi écrit en tête du fichier"),
    "the same ceiling twice": (SCOP, [("rule: floor, amount: 1000", "rule: ceiling, amount: 1000")], "amount: 5000, per", "« ceiling » est écrite deux fois"),
    "two axes on one budget": (PROGRESS, [("axis: engineering, accounts", "axis: general, accounts")], "axis: general, accounts: $engineering", "le même argent serait compté deux fois"),
    "axes of different bases": (CPO, [("  axes:\n", "  axes:\n    - {code: other, label: Autre, base: {kind: budget, source: guide}, steps: []}\n")], "  axes:", "une assiette de même nature"),
    "a base without its table": (SCOP, [("kind: persons", "kind: partners")], "base: {kind: own_contribution", "a besoin d’une question de type « persons »"),
    "a base read from a question that may be hidden": (PROGRESS, [("        kind: budget\n", "        kind: budget\n        show_if: {answer: is_collective, equals: true}\n")], "base: {kind: budget, axis: general", "la question « budget », qui porte une condition"),
    "a floor policy without floor": (PROGRESS, [("  form: subvention", "  form: subvention\n  floor_policy: refuse")], "floor_policy", "aucun plancher"),
    "a floor that says otherwise": (SCOP, [("per: person, source: esperluat}\n        - {rule: ceiling", "per: person, below: pay_contribution, source: esperluat}\n        - {rule: ceiling")], "floor_policy", "dit autre chose sous « below »"),
    "a form of aid that does not work yet": (SCOP, [("form: bourse", "form: loan")], "form: loan", "« loan » n’est pas possible : écrivez subvention, bourse"),
    "a bursary on a budget": (PROGRESS, [("form: subvention", "form: bourse")], "base: {kind: budget, axis: general", "la forme « bourse » se calcule sur own_contribution"),
    "an account of resources": (PROGRESS, [('["604", "622", "623", "625"]', '["604", "74com"]')], "accounts: $eligible_accounts", "n’est pas une dépense en numéraire"),
    # --- what is asked
    "the amount typed and said to be computed": (PROGRESS, [("requested: typed", "requested: computed")], "requested: computed", "écrivez « requested: typed »"),
    "the amount said to be typed and never asked": (SCOP, [("requested: computed", "requested: typed")], "requested: typed", "aucune question ne demande le montant"),
    "an amount asked that limits nothing": (PROGRESS, [("  overall:\n    - {rule: within_request, source: region}\n", "")], "aid:", "ajoutez {rule: within_request"),
    "no early start and its reason asked": (PROGRESS, [("payee: company", "payee: company\nearly_start_allowed: false")], "early_start_allowed", "aucune exception n’est admise"),
    "pieces that are never asked": (PROGRESS, [("        kind: pieces\n", "        kind: text\n")], "\n¦pieces:", "ces pièces ne sont jamais demandées"),
    "pieces that may be hidden": (PROGRESS, [("        kind: pieces\n", "        kind: pieces\n        show_if: {answer: is_collective, equals: true}\n")], "kind: pieces\n        ¦show_if", "doit être posée à tous"),
    "a table of years without its block": (CPO, [("tranches: {count: $years, released_on: report, source: region}\n", ""), ("  - code: years\n", "  - code: years_unused\n")], "        kind: tranches", "a besoin du bloc « tranches:"),
    "tranches without their table": (PROGRESS, [("\ndeadlines:", "\ntranches: {count: 3, released_on: report, source: region}\n\ndeadlines:")], "tranches: {", "une question de type « tranches »"),
    "tranches released on something else": (CPO, [("released_on: report", "released_on: date")], "released_on: date", "« date » n’est pas possible : écrivez report"),
    "two tables of the same kind": (PROGRESS, [("      - code: governance\n        kind: long_text", "      - code: governance\n        kind: partners")], "kind: partners\n        label: {fr: \"Comment", "au plus une question « partners »"),
    "an option of another kind": (PROGRESS, [("        kind: integer\n", "        kind: integer\n        max_length: 3\n")], "max_length: 3\n", "« max_length » ne veut rien dire pour une question de type « integer »"),
    "a minimum above the maximum": (PROGRESS, [("        maximum: 100000\n", "        minimum: 200000\n        maximum: 100000\n")], "minimum: 200000", "« minimum » (200000) dépasse « maximum » (100000)"),
    "the same choice twice": (PROGRESS, [("{value: tourism,", "{value: environment,")], "{value: environment, label: {fr: \"Tourisme\"", "« environment » est employé deux fois"),
    "a choice that YAML reads as no": (PROGRESS, [("{value: tourism,", "{value: no,")], "{value: no,", "entre guillemets"),
    "no title": (PROGRESS, [("        target: title\n", "")], "\n¦sections:", "aucune question n’a « target: title »"),
    "a title that may be left out": (PROGRESS, [("        target: title\n", "        target: title\n        required: false\n")], "target: title\n        ¦required: false", "doit être obligatoire"),
    "a target of the wrong type": (PROGRESS, [("        kind: money\n        label: {fr: \"Montant demandé", "        kind: text\n        label: {fr: \"Montant demandé")], "kind: text\n        label: {fr: \"Montant demandé", "la cible requested_amount demande le type money"),
    "a check that nothing computes": (PROGRESS, [("automatic: region", "automatic: weather")], "automatic: weather", "« weather » n’est pas possible : écrivez pieces, early_start"),
    "an automatic check without its question": (PROGRESS, [("code: is_renewal\n", "code: was_aided\n"), ("answer: is_renewal", "answer: was_aided")], "automatic: renewal", "a besoin d’une question « is_renewal » de type yes_no"),
    # --- conditions
    "an amount compared with a word": (PROGRESS, [(IS_COLLECTIVE, "show_if: {answer: requested, equals: much}")], "equals: much", "ne se compare pas avec « much » : écrivez un montant"),
    "yes or no compared with a text": (PROGRESS, [(IS_COLLECTIVE, 'show_if: {answer: is_collective, equals: "yes"}')], 'equals: "yes"', "écrivez true ou false"),
    "a text compared with a number": (PROGRESS, [(IS_COLLECTIVE, "show_if: {answer: networks, equals: 3}")], "equals: 3}", "écrivez un texte, entre guillemets"),
    "a whole number compared with cents": (PROGRESS, [(IS_COLLECTIVE, "show_if: {answer: staff_count, at_least: 2.5}")], "at_least: 2.5", "écrivez un nombre entier"),
    "an impossible day": (SCOP, [("        required: false\n", "        required: false\n        show_if: {answer: registration, at_least: 2026-02-31}\n")], "2026-02-31", "un jour du calendrier"),
    "an unknown choice": (PROGRESS, [(IS_COLLECTIVE, "show_if: {answer: sectors, contains: music}")], "contains: music", "n’a jamais la valeur « music » : écrivez l’une de environment"),
    "a list compared as one value": (PROGRESS, [(IS_COLLECTIVE, "show_if: {answer: sectors, equals: environment}")], "equals: environment", "ne se compare pas par « equals » : écrivez contains, answered"),
    "a condition on a table": (PROGRESS, [(IS_COLLECTIVE, "show_if: {answer: budget, answered: true}")], "answer: budget", "aucune condition ne peut regarder dans un tableau"),
    "a fact of the applicant that is not known": (PROGRESS, [("{applicant: is_association,", "{applicant: is_assocation,")], "is_assocation", "vouliez-vous écrire « is_association »"),
    "a status that no applicant has": (PROGRESS, [("{applicant: is_association, equals: true}", "{applicant: ess_statut, equals: scop}")], "equals: scop", "n’a jamais la valeur « scop »"),
    "a question that hangs on itself": (PROGRESS, [("        max_length: 2000\n        show_if: {answer: is_collective, equals: true}", "        max_length: 2000\n        show_if: {answer: governance, answered: true}")], "show_if: {answer: governance", "tournent en rond : governance → governance"),
    "two questions that hang on one another": (PROGRESS, [("        label: {fr: \"Est-ce le renouvellement", "        show_if: {answer: renewed_case, answered: true}\n        label: {fr: \"Est-ce le renouvellement")], "show_if: {answer: renewed_case", "is_renewal → renewed_case → is_renewal"),
    "a condition that contradicts itself": (PROGRESS, [(IS_COLLECTIVE, "show_if: {all: [{answer: is_collective, equals: true}, {answer: is_collective, equals: false}]}")], "show_if: {all:", "ne peut jamais être remplie"),
    "a condition beyond the bounds of its question": (PROGRESS, [(IS_COLLECTIVE, "show_if: {answer: staff_count, at_least: 100001}")], "at_least: 100001", "ne peut jamais être remplie"),
    "a condition on what is hidden then": (PROGRESS, [("show_if: {answer: is_renewal, equals: true}", "show_if: {all: [{answer: is_collective, equals: false}, {answer: governance, answered: true}]}")], "show_if: {all: [{answer: is_collective, equals: false}", "ne peut jamais être remplie"),
    "a person where only organisations apply": (PROGRESS, [("{applicant: is_association, equals: true}", "{applicant: kind, equals: natural}")], "equals: natural", "ne peut jamais être remplie"),
    "a condition of another shape": (PROGRESS, [(IS_COLLECTIVE, "show_if: {is_collective: true}")], "show_if: {is_collective", "une condition s’écrit {answer: code, equals: valeur}"),
    # --- payments, act, names
    "shares that do not add up": (PROGRESS, [("share: $balance_share", "share: 0.40")], "\n¦instalments:", "les parts font 0.90"),
    "a single payment among others": (PROGRESS, [("kind: advance", "kind: single")], "\n¦instalments:", "un versement unique est seul"),
    "a balance before the end": (PROGRESS, [("kind: advance", "kind: balance")], "kind: balance", "le solde est le dernier versement"),
    "a tolerance without its figure": (PROGRESS, [("tolerance: $proration_tolerance, ", ""), ("code: proration_tolerance", "code: tolerance_unused")], "\n¦proration:", "ajoutez « tolerance: »"),
    "a tolerance that is not applied": (CPO, [("{policy: strict,", "{policy: strict, tolerance: 0.10,")], "policy: strict", "seule la règle « tolerance » a une tolérance"),
    "an act that is not written": (PROGRESS, [("convention_template: common", "convention_template: convention_tripartite")], "convention_template", "« convention_tripartite » n’existe pas : écrivez l’un de bourse, common, cpo"),
    "persons paid and none asked": (PROGRESS, [("payee: company", "payee: person")], "payee: person", "personne ne pourrait être payé"),
    "a parameter that nothing uses": (PROGRESS, [("first_claim_months: $first_claim_months", "first_claim_months: 12")], "- code: first_claim_months", "rien n’emploie ce paramètre"),
    "a first claim after the last": (PROGRESS, [("first_claim_months: $first_claim_months", "first_claim_months: 40"), ("code: first_claim_months", "code: unused_months")], "first_claim_months: 40", "vient avant la dernière (36 mois)"),
    "a name too long": (PROGRESS, [('name: {fr: "PROGRESS, volet 1"', 'name: {fr: "' + "PROGRESS " * 30 + '"')], "name: {fr", "caractères : écrivez-en 200 au plus"),
    "a prefix with figures": (PROGRESS, [("number_prefix: PROG", "number_prefix: PROG1")], "number_prefix", "deux à huit majuscules sans accent"),
    "a code with capital letters": (PROGRESS, [("code: staff_count", "code: Staff-Count")], "Staff-Count", "des minuscules sans accent"),
    "an address that is none": (PROGRESS, [("email: ess@region.example", "email: ess")], "email: ess\n", "une adresse électronique"),
    "nothing after the colon": (PROGRESS, [("silence_months: 2", "silence_months:")], "silence_months:\n", "rien n’est écrit ici : écrivez un nombre entier"),
    "an empty label": (PROGRESS, [('label: {fr: "Projet", en: "Project"}', 'label: ""')], 'label: ""', "écrivez un texte, ou un bloc avec « fr: »"),
    # --- YAML
    "a tabulation": (PROGRESS, [("  form: subvention", "\tform: subvention")], "\tform", "une tabulation"),
    "a colon in a text": (PROGRESS, [("source: crpa\n  silence_months", "source: crpa : L231-4\n  silence_months")], "crpa : L231-4", "un second « : » dans cette ligne"),
    "a bracket that is not closed": (PROGRESS, [("applicant_kinds: [legal]", "applicant_kinds: [legal")], "payee: company", "n’est pas fermé"),
    "a quotation mark that is not closed": (CPO, [('number_prefix: CPO', 'number_prefix: "CPO')], "\n¦name:", "un guillemet est resté ouvert"),
    "a key twice": (PROGRESS, [("payee: company", "payee: company\npayee: person")], "payee: person", "écrit deux fois"),
    "a type of YAML": (PROGRESS, [("payee: company", "payee: !company x")], "!company", "annonce un type inconnu"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_does_not_load_and_is_told_where_and_what_to_write(case):
    name, changes, place, words = WRONG[case]
    text = changed(name, *changes)
    found = problems(text)
    told = [problem for problem in found if words in problem.message]
    assert told, [str(problem) for problem in found]
    assert line_of(text, place) in {problem.line for problem in told}, [str(problem) for problem in told]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("case", WRONG)
def test_no_message_speaks_of_the_machinery(case, language):
    name, changes, _place, _words = WRONG[case]
    with translation.override(language):
        for problem in problems(changed(name, *changes)):
            for word in ("anyOf", "oneOf", "^[", "Traceback", "expected <", "found character", "{'", "Decimal", "None"):
                assert word not in str(problem)


def test_there_are_more_than_forty_five_of_them():
    assert len(WRONG) >= 45


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
