"""What a person reads where the database refuses something of applicants and their accounts: the text of each trigger, and its sentence."""

from django.utils.translation import gettext_lazy as _

from core.engine.refusals import register_refusals, told

TRIGGERS = {
    "an auditor changes nothing": told(_("An auditor reads everything and changes nothing.")),
    "who acts for a body of the case does not act for the Region on it": told(
        _("You have an interest in this case: somebody else of the service acts on it.")
    ),
    "an interest that stays is lifted once, and not changed": told(
        _("This interest was lifted already: it does not change any more.")
    ),
    "a declaration of no interest answers a naming": told(
        _("This body names you nowhere, or you answered it already: there is nothing to declare.")
    ),
    "a declaration of no interest that is void stays so": told(
        _("This declaration is void since the person joined the body, or asked to.")
    ),
    "a membership stays that of its person and body": told(
        _("A person acts for a body under their own name: end this right, and let the other person ask for theirs.")
    ),
    "the service answers a request to join with a reason": told(
        _("The service answers a request to join with a reason: write it.")
    ),
    "the representatives of a body answer a request to join first": told(
        _("This body has a representative, who decides first: answer after the day that the request names.")
    ),
    "the representatives of a body decide first who acts for it": told(
        _("This body has a representative, who decides first who acts for it.")
    ),
    "% is not a telephone number": told(
        _("“%(number)s” is not a telephone number: write the one that was called."), "number"
    ),
    "a change of account is verified by a call, or by another proof that somebody else gave": told(
        _(
            "A change of account is verified by a call to a number known before, or by another proof that somebody else recorded."
        )
    ),
    "the call is made between the entry of the account and now": told(
        _("The call is made after the account was entered, and not in the future: check its date.")
    ),
    "the number called was not known long before the change": told(
        _("This number was not on file long enough before the change of account: call one that was.")
    ),
}

CONSTRAINTS = {
    "membership_once": _("This person acts for this body already."),
    "invitation_one_open": _("This person is invited already: the invitation waits for their answer."),
    "join_request_one_pending": _("Your request is sent already: it waits for an answer."),
    "kept_interest_lifted_by_another": _("Somebody else lifts your interest."),
    "join_request_decided_by_another": _("Somebody else answers this request."),
    "join_request_confirmed_by_another": _("You accepted this request: another person confirms the role."),
    "de_minimis_once_a_case": _("The grant of this case is in the register of de minimis aid already."),
}


def register() -> None:
    """Called once, when the app is ready."""
    register_refusals(TRIGGERS, CONSTRAINTS)
