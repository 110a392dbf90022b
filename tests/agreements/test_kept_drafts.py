"""A claim that is still being written when its agreement ends: kept until a day, filed by then, or refused after it."""

from datetime import timedelta

import pgtrigger
import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from agreements import conditions, work
from agreements.models import Agreement, PaymentClaim
from agreements.settlements.forms import SettlementForm
from agreements.settlements.services import settle
from core.dates import format_date_long
from core.events import record
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.models import OutboxMessage
from core.transitions import TransitionRefused, available_transitions, perform
from tests.factories.agreements import in_force, opened

pytestmark = pytest.mark.django_db


def sign_in(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")


def draft_kept_at_the_end(**data):
    agreement, house = in_force()
    claim = opened(agreement, house)
    perform(agreement, "terminate", actor=house.head, data={f"claim-{claim.pk}": "pay", **data}, comment="Abandon.")
    claim.refresh_from_db()
    return agreement, claim, house


def test_a_draft_kept_at_the_end_has_a_day_and_is_rejected_after_it(client):
    """Nothing that the end of an agreement keeps hangs on its beneficiary alone: the Region has a day, a list and a step."""
    agreement, claim, house = draft_kept_at_the_end()
    day = timezone.localdate() + timedelta(days=30)
    assert claim.answer_due_on == day and claim not in work.claims_unanswered(house.instructor)
    sign_in(client, house.member)
    for page in (claim.get_absolute_url(), agreement.get_absolute_url()):
        assert format_date_long(day) in client.get(page).text.replace("\xa0", " ")
    assert format_date_long(day) in OutboxMessage.objects.get(key=f"agreement-{agreement.pk}-terminated").body
    with pytest.raises(TransitionRefused) as refused:
        perform(claim, "reject", actor=house.instructor, comment="Jamais déposée.")
    assert format_date_long(day) in str(refused.value.errors)
    PaymentClaim.objects.filter(pk=claim.pk).update(answer_due_on=timezone.localdate() - timedelta(days=1))
    claim.refresh_from_db()
    assert claim in work.claims_unanswered(house.instructor)
    assert any(claim.number in item.title for item in work.work_on_claims(house.instructor))
    assert "jour prévu pour la déposer est passé" in client.get(claim.get_absolute_url()).text
    perform(claim, "reject", actor=house.instructor, comment="Jamais déposée.")
    agreement.commitment.refresh_from_db()
    assert agreement.commitment.net_amount == 0
    for code in ("agreements.ended-holds-nothing", "agreements.rejected-by-an-event"):
        assert not look_at(invariant_of(code)).rows


def test_the_day_of_a_kept_draft_is_asked_on_the_form_that_ends_and_nowhere_else():
    agreement, house = in_force()
    assert "answer_due_on" not in SettlementForm(instance=agreement, actor=house.head).fields
    claim = opened(agreement, house)
    form = SettlementForm(instance=agreement, actor=house.head)
    assert claim.number in str(form.fields["answer_due_on"].label)
    today = timezone.localdate()
    with pytest.raises(TransitionRefused) as refused:
        data = {f"claim-{claim.pk}": "pay", "answer_due_on": today.isoformat()}
        perform(agreement, "terminate", actor=house.head, data=data, comment="Abandon.")
    assert "answer_due_on" in refused.value.errors
    day = today + timedelta(days=12)
    data["answer_due_on"] = day.isoformat()
    perform(agreement, "terminate", actor=house.head, data=data, comment="Abandon.")
    claim.refresh_from_db()
    assert claim.answer_due_on == day


def test_a_kept_draft_is_filed_after_the_last_day_of_its_act():
    """The settlement gives the day: an end that keeps a claim keeps it to be filed."""
    agreement, claim, house = draft_kept_at_the_end()
    past = timezone.localdate() - timedelta(days=3)
    with pgtrigger.ignore():
        Agreement.objects.filter(pk=agreement.pk).update(claim_deadline=past, start=past, end=past)
    claim = PaymentClaim.objects.get(pk=claim.pk)
    assert not conditions.agreement_pays(claim, {}, house.member)


def test_nobody_of_the_region_rejects_a_draft_of_an_agreement_in_force():
    agreement, house = in_force()
    claim = opened(agreement, house)
    offered = {step.spec.name: step for step in available_transitions(claim, house.instructor)}
    assert not offered["reject"].allowed and "rédige encore" in offered["reject"].reason
    with pytest.raises(TransitionRefused) as refused:
        perform(claim, "reject", actor=house.instructor, comment="Trop long.")
    assert refused.value.code == "permission"


@pytest.mark.django_db(transaction=True)
def test_the_database_rejects_no_draft_before_its_day_and_keeps_none_without_one():
    agreement, claim, house = draft_kept_at_the_end()
    with pytest.raises(DatabaseError, match="by an event that says why"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(state="rejected")
        record(claim, "reject", actor=house.instructor, to_state="rejected", comment="Trop tôt.")
    other, its_house = in_force()
    draft = opened(other, its_house)
    with pytest.raises(DatabaseError, match="has a day by which it is filed"), transaction.atomic():
        settle(other, "terminated", {draft.pk: "pay"}, actor=its_house.head, reason="Abandon.")
        Agreement.objects.filter(pk=other.pk).update(state="terminated", ended_on=timezone.localdate())
