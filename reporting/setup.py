"""What the app tells the others when it is ready."""

from core.documents import register_access
from reporting import proof, tasks
from reporting.permissions import may_import_operations
from reporting.reference_data import ensure_reference_data


def after_migration(sender: object, **kwargs: object) -> None:
    """Receiver of ``post_migrate``: the reference tables are complete."""
    ensure_reference_data()


def register() -> None:
    """Who reads the files of imports; importing the tasks declares the kinds of jobs."""
    register_access("reporting.OperationImport", lambda user, _import: may_import_operations(user))
    proof.register()
    assert tasks  # noqa: S101
