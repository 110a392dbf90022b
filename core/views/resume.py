"""An expired session must not cost what was typed.

Somebody sends a form after their session ended, or after signing in again in another tab. Instead of an error they
get a page that carries the same fields, has them sign in where needed, and sends the fields again to the same address
when they confirm. Only what the person sent from a page of this site is carried, it goes back to the same address,
and it is handled there with all the usual checks. Files cannot be carried by a browser: the page asks for them again.
"""

import re
from collections.abc import Container
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth import login
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.utils.datastructures import MultiValueDict
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from core.forms import SignInForm
from core.site.chosen_files import CHOSEN, left_behind
from core.site.known_fields import takes
from core.site.resumed import KEY, LEFT, TYPED_BY, act_of, answers, is_back, is_of_another, label_of

PREFIX = "kept:"  # the carried fields, apart from the sign-in form's own
FILE_PREFIX = "kept-file:"
TARGET = "kept-address"
NOT_RESUMED = {"core:login", "core:logout", "core:resume"}
BY = "kept-by"
PAGE = "kept-page"
# Never written into a page: secrets, and what belongs to the request itself.
_NEVER_CARRIED = ("csrfmiddlewaretoken", "password")


@dataclass(frozen=True)
class Kept:
    """What a form sent: its address, its fields (every value of each), and the names of its file fields."""

    address: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    typed_by: str = ""
    page: str = ""
    """Where the form stood: the way back."""

    @property
    def act(self) -> str:
        """What the button that was pressed does, in its words; empty where the page did not say."""
        return act_of(self._values, self.address)

    @property
    def answers(self) -> list[tuple[str, str]]:
        """What the person typed and chose, by the labels of the page: neither tokens nor what the page put in."""
        return self.answers_besides(())

    def answers_besides(self, told: Container[str]) -> list[tuple[str, str]]:
        """The same without the fields of these names, that the reader is told already."""
        return answers(self._values, told)

    @property
    def files_named(self) -> list[tuple[str, str, str]]:
        """The files with what each is for, where the page said it: (field, file, label)."""
        values = self._values
        return [(name, file, label_of(values, name)) for name, file in self.files]

    @property
    def _values(self) -> QueryDict:
        values = QueryDict(mutable=True)
        for name, value in self.fields:
            values.appendlist(name, value)
        return values


def kept_from(request: HttpRequest) -> Kept:
    """What this request sent, ready to be carried."""
    files: MultiValueDict = request.FILES
    chosen = [(name, upload.name) for name, uploads in files.lists() for upload in uploads]
    return Kept(
        address=request.get_full_path(),
        fields=_carried(request.POST),
        files=[*chosen, *left_behind(request)],
        typed_by=request.POST.get(TYPED_BY, ""),
        page=page_before(request),
    )


def page_before(request: HttpRequest) -> str:
    """The page where the form stood, read anew."""
    address = request.headers.get("Referer", "")
    if address and url_has_allowed_host_and_scheme(address, {request.get_host()}):
        return address
    return settings.ESSOR_STAFF_PREFIX if request.path.startswith(settings.ESSOR_STAFF_PREFIX) else "/"


def _carried(data: QueryDict) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, values in data.lists()
        if not any(word in name.lower() for word in _NEVER_CARRIED)
        and not name.endswith(CHOSEN)
        and name not in (TYPED_BY, KEY)
        for value in values
    ]


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page in place of the form's answer, with the form's fields on board."""
    return _sign_in_page(request, SignInForm(request), kept_from(request))


def keep_and_sign_in_again(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    """The same sign-in page with a sentence that says why the person is not in yet."""
    kept = _unpacked(request)
    if kept is None:
        return redirect("core:home")
    form = SignInForm(request, initial={"username": request.POST.get("username", "")})
    return _sign_in_page(request, form, kept, sentence=sentence, status=status)


def _sign_in_page(
    request: HttpRequest,
    form: SignInForm,
    kept: Kept,
    *,
    sentence: str = "",
    of_another: bool = False,
    status: int = 401,
) -> HttpResponse:
    context = {
        "form": form,
        "kept": kept,
        "prefix": PREFIX,
        "file_prefix": FILE_PREFIX,
        "target": TARGET,
        "typed_by": BY,
        "page": PAGE,
        "locked": sentence,
        "of_another": of_another,
        "has_left": bool(kept.typed_by) and request.COOKIES.get(LEFT) == kept.typed_by,
    }
    return render(request, "essor/resume/sign_in.html", context, status=status)


def _confirm_page(request: HttpRequest, kept: Kept) -> HttpResponse:
    """What was typed, for the one who typed it; another account is told so, and sees and sends nothing of it."""
    if is_of_another(kept.typed_by, request.user):
        return typed_with_another_account(request)
    return render(request, "essor/resume/confirm.html", {"kept": kept})


def send_again(request: HttpRequest, why: str) -> HttpResponse:
    """A form that could not be taken as it came (409): what was typed, in a form that can; a script gets the sentence."""
    if is_fragment(request):
        return JsonResponse({"refused": why}, status=409)
    return render(request, "essor/resume/confirm.html", {"kept": kept_from(request), "why": why}, status=409)


def typed_with_another_account(request: HttpRequest) -> HttpResponse:
    """Says that somebody else typed this, and shows nothing of it."""
    return render(request, "essor/resume/of_another.html", status=403)


@takes(SignInForm, TARGET, BY, PAGE, re.compile(f"{PREFIX}.*|{FILE_PREFIX}.*", re.DOTALL))
@never_cache
@sensitive_post_parameters("password")
def sign_in_and_resume(request: HttpRequest) -> HttpResponse:
    """Signs in, then offers to send the carried fields again."""
    kept = _unpacked(request)
    if kept is None:  # also a plain reading of this address
        return redirect("core:home")
    if request.user.is_authenticated:
        return _confirm_page(request, kept)
    form = SignInForm(request, data=request.POST)
    if not form.is_valid():
        return _sign_in_page(request, form, kept)
    if is_of_another(kept.typed_by, form.get_user()):
        return _sign_in_page(request, form, kept, of_another=True)
    login(request, form.get_user())
    return is_back(request, _confirm_page(request, kept), request.user)


def _unpacked(request: HttpRequest) -> Kept | None:
    address = request.POST.get(TARGET, "")
    if not _is_own_address(request, address):
        return None
    return Kept(
        address=address,
        fields=[
            (name.removeprefix(PREFIX), value)
            for name, values in request.POST.lists()
            if name.startswith(PREFIX)
            for value in values
        ],
        files=[
            (name.removeprefix(FILE_PREFIX), value)
            for name, values in request.POST.lists()
            if name.startswith(FILE_PREFIX)
            for value in values
        ],
        typed_by=request.POST.get(BY, ""),
        page=request.POST.get(PAGE, "") if _is_own_page(request, request.POST.get(PAGE, "")) else "/",
    )


def _is_own_page(request: HttpRequest, address: str) -> bool:
    """True for what :func:`page_before` says: the whole address of a page of this site, or its path."""
    is_address = address.startswith(("/", "http://", "https://"))
    return is_address and url_has_allowed_host_and_scheme(address, {request.get_host()})


def _is_own_address(request: HttpRequest, address: str) -> bool:
    """True for a page of this site where something is done: not signing in or out, which would go round in circles."""
    if not address.startswith("/") or not url_has_allowed_host_and_scheme(address, {request.get_host()}):
        return False
    try:
        is_resumed = resolve(address.partition("?")[0]).view_name not in NOT_RESUMED
    except Resolver404:
        return False
    return is_resumed


def is_fragment(request: HttpRequest) -> bool:
    """True for a request made by a script of a page that is already open."""
    return bool(request.headers.get("HX-Request")) or "application/json" in request.headers.get("Accept", "")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF refusal, told to the person. What they typed is kept when it came from a page of this site.

    A script gets a bare 403: its page keeps what was typed.
    """
    if is_fragment(request):
        return HttpResponse(status=403)
    if not _sent_from_here(request):
        return render(request, "403_csrf.html", status=403)
    try:
        kept = kept_from(request)
    except (RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent, TooManyFilesSent, OSError):
        return render(request, "403_csrf.html", status=403)
    if not kept.fields:
        return render(request, "403_csrf.html", status=403)
    if request.user.is_authenticated:
        return _confirm_page(request, kept)
    return ask_to_sign_in(request)


def _sent_from_here(request: HttpRequest) -> bool:
    """True when the browser says that the form stood on a page of this site: a forged form must not be resumed."""
    own = f"{request.scheme}://{request.get_host()}"
    origin = request.headers.get("Origin")
    if origin:
        return origin == own
    return request.headers.get("Referer", "").startswith(f"{own}/")
