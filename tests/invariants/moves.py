"""Random moves of several people over the three programmes: the line from draft to paid, and detours from it.

Nothing is written beside the functions behind the screens (those of the demonstration). A move that the product refuses
leaves nothing; what it does not refuse must leave figures that hold.
"""

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from agreements import claims
from agreements.claims import ClaimRefused
from agreements.drafting import DraftingRefused
from agreements.models import Agreement, PaymentClaim, Tranche
from agreements.reports import ReportRefused
from core.acting import acting_as
from core.models import User
from core.money import share_floor
from core.transitions import TransitionRefused, perform
from demo import applicant_side, europe, money_side, staff_side
from demo.cases import Case
from demo.money_side import Office
from demo.region import MEMBERS
from grants import committee
from grants.committee import SessionRefused
from grants.instruction import InstructionRefused
from grants.models import Programme
from reporting.models import ExpenditureDeclaration
from tests.invariants.detours import AFTER_THE_VOTE, BEFORE_THE_VOTE
from tests.invariants.world import FIRST_DAY, SHARES, Choices, Play, Told, Turn, World

REFUSALS = (
    TransitionRefused, InstructionRefused, SessionRefused, DraftingRefused, ClaimRefused, ReportRefused, ValidationError,
)  # fmt: skip
DECISIONS = ["granted"] * 6 + ["reduced", "reduced", "rejected"]
# What goes wrong once in a sequence, where its first case comes to it.
MISHAPS = ["nothing", "the committee defers", "the order is cancelled", "the act is terminated"]
DETOURS = BEFORE_THE_VOTE | AFTER_THE_VOTE
VOTED = ("approved", "contracted", "closed", "lapsed")


def at_its_end() -> None:
    """What the database looks at when a transaction ends, it looks at now: the whole sequence is one."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


class Sequence:
    """The moves of one sequence: days go by, people act, some of it is refused. ``look`` is called after each move."""

    def __init__(self, world: World, draw: Choices, look: Callable[[], None]) -> None:
        self.world, self.draw, self.look = world, draw, look
        self.staff = world.staff
        self.day = FIRST_DAY + 2
        self.mishap = draw.one(MISHAPS)
        self.plays: list[Play] = []
        self.told: list[Told] = []

    # --- one step -----------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """A new case, some of the next moves of a case, or something else that somebody tries."""
        self._wait(self.draw.number(1, 9))
        left = [case for case in self.world.cases if case.key not in {play.case.key for play in self.plays}]
        if not self.plays or (left and len(self.plays) < 2 and self.draw.number(0, 7) == 7):
            self._begin(left)
            return
        play = self.draw.one(self.plays)
        if self.draw.number(0, 4) < 4:
            for _number in range(self.draw.number(2, 5)):
                self._attempt(play.case, f"goes on from {play.refreshed().state}", lambda: self._go_on(play))
                self._wait(2)
        else:
            self._detour(play)

    def _goes_wrong(self, what: str) -> bool:
        """Whether this is the mishap of the sequence; it happens once."""
        if self.mishap != what:
            return False
        self.mishap = "nothing"
        return True

    def _wait(self, days: int) -> None:
        self.day = min(self.day + days, -1)

    def _begin(self, left: list[Case]) -> None:
        """A programme is drawn first, so that each is played as often."""
        programme = self.draw.one(sorted({case.programme for case in left}))
        case = self.draw.one([case for case in left if case.programme == programme])
        self._attempt(case, "files", lambda: self._file(case))

    def _detour(self, play: Play) -> None:
        """Mostly what has a sense where the case stands; now and then anything."""
        ours = AFTER_THE_VOTE if play.refreshed().state in VOTED else BEFORE_THE_VOTE
        names = sorted(ours if self.draw.number(0, 5) < 5 else DETOURS)
        name = self.draw.one(names)
        turn = Turn(self.world, self.draw, play)
        self._attempt(play.case, name, lambda: DETOURS[name](turn))

    def _attempt(self, case: Case, what: str, move: Callable[[], None]) -> None:
        refused = ""
        with self.world.clock.at(self.day), acting_as(label="tests"):
            try:
                with transaction.atomic():
                    move()
                    at_its_end()
            except REFUSALS as refusal:
                refused = str(refusal) or type(refusal).__name__
        self.told.append(Told(self.day, case.programme, f"{case.key} {what}", refused))
        self.look()

    # --- the line -----------------------------------------------------------------------------------------------------

    def _office(self, play: Play) -> Office:
        return Office(
            instructor=staff_side.instructor_of(play.case, self.staff),
            head=self.staff["chefferie"],
            finance=self.staff["finances"],
            second_finance=self.staff["finances2"],
        )

    def _file(self, case: Case) -> None:
        member = self.world.members[case.organisation]
        application = applicant_side.fill_in(case, member, self.world.calls[case.programme])
        applicant_side.file(application, member)
        self.plays.append(Play(case, member, application))

    def _go_on(self, play: Play) -> None:
        application, actor = play.refreshed(), staff_side.instructor_of(play.case, self.staff)
        match application.state:
            case "submitted":
                staff_side.admit(application, actor)
            case "incomplete":
                applicant_side.answer_request(application, play.member)
            case "admissible":
                staff_side.start(application, actor)
            case "in_instruction":
                staff_side.instruct(application, play.case, actor)
            case "instructed":
                staff_side.give_visa(application, self.staff["chefferie"])
            case "ready_for_committee":
                self._vote(play)
            case "approved":
                self._contract(play)
            case "contracted" | "closed" | "lapsed" if play.agreement is not None:
                self._money(play)

    def _vote(self, play: Play) -> None:
        """The members are convened, as the law wants twelve days before; a fortnight later they sit and decide."""
        secretary = self.staff["seances"]
        session = committee.create_session(
            actor=secretary,
            held_at=self.world.clock.moment(self.day + 14),
            programmes=Programme.objects.all(),
            quorum=3,
        )
        for name, capacity, is_voting in MEMBERS:
            committee.add_member(session, name, capacity=capacity, is_voting=is_voting, actor=secretary)
        committee.add_to_agenda(session, [play.application], actor=secretary)
        perform(session, "convene", actor=secretary, data={})
        with self.world.clock.at(self.day + 14, 14):
            self._decide(session, secretary)
        self.day += 15

    def _decide(self, session, secretary: User) -> None:
        committee.mark_present(session, session.members.all(), actor=secretary)
        perform(session, "open_session", actor=secretary)
        item = session.items.get()
        decision = self.draw.one(DECISIONS)
        if self._goes_wrong("the committee defers"):
            decision = "deferred"
        if decision == "reduced":
            amount = share_floor(item.proposed_amount, self.draw.one(SHARES[1:]), 1)
            committee.record_decision(item, "granted", actor=secretary, amount=amount, reason="Crédits limités.")
        elif decision == "granted":
            committee.record_decision(item, "granted", actor=secretary)
        else:
            committee.record_decision(item, decision, actor=secretary, reason="À revoir.")
        perform(session, "close_session", actor=secretary, data={"deliberation_number": f"CP-{session.pk}"})

    def _contract(self, play: Play) -> None:
        office, agreement = self._office(play), play.agreement
        if agreement is None:
            agreement = money_side.draft(play.application, play.case, office)
            money_side.send(agreement, office)
        elif agreement.state == "draft":
            money_side.send(agreement, office)
        elif agreement.state == "sent" and agreement.kind == Agreement.Kind.AGREEMENT:
            money_side.sign(agreement, play.member)
        else:
            money_side.verify_account(play.member.applicant, office.second_finance)
            money_side.enter_accounts_of_persons(agreement, office)
            money_side.enter_force(agreement, office)
            self.day += 90  # the project is under way

    def _money(self, play: Play) -> None:
        office, agreement = self._office(play), play.agreement
        # A claim of which nothing is due is closed after the others of its part.
        claims_left = agreement.claims.exclude(state__in=["paid", "rejected"]).order_by("pk")
        claim = claims_left.exclude(certified_amount=0).first() or claims_left.first()
        declaration = (
            ExpenditureDeclaration.objects.filter(claim__agreement=agreement).exclude(state="controlled").first()
        )
        if claim is not None and claim.state == "certified" and self._goes_wrong("the act is terminated"):
            AFTER_THE_VOTE["the act is terminated"](Turn(self.world, self.draw, play))
        elif claim is not None:
            self._follow(play, claim, office)
        elif declaration is not None:
            self._control(play, declaration)
        elif not agreement.is_in_force:
            return
        elif ready := claims.claimable(agreement):
            money_side.claim(agreement, ready[0], play.member, share=self.draw.one(SHARES))
        else:
            self._report(play, agreement, office)

    def _follow(self, play: Play, claim: PaymentClaim, office: Office) -> None:
        if claim.state in ("submitted", "under_review"):
            self._certify(claim, office)
        elif claim.state == "returned":
            claims.submit(claim, actor=play.member.user)
        elif claim.state == "suspended":
            name = "resume" if claim.certified_amount is None else "resume_payment"  # what was declared stays certified
            perform(claim, name, actor=office.instructor, comment="Le doute est levé.")
        elif claim.state == "certified" and not claim.certified_amount:
            perform(claim, "close_without_payment", actor=office.finance)
        elif claim.state == "certified":
            money_side.order([claim], office, "Bordereau")
        elif claim.state == "ordered" and self._goes_wrong("the order is cancelled"):
            AFTER_THE_VOTE["the order is cancelled"](Turn(self.world, self.draw, play))
        elif claim.state == "ordered":
            money_side.pay(claim.orders.exclude(state="cancelled").first().batch, office)

    def _certify(self, claim: PaymentClaim, office: Office) -> None:
        if claim.state == "submitted":
            money_side.certify(claim, office, cut=self.draw.one([False, True]) and claim.lines.exists())
            return
        for line in claim.lines.all():
            claims.certify_line(line, line.declared_amount, actor=office.instructor)
        claim.refresh_from_db()
        due = claims.due_of(claim)
        reason = "" if due == claim.claimed_amount else "Dépenses certifiées inférieures."
        perform(
            claim,
            "certify",
            actor=office.instructor,
            data={"certified_amount": str(due), "certification_reason": reason},
        )

    def _control(self, play: Play, declaration: ExpenditureDeclaration) -> None:
        instructor = staff_side.instructor_of(play.case, self.staff)
        europe.control(declaration, instructor, self.staff["controle"], rank=self.draw.number(0, 1))

    def _report(self, play: Play, agreement: Agreement, office: Office) -> None:
        waiting = Tranche.objects.filter(agreement=agreement, state="planned").order_by("rank").first()
        if waiting is None:
            money_side.complete(agreement, office)
            return
        before = Tranche.objects.get(agreement=agreement, rank=waiting.rank - 1)
        self._wait(max((before.ends_on - timezone.localdate()).days + 1, 0))
        report = before.reports.first()
        with self.world.clock.at(self.day):
            if report is None:
                money_side.report_on(before, play.member)
            elif report.state == "returned":
                data = {"summary": "Indicateurs complétés.", "spent_amount": str(before.cost)}
                perform(report, "file_again", actor=play.member.user, data=data)
            else:
                money_side.accept_report(before, office)
