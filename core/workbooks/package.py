"""The parts of an .xlsx package around its sheets: content types, relations, workbook, names, properties."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from core.workbooks.cells import CONTROL
from core.workbooks.sheetxml import XML_HEAD, Part, quoted

_CT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE_REL = "http://schemas.openxmlformats.org/package/2006/relationships"
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_]")
MAX_NAME = 31


class TabNames:
    """Gives every tab a name that spreadsheets accept and that no other tab has."""

    def __init__(self):
        self._taken: set[str] = set()

    def next_for(self, title: str) -> str:
        base = _FORBIDDEN.sub(" ", CONTROL.sub("", title)).strip(" '") or "Sheet"
        name, number = base[:MAX_NAME].rstrip(" '"), 1
        while name.casefold() in self._taken:
            number += 1
            end = f" ({number})"
            name = base[: MAX_NAME - len(end)].rstrip(" '") + end
        self._taken.add(name.casefold())
        return name


@dataclass(frozen=True)
class Tab:
    """One tab of the package: its name, the file that holds it, its data if it is not the cover."""

    name: str
    file: str
    part: Part | None = None
    last_letters: str = "A"


def content_types_xml(tabs: Sequence[Tab]) -> str:
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/{tab.file}" ContentType="{_CT}.worksheet+xml"/>' for tab in tabs
    )
    return (
        f'{XML_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_CT}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_CT}.styles+xml"/>'
        '<Override PartName="/docProps/core.xml" '
        'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
        f"{overrides}</Types>"
    )


def root_relations_xml() -> str:
    return (
        f'{XML_HEAD}<Relationships xmlns="{_PACKAGE_REL}">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        '<Relationship Id="rId2" Target="docProps/core.xml" '
        'Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"/>'
        "</Relationships>"
    )


def workbook_relations_xml(tabs: Sequence[Tab]) -> str:
    sheets = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" Target="worksheets/{tab.file}"/>'
        for number, tab in enumerate(tabs, 1)
    )
    styles = f'<Relationship Id="rId{len(tabs) + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    return f'{XML_HEAD}<Relationships xmlns="{_PACKAGE_REL}">{sheets}{styles}</Relationships>'


def workbook_xml(tabs: Sequence[Tab], names: Sequence[tuple[str, str]]) -> str:
    """Return ``xl/workbook.xml``. ``names`` are (name, what it stands for) of the whole workbook."""
    sheets = "".join(
        f'<sheet name={quoteattr(tab.name)} sheetId="{number}" r:id="rId{number}"/>'
        for number, tab in enumerate(tabs, 1)
    )
    defined = [(name, "", refers) for name, refers in names]
    for number, tab in enumerate(tabs):
        local = f' localSheetId="{number}"'
        if tab.part is None:
            continue
        last_data = max(tab.part.last_row, 1)
        last = tab.part.total_row or last_data
        here = quoted(tab.name)
        defined += [
            ("_xlnm._FilterDatabase", f'{local} hidden="1"', f"{here}!$A$1:${tab.last_letters}${last_data}"),
            ("_xlnm.Print_Area", local, f"{here}!$A$1:${tab.last_letters}${last}"),
            ("_xlnm.Print_Titles", local, f"{here}!$1:$1"),
        ]
    defined_xml = "".join(
        f"<definedName name={quoteattr(name)}{more}>{escape(refers)}</definedName>" for name, more, refers in defined
    )
    return (
        f'{XML_HEAD}<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{_OFFICE}">'
        '<bookViews><workbookView xWindow="0" yWindow="0" windowWidth="28800" windowHeight="15000"/></bookViews>'
        f"<sheets>{sheets}</sheets>"
        + (f"<definedNames>{defined_xml}</definedNames>" if defined else "")
        + '<calcPr calcId="191029"/></workbook>'
    )


def core_properties_xml(title: str) -> str:
    """Return the properties. No date in them: the same data give the same file."""
    return (
        f'{XML_HEAD}<cp:coreProperties xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties">'
        f"<dc:title>{escape(CONTROL.sub('', title))}</dc:title><dc:creator>Essor</dc:creator></cp:coreProperties>"
    )


def name_of_column(sheet_key: str, column_key: str, part_number: int) -> str:
    """Return the defined name of a column: ``operations.eu_amount`` (``….2`` on the second tab of a long sheet)."""
    name = f"{_NOT_IN_NAME.sub('_', sheet_key)}.{_NOT_IN_NAME.sub('_', column_key)}"
    return name if part_number == 0 else f"{name}.{part_number + 1}"
