"""What ``manage.py check`` says of the Region's settings."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.db.backends.signals import connection_created

from core.colours import READABLE, contrast
from core.engine.anchors import has_destination
from core.engine.roles import refuse_owner, roles_are_two
from core.lib.odd_days import read_any_day
from core.retention import years_are_lawful


def region_colour_is_readable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """White text stands on the Region's colour: it must be dark enough."""
    colour = str(settings.ESSOR_REGION["primary_colour"])
    ratio = contrast(colour)
    if ratio < READABLE:
        text = f"White text on {colour} has a contrast of {ratio:.1f}; {READABLE} is needed. Choose a darker colour."
        return [Warning(text, id="essor.W001")]
    return []


def anchors_go_somewhere(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """In production the end of the chain is noted where the administrators of the database cannot reach it."""
    if has_destination() or not settings.ESSOR_ANCHORS_EXPECTED:
        return []
    text = (
        "Neither ESSOR_ANCHOR_FOLDER nor ESSOR_ANCHOR_MAIL is set: nothing outside of the database holds the end of the "
        "chain, and whoever administers it could make the whole chain anew unseen. Name a folder or addresses that they "
        "cannot reach (or say ESSOR_ANCHORS_EXPECTED=false)."
    )
    return [Warning(text, id="essor.W002")]


def time_stamps_can_be_verified(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A time-stamp whose signature nobody verifies could be anybody's."""
    if not settings.ESSOR_TIMESTAMP_URL:
        return []
    if not settings.ESSOR_TIMESTAMP_CA:
        text = (
            "ESSOR_TIMESTAMP_URL is set without ESSOR_TIMESTAMP_CA: the time-stamps of the anchors are kept, and their "
            "signature is not verified. Put the certificates of the service in a file and name it in ESSOR_TIMESTAMP_CA."
        )
        return [Warning(text, id="essor.W003")]
    if not os.access(settings.ESSOR_TIMESTAMP_CA, os.R_OK):
        text = f"The file of ESSOR_TIMESTAMP_CA cannot be read: {settings.ESSOR_TIMESTAMP_CA}."
        return [Warning(text, id="essor.W003")]
    return []


def connect() -> None:
    register(region_colour_is_readable)
    register(roles_are_two)
    register(anchors_go_somewhere)
    register(years_are_lawful)
    register(time_stamps_can_be_verified)
    connection_created.connect(refuse_owner, dispatch_uid="core_refuse_owner")
    connection_created.connect(read_any_day, dispatch_uid="core_read_any_day")
