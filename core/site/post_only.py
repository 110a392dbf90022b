"""Addresses that only take posts, on the portal and in the staff site: whoever comes to read one lands on its page.

A page shown as the answer to a post (a form that was refused, a question before a removal) stands at the address of that
post. After a new sign-in, a change of language or a way back, the browser asks for that address again.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse

View = Callable[..., HttpResponse]


def takes_posts_only(page_of: Callable[..., str]) -> Callable[[View], View]:
    """A view that takes posts; a reader is led (302) to ``page_of(request, **kwargs)``, and nothing is done.

    Args:
        page_of: the address of the page of the row, from the request and what the address names. It may raise Http404.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            if request.method in ("GET", "HEAD"):
                return HttpResponseRedirect(page_of(request, *args, **kwargs))
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])

        answer.only_takes_posts = True
        return answer

    return decorate


def posts_to(page: str, *names: str, at: str = "") -> Callable[[View], View]:
    """The same for a page by its name: it takes of the address what ``names`` say; ``at`` is the place on it (#…)."""

    def page_of(request: HttpRequest, **kwargs: Any) -> str:
        return reverse(page, kwargs={name: kwargs[name] for name in names}) + at

    return takes_posts_only(page_of)
