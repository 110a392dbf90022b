"""Base of the models whose state changes only by transitions."""

from typing import Any, ClassVar

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django_fsm import ConcurrentTransition, FSMFieldMixin

from core.models.event import Event, EventQuerySet
from core.money import MoneyField


class StaleSave(ConcurrentTransition):
    """The row changed state since this instance was read: saving it would undo somebody else's work."""

    def __init__(self, instance: models.Model):
        super().__init__(
            _("This record changed while you were working on it (%(name)s). Reload it and do your change again.")
            % {"name": instance}
        )


class WorkflowModel(models.Model):
    """Adds the events of a row, labels of its states, and a second net under the transition runner.

    Subclasses declare ``state = FSMField(protected=True, choices=State.choices)``. ``STATE_LABELS_APPLICANT`` maps a
    state to the words that the applicant reads, where they differ from the staff's.
    """

    STATE_LABELS_APPLICANT: ClassVar[dict[str, str | Promise]] = {}
    STATE_FIELD: ClassVar[str] = "state"

    class Meta:
        abstract = True

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._remember_states()

    def save(self, *args, **kwargs):
        super().save(*args, **kwargs)
        self._remember_states()

    # --- reading ----------------------------------------------------------------------------------------------

    @property
    def events(self) -> EventQuerySet:
        """The events of this row, oldest first."""
        return Event.objects.of(self)

    @classmethod
    def state_label_of(cls, state: str, audience: str = "staff") -> str:
        """The words for a state: the applicant's where they exist and are asked for, else the staff's."""
        if audience == "applicant" and state in cls.STATE_LABELS_APPLICANT:
            return str(cls.STATE_LABELS_APPLICANT[state])
        try:
            choices = dict(cls._meta.get_field(cls.STATE_FIELD).flatchoices)
        except FieldDoesNotExist:
            return state
        return str(choices.get(state, state))

    def state_label(self, audience: str = "staff") -> str:
        return self.state_label_of(getattr(self, self.STATE_FIELD), audience)

    def interest_of(self, user: Any) -> str | None:
        """Which interest this person has in the row (they act for the body, are one of its people, filed it), or None.

        Each model says whom its rows concern: one that concerned nobody by default would let everybody act.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say whom it concerns (interest_of).")

    def sums_shown(self) -> dict[str, Any]:
        """What the page of the row sums up of the rows under it, by label, in their order (``core.engine.versions``).

        By default the amounts that the database counts on the row itself. A model whose page sums up more says so.
        """
        return {str(field.verbose_name): getattr(self, field.attname) for field in self._counted_fields()}

    @classmethod
    def _counted_fields(cls) -> tuple[models.Field, ...]:
        if "_known_counted" not in cls.__dict__:
            fields = cls._meta.concrete_fields
            cls._known_counted = tuple(
                field for field in fields if isinstance(field, MoneyField) and not field.editable and not field.null
            )
        return cls._known_counted

    @property
    def subject_key(self) -> tuple[int, int]:
        """``(content type, id)``: how events and documents refer to this row."""
        return ContentType.objects.get_for_model(self).pk, self.pk

    # --- a protected field and Django --------------------------------------------------------------------------

    @classmethod
    def _state_names(cls) -> tuple[str, ...]:
        if "_known_state_names" not in cls.__dict__:  # asked for every instance: worked out once
            fields = cls._meta.concrete_fields
            cls._known_state_names = tuple(field.attname for field in fields if isinstance(field, FSMFieldMixin))
        return cls._known_state_names

    def _remember_states(self) -> None:
        # From __dict__: a deferred state is not fetched for this.
        self._states_read = {name: self.__dict__[name] for name in self._state_names() if name in self.__dict__}

    def get_deferred_fields(self) -> set[str]:
        return super().get_deferred_fields() - self.__dict__.get("_states_unlocked", frozenset())

    def refresh_from_db(self, using=None, fields=None, from_queryset=None):
        """django-fsm lifts the protection on the class for this; here only this instance's value is set aside."""
        self.__dict__.pop("_interests", None)
        unlocked = {
            name: self.__dict__.pop(name)
            for name in self._state_names()
            if name in self.__dict__ and (fields is None or name in fields)
        }
        self._states_unlocked = frozenset(unlocked)
        try:
            super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        except BaseException:
            self.__dict__.update(unlocked)
            raise
        finally:
            del self._states_unlocked
        for name in self._state_names():
            if name in self.__dict__ and (fields is None or name in fields):
                self._states_read[name] = self.__dict__[name]

    def clean_fields(self, exclude=None):
        super().clean_fields(exclude=set(exclude or ()) | set(self._state_names()))

    def _do_update(self, base_qs, using, pk_val, values, update_fields, forced_update):
        local = {field.attname for field in base_qs.model._meta.concrete_fields}
        known = {name: value for name, value in self._states_read.items() if name in local}
        updated = super()._do_update(base_qs.filter(**known), using, pk_val, values, update_fields, forced_update)
        if not updated and known and base_qs.filter(pk=pk_val).using(using).exists():
            raise StaleSave(self)
        return updated


def require_known_states(sender: type[models.Model], **kwargs: Any) -> None:
    """class_prepared receiver: the database takes only the declared states, whoever writes."""
    if not issubclass(sender, WorkflowModel) or sender._meta.abstract or sender._meta.proxy:
        return
    checks = [
        models.CheckConstraint(
            condition=models.Q(**{f"{field.name}__in": [str(state) for state, _label in field.flatchoices]}),
            name=f"{sender._meta.db_table}_{field.name}_known",
        )
        for field in sender._meta.local_concrete_fields
        if isinstance(field, FSMFieldMixin)
    ]
    sender._meta.constraints = [*sender._meta.constraints, *checks]
    sender._meta.original_attrs["constraints"] = sender._meta.constraints


models.signals.class_prepared.connect(require_known_states, dispatch_uid="core_require_known_states")
