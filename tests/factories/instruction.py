"""Filed cases, staff, sessions and envelopes for the tests of the instruction.

``CaseFactory(state="in_instruction")`` builds a case of PROGRESS as it stands in that state, with its budget; the
programmes are the real files. ``person_count`` makes one of Capital SCOP with that many persons.
"""

from datetime import date, timedelta
from decimal import Decimal
from functools import cache

import factory
from django.db import transaction
from django.utils import timezone

from core.models import User
from core.roles import Role
from grants import de_minimis
from grants.models import (
    AidComputation,
    Application,
    BudgetLine,
    Call,
    CheckAnswer,
    CommitteeSession,
    Envelope,
    Opinion,
    PersonLine,
    Programme,
    ProgrammeAssignment,
    ProgrammeVersion,
    Proposal,
    Score,
)
from grants.programmes.grant_plan import reduced
from grants.rules.definition import read_definition
from grants.services.programmes import PROGRAMMES_FOLDER, load_definition
from grants.states import ApplicationState as State
from tests.factories.applicants import ApplicantFactory
from tests.factories.core import UserFactory
from tests.factories.plans import plan_for, year_rows
from tests.factories.worlds import lived_once

FILES = {"PROGRESS1": "progress1.yaml", "CAPITAL-SCOP": "capital-scop.yaml", "CPO": "cpo.yaml"}
AFTER_ADMISSION = [state for state in State if state not in (State.DRAFT, State.SUBMITTED, State.INCOMPLETE)]
PROPOSED = (State.INSTRUCTED, State.READY_FOR_COMMITTEE, State.SCHEDULED, State.APPROVED, State.REJECTED)
WITH_VISA = (State.READY_FOR_COMMITTEE, State.SCHEDULED, State.APPROVED, State.REJECTED)


@cache
def _definition(code: str) -> dict:
    return read_definition(PROGRAMMES_FOLDER / FILES[code])


@lived_once
def version_of(code: str = "PROGRESS1") -> ProgrammeVersion:
    """The version of a programme's file in the test database, loaded when it is not there."""
    found = ProgrammeVersion.objects.filter(programme__code=code).order_by("-number").first()
    if found is None:
        load_definition(_definition(code))
        found = ProgrammeVersion.objects.get(programme__code=code)
    return found


def programme_of(code: str = "PROGRESS1") -> Programme:
    """The programme of a file."""
    return version_of(code).programme


@lived_once
def staff(role: Role | str, *codes: str, **extra):
    """A member of staff with a role, assigned to these programmes (PROGRESS by default)."""
    user = UserFactory(roles=[role], **extra)
    for code in codes or ("PROGRESS1",):
        ProgrammeAssignment.objects.create(user=user, programme=programme_of(code))
    return user


class EnvelopeFactory(factory.django.DjangoModelFactory):
    """480,000 euros voted for PROGRESS in 2026."""

    class Meta:
        model = Envelope

    code = factory.Sequence(lambda number: f"AE-2026-{number}")
    label = "PROGRESS 2026"
    programme = factory.LazyFunction(programme_of)
    kind = "AE"
    year = 2026
    voted_amount = Decimal("480000.00")


class CallFactory(factory.django.DjangoModelFactory):
    """An open call of PROGRESS."""

    class Meta:
        model = Call

    programme_version = factory.LazyFunction(version_of)
    code = factory.Sequence(lambda number: f"appel-{number}")
    title = "Appel permanent 2026"
    opens_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=60))
    closes_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=60))
    envelope = factory.SubFactory(EnvelopeFactory, programme=factory.SelfAttribute("..programme_version.programme"))
    is_published = True


class CaseFactory(factory.django.DjangoModelFactory):
    """A filed case. The state is set as the database holds it, not by transitions."""

    class Meta:
        model = Application
        skip_postgeneration_save = True

    class Params:
        programme_code = "PROGRESS1"
        person_count = 0

    create = classmethod(lived_once(factory.django.DjangoModelFactory.create.__func__))

    call = factory.LazyAttribute(
        lambda case: CallFactory(
            programme_version=version_of(case.programme_code),
            envelope=EnvelopeFactory(programme=programme_of(case.programme_code)),
        )
    )
    programme_version = factory.LazyAttribute(lambda case: case.call.programme_version)
    applicant = factory.SubFactory(ApplicantFactory)
    title = "Filière textile du pays d’Argonne"
    created_by = factory.SubFactory(UserFactory, applicant=True)
    submitted_by = factory.LazyAttribute(lambda case: case.created_by)
    submitted_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=10))
    number = factory.Sequence(lambda number: f"PROG-2026-{number:05d}")
    state = State.SUBMITTED
    requested_amount = Decimal("28400.00")
    computed_amount = Decimal("28400.00")
    project_start = factory.LazyFunction(lambda: timezone.localdate() + timedelta(days=30))
    project_end = factory.LazyFunction(lambda: timezone.localdate() + timedelta(days=360))
    decision_due_on = factory.LazyFunction(lambda: timezone.localdate() + timedelta(days=50))
    answers = factory.LazyAttribute(
        lambda case: (
            {"attestations": ["accurate", "cer"], "is_renewal": False}
            | ({"tranches": year_rows()} if case.programme_version.programme.code == "CPO" else {})
        )
    )

    @factory.lazy_attribute
    def proposed_amount(self):
        return Decimal("26000.00") if self.state in PROPOSED else None

    @factory.lazy_attribute
    def granted_amount(self):
        return Decimal("26000.00") if self.state in (State.APPROVED, State.CONTRACTED, State.CLOSED) else None

    @factory.lazy_attribute
    def granted_plan(self):
        amount = self.granted_amount
        return plan_for(self.programme_version.programme.code, amount).as_json() if amount else {}

    @factory.lazy_attribute
    def clock_suspended_at(self):
        return timezone.now() if self.state == State.INCOMPLETE else None

    @factory.post_generation
    def budget(self, create, extracted, **kwargs):
        """Eligible expenses of 35,500 euros: 80 % give 28,400. A network has those of its three years."""
        if create and extracted is not False:
            rows = network_budget() if self.programme.code == "CPO" else progress_budget()
            BudgetLine.objects.bulk_create(
                BudgetLine(
                    application=self, rank=rank, side=side, account_code=account, label=label, amount=amount,
                    financer_status="this_request" if account == "74region" else "",
                )
                for rank, (side, account, label, amount) in enumerate(rows, 1)
            )  # fmt: skip

    @factory.post_generation
    def persons(self, create, extracted, **kwargs):
        """``persons=[3200, 7500]`` gives the case two persons with these contributions."""
        for rank, contribution in enumerate(extracted or [], 1):
            PersonLine.objects.create(
                application=self,
                rank=rank,
                first_name="Alix",
                last_name=f"Moreau {rank}",
                own_contribution=Decimal(contribution),
            )

    @factory.post_generation
    def instruction(self, create, extracted, **kwargs):
        """What the state supposes: answers, scores, computation, proposal and visa."""
        if create and extracted is not False:
            complete_instruction(self)


def progress_budget() -> list[tuple[str, str, str, int]]:
    """Side, account, label and euros of each line."""
    return [
        ("charge", "604", "Formation-action", 25000),
        ("charge", "623", "Communication", 10500),
        ("charge", "60x", "Fournitures", 4500),
        ("product", "74region", "Région", 28400),
        ("product", "70x", "Ventes", 11600),
    ]


def network_budget() -> list[tuple[str, str, str, int]]:
    """The three years of ``tests.factories.plans.YEARS``, with the 190,000 euros asked."""
    return [
        ("charge", "604", "Équipe du réseau", 175000),
        ("charge", "623", "Communication", 60000),
        ("charge", "60x", "Fournitures", 15000),
        ("product", "74region", "Région", 190000),
        ("product", "70x", "Cotisations", 60000),
    ]


def complete_instruction(case: Application) -> None:
    """Write the rows that a case of this state has."""
    if case.state in AFTER_ADMISSION:
        person = UserFactory(instructor=True)
        answer_all(case, "completeness", "admissibility", person=person)
    if case.state in PROPOSED:
        answer_all(case, "eligibility", person=person)
        score_all(case, person=person)
        computation = compute(case)
        visa = case.state in WITH_VISA
        Proposal.objects.create(
            application=case,
            computation=computation,
            amount=case.proposed_amount,
            eligible_base=computation.eligible_base,
            plan=reduced(computation.grant_plan, case.proposed_amount).as_json() if case.proposed_amount else {},
            score=Decimal("14.50"),
            reasons="Un projet solide.",
            made_by=person,
            visa_by=UserFactory(head_of_service=True) if visa else None,
            visa_at=timezone.now() if visa else None,
            **(consulted() | {"de_minimis_regime": case.rules.de_minimis} if case.rules.de_minimis else {}),
        )
    if case.state == State.APPROVED:
        de_minimis.record_granted(case, case.granted_amount, day=timezone.localdate(), actor=None)


def consulted() -> dict:
    """What a proposal says of the central register of de minimis aid."""
    return {
        "register_consulted_on": timezone.localdate(),
        "register_reference": "Extrait n° 1",
        "register_sector": "94.99",
    }


def answer_all(case: Application, *stages: str, answer: str = "yes", person: User | None = None) -> None:
    """Answer every check of these stages."""
    person = person or UserFactory(instructor=True)
    CheckAnswer.objects.bulk_create(
        [
            CheckAnswer(
                application=case,
                code=check.code,
                stage=check.stage,
                answer=answer,
                reason="" if answer == "yes" else "Non.",
                is_automatic=False,
                answered_by=person,
            )
            for check in case.rules.checks_of(*stages)
        ],
        update_conflicts=True,
        unique_fields=["application", "code"],
        update_fields=["stage", "answer", "reason", "is_automatic", "answered_by"],
    )


def score_all(case: Application, score: str = "4", person: User | None = None) -> None:
    """Give every criterion the same score."""
    person = person or UserFactory(instructor=True)
    Score.objects.bulk_create(
        Score(
            application=case, code=criterion.code, score=Decimal(score), max_score=criterion.max_score, scored_by=person
        )
        for criterion in case.rules.criteria
    )


def compute(case: Application, amount: str = "") -> AidComputation:
    """A kept computation of the case's computed amount, with its plan."""
    total = Decimal(amount) if amount else case.computed_amount
    plan = plan_for(case.programme.code, total, list(case.persons.order_by("rank")))
    return AidComputation.objects.create(
        application=case,
        number=case.computations.count() + 1,
        amount=total,
        eligible_base=plan.cost,
        plan=plan.as_json(),
        facts={},
        lines=[{"text": "80 % de 35 500,00 €", "amount": "28400.00", "kind": "step"}],
    )


def ask(case: Application, code: str = "urscop", **extra) -> Opinion:
    """An opinion that is awaited."""
    values = {"body": "URSCOP", "email": "avis@urscop.example", "due_on": date(2027, 1, 15)} | extra
    return Opinion.objects.create(application=case, code=code, asked_by=UserFactory(instructor=True), **values)


class SessionFactory(factory.django.DjangoModelFactory):
    """A session in preparation that takes PROGRESS. ``members=3`` gives it three voting members, all present."""

    class Meta:
        model = CommitteeSession
        skip_postgeneration_save = True

    title = "Commission permanente"
    held_at = factory.LazyAttribute(
        lambda session: timezone.now() + timedelta(days=20 if getattr(session, "state", "draft") == "draft" else 0)
    )
    quorum = 2
    opened_at = factory.LazyAttribute(
        lambda session: timezone.now() if getattr(session, "state", "draft") in ("in_session", "closed") else None
    )

    @factory.post_generation
    def programmes(self, create, extracted, **kwargs):
        if create:
            self.programmes.set(extracted or [programme_of()])

    @factory.post_generation
    def members(self, create, extracted, **kwargs):
        for rank in range(extracted or 0):
            self.members.create(name=f"Élue {rank}", email=f"elue{rank}@region.example", is_present=True)


def agenda(session: CommitteeSession, *cases: Application) -> list:
    """Put cases in the state ``scheduled`` on an agenda."""
    with transaction.atomic():
        return [session.append(case) for case in cases]


__all__ = [
    "CallFactory",
    "CaseFactory",
    "EnvelopeFactory",
    "SessionFactory",
    "agenda",
    "answer_all",
    "ask",
    "complete_instruction",
    "compute",
    "programme_of",
    "score_all",
    "staff",
    "version_of",
]
