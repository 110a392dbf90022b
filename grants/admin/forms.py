"""The small forms of the case page and the session grid. Each maps to one function of the services."""

from collections.abc import Container
from datetime import timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.lib.planned_days import PlannedDayField, answers
from core.money import ZERO, EuroField, PointsField
from core.past_days import PastDayField
from core.personal_numbers import NoNationalNumberMixin
from core.site.chosen_files import ChosenFileField
from core.text import PastedTextMixin
from grants.eu_funds import FUND_OR_NONE
from grants.models import Answer, OpinionResult, Piece
from grants.staff_forms import instructors_of_programmes

OPINION_DAYS = 30


class AssignForm(forms.Form):
    """Who gets the cases."""

    instructor = forms.ModelChoiceField(queryset=None, label=_("Instructor"))

    def __init__(self, *args, cases, **kwargs):
        super().__init__(*args, **kwargs)
        programmes = {case.programme_version.programme_id for case in cases}
        self.fields["instructor"].queryset = instructors_of_programmes(programmes)


class CheckForm(NoNationalNumberMixin, forms.Form):
    """The answer to one check."""

    code = forms.CharField(widget=forms.HiddenInput)
    answer = forms.ChoiceField(label=pgettext_lazy("noun", "Answer"), choices=Answer.choices)
    reason = forms.CharField(label=_("Reason"), required=False, widget=forms.TextInput)


class ScoreForm(NoNationalNumberMixin, forms.Form):
    """All the criteria of a programme at once; a criterion in which nothing was typed is left as it is."""

    def __init__(self, *args, criteria, **kwargs):
        super().__init__(*args, **kwargs)
        self.criteria = list(criteria)
        for criterion in self.criteria:
            self.fields[f"score-{criterion.code}"] = PointsField(
                label=str(criterion.label),
                min_value=0,
                max_value=criterion.max_score,
                max_digits=6,
                decimal_places=2,
                required=False,
                localize=True,
                widget=forms.TextInput(attrs={"inputmode": "decimal", "class": "num"}),
            )
            self.fields[f"comment-{criterion.code}"] = forms.CharField(
                label=_("Why this score of %(label)s") % {"label": criterion.label}, required=False, max_length=2000
            )

    def refuse_without_score(self, touched: Container[str]) -> None:
        """A comment beside no score, a score that was emptied: said, for neither would be recorded."""
        for criterion in self.criteria:
            score, comment = f"score-{criterion.code}", f"comment-{criterion.code}"
            if score not in self.data or score in self.errors or self.cleaned_data.get(score) is not None:
                continue
            words = {"criterion": criterion.label}
            if self.initial.get(score) is not None and {score, comment} & touched:
                sentence = _("%(criterion)s: a score that was given is replaced by another, not emptied. Type one.")
                self.add_error(score, sentence % words)
            elif comment in touched and self.cleaned_data.get(comment, "").strip():
                self.add_error(score, _("%(criterion)s: type the score that goes with your comment.") % words)

    @staticmethod
    def initial_of(given: dict) -> dict:
        """The scores given, by the fields' names; ``given`` is {code: score}."""
        scores = {f"score-{code}": item.score for code, item in given.items()}
        return scores | {f"comment-{code}": item.comment for code, item in given.items()}


class RetainForm(forms.Form):
    """What is retained of each expense; an empty amount goes back to the programme's rules."""

    reason = forms.CharField(label=_("Reason"), required=False, max_length=500)

    def __init__(self, *args, lines, **kwargs):
        super().__init__(*args, **kwargs)
        for line in lines:
            label = _("Retained, line %(rank)s: %(label)s") % {"rank": line.rank, "label": line.label}
            self.fields[f"line-{line.pk}"] = EuroField(
                label=label, required=False, min_value=ZERO, max_value=line.amount
            )

    @staticmethod
    def initial_of(lines: list) -> dict:
        """What is retained of each line, by the fields' names."""
        return {f"line-{line.pk}": line.eligible_amount for line in lines}


class AskOpinionForm(NoNationalNumberMixin, forms.Form):
    """Whom to consult, and until when."""

    code = forms.CharField(widget=forms.HiddenInput)
    email = forms.EmailField(label=_("E-mail address"))
    due_on = PlannedDayField(label=_("Expected by"), horizon=answers)
    question = forms.CharField(label=_("Question"), required=False, widget=forms.Textarea(attrs={"rows": 2}))

    pieces = forms.TypedMultipleChoiceField(
        label=_("Pieces that the body may read"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args, case=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["due_on"].initial = timezone.localdate() + timedelta(days=OPINION_DAYS)
        joined = [piece for piece in case.pieces.all() if piece.document_id] if case else []
        self.fields["pieces"].choices = [(piece.pk, piece.document.name) for piece in joined]
        if not joined:
            del self.fields["pieces"]


class OpinionRowForm(PastedTextMixin, forms.Form):
    """Which opinion is meant."""

    opinion = forms.IntegerField(widget=forms.HiddenInput)


class UpholdOpinionForm(NoNationalNumberMixin, OpinionRowForm):
    """Why an opinion holds although the file changed since."""

    reason = forms.CharField(label=_("Why it still holds"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


class RecordOpinionForm(NoNationalNumberMixin, forms.Form):
    """The opinion received, with its proof."""

    opinion = forms.IntegerField(widget=forms.HiddenInput)
    result = forms.ChoiceField(label=_("Opinion given"), choices=OpinionResult.choices)
    given_on = PastDayField(label=_("Given on"))
    proof = ChosenFileField(
        label=_("Signed opinion"), required=False, help_text=_("Empty: the document that the body sent by its link.")
    )
    summary = forms.CharField(label=_("Summary"), required=False, widget=forms.Textarea(attrs={"rows": 2}))


class PieceForm(NoNationalNumberMixin, forms.Form):
    """A judgement on one piece."""

    piece = forms.IntegerField(widget=forms.HiddenInput)
    state = forms.ChoiceField(label=_("Decision"), choices=Piece.State.choices)
    note = forms.CharField(label=_("What is wrong"), required=False, max_length=500)


class BodyForm(NoNationalNumberMixin, forms.Form):
    """A message to the applicant, or an internal note."""

    body = forms.CharField(label=_("Text"), max_length=5000, widget=forms.Textarea(attrs={"rows": 3}))


class EuFundForm(forms.Form):
    """The European fund that will co-finance the case, chosen during instruction."""

    eu_fund = forms.ChoiceField(label=_("EU fund"), required=False, choices=FUND_OR_NONE)
