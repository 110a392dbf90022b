"""The portal pages on who one is: the list, one applicant, creating, changing, joining."""

from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from applicants.bank_accounts import account_for_its_owner
from applicants.contacts_told import tell_of_contact
from applicants.de_minimis.links import question_on
from applicants.forms.applicant import JoinForm, LegalApplicantForm, NaturalApplicantForm
from applicants.models import Applicant, Invitation, JoinRequest, Membership
from applicants.people import ask_to_join, create_applicant, known_applicant, service_waits_until, why_one_waits_already
from applicants.permissions import has_representative, may_manage_people
from applicants.views.access import my_applicant, next_address, tell_refusal
from core.engine import versions
from core.engine.once import once
from core.engine.second_click import Recorded, only_again
from core.engine.standing import reason_reads_only
from core.events import record
from core.portal import portal_login_required
from core.site.known_fields import takes

TWICE_WITHIN = timedelta(minutes=5)
IDENTITY = ("siret", "rna")
"""The numbers by which an organisation is found again, however they were typed."""


@portal_login_required
def index(request: HttpRequest) -> HttpResponse:
    """The applicants for which one acts, the invitations and the requests that wait."""
    memberships = Membership.objects.filter(user=request.user).select_related("applicant")
    invitations = Invitation.objects.open().filter(email=request.user.email)
    requests = JoinRequest.objects.filter(user=request.user, state=JoinRequest.State.PENDING)
    return render(
        request,
        "applicants/index.html",
        {
            "memberships": memberships.order_by("applicant__sort_name"),
            "invitations": invitations.select_related("applicant", "invited_by"),
            "requests": versions.with_number(requests.select_related("applicant")),
            "reads_only": reason_reads_only(request.user),
        },
    )


@portal_login_required
def new(request: HttpRequest) -> HttpResponse:
    """An organisation, or a person?"""
    return render(request, "applicants/new.html", {"next": next_address(request)})


@takes(LegalApplicantForm, "next")
@portal_login_required
@once
def new_legal(request: HttpRequest) -> HttpResponse:
    """Create an organisation, or be led to the one that exists."""
    form = LegalApplicantForm(request.POST or None, initial={"email": request.user.email})
    if request.method == "POST":
        if form.is_valid():
            return _created(request, form.instance)
        if form.known:
            if form.known.memberships.filter(user=request.user).exists():
                _only_if_known_so(request, form)
                return redirect(form_target(request, form.known))
            return redirect("applicants:join", number=form.known.siret or form.known.rna)
    return render(request, "applicants/legal_form.html", {"form": form, "next": next_address(request)})


def _only_if_known_so(request: HttpRequest, form: LegalApplicantForm) -> None:
    """One's own organisation, typed once more on another page. Raises Stale where it is typed otherwise than it is kept."""
    sentence = _("This organisation is here already, and you act for it: nothing was changed in it.")
    kept = {name: getattr(form.known, name) for name in form.fields if name not in IDENTITY}
    only_again(request, form.known, sentence, Recorded(kept, forms=[form], beside=("next", *IDENTITY)))


@takes(NaturalApplicantForm, "next")
@portal_login_required
@once
def new_natural(request: HttpRequest) -> HttpResponse:
    """Create a person, in the name of the one who is signed in unless changed."""
    user = request.user
    initial = {"first_name": user.first_name, "last_name": user.last_name, "email": user.email, "phone": user.phone}
    form = NaturalApplicantForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        return _created(request, form.instance)
    return render(request, "applicants/natural_form.html", {"form": form, "next": next_address(request)})


def form_target(request: HttpRequest, applicant: Applicant) -> str:
    """Where a finished form leads: back where one came from, or to the applicant's page."""
    return next_address(request) or applicant_url(applicant)


def applicant_url(applicant: Applicant) -> str:
    """The page of an applicant."""
    return reverse("applicants:detail", args=[applicant.pk])


def _created(request: HttpRequest, applicant: Applicant) -> HttpResponse:
    # A form sent twice (a double click, a lost answer) makes one applicant, also when no number tells them apart;
    # a form that says anything else is about another one.
    same = Applicant.objects.filter(
        created_by=request.user,
        created_at__gt=timezone.now() - TWICE_WITHIN,
        kind=applicant.kind,
        name=applicant.name,
        first_name=applicant.first_name,
        last_name=applicant.last_name,
        birth_date=applicant.birth_date,
        siret=applicant.siret,
        rna=applicant.rna,
        local_register=applicant.local_register,
        email=applicant.email,
        address_line=applicant.address_line,
        postcode=applicant.postcode,
    ).first()
    if same is None:
        same = create_applicant(applicant, actor=request.user)
        messages.success(request, _("“%(name)s” is saved. You are its representative.") % {"name": same.display_name})
    if (question := question_on(same)) is not None and question.awaits_declaration:
        messages.info(
            request,
            _(
                "Another establishment of your enterprise (SIREN %(siren)s) is known here: their de minimis aids add up."
                " Say on the page “De minimis aid” whether other enterprises are linked with it."
            )
            % {"siren": question.siren},
        )
    return redirect(form_target(request, same))


@portal_login_required
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One applicant: who it is, and what there is to do."""
    applicant = my_applicant(request, pk)
    account, reason = account_for_its_owner(applicant)
    may_manage = may_manage_people(request.user, applicant) is None
    return render(
        request,
        "applicants/detail.html",
        {
            "applicant": applicant,
            "account": account,
            "account_reason": reason,
            "may_manage": may_manage,
            "people_count": applicant.memberships.count(),
            "pending_requests": applicant.join_requests.filter(state="pending").count() if may_manage else 0,
        },
    )


@takes(LegalApplicantForm, NaturalApplicantForm, "next")
@portal_login_required
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what one may change of an applicant."""
    applicant = my_applicant(request, pk)
    if reason := may_manage_people(request.user, applicant):
        if request.method == "POST":
            versions.gone_on(request, applicant, reason)
        messages.error(request, reason)
        return redirect(applicant_url(applicant))
    form_class = LegalApplicantForm if applicant.is_legal else NaturalApplicantForm
    with transaction.atomic():
        if request.method == "POST":
            versions.lock(applicant)
            applicant.refresh_from_db()
        form = form_class(request.POST or None, instance=applicant)
        if form.is_bound:
            versions.settle(form, applicant, versions.carried(request.POST, applicant))
        if form.is_valid() and form.changed_data:
            form.save()
            changes = {name: [form.initial.get(name), form.cleaned_data[name]] for name in form.changed_data}
            event = record(applicant, "edit", actor=request.user, data={"fields": form.changed_data})
            tell_of_contact(applicant, event, changes)
    if form.is_valid():
        messages.success(request, _("Your changes are saved."))
        return redirect(form_target(request, applicant))
    if form.is_bound:
        # The form wrote what was typed on the instance: the title keeps the name that is known.
        applicant = my_applicant(request, pk)
    return render(
        request,
        "applicants/legal_form.html" if applicant.is_legal else "applicants/natural_form.html",
        {"form": form, "applicant": applicant, "next": next_address(request)},
    )


@takes(JoinForm)
@portal_login_required
@once
def join(request: HttpRequest, number: str) -> HttpResponse:
    """Ask the people of an organisation to let one in. Its number must be known: the address has no running number."""
    applicant = known_applicant(siret=number, rna=number)
    if applicant is None:
        raise Http404
    if Membership.objects.filter(user=request.user, applicant=applicant).exists():
        if request.method == "POST":
            versions.gone_on(
                request, applicant, _("You already act for “%(name)s”.") % {"name": applicant.display_name}
            )
        return redirect(applicant_url(applicant))
    form = JoinForm(request.POST or None)
    asked = JoinRequest.objects.filter(user=request.user, applicant=applicant, state=JoinRequest.State.PENDING).first()
    if request.method == "POST" and form.is_valid():
        try:
            ask_to_join(applicant, user=request.user, **form.cleaned_data)
        except ValidationError as error:
            tell_refusal(request, error)
        else:
            if asked is not None:
                messages.info(request, why_one_waits_already(asked))
                return redirect("applicants:index")
            messages.success(
                request,
                _("Your request was sent to the people of “%(name)s”. We write to you when it is answered.")
                % {"name": applicant.display_name},
            )
            return redirect("applicants:index")
    return render(
        request,
        "applicants/join.html",
        {
            "form": form,
            "applicant": applicant,
            "waits_until": service_waits_until() if has_representative(applicant, but=request.user) else None,
            "asked": why_one_waits_already(asked) if asked is not None else "",
        },
    )
