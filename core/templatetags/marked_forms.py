"""The token of every form says who had which page: loaded in all templates (``TEMPLATES``), in place of Django's own."""

import uuid

from django import template
from django.http import HttpRequest
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html

from core.site.resumed import KEY, TYPED_BY, mark_of

register = template.Library()


def _mark_of_page(request: HttpRequest | None) -> str:
    """The mark of the account, reckoned once for all forms of the page."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return ""
    known, mark = getattr(request, "essor_mark", (None, ""))
    if known != user.pk:
        mark = mark_of(user)
        request.essor_mark = user.pk, mark
    return mark


class MarkedToken(CsrfTokenNode):
    """The mark of Django against forged forms, then that of the account, and the key of the page."""

    def render(self, context: Context) -> str:
        token = super().render(context)
        mark = _mark_of_page(context.get("request")) if token else ""
        if not mark:
            return token
        return token + format_html(
            '<input type="hidden" name="{}" value="{}"><input type="hidden" name="{}" value="{}">',
            TYPED_BY,
            mark,
            KEY,
            uuid.uuid4(),
        )


@register.tag
def csrf_token(parser: Parser, token: Token) -> MarkedToken:
    """All marks, in one tag: no form can forget one of them."""
    return MarkedToken()
