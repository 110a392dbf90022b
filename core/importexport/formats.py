"""The files that go in and out: a workbook or a CSV, told apart by the bytes, never by what the sender ticked."""

import tempfile
from pathlib import Path

from django.utils.translation import gettext_lazy as _
from import_export.formats.base_formats import Format

from core.workbooks import Cover, Sheet, write_csv, write_workbook


class TableFormat(Format):
    """What a person sends: .xlsx, .xls or .csv. It is read by the resource's columns, not here."""

    def __init__(self, encoding: str | None = None):
        self.encoding = encoding

    def get_title(self) -> str:
        """What the form says."""
        return str(_("Excel workbook or CSV"))

    def get_extension(self) -> str:
        """The usual one."""
        return "xlsx"

    def can_import(self) -> bool:
        """Yes."""
        return True


class WrittenFormat(Format):
    """What a person takes away."""

    title = ""
    extension = ""
    media_type = ""

    def __init__(self, encoding: str | None = None):
        self.encoding = encoding

    def get_title(self) -> str:
        """What the form says."""
        return str(self.title)

    def get_extension(self) -> str:
        """Without the dot."""
        return self.extension

    def get_content_type(self) -> str:
        """The media type."""
        return self.media_type

    def can_export(self) -> bool:
        """Yes."""
        return True

    def bytes_of(self, sheet: Sheet, cover: Cover) -> bytes:
        """The file."""
        with tempfile.TemporaryDirectory(prefix="essor-export-") as folder:
            path = Path(folder) / f"export.{self.extension}"
            self.write(path, sheet, cover)
            return path.read_bytes()

    def write(self, path: Path, sheet: Sheet, cover: Cover) -> None:
        """Write the file at ``path``."""
        raise NotImplementedError


class WorkbookFormat(WrittenFormat):
    """An .xlsx with a cover; amounts are numbers, dates are dates, texts that look like formulas stay texts."""

    title = _("Excel workbook")
    extension = "xlsx"
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def write(self, path: Path, sheet: Sheet, cover: Cover) -> None:
        """Write the file at ``path``."""
        write_workbook(path, [sheet], cover)


class CsvFormat(WrittenFormat):
    """UTF-8 CSV; texts that a spreadsheet would compute get an apostrophe in front."""

    title = "CSV"
    extension = "csv"
    media_type = "text/csv; charset=utf-8"

    def write(self, path: Path, sheet: Sheet, cover: Cover) -> None:
        """Write the file at ``path``."""
        write_csv(path, sheet.columns, sheet.rows, key=sheet.key)
