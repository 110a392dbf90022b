"""Builds ``agreement.docx``, the Word template of the acts.

    python agreements/documents/build_templates.py

The layout is here (styles, header, tables); the wording is in ``wording/*.yaml``. An officer may then edit the .docx
itself in Word or LibreOffice: the ``{{ … }}`` and ``{%p … %}`` marks are filled by docxtpl.
"""

from pathlib import Path

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

HERE = Path(__file__).resolve().parent
GREEN = RGBColor(0x0F, 0x5C, 0x46)
GREY = RGBColor(0x4C, 0x5A, 0x53)


def build(path: Path = HERE / "agreement.docx") -> Path:
    """Write the template and return its path."""
    document = Document()
    _page(document)
    _styles(document)
    _front(document)
    _body(document)
    _annexes(document)
    document.core_properties.title = "{{ title }}"
    document.core_properties.author = "{{ region.name }}"
    document.core_properties.comments = ""
    document.save(path)
    return path


def _page(document) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    section.top_margin, section.bottom_margin = Cm(2), Cm(2.2)
    head = section.header.paragraphs[0]
    head.add_run("{{ region.name }}").bold = True
    head.add_run("\n{{ region.address }} – {{ region.email }} – {{ region.phone }}").font.size = Pt(8)
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    foot.add_run("{{ reference }} – ").font.size = Pt(8)
    _page_number(foot)


def _page_number(paragraph) -> None:
    run = paragraph.add_run()
    run.font.size = Pt(8)
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        if kind:
            element = OxmlElement("w:fldChar")
            element.set(qn("w:fldCharType"), kind)
        else:
            element = OxmlElement("w:instrText")
            element.set(qn("xml:space"), "preserve")
            element.text = text
        run._r.append(element)


def _styles(document) -> None:
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Liberation Serif", Pt(10.5)
    normal.paragraph_format.space_after = Pt(6)
    normal.element.rPr.append(_language("fr-FR"))
    for name, size in (("Title", 18), ("Heading 1", 14), ("Heading 2", 11.5)):
        style = document.styles[name]
        style.font.name, style.font.size, style.font.color.rgb = "Liberation Serif", Pt(size), GREEN
        style.element.rPr.rFonts.set(qn("w:asciiTheme"), "")
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(12), Pt(4)
        style.paragraph_format.keep_with_next = True


def _language(code: str):
    element = OxmlElement("w:lang")
    element.set(qn("w:val"), code)
    return element


def _front(document) -> None:
    document.add_paragraph("{{ title }}", style="Title")
    subject = document.add_paragraph()
    run = subject.add_run("{{ subject }}")
    run.font.size, run.font.color.rgb = Pt(12), GREY
    document.add_paragraph("{%p if parties %}")
    document.add_paragraph("Entre")
    document.add_paragraph("{%p for party in parties %}")
    document.add_paragraph("{{ party }}{% if not loop.last %}, et{% else %},{% endif %}")
    document.add_paragraph("{%p endfor %}")
    document.add_paragraph("{%p endif %}")
    document.add_paragraph("{%p for recital in recitals %}")
    document.add_paragraph("{{ recital }}")
    document.add_paragraph("{%p endfor %}")
    document.add_paragraph("{{ opening }}").runs[0].bold = True


def _body(document) -> None:
    document.add_paragraph("{%p for article in articles %}")
    document.add_paragraph("Article {{ article.number }} – {{ article.title }}", style="Heading 2")
    document.add_paragraph("{%p for text in article.paragraphs %}")
    document.add_paragraph("{{ text }}")
    document.add_paragraph("{%p endfor %}")
    document.add_paragraph("{%p endfor %}")
    document.add_paragraph("{{ signature }}").paragraph_format.space_before = Pt(18)
    table = document.add_table(rows=1, cols=2)
    for cell, rank in zip(table.rows[0].cells, (0, 1), strict=True):
        cell.paragraphs[0].add_run(
            f"{{% if signatories|length > {rank} %}}{{{{ signatories[{rank}].who }}}}{{% endif %}}"
        ).bold = True
        cell.add_paragraph(
            f"{{% if signatories|length > {rank} %}}{{{{ signatories[{rank}].quality }}}}{{% endif %}}"
        ).paragraph_format.space_after = Pt(48)


def _annexes(document) -> None:
    document.add_paragraph("{%p for annex in annexes %}")
    heading = document.add_paragraph("{{ annex.title }}", style="Heading 1")
    heading.paragraph_format.page_break_before = False
    document.add_paragraph("{%p for table in annex.tables %}")
    document.add_paragraph("{{ table.caption }}").runs[0].bold = True
    table = document.add_table(rows=4, cols=3, style="Table Grid")
    _row(table.rows[0], ["{{ table.columns[0] }}", "{{ table.columns[1] }}", "{{ table.columns[2] }}"], bold=True)
    _header_row(table.rows[0])
    _span(table.rows[1], "{%tr for row in table.rows %}")
    _row(table.rows[2], ["{{ row[0] }}", "{{ row[1] }}", "{{ row[2] }}"])
    _span(table.rows[3], "{%tr endfor %}")
    total = document.add_paragraph()
    total.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    total.add_run("{{ table.total_label }} {{ table.total }}").bold = True
    document.add_paragraph("{%p endfor %}")
    document.add_paragraph("{%p endfor %}")


def _row(row, texts: list[str], *, bold: bool = False) -> None:
    for rank, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
        paragraph = cell.paragraphs[0]
        paragraph.add_run(text).bold = bold
        paragraph.paragraph_format.space_after = Pt(0)
        if rank == 2:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _span(row, text: str) -> None:
    row.cells[0].paragraphs[0].add_run(text)


def _header_row(row) -> None:
    properties = row._tr.get_or_add_trPr()
    element = OxmlElement("w:tblHeader")
    element.set(qn("w:val"), "true")
    properties.append(element)


if __name__ == "__main__":
    print(build())
