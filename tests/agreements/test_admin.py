"""The staff screens: scope, drawing up, the review of a claim, batches, queries, badges."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from agreements.claims import attach_proof, certify_lines
from agreements.drafting import choose_fund, draft_agreement
from agreements.due import due_of_claim
from agreements.duplicates import open_warnings
from agreements.models import Agreement, ExpenditureLine, PaymentBatch, PaymentClaim
from core.money import format_euros
from core.navigation import work_for
from core.roles import Role
from core.transitions import perform
from grants.models import Application
from tests.factories.agreements import (
    add_line,
    approved,
    certified,
    drafted,
    give_accounts,
    in_force,
    line_values,
    opened,
    ordered,
    sent,
    submitted,
)
from tests.factories.core import UserFactory
from tests.factories.instruction import staff
from tests.forms import form_to

pytestmark = pytest.mark.django_db
MOST_QUERIES = 20
MODELS = ("agreement", "paymentclaim", "paymentbatch", "paymentorder", "tranchereport")


def sign_in(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")


def list_url(model: str, query: str = "") -> str:
    return reverse(f"admin:agreements_{model}_changelist") + query


def page_url(row) -> str:
    return reverse(f"admin:agreements_{row._meta.model_name}_change", args=[row.pk])


def act(client, row, action: str, **data):
    return client.post(reverse(f"admin:agreements_{row._meta.model_name}_do", args=[row.pk, action]), data)


def test_the_form_of_the_certificate_says_what_was_asked_and_what_is_due_at_most(client):
    """It opens beside the case, or alone: the panel of the amount due may be out of sight."""
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", "10000.00")
    perform(claim, "start_review", actor=house.instructor)
    sign_in(client, house.instructor)
    address = reverse("admin:agreements_paymentclaim_transition", args=[claim.pk, "certify"])
    certify_lines(claim, {line.pk: (line.declared_amount, "") for line in claim.lines.all()}, actor=house.instructor)
    form = client.get(address).text.split('name="shown"')[1].split("</form>")[0]
    due = due_of_claim(PaymentClaim.objects.get(pk=claim.pk)).amount
    assert "Montant demandé" in form and f"<dd>{format_euros(claim.claimed_amount)}</dd>" in form
    assert "Dû au plus" in form and f"<dd>{format_euros(due)}</dd>" in form and due < claim.claimed_amount


# --- who sees what ----------------------------------------------------------------------------------------------------


def test_staff_see_the_agreements_of_their_programmes_only(client):
    agreement, house = in_force()
    claim = submitted(agreement, house)
    sign_in(client, staff(Role.INSTRUCTOR, "CPO"))
    assert client.get(page_url(agreement)).status_code == 404
    assert client.get(page_url(claim)).status_code == 404
    assert agreement.number not in client.get(list_url("agreement")).content.decode()


def test_applicants_do_not_enter(client):
    _agreement, house = in_force()
    sign_in(client, house.member)
    assert client.get(list_url("agreement")).status_code in (302, 403)


def test_an_auditor_reads_and_changes_nothing(client):
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", "3000.00")
    perform(claim, "start_review", actor=house.instructor)
    draft, _house = drafted(house=house)
    sign_in(client, UserFactory(auditor=True))
    for row in (agreement, claim, draft):
        assert client.get(page_url(row)).status_code == 200
    assert act(client, draft, "write").status_code == 403
    assert act(client, claim, "lines").status_code == 403
    assert client.post(reverse("admin:agreements_agreement_to-draft"), {"application": 1}).status_code == 403


# --- drawing up -------------------------------------------------------------------------------------------------------


def test_a_granted_case_is_drawn_up_from_its_list(client):
    case, house = approved()
    sign_in(client, house.instructor)
    address = reverse("admin:agreements_agreement_to-draft")
    assert case.number in client.get(address).content.decode()
    answer = client.post(address, {"application": case.pk})
    agreement = Agreement.objects.get()
    assert answer.url == page_url(agreement)
    assert client.post(address, {"application": case.pk}).url == page_url(agreement)
    assert Agreement.objects.count() == 1


def test_the_fund_is_chosen_on_the_page_of_a_draft(client):
    agreement, house = drafted()
    sign_in(client, house.instructor)
    assert act(client, agreement, "fund", eu_fund="ESF+").status_code == 302
    agreement.refresh_from_db()
    assert agreement.eu_fund == "ESF+"
    case = agreement.application
    case.refresh_from_db()
    assert (case.eu_fund, case.events.get(action="eu_fund").actor) == ("ESF+", house.instructor)
    perform(agreement, "send", actor=house.instructor)
    assert act(client, agreement, "fund", eu_fund="").status_code == 422


def test_an_act_and_its_case_name_one_fund():
    case, house = approved()
    agreement = draft_agreement(case, actor=house.instructor, eu_fund="ESF+")
    case.refresh_from_db()
    assert case.eu_fund == "ESF+", "the case follows the act that names it"
    with pytest.raises(IntegrityError, match="names the fund"), transaction.atomic():
        Agreement.objects.filter(pk=agreement.pk).update(eu_fund="ERDF")
        connection.check_constraints()
    choose_fund(agreement, "", actor=house.instructor)
    case.refresh_from_db()
    assert case.eu_fund == agreement.eu_fund == ""


def test_cases_of_before_carry_the_fund_of_their_act():
    agreement, _house = drafted(eu_fund="ESF+")
    cases = Application.objects.filter(pk=agreement.application_id)
    cases.update(eu_fund="")
    step = import_module("agreements.migrations.0027_acts_name_the_fund_of_their_case")
    for _again in range(2):
        step.cases_carry_the_fund_of_their_act(apps, None)
        told = cases.get().events.filter(action="eu_fund", comment=step.REASON)
        assert cases.get().eu_fund == "ESF+" and told.count() == 1


# --- the review -------------------------------------------------------------------------------------------------------


def under_review(*amounts: str):
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", *amounts)
    perform(claim, "start_review", actor=house.instructor)
    return claim, house


def test_all_lines_are_recorded_in_one_post(client):
    claim, house = under_review("3000.00", "500.00")
    sign_in(client, house.instructor)
    first, second = claim.lines.order_by("rank")
    page = client.get(page_url(claim)).content.decode()
    assert first.proof.get_absolute_url() in page
    data = {
        f"amount-{first.pk}": "2 900,00",
        f"reason-{first.pk}": "Frais de bouche.",
        f"amount-{second.pk}": "500,00",
        f"reason-{second.pk}": "",
    }
    assert act(client, claim, "lines", **data).status_code == 302
    claim.refresh_from_db()
    assert claim.certified_total == Decimal("3400.00")


def test_a_cut_without_reason_comes_back_with_what_was_typed(client):
    claim, house = under_review("3000.00")
    sign_in(client, house.instructor)
    line = claim.lines.get()
    answer = act(client, claim, "lines", **{f"amount-{line.pk}": "2 900,00", f"reason-{line.pk}": ""})
    assert answer.status_code == 422
    assert "2 900,00" in answer.content.decode()
    line.refresh_from_db()
    assert line.certified_amount is None


def test_a_duplicate_is_answered_on_the_page(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house, invoice_number="F-7", declared_amount=Decimal("9999.00"))
    add_line(claim, house, invoice_number="f 7", declared_amount=Decimal("1.00"))
    perform(claim, "submit", actor=house.member, data={"attested": "on"})
    perform(claim, "start_review", actor=house.instructor)
    warning = claim.lines.first().duplicate_warnings.get()
    sign_in(client, house.instructor)
    assert 'id="duplicates"' in client.get(page_url(claim)).content.decode()
    assert act(client, claim, "duplicate", warning=warning.pk, answer="split", comment="").status_code == 422
    assert act(client, claim, "duplicate", warning=warning.pk, answer="split", comment="Deux parts.").status_code == 302
    warning.refresh_from_db()
    assert warning.answered_by == house.instructor


@pytest.mark.old_pages
def test_a_duplicate_is_answered_on_both_lines_as_the_page_showed_them(client):
    """The other line stands in a claim that somebody else reviews: nothing happens to this one when it is cut."""
    agreement, house = in_force()
    claims = [opened(agreement, house), opened(in_force(house=house)[0], house)]
    for claim in claims:
        add_line(claim, house, invoice_number="F-7")
        perform(claim, "submit", actor=house.member, data={"attested": "on"})
        perform(claim, "start_review", actor=house.instructor)
    asked, other = reversed(claims)
    sign_in(client, house.instructor)
    old = form_to(client.get(page_url(asked)), "/do/duplicate/")
    line = other.lines.get()
    certify_lines(other, {line.pk: (Decimal("12.34"), "Hors projet.")}, actor=house.instructor)
    answer = client.post(old.action, old.fields | {"answer": "different", "comment": "Deux achats."})
    assert answer.status_code == 409 and format_euros(Decimal("12.34")) in answer.content.decode()
    assert open_warnings(asked).count() == 1
    again = form_to(answer, "/do/duplicate/")
    assert client.post(again.action, again.fields).status_code == 302 and not open_warnings(asked)


def test_one_answer_for_all_that_one_file_asks(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    numbers = ("LOYER JUIN", "LOYER JUILLET", "LOYER AOUT", "Loyer-Aout")
    days = [timezone.localdate() - timedelta(days=days) for days in (90, 60, 30, 30)]
    lines = [
        add_line(claim, house, invoice_number=number, invoice_date=day)
        for number, day in zip(numbers, days, strict=True)
    ]
    attach_proof(claim, lines, lines[0].proof, actor=house.member)
    perform(claim, "submit", actor=house.member, data={"attested": "on"})
    perform(claim, "start_review", actor=house.instructor)
    doubled = open_warnings(claim).get(line__in=lines[2:], other_line__in=lines[2:])
    first, *others = open_warnings(claim).exclude(pk=doubled.pk)
    sign_in(client, house.instructor)
    assert "aux 4 autres questions" in client.get(page_url(claim)).content.decode()
    data = {"warning": first.pk, "comment": "Trois loyers.", "whole_file": "on"}
    assert act(client, claim, "duplicate", answer="cut", **data).status_code == 422
    assert act(client, claim, "duplicate", answer="different", **data).status_code == 302
    assert open_warnings(claim).get() == doubled, "the number that stands twice is asked by itself"
    assert {warning.comment for warning in others if warning.refresh_from_db() is None} == {"Trois loyers."}


# --- batches ----------------------------------------------------------------------------------------------------------


def test_from_the_open_batch_to_the_payments(client):
    agreement, house = in_force()
    claim = certified(agreement, house)
    sign_in(client, house.finance)
    client.post(reverse("admin:agreements_paymentbatch_add"), {"label": "Novembre"})
    batch = PaymentBatch.objects.get()
    assert (batch.opened_by, batch.label) == (house.finance, "Novembre")
    assert claim.number in client.get(page_url(batch)).content.decode()
    assert act(client, batch, "order").status_code == 422
    assert act(client, batch, "order", claims=[claim.pk]).status_code == 302
    client.post(reverse("admin:agreements_paymentbatch_transition", args=[batch.pk, "close"]))
    batch.refresh_from_db()
    assert batch.workbook_id
    order = batch.orders.get()
    assert act(client, batch, "pay", orders=[order.pk], paid_on="").status_code == 422
    today = timezone.localdate().isoformat()
    assert act(client, batch, "pay", orders=[order.pk], paid_on=today).status_code == 302
    claim.refresh_from_db()
    assert claim.state == "paid"


def test_an_instructor_orders_nothing(client):
    agreement, house = in_force()
    claim = certified(agreement, house)
    batch = PaymentBatch.objects.create(number="BORD-X", year=2026, opened_by=house.finance)
    sign_in(client, house.instructor)
    assert act(client, batch, "order", claims=[claim.pk]).status_code == 403
    assert client.get(reverse("admin:agreements_paymentbatch_add")).status_code == 403


# --- lists, badges, work ----------------------------------------------------------------------------------------------


def test_badges_count_what_their_lists_show(client):
    agreement, house = in_force()
    submitted(agreement, house)
    second, _house = in_force(house=house, granted="2000.00")
    certified(second, house)
    sent(house=house, granted="1000.00")
    approved(house=house)
    administrator = UserFactory(administrator=True)
    sign_in(client, administrator)
    counts = client.get(reverse("staff-badges")).json()
    expected = {
        "admin:agreements_agreement_changelist?queue=sign": 1,
        "admin:agreements_paymentclaim_changelist?queue=review": 1,
        "admin:agreements_paymentclaim_changelist?queue=order": 1,
        "admin:agreements_tranchereport_changelist?queue=read": 0,
        "admin:agreements_paymentbatch_changelist?queue=sent": 0,
    }
    for key, count in expected.items():
        assert counts[key] == count, key
        name, _sep, query = key.partition("?")
        assert client.get(f"{reverse(name)}?{query}").context["cl"].result_count == count
    assert counts["admin:agreements_agreement_to-draft?"] == 1


def test_each_finds_what_waits_for_them():
    agreement, house = in_force()
    claim = submitted(agreement, house)
    assert any(claim.number in item.title for item in work_for(house.instructor))
    second, _house = in_force(house=house, granted="2000.00")
    ready = certified(second, house)
    assert any(ready.number in item.title for item in work_for(house.finance))
    waiting, _house = sent(house=house, granted="1000.00")
    assert any(waiting.number in item.title for item in work_for(house.head))


@pytest.mark.parametrize("query", ["", "?q=textile", "?state=in_force&kind=act"])
def test_the_list_of_agreements_takes_the_same_queries(client, django_assert_max_num_queries, query):
    agreement, house = drafted()
    sign_in(client, house.instructor)
    copies(agreement, 2)
    with django_assert_max_num_queries(MOST_QUERIES) as three:
        assert client.get(list_url("agreement", query)).status_code == 200
    copies(agreement, 27)
    with django_assert_max_num_queries(MOST_QUERIES) as thirty:
        client.get(list_url("agreement", query))
    assert len(three) == len(thirty)


def copies(agreement: Agreement, count: int) -> None:
    """Other drafts of the same programme, as the list shows them."""
    for _number in range(count):
        case, house = approved(instructor=agreement.drafted_by)
        Agreement.objects.create(
            number=f"CONV-{case.number}",
            application=case,
            beneficiary=case.applicant,
            kind="act",
            title=case.title,
            granted_amount=case.granted_amount,
            start=case.project_start,
            end=case.project_end,
            drafted_by=house.instructor,
            search_text="filiere textile",
        )


def test_the_list_of_claims_takes_the_same_queries(client, django_assert_max_num_queries):
    agreement, house = in_force("CPO", "180000.00")
    sign_in(client, house.finance)
    submitted(agreement, house)
    with django_assert_max_num_queries(MOST_QUERIES) as few:
        assert client.get(list_url("paymentclaim")).status_code == 200
    for _number in range(4):
        other, _house = in_force("CPO", "180000.00", house=house)
        submitted(other, house)
        opened(other, house)
    assert PaymentClaim.objects.count() == 9
    with django_assert_max_num_queries(MOST_QUERIES) as more:
        client.get(list_url("paymentclaim"))
    assert len(few) == len(more)


def test_the_page_of_a_claim_takes_the_same_queries_for_thirty_lines(client, django_assert_max_num_queries):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.instructor)
    seen = []
    for count in (3, 27):
        start = claim.lines.count()
        if claim.state == "under_review":
            perform(claim, "give_back", actor=house.instructor, comment="Complétez.")
        for rank in range(start + 1, start + count + 1):
            ExpenditureLine(
                claim=claim, rank=rank, proof=claim.pieces.first().document, **line_values(invoice_number=f"F-{rank}")
            ).save()
        perform(claim, "submit", actor=house.member, data={"attested": "on"})
        perform(claim, "start_review", actor=house.instructor)
        with django_assert_max_num_queries(MOST_QUERIES) as queries:
            assert client.get(page_url(claim)).status_code == 200
        seen.append(len(queries))
    assert seen[0] == seen[1]


def test_the_page_of_an_agreement_takes_few_queries_whatever_the_persons(client, django_assert_max_num_queries):
    seen = []
    for count in (2, 12):
        persons = ("1000.00",) * count
        agreement, house = in_force("CAPITAL-SCOP", f"{count * 1000}.00", persons=persons)
        give_accounts(agreement)
        sign_in(client, house.finance)
        with django_assert_max_num_queries(MOST_QUERIES) as queries:
            assert client.get(page_url(agreement)).status_code == 200
        seen.append(len(queries))
    assert seen[0] == seen[1]


def test_the_page_of_a_batch_takes_few_queries(client, django_assert_max_num_queries):
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    sign_in(client, house.finance)
    with django_assert_max_num_queries(MOST_QUERIES) as one:
        client.get(page_url(batch))
    for _number in range(3):
        other, _house = in_force(house=house, granted="1000.00")
        perform(certified(other, house), "order", actor=house.finance, data={"batch": batch.pk})
    with django_assert_max_num_queries(MOST_QUERIES) as four:
        client.get(page_url(batch))
    assert len(one) == len(four)


@pytest.mark.parametrize("model", MODELS)
def test_every_list_opens_and_searches(client, model):
    sign_in(client, UserFactory(administrator=True))
    assert client.get(list_url(model, "?q=CONV-2026")).status_code == 200
