"""Sudoku as people keep it: every published form of one puzzle is read as the same tokens, everything else refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.errors import UserError

SUDOKU, LARGE = puzzles.get("sudoku"), puzzles.get("sudoku", box="4x4")
LINE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
ROWS = [LINE[start : start + 9] for start in range(0, 81, 9)]
BOXED = ["|".join(row[start : start + 3] for start in (0, 3, 6)) for row in ROWS]
HEX = (
    "47..E..D.C3F8.B.D08.3.......46592B..1.7.89D6..F0E.1F86..0B4......AED..15.42..896..B.A46E3DC.0F1.6..19237F0.8.CE.."
    "3C9.B...5E1.7...65.432.1.9.F..E...E78F6DA5.....3FA2..B1.E.C59..1D705E9...F263A..126B.4..F8.AE..9CDBF1..A.05.462..."
    ".6AC..21..58BA..425D..6..9..."
)
HEX_ANSWER = (
    "476AE90D5C3F82B1D08C3FAB217E46592B351C7489D6EAF0E91F86520B4ACD37FAEDC015742B389682B7A46E3DC90F1565419237F0A8BCED0"
    "3C9DB8F65E1274AC658432A1790FBDEB49E78F6DA53102C3FA20DB14E6C59781D705E9CB8F263A45126B749CF8DAE039CDBF1E8A30574627E"
    "F36AC09214D58BA80425D3E6B791CF"
)


def ruled(ruler: str, top: str = "", rows: list[str] = BOXED) -> str:
    """Three bands of rows with a ruler between them, and one around them."""
    bands = ["\n".join(rows[start : start + 3]) for start in (0, 3, 6)]
    return "\n".join([*([top] if top else []), f"\n{ruler}\n".join(bands), *([top] if top else [])])


FORMS = {
    "one line": LINE,
    "nine lines": "\n".join(ROWS),
    "windows line ends": "\r\n".join(ROWS) + "\r\n",
    "old mac line ends": "\r".join(ROWS),
    "rows by slashes": "/".join(ROWS),
    "spaces": "\n".join(" ".join(row) for row in ROWS),
    "tabs": "\n".join("\t".join(row) for row in ROWS),
    "a byte order mark": "\ufeff" + LINE,
    "zeros": LINE.replace(".", "0"),
    "stars": LINE.replace(".", "*"),
    "underscores": LINE.replace(".", "_"),
    "question marks": LINE.replace(".", "?"),
    "dashes": LINE.replace(".", "-"),
    "dashes on lines": "\n".join(ROWS).replace(".", "-"),
    "spaced stars": "\n".join(" ".join(row) for row in ROWS).replace(".", "*"),
    "commas": "\n".join(",".join(row) for row in ROWS).replace(".", "?"),
    ".ss": ruled("-----------", rows=BOXED),
    ".ss with corners": ruled("|---+---+---|", "*-----------*", rows=[f"|{row}|" for row in BOXED]),
    "pluses": ruled("---+---+---"),
    "pluses and dashes": ruled("---+---+---").replace(".", "-"),
    "equals": ruled("===+===+==="),
    ".sdk": "#ASomebody\n#D2020-01-01\n[Puzzle]\n" + "\n".join(ROWS) + "\n[State]\n" + "\n".join(["1........"] * 9),
    "our drawing": SUDOKU.render(SUDOKU.parse(LINE)),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=list(FORMS))
def test_every_form_of_a_puzzle_is_read(text):
    assert SUDOKU.format(SUDOKU.parse(text)) == LINE


@given(st.lists(st.sampled_from(".0_*?"), min_size=81, max_size=81))
def test_blanks_may_be_mixed(blanks):
    text = "".join(blank if symbol == "." else symbol for blank, symbol in zip(blanks, LINE, strict=True))
    assert SUDOKU.format(SUDOKU.parse(text)) == LINE


@pytest.mark.parametrize("row", ["*********", "* * * * * * * * *", "|***|***|***|", "---------", "- - - - - - - - -"])
def test_an_empty_row_is_not_taken_for_a_ruler(row):
    blank = "*" if "*" in row else "-"
    rows = [ROWS[0].replace(".", blank), row, *(line.replace(".", blank) for line in ROWS[2:])]
    assert SUDOKU.format(SUDOKU.parse("\n".join(rows))) == ROWS[0] + "." * 9 + "".join(ROWS[2:])


def test_a_hexadecimal_grid_has_zero_for_its_sixteenth_digit():
    inputs, answer = LARGE.parse(HEX), LARGE.parse(HEX_ANSWER)
    assert np.array_equal(LARGE.solve(inputs[None])[0], answer)
    assert LARGE.format(inputs) == HEX.replace("0", "G")
    assert np.array_equal(LARGE.parse(HEX.lower()), inputs)
    assert np.array_equal(LARGE.parse(HEX.replace("0", "G").replace(".", "0")), inputs)  # a blank where there is a G
    assert np.array_equal(LARGE.parse(HEX.replace("0", "G").replace(".", "-")), inputs)


def test_a_zero_that_may_be_either_is_refused():
    few = "0" * 10 + "1" * 246
    with pytest.raises(UserError, match=r"has 0 but neither G nor another blank: write blanks as \. since 0 may be a"):
        LARGE.parse(few)
    many = "0" * 200 + "123456789ABCDEF" + "0" * 41
    assert LARGE.format(LARGE.parse(many)) == many.replace("0", ".")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LINE[:-1], "puzzle text has 80 cells: 9x9 Sudoku needs 81"),
        (LINE + "1", "puzzle text has 82 cells: 9x9 Sudoku needs 81"),
        (LINE.replace("7", "A", 1), "puzzle text has 'A' at cell 5: must be 123456789 or one of . 0 _ * ?"),
        (LINE + "\0", r"puzzle text has '\\x00' at cell 82"),
        (LINE.replace("5", "\u0665", 1), "puzzle text has '\u0665' at cell 1"),
        ('"' + LINE + '"', "puzzle text has '\"' at cell 1"),
        (LINE.replace("5", "\ud83d", 1), r"puzzle text has '\\ud83d' at cell 1"),
        ("", "puzzle text has 0 cells"),
        ("-" * 80, "puzzle text has 0 cells"),
    ],
)
def test_what_is_not_a_puzzle_is_refused_with_its_place(text, reason):
    with pytest.raises(UserError, match=reason) as caught:
        SUDOKU.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (LINE, None),
        ("." * 81, "no cell is given"),
        ("55" + "." * 79, "two 5s in row 1"),
        ("5" + "." * 79 + "1", "several solutions"),
        ("12345678." + "." * 8 + "9" + "." * 63, "no solution"),
    ],
)
def test_a_fault_of_a_problem_is_told_in_a_line(text, fault):
    inputs = SUDOKU.parse(text)
    assert SUDOKU.problem_fault(inputs) == fault
    seen_at_once = fault if fault == "two 5s in row 1" else None
    assert SUDOKU.problem_fault(inputs, search=False) == seen_at_once
    assert SUDOKU.problem_fault(np.zeros(81, np.uint8)) == "has token 0 in cell 0: must be 1 (blank) to 10"
    assert SUDOKU.problem_fault(inputs[:80]) == "inputs have shape [1, 80]: must be [num, 81]"
