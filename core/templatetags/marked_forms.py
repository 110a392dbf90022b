"""The token of every form says who had which page: loaded in all templates (``TEMPLATES``), in place of Django's own."""

import uuid

from django import template
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html

from core.site.resumed import KEY, TYPED_BY, mark_of

register = template.Library()


class MarkedToken(CsrfTokenNode):
    """The mark of Django against forged forms, then that of the account, and the key of the page."""

    def render(self, context: Context) -> str:
        token = super().render(context)
        mark = mark_of(getattr(context.get("request"), "user", None)) if token else ""
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
