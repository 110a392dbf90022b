"""The staff screens: scope, queue, verification, and what each role may do."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from applicants.bank_accounts import enter_account
from applicants.models import Applicant, BankAccount, DeMinimisAid, JoinRequest, SingleUndertaking
from applicants.setup import _accounts_as_work, _accounts_to_verify
from core.transitions import perform
from tests.factories.applicants import ApplicantFactory, BankAccountFactory, DeMinimisAidFactory, iban, pdf, siret
from tests.factories.core import UserFactory, recorded_earlier

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
MODELS = [
    "applicant",
    "bankaccount",
    "joinrequest",
    "deminimisaid",
    "singleundertaking",
    "legalcategory",
    "department",
    "deminimisceiling",
]


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = tmp_path


def sign_in(client, **roles: bool):
    user = UserFactory(**roles)
    client.force_login(user, backend=BACKEND)
    return user


def address(model: str, page: str, *args: object) -> str:
    return reverse(f"admin:applicants_{model}_{page}", args=args)


@pytest.fixture
def rows():
    applicant = ApplicantFactory(undertaking=SingleUndertaking.objects.create(name="Groupe"))
    return {
        "applicant": applicant,
        "bankaccount": BankAccountFactory(applicant=applicant),
        "joinrequest": JoinRequest.objects.create(applicant=applicant, user=UserFactory(applicant=True)),
        "deminimisaid": DeMinimisAidFactory(applicant=applicant),
        "singleundertaking": applicant.undertaking,
    }


@pytest.mark.parametrize("role", ["instructor", "finance_officer", "auditor", "administrator", "head_of_service"])
@pytest.mark.parametrize("model", MODELS)
def test_every_list_and_page_opens_for_the_staff(client, rows, model: str, role: str) -> None:
    sign_in(client, **{role: True})
    assert client.get(address(model, "changelist")).status_code == 200
    if model in rows:
        assert client.get(address(model, "change", rows[model].pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_none_opens_for_an_applicant(client, rows, model: str) -> None:
    sign_in(client, applicant=True)
    assert client.get(address(model, "changelist")).status_code in {302, 403}


@pytest.mark.parametrize(
    ("role", "model", "may"),
    [
        ("instructor", "applicant", True),
        ("administrator", "applicant", True),
        ("auditor", "applicant", False),
        ("finance_officer", "applicant", False),
        ("instructor", "deminimisaid", True),
        ("auditor", "deminimisaid", False),
        ("administrator", "legalcategory", True),
        ("instructor", "legalcategory", False),
    ],
)
def test_who_adds(client, role: str, model: str, may: bool) -> None:
    sign_in(client, **{role: True})
    assert (client.get(address(model, "add")).status_code == 200) is may


@pytest.mark.parametrize("typed", ["coquelicôts", "418 166 096 00051", "W511234567", "chalons"])
def test_search(client, typed: str) -> None:
    sign_in(client, instructor=True)
    ApplicantFactory(name="Les Coquelicots", siret="41816609600051", rna="W511234567")
    ApplicantFactory(name="Autre", city="Reims")
    response = client.get(address("applicant", "changelist"), {"q": typed})
    assert [row.name for row in response.context["cl"].result_list] == ["Les Coquelicots"]


def test_an_applicant_is_added_and_a_wrong_number_is_said(client) -> None:
    user = sign_in(client, instructor=True)
    inlines = {
        f"{prefix}-{name}": "0"
        for prefix in ("memberships", "invitations", "no_interests", "de_minimis_aids")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    typed = {"kind": "legal", "siret": "41816609600052", "name": "Les Coquelicots"} | inlines
    response = client.post(address("applicant", "add"), typed)
    assert response.status_code == 200 and "41816609600052" in response.content.decode()
    client.post(address("applicant", "add"), typed | {"siret": siret(3)})
    assert Applicant.objects.get().created_by == user


def test_the_queue_counts_what_it_lists(client, rows) -> None:
    user = sign_in(client, finance_officer=True)
    BankAccountFactory(verified=True)
    response = client.get(address("bankaccount", "changelist"), {"state__exact": "entered"})
    assert len(response.context["cl"].result_list) == _accounts_to_verify(user) == 1
    assert [item.url for item in _accounts_as_work(user)] == [address("bankaccount", "change", rows["bankaccount"].pk)]
    assert _accounts_as_work(rows["bankaccount"].entered_by) == []


def test_a_change_is_verified_from_its_page(client) -> None:
    sign_in(client, finance_officer=True)
    applicant = ApplicantFactory()
    recorded_earlier(applicant)
    BankAccountFactory(applicant=applicant, verified=True)
    account = BankAccountFactory(applicant=applicant, is_change=True, entered_at=timezone.now() - timedelta(hours=2))
    page = client.get(address("bankaccount", "change", account.pk)).content.decode()
    transition = address("bankaccount", "transition", account.pk, "verify")
    assert transition in page and account.grouped_iban in page
    typed = {"proof_dated": timezone.localdate().isoformat()}
    assert client.post(transition, typed).status_code == 422
    called = timezone.localtime() - timedelta(hours=1)
    typed |= {"phone": applicant.phone, "person": "Mme D", "called_at": called.strftime("%Y-%m-%dT%H:%M")}
    assert client.post(transition, typed).status_code == 302
    account.refresh_from_db()
    assert account.state == "verified"


@pytest.mark.parametrize("by_another", [False, True])
def test_who_verifies_reads_that_another_account_was_entered_meanwhile(client, by_another: bool) -> None:
    sign_in(client, finance_officer=True)
    applicant, person = ApplicantFactory(), UserFactory(instructor=True)
    other = UserFactory(instructor=True) if by_another else person
    first, second = (
        enter_account(applicant, holder_name="X", iban=iban(number), proof=pdf(), actor=actor)
        for number, actor in ((1, person), (2, other))
    )
    old = client.get(address("bankaccount", "change", first.pk)).text
    assert "un autre a été saisi à sa place" in old and address("bankaccount", "change", second.pk) in old
    new = client.get(address("bankaccount", "change", second.pk)).text
    told = new.partition("saisi pendant qu’un autre attendait")[2][:400]
    assert first.masked_iban in told and str(person) in told
    perform(second, "reject", actor=UserFactory(finance_officer=True), data={"reason": "Illisible."}, comment="")
    third = enter_account(applicant, holder_name="X", iban=iban(3), proof=pdf(), actor=other)
    assert "saisi pendant qu’un autre" not in client.get(address("bankaccount", "change", third.pk)).text


def test_an_auditor_sees_no_button(client, rows) -> None:
    sign_in(client, auditor=True)
    transition = address("bankaccount", "transition", rows["bankaccount"].pk, "verify")
    client.post(transition, {"proof_dated": timezone.localdate().isoformat()})
    rows["bankaccount"].refresh_from_db()
    assert rows["bankaccount"].state == "entered"


def test_an_instructor_enters_an_account_that_came_on_paper(client) -> None:
    user = sign_in(client, instructor=True)
    applicant = ApplicantFactory()
    add = address("bankaccount", "add")
    assert client.get(add).url == address("applicant", "changelist")
    for page in (address("bankaccount", "changelist"), reverse("admin:app_list", args=["applicants"])):
        assert add not in client.get(page).text  # no list offers what the page of an applicant alone can
    target = f"{add}?applicant={applicant.pk}"
    assert client.get(target).status_code == 200
    wrong = {"holder_name": "X", "iban": "FR76", "proof": SimpleUploadedFile("rib.pdf", pdf())}
    assert client.post(target, wrong).context["form"].errors["iban"]
    right = wrong | {"iban": "FR7630006000011234567890189", "proof": SimpleUploadedFile("rib.pdf", pdf())}
    client.post(target, right)
    assert BankAccount.objects.get().entered_by == user


def test_an_account_cannot_be_edited_or_deleted(client, rows) -> None:
    sign_in(client, instructor=True)
    before = rows["bankaccount"].iban
    client.post(address("bankaccount", "change", rows["bankaccount"].pk), {"iban": "FR7630006000011234567890189"})
    client.post(address("bankaccount", "delete", rows["bankaccount"].pk), {"post": "yes"})
    assert BankAccount.objects.get().iban == before


def test_a_declaration_on_paper(client) -> None:
    user = sign_in(client, instructor=True)
    applicant = ApplicantFactory()
    typed = {
        "applicant": applicant.pk,
        "granted_on": "2025-01-01",
        "amount": "100",
        "authority": "X",
        "regime": "general",
    }
    assert client.post(address("deminimisaid", "add"), typed).status_code == 302
    assert DeMinimisAid.objects.get().recorded_by == user


@pytest.mark.parametrize("model", ["applicant", "bankaccount", "joinrequest", "deminimisaid", "singleundertaking"])
def test_lists_do_not_query_by_row(client, model: str, django_assert_max_num_queries) -> None:
    sign_in(client, administrator=True)

    def fill(rows: int) -> None:
        for number in range(rows):
            applicant = ApplicantFactory()
            BankAccountFactory(applicant=applicant)
            JoinRequest.objects.create(applicant=applicant, user=UserFactory(applicant=True))
            DeMinimisAidFactory(applicant=applicant)
            SingleUndertaking.objects.create(name=f"{rows}-{number}")

    client.get(address(model, "changelist"))
    fill(3)
    with django_assert_max_num_queries(20) as few:
        client.get(address(model, "changelist"))
    fill(27)
    with django_assert_max_num_queries(len(few)):
        client.get(address(model, "changelist"))


def test_the_page_of_an_applicant_does_not_query_by_row(client, django_assert_max_num_queries) -> None:
    sign_in(client, instructor=True)
    applicant = ApplicantFactory()
    page = address("applicant", "change", applicant.pk)

    def fill(rows: int) -> None:
        for _number in range(rows):
            BankAccountFactory(applicant=applicant, state="superseded")
            DeMinimisAidFactory(applicant=applicant)
            applicant.memberships.create(user=UserFactory(applicant=True), role="editor")

    client.get(page)
    fill(3)
    with django_assert_max_num_queries(20) as few:
        client.get(page)
    fill(27)
    with django_assert_max_num_queries(len(few)):
        client.get(page)
