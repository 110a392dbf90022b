"""The European funds that co-finance a grant of the Region: the one list that models, forms and acts read."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class EuFund(models.TextChoices):
    """A fund by its English code."""

    ESF_PLUS = "ESF+", _("ESF+")
    ERDF = "ERDF", _("ERDF")


NO_FUND = ""
FUND_OR_NONE = [(NO_FUND, _("none")), *EuFund.choices]
"""Choices of a field or a form that may name no fund."""


def is_fund_or_none(code: str) -> bool:
    """Whether ``code`` is a fund, or says that there is none."""
    return code in (NO_FUND, *EuFund.values)
