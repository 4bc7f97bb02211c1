"""Tables that go to a spreadsheet and come back: no cell computes, and every text survives the way."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.errors import DatasetError
from glan.show.sheets import MAX_CELL, guarded, read_sheet, sheet, unguarded, visible

HEAD = ("id", "text")
plain = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cn", "Cs")), max_size=40).map(str.strip)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1+1", "\uff1d1", "\n=1"])
def test_no_cell_computes(text: str) -> None:
    """A text that begins as a formula does gets an apostrophe before it, and comes back without."""
    assert guarded(text).startswith("'")
    assert unguarded(guarded(text)) == text


@given(st.lists(st.tuples(plain, plain), max_size=5), st.sampled_from([",", ";", "\t"]))
@settings(deadline=None)
def test_a_table_comes_back_as_it_went(rows: list[tuple[str, str]], delimiter: str) -> None:
    """Whatever delimiter a spreadsheet saves with, the cells are those that were written, blank lines apart."""
    written = sheet(HEAD, rows).decode("utf-8-sig")
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(csv.reader(io.StringIO(written, newline="")))
    found = read_sheet(out.getvalue().encode(), HEAD, "a.csv")
    assert [(row["id"], row["text"]) for row in found] == [row for row in rows if any(row)]


@given(st.text(max_size=60))
@settings(deadline=None)
def test_no_text_of_a_model_is_a_formula(text: str) -> None:
    """Any text becomes one cell that begins neither with a sign of a formula nor with blanks before one."""
    [head, [cell, _]] = csv.reader(io.StringIO(sheet(HEAD, [(text, "")]).decode("utf-8-sig"), newline=""))
    assert head == list(HEAD)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
    assert not any(hidden in cell for hidden in ("\u202e", "\u2066", "\x00", "\u200b"))


def test_a_spreadsheet_knows_the_file_as_utf_8() -> None:
    """The file begins with the mark by which Excel knows UTF-8, and its lines end as Excel's do."""
    data = sheet(HEAD, [("a", "é")])
    assert data == b'\xef\xbb\xbf"id","text"\r\n"a","\xc3\xa9"\r\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_windows_saves_is_read(encoding: str) -> None:
    """UTF-8 with or without the mark, UTF-16 and the older code page are read alike."""
    found = read_sheet('ID;Text;mine\r\n/a;"Zoë, ""sure"""\r\n;;\r\n'.encode(encoding), HEAD, "a.csv")
    assert found == [{"id": "/a", "text": 'Zoë, "sure"'}]


def test_a_long_text_is_cut_and_says_so() -> None:
    """No cell is longer than a spreadsheet takes."""
    [_, [cell]] = csv.reader(io.StringIO(sheet(["a"], [["x" * (MAX_CELL + 5)]]).decode("utf-8-sig"), newline=""))
    assert cell.endswith("x\n[5 more characters: a cell has no room for them]")


def test_hidden_characters_are_named() -> None:
    """What orders or hides text is named in it; what a script needs inside words stays."""
    assert visible("a\u202eb\u2066\ufeff") == "a\u27e8U+202E\u27e9b\u27e8U+2066\u27e9\u27e8U+FEFF\u27e9"
    assert visible("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"\x00\x01\x02", b'id,"text'])
def test_what_is_no_such_table_is_refused(data: bytes) -> None:
    """The error names the file and the columns that are missing."""
    with pytest.raises(DatasetError, match=r"a\.csv"):
        read_sheet(data, (*HEAD, "more"), "a.csv")
