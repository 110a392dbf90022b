"""Database triggers that several models share."""

import pgtrigger


def no_truncate() -> pgtrigger.Trigger:
    """The table cannot be emptied at once."""
    return pgtrigger.Trigger(
        name="no_truncate",
        operation=pgtrigger.Truncate,
        when=pgtrigger.Before,
        level=pgtrigger.Statement,
        func="RAISE EXCEPTION 'the rows of % cannot be removed', TG_TABLE_NAME;",
    )


def append_only_triggers() -> list[pgtrigger.Trigger]:
    """Rows can be added, never changed, removed or truncated."""
    return [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete), no_truncate()]
