"""Forms about an applicant: who it is, and joining one that exists."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applicants.models import Applicant, JoinRequest
from applicants.models.applicant import ASSOCIATIONS
from applicants.models.people import ROLE_HELP, MemberRole
from applicants.people import known_applicant
from applicants.rules.identifiers import compact, validate_rna, validate_siret
from core.lib.names import validate_body_name
from core.past_days import BirthDayField
from core.personal_numbers import NoNationalNumberMixin
from core.site.sometimes import sometimes
from core.text import PastedTextMixin, is_number

CONTACT = ["email", "phone", "address_line", "postcode", "city"]
KNOWN = "known"
FRENCH_DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
_CONTACT_WIDGETS = {
    "email": forms.EmailInput(attrs={"autocomplete": "email"}),
    "phone": forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    "address_line": forms.TextInput(attrs={"autocomplete": "street-address"}),
    "postcode": forms.TextInput(attrs={"autocomplete": "postal-code", "inputmode": "numeric"}),
    "city": forms.TextInput(attrs={"autocomplete": "address-level2"}),
}


class _ApplicantForm(NoNationalNumberMixin, forms.ModelForm):
    """What the two kinds share."""

    kind: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.kind = self.kind
        for name in ("email", "address_line", "postcode", "city"):
            self.fields[name].required = True
        self._widen("postcode", 10)

    def _widen(self, name: str, length: int, *, disabled: bool = False) -> None:
        """Take a text longer than the column: with the spaces that people type."""
        field = self.fields[name]
        self.fields[name] = forms.CharField(
            label=field.label,
            help_text=field.help_text,
            widget=forms.TextInput(attrs={**field.widget.attrs, "maxlength": str(length)}),
            max_length=length,
            required=field.required,
            disabled=disabled,
        )

    def clean_postcode(self) -> str:
        postcode = compact(self.cleaned_data["postcode"])
        if not (is_number(postcode) and len(postcode) == 5):
            raise ValidationError(_("A postcode has five digits, like 51000."))
        return postcode

    def _get_validation_exclusions(self) -> set[str]:
        # A number that exists already is told by ``clean``, with the way to join.
        return super()._get_validation_exclusions() | {"sort_name", "search_text"}


class LegalApplicantForm(_ApplicantForm):
    """An organisation. When its number is known already, ``known`` is the applicant to join."""

    kind = Applicant.Kind.LEGAL
    known: Applicant | None = None

    class Meta:
        model = Applicant
        fields = [
            "siret",
            "rna",
            "local_register",
            "in_formation",
            "name",
            "acronym",
            "ess_statut",
            "legal_category",
            "representative_name",
            "representative_title",
            *CONTACT,
            "website",
        ]
        labels = {"in_formation": gettext_lazy("The organisation is being created: it has no number yet")}
        help_texts = {
            "siret": gettext_lazy("14 digits, on your INSEE notice. Spaces do not matter."),
            "rna": gettext_lazy("For an association: W and 9 characters, on the receipt of the prefecture."),
            "legal_category": gettext_lazy("The legal form, as on your INSEE notice."),
            "representative_name": gettext_lazy("The person who signs for the organisation."),
            "representative_title": gettext_lazy("President, manager, director…"),
        }
        widgets = {
            "siret": forms.TextInput(attrs={"inputmode": "numeric"}),
            "rna": forms.TextInput(attrs={"spellcheck": "false"}),
            "website": forms.TextInput(attrs={"inputmode": "url", "autocomplete": "url"}),
            **_CONTACT_WIDGETS,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["website"] = forms.URLField(
            label=self.fields["website"].label,
            widget=self.fields["website"].widget,
            required=False,
            max_length=200,
            assume_scheme="https",
        )
        for name, length in (("siret", 60), ("rna", 40)):
            # A number that is known is the identity of the organisation: the service changes it, on a proof.
            self._widen(name, length, disabled=bool(self.instance.pk and getattr(self.instance, name)))
        self.fields["name"].required = True
        self.fields["ess_statut"].required = True
        self.fields["ess_statut"].choices = [("", gettext_lazy("Choose…")), *Applicant.EssStatut.choices]
        self.fields["legal_category"].empty_label = gettext_lazy("I do not know")
        # Whoever comes from a claim that waits for it reads that it is needed; other corrections stay open without.
        if self.instance.pk and self.instance.awaits_siret:
            sometimes(self.fields["siret"])
        if self.instance.pk and not self.instance.in_formation:
            del self.fields["in_formation"]

    def clean_siret(self) -> str | None:
        siret = self.cleaned_data["siret"]
        return validate_siret(siret) if siret else None

    def clean_rna(self) -> str | None:
        rna = self.cleaned_data["rna"]
        return validate_rna(rna) if rna else None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        siret, rna = cleaned.get("siret"), cleaned.get("rna")
        found = known_applicant(siret=siret, rna=rna)
        if found and found.pk != self.instance.pk:
            self.known = found
            raise ValidationError(
                _("“%(name)s” already has an account here. Ask its people to let you in.")
                % {"name": found.display_name},
                code=KNOWN,
            )
        if siret and cleaned.get("in_formation"):
            self.add_error("in_formation", _("An organisation that has a SIRET number is registered: untick this box."))
        numbers_are_wrong = "siret" in self.errors or "rna" in self.errors
        identified = siret or rna or cleaned.get("local_register") or cleaned.get("in_formation")
        if not identified and not numbers_are_wrong:
            self.add_error("siret", _("Give the SIRET number or, for an association without one, the RNA number."))
        elif not (siret or cleaned.get("in_formation") or numbers_are_wrong or self._may_have_no_siret(cleaned)):
            self.add_error(
                "siret",
                _(
                    "Give the SIRET number: an RNA number or a local register is enough for an association alone, and this"
                    " legal form is none. If the organisation is still being created, keep the box ticked."
                ),
            )
        return cleaned

    def _may_have_no_siret(self, cleaned: dict[str, Any]) -> bool:
        """An association, by its legal category where it is known. An organisation that was recorded without a number
        before this was asked keeps its page open to other corrections: no claim is filed for it meanwhile."""
        before = Applicant.objects.filter(pk=self.instance.pk).select_related("legal_category").first()
        if before is not None and before.awaits_siret and not before.in_formation:
            return True
        category = cleaned.get("legal_category")
        if category is not None:
            return category.family == ASSOCIATIONS
        return cleaned.get("ess_statut") == Applicant.EssStatut.ASSOCIATION

    def _post_clean(self) -> None:
        category = self.cleaned_data.get("legal_category")
        self.instance.is_association = (
            self.cleaned_data.get("ess_statut") == Applicant.EssStatut.ASSOCIATION
            or getattr(category, "family", "") == ASSOCIATIONS
        )
        if self.known is None and not self.errors:
            super()._post_clean()


class NaturalApplicantForm(_ApplicantForm):
    """A person who asks in their own name (an employee-partner of a cooperative)."""

    kind = Applicant.Kind.NATURAL

    class Meta:
        model = Applicant
        fields = ["first_name", "last_name", "birth_date", *CONTACT]
        field_classes = {"birth_date": BirthDayField}
        widgets = {
            "first_name": forms.TextInput(attrs={"autocomplete": "given-name"}),
            "last_name": forms.TextInput(attrs={"autocomplete": "family-name"}),
            "birth_date": FRENCH_DATE,
            **_CONTACT_WIDGETS,
        }
        help_texts = {
            "birth_date": gettext_lazy("To tell people with the same name apart. No social security number is asked."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["first_name"].required = True
        self.fields["last_name"].required = True

    def clean_birth_date(self) -> Any:
        born = self.cleaned_data["birth_date"]
        if born and born.year > timezone.localdate().year - 14:
            raise ValidationError(_("Check this date of birth: the year seems wrong."))
        return born


def role_choices() -> list[tuple[str, str]]:
    """The roles, each with what it allows."""
    return [
        (role.value, _("%(role)s: %(help)s") % {"role": capfirst(role.label), "help": ROLE_HELP[role]})
        for role in MemberRole
    ]


class JoinForm(NoNationalNumberMixin, forms.ModelForm):
    """A request to join an applicant that exists."""

    class Meta:
        model = JoinRequest
        fields = ["role", "message"]
        widgets = {"message": forms.Textarea(attrs={"rows": 4})}
        help_texts = {"message": gettext_lazy("Who you are in the organisation, so that they recognise you.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(
            label=gettext_lazy("What you need to do"),
            choices=role_choices(),
            widget=forms.RadioSelect,
            initial=MemberRole.EDITOR,
        )

    def clean_message(self) -> str:
        """Whoever asks writes to people who do not know them: words only."""
        validate_body_name(self.cleaned_data["message"])
        return self.cleaned_data["message"]


class NoInterestForm(NoNationalNumberMixin, forms.Form):
    """Why a person has no interest in a body that names them."""

    reason = forms.CharField(
        label=gettext_lazy("Why you have no interest in this body"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=1000,
        help_text=gettext_lazy("Read by the head of service and the auditors, on the page of the applicant."),
    )


class LiftInterestForm(NoNationalNumberMixin, forms.Form):
    """Why what a person did for a body does not keep them from acting for the Region on it any more."""

    reason = forms.CharField(
        label=gettext_lazy("Why this interest does not count any more"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=1000,
        help_text=gettext_lazy("Read by the head of service and the auditors, on the page of the applicant."),
    )


class InviteForm(PastedTextMixin, forms.Form):
    """An invitation."""

    email = forms.EmailField(label=gettext_lazy("E-mail address of the person"))
    role = forms.ChoiceField(label=gettext_lazy("What this person may do"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices()
        self.fields["role"].initial = MemberRole.EDITOR
