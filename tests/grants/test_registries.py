"""Every member of every registry goes through everything, and a name that no registry knows raises."""

import re
from decimal import Decimal

import pytest
from django.urls import reverse

from agreements.acts import DE_MINIMIS_TEXTS, EU_FUND_TEXTS
from agreements.drafting import PAYEES
from agreements.models.choices import Payee, Proration
from agreements.models.schedule import InstalmentKind
from agreements.receivers import RELEASED_BY
from agreements.rules.proration import POLICIES, entitlement
from agreements.wording import wording
from applicants.models.de_minimis import Regime
from core.roles import Role
from demo import applicant_side
from grants import form_page, form_post
from grants.models import Application
from grants.programmes import aid_checks, form_checks
from grants.programmes.act_templates import act_templates
from grants.programmes.comparisons import CHOICES, COMPARED, OPERATORS, YES_NO
from grants.programmes.kinds import KINDS, Shape
from grants.programmes.steps import STEP_TYPES, Ceiling, Floor, Step
from grants.rules import aid, answers, json_schema, schema, tables
from grants.rules.automatic_checks import AUTOMATIC, CaseFacts, Finding
from grants.rules.conditions import verdict
from grants.rules.definition import check_definition
from grants.rules.schema import TABLE_KINDS, Question, QuestionKind, Text
from grants.services import drafting, filing, missing
from grants.services.facts import form_facts
from grants.services.programmes import PROGRAMMES_FOLDER, load_definition
from grants.templatetags import grants_form
from grants.views import catalogue
from grants.workbooks import ApplicationResource
from tests.factories.applicants import ApplicantFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.grants import BUDGET_CPO, answer_to
from tests.factories.instruction import CallFactory, staff

TABLES = set(TABLE_KINDS)
ELSEWHERE = {*TABLES, QuestionKind.PIECES}
SIMPLE = set(QuestionKind) - ELSEWHERE
LABEL = Text("Question")


def limits(kind: type, field: str) -> set[str]:
    """The values that a programme's file may write in a field."""
    return {value for value in json_schema.LIMITS[kind, field]["enum"] if value}


# --- each registry is whole -----------------------------------------------------------------------------------------


def test_every_kind_of_question_is_in_every_table_of_kinds():
    assert set(KINDS) == set(QuestionKind)
    assert set(answers.NORMALISERS) == set(answers.CHECKS) | {QuestionKind.ATTESTATIONS} == SIMPLE
    assert set(grants_form.READERS) == SIMPLE | {QuestionKind.TRANCHES}  # the other tables have their panels
    assert set(form_post.READERS) == set(Shape) - {Shape.FILES}
    for registry in (
        tables.COLUMNS, tables.TELLING, tables.READERS, drafting.TABLE_READERS, drafting.TABLE_WRITERS, missing.TABLES,
        form_page.BLANK_ROWS,
    ):  # fmt: skip
        assert set(registry) == TABLES
    assert set(applicant_side.ANSWERS) | set(applicant_side.CHOSEN) == set(QuestionKind)
    assert {kind for kind, traits in KINDS.items() if traits.shape is Shape.TABLE} == TABLES
    assert {option for traits in KINDS.values() for option in traits.options} == set(form_checks.OPTIONS)
    assert set(form_checks.TARGET_KINDS) == limits(schema.Question, "target")
    assert set(COMPARED) | {"answered"} == set(OPERATORS)


def test_every_base_step_check_and_word_of_a_file_is_known_to_what_reads_it():
    bases = limits(schema.Base, "kind")
    for registry in (
        aid.BASES, catalogue.SIMULATED, aid_checks.NEEDED, aid_checks.PER_IN_AXIS
    ):  # fmt: skip
        assert set(registry) == bases
    assert set(aid_checks.FORM_BASES) == limits(schema.AidRule, "form")
    assert {base for taken in aid_checks.FORM_BASES.values() for base in taken} == bases
    assert set(aid.STEPS) == set(STEP_TYPES.values()) == set(Step.__subclasses__())
    assert set(aid.PER) == {"", *limits(Ceiling, "per")} == {"", *limits(Floor, "per")}
    assert set(AUTOMATIC) == limits(schema.CheckRule, "automatic")
    assert set(RELEASED_BY) == limits(schema.TrancheRule, "released_on")
    assert set(Proration.values) == set(POLICIES) == limits(schema.Proration, "policy")
    assert set(InstalmentKind.values) == limits(schema.Instalment, "kind")
    assert limits(schema.ProgrammeRules, "payee") == set(PAYEES)
    assert set(PAYEES.values()) < set(Payee)
    assert set(DE_MINIMIS_TEXTS) == {"", *limits(schema.ProgrammeRules, "de_minimis")} == {"", *Regime.values}
    assert set(EU_FUND_TEXTS) == {code for code, _label in Application._meta.get_field("eu_fund").choices}


@pytest.mark.parametrize("name", sorted(AUTOMATIC))
def test_every_automatic_check_answers_with_a_reason(name):
    finding = AUTOMATIC[name](CaseFacts())
    assert isinstance(finding, Finding)
    assert finding.reason


def test_every_template_of_an_act_can_be_read():
    assert {"common", "bourse", "cpo"} <= set(act_templates())
    for name in act_templates():
        assert {"title", "parties", "opening", "articles", "signature"} <= set(wording(name))


# --- a name that nothing knows --------------------------------------------------------------------------------------


def test_an_unknown_kind_raises_everywhere():
    unknown = Question("q", "holiday", LABEL)
    view = form_page.QuestionView(unknown, "x", 0, True)
    for look_up in (
        lambda: answers.normalise(unknown, "x"),
        lambda: answers.problems_of(unknown, "x", None),
        lambda: grants_form.answer_text(view),
        lambda: view.template,
        lambda: view.input_type,
        lambda: view.is_group,
        lambda: tables.read_table(unknown, [{}]),
        lambda: form_post.READERS[KINDS[unknown.kind].shape],
        lambda: schema.build(QuestionKind, "holiday"),
    ):
        with pytest.raises((KeyError, ValueError)):
            look_up()


def test_an_unknown_base_step_or_policy_raises():
    class Rebate(Step):
        rule = "rebate"

    with pytest.raises(KeyError):
        aid.run([Rebate("region")], aid._Part(Decimal(1)), aid.AidFacts())
    with pytest.raises(KeyError):
        schema.build(Step, {"rule": "rebate"})
    axis = schema.Axis("a", LABEL, schema.Base("turnover", "region"), ())
    with pytest.raises(KeyError):
        aid.BASES[axis.base.kind](axis, aid.AidFacts())
    with pytest.raises(LookupError):
        aid.floor_step(Floor("region", Decimal(10)), aid._Part(Decimal(1)), aid.AidFacts())
    with pytest.raises(LookupError):
        entitlement(granted=Decimal(1), base=Decimal(1), spent=Decimal(1), policy="generous")


# --- every kind from the file to the paper --------------------------------------------------------------------------

EVERY = """sections:
  - code: every
    title: Tout
    questions:
      - {code: title, kind: text, label: Titre, target: title}
      - {code: e_money, kind: money, label: Montant}
      - {code: e_decimal, kind: decimal, label: Équivalents temps plein}
      - {code: e_date, kind: date, label: Jour}
      - {code: e_choice, kind: choice, label: Choix, choices: [{value: a, label: A}, {value: b, label: B}]}
      - {code: e_multiple, kind: multiple, label: Choix, choices: [{value: a, label: A}, {value: b, label: B}]}
      - {code: e_yes_no, kind: yes_no, label: Oui}
      - {code: e_siret, kind: siret, label: SIRET}
      - {code: e_partners, kind: partners, label: Partenaires}
      - {code: e_persons, kind: persons, label: Personnes}
%s"""
ASKED = {"choice": "equals: a", "multiple": "contains: a", "yes_no": "equals: true"}


def file_with_every_kind() -> str:
    """CPO's file with a question of each other kind, and one that hangs on each of those that compare."""
    text = (PROGRAMMES_FOLDER / "cpo.yaml").read_text(encoding="utf-8")
    text = re.sub(r"      - code: title\n(        .*\n)+", "", text, count=1)
    text = text.replace("code: CPO\n", "code: EVERY\n", 1).replace("number_prefix: CPO", "number_prefix: EVERY", 1)
    codes = {
        "text": "title", "long_text": "mission", "integer": "members", "decimal": "e_decimal", "money": "e_money", "date": "e_date",
        "period": "period", "choice": "e_choice", "multiple": "e_multiple", "yes_no": "e_yes_no",
        "email": "contact_email", "phone": "contact_phone", "siret": "e_siret", "attestations": "attestations",
    }  # fmt: skip
    assert {QuestionKind(kind) for kind in codes} == SIMPLE
    hanging = "".join(
        f"      - {{code: after_{kind}, kind: text, label: Suite, "
        f"show_if: {{answer: {code}, {ASKED.get(kind, 'answered: true')}}}}}\n"
        for kind, code in codes.items()
    )
    return text.replace("sections:\n", EVERY % hanging, 1)


@pytest.mark.django_db
def test_every_kind_goes_from_the_file_to_the_paper(client):
    user = UserFactory(applicant=True)
    load_definition(check_definition(file_with_every_kind(), "every.yaml"))
    call = CallFactory(programme_version=Application.programme_version.field.related_model.objects.get(), envelope=None)
    application = filing.create_draft(call=call, applicant=ApplicantFactory(representative=user), user=user)
    rules = application.rules
    assert {question.kind for question in rules.questions.values()} == set(QuestionKind)

    typed = {code: answer_to(item) for code, item in rules.questions.items() if item.kind != QuestionKind.PIECES}
    saved = filing.save_answers(application, user=user, typed=typed | {"budget": BUDGET_CPO})
    assert saved.ok, saved
    facts = form_facts(application)
    for kind in SIMPLE:  # compared as what it is
        assert verdict(rules.questions[f"after_{kind.value}"].show_if, facts) is True, kind
    assert len([traits for traits in KINDS.values() if traits.compares]) == len(SIMPLE)
    assert {KINDS[kind].compares for kind in (QuestionKind.YES_NO, QuestionKind.MULTIPLE)} == {YES_NO, CHOICES}

    for rule in rules.pieces:
        filing.attach_piece(application, code=rule.code, content=pdf(rule.code), name=f"{rule.code}.pdf", user=user)
    client.force_login(user)
    for section in rules.sections:  # drawn
        page = client.get(reverse("grants:step", args=[application.public_id, section.code]))
        assert page.status_code == 200
        for item in section.questions:
            assert f"question-{item.code}" in page.content.decode(), item.code
    assert client.get(reverse("grants:review", args=[application.public_id])).status_code == 200

    application = filing.submit(application, user=user).application  # stored, frozen, printed
    snapshot = application.snapshots.get()
    for code, item in rules.questions.items():
        if item.kind in SIMPLE or item.kind == QuestionKind.TRANCHES:
            assert snapshot.content["answers"][code] not in (None, "", []), code
    assert snapshot.content["partners"] and snapshot.content["persons"] and snapshot.content["budget"]
    assert len(snapshot.content["pieces"]) == len(rules.pieces)
    assert snapshot.receipt.file.size > 1000

    read = client.get(reverse("grants:filed_form", args=[application.public_id])).content.decode()  # read aloud
    client.force_login(staff(Role.INSTRUCTOR, "EVERY"))
    case = client.get(reverse("admin:grants_application_change", args=[application.pk])).content.decode()
    assert "Année 1 : coût 100\u202f000,00\u202f€" in case
    for words in ("12\u202f000,00\u202f€", "Oui", "41816609600051"):
        assert words in read, words
        assert words in case, words
    assert application.number in str(ApplicationResource().export(Application.objects.all()).dict)
