"""Reference rows with a label in each language."""

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class LabelledModel(models.Model):
    """A label in French and in English; ``label`` is the one of the active language."""

    label_fr = models.CharField(_("label in French"), max_length=500)
    label_en = models.CharField(_("label in English"), max_length=500, blank=True)

    class Meta:
        abstract = True

    @property
    def label(self) -> str:
        english = (get_language() or "fr").startswith("en")
        return self.label_en if english and self.label_en else self.label_fr
