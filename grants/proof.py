"""What the proof of the past needs to know of grants."""

from core.engine.authors import without_event
from core.engine.contents import Content, prove
from core.models import Document
from grants.models import Application, BudgetLine, Message, Partner, PersonLine, Piece, ProgrammeVersion, Snapshot
from grants.rules.definition import fingerprint as fingerprint_of_programme
from grants.services.snapshots import fingerprint

# By the clock of the database, like the line itself: not by the hour that the application wrote down.
_NOT_FILED = (
    "NOT EXISTS (SELECT FROM grants_applicationevent AS filed WHERE filed.pgh_obj_id = {key}"
    " AND filed.submitted_at IS NOT NULL AND filed.pgh_created_at <= line.pgh_created_at)"
)
_REASON = "a draft has no reader but its author: what they file is frozen in a snapshot, with its event"


def register() -> None:
    """A draft is saved while one types, without events; from the first filing on, each change leaves one."""
    without_event(Application, when="line.submitted_at IS NULL AND line.state = 'draft'", reason=_REASON)
    for model in (BudgetLine, Partner, PersonLine, Piece):
        without_event(model, when=_NOT_FILED.format(key="line.application_id"), reason=_REASON)
    of_a_case = "line.content_type_id = (SELECT id FROM django_content_type WHERE app_label = 'grants' AND model = 'application')"
    without_event(Document, when=f"{of_a_case} AND {_NOT_FILED.format(key='line.object_id')}", reason=_REASON)
    without_event(
        Message,
        when="line.pgh_label = 'update'",
        reason="opening a message notes when it was read; its words are fixed",
    )
    prove(
        Content(
            Snapshot, "sha256", Snapshot.objects.all, lambda snapshot: fingerprint(snapshot.content), personal=True
        ),
        Content(
            ProgrammeVersion,
            "sha256",
            ProgrammeVersion.objects.select_related("programme").all,
            lambda version: fingerprint_of_programme(version.definition),
        ),
    )
