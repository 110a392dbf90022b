"""The portal pages on the people of an applicant."""

from typing import Any, NoReturn

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from applicants.forms.applicant import InviteForm, NoInterestForm
from applicants.interests import namings_of
from applicants.models import Applicant, Invitation, JoinRequest, Membership
from applicants.models.no_interest import words_of_places
from applicants.models.people import MemberRole
from applicants.people import (
    PeopleRefused,
    accept_invitation,
    change_role,
    declare_no_interest,
    decline_invitation,
    find_invitation,
    invite,
    remove_member,
    revoke_invitation,
)
from applicants.permissions import may_accept_invitation, may_declare_no_interest, may_manage_people
from applicants.views.access import add_refusal, my_applicant, tell_refusal
from core.engine import versions
from core.engine.once import once
from core.portal import portal_login_required
from core.roles import STAFF_ROLES
from core.site.known_fields import takes
from core.site.post_only import posts_to, takes_posts_only
from core.transitions import TransitionRefused, perform


def _page(request: HttpRequest, applicant: Applicant, form: InviteForm) -> HttpResponse:
    may_manage = may_manage_people(request.user, applicant) is None
    pending = applicant.join_requests.filter(state="pending").select_related("user")
    return render(
        request,
        "applicants/people.html",
        {
            "applicant": applicant,
            "form": form,
            "may_manage": may_manage,
            "memberships": applicant.memberships.select_related("user").order_by("-role", "pk"),
            "invitations": applicant.invitations.filter(
                accepted_at=None, revoked_at=None, declined_at=None
            ).select_related("invited_by"),
            "requests": versions.with_number(pending) if may_manage else [],
            "roles": MemberRole.choices,
        },
    )


@takes(InviteForm)
@portal_login_required
@once
def people(request: HttpRequest, pk: int) -> HttpResponse:
    """Who acts for the applicant; inviting someone."""
    applicant = my_applicant(request, pk)
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            invite(applicant, actor=request.user, **form.cleaned_data)
        except PeopleRefused as error:
            add_refusal(form, error)
        else:
            messages.success(
                request, _("The invitation was sent to %(email)s.") % {"email": form.cleaned_data["email"]}
            )
            return redirect("applicants:people", pk=pk)
    return _page(request, applicant, form)


@takes("role", "remove")
@portal_login_required
@posts_to("applicants:people", "pk")
def member(request: HttpRequest, pk: int, member_pk: int) -> HttpResponse:
    """Change a person's role, or end it."""
    applicant = my_applicant(request, pk)
    membership = Membership.objects.filter(applicant=applicant, pk=member_pk).first()
    if membership is None:
        _refuse_removed(request, applicant)
    leaving = membership.user_id == request.user.pk and "remove" in request.POST
    try:
        with versions.unchanged(request, applicant):
            if "remove" in request.POST:
                remove_member(membership, actor=request.user)
            else:
                if request.POST.get("role") not in MemberRole.values:
                    raise PeopleRefused(_("Choose what this person may do."))
                change_role(membership, request.POST["role"], actor=request.user)
    except PeopleRefused as error:
        tell_refusal(request, error)
        leaving = False
    else:
        messages.success(request, _("Your changes are saved."))
    return redirect("applicants:index") if leaving else redirect("applicants:people", pk=pk)


def _refuse_removed(request: HttpRequest, applicant: Applicant) -> NoReturn:
    """Somebody whom the page showed acts for the applicant no more: told like any page that is older than what is there.

    Raises:
        Stale: what happened since. Http404: nothing did, and nobody of this number was on the page.
    """
    try:
        versions.verify(applicant, versions.carried(request.POST, applicant))
    except versions.Stale:
        versions.gone_on(request, applicant, _("This person does not act for this applicant any more."))
    raise Http404


@portal_login_required
@posts_to("applicants:people", "pk")
def cancel_invitation(request: HttpRequest, pk: int, invitation_pk: int) -> HttpResponse:
    """Cancel an invitation that was not answered."""
    applicant = my_applicant(request, pk)
    found = get_object_or_404(Invitation, applicant=applicant, pk=invitation_pk)
    try:
        with versions.unchanged(request, applicant):
            revoke_invitation(found, actor=request.user)
    except PeopleRefused as error:
        tell_refusal(request, error)
    else:
        messages.success(request, _("The invitation is cancelled."))
    return redirect("applicants:people", pk=pk)


def _page_of_request(request: HttpRequest, request_pk: int, **kwargs: Any) -> str:
    """Where a request to join is answered, or, for whoever made it, is followed."""
    join_request = get_object_or_404(JoinRequest.objects.for_user(request.user), pk=request_pk)
    if join_request.user_id == request.user.pk:
        return reverse("applicants:index")
    return reverse("applicants:people", args=[join_request.applicant_id])


@portal_login_required
@takes_posts_only(_page_of_request)
def answer_request(request: HttpRequest, request_pk: int, name: str) -> HttpResponse:
    """Accept or refuse a request to join; withdraw one's own."""
    join_request = get_object_or_404(JoinRequest.objects.for_user(request.user), pk=request_pk)
    if name not in {"accept", "refuse", "withdraw"}:
        raise Http404
    try:
        perform(join_request, name, actor=request.user, expected=versions.carried(request.POST, join_request))
    except TransitionRefused as error:
        tell_refusal(request, error)
    else:
        messages.success(request, _("Your answer is saved."))
    if name == "withdraw":
        return redirect("applicants:index")
    return redirect("applicants:people", pk=join_request.applicant_id)


@takes("decline")
@portal_login_required
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The page that the link of an invitation opens; taking it up is a POST."""
    found = find_invitation(token)
    if found is None:
        raise Http404
    return _invitation_page(request, found)


@takes("decline")
@portal_login_required
def my_invitation(request: HttpRequest, invitation_pk: int) -> HttpResponse:
    """The same for an invitation sent to one's own, verified, address."""
    return _invitation_page(
        request, get_object_or_404(Invitation.objects.sent(), pk=invitation_pk, email=request.user.email)
    )


def _invitation_page(request: HttpRequest, found: Invitation) -> HttpResponse:
    if found.accepted_by_id == request.user.pk:
        if "decline" in request.POST:
            accepted = _(
                "You accepted this invitation: you act for “%(name)s”. You may leave it on the page of its people."
            )
            versions.gone_on(request, found, accepted % {"name": found.applicant.display_name})
        return redirect("applicants:detail", pk=found.applicant_id)
    reason = may_accept_invitation(request.user, found) or ""
    if request.method == "POST" and "decline" in request.POST:
        try:
            decline_invitation(found, user=request.user)
        except PeopleRefused as error:
            reason = str(error)
        else:
            messages.success(
                request, _("You declined the invitation of “%(name)s”.") % {"name": found.applicant.display_name}
            )
            return redirect("core:home")
    elif request.method == "POST":
        try:
            accept_invitation(found, user=request.user)
        except ValidationError as error:
            reason = " ".join(error.messages)
        else:
            messages.success(request, _("You now act for “%(name)s”.") % {"name": found.applicant.display_name})
            return redirect("applicants:detail", pk=found.applicant_id)
    return render(request, "applicants/invitation.html", {"invitation": found, "reason": reason})


@takes(NoInterestForm)
@portal_login_required
@once
def no_interest(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody of the Region's staff answers a body that names them: they have no interest in it, and why."""
    applicant = get_object_or_404(Applicant, pk=pk)
    if not request.user.has_role(*STAFF_ROLES):
        raise Http404
    form = NoInterestForm(request.POST or None)
    refusal = may_declare_no_interest(request.user, applicant)
    places = namings_of(request.user, applicant)
    if not (refusal or places):
        # Whoever answered already (the page was reloaded, the button pressed twice) reads that; anybody else, nothing.
        if not applicant.no_interests.live().filter(user=request.user).exists():
            raise Http404
        refusal = _("You declared already that you have no interest in this body.")
    if request.method == "POST" and refusal:
        versions.gone_on(request, applicant, refusal)
    if request.method == "POST" and form.is_valid():
        try:
            declare_no_interest(applicant, form.cleaned_data["reason"], actor=request.user)
        except PeopleRefused as error:
            add_refusal(form, error)
        else:
            messages.success(
                request, _("You declared that you have no interest in “%(name)s”.") % {"name": applicant.display_name}
            )
            return redirect("admin:applicants_applicant_change", pk)
    return render(
        request,
        "applicants/no_interest.html",
        {"applicant": applicant, "form": form, "refusal": refusal, "places": words_of_places(places)},
    )
