"""Applicants for the tests."""

from datetime import date
from decimal import Decimal

import factory
from django.utils import timezone
from stdnum import luhn

from applicants.models import Applicant, BankAccount, DeMinimisAid, Membership
from applicants.models.people import MemberRole
from core.acting import acting_as
from core.documents import store
from tests.factories.core import UserFactory

SIRET_OF_THE_GUIDE = "41816609600051"
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


def siret(number: int) -> str:
    """A valid SIRET, another one for each number."""
    siren = f"{90000000 + number:08d}"
    siren += luhn.calc_check_digit(siren)
    establishment = f"{siren}0001"
    return establishment + luhn.calc_check_digit(establishment)


def iban(number: int) -> str:
    """A valid French IBAN, another one for each number."""
    body = f"30004{number:018d}"
    check = 98 - int(body + "152700") % 97
    return f"FR{check:02d}{body}"


def pdf(text: str = "") -> bytes:
    """A very small PDF, another one for each text."""
    return PDF + f"% {text}\n".encode()


def given(**values: object) -> Membership:
    """A membership that nobody of the service gives, whoever acted last in the test's transaction."""
    with acting_as(label="command demo"):
        return Membership.objects.create(**values)


class ApplicantFactory(factory.django.DjangoModelFactory):
    """``ApplicantFactory()`` is an association; ``natural=True``, ``scop=True``, ``in_formation_=True`` are others.

    ``representative=user`` and ``editor=user`` give it people; ``with_verified_account=True`` a bank account.
    """

    class Meta:
        model = Applicant
        skip_postgeneration_save = True

    class Params:
        legal = factory.Trait()
        natural = factory.Trait(
            kind="natural",
            name="",
            siret=None,
            is_association=False,
            ess_statut="",
            legal_category_id=None,
            first_name="Camille",
            last_name=factory.Sequence(lambda number: f"Durand {number}"),
        )
        scop = factory.Trait(
            name=factory.Sequence(lambda number: f"SCOP Les Bâtisseurs {number}"),
            is_association=False,
            ess_statut="cooperative",
            legal_category_id="5458",
        )
        being_formed = factory.Trait(
            name=factory.Sequence(lambda number: f"SCOP en création {number}"),
            siret=None,
            in_formation=True,
            is_association=False,
            ess_statut="cooperative",
            legal_category_id="5458",
        )

    kind = "legal"
    name = factory.Sequence(lambda number: f"Association Les Coquelicots {number}")
    siret = factory.Sequence(siret)
    is_association = True
    ess_statut = "association"
    legal_category_id = "9220"
    email = factory.Sequence(lambda number: f"contact{number}@asso.example")
    phone = "03 26 00 00 00"
    address_line = "12 rue des Lilas"
    postcode = "51000"
    city = "Châlons-en-Champagne"

    @factory.post_generation
    def representative(self, create, extracted, **kwargs):
        if create and extracted:
            given(user=extracted, applicant=self, role=MemberRole.REPRESENTATIVE)

    @factory.post_generation
    def editor(self, create, extracted, **kwargs):
        if create and extracted:
            given(user=extracted, applicant=self, role=MemberRole.EDITOR)

    @factory.post_generation
    def with_verified_account(self, create, extracted, **kwargs):
        if create and extracted:
            BankAccountFactory(applicant=self, verified=True)


class MembershipFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory, applicant=True)
    applicant = factory.SubFactory(ApplicantFactory)
    role = MemberRole.REPRESENTATIVE

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return given(**kwargs)


class BankAccountFactory(factory.django.DjangoModelFactory):
    """An account to be verified; ``verified=True`` for one that another person verified."""

    class Meta:
        model = BankAccount

    class Params:
        verified = factory.Trait(
            state="verified",
            verified_by=factory.SubFactory(UserFactory, finance_officer=True),
            verified_at=factory.LazyFunction(timezone.now),
            proof_dated=factory.LazyFunction(timezone.localdate),
        )

    applicant = factory.SubFactory(ApplicantFactory)
    holder_name = factory.LazyAttribute(lambda account: account.applicant.display_name)
    iban = factory.Sequence(iban)
    entered_by = factory.SubFactory(UserFactory, applicant=True)
    proof = factory.LazyAttribute(
        lambda account: store(
            pdf(account.iban), name="rib.pdf", subject=account.applicant, user=account.entered_by, kind="bank_proof"
        )
    )


class DeMinimisAidFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = DeMinimisAid

    applicant = factory.SubFactory(ApplicantFactory)
    regime = "general"
    granted_on = date(2025, 3, 1)
    amount = Decimal("10000.00")
    authority = "Commune de Reims"
    origin = "declared"
    case_number = factory.LazyAttribute(lambda aid: aid.reference if aid.origin == "granted" else "")
    instrument = factory.LazyAttribute(lambda aid: "grant" if aid.origin == "granted" else "")
