"""The window of a call: nobody opens it after what was filed, nor closes it before; a closing is never told afterwards.

Who read "until 21 December" was told the truth as long as it stood. A call is closed at once by a closing of now (its
page has a box for it), and from then on "closed on …" says when it was.
"""

from datetime import datetime, timedelta
from typing import Any

import pgtrigger
from django.db.models import Max, Min
from django.utils import timezone
from django.utils.translation import gettext

from core.dates import format_moment

PASSED = "a call is not closed in the past: it closes now, or later"
CLOSED_BEFORE = "a call is not closed before what was filed under it"
OPENED_AFTER = "a call is not opened after what was filed under it"
FILED_OUTSIDE = "nothing is filed before its call opens, or after it closed"


def call_keeps_its_window() -> pgtrigger.Trigger:
    """A closing that changes is to come, and is not before a filing; nor is an opening that changes after one.

    The server's own clock says what is past, a minute apart from that of who asks.
    """
    return pgtrigger.Trigger(
        name="call_keeps_its_window",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            "ROW(OLD.opens_at, OLD.closes_at) IS DISTINCT FROM ROW(NEW.opens_at, NEW.closes_at)"
        ),
        func=f"""
            IF NEW.closes_at IS DISTINCT FROM OLD.closes_at THEN
                IF NEW.closes_at < now() - interval '1 minute' THEN
                    RAISE EXCEPTION '{PASSED}' USING ERRCODE = 'check_violation';
                END IF;
                IF EXISTS (SELECT 1 FROM grants_application
                            WHERE call_id = NEW.id AND submitted_at > NEW.closes_at) THEN
                    RAISE EXCEPTION '{CLOSED_BEFORE}' USING ERRCODE = 'check_violation';
                END IF;
            END IF;
            IF NEW.opens_at IS DISTINCT FROM OLD.opens_at AND EXISTS (
                SELECT 1 FROM grants_application WHERE call_id = NEW.id AND submitted_at < NEW.opens_at) THEN
                RAISE EXCEPTION '{OPENED_AFTER}' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


def filed_within_its_window() -> pgtrigger.Trigger:
    """A draft is filed while its call is open; the call is locked to look: it closes before or after."""
    return pgtrigger.Trigger(
        name="filed_within_its_window",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition("OLD.submitted_at IS NULL AND NEW.submitted_at IS NOT NULL"),
        func=f"""
            PERFORM 1 FROM grants_call WHERE id = NEW.call_id FOR SHARE;
            IF EXISTS (SELECT 1 FROM grants_call WHERE id = NEW.call_id
                          AND (NEW.submitted_at < opens_at OR NEW.submitted_at > closes_at)) THEN
                RAISE EXCEPTION '{FILED_OUTSIDE}' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


def closing_now() -> datetime:
    """A closing of this moment: the end of this second, since pages show and send back no part of one."""
    return timezone.now().replace(microsecond=0) + timedelta(seconds=1)


def window_problems(known: Any, opens_at: datetime | None, closes_at: datetime | None) -> dict[str, str]:
    """Why the dates of the call ``known`` do not become these: sentences by field."""
    filed = known.applications.aggregate(first=Min("submitted_at"), last=Max("submitted_at"))
    errors = {}
    if closes_at and closes_at != known.closes_at:
        if closes_at < timezone.now():
            errors["closes_at"] = gettext(
                "This closing is past: who read the present one was promised until then. To close the call at once, tick "
                "“Close now”."
            )
        elif filed["last"] and closes_at < filed["last"]:
            sentence = gettext("An application was filed on %(day)s: the call does not close before.")
            errors["closes_at"] = sentence % {"day": format_moment(filed["last"])}
    if opens_at and opens_at != known.opens_at and filed["first"] and opens_at > filed["first"]:
        sentence = gettext("An application was filed on %(day)s: the call does not open after.")
        errors["opens_at"] = sentence % {"day": format_moment(filed["first"])}
    return errors
