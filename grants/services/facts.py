"""What the rules of the form may ask about an application: the answers that count, and who asks."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from grants.rules.conditions import ApplicantFacts, FormFacts
from grants.rules.schema import ProgrammeRules, Question


def applicant_facts(applicant) -> ApplicantFacts:
    """What conditions may ask about the applicant. The republican contract concerns associations and foundations."""
    category = applicant.legal_category_id or ""
    return ApplicantFacts(
        kind=applicant.kind,
        is_association=applicant.is_association,
        ess_statut=applicant.ess_statut,
        signs_cer=applicant.is_association
        or applicant.ess_statut in ("association", "foundation")
        or category.startswith(("92", "93")),
        in_formation=applicant.in_formation,
    )


def form_facts(application) -> FormFacts:
    """The answers, the applicant and the form, as conditions read them."""
    return FormFacts(application.answers, applicant_facts(application.applicant), application.rules)


def answer_that_counts(application, question: Question | None) -> Any:
    """The answer to a question; None where the form has no such question, or hides it for the present answers.

    The applicant is read only where a condition hangs on the question: a list of cases asks no query a row.
    """
    if question is None:
        return None
    if not _is_conditional(application, question):
        return application.answers.get(question.code)
    return form_facts(application).answer(question.code)


def early_start_reason(application) -> str:
    """Why the project could not wait; "" when the form hides the question now."""
    question = application.rules.question_for("early_start_reason")
    if question is not None and _is_conditional(application, question):
        return application.early_start_reason.strip() if form_facts(application).answer(question.code) else ""
    return application.early_start_reason.strip()


def _is_conditional(application, question: Question) -> bool:
    return bool(question.show_if or application.rules.section_of(question.code).show_if)


def seat_in_region(applicant) -> bool | None:
    """Whether the applicant's seat is in the Region; None when one of the two is not known.

    The applicant's region follows from the postcode or the commune; the Region's is the setting ESSOR_REGION_INSEE.
    """
    region, seat = settings.ESSOR_REGION["insee"], applicant.region_insee
    return seat == region if region and seat else None


def seat_refusal(rules: ProgrammeRules, applicant) -> str | None:
    """None when the applicant's seat may be where it is, else the sentence that says why not and what to do."""
    if not rules.same_region or seat_in_region(applicant) is not False:
        return None
    return _(
        "The seat of %(name)s is outside the Region, and this programme is for applicants of the Region. If the"
        " address is wrong, correct it under “My organisation”; else write to the service."
    ) % {"name": applicant.display_name}
