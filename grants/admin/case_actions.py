"""What the case page posts: one small form each, one function of the services each."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.documents import DocumentRefused
from core.engine import versions
from core.engine.once import once
from core.engine.readable import refuse_other_rows
from core.text import is_number
from grants import instruction, opinions
from grants.admin.forms import (
    AskOpinionForm,
    AssignForm,
    BodyForm,
    CheckForm,
    EuFundForm,
    OpinionRowForm,
    PieceForm,
    RecordOpinionForm,
    RetainForm,
    ScoreForm,
    UpholdOpinionForm,
)
from grants.check_lines import grounds_of_check
from grants.models import Application
from grants.work import case_url

NOTHING = gettext_lazy("Nothing was changed: what you sent is what the page said.")


class CaseActions:
    """Mixin of the case's admin: ``<id>/do/<action>/`` takes the forms of the page by POST.

    A refused form comes back on the page with what was typed and the reason.
    """

    def case_action(self, request: HttpRequest, object_id: int, action: str) -> HttpResponse:
        """Carry out one action of the page and come back to its section."""
        return self._added(request, object_id, action) if action in ADDS else self._done(request, object_id, action)

    @method_decorator(once)
    def _added(self, request: HttpRequest, object_id: int, action: str) -> HttpResponse:
        return self._done(request, object_id, action)

    def _done(self, request: HttpRequest, object_id: int, action: str) -> HttpResponse:
        case = self.object_or_404(request, object_id)
        handler = HANDLERS.get(action)
        if handler is None:
            raise Http404
        if not self.has_view_permission(request, case):
            raise PermissionDenied
        with transaction.atomic():
            shown = self._shown(request, case, action)
            form, anchor, done = handler(case, request, shown)
        if done is None:
            return self._page_with(request, case, action, form)
        messages.success(request, done)
        return HttpResponseRedirect(case_url(case.pk, anchor))

    @staticmethod
    def _shown(request: HttpRequest, case: Application, action: str) -> versions.Shown | None:
        """What the page showed, compared with the case under its lock; None for what adds a row of its own."""
        if action in ADDS:
            return None
        shown = versions.carried(request.POST, case)
        versions.lock(case)
        case.refresh_from_db()
        if action not in SETTLED:
            versions.verify(case, shown)
        return shown

    def _page_with(self, request: HttpRequest, case: Application, action: str, form) -> HttpResponse:
        request.case_forms = {action: form}
        page = self.shown_again(request, case, form)
        for errors in form.errors.values():
            for text in errors:
                messages.error(request, text)
        return page


def _attempt(form, work):
    """Run ``work(cleaned data)`` when the form is valid; whether it was done. A refusal becomes the form's error."""
    if not form.is_valid():
        return False
    try:
        with transaction.atomic():
            work(form.cleaned_data)
    except (instruction.InstructionRefused, DocumentRefused) as refusal:
        field = getattr(refusal, "field", "")
        form.add_error(field if field in form.fields else None, str(refusal))
        return False
    return True


def answer_check(case, request, shown):
    given = case.check_answers.filter(code=request.POST.get("code", "")).first()
    initial = {"answer": given.answer, "reason": given.reason} if given else {}
    form = CheckForm(request.POST, initial=initial)
    versions.settle(form, case, shown, together=True)
    if grounds := grounds_of_check(case, request.POST.get("code", "")):
        versions.verify_grounds(case, shown, grounds)
    done = _attempt(
        form,
        lambda data: instruction.answer_check(
            case, data["code"], data["answer"], actor=request.user, reason=data["reason"]
        ),
    )
    stage = instruction.check_rule(case, form.cleaned_data["code"]).stage if done else ""
    return form, f"checks-{stage}", _("Answer recorded.") if done else None


def answer_automatic(case, request, shown):
    form = EuFundForm({})
    done = _attempt(form, lambda data: instruction.refresh_automatic_checks(case, actor=request.user))
    return form, "amount", _("Automatic checks computed.") if done else None


def score(case, request, shown):
    given = {item.code: item for item in case.scores.all()}
    form = ScoreForm(request.POST, criteria=case.rules.criteria, initial=ScoreForm.initial_of(given))
    touched = versions.settle(form, case, shown)
    refuse_other_rows(request.POST, "(score|comment)-.*", form.fields)
    form.refuse_without_score(touched)

    def save(data):
        for criterion in case.rules.criteria:
            value = data.get(f"score-{criterion.code}")
            mine = {f"score-{criterion.code}", f"comment-{criterion.code}"} & touched
            if mine and value is not None:
                instruction.score_criterion(
                    case, criterion.code, value, actor=request.user, comment=data[f"comment-{criterion.code}"]
                )

    done = _("Scores recorded.") if touched else NOTHING
    return form, "scoring", done if _attempt(form, save) else None


def compute(case, request, shown):
    form = EuFundForm({})
    done = _attempt(form, lambda data: instruction.compute_aid(case, actor=request.user))
    return form, "amount", _("Aid computed.") if done else None


def retain(case, request, shown):
    lines = [line for line in case.budget_lines.all() if line.side == "charge"]
    form = RetainForm(request.POST, lines=lines, initial=RetainForm.initial_of(lines))
    touched = versions.settle(form, case, shown)
    refuse_other_rows(request.POST, "line-.*", form.fields)
    if touched == {"reason"} and form.cleaned_data.get("reason"):
        form.add_error("reason", _("Type the amount that is retained for this reason, or empty the reason."))

    def save(data):
        for line in lines:
            amount = data.get(f"line-{line.pk}")
            if f"line-{line.pk}" in touched and amount != line.eligible_amount:
                instruction.retain_amount(line, amount, actor=request.user, reason=data["reason"])

    done = _("Retained amounts recorded. Compute the aid again.") if touched - {"reason"} else NOTHING
    return form, "budget", done if _attempt(form, save) else None


def ask_opinion(case, request, shown):
    form = AskOpinionForm(request.POST, case=case)
    done = _attempt(form, lambda data: instruction.ask_opinion(case, actor=request.user, **data))
    return form, "opinions", _("Opinion asked by mail.") if done else None


def record_opinion(case, request, shown):
    form = RecordOpinionForm(request.POST, request.FILES)

    def save(data):
        opinion = get_object_or_404(case.opinions, pk=data["opinion"])
        instruction.record_opinion(
            opinion,
            data["result"],
            actor=request.user,
            given_on=data["given_on"],
            proof=data["proof"],
            summary=data["summary"],
        )

    return form, "opinions", _("Opinion recorded.") if _attempt(form, save) else None


def close_opinion_link(case, request, shown):
    form = OpinionRowForm(request.POST)

    def save(data):
        instruction.close_opinion_link(get_object_or_404(case.opinions, pk=data["opinion"]), actor=request.user)

    return form, "opinions", _("The link is closed.") if _attempt(form, save) else None


def uphold_opinion(case, request, shown):
    form = UpholdOpinionForm(request.POST)

    def save(data):
        opinions.uphold_opinion(
            get_object_or_404(case.opinions, pk=data["opinion"]), data["reason"], actor=request.user
        )

    return form, "opinions", _("The opinion holds on the file as it is now.") if _attempt(form, save) else None


def judge_piece(case, request, shown):
    chosen = request.POST.get("piece", "")
    piece = get_object_or_404(case.pieces, pk=int(chosen) if is_number(chosen) else 0)
    form = PieceForm(request.POST, initial={"state": piece.state, "note": piece.note})
    versions.settle(form, case, shown, together=True)

    def save(data):
        instruction.judge_piece(piece, data["state"], actor=request.user, note=data["note"])

    return form, "pieces", _("Piece judged.") if _attempt(form, save) else None


def write_message(case, request, shown):
    form = BodyForm(request.POST, auto_id="id_message_%s")
    done = _attempt(form, lambda data: instruction.write_to_applicant(case, data["body"], actor=request.user))
    return form, "messages", _("Message sent.") if done else None


def write_note(case, request, shown):
    form = BodyForm(request.POST, auto_id="id_note_%s")
    done = _attempt(form, lambda data: instruction.add_note(case, data["body"], actor=request.user))
    return form, "notes", _("Note written.") if done else None


def choose_fund(case, request, shown):
    form = EuFundForm(request.POST, initial={"eu_fund": case.eu_fund})
    versions.settle(form, case, shown)
    done = _attempt(form, lambda data: instruction.choose_eu_fund(case, data["eu_fund"], actor=request.user))
    return form, "amount", _("EU fund recorded.") if done else None


def assign(case, request, shown):
    form = AssignForm(request.POST, cases=[case], initial={"instructor": case.instructor_id})
    versions.settle(form, case, shown)
    done = _attempt(form, lambda data: instruction.assign_instructor(case, data["instructor"], actor=request.user))
    words = {"person": form.cleaned_data["instructor"]} if done else {}
    return form, "answers", _("The case is given to %(person)s.") % words if done else None


def read_messages(case, request, shown):
    form = EuFundForm({})
    done = _attempt(form, lambda data: instruction.mark_read(case, actor=request.user))
    return form, "messages", _("Messages marked as read.") if done else None


ADDS = {"opinion", "message", "read", "note"}
"""What adds a row of its own, or only marks as read: nothing of anybody else's is written over."""

SETTLED = {"check", "score", "retain", "piece", "fund", "assign"}
"""Forms that are compared field by field; the others are taken only when the case is as the page showed it."""

HANDLERS = {
    "check": answer_check,
    "automatic": answer_automatic,
    "score": score,
    "compute": compute,
    "retain": retain,
    "opinion": ask_opinion,
    "opinion-answer": record_opinion,
    "opinion-link": close_opinion_link,
    "opinion-uphold": uphold_opinion,
    "piece": judge_piece,
    "message": write_message,
    "read": read_messages,
    "note": write_note,
    "fund": choose_fund,
    "assign": assign,
}
