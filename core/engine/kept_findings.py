"""The list of what breaks a figure is what the last look at it found: it has no history, since each look makes it anew."""

from collections.abc import Iterator

from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _

from core.engine.findings import Finding
from core.engine.lines import fetch
from core.figures.checking import KEPT, LISTED, the_list
from core.figures.models import LATEST, FigureCheck
from core.models.event import Event


def check_kept_findings() -> Iterator[Finding]:
    """The list is the one that the last look left; where its parts do not fit each other, they are named. No look is of a day
    to come: the page of the checks would call it the last one."""
    found = list(_of_days_to_come())
    told = {finding.words["code"] for finding in found}
    found += [finding for finding in _unlike_their_look() if finding.words["code"] not in told]
    yield from found
    if found:
        return
    told = Event.objects.filter(action=LISTED, content_type=ContentType.objects.get_for_model(FigureCheck)).last()
    if told is None:  # the last look was made before looks told it
        return
    now = the_list()
    if now["sha256"] != told.data.get("sha256"):
        sentence = _(
            "the list of what breaks the figures is not the one that the last look left: what it found was rewritten, added "
            "or taken out. Look at the figures again."
        )
        yield Finding(
            "core_figurefinding",
            "*",
            "*",
            told.data.get("open_findings"),
            now["open_findings"],
            told.created_at,
            sentence,
        )


def _unlike_their_look() -> Iterator[Finding]:
    """Each open finding was seen by the last look at its figure, and there are as many as that look counted.

    A look that could not be made says nothing of its rows, which stay as they were.
    """
    query = """
        SELECT looked.id, looked.code, looked.checked_at, looked.broken_count AS counted, kept.listed, kept.other
        FROM core_figurecheck AS looked CROSS JOIN LATERAL (
            SELECT count(*) AS listed, min(one.id) FILTER (WHERE one.last_seen <> looked.checked_at) AS other
            FROM core_figurefinding AS one WHERE one.code = looked.code AND one.resolved_at IS NULL
        ) AS kept
        WHERE looked.error = '' AND (
            looked.broken_count <= %(kept)s AND (kept.listed <> looked.broken_count OR kept.other IS NOT NULL)
            OR looked.broken_count > %(kept)s AND kept.listed < %(kept)s)
        ORDER BY looked.code
    """
    for row in fetch(query, {"kept": KEPT}):
        sentence = _(
            "the list of what breaks “%(code)s” is not what the last look at it found: look at the figures again."
        )
        yield Finding(
            "core_figurefinding", row["other"] or "*", "*", row["counted"], row["listed"], row["checked_at"], sentence,
            {"code": row["code"]},
        )  # fmt: skip
    query = """
        SELECT one.id, one.code, one.first_seen FROM core_figurefinding AS one
        WHERE NOT EXISTS (SELECT FROM core_figurecheck AS looked WHERE looked.code = one.code) ORDER BY one.id
    """
    for row in fetch(query):
        sentence = _("no look at “%(code)s” was made, and something is said to break it.")
        yield Finding(
            "core_figurefinding", row["id"], "*", None, None, row["first_seen"], sentence, {"code": row["code"]}
        )


def _of_days_to_come() -> Iterator[Finding]:
    """What is dated of a day that has not come, once a figure: by the first of its findings that is, else by its look."""
    query = f"""
        SELECT DISTINCT ON (code) * FROM (
            SELECT 'core_figurecheck' AS "table", id, code, 'checked_at' AS field, checked_at AS said FROM core_figurecheck
            WHERE checked_at > {LATEST}
            UNION ALL
            SELECT 'core_figurefinding', one.id, one.code, said.field, said.at FROM core_figurefinding AS one
            CROSS JOIN LATERAL (VALUES ('first_seen', one.first_seen), ('last_seen', one.last_seen),
                                       ('resolved_at', one.resolved_at)) AS said (field, at)
            WHERE said.at > {LATEST}
        ) AS dated ORDER BY code, "table" DESC, id, field
    """  # noqa: S608 - a constant
    for row in fetch(query):
        sentence = _(
            "what a look at “%(code)s” left is dated of a day to come: by a clock that was ahead, or by hand. The next look "
            "brings it back."
        )
        yield Finding(row["table"], row["id"], row["field"], None, row["said"], None, sentence, {"code": row["code"]})
