"""Forms of the accounts: signing in, signing up, one's profile."""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, PasswordResetForm
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from core.lib.telephones import validate_phone
from core.text import PastedTextMixin

User = get_user_model()

_password_rules = lazy(password_validators_help_text_html, str)


def _real_number(typed: str) -> str:
    """The telephone as it was typed, once it is a number that can be called; nothing stays nothing."""
    if typed:
        validate_phone(typed)
    return typed


class SignInForm(AuthenticationForm):
    """E-mail address and password."""

    username = forms.EmailField(
        label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autocapitalize": "none"})
    )
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    error_messages = {
        "invalid_login": _(
            "This e-mail address and this password do not go together. Check both; capital letters count. If you have "
            "just created your account, first open the link that we sent you by e-mail."
        ),
        "inactive": _("This account is not active. Open the link that we sent you by e-mail, or write to us."),
    }

    def clean_username(self) -> str:
        return User.objects.normalize_email(self.cleaned_data["username"])


class SignUpForm(PastedTextMixin, forms.ModelForm):
    """A new account. An address that is already known gives no error: nobody learns who has an account."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_password_rules(),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label=_("Password, once more"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "phone"]
        widgets = {
            "first_name": forms.TextInput(attrs={"autocomplete": "given-name"}),
            "last_name": forms.TextInput(attrs={"autocomplete": "family-name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email", "autocapitalize": "none"}),
            "phone": forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
        }
        help_texts = {
            "email": _("Your own address: it is your login, and where we write to you."),
            "phone": _("So that the officer in charge can call you."),
        }

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["first_name"].required = True
        self.fields["last_name"].required = True

    def clean_email(self) -> str:
        return User.objects.normalize_email(self.cleaned_data["email"])

    def validate_unique(self) -> None:
        """Left to the view, which answers the same to a known and to an unknown address."""

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        first, second = data.get("password"), data.get("password_again")
        if first and second and first != second:
            self.add_error("password_again", _("The two passwords differ. Type the same one twice."))
        if first:
            someone = User(**{name: data.get(name, "") for name in ("email", "first_name", "last_name")})
            try:
                validate_password(first, someone)
            except ValidationError as error:
                self.add_error("password", error)
        return data

    def clean_phone(self) -> str:
        return _real_number(self.cleaned_data["phone"])


class AskResetForm(PasswordResetForm):
    """Asks for a mail with a link to choose a new password. The mail leaves through the outbox."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autocapitalize": "none"}),
    )


class ProfileForm(PastedTextMixin, forms.ModelForm):
    """What a person may change of their own account. The e-mail address is the login: an administrator changes it."""

    class Meta:
        model = User
        fields = ["first_name", "last_name", "phone", "language"]
        help_texts = {"language": _("The language of the pages after you sign in, and of the messages we send you.")}

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["first_name"].required = True
        self.fields["last_name"].required = True

    def clean_phone(self) -> str:
        return _real_number(self.cleaned_data["phone"])


class OpenAccountForm(ProfileForm):
    """What whoever opens an account corrects of what was typed when it was asked for, by somebody else perhaps."""

    class Meta(ProfileForm.Meta):
        fields = ["first_name", "last_name", "phone"]


class NewPasswordForm(PasswordChangeForm):
    """The old password and the new one. It stands second on its page, so it does not take the focus."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
