from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GrantsConfig(AppConfig):
    name = "grants"
    verbose_name = _("Grants")

    def ready(self) -> None:
        from grants import aid_basis, portal_setup, proof, refusals, staff_setup
        from grants.figures import setup as figures

        portal_setup.register()
        refusals.register()
        staff_setup.register()
        proof.register()
        assert aid_basis.AID_BASIS  # noqa: S101  (importing it declares the function)
        assert figures.DECLARED  # noqa: S101  (importing it declares the invariants)
