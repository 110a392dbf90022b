"""What the database refuses on a page of the staff site is a sentence on that page, with all that was typed.

A form is looked at before it is saved, but another window may save first, and a rule may stand in the database alone.
The page then comes back as after any other mistake: which rule, which row is there already, since when and by whom.
"""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from core.constraints import existing_row, refusal_sentence
from core.dates import format_moment
from core.engine.hands import last_hand


def refusal_of(error: IntegrityError) -> str:
    """The sentence of what the database refused; call it once the transaction of the refusal is undone."""
    sentences = [
        refusal_sentence(error)
        or _("The database refused this: it contradicts what is recorded elsewhere. Nothing was recorded.")
    ]
    if (row := existing_row(error)) is not None:
        sentences.append(already_there(row))
    return " ".join(sentences)


def already_there(row: models.Model) -> str:
    """Which row is there, since when, by whom."""
    hand = last_hand(type(row), row.pk)
    if hand is None:
        return _("There is already: %(row)s.") % {"row": row}
    words = {"row": row, "when": format_moment(hand.at), "person": hand.user or "Essor"}
    return _("There is already: %(row)s (%(person)s, %(when)s).") % words


class RefusedMixin:
    """For admin classes: what the database refuses comes back on the form."""

    def _changeform_view(
        self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any
    ) -> HttpResponse:
        if request.method != "POST":
            return super()._changeform_view(request, object_id, form_url, extra_context)
        try:
            with transaction.atomic():
                return super()._changeform_view(request, object_id, form_url, extra_context)
        except IntegrityError as error:
            request.essor_refused = refusal_of(error)
        return super()._changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: models.Model | None = None, change: bool = False, **kwargs: Any):
        form_class = super().get_form(request, obj, change=change, **kwargs)
        refused = getattr(request, "essor_refused", "")
        return refusing(form_class, refused) if refused else form_class


def refusing(form_class: type[forms.ModelForm], sentence: str) -> type[forms.ModelForm]:
    """The form class, which says what the database refused."""

    def clean(self: forms.ModelForm) -> Any:
        super(refused, self).clean()
        raise ValidationError(sentence)

    refused = type(form_class)(form_class.__name__, (form_class,), {"clean": clean})
    return refused
