"""What stands on the page of a claim beside the button that was pressed: kept with it, or refused with it.

The page is one form with several buttons, so that each of them sends everything that was typed and chosen there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from agreements import claims
from agreements.claims import ClaimRefused
from agreements.forms.portal import AmountForm, PieceForm, ProofForm, WorkbookForm
from agreements.forms.transitions import SubmitClaimForm
from agreements.models import PaymentClaim
from core.documents import DocumentRefused
from core.engine import versions
from core.engine.second_click import Recorded, against_now, is_of_its_own
from core.json_safe import sha256_of_file
from core.models.event import Event
from core.site.chosen_files import chosen_files, taken
from core.site.known_fields import Under

#: The costs that were read on the page of confirmation.
CONFIRMED = "costs-read"
#: What the page of a claim sends with each of its buttons, the page of confirmation and the question before a removal too.
OF_THE_PAGE = (AmountForm, ProofForm, WorkbookForm, SubmitClaimForm, CONFIRMED, "then", "sure")


@dataclass
class Typed:
    """What the page held: the amount (None on a page without it) and the piece that was not taken."""

    amount: AmountForm | None = None
    piece: tuple[str, PieceForm] | None = None
    joined: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether everything that was on the page is kept now."""
        return self.piece is None and (self.amount is None or self.amount.is_valid())

    def refused_forms(self) -> dict:
        """The forms to show again with what was typed, as :func:`agreements.claim_page.claim_context` takes them."""
        forms = {}
        if self.amount is not None and not self.amount.is_valid():
            forms["amount_form"] = self.amount
        if self.piece is not None:
            forms["piece_form"] = self.piece
        return forms


def pieces_of_page(request: HttpRequest, number: str, **named: object) -> Iterator[Under]:
    """The places of the files that the payment of this claim asks for, as its page names them."""
    claim = PaymentClaim.objects.select_related("instalment").filter(number=number).first()
    for rule in claim.instalment.required_pieces if claim is not None else ():
        yield Under(rule["code"], PieceForm)


def keep_typed(request: HttpRequest, claim: PaymentClaim, *, whole: bool = False, asked: str = "") -> Typed:
    """Keep the amount, the statement and the files chosen for pieces, whichever button of the page was pressed.

    Args:
        whole: the claim is about to be filed as the page shows it; whatever changed since it was read is told first.
        asked: the code of the piece whose own button was pressed: it is refused without a file.

    Raises:
        Stale: a field was changed here and elsewhere; with ``whole``, anything was.
    """
    with transaction.atomic():
        versions.lock(claim)
        claim.refresh_from_db()
        typed = Typed(amount=_amount_of(request, claim, whole=whole))
        if whole:
            verify_page(request, claim, typed.amount)
        if typed.amount is not None and typed.amount.is_valid():
            _keep_amount(request, claim, typed.amount)
    if typed.is_kept:
        _join_pieces(request, claim, typed, asked)
    elif asked:
        form = PieceForm(request.POST, request.FILES, prefix=asked)
        form.add_error("file", _("This file is not joined: correct the amount first, then choose it again."))
        typed.piece = (asked, form)
    return typed


def _amount_of(request: HttpRequest, claim: PaymentClaim, *, whole: bool) -> AmountForm | None:
    if "claimed_amount" not in request.POST:
        return None
    form = AmountForm(request.POST, initial={"claimed_amount": claim.claimed_amount, "statement": claim.statement})
    versions.settle(form, claim, versions.carried(request.POST, claim), whole=whole)
    return form


def kept_of(request: HttpRequest, claim: PaymentClaim) -> Recorded:
    """What a claim keeps, as its page would send it: what was typed and chosen beside any of its buttons says the same, or
    something else. The statement on one's honour is recorded by filing alone."""
    values = {}
    if "claimed_amount" in request.POST:  # neither on the page of confirmation nor on a question
        values = {"claimed_amount": claim.claimed_amount, "statement": claim.statement}
    files: dict[str, set[str]] = {}
    for code, sha256 in claim.pieces.values_list("code", "document__file__sha256"):
        files.setdefault(f"{code}-file", set()).add(sha256)
    return Recorded(values, files, [AmountForm(request.POST)], beside=(CONFIRMED, "attested", "then", "sure"))


def verify_page(request: HttpRequest, claim: PaymentClaim, form: AmountForm | None = None) -> None:
    """Raises Stale where anything happened to the (locked) claim since its page was read, but that the same form kept what
    it brings, or a part of it: what was typed stands beside what is kept, also when the person has read that once already."""
    try:
        versions.verify(claim, versions.carried(request.POST, claim))
    except versions.Stale as stale:
        claim.refresh_from_db(fields=["claimed_amount", "statement"])
        if is_of_its_own(request, stale, partial(_brings, request, claim)):
            return
        if form is not None:
            stale.differences = against_now(form, form.initial)
        raise


def _brings(request: HttpRequest, claim: PaymentClaim, event: Event) -> bool:
    """Whether what was sent from the page of a claim brings what this event kept of it."""
    if event.action == "amount":
        now = {"claimed_amount": claim.claimed_amount, "statement": claim.statement}
        return "claimed_amount" in request.POST and not against_now(AmountForm(request.POST), now)
    if event.action == "join_piece":
        labels = {rule["label"]: rule["code"] for rule in claim.instalment.required_pieces}
        return _brings_file(request, f"{labels.get(event.data['piece'])}-file", event)
    if event.action == "proof":
        lines = sorted(map(str, event.data["lines"]))
        return lines == sorted(request.POST.getlist("lines")) and _brings_file(request, "proof", event)
    return False


def _brings_file(request: HttpRequest, name: str, event: Event) -> bool:
    return event.data["file"]["sha256"] in [sha256_of_file(upload) for upload in request.FILES.getlist(name)]


def _keep_amount(request: HttpRequest, claim: PaymentClaim, form: AmountForm) -> None:
    """An amount left as it was leaves no event: another button of the page was pressed."""
    data = form.cleaned_data
    if (data["claimed_amount"], data["statement"]) == (claim.claimed_amount, claim.statement):
        return
    try:
        claims.set_amount(claim, data["claimed_amount"], actor=request.user, statement=data["statement"])
    except ClaimRefused as refusal:
        put_errors(form, refusal)


def _join_pieces(request: HttpRequest, claim: PaymentClaim, typed: Typed, asked: str) -> None:
    """Join every file that was chosen for a piece; the first one that is not taken is shown with why."""
    codes = [rule["code"] for rule in claim.instalment.required_pieces]
    chosen = chosen_files(request)
    for code in dict.fromkeys([asked, *codes] if asked else codes):
        if code != asked and f"{code}-file" not in chosen:
            continue
        form = PieceForm(request.POST, request.FILES, prefix=code)
        if form.is_valid():
            try:
                claims.join_piece(claim, code, form.cleaned_data["file"], actor=request.user)
                typed.joined += 1
                taken(request, f"{code}-file")
                continue
            except (ClaimRefused, DocumentRefused) as refusal:
                form.add_error("file", str(refusal))
        typed.piece = typed.piece or (code, form)


def files_aside(request: HttpRequest, *, but: str = "") -> list[str]:
    """Sentences on the files that were chosen for another button of the page than the one pressed (``but``)."""
    sentences = {
        "proof": _("You chose a proof without joining it to its lines: join it first, then file."),
        "workbook": _("You chose a workbook without sending it: send it first, then file."),
    }
    chosen = chosen_files(request)
    return [sentence for name, sentence in sentences.items() if name in chosen and name != but]


def tell_of_files_aside(request: HttpRequest, *, but: str = "") -> None:
    """The page was kept, such a file was not: said, since the browser forgets it."""
    for sentence in files_aside(request, but=but):
        messages.warning(request, sentence)


def put_errors(form, refusal: ClaimRefused) -> None:
    """Put the sentences beside the fields they are about, the rest at the top."""
    for name, text in refusal.errors.items():
        form.add_error(name if name in form.fields else None, text)
    if not refusal.errors:
        form.add_error(None, str(refusal))
