"""Names go into mails to people who never heard of their bearer: a name is no address of the web."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

WEB_ADDRESS = r"://|www\.[^ ]"
"""What the database itself refuses in the name of a person, whatever the capitals."""

# A host with a path; in the name of a person a bare host too, which mail programs make a link of.
_WITH_PATH = re.compile(rf"{WEB_ADDRESS}|[\w-]{{2,}}\.[a-z]{{2,}}/", re.IGNORECASE)
_HOST = re.compile(rf"{WEB_ADDRESS}|[\w-]{{2,}}\.[a-z]{{2,}}\b", re.IGNORECASE)


def validate_person_name(text: str) -> None:
    """Validator of the first or last name of a person."""
    _refuse(_HOST, text)


def validate_body_name(text: str) -> None:
    """Validator of the name of an organisation, which may hold a dot (“Label.coop”), or of a word to strangers."""
    _refuse(_WITH_PATH, text)


def _refuse(pattern: re.Pattern, text: str) -> None:
    if found := pattern.search(text or ""):
        raise ValidationError(
            _("No web address stands here (“%(found)s”): write words only, with a space after a dot."),
            params={"found": found[0]},
            code="web_address",
        )
