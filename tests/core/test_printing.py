"""Papers: the text is there, nothing that people typed is read as markup, the PDF says what accessibility asks."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import translation
from docx import Document as WordDocument
from pypdf import PdfReader

from core import printing
from core.printing import PrintingError, find_template, render_docx, render_pdf

HOSTILE = '#eval("1+1") #{x} [crochets] {accolades} \\ *gras* _ital_ $a^2$ @ref <b>x</b> `code` = Titre // fin'
TEMPLATE = """
#import "essor.typ": *
#show: letter
#addressee(data.to)
= #data.title
#facts(data.facts)
#paragraphs(data.body)
#amounts(("Compte", ("Montant", "num")), data.rows, total: data.total)
#notice[À retenir]
#article(1, data.article)[#data.body]
#signatures((("Pour la Région", "La présidente"), (data.to.at(0), "")), place: "Fait à Exemple")
"""
DATA = {
    "title": "Accusé de réception",
    "reference": "PROG-2026-00042",
    "to": ["Association Les Coquelicots", "51000 Châlons"],
    "facts": [
        ("Montant demandé", Decimal("28400")),
        ("Reçue le", date(2026, 11, 1)),
        ("À", datetime(2026, 11, 24, 8, 30, tzinfo=UTC)),
    ],
    "body": HOSTILE,
    "rows": [["622", Decimal("18500")], ["623", Decimal("6000.5")]],
    "total": ["Total", Decimal("24500.5")],
    "article": "Objet",
}


@pytest.fixture(autouse=True)
def template(tmp_path: Path, monkeypatch) -> Path:
    """A template that uses the whole library, beside those of the apps."""
    path = tmp_path / "sample.typ"
    path.write_text(TEMPLATE)
    known = find_template
    monkeypatch.setattr(printing, "find_template", lambda name: path if name == "test/sample.typ" else known(name))
    return path


def text_of(pdf: bytes) -> str:
    reader = PdfReader(io.BytesIO(pdf))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_a_number_is_found_whatever_the_length_of_the_words_around() -> None:
    long = "Expérimentation territoriale interprofessionnelle de transformation coopérative " * 8
    text = text_of(render_pdf("test/sample.typ", DATA | {"body": long, "article": "Conventionnement"}))
    assert "PROG-2026-00042" in text and "\u00ad" not in text


def test_the_text_is_in_the_paper() -> None:
    text = text_of(render_pdf("test/sample.typ", DATA))
    for part in ("Région Exemple", "Accusé de réception", "PROG-2026-00042", "1er novembre 2026", "Article 1 – Objet"):
        assert part in text
    squeezed = text.replace("\u202f", "").replace(" ", "")
    for amount in ("28400,00€", "18500,00€", "24500,50€"):
        assert amount in squeezed
    assert "24novembre2026,9h30" in squeezed


def test_what_people_typed_is_never_markup() -> None:
    assert " ".join(HOSTILE.split()) in text_of(render_pdf("test/sample.typ", DATA))


def test_hostile_text_in_every_place() -> None:
    data = DATA | {"title": HOSTILE, "to": [HOSTILE], "facts": [(HOSTILE, HOSTILE)], "rows": [[HOSTILE, HOSTILE]]}
    data |= {"article": HOSTILE, "reference": HOSTILE, "total": [HOSTILE, ""]}
    text = text_of(render_pdf("test/sample.typ", data)).replace(" ", "").replace("\u00ad", "").replace("-", "")
    assert text.count('#eval("1+1")') >= 8


def test_the_paper_is_tagged_for_accessibility() -> None:
    reader = PdfReader(io.BytesIO(render_pdf("test/sample.typ", DATA)))
    catalog = reader.trailer["/Root"]
    assert catalog["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in catalog
    assert catalog["/Lang"].startswith("fr")
    assert reader.metadata.title == "Accusé de réception"
    assert "pdfuaid" in catalog["/Metadata"].get_object().get_data().decode()


def test_fonts_travel_with_the_paper() -> None:
    page = PdfReader(io.BytesIO(render_pdf("test/sample.typ", DATA))).pages[0]
    names = {font.get_object()["/BaseFont"] for font in page["/Resources"]["/Font"].values()}
    assert all("+" in name for name in names), names


def test_the_same_data_gives_the_same_words_in_english() -> None:
    with translation.override("en"):
        text = text_of(render_pdf("test/sample.typ", DATA))
    assert "Page 1 of 1" in text and "1 November 2026" in text


def test_a_sign_that_no_font_can_draw_becomes_a_box() -> None:
    text = text_of(render_pdf("test/sample.typ", DATA | {"body": "Bravo 🎉 中文 \x00\ufeff fin, été à œuvrer"}))
    assert "Bravo □ □□ fin, été à œuvrer" in text


def test_french_spaces_before_signs_do_not_break() -> None:
    text = text_of(render_pdf("test/sample.typ", DATA | {"body": "Vraiment ? Oui !"}))
    assert "Vraiment\u202f?" in text.replace("\u2009", "\u202f") or "Vraiment ?" in text


def test_a_template_error_names_the_template(template: Path) -> None:
    template.write_text('#import "essor.typ": *\n#show: letter\n#data.missing')
    with pytest.raises(PrintingError, match=r"test/sample\.typ.*missing"):
        render_pdf("test/sample.typ", DATA)
    with pytest.raises(PrintingError, match="no such file"):
        render_pdf("core/nothing.typ", {})
    with pytest.raises(PrintingError, match="<app>/<file>"):
        render_pdf("nothing.typ", {})


def test_a_float_is_not_printable() -> None:
    with pytest.raises(TypeError, match="float"):
        render_pdf("test/sample.typ", DATA | {"body": 1.5})


def test_the_logo_of_the_region(settings, tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'
    )
    settings.ESSOR_REGION = settings.ESSOR_REGION | {"logo": str(logo)}
    assert render_pdf("test/sample.typ", DATA).startswith(b"%PDF")
    settings.ESSOR_REGION = settings.ESSOR_REGION | {"logo": str(tmp_path / "absent.svg")}
    with pytest.raises(PrintingError, match="ESSOR_REGION_LOGO"):
        render_pdf("test/sample.typ", DATA)


# --- Word ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def word(tmp_path: Path):
    def make(*paragraphs: str) -> Path:
        document = WordDocument()
        for paragraph in paragraphs:
            document.add_paragraph(paragraph)
        path = tmp_path / "act.docx"
        document.save(path)
        return path

    return make


def words_of(docx: bytes) -> str:
    return "\n".join(paragraph.text for paragraph in WordDocument(io.BytesIO(docx)).paragraphs)


def test_word_with_amounts_in_figures_and_words(word) -> None:
    path = word("{{ name }}: {{ amount|euros }} ({{ amount|words }}), le {{ day|long_date }}")
    data = {"name": "A & B <x>", "amount": Decimal("23000.10"), "day": date(2026, 11, 24)}
    text = words_of(render_docx(path, data))
    assert "A & B <x>: 23\u202f000,10" in text
    assert "vingt-trois mille euros et dix centimes" in text and "24 novembre 2026" in text


def test_word_never_runs_what_people_typed(word) -> None:
    hostile = "{{ 7 * 7 }} {% for x in y %} <w:br/> & \x00"
    assert "{{ 7 * 7 }} {% for x in y %} <w:br/> & " in words_of(render_docx(word("{{ text }}"), {"text": hostile}))


@pytest.mark.parametrize("source", ["{{ missing }}", "{{ ''.__class__.__mro__ }}", "{% if %}"])
def test_a_wrong_word_template_says_so(word, source: str) -> None:
    with pytest.raises(PrintingError, match=r"act\.docx"):
        render_docx(word(source), {})
