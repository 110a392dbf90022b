"""The one style sheet of Essor's workbooks: a fixed table, so that a cell's style is a number known in advance."""

from core.workbooks.columns import KINDS

_FONT = "Calibri"
_DARK, _PALE, _LINE, _MUTED, _LINK = "FF0F5C46", "FFEBEFEC", "FFBAC5BE", "FF4C5A53", "FF0B5394"

_FORMATS = {
    "text": 0,
    "money": 4,  # built in: #,##0.00, shown with the reader's own separators
    "date": 164,
    "datetime": 165,
    "integer": 3,
    "percent": 10,
    "boolean": 0,
    "link": 0,
}
_FONTS = {"normal": 0, "header": 1, "bold": 2, "title": 3, "link": 4, "muted": 5}


def _names() -> list[tuple[str, str, str]]:
    """The styles in the order of their numbers: (name, kind, role)."""
    styles = [("normal", "text", "normal")]
    styles += [(kind, kind, "data") for kind in KINDS]
    styles += [(f"total.{kind}", kind, "total") for kind in KINDS]
    styles += [("quoted", "text", "quoted"), ("header", "text", "header"), ("title", "text", "title")]
    styles += [("label", "text", "label"), ("note", "text", "note"), ("wrapped", "text", "wrapped")]
    return styles


STYLE = {name: number for number, (name, _kind, _role) in enumerate(_names())}


def _xf(kind: str, role: str) -> str:
    font, fill, border, extra = "normal", 0, 0, ""
    horizontal = "right" if kind in ("money", "integer", "percent") else ""
    wrap = role in ("wrapped", "note", "header") or (kind == "text" and role in ("data", "quoted"))
    if role == "header":
        font, fill, border, horizontal = "header", 2, 1, "center"
    elif role in ("total", "label"):
        font, fill, border = "bold", 3 if role == "total" else 0, 2 if role == "total" else 0
    elif role in ("title", "note"):
        font = {"title": "title", "note": "muted"}[role]
    elif kind == "link":
        font = "link"
    if role == "quoted":
        extra = ' quotePrefix="1"'
    align = (f' horizontal="{horizontal}"' if horizontal else "") + (' wrapText="1"' if wrap else "")
    return (
        f'<xf numFmtId="{_FORMATS[kind]}" fontId="{_FONTS[font]}" fillId="{fill}" borderId="{border}" xfId="0"{extra}'
        f' applyNumberFormat="1" applyFont="1" applyFill="1" applyBorder="1" applyAlignment="1">'
        f'<alignment vertical="{"center" if role == "header" else "top"}"{align}/></xf>'
    )


def _font(size: int, colour: str, *, bold: bool = False, underline: bool = False) -> str:
    marks = ("<b/>" if bold else "") + ("<u/>" if underline else "")
    return f'<font>{marks}<sz val="{size}"/><color rgb="{colour}"/><name val="{_FONT}"/><family val="2"/></font>'


def styles_xml() -> str:
    """Return the part ``xl/styles.xml``."""
    fonts = [
        _font(10, "FF16211C"), _font(10, "FFFFFFFF", bold=True), _font(10, "FF16211C", bold=True),
        _font(18, _DARK, bold=True), _font(10, _LINK, underline=True), _font(9, _MUTED),
    ]  # fmt: skip
    fills = ['<fill><patternFill patternType="none"/></fill>', '<fill><patternFill patternType="gray125"/></fill>']
    fills += [
        f'<fill><patternFill patternType="solid"><fgColor rgb="{colour}"/><bgColor indexed="64"/></patternFill></fill>'
        for colour in (_DARK, _PALE)
    ]
    line = f'style="thin"><color rgb="{_LINE}"/>'
    borders = [
        "<border><left/><right/><top/><bottom/><diagonal/></border>",
        f"<border><left {line}</left><right {line}</right><top/><bottom/><diagonal/></border>",
        f'<border><left/><right/><top style="medium"><color rgb="{_DARK}"/></top><bottom/><diagonal/></border>',
    ]
    xfs = [_xf(kind, role) for _name, kind, role in _names()]
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<numFmts count="2"><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/>'
        '<numFmt numFmtId="165" formatCode="dd/mm/yyyy\\ hh:mm"/></numFmts>'
        f'<fonts count="{len(fonts)}">{"".join(fonts)}</fonts>'
        f'<fills count="{len(fills)}">{"".join(fills)}</fills>'
        f'<borders count="{len(borders)}">{"".join(borders)}</borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(xfs)}">{"".join(xfs)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
        "</styleSheet>"
    )
