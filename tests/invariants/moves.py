"""A Region in which several people make random moves: what each may do next, and what may be tried besides.

Nothing is written beside the functions behind the screens (those of the demonstration). A move that the product refuses
leaves nothing; what it does not refuse must leave figures that hold.
"""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from hypothesis import strategies as st

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
from demo.applicant_side import Member
from demo.cases import CASES, Case
from demo.clock import Clock
from demo.money_side import Office
from demo.organisations import ORGANISATIONS
from demo.people import ensure_staff
from demo.region import MEMBERS
from grants import committee, instruction
from grants.committee import SessionRefused
from grants.instruction import InstructionRefused
from grants.models import Application, Call, Envelope, PaymentCredit, Programme
from reporting.models import ExpenditureDeclaration, PaymentApplication

REFUSALS = (
    TransitionRefused, InstructionRefused, SessionRefused, DraftingRefused, ClaimRefused, ReportRefused, ValidationError,
)  # fmt: skip
FIRST_DAY = -1500
# Small enough that envelopes run out now and then.
VOTED = {"PROGRESS1": Decimal("90000.00"), "CAPITAL-SCOP": Decimal("30000.00"), "CPO": Decimal("400000.00")}
SHARES = [Decimal(1), Decimal("0.95"), Decimal("0.60"), Decimal("0.05")]
Move = Callable[["Play"], None]


@dataclass
class Play:
    """One case under way."""

    case: Case
    member: Member
    application: Application

    def refreshed(self) -> Application:
        self.application = Application.objects.get(pk=self.application.pk)
        return self.application

    @property
    def agreement(self) -> Agreement | None:
        return Agreement.objects.filter(application=self.application).first()


class World:
    """Staff, calls, envelopes and members, before the first case; built once, its cases undone after each sequence."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.members: dict[str, Member] = {}
        with self.clock.at(FIRST_DAY), acting_as(label="tests"):
            self.staff: dict[str, User] = ensure_staff()
            self.calls = {programme.code: self._call(programme) for programme in Programme.objects.all()}
            self.eu_programme = europe.build_programme()
            self.cases = self._chosen()
            for number, organisation in enumerate(ORGANISATIONS, start=1):
                if organisation.key in {case.organisation for case in self.cases}:
                    self.members[organisation.key] = applicant_side.sign_up(organisation, number)

    def _call(self, programme: Programme) -> Call:
        year = timezone.localdate().year
        envelope = Envelope.objects.create(
            code=f"{programme.code}-essai", label=programme.name, programme=programme, kind="AE", year=year,
            voted_amount=VOTED[programme.code],
        )  # fmt: skip
        for credit_year in range(year, year + 6):
            PaymentCredit.objects.create(envelope=envelope, year=credit_year, voted_amount=VOTED[programme.code])
        return Call.objects.create(
            programme_version=programme.current_version, code=f"essai-{programme.code}", title=programme.name,
            opens_at=self.clock.moment(FIRST_DAY - 1), closes_at=self.clock.moment(30), envelope=envelope, is_published=True,
        )  # fmt: skip

    @staticmethod
    def _chosen() -> list[Case]:
        """Two or three cases of each programme, of different bodies."""
        chosen: list[Case] = []
        for code, wanted in (("PROGRESS1", 3), ("CAPITAL-SCOP", 2), ("CPO", 2)):
            of_programme = [case for case in CASES if case.programme == code]
            bodies = {case.organisation: case for case in of_programme}
            chosen += list(bodies.values())[:wanted]
        return chosen


class Sequence:
    """The moves of one sequence: days go by, people act, some of it is refused."""

    def __init__(self, world: World, draw: Callable) -> None:
        self.world, self.draw = world, draw
        self.staff = world.staff
        self.day = FIRST_DAY + 2
        self.plays: list[Play] = []
        self.told: list[str] = []

    # --- one step -----------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """A new case, some of the next moves of a case, or something else that somebody tries."""
        self.day = min(self.day + self.draw(st.integers(1, 9)), -1)
        left = [case for case in self.world.cases if case.key not in {play.case.key for play in self.plays}]
        if not self.plays or (left and len(self.plays) < 2 and self.draw(st.integers(0, 7)) == 0):
            self._attempt("files", lambda: self._file(self.draw(st.sampled_from(left))))
            return
        play = self.draw(st.sampled_from(self.plays))
        if self.draw(st.integers(0, 4)):
            for _number in range(self.draw(st.integers(1, 4))):
                self._attempt(f"{play.case.key}: goes on from {play.refreshed().state}", lambda: self._go_on(play))
                self.day = min(self.day + 2, -1)
        else:
            name = self.draw(st.sampled_from(sorted(DETOURS)))
            self._attempt(f"{play.case.key}: {name}", lambda: DETOURS[name](self, play))

    def _attempt(self, what: str, move: Callable[[], None]) -> None:
        outcome = "done"
        with self.world.clock.at(self.day), acting_as(label="tests"):
            try:
                with transaction.atomic():
                    move()
            except REFUSALS as refusal:
                outcome = f"refused: {refusal}"
        self.told.append(f"day {self.day}: {what}: {outcome}"[:200])

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
            case "contracted":
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
        decision = self.draw(st.sampled_from(["granted", "granted", "granted", "reduced", "rejected", "deferred"]))
        if decision == "reduced":
            amount = share_floor(item.proposed_amount, self.draw(st.sampled_from(SHARES[1:])), 1)
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
        claim = agreement.claims.exclude(state__in=["paid", "rejected"]).order_by("pk").first()
        declaration = (
            ExpenditureDeclaration.objects.filter(claim__agreement=agreement).exclude(state="controlled").first()
        )
        if claim is not None:
            self._follow(play, claim, office)
        elif declaration is not None:
            self._control(play, declaration)
        elif ready := claims.claimable(agreement):
            money_side.claim(agreement, ready[0], play.member, share=self.draw(st.sampled_from(SHARES)))
        else:
            self._report(play, agreement, office)

    def _follow(self, play: Play, claim: PaymentClaim, office: Office) -> None:
        if claim.state in ("submitted", "under_review"):
            self._certify(claim, office)
        elif claim.state == "returned":
            claims.submit(claim, actor=play.member.user)
        elif claim.state == "suspended":
            perform(claim, "resume", actor=office.instructor, comment="Le doute est levé.")
        elif claim.state == "certified":
            money_side.order([claim], office, "Bordereau")
        elif claim.state == "ordered":
            money_side.pay(claim.orders.exclude(state="cancelled").first().batch, office)

    def _certify(self, claim: PaymentClaim, office: Office) -> None:
        if claim.state == "submitted":
            money_side.certify(claim, office, cut=self.draw(st.booleans()) and claim.lines.exists())
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
        europe.control(declaration, instructor, self.staff["controle"], rank=self.draw(st.integers(0, 1)))

    def _report(self, play: Play, agreement: Agreement, office: Office) -> None:
        waiting = Tranche.objects.filter(agreement=agreement, state="planned").order_by("rank").first()
        if waiting is None:
            money_side.complete(agreement, office)
            return
        before = Tranche.objects.get(agreement=agreement, rank=waiting.rank - 1)
        if before.reports.exists():
            money_side.accept_report(before, office)
        else:
            money_side.report_on(before, play.member)
        self.day = min(self.day + 120, -1)


# --- what somebody tries besides --------------------------------------------------------------------------------------


def _instructor(sequence: Sequence, play: Play) -> User:
    return staff_side.instructor_of(play.case, sequence.staff)


def ask_pieces(sequence: Sequence, play: Play) -> None:
    staff_side.ask_for_pieces(play.refreshed(), _instructor(sequence, play))


def withdraw(sequence: Sequence, play: Play) -> None:
    applicant_side.withdraw(play.refreshed(), play.member)


def retain_less(sequence: Sequence, play: Play) -> None:
    line = play.refreshed().budget_lines.filter(side="charge").order_by("rank").first()
    if line is not None:
        amount = share_floor(line.amount, sequence.draw(st.sampled_from(SHARES)), 1)
        instruction.retain_amount(line, amount, actor=_instructor(sequence, play), reason="Devis retenu.")


def compute(sequence: Sequence, play: Play) -> None:
    instruction.compute_aid(play.refreshed(), actor=_instructor(sequence, play))


def send_back(sequence: Sequence, play: Play) -> None:
    perform(play.refreshed(), "send_back", actor=sequence.staff["chefferie"], comment="À revoir.")


def lapse_case(sequence: Sequence, play: Play) -> None:
    perform(play.refreshed(), "lapse", actor=sequence.staff["chefferie"], comment="Sans suite.")


def _on_agreement(name: str, person: str) -> Callable[[Sequence, Play], None]:
    def move(sequence: Sequence, play: Play) -> None:
        if play.agreement is not None:
            actor = sequence.staff.get(person) or _instructor(sequence, play)
            perform(play.agreement, name, actor=actor, comment="Décision motivée.")

    return move


def _on_claim(name: str, person: str = "", **data: object) -> Callable[[Sequence, Play], None]:
    def move(sequence: Sequence, play: Play) -> None:
        claim = PaymentClaim.objects.filter(agreement__application=play.application).order_by("-pk").first()
        if claim is not None:
            actor = sequence.staff.get(person) or _instructor(sequence, play)
            perform(claim, name, actor=actor, data=dict(data), comment="Décision motivée.")

    return move


def cancel_order(sequence: Sequence, play: Play) -> None:
    claim = PaymentClaim.objects.filter(agreement__application=play.application, state="ordered").first()
    order = claim.orders.filter(state="ordered").first() if claim else None
    if order is not None:
        perform(order, "cancel", actor=sequence.staff["finances"], data={}, comment="Refus du comptable.")


def ask_the_commission(sequence: Sequence, play: Play) -> None:
    finance = sequence.staff["finances"]
    for fund in ("ESF+", "ERDF"):
        application = PaymentApplication.objects.filter(state="open", fund__code=fund).first()
        if application is None:
            application = europe.ask_the_commission(sequence.world.eu_programme, fund, finance)
        else:
            perform(application, "collect", actor=finance)
        if application.lines.exists() and sequence.draw(st.booleans()):
            europe.send(application, finance)


DETOURS: dict[str, Callable[[Sequence, Play], None]] = {
    "pieces are asked": ask_pieces,
    "is withdrawn": withdraw,
    "less is retained": retain_less,
    "is computed anew": compute,
    "is sent back": send_back,
    "the case lapses": lapse_case,
    "the act is taken back": _on_agreement("recall", ""),
    "the act is terminated": _on_agreement("terminate", "chefferie"),
    "the act lapses": _on_agreement("lapse", "chefferie"),
    "the act is completed": _on_agreement("complete", ""),
    "the claim is given back": _on_claim("give_back"),
    "the claim is suspended": _on_claim("suspend"),
    "the claim is sent back": _on_claim("send_back"),
    "the claim is rejected": _on_claim("reject"),
    "the order is cancelled": cancel_order,
    "the Commission is asked": ask_the_commission,
}


@contextmanager
def undone():
    """What is done inside is taken back."""
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)
