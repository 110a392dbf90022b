"""A box that answers a question of the form: it holds for what was asked about, and for nothing that was typed since.

The box bears a mark of the question (the amount, the people, the cases that it names). It is offered with the question;
a tick given to another one, or before any was asked, is no answer: the question is asked again, with the box empty.
"""

from typing import Any

from django import forms

from core.engine.versions import digest


class AnswerInput(forms.CheckboxInput):
    """A box whose value is the mark of what it answers; ticked again only where it answered that."""

    mark = ""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        """The mark of the question that was answered; empty where the box was left alone."""
        return data.get(name) or ""

    def get_context(self, name: str, value: Any, attrs: dict | None) -> dict[str, Any]:
        """The box as it is shown: with the mark of the question of now."""
        context = super().get_context(name, False, attrs)
        context["widget"]["value"] = self.mark or "on"
        if self.mark and value == self.mark:
            context["widget"]["attrs"]["checked"] = True
        return context


class AnswerField(forms.BooleanField):
    """The box of one question, asked by :meth:`ask` from ``clean`` of its form; never compulsory by itself."""

    widget = AnswerInput

    def __init__(self, **kwargs: Any):
        super().__init__(required=False, **kwargs)

    def ask(self, *about: Any) -> str:
        """Mark the box with what is asked about: amounts, names, sentences. The mark."""
        self.widget.mark = digest(about)
        return self.widget.mark


def is_answered(form: forms.BaseForm, name: str, *about: Any) -> bool:
    """Whether the box ``name`` of a form was ticked for this very question; the form is shown with it from now on."""
    if name not in form.fields:
        return False
    field = form.fields[name]
    return field.widget.value_from_datadict(form.data, form.files, form.add_prefix(name)) == field.ask(*about)
