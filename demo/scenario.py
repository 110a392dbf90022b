"""The demonstration from the first sign-up to the last payment application, wave after wave, in the order of time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from agreements.models import Agreement, PaymentClaim, Tranche
from core.acting import acting_as
from core.models import User
from demo import applicant_side, europe, money_side, sessions, staff_side
from demo.applicant_side import Member
from demo.cases import CASES, Case, Stage
from demo.clock import Clock
from demo.money_side import Office
from demo.organisations import ORGANISATIONS
from demo.people import ensure_staff
from demo.region import WAVES, Region, build_region
from grants.models import Application
from reporting.models import ExpenditureDeclaration, PaymentApplication


@dataclass(frozen=True)
class Days:
    """When a series of claims is filed, certified, ordered and paid; days from today."""

    claim: int
    certify: int
    order: int
    pay: int


Progress = Callable[[str], None]
LEAVES_BEFORE_ADMISSION = (Stage.DRAFT, Stage.SUBMITTED, Stage.INCOMPLETE, Stage.ANSWERED, Stage.INADMISSIBLE)


class Scenario:
    """Plays the cases. One use, in one transaction."""

    def __init__(self) -> None:
        self.progress: Progress = lambda sentence: None
        self.clock = Clock()
        self.staff: dict[str, User] = {}
        self.members: dict[str, Member] = {}
        self.region: Region | None = None
        self.eu_programme = None
        self.applications: dict[str, Application] = {}
        self.agreements: dict[str, Agreement] = {}

    @property
    def steps(self) -> int:
        """How often ``progress`` is called: once a case, once a claim."""
        return len(CASES) + CLAIMS

    def play(self, progress: Progress) -> None:
        """Everything, in the order of time; ``progress`` is called with a sentence after each step."""
        self.progress = progress
        start = WAVES[1][0] - 30
        with self.clock.at(start), acting_as(label="command demo"):
            self.staff = ensure_staff()
            self.region = build_region(self.clock, self.staff)
            self.eu_programme = europe.build_programme()
        for wave in WAVES:
            cases = [case for case in CASES if case.wave == wave]
            self._file(wave, cases)
            self._instruct(wave, cases)
            self._decide(wave, cases)
            if WAVES[wave][2] < 0:
                with self.clock.at(WAVES[wave][2] + 4, 16), acting_as(self.staff["instruction"]):
                    staff_side.enter_in_central_register(self.staff["instruction"])
                self._contract(wave, cases)
        self._advances(1, Days(claim=-345, certify=-338, order=-330, pay=-322))
        self._singles(1, Days(claim=-330, certify=-322, order=-315, pay=-305))
        self._lapse()
        self._balances("PROGRESS1", 1, Days(claim=-150, certify=-138, order=-124, pay=-117))
        self._control(-128)
        self._ask(-116, is_accepted=True)
        self._advances(2, Days(claim=-112, certify=-104, order=-95, pay=-88))
        self._singles(2, Days(claim=-60, certify=-52, order=-44, pay=-38))
        self._balances("CPO", 1, Days(claim=-58, certify=-47, order=-38, pay=-31))
        self._control(-43)
        self._next_years(1)
        self._balances("PROGRESS1", 2, Days(claim=-16, certify=-12, order=-9, pay=-5))
        self._ask(-20, is_accepted=False)
        self._complete(-18)

    # --- filing -----------------------------------------------------------------------------------------------------

    def _file(self, wave: int, cases: Iterable[Case]) -> None:
        opens = WAVES[wave][0]
        for rank, case in enumerate(cases):
            day = opens + 1 + rank * 2 // 3 if wave < 3 else opens + 1 + rank % 14
            with self.clock.at(day, 9 + rank % 8, rank * 7 % 60):
                member = self._member(case.organisation)
                call = self.region.calls[case.programme, wave]
                with acting_as(member.user):
                    application = applicant_side.fill_in(case, member, call)
                    self.applications[case.key] = application
                    if case.stage != Stage.DRAFT:
                        applicant_side.file(application, member)
            self.progress(f"{case.title}")

    def _member(self, key: str) -> Member:
        if key not in self.members:
            number, organisation = next(
                (number, item) for number, item in enumerate(ORGANISATIONS, start=1) if item.key == key
            )
            with acting_as(label="command demo"):
                self.members[key] = applicant_side.sign_up(organisation, number)
        return self.members[key]

    # --- instruction ------------------------------------------------------------------------------------------------

    def _instruct(self, wave: int, cases: Iterable[Case]) -> None:
        opens = WAVES[wave][0]
        for rank, case in enumerate(cases):
            if case.stage in (Stage.DRAFT, Stage.SUBMITTED):
                continue
            application = self.applications[case.key]
            actor = staff_side.instructor_of(case, self.staff)
            base = opens + 18 + rank % 6
            if case.asked_again or case.stage in (Stage.INCOMPLETE, Stage.ANSWERED):
                self._ask_again(case, application, actor, base)
            if case.stage == Stage.WITHDRAWN:
                with self.clock.at(base, 16):
                    applicant_side.withdraw(application, self.members[case.organisation])
            elif case.stage == Stage.INADMISSIBLE:
                with self.clock.at(base, 15):
                    staff_side.refuse_admission(application, actor)
            elif case.stage not in LEAVES_BEFORE_ADMISSION:
                self._examine(case, application, actor, base + 2)

    def _ask_again(self, case: Case, application: Application, actor: User, day: int) -> None:
        with self.clock.at(day, 10):
            staff_side.ask_for_pieces(application, actor)
        if case.stage != Stage.INCOMPLETE:
            with self.clock.at(day + 2, 22, 41):
                applicant_side.answer_request(application, self.members[case.organisation])

    def _examine(self, case: Case, application: Application, actor: User, day: int) -> None:
        with self.clock.at(day + 1, 9, 30):
            staff_side.admit(application, actor)
        if case.stage == Stage.ADMISSIBLE:
            return
        with self.clock.at(day + 4, 11):
            staff_side.start(application, actor)
        if case.stage == Stage.IN_INSTRUCTION:
            return
        with self.clock.at(day + 9, 14):
            staff_side.instruct(application, case, actor)
        if case.stage == Stage.INSTRUCTED:
            return
        with self.clock.at(day + 12, 17):
            staff_side.give_visa(application, self.staff["chefferie"])

    # --- decision ---------------------------------------------------------------------------------------------------

    def _decide(self, wave: int, cases: Iterable[Case]) -> None:
        session, secretary, held = self.region.sessions[wave], self.staff["seances"], WAVES[wave][2]
        on_agenda = {}
        for case in cases:
            application = self.applications[case.key]
            application.refresh_from_db()
            if application.state == "ready_for_committee" and case.stage != Stage.READY:
                on_agenda[application.pk] = case
        with self.clock.at(min(held - 16, 0), 10):
            sessions.put_on_agenda(session, [self.applications[case.key] for case in on_agenda.values()], secretary)
        if held > 0:
            return
        with self.clock.at(held - 14, 10):
            sessions.convene(session, secretary)
        with self.clock.at(held, 14):
            year = self.clock.day(held).year
            sessions.hold(session, on_agenda, f"{year % 100:02d}CP-{100 + wave:04d}", secretary)

    # --- acts and money ---------------------------------------------------------------------------------------------

    def _office(self, case: Case) -> Office:
        return Office(
            instructor=staff_side.instructor_of(case, self.staff),
            head=self.staff["chefferie"],
            finance=self.staff["finances"],
            second_finance=self.staff["finances2"],
        )

    def _contract(self, wave: int, cases: Iterable[Case]) -> None:
        held = WAVES[wave][2]
        for case in cases:
            application = self.applications[case.key]
            application.refresh_from_db()
            if application.state != "approved" or case.stage == Stage.APPROVED:
                continue
            office, member = self._office(case), self.members[case.organisation]
            with self.clock.at(held + 5, 10):
                agreement = money_side.draft(application, case, office)
                self.agreements[case.key] = agreement
                money_side.send(agreement, office)
            if case.stage in (Stage.SENT, Stage.LAPSED):
                continue
            if agreement.kind == Agreement.Kind.AGREEMENT:
                with self.clock.at(held + 8, 20, 15):
                    money_side.sign(agreement, member)
            if case.stage == Stage.SIGNED:
                continue
            with self.clock.at(held + 10, 9):
                money_side.verify_account(member.applicant, office.second_finance)
                money_side.enter_accounts_of_persons(agreement, office)
            with self.clock.at(held + 12, 11):
                money_side.enter_force(agreement, office)

    def _moving(self, wave: int, reached: Stage, *programmes: str) -> list[Case]:
        """The cases of a wave in force that have come at least to a stage of payment."""
        return [
            case
            for case in CASES
            if case.wave == wave
            and case.key in self.agreements
            and reached <= case.stage <= Stage.CLOSED
            and case.programme in programmes
        ]

    def _advances(self, wave: int, days: Days) -> None:
        steps = (Stage.ADVANCE_CLAIMED, Stage.ADVANCE_CERTIFIED, Stage.ADVANCE_PAID)
        cases = self._moving(wave, steps[0], "PROGRESS1", "CPO")
        self._claims("Avances", [(case, self._instalment(case, "advance")) for case in cases], days, steps)

    def _singles(self, wave: int, days: Days) -> None:
        steps = (Stage.BALANCE_CLAIMED, Stage.BALANCE_CERTIFIED, Stage.BALANCE_PAID)
        cases = self._moving(wave, steps[0], "CAPITAL-SCOP")
        self._claims("Capital SCOP", [(case, self._instalment(case, "single")) for case in cases], days, steps)

    def _balances(self, programme: str, wave: int, days: Days) -> None:
        steps = (Stage.BALANCE_CLAIMED, Stage.BALANCE_CERTIFIED, Stage.BALANCE_PAID)
        cases = self._moving(wave, steps[0], programme)
        self._claims("Soldes", [(case, self._instalment(case, "balance")) for case in cases], days, steps)

    def _instalment(self, case: Case, kind: str):
        """The first instalment of a kind that was not claimed."""
        instalments = self.agreements[case.key].instalments.filter(kind=kind, claims__isnull=True)
        return instalments.select_related("tranche").order_by("rank").first()

    def _claims(self, label: str, planned, days: Days, steps: tuple[Stage, Stage, Stage]) -> None:
        _claimed, certified, paid = steps
        to_order: list[PaymentClaim] = []
        for rank, (case, instalment) in enumerate(planned):
            agreement, member = self.agreements[case.key], self.members[case.organisation]
            with self.clock.at(days.claim, 9 + rank % 10, 10):
                claim = money_side.claim(agreement, instalment, member, share=SPENT.get(case.key, Decimal(1)))
            self.progress(f"{case.title} : {instalment.label}")
            if case.stage < certified:
                continue
            with self.clock.at(days.certify, 9 + rank % 9, 40):
                money_side.certify(claim, self._office(case), cut=case.key in CUT_CASES)
            if case.stage >= paid:
                to_order.append(claim)
        if to_order:
            self._pay(f"{label} ({len(to_order)})", to_order, days)

    def _pay(self, label: str, claims: list[PaymentClaim], days: Days) -> None:
        office = self._office(CASES[0])
        with self.clock.at(days.order, 15):
            batch = money_side.order(claims, office, label)
        with self.clock.at(days.pay, 11):
            money_side.pay(batch, office)

    def _lapse(self) -> None:
        for case in CASES:
            if case.stage == Stage.LAPSED:
                with self.clock.at(-200, 10):
                    money_side.give_up(self.agreements[case.key], self.staff["chefferie"])

    def _next_years(self, wave: int) -> None:
        """The networks that have been paid their first year report on it; the second year opens."""
        planned = []
        for case in self._moving(wave, Stage.BALANCE_PAID, "CPO"):
            first, office = self.agreements[case.key].tranches.order_by("rank").first(), self._office(case)
            with self.clock.at(-30, 16):
                money_side.report_on(first, self.members[case.organisation])
            with self.clock.at(-26, 9):
                money_side.accept_report(Tranche.objects.get(pk=first.pk), office)
            planned.append((case, self._instalment(case, "advance")))
        steps = (Stage.ADVANCE_CLAIMED, Stage.ADVANCE_CERTIFIED, Stage.CLOSED)
        self._claims("Avances de l’année 2", planned, Days(claim=-20, certify=-14, order=-8, pay=-2), steps)

    def _complete(self, day: int) -> None:
        for case in CASES:
            if case.stage == Stage.CLOSED:
                with self.clock.at(day, 10):
                    money_side.complete(self.agreements[case.key], self._office(case))

    # --- Europe -----------------------------------------------------------------------------------------------------

    def _control(self, day: int) -> None:
        by_agreement = {agreement.pk: key for key, agreement in self.agreements.items()}
        cases = {case.key: case for case in CASES}
        waiting = ExpenditureDeclaration.objects.filter(state="draft").select_related("claim").order_by("pk")
        for rank, declaration in enumerate(waiting):
            case = cases[by_agreement[declaration.claim.agreement_id]]
            with self.clock.at(day, 9 + rank % 9):
                instructor = staff_side.instructor_of(case, self.staff)
                europe.control(declaration, instructor, self.staff["controle"], rank=rank)

    def _ask(self, day: int, *, is_accepted: bool) -> None:
        finance = self.staff["finances"]
        for fund in ("ESF+", "ERDF"):
            with self.clock.at(day, 14):
                application: PaymentApplication = europe.ask_the_commission(self.eu_programme, fund, finance)
            if is_accepted and application.lines.exists():
                with self.clock.at(day + 2, 10):
                    europe.send(application, finance)
                with self.clock.at(day + 40, 10):
                    europe.accept(application, finance)


CLAIMS = 24  # payment claims of the story
# Cases that spent less than planned, and those of which an invoice was cut.
SPENT = {"conciergerie": Decimal("0.80")}
CUT_CASES = frozenset({"ressourcerie", "iae"})
