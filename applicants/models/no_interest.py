"""What a person of the Region's staff answers when a body names them: that they have no interest in it."""

from collections.abc import Iterable

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext

from applicants.models.applicant import Applicant
from applicants.models.triggers import namings
from core.history import tracked
from core.triggers import never_deleted


class NoInterestQuerySet(models.QuerySet):
    """Declarations of no interest."""

    def live(self) -> "NoInterestQuerySet":
        """Those that count: the person did not join the body since."""
        return self.filter(void_at=None)


#: The other side's row is held, so that two answers at once do not answer one naming twice.
ANSWERS_A_NAMING = f"""
    PERFORM 1 FROM applicants_applicant WHERE id = NEW.applicant_id FOR NO KEY UPDATE;
    SELECT email INTO NEW.address FROM core_user WHERE id = NEW.user_id;
    NEW.places := ARRAY({namings("NEW.user_id", "NEW.applicant_id")});
    IF NEW.places = '{{}}' THEN
        RAISE EXCEPTION 'a declaration of no interest answers a naming' USING ERRCODE = 'check_violation';
    END IF;
    NEW.declared_at := clock_timestamp();
    RETURN NEW;
"""


@tracked(personal=["reason", "address"])
class NoInterest(models.Model):
    """A person declares that a body names them (their address, an invitation) by mistake or without their consent.

    It answers the namings that stand on its day, by the address that their account has then, and no others: the database
    itself writes which (trigger ``answers_a_naming``; the places are those of :func:`applicants.models.triggers.namings`).
    A naming in another place is a new question; the same address taken off and written again in the same place is not.
    It lifts what rests on addresses alone, never a membership. It is void from the day on which the person joins
    (trigger ``ends_declarations`` of the memberships). Code of relations between the public and the administration,
    Article L100-2; law 2013-907, Article 2.
    """

    user = models.ForeignKey("core.User", models.PROTECT, related_name="no_interests", verbose_name=_("person"))
    applicant = models.ForeignKey(Applicant, models.PROTECT, related_name="no_interests", verbose_name=_("applicant"))
    reason = models.TextField(_("reason"), max_length=1000)
    address = models.EmailField(_("address that stood there"), editable=False, default="", db_default="")
    places = ArrayField(
        models.TextField(), default=list, db_default=[], editable=False, verbose_name=_("what it answers")
    )
    declared_at = models.DateTimeField(_("declared at"), default=timezone.now, editable=False)
    void_at = models.DateTimeField(_("void since"), null=True, blank=True, editable=False)

    objects = NoInterestQuerySet.as_manager()

    class Meta:
        verbose_name = _("declaration of no interest")
        verbose_name_plural = _("declarations of no interest")
        ordering = ["-declared_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="no_interest_has_its_reason"),
            models.CheckConstraint(
                condition=~Q(places=[]) | Q(void_at__isnull=False), name="no_interest_answers_a_naming"
            ),
        ]
        triggers = [
            never_deleted(),
            pgtrigger.Trigger(
                name="answers_a_naming", when=pgtrigger.Before, operation=pgtrigger.Insert, func=ANSWERS_A_NAMING
            ),
            pgtrigger.ReadOnly(name="answer_stays", fields=["user", "applicant", "places", "declared_at"]),
            pgtrigger.Trigger(
                name="void_stays",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.void_at IS NOT NULL AND NEW.void_at IS DISTINCT FROM OLD.void_at"),
                func="""
                    RAISE EXCEPTION 'a declaration of no interest that is void stays so'
                        USING ERRCODE = 'check_violation';
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.applicant}"

    @property
    def where(self) -> str:
        """The places that it answers, in words."""
        return ", ".join(words_of_places(self.places))


def words_of_places(places: Iterable[str]) -> list[str]:
    """Where a body names somebody, for people: each kind of place once, cases and places of before by their count."""
    kinds = [place.partition(":")[0] for place in places]
    cases, kept = kinds.count("case"), kinds.count("kept")
    words = {
        "address": pgettext("naming", "the address of the body"),
        "invitation": pgettext("naming", "an invitation"),
        "case": ngettext("a person of %(count)s case", "persons of %(count)s cases", cases) % {"count": cases},
        "kept": ngettext(
            "an address that was taken off since", "%(count)s addresses that were taken off since", kept
        ) % {"count": kept},
    }  # fmt: skip
    return [words[kind] for kind in dict.fromkeys(kinds)]
