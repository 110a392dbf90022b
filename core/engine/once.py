"""The one door of forms that add something: what one page sends is added once, however often it is sent.

A double click, a reload of the answer, a slow line: the same form comes again. Every form carries a key made with its page
(``core.templatetags.marked_forms``). The same account, key, address and content is the same form: it is answered as the
first one was, in words. Anything else that is typed on that page is another form, and is taken.

A form without a key is not taken: whether it was sent before cannot be known. What was typed is given back in a form that
has one. A script that writes reads the page first and sends its ``key`` back, as a browser does; a UUID of its own, another
one for each thing that it adds, is a key too. The REST interface only reads.

What changes a row that is there carries the version of what its page showed (``core.engine.versions``). Sent several times
at once, such a form too is one: the second waits until the first is over (:func:`wait_for_the_same`, before every view), and
is answered as it was; it would read that nothing was recorded otherwise, of what was recorded a moment ago.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import wraps
from typing import Any

from django.contrib import messages
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _

from core.events import listening
from core.models.sent_form import SentForm
from core.site.resumed import ASKED, DOES, KEY, TYPED_BY

View = Callable[..., HttpResponse]


class WithoutKey(Exception):
    """A form that adds something came without the key of its page; ``str()`` is a sentence for whoever sent it."""


OF_THE_PAGE = {"csrfmiddlewaretoken", KEY, TYPED_BY, ASKED, DOES}
"""What the page itself put in: the same form may carry them written otherwise."""
KEPT_FOR = timedelta(days=3)


def once(view: View) -> View:
    """For a view that adds a row: what a page sends is added once. ``view(request, …)``; works on GET as before.

    A form that was refused added nothing, and is taken when it comes again. One without a key raises WithoutKey.
    """

    @wraps(view)
    def taken(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" or not request.user.is_authenticated:
            return view(request, *args, **kwargs)
        key = _key(request) or not_carried()
        with transaction.atomic():
            sent, is_new = SentForm.objects.get_or_create(
                account_id=request.user.pk, key=key, content=content_of(request), defaults={"sent_at": timezone.now()}
            )
            if not is_new:
                return _again(request, sent)
            with listening() as told:
                response = view(request, *args, **kwargs)
            if told and isinstance(response, HttpResponseRedirect):
                sent.answer = response.url
                sent.save(update_fields=["answer"])
            else:
                sent.delete()
        return response

    taken.adds_once = True
    return taken


# --- the same form at once ------------------------------------------------------------------------------------------


def wait_for_the_same(request: HttpRequest) -> HttpResponse | None:
    """Before a view: a form waits while the same one (account, key, address and content) is at work in another request.

    Returns:
        The answer of the one it waited for, where that one recorded something; else None: the view is called.
    """
    key = _key(request) if request.method == "POST" and request.user.is_authenticated else None
    if key is None:
        return None
    same = {"account_id": request.user.pk, "key": key, "content": content_of(request)}
    if not _hold(request, same):
        return None
    sent = SentForm.objects.filter(**same).exclude(answer="").first()
    return _again(request, sent) if sent is not None else None


def _hold(request: HttpRequest, same: dict[str, Any]) -> bool:
    """Take the lock of a form, until :func:`let_go`; whether another request had it. Inside a caller's transaction (tests)
    it ends with that transaction."""
    digest = hashlib.sha256("|".join(str(value) for value in same.values()).encode()).digest()
    number, kind = int.from_bytes(digest[:8], signed=True), "_xact" if connection.in_atomic_block else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory{kind}_lock(%s)", [number])
        (is_first,) = cursor.fetchone()
        if not is_first:
            cursor.execute(f"SELECT pg_advisory{kind}_lock(%s)", [number])
    if not kind:
        request.form_at_work = (number, same)
    return not is_first


def let_go(request: HttpRequest, response: HttpResponse | None, told: list[str]) -> None:
    """After a view: where it recorded something and led on, whoever waits is led there too."""
    if not hasattr(request, "form_at_work"):
        return
    number, same = request.form_at_work
    try:
        if told and isinstance(response, HttpResponseRedirect):
            sent = SentForm(**same, answer=response.url, sent_at=timezone.now())
            SentForm.objects.bulk_create([sent], ignore_conflicts=True)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def _again(request: HttpRequest, sent: SentForm) -> HttpResponse:
    messages.info(
        request,
        _("This was sent already, and is recorded once. To record it again, open the page again and fill it in."),
    )
    return HttpResponseRedirect(sent.answer)


def not_carried() -> uuid.UUID:
    """The key of a form that carries none: there is none."""
    raise WithoutKey(
        _(
            "This form came without the key by which it is recorded once. What you typed is kept: read it below and send "
            "it from here, unless it is recorded already."
        )
    )


def _key(request: HttpRequest) -> uuid.UUID | None:
    """The key of the page; None where none came, or no key."""
    try:
        return uuid.UUID(request.POST.getlist(KEY)[-1])
    except (IndexError, ValueError):
        return None


def content_of(request: HttpRequest) -> str:
    """The SHA-256 (hexadecimal) of the address and of all that was typed, chosen and joined: read once a request."""
    if not hasattr(request, "content_sent"):
        found = hashlib.sha256()
        for part in _parts(request):
            found.update(len(part).to_bytes(8, "big") + part)
        request.content_sent = found.hexdigest()
    return request.content_sent


def _parts(request: HttpRequest) -> Iterator[bytes]:
    yield request.get_full_path().encode()
    for name, values in sorted(request.POST.lists()):
        if name not in OF_THE_PAGE:
            yield name.encode()
            yield from (value.encode("utf-8", "surrogatepass") for value in values)
    for name, uploads in sorted(request.FILES.lists()):
        for upload in uploads:
            content = hashlib.sha256()
            for chunk in upload.chunks():
                content.update(chunk)
            upload.seek(0)
            yield f"{name}\n{upload.name}".encode("utf-8", "surrogatepass")
            yield content.digest()


def forget_sent_forms() -> int:
    """Forget the forms that no page sends again; how many."""
    forgotten, _of_each = SentForm.objects.filter(sent_at__lt=timezone.now() - KEPT_FOR).delete()
    return forgotten
