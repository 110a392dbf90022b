"""The staff site: the base classes of all apps, and the screens of what core holds."""

from core.admin import history_parts as history_parts
from core.admin.base import (
    CaseHeader,
    EssorModelAdmin,
    EssorStackedInline,
    EssorTabularInline,
    Panel,
    date_display,
    is_list,
    money_display,
    plain_display,
    register_panels,
)
from core.admin.figures import FigureCheckAdmin
from core.admin.incompatible import IncompatibleRolesAdmin
from core.admin.journal import EventAdmin, EventSealAdmin
from core.admin.people import UserAdmin
from core.admin.records import DocumentAdmin, JobAdmin, OutboxMessageAdmin
from core.admin.retention import RetentionAdmin

__all__ = [
    "CaseHeader",
    "DocumentAdmin",
    "EssorModelAdmin",
    "EssorStackedInline",
    "EssorTabularInline",
    "EventAdmin",
    "EventSealAdmin",
    "FigureCheckAdmin",
    "IncompatibleRolesAdmin",
    "JobAdmin",
    "OutboxMessageAdmin",
    "Panel",
    "RetentionAdmin",
    "UserAdmin",
    "date_display",
    "is_list",
    "money_display",
    "plain_display",
    "register_panels",
]
