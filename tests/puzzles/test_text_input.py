"""Text inputs: every function gives a value or a UserError of one line that names the file and the line."""

import csv
import io
import json
import re
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puzzles import text_input
from puzzles.errors import UserError
from tests.degenerate import check_linear, check_told

QUESTION = {"question": ("question", "puzzle")}
READERS = {
    "text": text_input.read_text,
    "lines": text_input.read_lines,
    "json": text_input.read_json,
    "json_object": text_input.read_json_object,
    "json_lines": lambda source, **more: text_input.read_json_lines(source, dict, **more),
    "json_lines_skip": lambda source, **more: text_input.read_json_lines(source, dict, broken="skip", **more),
    "csv": lambda source, **more: text_input.read_csv(source, QUESTION, {"answer": ("answer",)}, **more),
    "csv_skip": lambda source, **more: text_input.read_csv(source, QUESTION, broken="skip", **more),
}
GOOD = {
    "json": b'{"a": [1, 2.5, "\xc3\xa9"]}\n',
    "json_object": b'{"a": 1}',
    "json_lines": b'{"a": 1}\n{"b": 2}\n',
    "csv": b"question,answer\n12,34\n56,78\n",
}
CELLS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)
CSV = st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(lambda row: any(map(str.strip, row))), min_size=1)


def _told(caught) -> str:
    check_told(str(caught.value))
    return str(caught.value)


@pytest.mark.parametrize("reader", READERS)
@given(data=st.binary(max_size=200) | st.text(alphabet='{}[]",:;\n\r\tquestion01.\\ué').map(str.encode))
def test_any_bytes_give_a_value_or_one_line(reader, data):
    try:
        READERS[reader](data, name="some file.txt")
    except UserError as error:
        check_told(str(error), "some file.txt:")


@pytest.mark.parametrize("reader", GOOD)
@given(place=st.integers(0, 40), byte=st.integers(0, 255), change=st.sampled_from(["set", "insert", "cut"]))
def test_one_wrong_byte_gives_a_value_or_names_file_and_line(reader, place, byte, change):
    data = bytearray(GOOD[reader])
    place = min(place, len(data) - 1)
    if change == "set":
        data[place] = byte
    elif change == "insert":
        data.insert(place, byte)
    else:
        del data[place:]
    try:
        READERS[reader](bytes(data), name="f")
    except UserError as error:
        check_told(str(error), "f: " if re.match(r"f: (is empty|has a header)", str(error)) else "f:")


@pytest.mark.parametrize("reader", GOOD)
def test_path_pipe_and_bytes_give_the_same_with_and_without_a_byte_order_mark(reader, tmp_path, monkeypatch):
    expected = READERS[reader](GOOD[reader], name="x")
    for data in (GOOD[reader], b"\xef\xbb\xbf" + GOOD[reader], GOOD[reader].replace(b"\n", b"\r\n")):
        path = tmp_path / "file"
        path.write_bytes(data)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        for source in (path, str(path), data, "-"):
            assert READERS[reader](source, name="x") == expected


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_cannot_be_read_is_told(reader, tmp_path):
    for source in (tmp_path, tmp_path / "missing", "a\0b", "x" * 5000, str(tmp_path / "new\nline")):
        with pytest.raises(UserError) as caught:
            READERS[reader](source)
        _told(caught)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        ("{}\n".encode("utf-16"), 1, r"is UTF-16 text.*iconv -f UTF-16 -t UTF-8 f > NEW"),
        ("{}\nquestion".encode("utf-16-le"), 1, r"is UTF-16LE text.*iconv -f UTF-16LE -t UTF-8 f > NEW"),
        ("{}\nquestion".encode("utf-16-be"), 1, r"is UTF-16BE text"),
        ("{}\nquestion".encode("utf-32"), 1, r"is UTF-32 text"),
        (
            b"question\n{}\n# caf\xe9\n",
            3,
            r"byte 0xe9 at column 6; if it is Latin-1 .*iconv -f WINDOWS-1252 -t UTF-8 f",
        ),
        (b"question\r\n{}\r\n# caf\xe9\r\n", 3, r"byte 0xe9 at column 6"),
        ("question\n€€".encode()[:-1], 2, r"ends inside a character"),
        (b"\x1f\x8b\x08\x00rest", 1, r"gzip"),
        (b"PK\x03\x04rest", 1, r"zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", 1, r"Git LFS"),
        (b"<!DOCTYPE html>\n<html>", 1, r"web page"),
    ],
)
def test_what_is_not_utf_8_text_is_named(reader, data, line, reason):
    if reader.startswith("json_lines") and line > 1:
        pytest.skip("decoded line by line: its own test")
    with pytest.raises(UserError, match=reason) as caught:
        READERS[reader](data, name="f")
    assert _told(caught).startswith(f"f:{line}: ")


def test_lines_end_as_on_any_system_and_nowhere_else():
    lines = text_input.read_lines("a\r\n\nb\u2028c\x0cd\re".encode())
    assert [(line.number, line.text) for line in lines] == [(1, "a"), (2, ""), (3, "b\u2028c\x0cd"), (4, "e")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n"a": NaN}', "f:2: is not JSON at column 6: NaN"),
        ('{\n"a": 1e999}', "f:2: is not JSON at column 6: 1e999"),
        ('{"a": 1,\n"a": 2}', 'f:2: is not JSON at column 1: the key "a"'),
        ('["\\ud83d"]', "f:1: is not JSON at column 2: "),
        ("[" * 600, "f:1: is not JSON at column 101: nested too deeply"),
        ("{}\n}", "f:2: is not JSON at column 1: more text after the value"),
        ("", "f:1: is not JSON at column 1: no value"),
    ],
)
def test_json_faults_name_file_line_and_reason(text, message):
    for read in (text_input.read_json, text_input.read_json_object):
        with pytest.raises(UserError) as caught:
            read(text.encode(), name="f")
        assert _told(caught).startswith(message)


@pytest.mark.parametrize(("text", "kind"), [("[]", "a list"), ("1.5", "a number"), ("null", "null"), ('"x"', "a text")])
def test_an_object_is_asked_for(text, kind):
    with pytest.raises(UserError, match=f"f:1: is {kind}: must be a JSON object"):
        text_input.read_json_object(text.encode(), name="f")


BROKEN_LINES = [
    b'{"a": "caf\xe9"}', b'{"a": "\\ud83d"}', b'{"a": NaN}', b'{"a": 1e999}', b'{"a": 1, "a": 2}', b"[1]", b"{",
    b"\x00",    b'{"a":' * 600, b'{"a": 1} 2',
]  # fmt: skip


@pytest.mark.parametrize("line", BROKEN_LINES)
def test_a_broken_line_harms_no_other(line):
    data = b'{"a": 0}\n\n' + line + b'\r\n{"a": 1}\n'
    with pytest.raises(UserError) as caught:
        text_input.read_json_lines(data, dict, name="f")
    assert _told(caught).startswith("f:3: ")
    found = text_input.read_json_lines(data, dict, name="f", broken="skip")
    assert (found.items, found.numbers) == ([{"a": 0}, {"a": 1}], [1, 4])
    assert found.faults == [str(caught.value)]
    assert found.skipped() == f"f: skipped 1 of 3 lines; the first: {caught.value}"


def test_all_broken_lines_are_counted_and_none_left_is_an_error():
    data = b"\n".join(BROKEN_LINES)
    for broken in ("refuse", "skip"):
        with pytest.raises(UserError, match=rf"^f:1: .*\(and {len(BROKEN_LINES) - 1} more broken lines\)$"):
            text_input.read_json_lines(data, dict, name="f", broken=broken)
    with pytest.raises(UserError, match=r"^f: is empty"):
        text_input.read_json_lines(b" \n\n", dict, name="f")


def test_what_parse_refuses_gets_its_place():
    def parse(row: dict) -> int:
        if "n" not in row:
            raise UserError("has no n")
        return row["n"]

    found = text_input.read_json_lines(b'{"n": 1}\n{}\n', parse, name="f", broken="skip")
    assert (found.items, found.faults) == ([1], ["f:2: has no n"])


@given(CSV, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_csv_reads_back_what_csv_writes(rows, delimiter, end):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    writer.writerow(["Id", " QUESTION", "Answer "])
    writer.writerows(rows)
    table = text_input.read_csv(file.getvalue().encode(), QUESTION, {"answer": ("answer",), "rating": ("rating",)})
    assert table.columns == {"question": [row[1] for row in rows], "answer": [row[2] for row in rows]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f:1: is empty: the first line must be a header with a column question (or puzzle)"),
        ("question\n", "f: has a header and no rows"),
        ("\n\na,b\n1,2\n", "f:3: the header must have a column question (or puzzle), has a, b"),
        ("question,question\n1,2\n", "f:1: the columns 1 and 2 are all headed as question"),
        ("question,x,Puzzle\n1,2,3\n", "f:1: the columns 1 and 3 are all headed as question"),
        ("question,answer\n1\n", "f:2: has 1 cells: the header has 2"),
        ("question,answer\n\n1,2,3\n", "f:3: has 3 cells: the header has 2"),
        ("question,answer\n1,2\n3\0,4\n", "f:3: a zero byte in cell 1"),
        ("question,answer\n1," + "2" * 200_000 + "\n", "f:2: a cell has more than 131,072 characters"),
        ('question,answer\n1,2\n"3,4\n5,6\n', 'f:3: a quote " that is opened here is never closed'),
        ('question,answer\n"1"x,2\n', "f:2: is not CSV: "),
    ],
)
def test_csv_faults_name_file_line_and_what_is_allowed(text, message):
    with pytest.raises(UserError) as caught:
        text_input.read_csv(text.encode(), QUESTION, name="f")
    assert _told(caught).startswith(message)


def test_a_broken_row_harms_no_other():
    data = b'question,answer\n1,2\n3\n"4"4,5\n"6\n6",7\n8,9,\n10,11\n'
    table = text_input.read_csv(data, QUESTION, name="f", broken="skip")
    assert (table.lines, table.columns) == ([2, 5, 8], {"question": ["1", "6\n6", "10"]})
    assert [fault.split(": ")[0] for fault in table.faults] == ["f:3", "f:4", "f:7"]
    assert table.skipped().startswith("f: skipped 3 of 6 rows; the first: f:3: has 1 cells")
    with pytest.raises(UserError, match=r"^f:3: .* \(and 2 more broken rows\)$"):
        text_input.read_csv(data, QUESTION, name="f")


@pytest.mark.slow
@pytest.mark.parametrize("reader", [reader for reader in READERS if not reader.endswith("_skip")])
def test_time_is_linear(reader):
    check_linear(
        lambda text: READERS[reader](text.encode()), allowed=UserError, extra=('{"a": 1}\n', "question\n", 'question,"')
    )


def test_every_number_survives_a_round_trip_through_the_file(tmp_path):
    path = tmp_path / "numbers.json"
    values = [0, -1, 10**299, 0.1, 1.7976931348623157e308, 5e-324]
    path.write_text(json.dumps(values), encoding="utf-8-sig")
    assert text_input.read_json(path) == values
