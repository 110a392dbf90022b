"""Invoices met twice: the question, and what a person answers."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agreements.models.expenditure import ExpenditureLine
from agreements.models.querysets import ScopedQuerySet
from agreements.models.triggers import differs, refuse
from agreements.rules.duplicates import number_key
from core.history import tracked

#: What is said of two lines, and by whom.
ANSWER_COLUMNS = ["line_id", "other_line_id", "answer", "comment", "answered_by_id", "answered_at"]


def _answer_stays() -> pgtrigger.Trigger:
    """The answer on which a claim was certified stays as long as it is certified; one that holds no more stays as given."""
    return pgtrigger.Trigger(
        name="answer_stays",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        condition=pgtrigger.Condition("OLD.answered_at IS NOT NULL"),
        func=f"""
            IF TG_OP = 'UPDATE' AND NOT {differs(ANSWER_COLUMNS)} THEN RETURN NEW; END IF;
            IF TG_OP = 'UPDATE' AND OLD.lapsed_at IS NOT NULL THEN
                {refuse("an answer that holds no more does not change")}
            END IF;
            IF EXISTS (
                SELECT 1 FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id
                WHERE l.id IN (OLD.line_id, OLD.other_line_id) AND c.certified_at >= OLD.answered_at
                  AND (OLD.lapsed_at IS NULL OR c.certified_at <= OLD.lapsed_at)
                  AND (c.state IN ('certified', 'ordered', 'paid')
                       OR (c.state = 'suspended' AND c.certified_amount IS NOT NULL))) THEN
                {refuse("the answer to an invoice declared twice stays once its claim is certified")}
            END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
            RETURN NEW;
        """,
    )


def _question_stays() -> pgtrigger.Trigger:
    """A question goes with a line that is taken out of a claim that is being written; otherwise it stays to be answered."""
    return pgtrigger.Trigger(
        name="question_stays",
        when=pgtrigger.Before,
        operation=pgtrigger.Delete,
        func=f"""
            IF NOT EXISTS (
                SELECT 1 FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id
                WHERE l.id IN (OLD.line_id, OLD.other_line_id) AND c.state IN ('draft', 'returned')) THEN
                {refuse("the question about an invoice declared twice stays as long as both lines are declared")}
            END IF;
            RETURN OLD;
        """,
    )


class OfLineQuerySet(ScopedQuerySet):
    """Rows that hang on an expenditure line."""

    agreement_path = "line__claim__agreement__"

    def open(self):
        """Those that nobody answered yet."""
        return self.filter(answered_at__isnull=True)

    def holding(self):
        """The questions and answers about lines as they are: none of those whose line was written otherwise since."""
        return self.filter(lapsed_at__isnull=True)


@tracked
class DuplicateWarning(models.Model):
    """An invoice declared twice, here or in another operation; someone answers before certification.

    An answer is given about two lines as they were. When one of them is written otherwise it holds no more
    (``lapsed_at``); it stays to be read, and the question is asked again.
    """

    class Answer(models.TextChoices):
        SPLIT = "split", _("One invoice, shared between the two: the total is not exceeded")
        DIFFERENT = "different", _("Two different invoices")
        CUT = "cut", _("Declared twice: this line is cut")
        OTHER_CUT = "other_cut", _("Declared twice: the other line is cut")

    line = models.ForeignKey(
        ExpenditureLine, on_delete=models.CASCADE, related_name="duplicate_warnings", verbose_name=_("line")
    )
    other_line = models.ForeignKey(
        ExpenditureLine, on_delete=models.CASCADE, related_name="+", verbose_name=_("other line")
    )
    raised_at = models.DateTimeField(_("raised on"), default=timezone.now)
    answer = models.CharField(_("answer"), max_length=10, choices=Answer.choices, blank=True)
    comment = models.TextField(_("explanation"), blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("answered by"),
    )
    answered_at = models.DateTimeField(_("answered on"), null=True, blank=True)
    lapsed_at = models.DateTimeField(_("holds no more since"), null=True, blank=True, editable=False)

    objects = OfLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice declared twice")
        verbose_name_plural = _("invoices declared twice")
        ordering = ["-raised_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["line", "other_line"], condition=Q(lapsed_at__isnull=True), name="duplicate_warning_once"
            ),
            models.CheckConstraint(
                condition=Q(lapsed_at__isnull=True) | Q(answered_at__isnull=False),
                name="duplicate_warning_lapsed_answer",
            ),
            models.CheckConstraint(condition=~Q(line=F("other_line")), name="duplicate_warning_of_two_lines"),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answered_by__isnull=True, answer="")
                | (Q(answered_at__isnull=False, answered_by__isnull=False) & ~Q(answer="") & ~Q(comment="")),
                name="duplicate_warning_answer_is_whole",
            ),
        ]
        triggers = [_answer_stays(), _question_stays()]

    def __str__(self):
        return str(_("Invoice %(number)s declared twice") % {"number": self.line.invoice_number})

    @property
    def why(self) -> str:
        """What makes one invoice of two lines, where their numbers are not the same; empty where they are."""
        one, other = self.line, self.other_line
        numbers = {"one": one.invoice_number, "other": other.invoice_number}
        if number_key(one.invoice_number) == number_key(other.invoice_number):
            return ""
        if {*one.invoice.alike_keys()} & {*other.invoice.alike_keys()}:
            return (
                gettext(
                    "The numbers %(one)s and %(other)s look alike: a letter of another alphabet, O for 0, l for 1, a zero before."
                )
                % numbers
            )
        if {*one.alike_keys} & {*other.alike_keys}:
            return gettext("One supplier, one day and one total for the invoices %(one)s and %(other)s.") % numbers
        return gettext("One file proves the invoices %(one)s and %(other)s: read what it says.") % numbers
