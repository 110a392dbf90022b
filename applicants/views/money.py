"""The portal pages on bank accounts and de minimis aid."""

from decimal import Decimal

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from applicants.bank_accounts import account_for_its_owner, counts_as_change, enter_account
from applicants.de_minimis.links import declare_links, question_on
from applicants.de_minimis.register import CORRECTED, declare, withdraw_declaration
from applicants.de_minimis.room import assess_for
from applicants.forms.bank_account import BankAccountForm
from applicants.forms.de_minimis import DeMinimisForm, LinksForm
from applicants.models import Applicant, DeMinimisAid
from applicants.permissions import may_enter_bank_account
from applicants.views.access import add_refusal, my_applicant, next_address
from core.documents import DocumentRefused
from core.engine import versions
from core.engine.once import once
from core.portal import portal_login_required
from core.site.known_fields import takes
from core.site.post_only import posts_to
from core.transitions import TransitionRefused


@portal_login_required
def bank_accounts(request: HttpRequest, pk: int) -> HttpResponse:
    """The accounts, the one that is paid first."""
    applicant = my_applicant(request, pk)
    account, reason = account_for_its_owner(applicant)
    return render(
        request,
        "applicants/bank_accounts.html",
        {
            "applicant": applicant,
            "account": account,
            "reason": reason,
            "accounts": applicant.bank_accounts.select_related("proof", "proof__file", "entered_by"),
            "refusal": may_enter_bank_account(request.user, applicant),
        },
    )


@takes(BankAccountForm, "next")
@portal_login_required
@once
def new_bank_account(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter bank details, with their proof."""
    applicant = my_applicant(request, pk)
    if reason := may_enter_bank_account(request.user, applicant):
        if request.method == "POST":
            versions.gone_on(request, applicant, reason)
        messages.error(request, reason)
        return redirect("applicants:bank_accounts", pk=pk)
    form = BankAccountForm(request.POST or None, request.FILES or None, initial={"holder_name": applicant.display_name})
    if request.method == "POST" and form.is_valid() and _enter(request, applicant, form):
        return redirect(next_address(request) or reverse("applicants:bank_accounts", args=[pk]))
    return render(
        request,
        "applicants/bank_account_form.html",
        {
            "applicant": applicant,
            "form": form,
            "is_change": counts_as_change(applicant, request.user),
            "next": next_address(request),
        },
    )


def _enter(request: HttpRequest, applicant: Applicant, form: BankAccountForm) -> bool:
    """Enter the account; False when something was said on the form."""
    try:
        account = enter_account(applicant, actor=request.user, **form.cleaned_data)
    except DocumentRefused as error:
        form.add_error("proof", str(error))
        return False
    except (ValidationError, TransitionRefused) as error:
        add_refusal(form, error)
        return False
    messages.success(
        request, _("Your bank details are saved. The service checks them before the first payment on this account.")
    )
    if not account.holder_matches:
        messages.warning(
            request,
            _("The account holder is not “%(name)s”: the service will ask you why.") % {"name": applicant.display_name},
        )
    return True


@takes(DeMinimisForm, LinksForm, "answer_links")
@portal_login_required
@once
def de_minimis(request: HttpRequest, pk: int) -> HttpResponse:
    """The de minimis aids that count, and declaring one."""
    applicant = my_applicant(request, pk)
    links = LinksForm(request.POST if "answer_links" in request.POST else None)
    if links.is_valid():
        try:
            with versions.unchanged(request, applicant):
                declare_links(applicant, actor=request.user, **links.cleaned_data)
        except ValidationError as refusal:
            add_refusal(links, refusal)
        else:
            messages.success(request, _("Your answer is kept. The service reads it before it decides."))
            return redirect("applicants:de_minimis", pk=pk)
    form = DeMinimisForm(request.POST if request.method == "POST" and not links.is_bound else None)
    form.instance.applicant = applicant
    if form.is_valid():
        declare(applicant, actor=request.user, **{name: form.cleaned_data[name] for name in CORRECTED})
        messages.success(request, _("The aid is declared."))
        return redirect("applicants:de_minimis", pk=pk)
    return render(
        request,
        "applicants/de_minimis.html",
        {
            "applicant": applicant,
            "form": form,
            "links": links,
            "question": question_on(applicant),
            "aids": applicant.de_minimis_aids.all(),
            "verdict": assess_for(applicant, Decimal("0.00"), timezone.localdate()),
        },
    )


@takes("sure")
@portal_login_required
@posts_to("applicants:de_minimis", "pk")
def withdraw_de_minimis(request: HttpRequest, pk: int, aid_pk: int) -> HttpResponse:
    """Take back a declaration made in error, once it was asked about."""
    applicant = my_applicant(request, pk)
    aid = get_object_or_404(applicant.de_minimis_aids, pk=aid_pk, origin=DeMinimisAid.Origin.DECLARED)
    if not request.POST.get("sure"):
        with versions.unchanged(request, applicant):
            return render(request, "applicants/withdraw_de_minimis.html", {"applicant": applicant, "aid": aid})
    with versions.unchanged(request, applicant):
        withdraw_declaration(aid, actor=request.user)
    messages.success(request, _("The declaration is taken back."))
    return redirect("applicants:de_minimis", pk=pk)
