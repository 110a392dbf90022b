"""The staff screens of grants: one file a concern."""

from grants.admin import history_parts as history_parts
from grants.admin.application import ApplicationAdmin
from grants.admin.committee import CommitteeSessionAdmin
from grants.admin.envelope import CommitmentAdmin, EnvelopeAdmin
from grants.admin.programme import CallAdmin, ProgrammeAdmin

__all__ = [
    "ApplicationAdmin",
    "CallAdmin",
    "CommitmentAdmin",
    "CommitteeSessionAdmin",
    "EnvelopeAdmin",
    "ProgrammeAdmin",
]
