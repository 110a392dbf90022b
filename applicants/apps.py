from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ApplicantsConfig(AppConfig):
    name = "applicants"
    verbose_name = _("Applicants")

    def ready(self) -> None:
        from applicants import refusals, setup
        from applicants.figures import setup as figures

        post_migrate.connect(setup.after_migration, sender=self, dispatch_uid="applicants_reference_data")
        setup.register()
        refusals.register()
        assert figures.DECLARED  # noqa: S101  (importing it declares the invariants)
