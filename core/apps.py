from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "Essor"

    def ready(self) -> None:
        from core import celery_signals, checks, constraints, health, menu, migration_state, needed, refusals, setup
        from core.engine import daily, locks
        from core.figures import setup as figures
        from core.lib import odd_days

        refusals.register()
        needed.register()
        post_migrate.connect(setup.ensure_roles, sender=self, dispatch_uid="core_ensure_roles")
        post_migrate.connect(
            setup.ensure_incompatible_roles, sender=self, dispatch_uid="core_ensure_incompatible_roles"
        )
        pre_migrate.connect(locks.label_migrations, sender=self, dispatch_uid="core_label_migrations")
        post_migrate.connect(locks.unlabel_migrations, sender=self, dispatch_uid="core_unlabel_migrations")
        post_migrate.connect(locks.fasten, sender=self, dispatch_uid="core_fasten")
        constraints.give_sentences()
        migration_state.install()
        setup.register_access_to_jobs()
        setup.declare_changes_without_event()
        setup.declare_own_labels()
        celery_signals.connect()
        checks.connect()
        odd_days.install()
        health.connect()
        menu.register_all()
        figures.register()
        assert daily  # noqa: S101  (importing it declares the daily task)
