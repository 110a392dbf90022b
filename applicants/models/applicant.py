"""Who asks: a legal person known by its SIRET or RNA number, or a natural person."""

from typing import TYPE_CHECKING

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left, Lower
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from applicants.models.reference import Department, LegalCategory
from applicants.models.triggers import INTERESTED, naming_stays
from applicants.rules.identifiers import department_of, format_siret, siren_of, validate_rna, validate_siret
from core.history import tracked
from core.lib.names import validate_body_name, validate_person_name
from core.lib.telephones import validate_phone
from core.models.indexes import for_lists
from core.roles import STAFF_ROLES
from core.text import fold, matching, search_vector
from core.triggers import never_deleted

if TYPE_CHECKING:
    from core.models import User


@tracked
class SingleUndertaking(models.Model):
    """Enterprises that de minimis rules take for one (Regulation 2023/2831, Art. 2(2)): their aids add up."""

    name = models.CharField(_("name"), max_length=200, unique=True)
    reason = models.TextField(
        _("what links them"), blank=True, help_text=_("Majority of votes, right to appoint the board, contract…")
    )

    class Meta:
        verbose_name = _("single undertaking")
        verbose_name_plural = _("single undertakings")
        ordering = ["name"]
        triggers = [never_deleted()]
        indexes = for_lists("undertaking", "name")

    def __str__(self) -> str:
        return self.name


#: SQL of the name of an applicant ``{}`` as :attr:`Applicant.display_name` says it.
DISPLAY_NAME = "CASE WHEN {0}.kind = 'legal' THEN {0}.name ELSE {0}.first_name || ' ' || {0}.last_name END"
# From one applicant to all that share an enterprise or an undertaking with it, however long the way.
SINGLE_UNDERTAKING = """
WITH RECURSIVE single AS (
    SELECT id, left(siret, 9) AS siren, undertaking_id FROM applicants_applicant WHERE id = %s
    UNION
    SELECT other.id, other.siren, other.undertaking_id FROM single, LATERAL (
        SELECT id, left(siret, 9) AS siren, undertaking_id FROM applicants_applicant
        WHERE left(siret, 9) = single.siren
        UNION ALL
        SELECT id, left(siret, 9) AS siren, undertaking_id FROM applicants_applicant
        WHERE undertaking_id = single.undertaking_id
    ) AS other
) SELECT id FROM single
"""


class ApplicantQuerySet(models.QuerySet):
    """Applicants, seen by who looks."""

    def for_user(self, user: "User") -> "ApplicantQuerySet":
        """All of them for the Region's staff, one's own for the others, none for a stranger."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.has_role(*STAFF_ROLES):
            return self
        return self.filter(memberships__user=user)

    def of_undertaking(self, applicant: "Applicant") -> "ApplicantQuerySet":
        """Every establishment of the enterprise of ``applicant`` (SIREN) and of the enterprises linked with it."""
        return self.filter(pk__in=RawSQL(SINGLE_UNDERTAKING, [applicant.pk]))  # noqa: S611 - a constant with a parameter

    def of_enterprise(self, siren: str) -> "ApplicantQuerySet":
        """The establishments of an enterprise, by the nine digits of its SIREN."""
        return self.annotate(_siren=Left("siret", 9)).filter(_siren=siren)

    def of_several_establishments(self) -> "ApplicantQuerySet":
        """Those whose enterprise (SIREN) has more than one establishment here."""
        rows = self.filter(siret__isnull=False).annotate(_siren=Left("siret", 9))
        several = rows.order_by().values("_siren").annotate(number=models.Count("pk")).filter(number__gt=1)
        return rows.filter(_siren__in=several.values("_siren"))

    def search(self, typed: str) -> "ApplicantQuerySet":
        """By words of the name or the town, by SIRET or RNA, without regard to accents, capitals and spaces."""
        return matching(self, typed)


#: The family of the legal categories of associations.
ASSOCIATIONS = "association"


@tracked(
    personal=[
        "name",
        "representative_name",
        "first_name",
        "last_name",
        "birth_date",
        "email",
        "phone",
        "address_line",
        "postcode",
        "city",
        "sort_name",
        "search_text",
    ]
)
class Applicant(models.Model):
    """An organisation or a person that asks for aid, receives it, or stands beside the one that asks.

    No national identity number (NIR) is kept, here or anywhere.
    """

    class Kind(models.TextChoices):
        LEGAL = "legal", _("organisation")
        NATURAL = "natural", _("person")

    class EssStatut(models.TextChoices):
        ASSOCIATION = "association", _("association")
        COOPERATIVE = "cooperative", _("cooperative (SCOP, SCIC…)")
        MUTUAL = "mutual", _("mutual society")
        FOUNDATION = "foundation", _("foundation")
        ESUS = "esus", _("company with the ESUS agreement")
        INTEGRATION = "siae", _("integration through work (SIAE, GEIQ, adapted company)")
        SCHOOL = "school", _("school")
        PUBLIC = "public", _("public body")
        OTHER = "other", pgettext_lazy("kind of organisation", "other")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    # An organisation
    name = models.CharField(_("name"), max_length=255, blank=True, validators=[validate_body_name])
    acronym = models.CharField(_("acronym"), max_length=40, blank=True)
    siret = models.CharField(
        _("SIRET number"), max_length=14, unique=True, null=True, blank=True, validators=[validate_siret]
    )
    rna = models.CharField(
        _("RNA number"), max_length=10, unique=True, null=True, blank=True, validators=[validate_rna]
    )
    local_register = models.CharField(
        _("local register"),
        max_length=120,
        blank=True,
        help_text=_("For an association of Alsace or Moselle: the court, the volume and the folio."),
    )
    in_formation = models.BooleanField(_("not registered yet"), default=False)
    legal_category = models.ForeignKey(
        LegalCategory,
        models.PROTECT,
        to_field="code",
        null=True,
        blank=True,
        related_name="applicants",
        verbose_name=_("legal category"),
    )
    is_association = models.BooleanField(_("is an association"), default=False)
    ess_statut = models.CharField(_("SSE status"), max_length=12, choices=EssStatut.choices, blank=True)
    representative_name = models.CharField(
        _("legal representative"), max_length=160, blank=True, validators=[validate_person_name]
    )
    representative_title = models.CharField(_("function of the representative"), max_length=120, blank=True)
    # A person
    first_name = models.CharField(_("first name"), max_length=120, blank=True, validators=[validate_person_name])
    last_name = models.CharField(_("family name"), max_length=120, blank=True, validators=[validate_person_name])
    birth_date = models.DateField(_("date of birth"), null=True, blank=True)
    # Both
    email = models.EmailField(_("e-mail address"), blank=True)
    phone = models.CharField(_("telephone"), max_length=30, blank=True, validators=[validate_phone])
    website = models.CharField(_("website"), max_length=200, blank=True, validators=[URLValidator(["http", "https"])])
    address_line = models.CharField(_("address"), max_length=255, blank=True)
    postcode = models.CharField(_("postcode"), max_length=5, blank=True)
    city = models.CharField(_("town"), max_length=120, blank=True)
    insee_commune = models.CharField(_("INSEE code of the commune"), max_length=5, blank=True)
    region_insee = models.CharField(_("region (INSEE code)"), max_length=2, blank=True, db_index=True)
    nuts2 = models.CharField(_("NUTS 2 code"), max_length=4, blank=True, db_index=True)
    undertaking = models.ForeignKey(
        SingleUndertaking,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="members",
        verbose_name=_("single undertaking"),
    )
    created_by = models.ForeignKey(
        "core.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)
    sort_name = models.CharField(max_length=300, editable=False, db_index=True)
    search_text = models.TextField(editable=False, blank=True)

    OPEN_TO_AUDITORS = frozenset({"leave"})  # one may always leave: it gives up a right, and changes nothing else

    objects = ApplicantQuerySet.as_manager()

    class Meta:
        verbose_name = _("applicant")
        verbose_name_plural = _("applicants")
        ordering = ["sort_name", "pk"]
        indexes = [
            *for_lists("applicant", "city", "ess_statut", "in_formation"),
            GinIndex(search_vector(), name="applicant_search"),
            models.Index(fields=["kind", "sort_name"], name="applicant_kind"),
            models.Index(Left("siret", 9), name="applicant_siren"),
            models.Index(Lower("email"), name="applicant_address"),
        ]
        constraints = [
            models.CheckConstraint(
                name="applicant_by_kind",
                condition=(Q(kind="legal", first_name="", last_name="", birth_date__isnull=True) & ~Q(name=""))
                | (
                    Q(kind="natural", name="", acronym="", siret__isnull=True, rna__isnull=True, local_register="")
                    & Q(legal_category__isnull=True, is_association=False, in_formation=False, ess_statut="")
                    & ~Q(last_name="")
                    & ~Q(first_name="")
                ),
                violation_error_message=_(
                    "An organisation has a name; a person has a first and a family name and no number of organisation."
                ),
            ),
            models.CheckConstraint(
                name="applicant_legal_is_identified",
                condition=Q(kind="natural")
                | Q(siret__isnull=False)
                | Q(rna__isnull=False)
                | ~Q(local_register="")
                | Q(in_formation=True),
                violation_error_message=_(
                    "Give the SIRET number, the RNA number or the local register, or say that the organisation"
                    " is not registered yet."
                ),
            ),
            models.CheckConstraint(
                name="applicant_formation_ends_with_siret",
                condition=Q(in_formation=False) | Q(siret__isnull=True),
                violation_error_message=_("An organisation that has a SIRET number is registered."),
            ),
            models.CheckConstraint(
                name="applicant_siret_shape",
                condition=Q(siret__isnull=True) | Q(siret__regex=r"^\d{14}$"),
                violation_error_message=_("A SIRET number has 14 digits."),
            ),
            models.CheckConstraint(
                name="applicant_rna_shape",
                condition=Q(rna__isnull=True) | Q(rna__regex=r"^W\d[A-Z\d]\d{7}$"),
                violation_error_message=_("An RNA number is W and 9 characters, like W751234567."),
            ),
            models.CheckConstraint(
                name="applicant_place_codes",
                condition=Q(postcode__regex=r"^(\d{5})?$")
                & Q(insee_commune__regex=r"^(\d[\dAB]\d{3})?$")
                & Q(region_insee__regex=r"^(\d{2})?$")
                & Q(nuts2__regex=r"^(FR[A-Z0-9]{2})?$"),
                violation_error_message=_("A postcode and an INSEE code have 5 characters."),
            ),
        ]
        triggers = [
            naming_stays(
                pgtrigger.Update,
                body="SELECT OLD.id",
                place="'address'",
                taken_off="lower(NEW.email) IS DISTINCT FROM lower(OLD.email)",
                since="OLD.updated_at",
            )
        ]

    def __str__(self) -> str:
        return self.display_name

    def save(self, *args, **kwargs) -> None:
        """Also find the region from the address, and fold what a search reads."""
        self._place()
        self.sort_name = fold(self.name or f"{self.last_name} {self.first_name}")[:300]
        self.search_text = fold(
            f"{self.name} {self.acronym} {self.first_name} {self.last_name} {self.siret or ''} {self.rna or ''}"
            f" {self.city} {self.postcode}"
        )
        if (fields := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*fields, "sort_name", "search_text", "region_insee", "nuts2", "updated_at"}
        super().save(*args, **kwargs)

    def _place(self) -> None:
        code = department_of(self.insee_commune or self.postcode)
        department = Department.objects.filter(code=code).first() if code else None
        if department:
            self.region_insee = department.region_insee
            self.nuts2 = department.nuts2

    def interest_of(self, user: "User") -> str | None:
        """Those who act for it, did not long ago, ask to or are invited to, and the person it is, by their address."""
        asked = RawSQL(INTERESTED, [user.pk], output_field=models.BooleanField())  # noqa: S611 - constants
        if not Applicant.objects.filter(asked, pk=self.pk).exists():
            return None
        kept = self.kept_interests.live().own_acts().filter(user=user).order_by("-counts_until").first()
        member = self.memberships.filter(user=user).exists()
        if not (kept or member or self.join_requests.filter(user=user, state="pending").exists()):
            return _(
                "“%(name)s” names you: someone else acts for the Region on it until you answer, from your home page."
            ) % {"name": self.display_name}
        if kept is None or member:
            return _("You act for “%(name)s”: someone else acts for the Region on it.") % {"name": self.display_name}
        day = formats.date_format(timezone.localdate(kept.counts_until), "SHORT_DATE_FORMAT")
        return _(
            "You acted for “%(name)s”, or asked to: someone else acts for the Region on it until %(day)s, unless another"
            " person of the service lifts it."
        ) % {"name": self.display_name, "day": day}

    @property
    def is_legal(self) -> bool:
        """Whether this is an organisation."""
        return self.kind == self.Kind.LEGAL

    @property
    def awaits_siret(self) -> bool:
        """Whether no payment may be asked for before a SIRET number is added: of an organisation that is being created,
        and of one that is no association (an RNA number or a local register alone is for associations). The trigger
        ``filed_once_registered`` of payment claims says the same."""
        if not self.is_legal or self.siret:
            return False
        return self.in_formation or not self._is_surely_association

    @property
    def _is_surely_association(self) -> bool:
        """Said to be one, and of no legal category that says otherwise."""
        category = self.legal_category
        return self.is_association and (category is None or category.family == ASSOCIATIONS)

    @property
    def display_name(self) -> str:
        """The name as it stands on screens and acts."""
        return self.name if self.is_legal else f"{self.first_name} {self.last_name}"

    @property
    def siren(self) -> str:
        """The nine digits of the enterprise; empty without a SIRET number."""
        return siren_of(self.siret or "")

    @property
    def identifier(self) -> str:
        """The number that tells it from any other, written as people read it; empty for a person."""
        if self.siret:
            return format_siret(self.siret)
        return self.rna or self.local_register

    @property
    def address(self) -> str:
        """The postal address on one line."""
        return ", ".join(part for part in (self.address_line, f"{self.postcode} {self.city}".strip()) if part)
