"""The staff screens of reporting: who sees what, no form for auditors, a constant number of queries."""

from decimal import Decimal

import pytest
from django.contrib.admin import site
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse

from core.engine.questions import words_of
from core.navigation import work_for
from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants.models import Call
from reporting.models import CofinancingRule, ErrorType, Operation, OperationFlag, OperationImport, OperationVersion
from reporting.receivers import remember_orderer
from tests.factories.core import UserFactory
from tests.factories.instruction import staff
from tests.factories.reporting import (
    EUBeneficiaryFactory,
    EUProgrammeFactory,
    OperationFactory,
    applied,
    cofinanced,
    controlled,
    cut,
    declared,
    rule,
    under_control,
)
from tests.forms import form_to

pytestmark = pytest.mark.django_db
D = Decimal
MOST_QUERIES = 20
LISTS = (
    "operation", "operationflag", "expendituredeclaration", "expenditureitem", "certificate", "paymentapplication",
    "operationimport", "eubeneficiary", "euprogramme", "priority", "specificobjective", "cofinancingrule", "fund",
    "interventionfield", "errortype", "accountingyear",
)  # fmt: skip
OF_THE_CASE = ("operation", "operationflag", "expendituredeclaration", "expenditureitem", "certificate")


def sign_in(user) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def list_url(model: str, query: str = "") -> str:
    return reverse(f"admin:reporting_{model}_changelist") + query


def page_url(row, page: str = "change", *more) -> str:
    return reverse(f"admin:reporting_{row._meta.model_name}_{page}", args=[row.pk, *more])


@pytest.fixture(scope="module")
def case(django_db_setup, django_db_blocker):
    """One operation at the end of the way; undone after the last test of the module."""
    with django_db_blocker.unblock(), override_settings(ESSOR_JOB_LEASE_SECONDS=3600), transaction.atomic():
        made = cofinanced()
        controlled(made, "12000.00")
        made.__dict__["application"] = applied(made)
        OperationFlag.objects.create(operation=made.operation, kind="no_eu_amount")
        OperationImport.objects.create(file_name="liste.xls", file_sha256="0" * 64, rows=1, created=1, changed=0,
                                       unchanged=0, repaired=0, flagged=0, refused=0)  # fmt: skip
        yield made
        transaction.set_rollback(True)


def rows_of(case) -> dict[str, object]:
    """One row of each list of the case."""
    return {
        "operation": case.operation,
        "operationflag": case.operation.flags.get(),
        "expendituredeclaration": case.declaration,
        "expenditureitem": case.items[0],
        "certificate": case.declaration.certificate,
    }


# --- who sees what ------------------------------------------------------------------------------------------------------


def test_an_auditor_reads_every_list_and_page_and_finds_no_form(case):
    client = sign_in(UserFactory(auditor=True))
    for model in LISTS:
        page = client.get(list_url(model))
        assert page.status_code == 200, model
        assert f"/admin/reporting/{model}/add/" not in page.content.decode()
        assert client.get(reverse(f"admin:reporting_{model}_add")).status_code in (403, 404)
    pages = [page_url(row) for row in rows_of(case).values()]
    pages += [page_url(case.application), page_url(OperationImport.objects.get())]
    pages += [page_url(row) for row in (case.operation.programme, case.operation.current.priority)]
    for address in pages:
        page = client.get(address)
        assert page.status_code == 200, address
        text = page.content.decode()
        assert 'name="_save"' not in text and "/transition/" not in text, address
        assert client.post(address, {"name": "x"}).status_code in (403, 404), address
    shown = client.get(page_url(case.operation)).content.decode()
    assert "FSE+</small>" in shown and "ESF+</small>" not in shown  # the fund in the reader's language
    with pytest.raises(TransitionRefused, match="ne change rien"):
        perform(case.operation.flags.get(), "answer_flag", actor=UserFactory(auditor=True), data={}, comment="x")


def test_no_row_of_the_way_is_typed_by_anybody(case):
    for role in ("finance_officer", "eu_controller", "administrator"):
        client = sign_in(UserFactory(**{role: True}))
        for model in (*OF_THE_CASE, "paymentapplication", "operationimport"):
            assert client.get(reverse(f"admin:reporting_{model}_add")).status_code in (403, 404), (role, model)
        before = Operation.objects.get(pk=case.operation.pk).code
        client.post(page_url(case.operation), {"code": "AUTRE"})
        assert Operation.objects.get(pk=case.operation.pk).code == before
        assert client.post(page_url(case.operation, "delete"), {"post": "yes"}).status_code in (403, 404)


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.EU_CONTROLLER, Role.FINANCE_OFFICER])
def test_the_staff_of_another_scheme_finds_nothing(case, role):
    client = sign_in(staff(role, "CPO"))
    for model, row in rows_of(case).items():
        assert client.get(page_url(row)).status_code in (403, 404), model
        listed = client.get(list_url(model))
        assert listed.status_code in (200, 403)
        assert case.operation.code not in listed.content.decode()
    decide = reverse("admin:reporting_expendituredeclaration_decide", args=[case.declaration.pk])
    assert client.post(decide, {"all": "accept"}).status_code in (403, 404)


@pytest.mark.parametrize("role", [Role.APPLICANT, Role.COMMITTEE_SECRETARY])
def test_those_without_a_part_in_it_have_no_screen(case, role):
    client = sign_in(UserFactory(roles=[role]))
    for model in LISTS:
        assert client.get(list_url(model)).status_code in (302, 403, 404), model
    assert client.get(page_url(case.operation)).status_code in (302, 403, 404)


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.HEAD_OF_SERVICE])
def test_payment_applications_are_for_those_who_answer_to_the_commission(case, role):
    client = sign_in(staff(role, "PROGRESS1"))
    assert client.get(page_url(case.operation)).status_code == 200
    assert client.get(list_url("paymentapplication")).status_code == 403
    assert client.get(page_url(case.application)).status_code in (403, 404)
    assert client.get(reverse("admin:reporting_paymentapplication_open")).status_code == 403


def test_operations_of_a_list_are_for_eu_staff_only(case):
    listed = OperationFactory()
    assert sign_in(UserFactory(finance_officer=True)).get(page_url(listed)).status_code == 200
    assert sign_in(staff(Role.INSTRUCTOR, "PROGRESS1")).get(page_url(listed)).status_code == 404


# --- the grid of the control ---------------------------------------------------------------------------------------------


def test_the_controller_decides_in_one_grid_and_what_is_refused_stays_typed():
    case = cofinanced()
    under_control(case, "5000.00", "4000.00", "3000.00")
    client = sign_in(case.controller)
    first, second, third = case.items
    assert page_url(first, "transition", "reject_partly") in client.get(page_url(first)).content.decode()
    assert "Rejeter en partie" not in sign_in(case.house.instructor).get(page_url(first)).content.decode()
    page = client.get(page_url(case.declaration)).content.decode()
    assert (
        f'name="decision-{first.pk}"' in page
        and reverse("core:document", args=[first.expenditure_line.proof_id]) in page
    )
    decide = reverse("admin:reporting_expendituredeclaration_decide", args=[case.declaration.pk])
    typed = {
        f"decision-{first.pk}": "accept",
        f"decision-{second.pk}": "reject_partly",
        f"rejected-{second.pk}": "9 999,00",
        f"reason-{second.pk}": "Un motif que l’on ne retape pas.",
    }
    refused = sent_on(client, case, typed)
    assert refused.status_code == 422
    assert "Un motif que l’on ne retape pas." in refused.content.decode() and "9 999,00" in refused.content.decode()
    assert [item.state for item in case.items] == ["accepted", "pending", "pending"]
    for row in ("decision-0", "decision-²", "rejected-0"):
        answer = sent_on(client, case, {f"decision-{second.pk}": "accept", row: "accept"})
        assert answer.status_code == 400, "not this page's"
    assert [item.state for item in case.items] == ["accepted", "pending", "pending"]
    assert sent_on(client, case, {"all": "accept"}).status_code == 302
    assert [item.state for item in case.items] == ["accepted"] * 3
    for reader in (case.house.instructor, UserFactory(auditor=True)):
        text = sign_in(reader).get(page_url(case.declaration)).content.decode()
        assert f'name="decision-{third.pk}"' not in text
        assert sign_in(reader).post(decide, {f"decision-{third.pk}": "park", f"reason-{third.pk}": "x"}).status_code in (
            302, 400, 403, 404, 422,
        )  # fmt: skip
    assert case.items[2].state == "accepted"


def sent_on(client: Client, case, typed: dict, page: str = "") -> HttpResponse:
    """The grid as a browser sends it: all that its page filled, and what is typed on it."""
    form = form_to(client.get(page_url(case.declaration) + page), "/decide/")
    return client.post(form.action, form.fields | typed)


def test_accept_all_takes_a_row_on_which_something_is_typed_as_it_is_typed():
    case = cofinanced()
    under_control(case, "6000.00", "4000.00", "3000.00", "2000.00")
    client = sign_in(case.controller)
    rejected, mistaken, parked, _untouched = case.items
    error = ErrorType.objects.filter(is_active=True).first()
    typed = {
        f"decision-{rejected.pk}": "reject",
        f"rejected-{rejected.pk}": "6 000,00",
        f"error-{rejected.pk}": str(error.pk),
        f"reason-{rejected.pk}": "Facture hors de l’opération.",
        f"reason-{mistaken.pk}": "Une pièce manque.",
        f"decision-{parked.pk}": "park",
        f"reason-{parked.pk}": "Question posée.",
        "all": "accept",
    }
    refused = sent_on(client, case, typed)
    assert refused.status_code == 422
    assert [item.state for item in case.items] == ["rejected", "pending", "parked", "accepted"]
    assert case.items[0].rejected_amount == D("6000.00") and case.items[0].reason == "Facture hors de l’opération."
    text = refused.content.decode()
    assert "Dépense 2 : choisissez la décision qui va avec ce que vous avez saisi (motif)" in text
    assert form_to(refused, "/decide/").fields[f"reason-{mistaken.pk}"] == ["Une pièce manque."]


def ignored_by(item) -> dict[str, tuple[dict[str, str], str]]:
    """What the decision of a row does not use: what was typed, and the word of the column that the refusal names."""
    error = str(ErrorType.objects.filter(is_active=True).first().pk)
    amount, kind, why = f"rejected-{item.pk}", f"error-{item.pk}", f"reason-{item.pk}"
    decision = f"decision-{item.pk}"
    return {
        "an amount with “accept”": ({decision: "accept", amount: "1 000,00"}, "montant rejeté"),
        "no amount at all with “accept”": ({decision: "accept", amount: "mille"}, "montant rejeté"),
        "a type with “accept”": ({decision: "accept", kind: error}, "type d’erreur"),
        "an amount with “park”": ({decision: "park", amount: "1 000,00", why: "Question."}, "montant rejeté"),
        "part with “reject”": ({decision: "reject", amount: "1,00", kind: error, why: "Faux."}, "en totalité"),
        "an amount without decision": ({amount: "1 000,00"}, "montant rejeté"),
        "a type without decision": ({kind: error}, "type d’erreur"),
        "a reason without decision": ({why: "Une pièce manque."}, "motif"),
        "another decision": ({decision: "forget", why: "Une pièce manque."}, "de la liste"),
    }


def test_what_a_decision_does_not_use_is_refused_in_words_and_stays_typed():
    case = cofinanced()
    under_control(case, "5000.00", "4000.00")
    client = sign_in(case.controller)
    item = case.items[0]
    for button in ({}, {"all": "accept"}):
        for name, (typed, word) in ignored_by(item).items():
            other = {f"decision-{case.items[1].pk}": "park", f"reason-{case.items[1].pk}": f"Question {name}"}
            refused = sent_on(client, case, typed | other | button)
            assert refused.status_code == 422, name
            assert word in refused.content.decode() and "Dépense 1" in refused.content.decode(), name
            fields = form_to(refused, "/decide/").fields
            kept = {key: value for key, value in typed.items() if value != "forget"}
            assert {key: fields[key] for key in kept} == {key: [value] for key, value in kept.items()}, name
            assert [item.state for item in case.items] == ["pending", "parked"], name
    assert sent_on(client, case, {f"decision-{item.pk}": "accept", f"rejected-{item.pk}": "0,00"}).status_code == 302
    assert case.items[0].state == "accepted"


def test_a_row_left_as_it_was_says_nothing_and_a_decision_is_taken_on_top_of_the_last_one():
    case = cofinanced()
    under_control(case, "5000.00", "4000.00")
    client = sign_in(case.controller)
    first, second = case.items
    cut(first, case.controller, "1000.00")
    assert sent_on(client, case, {f"decision-{second.pk}": "accept"}).status_code == 302
    assert [item.state for item in case.items] == ["partly_rejected", "accepted"]
    shown = form_to(client.get(page_url(case.declaration)), "/decide/").fields[f"rejected-{first.pk}"]
    assert shown == ["1\u202f000,00"], "the amount decided"
    more = {f"decision-{first.pk}": "reject_partly", f"rejected-{first.pk}": "1 500,00"}
    assert sent_on(client, case, {f"rejected-{first.pk}": "1 500,00"}).status_code == 422, "no decision goes with it"
    assert sent_on(client, case, more).status_code == 302 and case.items[0].rejected_amount == D("1500.00")
    assert sent_on(client, case, {f"decision-{first.pk}": "accept"}).status_code == 302, (
        "its old type is typed by nobody"
    )
    assert case.items[0].retained_amount == D("5000.00") and case.items[0].error_type is None


def test_accept_all_takes_what_its_page_showed_and_nothing_of_the_others(monkeypatch):
    monkeypatch.setattr("reporting.admin.control_grid.PER_PAGE", 2)
    case = cofinanced()
    under_control(case, "5000.00", "4000.00", "3000.00")
    client = sign_in(case.controller)
    assert "Accepter tout ce qui attend sur cette page" in client.get(page_url(case.declaration)).content.decode()
    assert sent_on(client, case, {"all": "accept"}).status_code == 302
    assert [item.state for item in case.items] == ["accepted", "accepted", "pending"]
    assert sent_on(client, case, {"all": "accept"}, "?page=2").status_code == 302
    assert [item.state for item in case.items] == ["accepted"] * 3


def test_a_refused_row_says_what_somebody_decided_meanwhile():
    case = cofinanced()
    under_control(case, "5000.00")
    client = sign_in(case.controller)
    (item,) = case.items
    form = form_to(client.get(page_url(case.declaration)), "/decide/")
    perform(item, "park", actor=case.controller, comment="Question posée.")
    typed = {f"decision-{item.pk}": "accept", f"rejected-{item.pk}": "1 000,00"}
    text = client.post(form.action, form.fields | typed).content.decode()
    assert "a décidé" in text and "montant rejeté" in text


def test_what_was_typed_on_a_grid_whose_control_is_over_is_given_back():
    case = cofinanced()
    declaration = under_control(case, "5000.00")
    client = sign_in(case.controller)
    (item,) = case.items
    form = form_to(client.get(page_url(declaration)), "/decide/")
    perform(item, "accept", actor=case.controller)
    perform(declaration, "conclude", actor=case.controller)
    typed = {
        f"decision-{item.pk}": "reject_partly",
        f"rejected-{item.pk}": "1 000,00",
        f"reason-{item.pk}": "Un motif que l’on ne retape pas.",
    }
    answer = client.post(form.action, form.fields | typed)
    text = answer.content.decode()
    assert answer.status_code == 409
    for words in ("Un motif que l’on ne retape pas.", "1 000,00", "Rejeter en partie", "Dépense 1"):
        assert words in text, words


def test_the_work_of_each_names_what_waits():
    case = cofinanced()
    declared(case, "5000.00")
    mine = [item.title for item in work_for(case.controller)]
    assert any(case.declaration.number in title for title in mine)
    instructor = [item.title for item in work_for(case.house.instructor)]
    assert not any(case.declaration.number in title for title in instructor)


def test_a_controller_does_not_become_the_orderer_of_the_claim():
    case = cofinanced()
    under_control(case, "5000.00")
    claim = case.declaration.claim
    claim.ordered_by = case.controller
    with pytest.raises(TransitionRefused, match="autre personne"):
        remember_orderer(claim)


def test_opening_a_payment_application_on_its_page_takes_in_what_waits():
    case = cofinanced()
    controlled(case, "12000.00")
    client = sign_in(UserFactory(finance_officer=True))
    version = case.operation.current
    question = {"programme": case.operation.programme_id, "fund": version.fund_id}
    answer = client.post(reverse("admin:reporting_paymentapplication_open"), question)
    assert answer.status_code == 302
    assert case.declaration.certificate.number in client.get(answer.url).content.decode()
    again = client.post(reverse("admin:reporting_paymentapplication_open"), question)
    assert again.status_code == 200 and "déjà ouverte" in again.content.decode()


# --- doubts --------------------------------------------------------------------------------------------------------------


def test_a_doubt_is_answered_with_an_explanation_and_a_correction_is_a_version():
    operation = OperationFactory(
        version__eligible_cost="100.00", version__eu_amount="250.00", doubt="eu_above_eligible",
        doubt__eu_amount="250.00", doubt__eligible_cost="100.00",
    )  # fmt: skip
    flag = operation.flags.get()
    client = sign_in(UserFactory(eu_controller=True))
    address = page_url(flag, "transition", "answer_flag")
    still = client.post(address, {"answer": "corrected", "eu_amount": "200,00", "comment": "Faute de frappe."})
    assert "dépasse encore" in still.content.decode() and "200,00" in still.content.decode()
    without = client.post(address, {"answer": "confirmed", "comment": ""})
    assert without.status_code in (200, 422)
    assert OperationVersion.objects.filter(operation=operation).count() == 1
    client.post(address, {"answer": "corrected", "eu_amount": "50,00", "comment": "Faute de frappe."})
    operation.refresh_from_db()
    flag.refresh_from_db()
    assert (flag.state, flag.explanation) == ("answered", "Faute de frappe.")
    assert (operation.current.number, operation.current.eu_amount) == (2, D("50.00"))
    lines = {line.kind: line.amount for line in operation.current.financing.all()}
    assert lines == {"eu": D("50.00"), "unknown": D("50.00")}


def test_a_fund_that_is_not_stated_cannot_be_confirmed():
    operation = OperationFactory(version__fund="NR", doubt="fund_unknown", doubt__written="NR")
    client = sign_in(UserFactory(finance_officer=True))
    address = page_url(operation.flags.get(), "transition", "answer_flag")
    client.post(address, {"answer": "confirmed", "comment": "On ne sait pas."})
    assert operation.flags.get().state == "open"


# --- speed ---------------------------------------------------------------------------------------------------------------


def many(model: str, count: int) -> None:
    """Add rows to a list."""
    if model in ("operation", "eubeneficiary", "euprogramme"):
        OperationFactory.create_batch(count)
    elif model == "operationflag":
        OperationFactory.create_batch(count, version__fund="NR", doubt="fund_unknown")
    elif model == "operationimport":
        for number in range(count):
            OperationImport.objects.create(file_name=f"{number}.xls", file_sha256="0" * 64, rows=1, created=1, changed=0,
                                           unchanged=0, repaired=0, flagged=0, refused=0)  # fmt: skip


@pytest.mark.parametrize("model", ["operation", "operationflag", "eubeneficiary", "euprogramme", "operationimport"])
def test_a_list_takes_the_same_queries_for_3_and_for_30_rows(model, django_assert_max_num_queries):
    client = sign_in(UserFactory(auditor=True))
    counts = []
    for more in (3, 27):
        many(model, more)
        client.get(list_url(model))
        with django_assert_max_num_queries(MOST_QUERIES) as captured:
            assert client.get(list_url(model)).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_the_lists_and_pages_of_the_way_take_the_same_queries(django_assert_max_num_queries):
    client = sign_in(UserFactory(auditor=True))
    rule("ESF+")

    def counted(addresses: dict[str, str]) -> dict[str, int]:
        found = {}
        for name, address in addresses.items():
            client.get(address)
            with django_assert_max_num_queries(MOST_QUERIES) as captured:
                assert client.get(address).status_code == 200, name
            found[name] = len(captured)
        return found

    def addresses(case) -> dict[str, str]:
        lists = {model: list_url(model) for model in (*OF_THE_CASE[2:], "paymentapplication")}
        pages = {f"{model} page": page_url(row) for model, row in rows_of(case).items()}
        return lists | pages | {"application page": page_url(case.declaration.certificate.entry.line.application)}

    first = cofinanced()
    controlled(first, "100.00", "100.00", "100.00")
    OperationFlag.objects.create(operation=first.operation, kind="no_eu_amount")
    sent(applied(first))
    few = counted(addresses(first))
    second = cofinanced()
    declaration = under_control(second, *["100.00"] * 30)
    for item in (second.items[0], *second.items[2:]):
        perform(item, "accept", actor=second.controller)
    cut(second.items[1], second.controller, "1,00")
    perform(declaration, "conclude", actor=second.controller)
    OperationFlag.objects.create(operation=second.operation, kind="no_eu_amount")
    third = cofinanced()
    controlled(third, "100.00")
    sent(applied(second))
    assert counted(addresses(second)) == few


def sent(application) -> None:
    """What was sent is called as it was then: the same few queries whatever the number of rows."""
    perform(application, "send", actor=application.closed_by, data={"national_reference": "1"})


def test_the_form_of_a_beneficiary_is_for_controllers(case):
    person = EUBeneficiaryFactory()
    EUProgrammeFactory()
    controller, finance = sign_in(UserFactory(eu_controller=True)), sign_in(UserFactory(finance_officer=True))
    assert 'name="_save"' in controller.get(page_url(person)).content.decode()
    assert 'name="_save"' not in finance.get(page_url(person)).content.decode()


@pytest.mark.parametrize(("model", "name"), [(CofinancingRule, "eu_rate"), (Call, "eu_rate_limit")])
def test_a_rate_is_typed_like_an_amount_and_told_without_a_currency(model, name):
    request = RequestFactory().get("/")
    request.user = UserFactory()
    field = site._registry[model].formfield_for_dbfield(model._meta.get_field(name), request)
    assert words_of(field, D("55.00")) == "55,00" and field.clean("55,5") == D("55.5")


def test_parked_expenditure_is_told_before_the_control_ends_and_stays_in_a_list(client):
    case = cofinanced()
    declaration = under_control(case, "5000.00", "4000.00")
    first, second = declaration.items.order_by("rank")
    perform(first, "accept", actor=declaration.controller)
    perform(second, "park", actor=declaration.controller, comment="Facture illisible.")
    client.force_login(declaration.controller, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:reporting_expendituredeclaration_transition", args=[declaration.pk, "conclude"]))
    assert "Mis en attente : hors du certificat" in page.content.decode()
    perform(declaration, "conclude", actor=declaration.controller)
    address = reverse("admin:reporting_expenditureitem_changelist")
    listed = client.get(address, {"state__exact": "parked"}).context["cl"].result_count
    counts = client.get(reverse("staff-badges")).json()
    assert counts["admin:reporting_expenditureitem_changelist?state__exact=parked"] == listed == 1
