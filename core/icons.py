"""The portal's few icons, drawn for Essor: strokes on a 24 by 24 grid, in the colour of the text around them."""

PATHS: dict[str, str] = {
    "alert": "M12 4 2.5 20h19L12 4Zm0 6v4.5m0 2.6v.1",
    "arrow": "M5 12h14m-6-6 6 6-6 6",
    "back": "M19 12H5m6-6-6 6 6 6",
    "calendar": "M4 6h16v14H4V6Zm0 5h16M8 3v5m8-5v5",
    "check": "m5 12.5 4.5 4.5L19 7.5",
    "clock": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Zm0 4V12l3.2 2.2",
    "close": "m6 6 12 12M18 6 6 18",
    "dot": "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z",
    "download": "M12 4v11m-5-4.5 5 5 5-5M4.5 20h15",
    "edit": "M4 20h4L19 9l-4-4L4 16v4Zm9-13 4 4",
    "euro": "M18 6.5A7 7 0 1 0 18 17.5M4 10.5h9m-9 3h8",
    "external": "M14 4h6v6m0-6-9 9M18 14v6H4V6h6",
    "file": "M6 3h8l4 4v14H6V3Zm8 0v4h4M9 12h6m-6 4h6",
    "inbox": "M4 13 7 4h10l3 9v7H4v-7Zm0 0h5l1.5 2.5h3L15 13h5",
    "info": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Zm0 7.5v5m0-8.1v.1",
    "lock": "M6 11h12v9H6v-9Zm2.5 0V8a3.5 3.5 0 0 1 7 0v3",
    "mail": "M3.5 6h17v12h-17V6Zm0 .5L12 13l8.5-6.5",
    "minus": "M5 12h14",
    "pause": "M8.5 6v12m7-12v12",
    "phone": "M5 4h4l1.5 4.5L8 10.5a11 11 0 0 0 5.5 5.5l2-2.5L20 15v4c0 .6-.4 1-1 1A15 15 0 0 1 4 5c0-.6.4-1 1-1Z",
    "plus": "M12 5v14M5 12h14",
    "search": "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm4.8 11.3L20 20",
    "send": "M4 12 20 4l-5 16-4-6.5L4 12Zm7 1.5 4-4",
    "trash": "M5 7h14M9.5 7V4.5h5V7M7 7l1 13h8l1-13",
    "user": "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM4.5 20.5a7.5 7.5 0 0 1 15 0",
}

FILLED = frozenset({"dot"})


def svg(name: str) -> str:
    """The ``<path>`` markup of an icon.

    :raises KeyError: for a name that is not drawn: a template with a wrong name must not pass unseen.
    """
    fill = ' fill="currentColor" stroke="none"' if name in FILLED else ""
    return f'<path d="{PATHS[name]}"{fill}/>'
