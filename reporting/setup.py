"""What the app tells the others when it is ready."""

from django.utils.translation import gettext_lazy as _

from agreements.asked_of_funds import register_asked_of_funds
from agreements.certified import register_keeper
from core.documents import register_access
from core.engine.labels import own_tables
from core.presentation import register_action_labels, register_mails
from reporting import proof, retention, tasks
from reporting.asked import asked_of_agreement
from reporting.permissions import may_import_operations
from reporting.receivers import why_certification_stays
from reporting.reference_data import REFERENCE, ensure_reference_data


def after_migration(sender: object, **kwargs: object) -> None:
    """Receiver of ``post_migrate``: the reference tables are complete."""
    ensure_reference_data()


def register_words() -> None:
    """The words of the events that are no transitions."""
    register_mails(
        {
            "reporting/mail/controlled": _("Outcome of a control"),
        }
    )
    register_action_labels(
        {
            "import": _("Taken in from a list"),
            "revise": _("Corrected"),
            "figures_moved": _("The figures of the doubt moved"),
            "lower": _("Lowered to what is or will be paid"),
            "withdraw_declaration": _("Declaration withdrawn"),
        }
    )


def register() -> None:
    """Who reads the files of imports; importing the tasks declares the kinds of jobs."""
    register_keeper(why_certification_stays)
    register_asked_of_funds(asked_of_agreement)
    register_access("reporting.OperationImport", lambda user, _import: may_import_operations(user))
    proof.register()
    retention.connect()
    own_tables("command migrate", *(model._meta.db_table for model in REFERENCE))
    own_tables("job import.operations", "reporting_*")
    own_tables("job report.operations", "reporting_operation")  # when it was first published
    register_words()
    assert tasks  # noqa: S101
