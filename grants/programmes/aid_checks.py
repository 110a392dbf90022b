"""A programme's aid, payments and delays that would compute wrong, or say what nothing reads."""

from collections.abc import Iterator
from decimal import Decimal

from django.utils.translation import gettext as _

from grants.programmes.act_templates import act_templates
from grants.programmes.steps import Ceiling, Floor, PublicAidCap, Rate, Step, WithinRequest
from grants.programmes.structure import Found
from grants.rules.aid import OF_A_COST, years_of
from grants.rules.schema import ProgrammeRules, QuestionKind

NEEDED = {
    "budget": QuestionKind.BUDGET,
    "own_contribution": QuestionKind.PERSONS,
    "tranches": QuestionKind.TRANCHES,
}
"""The table of the form that each base is read from."""

FORM_BASES = {"subvention": ("budget", "tranches"), "bourse": ("own_contribution",)}
"""The bases that each form of aid is computed on."""

PER_IN_AXIS = {
    "budget": ("", "application", "company", "year"),
    "own_contribution": ("", "person"),
    "tranches": ("", "tranche"),
}
PER_OVERALL = ("", "application", "company")


def aid_problems(rules: ProgrammeRules, data: dict) -> Iterator[Found]:
    """Everything wrong with what is computed, paid and counted, each with its place in the file."""
    yield from _base_problems(rules)
    for rank, axis in enumerate(rules.aid.axes):
        path = ["aid", "axes", rank, "steps"]
        yield from _step_problems(axis.steps, path, PER_IN_AXIS[axis.base.kind])
        for place, step in enumerate(axis.steps):
            if not step.in_axis:
                yield (
                    [*path, place, "rule"],
                    _("“%(rule)s” counts on the whole: put it under “overall”.") % {"rule": step.rule},
                )
            if isinstance(step, Rate) and step.rate > 1 and axis.base.kind in OF_A_COST:
                yield (
                    [*path, place, "rate"],
                    _("a rate of %(rate)s gives more than the cost: write a share of 1 at most, like 0.80 for 80 %%.")
                    % {"rate": step.rate},
                )
    yield from _overall_problems(rules, data)
    yield from _request_problems(rules, data)
    yield from _floor_policy_problems(rules, data)
    yield from _year_problems(rules)
    yield from _payment_problems(rules, data)
    yield from _act_problems(rules)
    if not rules.early_start_allowed and rules.question_for("early_start_reason"):
        yield (
            ["early_start_allowed"],
            _("the form asks why the project could not wait, and no exception is allowed: remove one of the two."),
        )


# --- bases ----------------------------------------------------------------------------------------------------------


def _base_problems(rules: ProgrammeRules) -> Iterator[Found]:
    kinds = {axis.base.kind for axis in rules.aid.axes}
    seen: set[tuple] = set()
    for rank, axis in enumerate(rules.aid.axes):
        base, path = axis.base, ["aid", "axes", rank, "base"]
        question = rules.question_of_kind(NEEDED[base.kind])
        if question is None:
            yield (
                [*path, "kind"],
                _("the base “%(base)s” needs a question of type “%(kind)s” in the form.")
                % {"base": base.kind, "kind": NEEDED[base.kind].value},
            )
        elif question.show_if or rules.section_of(question.code).show_if:
            yield (
                [*path, "kind"],
                _("the base is read from the question “%(code)s”, which has a condition: ask it of everybody.")
                % {"code": question.code},
            )
        what = (base.kind, base.axis if base.kind == "budget" else "")
        if what in seen:
            yield path, _("another axis has the same base: the same money would be counted twice.")
        seen.add(what)
        if base.kind not in FORM_BASES[rules.aid.form]:
            yield (
                [*path, "kind"],
                _("the form “%(form)s” is computed on %(bases)s.")
                % {"form": rules.aid.form, "bases": ", ".join(FORM_BASES[rules.aid.form])},
            )
        yield from _unread_of_base(base, path)
    if len(kinds) > 1:
        yield ["aid", "axes"], _("all the axes of an aid have a base of the same kind.")
    if rules.tranches is not None and "tranches" not in kinds:
        yield ["tranches"], _("tranches are computed year by year: the base of the aid must be “tranches”.")


def _unread_of_base(base, path: list) -> Iterator[Found]:
    if base.kind != "budget":
        for name, value in (("accounts", base.accounts), ("excluded_accounts", base.excluded_accounts)):
            if value:
                yield [*path, name], _("only the base “budget” has accounts: remove the line.")
        if base.axis != "general":
            yield [*path, "axis"], _("only the base “budget” has an axis: remove the line.")
    both = sorted(set(base.accounts) & set(base.excluded_accounts))
    if both:
        yield (
            [*path, "excluded_accounts"],
            _("both eligible and excluded: %(accounts)s.") % {"accounts": ", ".join(both)},
        )


# --- steps ----------------------------------------------------------------------------------------------------------


def _step_problems(steps: tuple[Step, ...], path: list, per_allowed: tuple[str, ...]) -> Iterator[Found]:
    for rank, step in enumerate(steps):
        if isinstance(step, Ceiling | Floor):
            allowed = [per for per in per_allowed if not (per == "year" and isinstance(step, Floor))]
            if step.per not in allowed:
                yield (
                    [*path, rank, "per"],
                    _("“per: %(per)s” would be computed wrong here: write %(allowed)s, or nothing.")
                    % {"per": step.per, "allowed": ", ".join(per for per in allowed if per)},
                )
        same = [other for other in steps[:rank] if type(other) is type(step)]
        if any(getattr(other, "per", "") == getattr(step, "per", "") for other in same):
            yield [*path, rank, "rule"], _("“%(rule)s” is written twice: keep one.") % {"rule": step.rule}


def _floor_problems(rules: ProgrammeRules, ahead: int) -> Iterator[Found]:
    """A minimum that is above a ceiling of its axis, or of the whole."""
    period = rules.question_for("project_period")
    years = years_of(period.max_months) if period and period.max_months else None
    placed = [
        (["aid", "axes", number, "steps", rank], step, axis.steps)
        for number, axis in enumerate(rules.aid.axes)
        for rank, step in enumerate(axis.steps)
    ]
    placed += [
        (["aid", "overall", rank - ahead], step, rules.aid.overall) for rank, step in enumerate(rules.aid.overall)
    ]
    for path, floor, beside in placed:
        if not isinstance(floor, Floor):
            continue
        for ceiling in {*beside, *rules.aid.overall}:
            limit = _highest(ceiling, years) if isinstance(ceiling, Ceiling) else None
            if limit is not None and floor.amount > limit:
                yield (
                    [*path, "amount"],
                    _("the minimum (%(floor)s) is above the ceiling (%(ceiling)s): no aid could ever be granted.")
                    % {"floor": floor.amount, "ceiling": limit},
                )


def _highest(ceiling: Ceiling, years: int | None) -> Decimal | None:
    """The most that a ceiling lets through; None when it grows with years that nothing limits."""
    if ceiling.per != "year":
        return ceiling.amount
    return None if years is None else ceiling.amount * years


def _overall_problems(rules: ProgrammeRules, data: dict) -> Iterator[Found]:
    path = ["aid", "overall"]
    written = data["aid"].get("overall") or []
    ahead = len(rules.aid.overall) - len(written)  # the cap on public aid of the file comes first
    steps = rules.aid.overall[ahead:]
    yield from _step_problems(steps, path, PER_OVERALL)
    for rank, step in enumerate(steps):
        if not step.overall:
            yield (
                [*path, rank, "rule"],
                _("“%(rule)s” has no base of its own here: put it in an axis.") % {"rule": step.rule},
            )
        if isinstance(step, PublicAidCap) and rules.public_aid_cap:
            yield (
                [*path, rank],
                _("“public_aid_cap” is written at the top of the file too: keep one of the two."),
            )
    yield from _floor_problems(rules, ahead)
    if any(isinstance(step, PublicAidCap) for step in rules.aid.overall) and not rules.question_of_kind(
        QuestionKind.BUDGET
    ):
        where = ["public_aid_cap"] if rules.public_aid_cap else path
        yield where, _("the public aid is counted in the budget: add a question of type “budget” to the form.")


def _request_problems(rules: ProgrammeRules, data: dict) -> Iterator[Found]:
    """Who says the amount asked: the computation, or the applicant in a question that the computation looks at."""
    said = data["aid"].get("requested", "computed")
    question = rules.question_for("requested_amount")
    years = rules.question_of_kind(QuestionKind.TRANCHES)
    within = any(isinstance(step, WithinRequest) for step in rules.aid.overall)
    path = ["aid", "requested"]
    if said == "computed" and (question or years):
        yield (
            path,
            _("the form asks for the amount (question “%(code)s”): write “requested: typed”.")
            % {"code": (question or years).code},
        )
    if said == "typed" and not (question or years):
        yield path, _("no question asks for the amount: add one with “target: requested_amount”, or write “computed”.")
    if question and years:
        yield (
            path,
            _("the amount is asked twice, in “%(one)s” and in “%(other)s”: keep one.")
            % {
                "one": question.code,
                "other": years.code,
            },
        )
    if question and not within:
        yield (
            ["aid"],
            _("nothing limits the aid to the amount asked: add {rule: within_request, source: …} to “overall”."),
        )
    if within and not question:
        yield ["aid", "overall"], _("“within_request” needs a question with “target: requested_amount”.")


def _floor_policy_problems(rules: ProgrammeRules, data: dict) -> Iterator[Found]:
    steps = [step for axis in rules.aid.axes for step in axis.steps] + list(rules.aid.overall)
    floors = [step for step in steps if isinstance(step, Floor)]
    if "floor_policy" not in data["aid"]:
        return
    path = ["aid", "floor_policy"]
    if not floors:
        yield path, _("there is no minimum (rule “floor”) to which this applies: remove it.")
    elif any(step.below != rules.aid.floor_policy for step in floors):
        yield path, _("a minimum says otherwise under “below”: keep one of the two.")


def _year_problems(rules: ProgrammeRules) -> Iterator[Found]:
    """The yearly tranches are the years of the longest period: none without a project, no invoice outside of them."""
    asked = rules.question_for("project_period")
    if rules.tranches is None or asked is None:
        return
    longest, years = asked.max_months, rules.tranches.count
    if longest is None:
        yield (
            ["tranches", "count"],
            _(
                "nothing limits the period to these %(years)d years: write “max_months: %(months)d” at the question “%(code)s”."
            )
            % {"years": years, "months": 12 * years, "code": asked.code},
        )
    elif years_of(longest) != years:
        yield (
            ["tranches", "count"],
            _(
                "%(years)d yearly tranches, and the period of the question “%(code)s” lasts at most %(longest)d months:"
                " write “max_months: %(months)d” there, or as many tranches as years."
            )
            % {"years": years, "code": asked.code, "longest": longest, "months": 12 * years},
        )


# --- payments, act --------------------------------------------------------------------------------------------------


def _payment_problems(rules: ProgrammeRules, data: dict) -> Iterator[Found]:
    kinds = [instalment.kind for instalment in rules.instalments]
    if not kinds:
        yield ["instalments"], _("say when the aid is paid: add at least one instalment.")
    shares = sum(instalment.share for instalment in rules.instalments)
    if kinds and shares != 1:
        yield ["instalments"], _("the shares add up to %(total)s: they must add up to 1.") % {"total": shares}
    if "single" in kinds and len(kinds) > 1:
        yield ["instalments"], _("a single payment stands alone: write advance, interim or balance.")
    if "balance" in kinds[:-1]:
        yield ["instalments", kinds.index("balance"), "kind"], _("the balance is the last payment.")
    if "advance" in kinds[1:]:
        yield ["instalments", kinds.index("advance", 1), "kind"], _("the advance is the first payment, once.")
    proration = rules.proration
    if proration.policy == "tolerance" and not proration.tolerance:
        yield ["proration"], _("add “tolerance:” with the gap that costs nothing, like 0.10 for 10 %.")
    if proration.policy != "tolerance" and "tolerance" in data["proration"]:
        yield ["proration", "tolerance"], _("only the policy “tolerance” has a tolerance: remove it.")
    persons = rules.question_of_kind(QuestionKind.PERSONS)
    if rules.payee == "person" and persons is None:
        yield ["payee"], _("nobody could be paid: the form has no question of type “persons”.")
    first, last = rules.deadlines.first_claim_months, rules.deadlines.balance_months
    if first and last and first > last:
        yield (
            ["deadlines", "first_claim_months"],
            _("the first claim comes before the last one (%(months)d months).") % {"months": last},
        )


def _act_problems(rules: ProgrammeRules) -> Iterator[Found]:
    known = act_templates()
    if rules.convention_template not in known:
        yield (
            ["convention_template"],
            _("there is no wording “%(name)s”: write one of %(known)s.")
            % {"name": rules.convention_template, "known": ", ".join(known)},
        )
