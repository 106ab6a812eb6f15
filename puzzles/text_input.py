"""The one place where text that users give is read: files and pipes, plain lines, JSON, JSON lines and CSV.

Every function takes a *source*: a path (`str` or `Path`), `-` for standard input, or `bytes` that are at hand already.
`name` is what messages call it; by default the path, or "standard input". Whatever is wrong raises a `UserError` of one
line, `FILE:LINE: reason`, which says what is allowed or what mends it. Every function is linear in the length of its
input.

    read_text(source)               the text, without a byte order mark
    read_lines(source)              [Line(number, text), ...], empty lines included
    read_json(source)               one JSON value; read_json_object: one JSON object
    read_json_lines(source, parse)  one JSON object a line, each through `parse`; broken="skip" reads the others
    read_csv(source, {...})         the columns that are asked for by name, found by the header
    parse_json(text, name), parse_csv(text, ..., name=name), split_lines(text): the same for a text at hand

Text is UTF-8, with or without a byte order mark. Lines end with \\n, \\r\\n or \\r. JSON is strict: see
`puzzles.strict_json`.
"""

import csv
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from puzzles import strict_json
from puzzles.errors import UserError
from puzzles.strict_json import MAX_DEPTH, JSONError

Source = str | Path | bytes
Broken = Literal["refuse", "skip"]
T = TypeVar("T")

STANDARD_INPUT = "-"
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}  # of a CSV file
MAX_CELL = 131_072  # characters of a CSV cell, the csv module's own limit
MAX_NAME = 400  # characters of a file's name in a message

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(r"\r\n|\n|\r")
_LINE_END_BYTES = re.compile(_LINE_END.pattern.encode())
_FOREIGN = (  # how files begin that are not the text they are taken for: what they are, and what mends it
    (b"\x1f\x8b", "is compressed with gzip; gunzip it first"),
    (b"PK\x03\x04", "is a zip archive; unzip it first"),
    (b"\xfd7zXZ\x00", "is compressed with xz; unxz it first"),
    (b"BZh", "is compressed with bzip2; bunzip2 it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; unzstd it first"),
    (b"version https://git-lfs.github.com/", "is a Git LFS pointer, not the file itself; run git lfs pull"),
    (b"<!doctype html", "is a web page, not the file itself; download the raw file"),
    (b"<html", "is a web page, not the file itself; download the raw file"),
)


class Line(NamedTuple):
    """One line of a text without its end, and its number, counted from 1."""

    number: int
    text: str


@dataclass(kw_only=True, slots=True)
class JSONLines(Generic[T]):
    """What the good lines were read as, the number of each, and a one-line message for each bad line."""

    name: str
    items: list[T] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    fault_numbers: list[int] = field(default_factory=list)  # the number of each bad line

    def skipped(self) -> str:
        """One sentence on the lines that were left out, for the user; empty where there are none."""
        return _skipped(self.name, "lines", len(self.items), self.faults)


@dataclass(kw_only=True, slots=True)
class Table:
    """Columns of a CSV file, by the names that were asked for. All columns and `lines` are equally long."""

    name: str
    columns: dict[str, list[str]]  # only those that the file has
    lines: list[int] = field(default_factory=list)  # the line that each row begins on
    faults: list[str] = field(default_factory=list)  # a one-line message for each row left out
    fault_lines: list[int] = field(default_factory=list)  # the line that each such row begins on

    def skipped(self) -> str:
        """One sentence on the rows that were left out, for the user; empty where there are none."""
        return _skipped(self.name, "rows", len(self.lines), self.faults)


def _skipped(name: str, what: str, good: int, faults: list[str]) -> str:
    if not faults:
        return ""
    return f"{name}: skipped {len(faults)} of {good + len(faults)} {what}; the first: {faults[0]}"


def source_name(source: Source, name: str | None = None) -> str:
    """What messages call the source: printable, on one line, and no longer than a file's name can be."""
    if name is None:
        name = "input" if isinstance(source, bytes) else "standard input" if _is_pipe(source) else str(source)
    name = name if name.isprintable() else ascii(name)[1:-1]
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME // 2]}...{name[-MAX_NAME // 2 :]}"


def _is_pipe(source: Source) -> bool:
    return isinstance(source, str) and source == STANDARD_INPUT


def read_bytes(source: Source, *, name: str | None = None) -> bytes:
    """The bytes of a file, of standard input, or those given. UserError for a file that cannot be read."""
    if isinstance(source, bytes):
        return source
    if _is_pipe(source):
        stream: Any = getattr(sys.stdin, "buffer", sys.stdin)
        content = stream.read() if stream is not None else b""
        return content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise UserError(f"{source_name(source, name)}: {error.strerror or 'cannot be read'}") from None
    except ValueError:  # a NUL byte in the path
        raise UserError(f"{source_name(source, name)}: is not the name of a file") from None


def read_text(source: Source, *, name: str | None = None) -> str:
    """The whole text, line ends as they are. UserError that tells what the file is where it is not UTF-8 text."""
    name = source_name(source, name)
    data = read_bytes(source, name=name)
    _check_kind(data, name)
    return _decode(data.removeprefix(_BOM), name, 1)


def foreign_kind(data: bytes) -> str | None:
    """What a file is that begins like `data` and is never what was asked for (a compressed file, a Git LFS pointer, a
    web page), with what mends it; None for anything else. For readers of binary files too."""
    start = data[:64].removeprefix(_BOM).lstrip().lower()
    return next(
        (what for beginning, what in _FOREIGN if data.startswith(beginning) or start.startswith(beginning)), None
    )


def _check_kind(data: bytes, name: str) -> None:
    """UserError for what is recognisably something else than UTF-8 text."""
    if kind := foreign_kind(data):
        raise UserError(f"{name}:1: {kind}")
    if encoding := _utf_16_or_32(data):
        raise UserError(f"{name}:1: is {encoding} text, not UTF-8; {_convert(encoding, name)}")


def _utf_16_or_32(data: bytes) -> str | None:
    """By the byte order mark, or by the zero bytes that every second byte of such a text is."""
    if data.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "UTF-32"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    sample = data[:4096]
    for first, encoding in ((0, "UTF-16BE"), (1, "UTF-16LE")):
        zeros, others = sample[first::2], sample[1 - first :: 2]
        if len(sample) >= 4 and zeros.count(0) > 0.6 * len(zeros) and others.count(0) < 0.1 * len(others):
            return encoding
    return None


def _convert(encoding: str, name: str) -> str:
    file = "" if name in ("standard input", "input") else f" {shlex.quote(name)} > NEW"
    return f"convert it: iconv -f {encoding} -t UTF-8{file}"


def _decode(data: bytes, name: str, first_line: int) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        last_end = max(before.rfind(b"\n"), before.rfind(b"\r"))
        line = first_line + len(_LINE_END_BYTES.findall(before))
        where = f"{name}:{line}: is not UTF-8 text: byte 0x{data[error.start]:02x} at column {error.start - last_end}"
        if error.reason == "unexpected end of data" and not before.isascii():
            raise UserError(f"{where}: the text ends inside a character") from None
        if 0 not in data:  # else it is not text at all
            raise UserError(f"{where}; if it is Latin-1 (Windows-1252), {_convert('WINDOWS-1252', name)}") from None
        raise UserError(where) from None


def read_lines(source: Source, *, name: str | None = None) -> list[Line]:
    """All lines, empty ones too; an end at the end of the text begins no further line."""
    return split_lines(read_text(source, name=name))


def split_lines(text: str) -> list[Line]:
    """The lines of a text at hand. Other characters at which `str.splitlines` splits, as a form feed, stay inside."""
    parts = _LINE_END.split(text)
    if parts[-1] == "":
        parts.pop()
    return [Line(number, part) for number, part in enumerate(parts, start=1)]


def read_json(source: Source, *, name: str | None = None, max_depth: int = MAX_DEPTH) -> Any:
    """The value that a JSON file holds. `max_depth`: levels of lists and objects that may lie inside each other."""
    name = source_name(source, name)
    return parse_json(read_text(source, name=name), name, max_depth=max_depth)


def read_json_object(source: Source, *, name: str | None = None, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """The same for a file that must hold an object, `{...}`."""
    name = source_name(source, name)
    return _object(read_json(source, name=name, max_depth=max_depth), f"{name}:1")


def parse_json(text: str, name: str, *, first_line: int = 1, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON text at hand. `first_line`: the number of the text's first line in what it was taken from."""
    try:
        return strict_json.loads(text, max_depth)
    except JSONError as error:
        place = f"{source_name(b'', name)}:{error.line + first_line - 1}"
        raise UserError(f"{place}: is not JSON at column {error.column}: {error.reason}") from None


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
        raise UserError(f"{place}: is {kinds.get(type(value), 'a number')}: must be a JSON object, {{...}}")
    return value


def read_json_lines(
    source: Source,
    parse: Callable[[dict[str, Any]], T],
    *,
    name: str | None = None,
    broken: Broken = "refuse",
    max_depth: int = MAX_DEPTH,
) -> JSONLines[T]:
    """Every line through `parse`, which raises UserError, without a place, for an object it cannot take.

    Lines of blanks are passed over. A line that is not UTF-8, not JSON, not an object or that `parse` refuses is
    broken: "refuse" raises a UserError that names the first such line and counts the others, "skip" leaves them to
    `faults`. UserError also where no good line is left.
    """
    name = source_name(source, name)
    data = read_bytes(source, name=name)
    _check_kind(data, name)
    lines: JSONLines[T] = JSONLines(name=name)
    for number, line in enumerate(_LINE_END_BYTES.split(data.removeprefix(_BOM)), start=1):
        if not line.strip():
            continue
        place = ""
        try:
            value = parse_json(_decode(line, name, number), name, first_line=number, max_depth=max_depth)
            value = _object(value, f"{name}:{number}")
            place = f"{name}:{number}: "  # the messages so far have it already
            item = parse(value)
        except UserError as error:
            lines.faults.append(f"{place}{error}")
            lines.fault_numbers.append(number)
            continue
        lines.items.append(item)
        lines.numbers.append(number)
    if not lines.items and not lines.faults:
        raise UserError(f"{name}: is empty: must hold a JSON object on each line")
    _refuse_faults(lines.faults, broken, len(lines.items), "lines")
    return lines


def _refuse_faults(faults: list[str], broken: Broken, good: int, what: str) -> None:
    if faults and (broken == "refuse" or good == 0):
        others = len(faults) - 1
        more = f" (and {others} more broken {what[:-1] if others == 1 else what})" if others else ""
        raise UserError(faults[0] + more)


def read_csv(
    source: Source,
    required: Mapping[str, Sequence[str]],
    optional: Mapping[str, Sequence[str]] | None = None,
    *,
    name: str | None = None,
    broken: Broken = "refuse",
) -> Table:
    """The columns that `required` and `optional` name, each with the headers it may stand under.

    `{"question": ("question", "puzzle")}` finds a column that is headed `question` or ` Puzzle `: blanks around a
    header and its case do not count. Cells are separated by commas, semicolons or tabs. Cells are given as they stand,
    blanks included; rows whose cells are all empty are passed over. UserError for a required column that is missing,
    for two columns that could be meant, and for a file without rows. A row with more or fewer cells than the header, a
    zero byte, a cell of more than MAX_CELL characters or an open quote is broken: see `read_json_lines`.
    """
    name = source_name(source, name)
    return parse_csv(read_text(source, name=name), required, optional, name=name, broken=broken)


def parse_csv(
    text: str,
    required: Mapping[str, Sequence[str]],
    optional: Mapping[str, Sequence[str]] | None = None,
    *,
    name: str,
    broken: Broken = "refuse",
) -> Table:
    """The same for a text at hand."""
    optional = optional or {}
    rows = _csv_rows(text, list(required.values()))
    first = next(rows, None)
    if first is None:
        raise UserError(f"{name}:1: is empty: the first line must be a header with {_columns(required)}")
    line, header = first
    if isinstance(header, str):
        raise UserError(f"{name}:{line}: {header}")
    places = _places(f"{name}:{line}", header, required, optional)
    table = Table(name=name, columns={column: [] for column in places})
    for line, cells in rows:
        reason = cells if isinstance(cells, str) else _row_fault(cells, len(header))
        if reason:
            table.faults.append(f"{name}:{line}: {reason}")
            table.fault_lines.append(line)
            continue
        table.lines.append(line)
        for column, place in places.items():
            table.columns[column].append(cells[place])
    if not table.lines and not table.faults:
        raise UserError(f"{name}: has a header and no rows")
    _refuse_faults(table.faults, broken, len(table.lines), "rows")
    return table


def _columns(wanted: Mapping[str, Sequence[str]]) -> str:
    return " and ".join(
        f"a column {headers[0]}" + (f" (or {', '.join(headers[1:])})" if len(headers) > 1 else "")
        for headers in wanted.values()
    )


def _normal(header: str) -> str:
    return header.strip().casefold()


def _delimiter(header: str, required: list[Sequence[str]]) -> str:
    """What separates the cells: that under which the header has the required columns, else the most frequent."""
    for delimiter in DELIMITERS:
        cells = {_normal(cell.strip().strip('"')) for cell in header.split(delimiter)}
        if delimiter in header and all(cells & {_normal(one) for one in headers} for headers in required):
            return delimiter
    return max(DELIMITERS, key=header.count)


def _csv_rows(text: str, required: list[Sequence[str]]) -> Iterator[tuple[int, list[str] | str]]:
    """(line, cells or what is wrong) of each row that is not empty; the header is the first."""
    lines = _LINE_END.split(text)
    header = next((line for line in lines if line.strip()), "")
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=_delimiter(header, required), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, _csv_reason(str(error))
            continue
        if any(cell.strip() for cell in cells) or cells == [""]:  # a row of one cell, empty but in quotes
            yield line, cells


def _csv_reason(message: str) -> str:
    if "field limit" in message:
        return f"a cell has more than {MAX_CELL:,} characters"
    if "unexpected end" in message:
        return 'a quote " that is opened here is never closed'
    return f"is not CSV: {message}"


def _row_fault(cells: list[str], num: int) -> str:
    if any("\0" in cell for cell in cells):
        return f"a zero byte in cell {next(i for i, cell in enumerate(cells, start=1) if chr(0) in cell)}"
    if len(cells) != num:
        return f"has {len(cells)} cells: the header has {num}"
    return ""


def _places(
    place: str, header: list[str], required: Mapping[str, Sequence[str]], optional: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    """Where each column stands that the file has."""
    names = [_normal(cell) for cell in header]
    shown = ", ".join(ascii(cell.strip())[1:-1][:40] for cell in header[:10])
    places = {}
    for column, headers in {**required, **optional}.items():
        meant = {_normal(one) for one in headers}
        at = [index for index, one in enumerate(names) if one in meant]
        if len(at) > 1:
            twice = " and ".join(str(index + 1) for index in at)
            raise UserError(f"{place}: the columns {twice} are all headed as {column} ({shown}): must be one")
        if at:
            places[column] = at[0]
        elif column in required:
            raise UserError(f"{place}: the header must have {_columns({column: headers})}, has {shown}")
    return places
