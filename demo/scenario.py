"""The demonstration from the first sign-up to the last payment application.

Each wave is planned as a whole; what was planned is lived in the order of the clock (``demo.agenda``), so that nothing
is counted that has not happened yet.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from agreements.models import Agreement, PaymentBatch, PaymentClaim, Tranche
from core.acting import acting_as
from core.models import User
from demo import applicant_side, europe, money_side, sessions, staff_side
from demo.agenda import MACHINE, Agenda, Person
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
    """Plans the cases and lives them. One use."""

    def __init__(self) -> None:
        self.progress: Progress = lambda sentence: None
        self.clock = Clock()
        self.agenda = Agenda(self.clock)
        self.staff: dict[str, User] = {}
        self.members: dict[str, Member] = {}
        self.region: Region | None = None
        self.eu_programme = None
        self.applications: dict[str, Application] = {}
        self.agreements: dict[str, Agreement] = {}
        self.on_agenda: dict[int, dict[int, Case]] = {}

    @property
    def steps(self) -> int:
        """How often ``progress`` is called: once a case, once a claim."""
        return len(CASES) + CLAIMS

    def play(self, progress: Progress) -> None:
        """Everything, in the order of time; ``progress`` is called with a sentence after each step."""
        self.progress = progress
        self.agenda.at(WAVES[1][0] - 30, None, self._found)
        for wave in WAVES:
            cases = [case for case in CASES if case.wave == wave]
            self._file(wave, cases)
            self._instruct(wave, cases)
            self._decide(wave, cases)
            if WAVES[wave][2] < 0:
                self.agenda.at(WAVES[wave][2] + 4, self._staff("instruction"), self._enter_grants, hour=16)
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
        self.agenda.live()

    def _found(self) -> None:
        """The Region before the first application."""
        self.staff = ensure_staff()
        self.region = build_region(self.clock, self.staff)
        with acting_as(self.staff["finances"]):
            self.eu_programme = europe.build_programme(self.staff["finances"])

    # --- who acts ---------------------------------------------------------------------------------------------------

    def _staff(self, name: str) -> Person:
        return lambda: self.staff[name]

    def _instructor(self, case: Case) -> Person:
        return lambda: staff_side.instructor_of(case, self.staff)

    def _representative(self, case: Case) -> Person:
        return lambda: self.members[case.organisation].user

    # --- filing -----------------------------------------------------------------------------------------------------

    def _file(self, wave: int, cases: Iterable[Case]) -> None:
        opens = WAVES[wave][0]
        for rank, case in enumerate(cases):
            day = opens + 1 + rank * 2 // 3 if wave < 3 else opens + 1 + rank % 14
            self.agenda.at(day, None, self._file_case, case, hour=9 + rank % 8, minute=rank * 7 % 60)

    @transaction.atomic
    def _file_case(self, case: Case) -> None:
        """One visit of the portal: what is typed and joined bears the day of the filing, like the filing itself."""
        member = self._member(case.organisation)
        with acting_as(member.user):
            application = applicant_side.fill_in(case, member, self.region.calls[case.programme, case.wave])
            self.applications[case.key] = application
            if case.stage != Stage.DRAFT:
                applicant_side.file(application, member)
        self.progress(f"{case.title}")

    def _member(self, key: str) -> Member:
        if key not in self.members:
            number, organisation = next(
                (number, item) for number, item in enumerate(ORGANISATIONS, start=1) if item.key == key
            )
            with acting_as(label=MACHINE):
                self.members[key] = applicant_side.sign_up(organisation, number)
        return self.members[key]

    # --- instruction ------------------------------------------------------------------------------------------------

    def _instruct(self, wave: int, cases: Iterable[Case]) -> None:
        opens = WAVES[wave][0]
        for rank, case in enumerate(cases):
            if case.stage in (Stage.DRAFT, Stage.SUBMITTED):
                continue
            base = opens + 18 + rank % 6
            if case.asked_again or case.stage in (Stage.INCOMPLETE, Stage.ANSWERED):
                self._by_instructor(base, case, staff_side.ask_for_pieces, hour=10)
                if case.stage != Stage.INCOMPLETE:
                    answer = applicant_side.answer_request
                    self._by_applicant(base + 2, case, answer, hour=22, minute=41)
            if case.stage == Stage.WITHDRAWN:
                self._by_applicant(base, case, applicant_side.withdraw, hour=16)
            elif case.stage == Stage.INADMISSIBLE:
                self._by_instructor(base, case, staff_side.refuse_admission, hour=15)
            elif case.stage not in LEAVES_BEFORE_ADMISSION:
                self._examine(case, base + 2)

    def _examine(self, case: Case, day: int) -> None:
        self._by_instructor(day + 1, case, staff_side.admit, hour=9, minute=30)
        if case.stage == Stage.ADMISSIBLE:
            return
        self._by_instructor(day + 4, case, staff_side.start, hour=11)
        if case.stage == Stage.IN_INSTRUCTION:
            return
        self.agenda.at(day + 9, self._instructor(case), self._instruct_case, case, hour=14)
        if case.stage == Stage.INSTRUCTED:
            return
        self.agenda.at(day + 12, self._staff("chefferie"), self._give_visa, case, hour=17)

    def _by_instructor(self, day: int, case: Case, act: Callable[[Application, User], None], **moment: int) -> None:
        def on_case() -> None:
            act(self.applications[case.key], staff_side.instructor_of(case, self.staff))

        self.agenda.at(day, self._instructor(case), on_case, **moment)

    def _by_applicant(self, day: int, case: Case, act: Callable[[Application, Member], None], **moment: int) -> None:
        def on_case() -> None:
            act(self.applications[case.key], self.members[case.organisation])

        self.agenda.at(day, self._representative(case), on_case, **moment)

    def _instruct_case(self, case: Case) -> None:
        staff_side.instruct(self.applications[case.key], case, staff_side.instructor_of(case, self.staff))

    def _give_visa(self, case: Case) -> None:
        staff_side.give_visa(self.applications[case.key], self.staff["chefferie"])

    def _enter_grants(self) -> None:
        staff_side.enter_in_central_register(self.staff["instruction"])

    # --- decision ---------------------------------------------------------------------------------------------------

    def _decide(self, wave: int, cases: Iterable[Case]) -> None:
        held, secretary = WAVES[wave][2], self._staff("seances")
        self.agenda.at(min(held - 16, 0), secretary, self._put_on_agenda, wave, cases, hour=10)
        if held > 0:
            return
        self.agenda.at(held - 14, secretary, self._convene, wave, hour=10)
        self.agenda.at(held, secretary, self._hold, wave, hour=14)

    def _put_on_agenda(self, wave: int, cases: Iterable[Case]) -> None:
        found = {}
        for case in cases:
            application = self.applications[case.key]
            application.refresh_from_db()
            if application.state == "ready_for_committee" and case.stage != Stage.READY:
                found[application.pk] = case
        self.on_agenda[wave] = found
        chosen = [self.applications[case.key] for case in found.values()]
        sessions.put_on_agenda(self.region.sessions[wave], chosen, self.staff["seances"])

    def _convene(self, wave: int) -> None:
        sessions.convene(self.region.sessions[wave], self.staff["seances"])

    def _hold(self, wave: int) -> None:
        year = self.clock.day(WAVES[wave][2]).year
        number = f"{year % 100:02d}CP-{100 + wave:04d}"
        sessions.hold(self.region.sessions[wave], self.on_agenda[wave], number, self.staff["seances"])

    # --- acts and money ---------------------------------------------------------------------------------------------

    def _office(self, case: Case) -> Office:
        return Office(
            instructor=staff_side.instructor_of(case, self.staff),
            head=self.staff["chefferie"],
            finance=self.staff["finances"],
            second_finance=self.staff["finances2"],
        )

    def _contract(self, wave: int, cases: Iterable[Case]) -> None:
        """From the vote to the act in force. A case that was not granted has no act: nothing is done with it."""
        held = WAVES[wave][2]
        for case in cases:
            if case.stage == Stage.APPROVED:
                continue
            self.agenda.at(held + 5, self._instructor(case), self._draft, case, hour=10)
            if case.stage in (Stage.SENT, Stage.LAPSED):
                continue
            self.agenda.at(held + 8, self._representative(case), self._sign, case, hour=20, minute=15)
            if case.stage == Stage.SIGNED:
                continue
            self.agenda.at(held + 10, self._instructor(case), self._accounts, case)
            self.agenda.at(held + 12, self._staff("chefferie"), self._enter_force, case, hour=11)

    def _draft(self, case: Case) -> None:
        application, office = self.applications[case.key], self._office(case)
        application.refresh_from_db()
        if application.state != "approved":
            return
        self.agreements[case.key] = money_side.draft(application, case, office)
        money_side.send(self.agreements[case.key], office)

    def _sign(self, case: Case) -> None:
        agreement = self.agreements.get(case.key)
        if agreement and agreement.kind == Agreement.Kind.AGREEMENT:
            money_side.sign(agreement, self.members[case.organisation])

    def _accounts(self, case: Case) -> None:
        if agreement := self.agreements.get(case.key):
            office = self._office(case)
            money_side.verify_account(self.members[case.organisation].applicant, office.second_finance)
            money_side.enter_accounts_of_persons(agreement, office)

    def _enter_force(self, case: Case) -> None:
        if agreement := self.agreements.get(case.key):
            money_side.enter_force(agreement, self._office(case))

    def _moving(self, wave: int, reached: Stage, *programmes: str) -> list[Case]:
        """The cases of a wave that come at least to a stage of payment."""
        return [
            case
            for case in CASES
            if case.wave == wave and reached <= case.stage <= Stage.CLOSED and case.programme in programmes
        ]

    def _advances(self, wave: int, days: Days) -> None:
        steps = (Stage.ADVANCE_CLAIMED, Stage.ADVANCE_CERTIFIED, Stage.ADVANCE_PAID)
        self._claims("Avances", self._moving(wave, steps[0], "PROGRESS1", "CPO"), "advance", days, steps)

    def _singles(self, wave: int, days: Days) -> None:
        steps = (Stage.BALANCE_CLAIMED, Stage.BALANCE_CERTIFIED, Stage.BALANCE_PAID)
        self._claims("Capital SCOP", self._moving(wave, steps[0], "CAPITAL-SCOP"), "single", days, steps)

    def _balances(self, programme: str, wave: int, days: Days) -> None:
        steps = (Stage.BALANCE_CLAIMED, Stage.BALANCE_CERTIFIED, Stage.BALANCE_PAID)
        self._claims("Soldes", self._moving(wave, steps[0], programme), "balance", days, steps)

    def _instalment(self, case: Case, kind: str):
        """The first instalment of a kind that was not claimed."""
        instalments = self.agreements[case.key].instalments.filter(kind=kind, claims__isnull=True)
        return instalments.select_related("tranche").order_by("rank").first()

    def _claims(self, label: str, cases: list[Case], kind: str, days: Days, steps: tuple[Stage, Stage, Stage]) -> None:
        """One series of claims, certified, and ordered and paid together."""
        _claimed, certified, paid = steps
        claims: dict[str, PaymentClaim] = {}
        batches: list[PaymentBatch] = []
        for rank, case in enumerate(cases):
            who = self._representative(case)
            self.agenda.at(days.claim, who, self._claim, case, kind, claims, hour=9 + rank % 10, minute=10)
            if case.stage >= certified:
                who, hour = self._instructor(case), 9 + rank % 9
                self.agenda.at(days.certify, who, self._certify, case, claims, hour=hour, minute=40)
        to_order = [case.key for case in cases if case.stage >= paid]
        if not to_order:
            return

        def order() -> None:
            chosen, name = [claims[key] for key in to_order], f"{label} ({len(to_order)})"
            batches.append(money_side.order(chosen, self._office(CASES[0]), name))

        def pay() -> None:
            money_side.pay(batches[0], self._office(CASES[0]))

        self.agenda.at(days.order, self._staff("finances"), order, hour=15)
        self.agenda.at(days.pay, self._staff("finances2"), pay, hour=11)

    def _claim(self, case: Case, kind: str, claims: dict[str, PaymentClaim]) -> None:
        agreement, member = self.agreements[case.key], self.members[case.organisation]
        instalment, share = self._instalment(case, kind), SPENT.get(case.key, Decimal(1))
        claims[case.key] = money_side.claim(agreement, instalment, member, share=share)
        self.progress(f"{case.title} : {instalment.label}")

    def _certify(self, case: Case, claims: dict[str, PaymentClaim]) -> None:
        money_side.certify(claims[case.key], self._office(case), cut=case.key in CUT_CASES)

    def _lapse(self) -> None:
        for case in CASES:
            if case.stage == Stage.LAPSED:
                self.agenda.at(-200, self._staff("chefferie"), self._give_up, case, hour=10)

    def _give_up(self, case: Case) -> None:
        money_side.give_up(self.agreements[case.key], self.staff["chefferie"])

    def _next_years(self, wave: int) -> None:
        """The networks that have been paid their first year report on it; the second year opens."""
        planned = self._moving(wave, Stage.BALANCE_PAID, "CPO")
        for case in planned:
            self.agenda.at(-30, self._representative(case), self._report, case, hour=16)
            self.agenda.at(-26, self._instructor(case), self._accept_report, case)
        steps = (Stage.ADVANCE_CLAIMED, Stage.ADVANCE_CERTIFIED, Stage.CLOSED)
        days = Days(claim=-20, certify=-14, order=-8, pay=-2)
        self._claims("Avances de l’année 2", planned, "advance", days, steps)

    def _first_year(self, case: Case) -> Tranche:
        return self.agreements[case.key].tranches.order_by("rank").first()

    def _report(self, case: Case) -> None:
        money_side.report_on(self._first_year(case), self.members[case.organisation])

    def _accept_report(self, case: Case) -> None:
        money_side.accept_report(self._first_year(case), self._office(case))

    def _complete(self, day: int) -> None:
        for case in CASES:
            if case.stage == Stage.CLOSED:
                self.agenda.at(day, self._instructor(case), self._complete_case, case, hour=10)

    def _complete_case(self, case: Case) -> None:
        money_side.complete(self.agreements[case.key], self._office(case))

    # --- Europe -----------------------------------------------------------------------------------------------------

    def _control(self, day: int) -> None:
        self.agenda.at(day, self._staff("controle"), self._control_waiting, day)

    def _control_waiting(self, day: int) -> None:
        """The declarations that wait on that day are controlled hour by hour."""
        waiting = ExpenditureDeclaration.objects.filter(state="draft").select_related("claim").order_by("pk")
        for rank, declaration in enumerate(waiting):
            self.agenda.at(
                day, self._staff("controle"), self._control_declaration, declaration, rank, hour=9 + rank % 9
            )

    def _control_declaration(self, declaration: ExpenditureDeclaration, rank: int) -> None:
        keys = {agreement.pk: key for key, agreement in self.agreements.items()}
        case = next(case for case in CASES if case.key == keys[declaration.claim.agreement_id])
        instructor = staff_side.instructor_of(case, self.staff)
        europe.control(declaration, instructor, self.staff["controle"], rank=rank)

    def _ask(self, day: int, *, is_accepted: bool) -> None:
        for fund in ("ESF+", "ERDF"):
            self.agenda.at(day, self._staff("finances"), self._ask_for, fund, day, is_accepted, hour=14)

    def _ask_for(self, fund: str, day: int, is_accepted: bool) -> None:
        finance = self.staff["finances"]
        application: PaymentApplication = europe.ask_the_commission(self.eu_programme, fund, finance)
        if is_accepted and application.lines.exists():
            self.agenda.at(day + 2, self._staff("finances"), europe.send, application, finance, hour=10)
            self.agenda.at(day + 40, self._staff("finances"), europe.accept, application, finance, hour=10)


CLAIMS = 24  # payment claims of the story
# Cases that spent less than planned, and those of which an invoice was cut.
SPENT = {"conciergerie": Decimal("0.80")}
CUT_CASES = frozenset({"ressourcerie", "iae"})
