"""Accounts: signing in and out, signing up, a forgotten password, one's profile."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, get_user_model, login, logout, update_session_auth_hash
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from core.account_mail import (
    activation_tokens,
    send_way_in,
    with_target,
)
from core.acting import acting_as
from core.engine import versions
from core.events import record
from core.forms import AskResetForm, NewPasswordForm, OpenAccountForm, ProfileForm, SignInForm, SignUpForm
from core.navigation import landing_url
from core.portal import own_address, portal_login_required
from core.roles import Role
from core.site.known_fields import takes
from core.site.post_only import posts_to
from core.site.resumed import LEFT, is_back, mark_of
from core.throttle import too_many
from core.users.opening import ASKED_HERE, asked_here, open_account, remember_asked_here
from core.views.resume import TARGET, keep_and_sign_in_again

User = get_user_model()
BACKEND = "django.contrib.auth.backends.ModelBackend"
AFTER_RESET = "after_password_reset"
SIGNED_OUT = "essor-signed-out"
"""The cookie that asks the next page to remove the copies of one account's forms from the device: its number."""
SIGNED_OUT_SECONDS = 24 * 60 * 60


# --- in and out ------------------------------------------------------------------------------------------------------


@takes(SignInForm, REDIRECT_FIELD_NAME)
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """One page for staff and applicants; each lands where their work is."""
    target = _safe_target(request)
    if request.user.is_authenticated:
        return _after_sign_in(request, target)
    form = SignInForm(request, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.get_user())
        return _after_sign_in(request, target)
    return render(request, "essor/account/sign_in.html", {"form": form, "next": target})


def _safe_target(request: HttpRequest) -> str:
    target = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    return own_address(request, target)


def _after_sign_in(request: HttpRequest, target: str) -> HttpResponse:
    user = request.user
    if target.startswith(settings.ESSOR_STAFF_PREFIX) and not user.is_staff:
        if request.method == "GET":
            return render(request, "essor/account/staff_only.html", status=403)
        target = ""
    response = redirect(target or landing_url(user))
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        _remember_language(response, user.language)
    return is_back(request, response, user)


def _remember_language(response: HttpResponse, language: str) -> None:
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=365 * 24 * 60 * 60, samesite="Lax")


def locked_out(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    """Called by axes after too many wrong passwords: says how long to wait and what to do."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    sentence = _(
        "Too many wrong passwords in a row: this account is locked for %(minutes)d minutes. Wait, or choose a new "
        "password with “Forgotten password”. If you did not try to sign in, tell us."
    ) % {"minutes": minutes}
    if TARGET in request.POST:
        return keep_and_sign_in_again(request, sentence, status=429)
    form = SignInForm(request, initial={"username": request.POST.get("username", "")})
    context = {"form": form, "next": _safe_target(request), "locked": sentence}
    return render(request, "essor/account/sign_in.html", context, status=429)


@posts_to("core:home")
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session; the next page removes what this person's pages kept on the device (``keep.js``)."""
    account, mark = request.user.pk, mark_of(request.user)
    logout(request)
    messages.success(request, _("You are signed out."))
    response = redirect("core:home")
    if account is not None:
        secure = request.is_secure()
        kept = {"max_age": SIGNED_OUT_SECONDS, "samesite": "Lax", "secure": secure}
        response.set_cookie(SIGNED_OUT, str(account), **kept)
        response.set_cookie(LEFT, mark, httponly=True, **kept)
    return response


# --- a new account ---------------------------------------------------------------------------------------------------


@takes(SignUpForm, REDIRECT_FIELD_NAME)
@never_cache
@sensitive_post_parameters("password", "password_again")
def sign_up(request: HttpRequest) -> HttpResponse:
    """Creates an inactive account and sends its activation link; a known address gets a mail that says so."""
    target = _safe_target(request)
    if request.user.is_authenticated:
        return redirect(target or landing_url(request.user))
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if too_many(request, "sign-up"):
            form.add_error(None, _("Too many accounts were asked for from your network. Try again in an hour."))
        else:
            _create_account(request, form, target)
            request.session["signed_up_as"] = form.cleaned_data["email"]
            request.session["signed_up_for"] = target
            return redirect("core:signup_done")
    return render(request, "essor/account/sign_up.html", {"form": form, "next": target})


def _create_account(request: HttpRequest, form: SignUpForm, target: str) -> None:
    data, made = form.cleaned_data, False
    with acting_as(label="sign-up"), transaction.atomic():
        known = User.objects.filter(email=data["email"]).first()
        if known is None:
            try:
                with transaction.atomic():
                    known, made = _new_account(data), True
            except IntegrityError:  # the same form sent twice at once
                known = User.objects.get(email=data["email"])
        remember_asked_here(request, known, made=made, password=data["password"])
        send_way_in(request, known, target)


def _new_account(data: dict[str, Any]) -> Any:
    return User.objects.create_user(
        data["email"],
        data["password"],
        roles=[Role.APPLICANT],
        first_name=data["first_name"],
        last_name=data["last_name"],
        phone=data["phone"],
        language=translation.get_language() or "fr",
        is_active=False,
    )


def sign_up_done(request: HttpRequest) -> HttpResponse:
    """What comes next. A second mail leads to the page for which the account was asked, as the first one does."""
    context = {"email": request.session.get("signed_up_as", ""), "next": request.session.get("signed_up_for", "")}
    return render(request, "essor/account/sign_up_done.html", context)


@takes(OpenAccountForm, SetPasswordForm, REDIRECT_FIELD_NAME)
@never_cache
@sensitive_post_parameters("new_password1", "new_password2")
def activate(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """The link of the activation mail shows a button: programs that open the links of mails activate nothing.

    In the browser where this very account was asked for, its password stands. Anywhere else somebody else may have typed
    it: who opens the link, and so reads the mail, chooses the password and says who they are.
    """
    user = _user_of(uid)
    if user is not None and user.is_active and request.user.pk == user.pk:
        return _after_sign_in(request, _safe_target(request))
    if user is not None and user.is_active and not request.user.is_authenticated:
        messages.info(request, _("This account is already active. Sign in."))
        return redirect(with_target(reverse("core:login"), _safe_target(request)))
    with acting_as(user, label="activation"), transaction.atomic():
        user = User.objects.select_for_update().filter(pk=user.pk).first() if user is not None else None
        if user is None or not user.is_unopened or not activation_tokens.check_token(user, token):
            return render(request, "essor/account/link_expired.html", {"next": _safe_target(request)}, status=410)
        if asked_here(request, user):
            if request.method != "POST":
                return render(request, "essor/account/activate.html", {"account": user})
            open_account(user, [])
        elif (page := _choose_and_open(request, user)) is not None:
            return page
    request.session.pop(ASKED_HERE, None)
    login(request, user, backend=BACKEND)
    messages.success(request, _("Your account is active. Welcome."))
    return _after_sign_in(request, _safe_target(request))


def _choose_and_open(request: HttpRequest, user: Any) -> HttpResponse | None:
    """Open the (locked) account with the password and the names that its person types; else the page that asks them."""
    data = request.POST if "new_password1" in request.POST else None
    form, password_form = OpenAccountForm(data, instance=user), SetPasswordForm(user, data)
    if data is not None:
        versions.settle(form, user, versions.carried(data, user))
        if form.is_valid() and password_form.is_valid():
            password_form.save(commit=False)
            open_account(user, form.changed_data)
            return None
    context = {"account": User.objects.get(pk=user.pk), "form": form, "password_form": password_form}
    return render(request, "essor/account/choose_and_open.html", context)


def _user_of(uid: str) -> Any:
    try:
        return User.objects.filter(pk=int(force_str(urlsafe_base64_decode(uid)))).first()
    except (ValueError, OverflowError):
        return None


# --- a forgotten password ---------------------------------------------------------------------------------------------


@takes(AskResetForm, REDIRECT_FIELD_NAME)
@never_cache
def ask_reset(request: HttpRequest) -> HttpResponse:
    """Sends a link to choose a new password (or the activation link again). Says the same for an unknown address."""
    form, target = AskResetForm(request.POST or None), _safe_target(request)
    if request.method == "POST" and form.is_valid():
        if too_many(request, "reset"):
            form.add_error(None, _("Too many links were asked for from your network. Try again in an hour."))
        else:
            _send_reset(request, User.objects.normalize_email(form.cleaned_data["email"]), target)
            return redirect("core:password_reset_done")
    return render(request, "essor/account/ask_reset.html", {"form": form, "next": target})


def _send_reset(request: HttpRequest, email: str, target: str) -> None:
    user = User.objects.filter(email=email).first()
    if user is not None:
        with transaction.atomic():
            send_way_in(request, user, target, forgotten=True)


def reset_asked(request: HttpRequest) -> HttpResponse:
    return render(request, "essor/account/reset_asked.html")


@method_decorator(never_cache, name="dispatch")
class ChooseNewPassword(PasswordResetConfirmView):
    """Django's own confirmation, with a sentence of ours when the link is too old."""

    template_name = "essor/account/new_password.html"
    success_url = reverse_lazy("core:login")

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Django moves the token from the address into the session: the page to open afterwards goes with it."""
        if target := _safe_target(self.request):
            self.request.session[AFTER_RESET] = target
        return super().dispatch(*args, **kwargs)

    def get_user(self, uidb64: str) -> Any:
        """None for an account that is not open: no password is chosen for it here."""
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def get_success_url(self) -> str:
        return with_target(super().get_success_url(), self.request.session.pop(AFTER_RESET, ""))

    def form_valid(self, form: Any) -> HttpResponse:
        with acting_as(self.user, label="password reset"), transaction.atomic():
            response = super().form_valid(form)
            record(self.user, "change_password", actor=self.user)
        messages.success(self.request, _("Your new password is set. Sign in with it."))
        return response

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        if not context["validlink"]:
            target = _safe_target(self.request) or self.request.session.get(AFTER_RESET, "")
            return render(self.request, "essor/account/link_expired.html", {"next": target}, status=410)
        return super().render_to_response(context, **kwargs)


# --- one's own account -----------------------------------------------------------------------------------------------


@takes(ProfileForm, NewPasswordForm, "change-password")
@sensitive_post_parameters()
@portal_login_required
def profile(request: HttpRequest) -> HttpResponse:
    """One's name, telephone, language and password."""
    changes_password = "change-password" in request.POST
    is_post = request.method == "POST"
    password_form = NewPasswordForm(request.user, request.POST if is_post and changes_password else None)
    if is_post and changes_password and password_form.is_valid():
        with transaction.atomic():
            password_form.save()
            record(request.user, "change_password", actor=request.user)
        update_session_auth_hash(request, password_form.user)
        messages.success(request, _("Your password is changed."))
        return redirect("core:profile")
    form = _save_profile(request) if is_post and not changes_password else ProfileForm(instance=request.user)
    if form.is_bound and form.is_valid():
        translation.activate(form.instance.language)
        messages.success(request, _("Your details are saved."))
        response = redirect("core:profile")
        _remember_language(response, form.instance.language)
        return response
    return render(request, "essor/account/profile.html", {"form": form, "password_form": password_form})


def _save_profile(request: HttpRequest) -> ProfileForm:
    """The form that came back, saved where it is valid: compared with the account as it is now, under its lock. The
    account of the request stays as it was read: the header shows what is saved, the form what was typed."""
    with transaction.atomic():
        user = User.objects.select_for_update(of=("self",), no_key=True).get(pk=request.user.pk)
        form = ProfileForm(request.POST, instance=user)
        versions.settle(form, user, versions.carried(request.POST, user))
        if form.is_valid():
            form.save()
            if form.changed_data:
                record(user, "edit_account", actor=user, data={"fields": form.changed_data})
    return form


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The staff site's own sign-in address leads to the one sign-in page."""
    target = _safe_target(request) or reverse("admin:index")
    return redirect(f"{reverse('core:login')}?{urlencode({REDIRECT_FIELD_NAME: target})}")
