"""Forms of the staff's transitions. Each takes ``data=, files=, instance=, actor=`` (see ``core.transitions``)."""

from datetime import timedelta
from decimal import Decimal

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.engine.standing import reason_interested
from core.lib.planned_days import PlannedDayField, answers
from core.models import User
from core.money import ZERO, EuroField, format_euros
from core.past_days import PastDayField, follows
from core.personal_numbers import NoNationalNumberMixin
from core.roles import Role
from core.site.sometimes import sometimes
from grants import consultation
from grants.programmes.grant_plan import GrantPlan, given_amounts
from grants.rules.floors import least_by_group, least_words

EARLIEST_DEADLINE_DAYS = 3


class StaffForm(NoNationalNumberMixin, forms.Form):
    """A form that knows the case (or the session) and who fills it in."""

    def __init__(self, data=None, files=None, *, instance, actor, **kwargs):
        super().__init__(data, files, **kwargs)
        self.instance = instance
        self.actor = actor


class RequestPiecesForm(StaffForm):
    """Which pieces are missing, why, and until when."""

    pieces = forms.MultipleChoiceField(label=_("Pieces asked for"), widget=forms.CheckboxSelectMultiple, required=False)
    message = forms.CharField(
        label=_("What the applicant should know"),
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("Sent by mail with the list of pieces, the date and what happens without an answer."),
    )
    deadline = PlannedDayField(label=_("Answer expected by"), horizon=answers)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rules = self.instance.rules
        self.fields["pieces"].choices = [(piece.code, str(piece.label)) for piece in rules.pieces]
        self.fields["deadline"].initial = timezone.localdate() + timedelta(days=rules.deadlines.pieces_days)
        self.fields["pieces"].initial = [piece.code for piece in self.instance.pieces.all() if piece.state == "refused"]

    def clean_deadline(self):
        deadline = self.cleaned_data["deadline"]
        earliest = timezone.localdate() + timedelta(days=EARLIEST_DEADLINE_DAYS)
        if deadline < earliest:
            raise forms.ValidationError(_("Leave at least %(days)s days to answer.") % {"days": EARLIEST_DEADLINE_DAYS})
        return deadline


class StartInstructionForm(StaffForm):
    """Who instructs the case; the person who takes the step, unless another one is chosen."""

    instructor = forms.ModelChoiceField(queryset=None, label=_("Instructor"), required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["instructor"].queryset = instructors_of(self.instance.programme_version.programme_id)
        self.fields["instructor"].initial = self.instance.instructor_id or getattr(self.actor, "pk", None)

    def clean_instructor(self):
        """The person chosen; nobody chosen, whose case it is, else who takes the step: if they may be given it."""
        chosen = self.cleaned_data["instructor"]
        candidates = [chosen] if chosen else [self.instance.instructor, self.actor]
        able = set(self.fields["instructor"].queryset.values_list("pk", flat=True))
        partial = None
        for person in candidates:
            if person is None or person.pk not in able:
                continue
            if not reason_interested(person, self.instance):
                return person
            partial = person
        if partial is not None:
            raise forms.ValidationError(
                _("%(person)s has an interest in this case: give it to somebody else.") % {"person": partial}
            )
        raise forms.ValidationError(_("Choose who instructs the case: an instructor of the programme."))


def instructors_of_programmes(programmes):
    """The active instructors assigned to one of these programmes (ids or a queryset), who are no auditors."""
    return _staff_of(programmes, Role.INSTRUCTOR)


def _staff_of(programmes, role: str):
    return (
        User.objects.filter(is_active=True, groups__name=role, programme_assignments__programme__in=programmes)
        .exclude(pk__in=User.objects.filter(groups__name=Role.AUDITOR).values("pk"))
        .distinct()
        .order_by("last_name", "first_name", "pk")
    )


def instructors_of(programme_id: int):
    """The active instructors assigned to a programme, who are no auditors."""
    return instructors_of_programmes([programme_id])


def heads_of(programme_id: int):
    """The active heads of service assigned to a programme, who are no auditors."""
    return _staff_of([programme_id], Role.HEAD_OF_SERVICE)


class ProposeForm(StaffForm):
    """What is proposed to the committee, and why. The years or the persons may be given an amount each."""

    favourable = forms.TypedChoiceField(
        label=_("Opinion of the service"),
        choices=[("yes", _("In favour")), ("no", _("Against"))],
        coerce=lambda value: value == "yes",
        empty_value=True,
        required=False,
        initial="yes",
    )
    proposed_amount = sometimes(EuroField(label=_("Proposed amount"), min_value=ZERO))
    reasons = forms.CharField(
        label=_("Reasons"),
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("Read by the head of service and the committee."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields |= consultation.consultation_fields(self.instance.rules)
        self.computation = self.instance.latest_computation()
        if self.computation is not None:
            self.fields["proposed_amount"].initial = self.computation.amount
            self._add_groups(self.computation.grant_plan.groups())
        self._take_up_what_was_sent_back()
        self.order_fields([*(name for name in self.fields if name != "reasons"), "reasons"])

    def _take_up_what_was_sent_back(self):
        """A proposal that was sent back is corrected, not typed anew: its words, and its amounts where the computation
        still gives as much."""
        last = self.instance.proposals.order_by("-pk").first()
        if last is None or last.sent_back_at is None:
            return
        found = {"favourable": "yes" if last.favourable else "no", "reasons": last.reasons}
        found |= consultation.said_before(last)
        computed = self.computation.grant_plan if self.computation else GrantPlan()
        highest = {group.code: group.amount for group in computed.groups()}
        given = given_amounts(last.grant_plan)
        holds = all(amount <= highest.get(code, ZERO) for code, amount in given.items())
        if last.favourable and last.amount <= computed.amount and holds:
            found |= {"proposed_amount": last.amount, **given}
        for name, value in found.items():
            if name in self.fields and value not in (None, ""):
                self.fields[name].initial = value
        if "register_document" in self.fields and (proof := consultation.proof_before(self.instance)):
            self.fields["register_document"].help_text = consultation.kept_proof_words(proof)

    def _add_groups(self, groups):
        if len(groups) < 2:
            return
        least = least_by_group(self.instance.rules, self.computation.grant_plan)
        for group in groups:
            words = {"amount": format_euros(group.amount), "cost": format_euros(group.cost)}
            told = gettext("Computed: %(amount)s for a cost of %(cost)s. Empty: as computed, or in proportion.") % words
            self.fields[group.code] = EuroField(
                label=group.label,
                required=False,
                min_value=ZERO,
                help_text=f"{told} {least_words(least.get(group.code))}".strip(),
            )

    def clean(self):
        cleaned = super().clean()
        favourable = cleaned.get("favourable", True)
        if not favourable:
            cleaned["proposed_amount"] = Decimal("0.00")
        elif not cleaned.get("proposed_amount") and "proposed_amount" not in self.errors:
            self.add_error("proposed_amount", _("Give the amount that you propose."))
        return cleaned


class ScheduleForm(StaffForm):
    """The session on whose agenda the case goes."""

    session = forms.ModelChoiceField(
        queryset=None, label=_("Session"), empty_label=_("Choose a session"),
        help_text=_("Sessions in preparation that take this programme."),
    )  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        sessions = self.instance.programme_version.programme.sessions
        self.fields["session"].queryset = sessions.filter(state="draft").order_by("held_at", "pk")


class ConveneForm(StaffForm):
    """Convene the members; an urgency is explained."""

    urgency = sometimes(
        forms.CharField(
            label=_("Urgency"),
            widget=forms.Textarea(attrs={"rows": 2}),
            help_text=_("Only when the session is less than 12 days away."),
        )
    )


class CloseSessionForm(StaffForm):
    """The number under which the assembly's decision is kept."""

    deliberation_number = forms.CharField(
        label=_("Deliberation number"), max_length=60, help_text=_("As it will be quoted, for example 26CP-0512.")
    )
    deliberation_on = PastDayField(
        label=_("Date of the deliberation"),
        required=False,
        help_text=_("The day of the session, unless another date is given."),
    )

    def clean_deliberation_on(self):
        day = self.cleaned_data["deliberation_on"]
        follows(day, self.instance.held_at, gettext("the session"))
        return day

    def clean_deliberation_number(self):
        return self.cleaned_data["deliberation_number"].strip()
