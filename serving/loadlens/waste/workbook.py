"""Tables as XLSX and CSV, and XLSX read back. Text stays text: nothing that somebody typed can become a formula.

Errors: WorkbookError(ValueError), for a table that does not fit a sheet and for a file that is none.
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import IO, Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

Cell = str | int | Decimal | None

# What a sheet of a spreadsheet program holds, its head included.
MOST_ROWS = 2**20
_LARGEST_UNPACKED = 2**30
# What a sheet may hold beside the columns that it must; a sheet of a million columns is not read.
_MORE_COLUMNS = 32
# Of a longer number spreadsheet programs keep the first 15 digits: two codes that differ behind them become one.
_LOST_DIGITS = 10**15
# A spreadsheet program takes a cell of a CSV file that begins so for a formula; the wide ones in some languages.
_BEGINS_A_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
# XML cannot hold these, or gives them back as others; spreadsheets write them as _xHHHH_, and so this very writing too.
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class WorkbookError(ValueError):
    """A table that does not fit, or a file that is no workbook; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a name of 1 to 31 characters; its rows are read once, while it is written."""

    name: str
    head: tuple[str, ...]
    rows: Iterable[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row that was read: its number as the spreadsheet program shows it, its cells as text, and what is wrong."""

    number: int
    cells: Mapping[str, str]
    faults: tuple[str, ...]


def write_xlsx(tables: Iterable[Table], out: IO[bytes]) -> None:
    """Write tables as the sheets of one workbook. Raises WorkbookError where one has more rows than a sheet."""
    book = Workbook(write_only=True)
    with _closing(book):
        for table in tables:
            sheet = book.create_sheet(table.name)
            sheet.freeze_panes = "A2"
            for number, row in enumerate(chain([table.head], table.rows), 1):
                if number > MOST_ROWS:
                    raise WorkbookError(f"{table.name} has more rows than the {MOST_ROWS} of a sheet; take it as CSV")
                sheet.append([_cell(sheet, value) for value in row])
        book.save(out)


@contextmanager
def _closing(book: Workbook) -> Iterator[None]:
    """Close the sheets that an error leaves open; the library closes them only where it saves the book."""
    try:
        yield
    finally:
        for sheet in book.worksheets:
            if not sheet.closed:
                sheet.close()


def write_csv(table: Table, out: IO[bytes]) -> None:
    """Write a table as CSV in UTF-8, with the mark by which spreadsheet programs know that it is."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    for row in chain([table.head], table.rows):
        writer.writerow([_plain(value) for value in row])
    text.detach()


def read_xlsx(data: bytes, sheets: Mapping[str, Sequence[str]]) -> dict[str, list[SheetRow]]:
    """The rows of these sheets of a workbook, which must have these columns; empty rows are left out.

    Sheets that are not asked for are not read. Raises WorkbookError where the file is no workbook, or has not a sheet,
    or has other columns.
    """
    with _opened(data) as book:
        if missing := [name for name in sheets if name not in book.sheetnames]:
            raise WorkbookError(f"the workbook has no sheet {missing[0]!r}; it needs {', '.join(sheets)}")
        return {name: list(_rows(book[name], name, columns, _exactly)) for name, columns in sheets.items()}


def read_loose_xlsx(data: bytes, sheets: Mapping[str, Sequence[str]]) -> dict[str, list[SheetRow]]:
    """Read those of these sheets that there are, with at least these columns each; further columns are read too.

    A * at the end of a title counts for nothing. Raises WorkbookError where there is none of the sheets, or where one
    lacks a column or has one twice.
    """
    with _opened(data) as book:
        there = {name: columns for name, columns in sheets.items() if name in book.sheetnames}
        if not there:
            raise WorkbookError(f"the workbook has none of the sheets {', '.join(sheets)}")
        return {name: list(_rows(book[name], name, columns, _at_least)) for name, columns in there.items()}


@contextmanager
def _opened(data: bytes) -> Iterator[Workbook]:
    _check_size(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True)
    except Exception as error:  # the library raises whatever its parser stumbles over
        raise WorkbookError(f"the file is no workbook (.xlsx) that can be read: {error}") from None
    try:
        yield book
    finally:
        book.close()


def _exactly(name: str, head: Sequence[str], columns: Sequence[str]) -> list[str]:
    if sorted(head) != sorted(columns):
        raise WorkbookError(
            f"sheet {name!r} has the columns {', '.join(head) or 'none'}; it needs {', '.join(columns)}"
        )
    return list(head)


def _at_least(name: str, head: Sequence[str], columns: Sequence[str]) -> list[str]:
    titles = [title.strip().removesuffix("*") for title in head]
    if missing := [column for column in columns if column not in titles]:
        raise WorkbookError(f"sheet {name!r} has no column {', '.join(missing)}; it needs {', '.join(columns)}")
    if twice := sorted({title for title in titles if titles.count(title) > 1}):
        raise WorkbookError(f"sheet {name!r} has the column {twice[0]} twice")
    return titles


def _cell(sheet: object, value: Cell) -> object:
    if not isinstance(value, str):
        return value
    text = _NOT_IN_XML.sub(lambda found: f"_x{ord(found[0]):04X}_", value)
    if not text.startswith(("=", "#")):
        return text
    # The library would write these as formulas and errors; a cell of its own for every text takes it twice as long.
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    return cell


def _plain(value: Cell) -> str:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_BEGINS_A_FORMULA) else value
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _check_size(data: bytes) -> None:
    """A small file may unpack to more than the memory holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile:
        raise WorkbookError("the file is no workbook (.xlsx)") from None
    if unpacked > _LARGEST_UNPACKED:
        raise WorkbookError(f"the workbook unpacks to {unpacked} bytes; split it")


def _rows(
    sheet: ReadOnlyWorksheet,
    name: str,
    columns: Sequence[str],
    checked: Callable[[str, Sequence[str], Sequence[str]], list[str]],
) -> Iterator[SheetRow]:
    sheet.reset_dimensions()
    try:
        lines = enumerate(sheet.iter_rows(max_col=len(columns) + _MORE_COLUMNS), 1)
        _, first = next(lines, (1, ()))
        # A column without a title is not read, and those behind it keep their own cells.
        titled = [place for place, cell in enumerate(first) if cell.value is not None]
        head = checked(name, [_text(first[place].value) for place in titled], columns)
        for number, whole in lines:
            line = [whole[place] for place in titled]
            if all(cell.value is None for cell in line):
                continue
            cells = {column: _text(cell.value) for column, cell in zip(head, line, strict=True)}
            pairs = zip(head, line, strict=True)
            faults = [f"{column} {why}" for column, cell in pairs for why in _faults(cell, cells[column])]
            yield SheetRow(number, dict.fromkeys(columns, "") | cells, tuple(faults))
    except WorkbookError:
        raise
    except Exception as error:  # as above: a sheet is parsed while it is read
        raise WorkbookError(f"sheet {name!r} cannot be read: {error}") from None


def _faults(cell: Any, text: str) -> Iterator[str]:
    """What is wrong with a cell of this text."""
    kind, value = getattr(cell, "data_type", None), cell.value
    if kind == "f":
        yield "holds a formula; write its value"
    if kind == "e":
        yield "holds an error"
    if isinstance(value, int | float) and abs(value) >= _LOST_DIGITS:
        yield "holds a number of more than 15 digits, the rest of which is lost; write it as text"
    if _NO_TEXT.search(text):
        yield "holds a character that no text has"


def _text(value: object) -> str:
    """A cell as text; numbers as spreadsheet programs show them, whole ones without a fraction."""
    if value is None:
        return ""
    if isinstance(value, float):
        # Of 0.1 + 0.2 they keep 0.30000000000000004, and 15 digits of it count.
        return str(int(value)) if value.is_integer() else f"{value:.15g}"
    if isinstance(value, datetime):
        return value.isoformat()
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value) if isinstance(value, str) else str(value)
