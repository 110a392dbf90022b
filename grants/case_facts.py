"""From a case to the facts that automatic checks look at."""

from django.utils import timezone

from applicants.rules.de_minimis import NoCeiling
from grants.de_minimis import verdict
from grants.rules.automatic_checks import CER, RENEWAL, CaseFacts
from grants.rules.schema import QuestionKind
from grants.services.amounts import computed_aid
from grants.services.facts import answer_that_counts, early_start_reason, form_facts, seat_in_region
from grants.services.missing import lacking_pieces


def case_facts(application) -> CaseFacts:
    """What is known of the case today. Reads its relations; writes nothing."""
    facts = form_facts(application)
    rules = application.rules
    aid = computed_aid(application)
    allowed, reason = _de_minimis(application, aid.amount)
    refused = {piece.code for piece in application.pieces.all() if piece.state == "refused"}
    lacking = lacking_pieces(application, facts)
    return CaseFacts(
        missing_pieces=tuple(str(rule.label) for rule in lacking if rule.code not in refused),
        refused_pieces=tuple(str(rule.label) for rule in lacking if rule.code in refused),
        filed_on=timezone.localdate(application.submitted_at) if application.submitted_at else None,
        project_start=application.project_start,
        early_start_reason=early_start_reason(application),
        early_start_allowed=rules.early_start_allowed,
        place=application.applicant.address,
        seat_in_region=seat_in_region(application.applicant) if rules.same_region else None,
        must_sign_cer=facts.applicant.signs_cer,
        signs_cer=CER in (answer_that_counts(application, rules.question_of_kind(QuestionKind.ATTESTATIONS)) or []),
        is_renewal=answer_that_counts(application, rules.questions.get(RENEWAL)),
        persons=len(application.persons.all()),
        persons_below_floor=tuple(person.name for person in aid.per_person if person.refused),
        eligible_base=aid.eligible_base,
        computed_amount=aid.amount,
        computed_refusals=aid.refusals,
        de_minimis_allowed=allowed,
        de_minimis_reason=reason,
    )


def _de_minimis(application, amount) -> tuple[bool | None, str]:
    try:
        found = verdict(application, amount)
    except NoCeiling as missing:
        return False, str(missing)
    if found is None:
        return None, ""
    return found.allowed, found.reason
