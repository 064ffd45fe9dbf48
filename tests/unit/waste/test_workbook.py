"""What is written into a workbook is read back from it, and nothing in it calculates."""

import csv
import io
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from loadlens.waste import workbook
from loadlens.waste.workbook import Table, WorkbookError, read_loose_xlsx, read_xlsx, write_csv, write_xlsx

HEAD = ("name", "grams")
HOSTILE = [
    '=HYPERLINK("http://evil.example","click")',
    "=1+1",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "#REF!",
]


def written(*rows):
    out = io.BytesIO()
    write_xlsx([Table("t", HEAD, rows)], out)
    return out.getvalue()


def a_workbook(*rows, name="t"):
    book, out = Workbook(), io.BytesIO()
    book.active.title = name
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


@settings(max_examples=50)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30).filter(bool),
        min_size=1,
        max_size=5,
    )
)
def test_every_text_comes_back_as_it_was(texts):
    rows = read_xlsx(written(*((text, 5) for text in texts)), {"t": HEAD})["t"]
    assert [row.cells["name"] for row in rows] == texts
    assert {row.cells["grams"] for row in rows} == {"5"}
    assert not any(row.faults for row in rows)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula(text):
    cell = load_workbook(io.BytesIO(written((text, 1))))["t"]["A2"]
    assert (cell.data_type, cell.value.replace("_x000D_", "\r")) == ("s", text)
    out = io.BytesIO()
    write_csv(Table("t", HEAD, [(text, -5)]), out)
    held = out.getvalue().decode("utf-8-sig")
    (first, second) = list(csv.reader(io.StringIO(held, newline="")))[1]
    assert first in (f"'{text}", "#REF!")
    assert second == "-5"


def test_masses_keep_every_gram():
    cell = load_workbook(io.BytesIO(written(("x", Decimal("1234567.000001")))))["t"]["B2"]
    assert (cell.data_type, Decimal(repr(cell.value))) == ("n", Decimal("1234567.000001"))


@pytest.mark.parametrize(("kept", "shown"), [(0.1 + 0.2, "0.3"), (412.49999999999994, "412.5"), (0.000001, "1e-06")])
def test_a_number_is_read_as_a_spreadsheet_program_shows_it(kept, shown):
    """Such a program adds in binary and writes 0.30000000000000004 where it shows 0.3: finer than a gram, it is not."""
    (row,) = read_xlsx(a_workbook(HEAD, ["a", kept]), {"t": HEAD})["t"]
    assert (row.cells["grams"], row.faults) == (shown, ())


def test_a_formula_or_an_error_in_what_is_read_is_a_fault_of_its_row():
    rows = read_xlsx(a_workbook(HEAD, ["a", 1], ["b", "=1+1"], [], ["#N/A", 3.0]), {"t": HEAD})["t"]
    assert [(row.number, row.faults) for row in rows] == [
        (2, ()),
        (3, ("grams holds a formula; write its value",)),
        (5, ("name holds an error",)),
    ]
    assert rows[2].cells["grams"] == "3"


def test_a_column_without_a_title_does_not_shift_those_behind_it():
    data = a_workbook(("name", None, "grams", None, "more"), ["a", "b", 1, "c", "d"], [None, "b", None, "c", None])
    (row,) = read_loose_xlsx(data, {"t": HEAD})["t"]
    assert (row.number, row.cells) == (2, {"name": "a", "grams": "1", "more": "d"})
    (row,) = read_xlsx(a_workbook(("name", None, "grams"), ["a", "b", 1]), {"t": HEAD})["t"]
    assert row.cells == {"name": "a", "grams": "1"}


@pytest.mark.parametrize("number", [9111020010000000123, 1e15, -1e300])
def test_a_number_of_which_a_spreadsheet_keeps_only_the_first_digits_is_a_fault_of_its_row(number):
    (row,) = read_xlsx(a_workbook(HEAD, [number, 999_999_999_999_999]), {"t": HEAD})["t"]
    assert row.faults == ("name holds a number of more than 15 digits, the rest of which is lost; write it as text",)
    assert row.cells["grams"] == "999999999999999"


@pytest.mark.parametrize("text", ["\0", "_xD800_"])
def test_a_character_that_no_database_keeps_is_a_fault_of_its_row(text):
    (row,) = read_xlsx(a_workbook(HEAD, [f"a{text}".replace("\0", "_x0000_"), 1]), {"t": HEAD})["t"]
    assert row.faults == ("name holds a character that no text has",)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no workbook"),
        (b"PK\x03\x04 not a zip", "no workbook"),
        (a_workbook(HEAD, name="other"), "no sheet 't'"),
        (a_workbook(("name",)), "columns name; it needs name, grams"),
        (a_workbook((*HEAD, "more")), "columns name, grams, more"),
        (a_workbook(), "columns none"),
    ],
)
def test_what_is_no_such_workbook_is_refused(data, says):
    with pytest.raises(WorkbookError, match=says):
        read_xlsx(data, {"t": HEAD})


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(monkeypatch):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 2**20)
    monkeypatch.setattr(workbook, "_LARGEST_UNPACKED", 2**19)
    with pytest.raises(WorkbookError, match="unpacks to"):
        read_xlsx(out.getvalue(), {"t": HEAD})


def test_a_table_longer_than_a_sheet_is_refused(monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    written(("a", 1), ("b", 2))
    with pytest.raises(WorkbookError, match="more rows than the 3 of a sheet"):
        written(("a", 1), ("b", 2), ("c", 3))
