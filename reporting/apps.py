from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ReportingConfig(AppConfig):
    """What is owed to others: operations, control, payment applications, workbooks, open data."""

    name = "reporting"
    verbose_name = _("Europe and reports")

    def ready(self) -> None:
        from reporting import menu, receivers, refusals, setup, tasks
        from reporting.figures import setup as figures

        post_migrate.connect(setup.after_migration, sender=self, dispatch_uid="reporting_reference_data")
        setup.register()
        refusals.register()
        menu.register()
        assert receivers and tasks  # noqa: S101  (importing them connects signals and declares the kinds of jobs)
        assert figures.DECLARED  # noqa: S101  (importing it declares the invariants)
