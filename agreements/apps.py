"""The agreements app: what was promised and what is paid."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AgreementsConfig(AppConfig):
    """Registers the access rules, the receivers and the work of the app."""

    name = "agreements"
    verbose_name = _("Agreements and payments")

    def ready(self) -> None:
        from agreements import refusals, setup
        from agreements.figures import setup as figures

        setup.register()
        refusals.register()
        assert figures.DECLARED  # noqa: S101  (importing it declares the invariants)
