"""The tables of this app that go in and out of the staff screens."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applicants.contacts_told import tell_of_contact
from applicants.models import Applicant, DeMinimisAid, DeMinimisCeiling, Department, LegalCategory
from applicants.namesakes import known_by_name
from applicants.rules.identifiers import compact
from core.importexport.resources import EssorResource
from core.models import Event
from core.past_days import BirthDayField, HasCome
from core.text import exact, is_number
from core.workbooks import Column
from core.workbooks.values import to_text


def _same(known: Any, typed: Any) -> bool:
    return exact(known) == exact(typed) if isinstance(known, str) and isinstance(typed, str) else known == typed


class ApplicantResource(EssorResource):
    """Applicants, told apart by SIRET, then RNA, then (people, organisations without a number) by name and a sign."""

    columns = (
        Column("kind", gettext_lazy("Kind"), width=12),
        Column("siret", gettext_lazy("SIRET"), width=18, aliases=("N° SIRET", "Numéro SIRET")),
        Column("rna", gettext_lazy("RNA"), width=14, aliases=("N° RNA", "Numéro RNA")),
        Column("local_register", gettext_lazy("Local register")),
        Column("in_formation", gettext_lazy("Not registered yet"), "boolean"),
        Column("name", gettext_lazy("Name"), width=40, aliases=("Raison sociale", "Dénomination"), max_length=255),
        Column("acronym", gettext_lazy("Acronym"), aliases=("Sigle",), max_length=40),
        Column("legal_category", gettext_lazy("Legal category"), width=12, source="legal_category.code"),
        Column("is_association", gettext_lazy("Is an association"), "boolean"),
        Column("ess_statut", gettext_lazy("Status in the SSE")),
        Column("representative_name", gettext_lazy("Legal representative")),
        Column("representative_title", gettext_lazy("Function of the representative")),
        Column("first_name", gettext_lazy("First name")),
        Column("last_name", gettext_lazy("Family name")),
        Column("birth_date", gettext_lazy("Date of birth"), "date", days=HasCome(BirthDayField.earliest)),
        Column("email", gettext_lazy("E-mail address"), width=30),
        Column("phone", gettext_lazy("Telephone")),
        Column("website", gettext_lazy("Website")),
        Column("address_line", gettext_lazy("Address"), width=36),
        Column("postcode", gettext_lazy("Postcode"), width=10, aliases=("CP",)),
        Column("city", gettext_lazy("Town"), aliases=("Commune", "Ville")),
        Column("region_insee", gettext_lazy("Region (INSEE code)"), width=10),
        Column("nuts2", gettext_lazy("NUTS 2"), width=10),
    )
    links = {"legal_category": "code"}
    export_only = ("region_insee", "nuts2")
    select_related = ("legal_category",)

    class Meta:
        model = Applicant
        import_id_fields = ("siret", "rna")

    def _check_import_id_fields(self, headers: Sequence[str]) -> None:
        if not set(headers) & {"siret", "rna", "name", "last_name"}:
            raise ValidationError(
                _("The file has none of the columns that tell applicants apart: SIRET, RNA, name or family name.")
            )

    def before_import_row(self, row: dict[str, Any], **kwargs: Any) -> None:
        """Numbers as they are kept: without spaces, with the zeros that a spreadsheet took away."""
        if siret := compact(to_text(row.get("siret") or ""), "SIRET"):
            row["siret"] = siret.zfill(14) if is_number(siret) and len(siret) == 13 else siret
        if rna := compact(to_text(row.get("rna") or ""), "RNA"):
            row["rna"] = rna
        postcode = compact(to_text(row.get("postcode") or ""))
        if len(postcode) == 4 and is_number(postcode):
            row["postcode"] = f"0{postcode}"

    def get_instance(self, instance_loader: Any, row: Mapping[str, Any]) -> Applicant | None:
        """By number; without one, by name and what tells homonyms apart: the same file again changes nothing."""
        found = super().get_instance(instance_loader, row)
        if found is not None or any(row.get(name) for name in ("siret", "rna")):
            return found
        cells = self._cells(row)
        if not (cells.get("last_name") or cells.get("name")):
            return None
        return known_by_name(cells, lambda item: all(_same(getattr(item, name), cells[name]) for name in cells))

    def _cells(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the filled cells; one that cannot be read is refused later, with its sentence."""
        cells = {}
        for field in self.get_import_fields():
            if row.get(field.column_name) in (None, ""):
                continue
            try:
                cells[field.attribute] = field.clean(row)
            except ValueError:
                continue
        return cells

    def after_init_instance(self, instance: Applicant, new: bool, row: Mapping[str, Any], **kwargs: Any) -> None:
        """A row that says nothing of its kind is an organisation unless it has a last name."""
        super().after_init_instance(instance, new, row, **kwargs)
        if new and not row.get("kind"):
            instance.kind = Applicant.Kind.NATURAL if row.get("last_name") else Applicant.Kind.LEGAL
            instance.created_by = kwargs.get("user")

    def import_instance(self, instance: Applicant, row: Mapping[str, Any], **kwargs: Any) -> None:
        """An empty cell of the kind leaves the one that was found."""
        kind = instance.kind
        super().import_instance(instance, row, **kwargs)
        instance.kind = instance.kind or kind

    def after_change(self, instance: Applicant, event: Event) -> None:
        """A file that changes how a body is reached is told to it, as its page does."""
        tell_of_contact(instance, event)


class DeMinimisAidResource(EssorResource):
    """The de minimis register, to take away: first what the central register asks for, then what was told to it.

    Columns of Regulation 2023/2831, Art. 6(1): beneficiary, amount, date, authority, instrument, sector.
    """

    columns = (
        Column("beneficiary", gettext_lazy("Beneficiary"), width=40, source="applicant.display_name"),
        Column("identifier", gettext_lazy("SIRET or RNA"), width=20, source="applicant.identifier"),
        Column("siren", gettext_lazy("SIREN number"), width=12, source="applicant.siren"),
        Column("amount", gettext_lazy("Amount"), "money", source="amount_in_force"),
        Column("granted_on", gettext_lazy("Granted on"), "date"),
        Column("authority", gettext_lazy("Granted by"), width=30),
        Column("instrument", gettext_lazy("Aid instrument"), width=20),
        Column("sector", gettext_lazy("Sector (NACE)"), width=10),
        Column("regime", gettext_lazy("Regime"), width=40),
        Column("reference", gettext_lazy("Reference"), width=18),
        Column("case_number", gettext_lazy("Case"), width=18),
        Column("origin", gettext_lazy("Origin"), width=24),
        Column("withdrawn_on", gettext_lazy("Lost on"), "date"),
        Column("to_be_entered", gettext_lazy("To be entered"), "boolean", source="is_to_be_entered"),
        Column("enter_by", gettext_lazy("To be entered by"), "date", source="enter_by"),
        Column("entered_on", gettext_lazy("Entered on"), "date"),
        Column("entered_amount", gettext_lazy("Amount entered"), "money"),
        Column("entered_reference", gettext_lazy("Number in the central register"), width=20),
        Column("entered_by", gettext_lazy("Entered by"), width=30, source="entered_by.email"),
    )
    export_only = tuple(column.key for column in columns)
    select_related = ("applicant", "entered_by")

    class Meta:
        model = DeMinimisAid
        import_id_fields = ("case_number",)


class LegalCategoryResource(EssorResource):
    """Legal categories."""

    columns = (
        Column("code", gettext_lazy("Code"), required=True, width=8),
        Column("label", gettext_lazy("Label"), required=True, width=60, max_length=200),
        Column("family", gettext_lazy("Family"), max_length=60),
        Column("ess", gettext_lazy("Part of the SSE"), required=True),
        Column("note", gettext_lazy("Note"), width=60, max_length=300),
    )

    class Meta:
        model = LegalCategory
        import_id_fields = ("code",)


class DepartmentResource(EssorResource):
    """Departments with their region."""

    columns = (
        Column("code", gettext_lazy("Code"), required=True, width=8),
        Column("name", gettext_lazy("Name"), required=True, max_length=60),
        Column("region_insee", gettext_lazy("Region (INSEE code)"), required=True, width=10),
        Column("region_name", gettext_lazy("Region"), required=True),
        Column("nuts2", gettext_lazy("NUTS 2"), required=True, width=10),
        Column("nuts2_name", gettext_lazy("NUTS 2 area"), required=True),
    )

    class Meta:
        model = Department
        import_id_fields = ("code",)


class DeMinimisCeilingResource(EssorResource):
    """De minimis ceilings, to take away; they are changed one by one, with their source."""

    columns = (
        Column("regime", gettext_lazy("Regime"), width=40),
        Column("amount", gettext_lazy("Ceiling"), "money"),
        Column("years", gettext_lazy("Years"), "integer"),
        Column("window", gettext_lazy("Window"), width=40),
        Column("valid_from", gettext_lazy("Applies from"), "date"),
        Column("valid_until", gettext_lazy("Applies until"), "date"),
        Column("source", gettext_lazy("Source"), width=60),
    )
    export_only = ("regime", "amount", "years", "window", "valid_from", "valid_until", "source")

    class Meta:
        model = DeMinimisCeiling
        import_id_fields = ("regime",)
