"""The budget annexed to an act says what the act grants, on paper, on the page and in the European operation; a year
or a person that gets nothing counts in no base."""

from datetime import datetime, timedelta
from decimal import Decimal

import pgtrigger
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from agreements.acts import act_data
from agreements.agreement_page import timeline_of, years_of
from agreements.claims import ClaimRefused
from agreements.conditions import expenditure_is_eligible
from agreements.drafting import draft_agreement, write_act
from agreements.models import Agreement
from core.money import sum_money
from core.transitions import TransitionRefused, perform
from reporting.operations import ensure_operation
from tests.agreements.test_drafting import text_of
from tests.factories.agreements import add_line, approved, drafted, entry, in_force, opened, sent, signature
from tests.factories.applicants import pdf
from tests.factories.reporting import EUProgrammeFactory

pytestmark = pytest.mark.django_db

D = Decimal


def balance(agreement: Agreement) -> Decimal:
    lines = list(agreement.budget_lines.all())
    return sum_money(line.amount if line.side == "product" else -line.amount for line in lines)


def words_of(agreement: Agreement) -> str:
    articles = [text for article in act_data(agreement)["articles"] for text in article["paragraphs"]]
    return " ".join(articles).replace("\u202f", " ").replace("\xa0", " ")


def network(*amounts: str, **extra):
    """A network whose years are granted ``amounts``, each of at most 60,000, 80,000 and 40,000 euros."""
    case, house = approved("CPO", "180000.00", **extra)
    parts = [part | {"amount": amount} for part, amount in zip(case.granted_plan["parts"], amounts, strict=True)]
    type(case).objects.filter(pk=case.pk).update(
        granted_amount=sum(map(D, amounts)), granted_plan={"way": "typed", "parts": parts}
    )
    case.refresh_from_db()
    return case, house


def test_an_act_that_grants_less_than_was_asked_annexes_a_budget_that_says_so(client):
    agreement, house = drafted("PROGRESS1", "20000.00")
    asked = agreement.application.budget_lines.get(financer_status="this_request").amount
    grant, to_find = agreement.budget_lines.exclude(financing="").order_by("rank")
    assert (grant.amount, grant.asked_amount, to_find.amount) == (D("20000.00"), asked, asked - D("20000.00"))
    assert balance(agreement) == 0
    rows = [row for annex in act_data(agreement)["annexes"] for table in annex["tables"] for row in table["rows"]]
    assert any("aide accordée, pour" in row[1] and row[2].startswith("20") for row in rows)
    text = text_of(agreement.document_docx).replace("\u202f", " ").replace("\xa0", " ")
    for words in ("à la charge du bénéficiaire", "À trouver par le bénéficiaire"):
        assert words in text
    client.force_login(house.instructor, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:agreements_agreement_change", args=[agreement.pk])).content.decode()
    assert "À trouver par le bénéficiaire" in page and "aide accordée, pour" in page


def test_the_european_operation_has_the_sources_of_the_annexed_budget():
    EUProgrammeFactory()
    agreement, _house = drafted("PROGRESS1", "20000.00", eu_fund="ESF+")
    version = ensure_operation(agreement).current
    planned = {line.kind: line.amount for line in version.financing.all()}
    annexed = {line.account_code: line.amount for line in agreement.budget_lines.filter(side="product")}
    assert planned["eu"] + planned.get("region", D(0)) == annexed["74region"] == D("20000.00")
    assert version.total_cost == sum_money(annexed.values())


def test_a_grant_of_what_was_asked_leaves_the_budget_as_it_was_filed():
    case, house = approved("PROGRESS1", "20000.00")
    case.budget_lines.filter(financer_status="this_request").update(amount=D("20000.00"))
    agreement = draft_agreement(case, actor=house.instructor)
    assert not agreement.budget_lines.filter(financing="to_find").exists()
    assert [line.amount for line in agreement.budget_lines.order_by("rank")] == [
        line.amount for line in case.budget_lines.order_by("side", "rank")
    ]
    assert "à la charge du bénéficiaire" not in words_of(agreement)


def test_a_draft_of_before_is_sent_once_it_was_written_again():
    agreement, house = drafted("PROGRESS1", "20000.00")
    asked = agreement.budget_lines.get(financing="grant").asked_amount
    agreement.budget_lines.filter(financing="to_find").delete()
    agreement.budget_lines.filter(financing="grant").update(financing="", asked_amount=None, amount=asked)
    with pytest.raises(TransitionRefused, match="budget annexé"):
        perform(agreement, "send", actor=house.instructor)
    with pytest.raises(DatabaseError, match="annexed budget says"), transaction.atomic():
        Agreement.objects.filter(pk=agreement.pk).update(state="sent")
    write_act(agreement, actor=house.instructor)
    assert agreement.budget_lines.get(financing="grant").amount == D("20000.00")
    perform(agreement, "send", actor=house.instructor)
    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        agreement.budget_lines.filter(financing="grant").update(asked_amount=D(1))


def test_a_year_without_aid_is_in_no_base_no_claim_and_no_european_plan():
    EUProgrammeFactory()
    case, house = network("0.00", "40000.00", "20000.00", eu_fund="ESF+")
    agreement = draft_agreement(case, actor=house.instructor)
    assert (agreement.eligible_base, agreement.rate) == (D("150000.00"), D("40.0000"))
    words = words_of(agreement)
    assert "assiette éligible de 150 000,00 €, soit un taux de 40 %" in words
    assert "Rien n'est attribué pour l'année 1 : son coût de 100 000,00 €" in words
    assert "La tranche de la première de ces années est ouverte à l'entrée en vigueur" in words
    assert "la tranche de cette année est réduite" in words
    with (
        pytest.raises(DatabaseError, match="eligible base"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        Agreement.objects.filter(pk=agreement.pk).update(eligible_base=D("250000.00"))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    perform(agreement, "send", actor=house.instructor)
    version = ensure_operation(agreement).current
    assert version.eligible_cost == D("150000.00")
    assert sum_money(line.amount for line in version.financing.all()) == D("150000.00")


def test_no_claim_declares_an_invoice_of_a_year_without_aid():
    case, house = network("60000.00", "0.00", "40000.00")
    agreement = draft_agreement(case, actor=house.instructor)
    perform(agreement, "send", actor=house.instructor)
    perform(agreement, "confirm", actor=house.member, data=signature(agreement))
    perform(agreement, "enter_force", actor=house.head, data=entry())
    first, second = agreement.tranches.order_by("rank")[:2]
    claim = opened(agreement, house)
    add_line(claim, house, invoice_date=first.ends_on, paid_on=first.ends_on, invoice_number="F-1")
    assert expenditure_is_eligible(claim, {}, house.member) is None
    theirs = {"invoice_date": second.starts_on, "paid_on": second.starts_on}
    with pytest.raises(ClaimRefused) as refused:
        add_line(claim, house, invoice_number="F-2", **theirs)
    assert "Année 2" in refused.value.errors["invoice_date"]
    with pytest.raises(DatabaseError, match="nothing is granted"), transaction.atomic():
        claim.lines.update(**theirs)
    add_line(claim, house, invoice_number="F-2", invoice_date=first.ends_on, paid_on=first.ends_on)
    with pgtrigger.ignore("agreements.ExpenditureLine:line_within_eligible_dates"):  # a line typed before this rule
        claim.lines.filter(rank=2).update(**theirs)
    problem = expenditure_is_eligible(claim, {}, house.member)["__all__"]
    assert "rien n’est accordé" in problem and "Ligne 2" in problem and "Ligne 1" not in problem


def test_persons_who_get_nothing_bring_nothing_to_the_base():
    case, house = approved("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    first, second = case.granted_plan["parts"]
    parts = [first, second | {"amount": "0.00"}]
    case.persons.filter(rank=2).update(granted_amount=0)
    type(case).objects.filter(pk=case.pk).update(
        granted_amount=D("3200.00"), granted_plan={"way": "typed", "parts": parts}
    )
    case.refresh_from_db()
    agreement = draft_agreement(case, actor=house.instructor)
    assert agreement.eligible_base == sum_money(share.cost for share in agreement.shares.all()) == D("3200.00")


def test_years_of_other_rates_are_told_at_their_own_rate():
    agreement, _house = drafted("CPO", "180000.00")  # 60, 80 and 80 % of the years' costs
    words = words_of(agreement)
    assert agreement.rate and "soit un taux" not in words and "aux taux de chaque année" in words


def test_a_unilateral_act_is_never_signed_by_its_beneficiary(client):
    agreement, house = sent(granted="20000.00")
    copy = {"signatory": "Le maire", "quality": "Président", "signed_on": timezone.localdate().isoformat()}
    for name, actor, data in (
        ("record_signed_copy", house.instructor, copy),
        ("send_signed_copy", house.member, copy),
        ("confirm", house.member, signature(agreement)),
    ):
        files = {"file": SimpleUploadedFile("acte.pdf", pdf("signée"), "application/pdf")}
        with pytest.raises(TransitionRefused, match="unilatéral"):
            perform(agreement, name, actor=actor, data=data, files=files if data is copy else None)
    client.force_login(house.instructor, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:agreements_agreement_transition", args=[agreement.pk, "record_signed_copy"])
    page = client.get(reverse("admin:agreements_agreement_change", args=[agreement.pk])).content.decode()
    assert f'href="{address}?' not in page
    with pytest.raises(DatabaseError, match="signed by the Region alone"), transaction.atomic():
        Agreement.objects.filter(pk=agreement.pk).update(state="signed_by_beneficiary")


def test_a_signed_copy_bears_a_day_and_no_hour():
    agreement, house = sent(granted="25000.00")
    copy = {"signatory": "A. B.", "quality": "Président", "signed_on": timezone.localdate().isoformat()}
    upload = SimpleUploadedFile("convention.pdf", pdf("signée"), "application/pdf")
    perform(agreement, "record_signed_copy", actor=house.instructor, data=copy, files={"file": upload})
    signed = next(step for step in timeline_of(agreement, []) if step.text == "A. B.")
    assert signed.when == timezone.localdate() and not isinstance(signed.when, datetime)


def test_a_year_says_when_its_report_is_filed_and_never_that_an_open_year_is_not_open():
    agreement, _house = in_force("CPO", "180000.00", project_start=timezone.localdate() - timedelta(days=30))
    first, second, _third = years_of(agreement)
    assert first.tranche.state == "released" and "une fois l’année terminée, après le" in first.report_waits
    assert second.report_waits == "après le compte rendu de l’année précédente"
