"""The beneficiary's pages: whose they are, what they say first, what they do, what comes back when it is refused."""

import re
from decimal import Decimal
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, override

from agreements import claims, reports
from agreements.drafting import ON_EXPENDITURE
from agreements.forms.transitions import SubmitClaimForm
from agreements.models import ExpenditureLine, Instalment, PaymentClaim
from applicants.models import Applicant
from core.money import format_euros
from core.transitions import perform
from grants.case_links import links_of
from tests.factories.agreements import (
    add_line,
    certified,
    drafted,
    in_force,
    instalment,
    line_values,
    opened,
    ordered,
    pay,
    review,
    sent,
    signature,
    submitted,
)
from tests.factories.applicants import MembershipFactory, pdf
from tests.factories.core import UserFactory
from tests.forms import answer_of, form_to, forms_of

pytestmark = pytest.mark.django_db
MOST_QUERIES = 20


def sign_in(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")


def url(name: str, *args) -> str:
    return reverse(f"agreements:{name}", args=args)


def typed(**changes) -> dict:
    """A line of expenditure as a browser sends it: its category is that of its account."""
    values = line_values()
    del values["category"]
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else str(value) for name, value in values.items()
    } | changes


# --- what is stated on one's honour -----------------------------------------------------------------------------------

PAID = "Je certifie que ces dépenses ont été payées pour ce projet"


@pytest.mark.parametrize(
    ("kind", "pieces", "said", "not_said"),
    [
        ("advance", False, "Je certifie que ce versement est destiné à ce projet", "dépenses ont été payées"),
        ("advance", True, "Je certifie que les pièces jointes sont exactes", "dépenses ont été payées"),
        ("single", True, "Je certifie que les pièces jointes sont exactes", "dépenses ont été payées"),
        ("single", False, "Je certifie que ce versement est destiné à ce projet", "pièces"),
        ("interim", True, PAID, "compte rendu"),
        ("balance", True, f"{PAID}, que le compte rendu joint à la demande est exact", "ce versement"),
        ("balance", False, PAID, "compte rendu"),
    ],
)
def test_only_what_can_be_true_of_a_payment_is_stated(kind, pieces, said, not_said):
    planned = Instalment(
        kind=kind,
        needs_expenditure=kind in ON_EXPENDITURE,
        required_pieces=[{"code": "proof1", "label": "Pièce", "required": True}] if pieces else [],
    )
    form = SubmitClaimForm(instance=PaymentClaim(instalment=planned), actor=None)
    with override("fr"):
        label = str(form["attested"].label)
    assert said in label
    assert not_said not in label
    assert "aucun autre financeur" in label


def test_the_page_of_an_advance_states_nothing_of_expenditure(client):
    agreement, house = in_force()
    claim = claims.open_claim(agreement, agreement.instalments.get(kind="advance"), actor=house.member)
    sign_in(client, house.member)
    page = client.get(url("claim", claim.number)).content.decode()
    assert "Je certifie que ce versement est destiné à ce projet" in page
    assert "dépenses ont été payées" not in page


def test_a_payment_asked_for_says_what_is_asked_until_it_is_accepted(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house)
    claims.set_amount(claim, Decimal("2500.00"), actor=house.member)
    sign_in(client, house.member)
    claims.submit(claim, actor=house.member)
    page = client.get(url("agreement", agreement.number))
    asked = format_euros(Decimal("2500.00"))
    with override("fr"):
        told = gettext("asked: %(asked)s") % {"asked": asked}
    assert told in page.content.decode()
    assert any(step.title.endswith(asked) for step in page.context["timeline"])
    review(claim, house)
    assert told not in client.get(url("agreement", agreement.number)).content.decode()


@pytest.mark.parametrize("typed_amount", ["0", "-5"])
def test_nothing_is_not_too_much(client, typed_amount):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.member)
    page = client.post(url("claim_amount", claim.number), {"claimed_amount": typed_amount, "statement": ""})
    assert page.status_code == 422 and "Demandez plus de 0,00" in page.text and "Au plus" not in page.text


def test_the_number_that_a_claim_waits_for_is_asked_for_and_leads_back_to_it(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.member)
    body = agreement.beneficiary
    Applicant.objects.filter(pk=body.pk).update(siret=None, in_formation=True)
    for address in (claim.get_absolute_url(), agreement.get_absolute_url()):
        (link,) = set(re.findall(r'href="(/ma-structure/[^"]*/modifier/[^"]*)"', client.get(address).text))
        page = client.get(unescape(link))
        assert f'name="next" value="{address}"' in page.text
        label = page.text.split('for="id_siret"')[1].split("</label>")[0]
        assert "facultatif" not in label


def test_the_first_year_waits_for_the_signatures_and_the_next_for_its_report(client):
    agreement, house = sent("CPO", "180000.00")
    sign_in(client, house.member)
    payments = client.get(url("agreement", agreement.number)).context["payments"]
    said = {payment.instalment.tranche.rank: payment.waits for payment in payments}
    assert said[1] == "s’ouvre à l’entrée en vigueur"
    assert said[2] == said[3] == "s’ouvre avec le bilan de l’année précédente"


# --- whose it is ------------------------------------------------------------------------------------------------------


def test_strangers_and_staff_find_nothing(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    addresses = [
        url("agreement", agreement.number),
        url("report", agreement.number, 1),
        url("claim", claim.number),
        url("line_add", claim.number),
        url("workbook_template", claim.number),
    ]
    posts = [
        url("sign", agreement.number),
        url("signed_copy", agreement.number),
        url("open_claim", agreement.number, 1),
        url("claim_submit", claim.number),
        url("claim_amount", claim.number),
        url("workbook_upload", claim.number),
    ]
    for person in (UserFactory(applicant=True), house.instructor):
        sign_in(client, person)
        assert [client.get(address).status_code for address in addresses] == [404] * len(addresses)
        assert [client.post(address).status_code for address in posts] == [404] * len(posts)
        assert agreement.number not in client.get(url("agreements")).content.decode()


def test_one_signs_in_first(client):
    agreement, _house = in_force()
    assert "/connexion/" in client.get(url("agreement", agreement.number)).url


def test_a_draft_is_not_shown_to_its_beneficiary(client):
    agreement, house = drafted()
    sign_in(client, house.member)
    assert client.get(url("agreement", agreement.number)).status_code == 404
    assert links_of(agreement.application, house.member) == []


def test_the_case_leads_to_its_agreement(client):
    agreement, house = sent(granted="25000.00")
    task, link = links_of(agreement.application, house.member)
    assert (task.url, bool(task.task)) == (f"{agreement.get_absolute_url()}#sign", True)
    assert (link.url, link.task) == (agreement.get_absolute_url(), "")


# --- signing ----------------------------------------------------------------------------------------------------------


def test_signing_in_the_portal(client):
    agreement, house = sent(granted="25000.00")
    sign_in(client, house.member)
    page = client.get(url("agreement", agreement.number)).content.decode()
    assert agreement.document_pdf.file.sha256 in page
    answer = client.post(url("sign", agreement.number), signature(agreement))
    assert answer.status_code == 302
    assert client.post(url("sign", agreement.number), signature(agreement)).status_code == 302
    agreement.refresh_from_db()
    assert agreement.state == "signed_by_beneficiary"


@pytest.mark.parametrize("changes", [{"accepted": ""}, {"sha256": "0" * 64}, {"signatory": ""}])
def test_a_refused_signature_comes_back_with_what_was_typed(client, changes):
    agreement, house = sent(granted="25000.00")
    sign_in(client, house.member)
    answer = client.post(url("sign", agreement.number), signature(agreement, quality="Trésorière élue", **changes))
    assert answer.status_code == 422
    assert "Trésorière élue" in answer.content.decode()
    agreement.refresh_from_db()
    assert agreement.state == "sent"


def copy_of_signature(**changes):
    scan = SimpleUploadedFile("convention-signee.pdf", pdf("signed"))
    return {
        "file": scan,
        "signatory": "Hélène Marchal",
        "quality": "Présidente",
        "signed_on": timezone.localdate().isoformat(),
    } | changes


def test_the_signed_copy_is_sent_from_the_portal_once(client):
    agreement, house = sent(granted="25000.00")
    sign_in(client, house.member)
    assert url("signed_copy", agreement.number) in client.get(url("agreement", agreement.number)).content.decode()
    assert client.post(url("signed_copy", agreement.number), copy_of_signature()).status_code == 302
    assert client.post(url("signed_copy", agreement.number), copy_of_signature()).status_code == 302
    agreement.refresh_from_db()
    assert agreement.state == "signed_by_beneficiary"
    assert agreement.signed_sha256 == agreement.signed_document.file.sha256
    assert (agreement.beneficiary_signatory, agreement.confirmed_by) == ("Hélène Marchal", None)
    assert agreement.events.filter(action="send_signed_copy").count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signed_on": "2999-01-01"}, "à venir"),
        ({"file": SimpleUploadedFile("copie.pdf", b"MZ no pdf")}, "copie.pdf"),
        ({"signatory": ""}, "Nom du signataire"),
    ],
)
def test_a_refused_copy_comes_back_with_what_was_typed(client, changes, words):
    agreement, house = sent(granted="25000.00")
    sign_in(client, house.member)
    answer = client.post(url("signed_copy", agreement.number), copy_of_signature(quality="Trésorière élue", **changes))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page and "Trésorière élue" in page
    agreement.refresh_from_db()
    assert agreement.state == "sent"


def test_only_a_representative_sends_the_signed_copy(client):
    agreement, _house = sent(granted="25000.00")
    editor = MembershipFactory(applicant=agreement.beneficiary, role="editor").user
    sign_in(client, editor)
    client.post(url("signed_copy", agreement.number), copy_of_signature())
    agreement.refresh_from_db()
    assert agreement.state == "sent"


# --- claims -----------------------------------------------------------------------------------------------------------


def test_a_claim_is_opened_once_from_its_instalment(client):
    agreement, house = in_force()
    sign_in(client, house.member)
    first = client.post(url("open_claim", agreement.number, 1))
    second = client.post(url("open_claim", agreement.number, 1))
    assert first.url == second.url
    assert PaymentClaim.objects.count() == 1


def test_a_wrong_line_comes_back_with_errors_beside_fields(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.member)
    answer = client.post(url("line_add", claim.number), typed(declared_amount="10 000,01", supplier_name="Coop du Fil"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'href="#id_declared_amount"' in page
    assert "Coop du Fil" in page
    assert "10 000,01" in page
    assert not claim.lines.exists()


def test_lines_are_added_changed_removed(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.member)
    upload = SimpleUploadedFile("facture.pdf", pdf("facture"), "application/pdf")
    assert client.post(url("line_add", claim.number), typed(proof=upload)).status_code == 302
    line = claim.lines.get()
    assert line.proof_id
    assert line.category == "Formation-action"
    again = client.post(url("line_add", claim.number), typed(invoice_number="F-2", another="1"))
    assert again.url == url("line_add", claim.number)
    client.post(url("line_change", claim.number, 1), typed(declared_amount="9 000,00"))
    line.refresh_from_db()
    assert (line.declared_amount, bool(line.proof_id)) == (Decimal("9000.00"), True)
    asked = client.post(url("line_remove", claim.number, 2))
    assert "Retirer la ligne 2" in asked.content.decode() and claim.lines.count() == 2, "one tap has no way back"
    client.post(url("line_remove", claim.number, 2), {"sure": "1"})
    assert claim.lines.count() == 1
    client.post(url("line_add", claim.number), typed(invoice_number="F-3"))
    assert claim.lines.get(invoice_number="F-3").rank == 3, "a number is given once"
    for name, data in (("line_remove", {"sure": "1"}), ("line_change", typed(invoice_number="F-4"))):
        assert "La ligne 2 a été supprimée" in client.post(url(name, claim.number, 2), data, follow=True).text
    assert {line.invoice_number for line in claim.lines.all()} == {line.invoice_number, "F-3"}
    assert client.get(url("line_change", claim.number, 9)).status_code == 404


@pytest.mark.old_pages
def test_what_was_typed_in_a_line_that_is_gone_can_be_put_in_as_a_new_one(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    kept, gone = (
        claims.add_line(claim, line_values(invoice_number=number), actor=house.member) for number in ("F-1", "F-2")
    )
    sign_in(client, house.member)
    change = url("line_change", claim.number, gone.rank)
    old = form_to(client.get(change), change)
    claims.remove_line(gone, actor=house.member)
    untouched = client.post(change, old.fields)
    assert untouched.url == f"{claim.get_absolute_url()}#lines", "nothing was typed: there is nothing to give back"
    # Typed without a connection, it is kept on the device under that line: the page of the line is where it comes back.
    mark = f'data-keep="{house.member.pk}-{claim.number}-{gone.rank}"'
    reopened = client.get(change)
    assert reopened.status_code == 200 and mark in reopened.text and "La ligne 2 a été supprimée" in reopened.text
    assert form_to(reopened, url("line_add", claim.number)).fields["invoice_number"] == [""]
    page = client.post(change, old.typed(invoice_number="F-2 bis", declared_amount="1 234,50"))
    assert page.status_code == 409 and "La ligne 2 a été supprimée entre-temps" in page.text
    assert 'value="F-2 bis"' in page.text and claim.lines.get() == kept
    again = form_to(page, url("line_add", claim.number))
    client.post(again.action, again.fields)
    line = claim.lines.exclude(pk=kept.pk).get()
    assert (line.rank, line.invoice_number, line.declared_amount) == (3, "F-2 bis", Decimal("1234.50"))


def test_a_line_sent_twice_from_one_page_is_one_line(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.member)
    page = url("line_add", claim.number)
    (form,) = (form for form in forms_of(client.get(page), page) if "invoice_number" in form.fields)
    fields, proof = {"key": form.fields["key"]}, pdf("facture")
    for number in ("F-1", "F-1", "F-2"):
        upload = SimpleUploadedFile("facture.pdf", proof, "application/pdf")
        answer = client.post(page, fields | typed(invoice_number=number, proof=upload))
        assert answer.status_code == 302
    assert list(claim.lines.order_by("rank").values_list("invoice_number", flat=True)) == ["F-1", "F-2"]
    too_much = fields | typed(invoice_number="F-3", declared_amount="10 000,01")
    assert [client.post(page, too_much).status_code for _click in range(2)] == [422, 422]  # told again


def test_an_invoice_typed_twice_in_a_claim_is_kept_and_told_at_once(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.member)
    words = "Même fournisseur et même numéro de facture que la ligne"
    first = client.post(url("line_add", claim.number), typed(), follow=True).text
    assert words not in first
    again = typed(supplier_name=typed()["supplier_name"].upper(), description="Autre part")
    second = client.post(url("line_add", claim.number), again, follow=True).text
    assert claim.lines.count() == 2 and second.count(f"{words} 1.") == 2  # the message, then the line
    assert f"{words} 2." in second
    other = client.post(url("line_add", claim.number), typed(invoice_number="Z-900"), follow=True).text
    assert f"{words} 3." not in other and other.count(words) == 2


def test_a_mistyped_proof_is_refused_and_the_line_kept_on_screen(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.member)
    upload = SimpleUploadedFile("facture.pdf", b"MZ\x90\x00 a program", "application/pdf")
    answer = client.post(url("line_add", claim.number), typed(proof=upload, description="Trois jours"))
    assert answer.status_code == 422
    assert "Trois jours" in answer.content.decode()
    assert not claim.lines.exists()


def test_one_file_for_several_lines(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    for number in ("F-1", "F-2"):
        add_line(claim, house, proof=False, invoice_number=number)
    sign_in(client, house.member)
    upload = SimpleUploadedFile("relevé.pdf", pdf("relevé"), "application/pdf")
    assert client.post(url("line_proof", claim.number), {"proof": upload, "lines": ["1", "2"]}).status_code == 302
    assert claim.lines.filter(proof__isnull=True).count() == 0
    assert client.post(url("line_proof", claim.number), {"lines": ["1"]}).status_code == 422


def test_an_incomplete_claim_says_what_is_missing_and_stays(client):
    agreement, house = in_force()
    claim = claims.open_claim(agreement, instalment(agreement), actor=house.member)
    sign_in(client, house.member)
    answer = client.post(url("claim_submit", claim.number), {"attested": "on"})
    assert answer.status_code == 422
    claim.refresh_from_db()
    assert claim.state == "draft"


def test_pieces_are_joined_and_the_claim_filed_once(client):
    agreement, house = in_force()
    claim = claims.open_claim(agreement, instalment(agreement), actor=house.member)
    add_line(claim, house)
    sign_in(client, house.member)
    for piece in claim.instalment.required_pieces:
        upload = SimpleUploadedFile("pièce.pdf", pdf(piece["code"]), "application/pdf")
        client.post(url("claim_piece", claim.number, piece["code"]), {f"{piece['code']}-file": upload})
    assert client.post(url("claim_submit", claim.number), {}).status_code == 422
    costs = client.post(url("claim_submit", claim.number), {"attested": "on"})  # less is due than what is asked
    read = form_to(costs, url("claim_submit", claim.number)).fields["costs-read"]
    for _click in range(2):
        answer = client.post(url("claim_submit", claim.number), {"attested": "on", "costs-read": read})
        assert answer.status_code == 302
    claim.refresh_from_db()
    assert claim.state == "submitted"
    late = client.post(url("line_add", claim.number), typed(invoice_number="F-9"))  # what was typed is given back
    assert (late.status_code, "F-9" in late.content.decode()) == (409, True)
    assert claim.lines.count() == 1


def test_the_amount_stays_within_the_payment(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.member)
    data = {"claimed_amount": "999 999,00", "statement": "Le projet avance."}
    answer = client.post(url("claim_amount", claim.number), data)
    assert answer.status_code == 422
    assert "Le projet avance." in answer.content.decode()
    assert client.post(url("claim_amount", claim.number), data | {"claimed_amount": "100,00"}).status_code == 302
    claim.refresh_from_db()
    assert (claim.claimed_amount, claim.statement) == (Decimal("100.00"), "Le projet avance.")


def test_a_returned_claim_shows_why(client):
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", "3000.00")
    perform(claim, "start_review", actor=house.instructor)
    perform(claim, "give_back", actor=house.instructor, comment="La facture 1 est illisible.")
    sign_in(client, house.member)
    assert "La facture 1 est illisible." in client.get(url("claim", claim.number)).content.decode()


def test_a_paid_claim_is_read_only_and_says_so(client):
    agreement, house = in_force()
    claim, batch = ordered(agreement, house)
    pay(batch, house)
    sign_in(client, house.member)
    page = client.get(url("claim", claim.number)).content.decode()
    assert 'type="file"' not in page
    assert client.get(url("agreement", agreement.number)).status_code == 200


# --- reports ----------------------------------------------------------------------------------------------------------


def test_a_report_is_filed_returned_and_filed_again(client):
    agreement, house = in_force("CPO", "180000.00")
    sign_in(client, house.member)
    address = url("report", agreement.number, 1)
    assert client.get(address).status_code == 200
    bare = client.post(address, {"summary": "Une année pleine.", "spent_amount": "90 000"})
    assert bare.status_code == 422
    assert "Une année pleine." in bare.content.decode()
    upload = SimpleUploadedFile("bilan.pdf", pdf("bilan"), "application/pdf")
    data = {"summary": "Une année pleine.", "spent_amount": "90 000,00"}
    assert client.post(address, data | {"document": upload}).status_code == 302
    report = agreement.tranches.get(rank=1).reports.get()
    perform(report, "give_back", actor=house.instructor, comment="Il manque les comptes.")
    assert "Il manque les comptes." in client.get(address).content.decode()
    assert client.post(address, data | {"summary": "Avec les comptes."}).status_code == 302
    report.refresh_from_db()
    assert (report.state, report.summary) == ("filed", "Avec les comptes.")
    early = client.post(url("report", agreement.number, 2), data)  # why not yet, with what was typed
    assert (early.status_code, "Une année pleine." in early.content.decode()) == (409, True)


def test_a_file_that_is_refused_hides_nothing_that_is_wrong_with_its_line(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.member)
    client.post(url("line_add", claim.number), typed())
    for address in (url("line_add", claim.number), url("line_change", claim.number, 1)):
        nothing = SimpleUploadedFile("facture.pdf", b"", "application/pdf")
        answer = client.post(address, typed(declared_amount="10 000,01", proof=nothing))
        assert {"declared_amount"} <= set(answer.context["form"].errors), address
        assert answer.context["proof_form"].errors["proof"]


def test_a_report_below_what_its_claims_had_accepted_is_a_question(client):
    agreement, house = in_force("CPO", "180000.00")
    year = agreement.tranches.get(rank=1)
    address, upload = url("report", agreement.number, 1), SimpleUploadedFile("b.pdf", pdf("b"), "application/pdf")
    data = {"summary": "Une année pleine.", "spent_amount": "10,00", "document": upload}
    sign_in(client, house.member)
    assert "less_is_right" not in client.get(address).content.decode()
    item = next(item for item in year.instalments.order_by("rank") if item.needs_expenditure)
    certified(agreement, house, item.kind, "500.00")
    assert year.accepted_expenditure() == Decimal("500.00")
    refused = client.post(address, data)
    assert refused.status_code == 422
    assert "500,00 €" in refused.content.decode().replace("\u202f", " ").replace("\xa0", " ")
    assert not year.reports.exists()
    upload.seek(0)
    assert client.post(address, data | answer_of(refused, "less_is_right")).status_code == 302
    assert year.reports.get().spent_amount == Decimal("10.00")


@pytest.mark.parametrize("amount", ["999 999 999,00", "10,00"])
def test_a_report_far_from_the_cost_of_its_year_is_a_question_answered_for_one_amount(client, amount):
    agreement, house = in_force("CPO", "180000.00")
    address, upload = url("report", agreement.number, 1), SimpleUploadedFile("b.pdf", pdf("b"), "application/pdf")
    data = {"summary": "Une année pleine.", "spent_amount": amount, "document": upload}
    sign_in(client, house.member)
    assert "amount_is_right" not in client.get(address).content.decode()
    year = agreement.tranches.get(rank=1)
    for tick in ({}, {"amount_is_right": "on"}):  # an answer to what was not asked
        refused = client.post(address, data | tick)
        assert refused.status_code == 422 and not year.reports.exists()
        upload.seek(0)
    answer = answer_of(refused, "amount_is_right")
    for other in ("999 999 998,00", "11,00"):
        again = client.post(address, data | answer | {"spent_amount": other})
        assert again.status_code == 422 and not year.reports.exists()
        assert " checked" not in again.content.decode() and answer_of(again, "amount_is_right") != answer
        upload.seek(0)
    assert client.post(address, data | answer).status_code == 302
    assert year.reports.get().spent_amount == Decimal(amount.replace(" ", "").replace(",", "."))


# --- queries ----------------------------------------------------------------------------------------------------------


def many_lines(claim: PaymentClaim, count: int) -> None:
    """Lines without proofs, quickly."""
    start = claim.lines.count()
    for rank in range(start + 1, start + count + 1):
        ExpenditureLine(claim=claim, rank=rank, **line_values(invoice_number=f"F-{rank}")).save()


def test_the_claim_page_takes_as_many_queries_for_thirty_lines_as_for_three(client, django_assert_max_num_queries):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.member)
    many_lines(claim, 3)
    with django_assert_max_num_queries(MOST_QUERIES) as three:
        assert client.get(url("claim", claim.number)).status_code == 200
    many_lines(claim, 27)
    with django_assert_max_num_queries(MOST_QUERIES) as thirty:
        client.get(url("claim", claim.number))
    assert len(three) == len(thirty)


def test_the_agreement_page_takes_few_queries_whatever_was_paid(client, django_assert_max_num_queries):
    agreement, house = in_force("CPO", "180000.00")
    sign_in(client, house.member)
    with django_assert_max_num_queries(MOST_QUERIES) as before:
        assert client.get(url("agreement", agreement.number)).status_code == 200
    certified(agreement, house)
    opened(agreement, house)
    with django_assert_max_num_queries(MOST_QUERIES) as after:
        client.get(url("agreement", agreement.number))
    assert len(after) <= len(before) + 1


def test_the_list_takes_as_many_queries_for_six_agreements_as_for_two(client, django_assert_max_num_queries):
    _first, house = sent()
    sent(house=house)
    sign_in(client, house.member)
    with django_assert_max_num_queries(MOST_QUERIES) as two:
        client.get(url("agreements"))
    for _number in range(4):
        sent(house=house)
    with django_assert_max_num_queries(MOST_QUERIES) as six:
        client.get(url("agreements"))
    assert len(two) == len(six)


def test_a_piece_of_a_claim_is_joined_once_and_a_report_filed_once_says_so():
    agreement, house = in_force()
    claim = opened(agreement, house)
    code = claim.instalment.required_pieces[0]["code"]
    before = claim.pieces.filter(code=code).count()
    first, again = (claims.join_piece(claim, code, pdf("une"), actor=house.member) for _click in range(2))
    assert first == again and claim.pieces.filter(code=code).count() == before + 1
    agreement, house = in_force("CPO", "180000.00")
    tranche = agreement.tranches.get(rank=1)
    report = {"summary": "Fait.", "spent_amount": Decimal(90000), "upload": pdf("bilan"), "actor": house.member}
    reports.file_report(tranche, **(report | {"upload": SimpleUploadedFile("b.pdf", pdf("bilan"), "application/pdf")}))
    with pytest.raises(reports.ReportRefused, match="déjà"), override("fr"):
        reports.file_report(tranche, **report)
