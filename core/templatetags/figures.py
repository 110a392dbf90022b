"""The banner of the staff site while a figure does not hold."""

from typing import Any

from django import template
from django.template import Context

from core.figures.alerts import broken_number, concerns

register = template.Library()


@register.inclusion_tag("admin/core/figures_banner.html", takes_context=True)
def figures_banner(context: Context) -> dict[str, Any]:
    """How many checks do not hold, for those who answer for the figures; nothing for the others."""
    request = context.get("request")
    user = getattr(request, "user", None)
    return {"broken": broken_number() if user is not None and concerns(user) else 0}
