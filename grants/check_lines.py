"""The checks of a case with their answers and what is known of them, as its page shows them."""

from dataclasses import dataclass

from grants.case_facts import case_facts
from grants.models import Application, CheckAnswer
from grants.rules.automatic_checks import AUTOMATIC
from grants.rules.schema import CheckRule
from grants.void import know_facts, void_checks


@dataclass(frozen=True)
class CheckLine:
    """A check with its answer, as the case page shows it; ``fact`` stands beside one still to be answered."""

    rule: CheckRule
    answer: CheckAnswer | None
    fact: str = ""
    is_void: bool = False

    @property
    def grounds(self) -> dict[str, str]:
        """What an answer rests on, as the page says it: the fact moves with other rows (a register, an envelope)."""
        return {str(self.rule.label): self.fact} if self.fact else {}


def check_lines(application: Application, *, with_facts: bool = False) -> dict[str, list[CheckLine]]:
    """The checks of a case by stage, in the programme's order.

    ``with_facts`` also computes what the product knows about those that nobody answered, and which answers rest on
    facts that changed since.
    """
    answers = {item.code: item for item in application.check_answers.all()}
    computable = {rule.code for rule in application.rules.checks if rule.automatic} - set(answers)
    kept = any(item.rests_on for item in answers.values())
    facts = case_facts(application) if with_facts and (computable or kept) else None
    if facts:
        know_facts(application, facts)
    void = void_checks(application, facts) if facts else []
    stages: dict[str, list[CheckLine]] = {}
    for rule in application.rules.checks:
        known = facts and (rule.code in computable or rule in void)
        fact = AUTOMATIC[rule.automatic](facts).reason if known else ""
        stages.setdefault(rule.stage, []).append(CheckLine(rule, answers.get(rule.code), fact, rule in void))
    return stages


def grounds_of_check(application: Application, code: str) -> dict[str, str]:
    """What an answer to a check rests on now; nothing for one that no fact speaks of, or that is none of the case."""
    lines = [line for group in check_lines(application, with_facts=True).values() for line in group]
    return next((line.grounds for line in lines if line.rule.code == code), {})
