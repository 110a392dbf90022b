"""From the grant to the entry in force: kind, annexes, documents, signature, commitment; and what refuses."""

import io
import zipfile
from datetime import timedelta
from decimal import Decimal

import pgtrigger
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.utils import timezone, translation

from agreements.acts import act_data
from agreements.drafting import DraftingRefused, choose_fund, draft_agreement, write_act
from agreements.models import Agreement
from applicants.models import DeMinimisAid
from core.documents import open_document
from core.transitions import TransitionRefused, perform
from grants.models import Commitment
from tests.factories.agreements import approved, drafted, entry, in_force, sent, signature
from tests.factories.applicants import ApplicantFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.instruction import EnvelopeFactory

pytestmark = pytest.mark.django_db


def text_of(document) -> str:
    with open_document(document) as file, zipfile.ZipFile(io.BytesIO(file.read())) as archive:
        return archive.read("word/document.xml").decode()


# --- drafting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("granted", "kind"), [("23000.00", "act"), ("23000.01", "agreement")])
def test_the_kind_follows_the_23000_euro_rule(granted, kind):
    agreement, _house = drafted(granted=granted)
    assert agreement.kind == kind
    assert agreement.kind_reason


def test_the_other_grants_of_the_year_count():
    first, house = in_force(granted="20000.00")
    case, _house = approved(granted="3000.01", house=house, applicant=first.beneficiary)
    assert draft_agreement(case, actor=house.instructor).kind == "agreement"


def test_a_progress_act_has_its_annexes_and_both_documents():
    agreement, _house = drafted(granted="20000.00")
    kinds = [item.kind for item in agreement.instalments.all()]
    assert kinds[0] == "advance"
    assert "balance" in kinds
    assert sum(item.amount for item in agreement.instalments.all()) == Decimal("20000.00")
    assert agreement.budget_lines.filter(side="charge").count() == 3
    with open_document(agreement.document_pdf) as file:
        assert file.read(5) == b"%PDF-"
    text = text_of(agreement.document_docx)
    assert agreement.number in text
    assert "vingt mille euros" in text


def test_the_persons_of_a_scop_are_paid_one_by_one():
    agreement, _house = drafted("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    assert [share.amount for share in agreement.shares.order_by("rank")] == [Decimal("3200.00"), Decimal("2000.00")]
    assert [item.kind for item in agreement.instalments.all()] == ["single"]
    if agreement.payee == "persons":
        assert all(share.applicant_id for share in agreement.shares.all())


def test_a_company_may_be_paid_for_the_persons(monkeypatch):
    case, house = approved("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    definition = dict(case.programme_version.definition)
    rules = case.rules
    monkeypatch.setattr(type(case), "rules", property(lambda self: _with_payee(rules)))
    agreement = draft_agreement(case, actor=house.instructor)
    assert agreement.payee == "company"
    assert definition == case.programme_version.definition


def _with_payee(rules):
    return _Overlay(rules, payee="company")


class _Overlay:
    """The rules of a programme with one parameter changed."""

    def __init__(self, rules, **changes):
        self._rules = rules
        self.__dict__.update(changes)

    def __getattr__(self, name):
        return getattr(self._rules, name)


def test_a_network_agreement_has_three_tranches_each_with_its_payments():
    agreement, _house = drafted("CPO", "180000.00")
    tranches = list(agreement.tranches.order_by("rank"))
    assert [tranche.amount for tranche in tranches] == [Decimal(amount) for amount in (60000, 80000, 40000)]
    assert [tranche.cost for tranche in tranches] == [Decimal(cost) for cost in (100000, 100000, 50000)]
    assert agreement.eligible_base == Decimal("250000.00")
    assert [tranche.state for tranche in tranches] == ["planned"] * 3
    for tranche in tranches:
        assert sum(item.amount for item in tranche.instalments.all()) == tranche.amount
    assert agreement.kind == "agreement"


def test_only_a_granted_case_gets_an_act_and_only_one():
    agreement, house = drafted()
    with pytest.raises(DraftingRefused):
        draft_agreement(agreement.application, actor=house.instructor)
    assert Agreement.objects.count() == 1


def test_a_case_that_is_not_granted_gets_none():
    case, house = approved()
    type(case).objects.filter(pk=case.pk).update(granted_amount=None, state="rejected")
    with pytest.raises(DraftingRefused):
        draft_agreement(case, actor=house.instructor)


def test_staff_of_another_programme_draft_nothing():
    case, _house = approved()
    with pytest.raises(DraftingRefused):
        draft_agreement(case, actor=UserFactory(instructor=True))


def test_the_fund_is_chosen_while_the_act_is_a_draft():
    agreement, house = drafted()
    choose_fund(agreement, "ESF+", actor=house.instructor)
    assert agreement.eu_fund == "ESF+"
    with pytest.raises(DraftingRefused):
        choose_fund(agreement, "FEADER", actor=house.instructor)
    perform(agreement, "send", actor=house.instructor)
    with pytest.raises(DraftingRefused):
        choose_fund(agreement, "", actor=house.instructor)
    with pytest.raises(DraftingRefused):
        write_act(agreement, actor=house.instructor)


def test_a_sent_act_does_not_change_even_in_sql():
    agreement, _house = sent()
    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        Agreement.objects.filter(pk=agreement.pk).update(granted_amount=Decimal("1.00"))


# --- signature --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["0" * 64, ""])
def test_a_signature_of_another_file_is_refused(wrong):
    agreement, house = sent(granted="25000.00")
    with pytest.raises(TransitionRefused) as refused:
        perform(agreement, "confirm", actor=house.member, data=signature(agreement, sha256=wrong))
    assert refused.value.code == "input"
    agreement.refresh_from_db()
    assert agreement.state == "sent"


def test_the_signature_keeps_who_when_and_what():
    agreement, house = sent(granted="25000.00")
    perform(agreement, "confirm", actor=house.member, data=signature(agreement))
    assert agreement.confirmed_by == house.member
    assert agreement.signed_sha256 == agreement.document_pdf.file.sha256
    assert agreement.beneficiary_signed_at


def test_a_stranger_does_not_sign():
    agreement, _house = sent(granted="25000.00")
    with pytest.raises(TransitionRefused) as refused:
        perform(agreement, "confirm", actor=UserFactory(applicant=True), data=signature(agreement))
    assert refused.value.code == "permission"


def test_a_signed_copy_is_recorded():
    agreement, house = sent(granted="25000.00")
    upload = SimpleUploadedFile("convention signée.pdf", pdf("signée"), "application/pdf")
    data = {"signatory": "A. B.", "quality": "Président", "signed_on": timezone.localdate().isoformat()}
    perform(agreement, "record_signed_copy", actor=house.instructor, data=data, files={"file": upload})
    assert agreement.signed_sha256 == agreement.signed_document.file.sha256


# --- entry in force ---------------------------------------------------------------------------------------------------


def test_in_force_the_money_is_committed_and_the_case_contracted():
    agreement, _house = in_force("CPO", "180000.00")
    assert agreement.commitment.amount == Decimal("180000.00")
    assert agreement.application.state == "contracted"
    assert agreement.terms_sha256
    assert [tranche.state for tranche in agreement.tranches.order_by("rank")] == ["released", "planned", "planned"]


def test_de_minimis_aid_is_recorded_once():
    agreement, _house = in_force()
    (recorded,) = DeMinimisAid.objects.filter(applicant=agreement.beneficiary)
    assert (recorded.case_number, recorded.reference) == (agreement.application.number, agreement.number)
    assert recorded.amount == agreement.granted_amount


def test_an_agreement_needs_the_beneficiary_first():
    agreement, house = sent(granted="25000.00")
    with pytest.raises(TransitionRefused) as refused:
        perform(agreement, "enter_force", actor=house.head, data=entry())
    assert refused.value.code == "conditions"


def test_who_prepared_the_act_does_not_sign_for_the_region():
    agreement, house = sent()
    house.instructor.set_roles(["instructor", "head_of_service"])
    with pytest.raises(TransitionRefused) as refused:
        perform(agreement, "enter_force", actor=house.instructor, data=entry())
    assert refused.value.code == "permission"


def test_an_empty_envelope_refuses_and_nothing_is_half_done():
    case, house = approved(granted="20000.00")
    envelope = EnvelopeFactory(voted_amount=Decimal("19999.99"))
    with pgtrigger.ignore("grants.Call:call_keeps_its_envelope"):  # the database would refuse it
        type(case.call).objects.filter(pk=case.call.pk).update(envelope=envelope)
    agreement = draft_agreement(case, actor=house.instructor)
    perform(agreement, "send", actor=house.instructor)
    with pytest.raises(TransitionRefused) as refused:
        perform(agreement, "enter_force", actor=house.head, data=entry())
    assert "19" in str(refused.value)
    agreement.refresh_from_db()
    case.refresh_from_db()
    assert (agreement.state, agreement.commitment, agreement.terms_sha256) == ("sent", None, "")
    assert case.state == "approved"
    assert not Commitment.objects.exists()
    assert not DeMinimisAid.objects.filter(reference=agreement.number).exists()


def test_dates_in_the_wrong_order_are_said_beside_their_field():
    agreement, house = sent()
    today = timezone.localdate()
    data = entry(notified_on=(today - timedelta(days=2)).isoformat())
    with pytest.raises(TransitionRefused) as refused:
        perform(agreement, "enter_force", actor=house.head, data=data)
    assert "notified_on" in refused.value.errors


def test_a_grant_of_the_year_meanwhile_makes_the_act_insufficient():
    agreement, house = sent(granted="20000.00")
    other, _house = approved(granted="5000.00", house=house, applicant=agreement.beneficiary)
    draft_agreement(other, actor=house.instructor)
    with pytest.raises(TransitionRefused) as refused:
        perform(agreement, "enter_force", actor=house.head, data=entry())
    assert refused.value.code == "conditions"


def test_a_lapsed_act_lapses_its_case():
    agreement, house = sent()
    perform(agreement, "lapse", actor=house.head, comment="Sans suite.")
    agreement.application.refresh_from_db()
    assert agreement.application.state == "lapsed"


def test_the_search_text_holds_number_and_beneficiary():
    agreement, _house = drafted(applicant=ApplicantFactory(name="Éco-Quartier du Fil"))
    assert "eco" in agreement.search_text


# --- what the act says ------------------------------------------------------------------------------------------------


def test_an_act_names_its_beneficiary_and_never_cuts_an_amount():
    agreement, _house = drafted(granted="20000.00")
    text = text_of(agreement.document_docx)
    beneficiary = agreement.beneficiary
    assert f"{beneficiary.display_name}, SIRET {beneficiary.identifier}" in text
    assert "20\u202f000,00\u202f€ (vingt mille euros)" in text
    assert "74region" not in text


def test_annexes_are_numbered_as_they_come_and_cited_by_their_number():
    agreement, _house = drafted("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    agreement.budget_lines.all().delete()  # a company that files no budget
    data = act_data(agreement)
    assert [annex["title"] for annex in data["annexes"]] == ["Annexe 1 – Échéancier", "Annexe 2 – Personnes aidées"]
    sentences = " ".join(text for article in data["articles"] for text in article["paragraphs"])
    assert "personnes nommées en annexe 2" in sentences
    assert "annexe 3" not in sentences


def test_a_condition_reads_on_after_its_amount():
    agreement, _house = drafted(granted="20000.00")
    payment = next(item for item in act_data(agreement)["articles"] if item["title"] == "Versement")
    first = agreement.instalments.order_by("rank").first()
    assert any(f", {first.trigger_text[0].lower()}{first.trigger_text[1:]}." in text for text in payment["paragraphs"])


def test_grants_to_persons_have_no_common_rate():
    agreement, _house = drafted("CAPITAL-SCOP", "8200.00", persons=("3200.00", "5000.00"))
    assert agreement.eligible_base and agreement.rate is None
    assert drafted("PROGRESS1", "20000.00")[0].rate > 0


def test_the_act_says_of_a_year_without_a_grant_what_the_screens_say():
    """It promised a report that nobody asks for."""
    for years, is_whole in ((("60000.00", "0.00", "40000.00"), False), (("60000.00", "60000.00", "40000.00"), True)):
        agreement, _house = drafted("CPO", "180000.00", years=years)
        with translation.override("fr"):
            data = act_data(agreement)
        words = " ".join(text for article in data["articles"] for text in article["paragraphs"])
        assert "son bilan est remis" not in words
        assert ("aucun bilan n'en est demandé" in words) is not is_whole
        assert ("Chaque année, il remet un bilan" in words) is is_whole
        assert ("Pour chaque année au titre de laquelle une subvention est attribuée" in words) is not is_whole
        assert ("du bilan de la tranche précédente" in words) is not is_whole
