"""What two people changed is told whole: every field, which row it is of, the decision with its words, and who."""

import json
import re
from decimal import Decimal
from html import unescape

import lxml.html
import pytest
from django import forms
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from agreements import claims
from agreements.reports import file_report
from core.admin.versioned import VersionedInlineMixin
from core.engine import versions
from core.models import Job
from core.roles import Role
from grants import instruction
from grants.models import Envelope, PaymentCredit
from grants.services import filing
from tests.factories.agreements import add_line, in_force, opened
from tests.factories.applicants import ApplicantFactory, MembershipFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.grants import filed, incomplete
from tests.factories.instruction import EnvelopeFactory, SessionFactory, staff
from tests.forms import forms_of
from tests.grants.test_versions import signed_in
from tests.rows import never_written

pytestmark = [pytest.mark.django_db, pytest.mark.old_pages]


def words_of(answer) -> str:
    return unescape(answer.content.decode()).replace("\u202f", " ").replace("\xa0", " ")


def envelope_form(client, envelope: Envelope):
    page = client.get(reverse("admin:grants_envelope_change", args=[envelope.pk]))
    return next(form for form in forms_of(page) if "voted_amount" in form.fields)


def form_with(page, name: str):
    return next(form for form in forms_of(page) if name in form.fields)


def amount_of_year(form) -> str:
    return next(name for name in form.fields if name.startswith("payment_credits-0-") and name.endswith("amount"))


def test_an_envelope_and_its_year_are_told_at_once_with_the_year_and_the_person():
    envelope = EnvelopeFactory()
    envelope.payment_credits.create(year=2027, voted_amount="50000.00")
    one, two = staff(Role.FINANCE_OFFICER), staff(Role.FINANCE_OFFICER, last_name="Bernard")
    clients = [signed_in(one), signed_in(two)]
    forms = [envelope_form(client, envelope) for client in clients]
    year = amount_of_year(forms[0])
    typed = [{"voted_amount": ["310000"], year: ["41000"], "change_reason": ["Vote du 1."]},
             {"voted_amount": ["320000"], year: ["42000"], "change_reason": ["Vote du 2."]}]  # fmt: skip
    assert clients[0].post(forms[0].action, forms[0].fields | typed[0]).status_code == 302
    answer = clients[1].post(forms[1].action, forms[1].fields | typed[1])
    assert answer.status_code == 409
    told = words_of(answer)
    assert "310 000,00" in told and "320 000,00" in told and "41 000,00" in told and "42 000,00" in told
    assert "2027 – " in told and str(one) in told
    (again,) = [form for form in forms_of(answer) if form.fields.get("voted_amount") == ["320000"]]
    assert clients[1].post(forms[1].action, again.fields).status_code == 302
    envelope.refresh_from_db()
    assert (envelope.voted_amount, envelope.payment_credits.get().voted_amount) == (320000, 42000)


def test_the_year_that_nobody_disputes_is_told_and_one_that_is_gone_with_it():
    """Of a table under the form: its rows that were typed in, new ones, and the one that somebody removed."""
    envelope = EnvelopeFactory()
    gone, _kept = (envelope.payment_credits.create(year=year, voted_amount="50000.00") for year in (2028, 2027))
    client = signed_in(staff(Role.FINANCE_OFFICER))
    form = envelope_form(client, envelope)
    never_written(PaymentCredit.objects.filter(pk=gone.pk))
    typed = {
        "payment_credits-0-voted_amount": ["41000"],
        "payment_credits-1-voted_amount": ["42000"],
        "change_reason": ["Vote du 2."],
    }
    answer = sent_stale(client, form, typed)
    told = words_of(answer)
    assert answer.status_code == 409
    assert [words for words in ("41000", "2027 – ", "42 000,00", "Vote du 2.") if words not in told] == []
    # The year of the second row stands in the first now, and has what was typed in it; the other one has no field.
    assert given_back(client, form.action)["fields"] == {
        "payment_credits-0-voted_amount": ["42000"],
        "change_reason": ["Vote du 2."],
    }
    told = told_on(client.get(form.action))
    assert any("42 000,00" in words for words in told) and any("41 000" in words for words in told)
    # What went with the form is let go, and nothing else.
    assert send_what_came_back(client, form.action).status_code == 302
    assert envelope.payment_credits.get().voted_amount == 42000
    (told,) = told_on(client.get(form.action))
    assert "41 000" in told and "42 000" not in told
    client.post(reverse("staff-let-go"), {"page": form.action})
    assert told_on(client.get(form.action)) == []


def sent_stale(client, form, typed: dict):
    """What the page of a form sends, as a browser says where it stood."""
    return client.post(form.action, form.fields | typed, headers={"Referer": f"http://testserver{form.action}"})


def given_back(client, address: str) -> dict:
    """What the form of a page gets back, as the script of the page reads it."""
    found = lxml.html.fromstring(client.get(address).content.decode()).xpath("//input[@data-not-saved]")
    return json.loads(found[0].get("data-not-saved"))[0] if found else {}


def told_on(page) -> list[str]:
    """What the page says that was typed and is not saved."""
    lines = lxml.html.fromstring(page.content.decode()).xpath("//*[@data-told]//li")
    return [line.text_content().replace("\u202f", " ").replace("\xa0", " ") for line in lines]


def send_what_came_back(client, address: str, *, rows: bool = False, **more):
    """The page read anew, and sent with what came back in its fields: as its script fills it and says so."""
    back = given_back(client, address)
    form = next(item for item in forms_of(client.get(address), address) if item.action == address)
    data, names = dict(back["fields"]), [*back["names"].values()]
    for row in back["rows"] if rows else ():
        total = f"{row['table']}-TOTAL_FORMS"
        place = f"{row['table']}-{form.fields[total][0]}-"
        data |= {place + name: values for name, values in row["fields"].items()}
        data[total] = [str(int(form.fields[total][0]) + 1)]
        names += [row["row"] + name for name in row["fields"]]
    return client.post(address, form.fields | data | {"given-back": names} | more)


def envelope_read_twice():
    """An envelope with its years, newest first, and two officers who read its page."""
    envelope = EnvelopeFactory()
    for year in (2028, 2027):
        envelope.payment_credits.create(year=year, voted_amount="50000.00")
    clients = [signed_in(staff(Role.FINANCE_OFFICER, last_name=name)) for name in ("Arnaud", "Bernard")]
    return envelope, clients, [envelope_form(client, envelope) for client in clients]


@pytest.fixture
def two_windows():
    return envelope_read_twice()


def new_year(form, year: str, amount: str) -> dict:
    """A row that is added to the years, as the button of the page adds it."""
    count = int(form.fields["payment_credits-TOTAL_FORMS"][0])
    row = {name: values for name, values in form.fields.items() if name.startswith("payment_credits-__prefix__-")}
    row = {name.replace("__prefix__", str(count)): values for name, values in row.items()}
    place = f"payment_credits-{count}-"
    typed = {f"{place}year": [year], f"{place}voted_amount": [amount]}
    return row | typed | {"payment_credits-TOTAL_FORMS": [str(count + 1)]}


def test_what_was_typed_in_a_row_finds_it_wherever_it_stands(two_windows):
    """All rows move by one: a year was added before them. Twice, and the second time on top of a conflict."""
    envelope, (first, second), (mine, theirs) = two_windows
    word = {"change_reason": ["Vote du 1."]}
    assert sent_stale(first, mine, {"label": ["A"], **word} | new_year(mine, "2029", "111")).status_code == 302
    typed = {"label": ["B"], "payment_credits-0-voted_amount": ["47000"], "change_reason": ["Vote du 2."]}
    assert sent_stale(second, theirs, typed).status_code == 409
    back = given_back(second, mine.action)
    assert back["fields"] == {"payment_credits-1-voted_amount": ["47000"], "change_reason": ["Vote du 2."]}
    assert (back["moved"], set(back["known"])) == ([], set(back["fields"]))

    again, third = envelope_form(second, envelope), signed_in(staff(Role.FINANCE_OFFICER, last_name="Colin"))
    mine = envelope_form(third, envelope)
    assert sent_stale(third, mine, {"label": ["C"], **word} | new_year(mine, "2030", "222")).status_code == 302
    typed = {"label": ["D"], "payment_credits-0-voted_amount": ["333"], "change_reason": ["Vote du 3."]}
    assert sent_stale(second, again, typed).status_code == 409
    assert given_back(second, mine.action)["fields"] == {
        "payment_credits-1-voted_amount": ["333"],  # 2029
        "payment_credits-2-voted_amount": ["47000"],  # 2028, that did not come with the second
        "change_reason": ["Vote du 3."],
    }
    assert len(told_on(second.get(mine.action))) == 3
    # Somebody changes it once more: asked about, not written over.
    envelope.payment_credits.filter(year=2028).update(voted_amount="60000.00")
    assert given_back(second, mine.action)["moved"] == ["payment_credits-2-voted_amount"]
    assert send_what_came_back(second, mine.action).status_code == 302
    years = dict(envelope.payment_credits.values_list("year", "voted_amount"))
    assert years == {2030: 222, 2029: 333, 2028: 47000, 2027: 50000}
    assert told_on(second.get(mine.action)) == [] and given_back(second, mine.action) == {}


@pytest.mark.django_db(transaction=True)  # one person saves it twice
def test_a_new_row_is_opened_again_and_waits_until_it_is_sent(two_windows):
    envelope, (first, second), (mine, theirs) = two_windows
    assert sent_stale(first, mine, {"label": ["A"], "change_reason": ["Vote du 1."]}).status_code == 302
    typed = {"label": ["B"], "change_reason": ["Vote du 2."]} | new_year(theirs, "2029", "47000")
    assert sent_stale(second, theirs, typed).status_code == 409
    (row,) = given_back(second, mine.action)["rows"]
    assert (row["table"], row["fields"]) == ("payment_credits", {"year": ["2029"], "voted_amount": ["47000"]})
    # Sent without it, and refused or taken: it waits, and is told.
    page = send_what_came_back(second, mine.action)
    assert page.status_code == 200 and len(told_on(page)) == 3, "a reason, and nothing that it is for"
    page = send_what_came_back(second, mine.action, budget_chapter=["904"])
    assert page.status_code == 302 and len(told_on(second.get(mine.action))) == 2
    assert given_back(second, mine.action)["fields"] == {}
    # Sent with it and refused: the page shows what was sent, and gives nothing back twice.
    page = send_what_came_back(second, mine.action, rows=True, change_reason=["Vote du 2."], label=[""])
    (field,) = lxml.html.fromstring(page.content.decode()).xpath("//input[@data-not-saved]")
    (back,) = json.loads(field.get("data-not-saved"))
    assert (page.status_code, back["fields"], back["rows"], len(back["sent"])) == (200, {}, [], 2)
    assert len(told_on(page)) == len(told_on(second.get(mine.action))) == 2
    answer = send_what_came_back(second, mine.action, rows=True, change_reason=["Vote du 2."])
    assert answer.status_code == 302 and envelope.payment_credits.get(year=2029).voted_amount == 47000
    assert told_on(second.get(mine.action)) == []


def test_who_sits_and_votes_comes_back_in_its_row():
    secretary, session = staff(Role.COMMITTEE_SECRETARY), SessionFactory(members=2)
    address = reverse("admin:grants_committeesession_change", args=[session.pk])
    client = signed_in(secretary)
    form = form_with(client.get(address), "members-0-name")
    session.members.create(name="Aaa Zéro")
    session.place = "Salle A"
    session.save()
    typed = {"place": ["Salle B"], "members-0-capacity": ["Présidente"], "members-1-is_voting": []}
    fields = {name: values for name, values in (form.fields | typed).items() if values}
    answer = client.post(address, fields, headers={"Referer": f"http://testserver{address}"})
    assert answer.status_code == 409
    back = given_back(client, address)
    assert back["fields"] == {"members-1-capacity": ["Présidente"], "members-2-is_voting": []}


def test_every_table_of_the_staff_site_says_which_row_each_is():
    """By the field by which what was typed in a row is found again (``core.site.not_saved``)."""
    tables = [(model, inline) for model, page in admin.site._registry.items() for inline in page.inlines]
    assert {inline.model._meta.pk.name for _model, inline in tables} == {"id"} and len(tables) > 5
    assert [inline for _model, inline in tables if not issubclass(inline, VersionedInlineMixin)] == []


def test_two_windows_on_my_account_tell_both_telephones():
    person = UserFactory(applicant=True, phone="03 26 00 00 00")
    address, client = reverse("core:profile"), signed_in(person)
    forms = [form_with(client.get(address), "phone") for _window in range(2)]
    first = forms[0].fields | {"phone": "03 26 11 11 11", "last_name": "Durand"}
    assert client.post(address, first).status_code == 302
    answer = client.post(address, forms[1].fields | {"phone": "03 26 22 22 22"})
    assert answer.status_code == 409
    told = words_of(answer)
    assert "03 26 11 11 11" in told and "03 26 22 22 22" in told and "autre fenêtre" in told
    again = form_with(answer, "phone")
    assert client.post(address, again.fields).status_code == 302
    person.refresh_from_db()
    assert (person.phone, person.last_name) == ("03 26 22 22 22", "Durand")  # the name was left alone in the second


def test_the_page_of_a_conflict_is_drawn_for_the_account_of_the_request():
    """What a request knows its person by stands for the row, and is not one of its class."""
    person = UserFactory(applicant=True)
    lazy = SimpleLazyObject(lambda: person)
    assert type(versions.Stale(lazy, None).subject) is type(person)


def test_a_conflict_that_was_there_when_the_page_was_read_again_names_who_wrote_it():
    envelope = EnvelopeFactory()
    one, two = staff(Role.FINANCE_OFFICER), staff(Role.FINANCE_OFFICER, last_name="Bernard")
    clients = [signed_in(one), signed_in(two)]
    forms = [envelope_form(client, envelope) for client in clients]
    for client, form, amount in zip(clients, forms, ("310000", "320000"), strict=True):
        answer = client.post(form.action, form.fields | {"voted_amount": [amount], "change_reason": ["Vote."]})
    (again,) = [form for form in forms_of(answer) if form.fields.get("voted_amount") == ["320000"]]
    answer = clients[1].post(
        forms[1].action, again.fields | {"voted_amount": ["330000"], "shown": forms[1].fields["shown"]}
    )
    assert str(one) in words_of(answer) and "Quelqu’un" not in words_of(answer)


def test_a_piece_judged_by_two_people_says_both_decisions():
    case = filed()
    one, two = staff(Role.INSTRUCTOR), staff(Role.INSTRUCTOR, last_name="Bernard")
    piece = case.pieces.order_by("pk").first()
    client = signed_in(two)
    page = client.get(reverse("admin:grants_application_change", args=[case.pk]))
    judging = next(
        form
        for form in forms_of(page)
        if form.action.endswith("/do/piece/") and form.fields["piece"] == [str(piece.pk)]
    )
    instruction.judge_piece(piece, "refused", actor=one, note="Illisible.")
    answer = client.post(judging.action, judging.fields | {"state": "accepted", "note": ""})
    assert answer.status_code == 409
    told = words_of(answer)
    assert "Décision" in told and "Illisible." in told and str(one) in told
    assert ">refused<" not in told and ">accepted<" not in told


def test_no_refusal_of_a_choice_or_of_a_row_says_a_key_or_a_column():
    class Choice(forms.Form):
        session = forms.ModelChoiceField(Envelope.objects.all())

    form = Choice({"session": "22"})
    assert "22" not in str(form.errors) and "proposé" in str(form.errors)
    rows = forms.modelformset_factory(Envelope, fields=["code"], extra=2)
    sent = {f"form-{rank}-code": "AE-1" for rank in (0, 1)} | {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "0"}
    formset = rows(sent, queryset=Envelope.objects.none())
    assert not formset.is_valid()
    assert "code" not in str(formset.non_form_errors()) and "lignes" in str(formset.non_form_errors())


def test_the_page_of_a_job_says_its_totals_in_words(client):
    officer = staff(Role.FINANCE_OFFICER)
    totals = {"opérations": 4, "data_sha256": "ab" * 32, "funds": {"ESF+": {"rows": 4}}}
    job = Job.objects.create(
        kind="x", key="x", parameters={"secret": 1}, result={"totals": totals}, requested_by=officer
    )
    told = words_of(signed_in(officer).get(reverse("admin:core_job_change", args=[job.pk])))
    assert "opérations: 4" in told and "{" not in told.split("opérations: 4")[1].split("</form>")[0]
    assert "secret" not in told


# --- on the portal ----------------------------------------------------------------------------------------------------


def test_two_windows_on_an_organisation_tell_no_code_and_only_what_was_typed():
    person = UserFactory(applicant=True)
    applicant = ApplicantFactory(name="Les Coquelicots", phone="03 26 00 00 00", representative=person)
    address, client = reverse("applicants:edit", args=[applicant.pk]), signed_in(person)
    windows = [form_with(client.get(address), "legal_category") for _window in range(2)]
    scop = {"ess_statut": "cooperative", "legal_category": "5458", "name": "Les Bleuets"}
    assert client.post(address, windows[0].fields | scop).status_code == 302
    answer = client.post(address, windows[1].fields | {"legal_category": "9230", "name": "Les Iris"})
    assert answer.status_code == 409
    told = re.sub(r"<input[^>]*>", "", words_of(answer))
    assert "9230 Association déclarée, reconnue" in told and "5458 SARL" in told
    assert "<dd>9230</dd>" not in told and "<dd>association</dd>" not in told and "03 26 00 00 00" not in told


def test_a_word_is_told_once_under_the_label_of_its_page():
    application = incomplete(pieces=())
    client, address = signed_in(application.created_by), application.get_absolute_url()
    sending = form_with(client.get(address), "comment")
    filing.write_message(application, user=application.created_by, body="Bonjour.")
    with_other = sending.fields | {"comment": "Voici.", "shown": "x"}
    told = words_of(client.post(sending.action, with_other))
    assert told.count("<dd>Voici.</dd>") == 1 and "Un mot au service" in told


def test_a_claim_that_changed_once_more_still_shows_both_versions():
    agreement, house = in_force()
    claim = opened(agreement, house)
    client, address = signed_in(house.member), claim.get_absolute_url()
    filing_it = next(form for form in forms_of(client.get(address), address) if form.action.endswith("/deposer/"))
    claims.set_amount(claim, Decimal(3000), actor=house.member, statement="")
    answer = client.post(filing_it.action, filing_it.fields | {"claimed_amount": "3500", "attested": "on"})
    for changed in (None, "line"):
        if changed:
            add_line(claim, house)
            again = form_with(answer, "claimed_amount")
            answer = client.post(again.action, again.fields)
        assert answer.status_code == 409
        told = words_of(answer)
        assert "Les deux versions" in told and "3 000,00 €" in told and "3 500,00 €" in told


def test_a_report_filed_again_from_two_windows_shows_both_amounts():
    agreement, house = in_force("CPO", "180000.00")
    tranche = agreement.tranches.get(rank=1)
    upload = SimpleUploadedFile("bilan.pdf", pdf("bilan"), "application/pdf")
    file_report(tranche, summary="Fait.", spent_amount=Decimal(90000), upload=upload, actor=house.member)
    client, address = signed_in(house.member), reverse("agreements:report", args=[agreement.number, 1])
    windows = [form_with(client.get(address), "spent_amount") for _window in range(2)]
    assert client.post(address, windows[0].fields | {"spent_amount": "91000"}).status_code == 302
    answer = client.post(address, windows[1].fields | {"spent_amount": "92000"})
    told = words_of(answer)
    assert answer.status_code == 409 and "91 000,00 €" in told and "92 000,00 €" in told
    assert "Le faire quand même" not in told and "autre fenêtre" in told


def test_a_report_filed_meanwhile_says_by_whom_and_offers_nothing_blindly():
    agreement, house = in_force("CPO", "180000.00")
    colleague = UserFactory(applicant=True, last_name="Bernard")
    MembershipFactory(applicant=agreement.beneficiary, user=colleague)
    address = reverse("agreements:report", args=[agreement.number, 1])
    people = (house.member, colleague)
    windows = [(signed_in(person), form_with(signed_in(person).get(address), "spent_amount")) for person in people]
    for (client, form), amount in zip(windows, ("90000", "92000"), strict=True):
        upload = SimpleUploadedFile(f"bilan-{amount}.pdf", pdf(amount), "application/pdf")
        answer = client.post(address, form.fields | {"summary": "Fait.", "spent_amount": amount, "document": upload})
    told = words_of(answer)
    assert answer.status_code == 409 and f"{house.member} a déposé le bilan de cette année" in told
    assert "90 000,00 €" in told and "92 000,00 €" in told and "bilan-92000.pdf" in told
    for words in ("trop ancienne", ">Le faire quand même<", ">Garder ce qui est enregistré<"):
        assert words not in told
