"""A decision taken on a page that sums up other rows is refused when the sum has changed since."""

import lxml.html
import pytest
from django import forms
from django.apps import apps
from django.test import Client
from django.urls import reverse

from agreements import payments
from agreements.models import Agreement, PaymentBatch
from core.engine import questions, versions
from core.models.workflow import WorkflowModel
from core.money import MoneyField, format_euros
from core.transitions import workflow_models
from tests.factories.agreements import certified, in_force, ordered, submitted
from tests.forms import form_to, forms_of

#: Rows with amounts under a row whose page does not sum them up, or that never change without an event of that row.
COVERED = {
    "BankAccount.payment_orders": "its page sums up no payment",
    "Application.agenda_items": "put on and taken off by transitions of the application",
    "Application.commitments": "made and released by the agreement",
    "Application.budget_lines": "written by the form of the application, which compares its answers",
    "Application.computations": "each computation is an event of the application",
    "Application.proposals": "made by transitions of the application",
    "Application.partners": "written by the form of the application, which compares its answers",
    "Application.persons": "written by the form of the application, which compares its answers",
    "Application.agreement": "drawn up once; its end is a transition of the application",
    "Agreement.budget_lines": "fixed when the act is drawn up",
    "Agreement.shares": "fixed when the act is drawn up",
    "Agreement.instalments": "fixed when the act is drawn up",
    "Agreement.tranches": "fixed when the act is drawn up; what is ordered of them is counted on the agreement",
    "Agreement.settlement": "written by the transition that ends the agreement",
    "PaymentClaim.settlement_line": "written by the transition that ends the agreement",
    "Tranche.reports": "a tranche moves by the system alone",
    "Tranche.instalments": "fixed when the act is drawn up",
    "ExpenditureDeclaration.certificate": "made by its transition",
    "PaymentApplication.lines": "collected by its transitions",
}


@pytest.fixture
def clients(django_user_model):
    def at_two_machines(user) -> tuple[Client, Client]:
        first, second = Client(), Client()
        for client in (first, second):
            client.force_login(user)
        return first, second

    return at_two_machines


def test_every_page_that_may_sum_up_rows_says_what_it_sums_up():
    open_ = []
    for model in workflow_models(apps.get_models()):
        if model._meta.app_label == "sample":
            continue
        for relation in model._meta.related_objects:
            rows = relation.related_model
            is_history = rows.__name__.endswith("Event")
            if is_history or not any(isinstance(field, MoneyField) for field in rows._meta.concrete_fields):
                continue
            name = f"{model.__name__}.{relation.get_accessor_name()}"
            counts = model.sums_shown is not WorkflowModel.sums_shown or model._counted_fields()
            if name not in COVERED and not counts:
                open_.append(name)
    assert open_ == []


@pytest.mark.django_db
@pytest.mark.old_pages
def test_a_batch_is_not_closed_at_another_total_than_the_page_showed(clients):
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    other, _house = in_force(house=house, granted="12000.00")
    later = certified(other, house)
    first, second = clients(house.finance)
    close = reverse("admin:agreements_paymentbatch_transition", args=[batch.pk, "close"])
    page = second.get(reverse("admin:agreements_paymentbatch_change", args=[batch.pk])).content.decode()
    link = next(part for part in page.split('"') if "/transition/close/" in part).replace("&amp;", "&")
    old = form_to(second.get(close), "/close/")
    payments.order_claims(batch, [later], actor=house.finance)
    from_old_page = form_to(second.get(link), "/close/", link.partition("?")[0])
    for form in (old, from_old_page):
        assert second.post(form.action, form.fields).status_code == 409
    batch.refresh_from_db()
    assert batch.state == PaymentBatch.State.OPEN
    again = form_to(first.get(close), "/close/")
    assert first.post(again.action, again.fields).status_code == 302
    batch.refresh_from_db()
    assert batch.closed_total == sum(order.amount for order in batch.orders.all())


@pytest.mark.django_db
@pytest.mark.old_pages
def test_a_choice_for_a_claim_that_is_no_longer_asked_is_refused_and_asked_again(clients):
    """Ordered meanwhile, the claim would be paid: "it is refused" was dropped in silence."""
    agreement, house = in_force()
    claim = certified(agreement, house)
    _first, second = clients(house.head)
    terminate = reverse("admin:agreements_agreement_transition", args=[agreement.pk, "terminate"])
    old = form_to(second.get(terminate), "/terminate/")
    payments.order_claims(payments.open_batch(actor=house.finance), [claim], actor=house.finance)
    answer = second.post(old.action, old.fields | {f"claim-{claim.pk}": "refuse", "comment": "Abandon du projet."})
    assert answer.status_code == 409
    text = answer.content.decode()
    assert claim.number in text and "Abandon du projet." in text, "the question and the reason, in words"
    amount = format_euros(claim.certified_amount)
    assert f"Elle est refusée : {amount}" in text or f"It is refused: {amount}" in text
    assert not [form for form in forms_of(answer) if form.action.endswith("/terminate/")], "nothing to send again"
    agreement.refresh_from_db()
    assert agreement.state == Agreement.State.IN_FORCE


@pytest.mark.django_db
@pytest.mark.old_pages
def test_the_refusal_says_which_figures_changed_and_what_was_ticked(clients):
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    later = [certified(in_force(house=house, granted=amount)[0], house) for amount in ("12000.00", "9000.00")]
    _first, second = clients(house.finance)
    page = second.get(reverse("admin:agreements_paymentbatch_change", args=[batch.pk]))
    order = form_to(page, "/do/order/")
    link = next(part for part in page.content.decode().split('"') if "/transition/close/" in part)
    close = form_to(second.get(link.replace("&amp;", "&")), "/close/", link.partition("?")[0])
    before = batch.sums_shown()
    payments.order_claims(batch, later[:1], actor=house.finance)
    ticked = second.post(order.action, order.fields | {"claims": [str(later[1].pk)]})
    for answer in (ticked, second.post(close.action, close.fields)):
        assert answer.status_code == 409
        cells = [cell.text_content() for cell in lxml.html.fromstring(answer.content.decode()).iter("td")]
        for sum_ in (*before.values(), *batch.sums_shown().values()):
            assert (str(sum_) if isinstance(sum_, int) else format_euros(sum_)) in cells
    assert str(later[1]) in ticked.content.decode()


def test_every_step_with_questions_of_its_own_has_them_compared():
    """The page of a transition carries what it asks, whatever the form: another question, or choice, is another."""

    class Now(forms.Form):
        kept = forms.CharField()
        of_then = forms.ChoiceField(choices=[("pay", "500 €"), ("refuse", "0 €")])

    asked = questions.read(questions.written(Now()))
    assert not questions.are_others(asked, Now())
    for name, item in {
        "of_then": None, "another": forms.CharField(),
        "of_then ": forms.ChoiceField(choices=[("pay", "700 €"), ("refuse", "0 €")]),
    }.items():  # fmt: skip
        other = Now()
        if item is None:
            del other.fields[name]
        else:
            other.fields[name.strip()] = item
        assert questions.are_others(asked, other), name
    assert [item.words(["refuse"]) for item in asked if item.name == "of_then"] == ["0 €"]


@pytest.mark.django_db
@pytest.mark.old_pages
def test_an_agreement_does_not_end_on_other_claims_than_the_page_showed(clients):
    agreement, house = in_force()
    _first, second = clients(house.head)
    terminate = reverse("admin:agreements_agreement_transition", args=[agreement.pk, "terminate"])
    old = form_to(second.get(terminate), "/terminate/")
    submitted(agreement, house)
    assert second.post(old.action, old.typed(comment="Abandon du projet.")).status_code == 409
    agreement.refresh_from_db()
    assert agreement.state == Agreement.State.IN_FORCE


@pytest.mark.django_db
def test_what_is_paid_on_a_row_is_part_of_its_version():
    agreement, house = in_force()
    claim = certified(agreement, house)
    shown = versions.shown_of(claim)
    payments.order_claims(payments.open_batch(actor=house.finance), [claim], actor=house.finance)
    claim.refresh_from_db()
    now = versions.shown_of(type(claim).objects.get(pk=claim.pk))
    assert now.values[versions.SUMS] != shown.values[versions.SUMS]
    assert versions.seen_in(versions.seen_of(claim), now).values[versions.SUMS] == shown.values[versions.SUMS]
