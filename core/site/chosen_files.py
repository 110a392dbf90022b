"""A file that was chosen is never left out in silence.

No browser keeps a chosen file when its form comes back. The field of a form that was refused therefore carries a mark
with the name of the file; when the form is sent again, the file is chosen anew, or the person says that it goes without.
Every field for a file is of this kind, and the pages that send a form again carry the same mark.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

CHOSEN = "-chosen"
"""What a field's name ends in for the mark: the name of the file that was chosen and did not come through."""
WITHOUT = "-without"
"""… and for the box that says to go on without that file."""
LONGEST_NAME = 255


class ChosenBefore(str):
    """The name of a file that was chosen before and is not there now."""


class SeveralChosen(str):
    """The names of the files that were sent where one goes."""


def chosen_before(data: Mapping[str, Any], name: str) -> ChosenBefore | None:
    """The file that the page says was chosen, unless the person goes on without it."""
    chosen = str(data.get(name + CHOSEN, ""))[:LONGEST_NAME]
    return ChosenBefore(chosen) if chosen and not data.get(name + WITHOUT) else None


def left_behind(request: HttpRequest) -> list[tuple[str, str]]:
    """The field and the name of every file that was chosen before and is not there now."""
    names = [key.removesuffix(CHOSEN) for key in request.POST if key.endswith(CHOSEN)]
    found = [(name, chosen_before(request.POST, name)) for name in names if name not in request.FILES]
    return [(name, chosen) for name, chosen in found if chosen]


def taken(request: HttpRequest, name: str) -> None:
    """Say that the file of this field is stored: a page refused for another reason does not ask for it again."""
    request.taken_files = getattr(request, "taken_files", frozenset()) | {name}


def chosen_files(request: HttpRequest) -> dict[str, str]:
    """The names of the files that the page was sent with, by field, and of those chosen at the try before.

    Those that are stored by now (:func:`taken`) are out of it.
    """
    chosen = dict(left_behind(request)) | {name: upload.name for name, upload in request.FILES.items()}
    stored = getattr(request, "taken_files", frozenset())
    return {name: file for name, file in chosen.items() if name not in stored}


def remember(form: forms.BaseForm, chosen: Mapping[str, str]) -> forms.BaseForm:
    """The form of another button of a page that was refused: it says which file was chosen for it."""
    for name, field in form.fields.items():
        if isinstance(field, ChosenFileField) and not form.is_bound:
            field.widget.chosen = chosen.get(form.add_prefix(name), "")
    return form


def judged(form: forms.BaseForm, name: str) -> bool:
    """Whether the file of this field was read and refused for what it is. It is asked for no more: another one goes in its
    place. For a form whose own button sends that file and nothing else."""
    codes = {error.code for error in form.errors.as_data().get(name, [])}
    is_so = form.add_prefix(name) in form.files and bool(codes - {"chosen_before", "several"})
    form.fields[name].widget.is_judged = is_so
    return is_so


class ChosenFileInput(forms.ClearableFileInput):
    """The input, with the mark and what to do when a file was chosen and the form comes back."""

    template_name = "essor/widgets/chosen_file.html"
    #: The file that was chosen while another button of the page was pressed.
    chosen = ""
    may_go_without = False
    is_judged = False

    def value_from_datadict(self, data: Mapping[str, Any], files: Mapping[str, Any], name: str) -> Any:
        sent = files.getlist(name) if isinstance(files, MultiValueDict) else []
        if len(sent) > 1:
            return SeveralChosen(", ".join(upload.name for upload in sent))
        value = super().value_from_datadict(data, files, name)
        return chosen_before(data, name) if value is None else value

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        again = isinstance(value, ChosenBefore)
        chosen = str(value) if again else value.name if isinstance(value, UploadedFile) else self.chosen
        chosen = "" if self.is_judged else chosen
        context["widget"] |= {
            "chosen": chosen,
            "says_so": bool(chosen) and not again,  # the error of the field says it otherwise
            "mark": name + CHOSEN,
            "without": name + WITHOUT if self.may_go_without else "",
        }
        if self.may_go_without:  # read by keep.js, which asks again when the page was left
            context["widget"]["attrs"]["data-without"] = name + WITHOUT
        return context


class ChosenFileField(forms.FileField):
    """A field for a file that is chosen again, or left out in so many words, when its form comes back.

    Args:
        may_go_without: the form has other ends than this file although it is required for its own button. Where the
            file is optional, or replaces another, one may always go without it.
    """

    widget = ChosenFileInput

    def __init__(self, *, may_go_without: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.always_without = may_go_without

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        self.widget.may_go_without = self.always_without or not self.required
        return super().get_bound_field(form, field_name)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return (
            data if isinstance(data, ChosenBefore | SeveralChosen | UploadedFile) else super().bound_data(data, initial)
        )

    def clean(self, data: Any, initial: Any = None) -> Any:
        """The file; ValidationError when it was chosen before, is not there now, and nobody said to do without,
        or when several were chosen: none is taken for the others in silence."""
        if isinstance(data, SeveralChosen):
            sentence = _("Several files were sent where one goes (%(names)s): choose one.")
            raise ValidationError(sentence % {"names": data[:LONGEST_NAME]}, code="several")
        if not isinstance(data, ChosenBefore):
            return super().clean(data, initial)
        if self.always_without or not self.required:
            sentence = _("Choose the file “%(name)s” again, or tick the box below to send without it.")
        else:
            sentence = _("Choose the file “%(name)s” again: a browser does not keep it when a form comes back.")
        raise ValidationError(sentence % {"name": data}, code="chosen_before")
