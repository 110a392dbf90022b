"""Resources of django-import-export built from the columns of ``core.workbooks``."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import tablib
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _
from django_fsm import FSMFieldMixin
from import_export.resources import ModelResource
from import_export.results import InvalidRow, Result

from core.acting import current_actor
from core.engine.refusals import refusal_message
from core.engine.standing import reason_not_impartial
from core.events import record
from core.importexport import shown
from core.importexport.widgets import ColumnWidget, EssorField, LinkWidget
from core.models.event import Event
from core.workbooks import Column, Cover, RowProblem, Sheet, TableReading

ROW = "#"


class EssorResult(Result):
    """A result that counts rows as the spreadsheet does and names columns by their labels."""

    def __init__(self, columns: Sequence[Column]):
        super().__init__()
        self.columns = columns
        self.seen: shown.Seen = {}

    def append_invalid_row(self, number: int, row: Mapping[str, Any], validation_error: ValidationError) -> None:
        """Keep the row's number in the file, its cells, and what is wrong with each."""
        values = tuple(row.get(column.key) for column in self.columns)
        invalid = InvalidRow(row.get(ROW) or number, validation_error, values)
        labels = {column.key: str(column.label) for column in self.columns}
        invalid.error_dict = {labels.get(name, name): texts for name, texts in invalid.error_dict.items()}
        self.invalid_rows.append(invalid)

    def problems(self) -> Iterator[RowProblem]:
        """What is wrong, as the workbook of refused rows takes it."""
        for invalid in self.invalid_rows:
            record = {column.key: value for column, value in zip(self.columns, invalid.values, strict=True)}
            by_label = {str(column.label): record[column.key] for column in self.columns}
            for label, texts in invalid.field_specific_errors.items():
                for text in texts:
                    yield RowProblem(invalid.number, label, by_label.get(label), text, record=record)
            for text in invalid.non_field_specific_errors:
                yield RowProblem(invalid.number, "", None, text, record=record)
        for error in self.base_errors:
            yield RowProblem(None, "", None, str(error.error))
        for number, errors in self.row_errors():
            for error in errors:
                row = error.row or {}
                yield RowProblem(row.get(ROW) or number, "", None, str(error.error), record=dict(row))


class EssorResource(ModelResource):
    """A table of one model: ``columns`` for what is written and read, ``links`` for foreign keys by natural key.

    The identifying columns name a row each by itself, or all of them ``told_together`` (a period and a code).
    A column named in ``export_only``, one without a field of the model, and every state field are only written.
    ``queryset`` of the export is the one of the screen; give it the ``select_related`` that the columns need,
    and name as ``deferred`` the heavy fields that they do not.
    """

    columns: ClassVar[Sequence[Column]] = ()
    links: ClassVar[Mapping[str, str]] = {}
    export_only: ClassVar[Iterable[str]] = ()
    told_together: ClassVar[bool] = False
    select_related: ClassVar[Sequence[str]] = ()
    deferred: ClassVar[Sequence[str]] = ()

    class Meta:
        use_transactions = True
        skip_unchanged = True
        report_skipped = True
        clean_model_instances = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.fields = {column.key: self._field_of(column) for column in self.columns}
        self._seen: dict[str, str] = {}
        self._read: set[Any] = set()

    # --- fields -----------------------------------------------------------------------------------------------------

    @classmethod
    def _model_field(cls, column: Column) -> models.Field | None:
        try:
            return cls._meta.model._meta.get_field(column.key)
        except FieldDoesNotExist:
            return None

    @classmethod
    def is_imported(cls, column: Column) -> bool:
        """Whether a file may set this column."""
        field = cls._model_field(column)
        return (
            field is not None
            and not isinstance(field, FSMFieldMixin)
            and not field.primary_key
            and column.key not in cls.export_only
        )

    @classmethod
    def imported_columns(cls) -> list[Column]:
        """The columns that a file is read for. Only those that say so, and the identifying ones, must be there."""
        return [column for column in cls.columns if cls.is_imported(column)]

    def _field_of(self, column: Column) -> EssorField:
        field = self._model_field(column)
        if column.key in self.links:
            widget = LinkWidget(replace(column, choices=None), field.related_model, self.links[column.key])
        else:
            empty = "" if isinstance(field, models.CharField | models.TextField) and not field.null else None
            if isinstance(field, models.BooleanField):
                empty = False
            widget = ColumnWidget(self._with_choices(column, field), empty)
        return EssorField(
            attribute=column.key if field is not None else None,
            column_name=column.key,
            widget=widget,
            readonly=not self.is_imported(column),
        )

    @staticmethod
    def _with_choices(column: Column, field: models.Field | None) -> Column:
        if field is not None and field.choices and not column.choices:
            return replace(column, choices=[(value, label) for value, label in field.flatchoices if value != ""])
        return column

    # --- reading ----------------------------------------------------------------------------------------------------

    @staticmethod
    def dataset(reading: TableReading, columns: Sequence[Column]) -> tablib.Dataset:
        """What was read, as django-import-export takes it, each row with its number in the file.

        Only the columns that the file has: one that is absent leaves the values as they are.
        """
        present = [column.key for column in columns if column.key in reading.headers]
        dataset = tablib.Dataset(headers=[ROW, *present])
        for row in reading.all_rows:
            dataset.append([row.number, *(row.raw.get(key) for key in present)])
        return dataset

    def get_import_fields(self) -> list[EssorField]:
        """The fields that a file may set."""
        return [field for field in self.fields.values() if not field.readonly and field.attribute]

    def get_user_visible_fields(self) -> list[EssorField]:
        """Those shown in the dry run, under the labels of the columns."""
        return self.get_import_fields()

    def get_diff_headers(self) -> list[str]:
        """The labels of the dry run's comparison."""
        return [str(column.label) for column in self.imported_columns()]

    def import_field(
        self, field: EssorField, instance: models.Model, row: Mapping[str, Any], *args: Any, **kwargs: Any
    ):
        """Set the field when the file has its column."""
        if field.column_name in row:
            super().import_field(field, instance, row, *args, **kwargs)

    def get_result_class(self) -> Callable[[], Result]:
        """Rows counted as the spreadsheet does, columns by their labels."""
        return partial(EssorResult, self.imported_columns())

    def get_instance(self, instance_loader: Any, row: Mapping[str, Any]) -> models.Model | None:
        """The row that the identifying columns name: the first of them that is filled and finds one; or all of them."""
        told = {}
        for name in self._meta.import_id_fields:
            try:
                value = self.fields[name].clean(row)
            except ValueError:
                continue
            if value not in (None, ""):
                told[name] = value
        if self.told_together:
            keys = [told] if len(told) == len(self._meta.import_id_fields) else []
        else:
            keys = [{name: value} for name, value in told.items()]
        found = (self._meta.model._default_manager.filter(**key).first() for key in keys)
        return next((row for row in found if row is not None), None)

    def _check_import_id_fields(self, headers: Sequence[str]) -> None:
        known = set(headers) & set(self._meta.import_id_fields)
        if not known or (self.told_together and known != set(self._meta.import_id_fields)):
            labels = [str(column.label) for column in self.columns if column.key in self._meta.import_id_fields]
            raise ValidationError(
                _("The file has none of the columns that tell rows apart: %(labels)s.") % {"labels": ", ".join(labels)}
            )

    def before_save_instance(self, instance: models.Model, row: Mapping[str, Any], **kwargs: Any) -> None:
        """A file asks what the page of the row asks: it is as the preview showed it; who brings it in reads and writes,
        without an interest of their own.

        It is asked of the row as it was before the file, and only where the file changes it.
        """
        self._refuse_newer(instance, row, kwargs)
        actor = kwargs.get("user") or current_actor()
        if actor is None or instance.pk is None or not hasattr(instance, "interest_of"):
            return
        known = type(instance)._base_manager.filter(pk=instance.pk).first()
        if known is not None and (reason := reason_not_impartial(actor, known)):
            raise ValidationError(reason)

    def _refuse_newer(self, instance: models.Model, row: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Raise ValidationError where the row is not as the preview showed it (``seen``), or was changed since a long file
        was sent (``since``); see :mod:`core.importexport.shown`. A row that the file names twice was written by its first
        time."""
        seen, since, number = given.get("seen"), given.get("since"), str(row.get(ROW))
        if number not in self._seen or (seen is None and since is None):
            return
        now, fields = shown.held(instance) if instance.pk is not None else None, self._fields_of(row)
        if seen is not None:
            is_newer = seen.get(number) != (shown.NEW if now is None else shown.digest_of(now, fields))
        else:
            is_newer = now is not None and shown.is_newer(now, since)
        if is_newer:
            raise shown.refusal(instance, now, fields)

    def do_instance_save(self, instance: models.Model, is_create: bool) -> None:
        """Save; what the database refuses is said like any other error of the row, and undoes that row alone."""
        try:
            with transaction.atomic():
                instance.save(force_insert=is_create)
        except IntegrityError as error:
            if text := refusal_message(error):
                raise ValidationError(text) from error
            raise

    def after_init_instance(self, instance: models.Model, new: bool, row: Mapping[str, Any], **kwargs: Any) -> None:
        """Keep the values of a row that is there, to say what the file changed of it."""
        if new or instance.pk not in self._read:
            self._seen[str(row.get(ROW))] = shown.NEW if new else shown.digest_of(instance, self._fields_of(row))
        names = [] if new else [field.attribute for field in self.get_import_fields()]
        instance._before_import = {name: shown.kept(instance, name) for name in names}

    def after_save_instance(self, instance: models.Model, row: Mapping[str, Any], **kwargs: Any) -> None:
        """A row that changes has its event, with the reason of the file: as when a person changes it on its page."""
        before = instance.__dict__.pop("_before_import", {})
        if kwargs.get("dry_run") or not before or not (actor := current_actor()):
            return
        after = {name: shown.kept(instance, name) for name in before}
        changes = {name: [value, after[name]] for name, value in before.items() if value != after[name]}
        if changes:
            reason = kwargs.get("reason", "")
            self.after_change(instance, record(instance, "change", actor=actor, comment=reason, changes=changes))

    def after_change(self, instance: models.Model, event: Event) -> None:
        """For what follows the change of a row, as when a person changes it on its page."""

    def after_import_row(self, row: Mapping[str, Any], row_result: Any, **kwargs: Any) -> None:
        """What this file has read or written: what it says of the same row once more is compared with itself."""
        self._read.add(row_result.object_id)

    def _fields_of(self, row: Mapping[str, Any]) -> list[EssorField]:
        return [field for field in self.get_import_fields() if field.column_name in row]

    def after_import(self, dataset: tablib.Dataset, result: Result, **kwargs: Any) -> None:
        """Say, in the transaction of the import, who brought the rows in; and what the preview showed of them."""
        result.seen = self._seen
        totals = {name: count for name, count in result.totals.items() if count}
        if actor := current_actor():
            label = str(self._meta.model._meta.verbose_name)
            data = {"table": label, **totals}
            record(actor, "import_table", actor=actor, data=data, comment=kwargs.get("reason", ""))

    # --- writing ----------------------------------------------------------------------------------------------------

    def sheet(self, queryset: models.QuerySet, keys: Iterable[str] | None = None) -> Sheet:
        """The rows of ``queryset`` as a sheet; ``keys`` limits the columns."""
        wanted = set(keys) if keys else None
        columns = [
            self._with_choices(column, self._model_field(column))
            for column in self.columns
            if wanted is None or column.key in wanted
        ]
        rows = queryset.select_related(*self.select_related) if self.select_related else queryset
        rows = rows.defer(*self.deferred) if self.deferred else rows
        return Sheet(self._meta.model._meta.verbose_name_plural, columns, rows.iterator(chunk_size=2000), key="data")

    def cover(self, facts: Sequence[tuple[Any, Any]]) -> Cover:
        """The first sheet of the workbook."""
        return Cover(self._meta.model._meta.verbose_name_plural, facts)
