"""Puzzle files in the forms in which people keep them; one that cannot be read harms no other."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.datasets.puzzle_files import PuzzleEntry, answered, ratings, read_answered, read_puzzles, read_texts
from puzzles.errors import UserError
from tests.degenerate import check_linear, check_told

SUDOKU = puzzles.get("sudoku")
MAZE = puzzles.get("maze", rows=5, columns=6)
ARC = puzzles.get("arc", canvas=12)
A, ANSWER = (
    "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79",
    "534678912672195348198342567859761423426853791713924856961537284287419635345286179",
)
B = "....................1..6.9...841...7..2.5.6..6...124...2.5..9...................."
MAZES = ["#######S   ####  ##  G #######"[:30], "S                            G"]


def formatted(entries: list[PuzzleEntry], puzzle=SUDOKU) -> list[str]:
    """The puzzles that could be read, each in one line."""
    return [puzzle.format(entry.inputs) for entry in entries if not isinstance(entry.inputs, UserError)]


def rows(text: str, columns: int = 9) -> list[str]:
    return [text[start : start + columns] for start in range(0, len(text), columns)]


def grid(text: str, columns: int = 9) -> str:
    return "\n".join(rows(text, columns))


def ruled(text: str, ruler: str = "------+-------+------", bar: str = "| ") -> str:
    lines = [bar.join(" ".join(row[start : start + 3]) + " " for start in (0, 3, 6)) for row in rows(text)]
    return f"\n{ruler}\n".join("\n".join(lines[start : start + 3]) for start in (0, 3, 6))


def simple_sudoku(text: str) -> str:
    lines = ["|" + "|".join(row[start : start + 3] for start in (0, 3, 6)) + "|" for row in rows(text)]
    inner = "\n|---+---+---|\n".join("\n".join(lines[start : start + 3]) for start in (0, 3, 6))
    return f"*-----------*\n{inner}\n*-----------*"


def sadman(text: str) -> str:
    return f"#ATitle\n#Dby somebody, 2004\n[Puzzle]\n{grid(text)}\n[State]\n{grid(ANSWER)}\n"


ONE = {
    "one line": A,
    "blanks as zeros": A.replace(".", "0"),
    "blanks as stars": A.replace(".", "*"),
    "blanks as underscores": A.replace(".", "_"),
    "blanks as question marks": A.replace(".", "?"),
    "quoted": f'"{A}"',
    "comment": f"# a comment, 2004\n{A}",
    "heading": f"Puzzle\n{A}",
    "grid": grid(A),
    "grid of zeros": grid(A.replace(".", "0")),
    "grid with commas": "\n".join(",".join(row) for row in rows(A)),
    "grid with blanks": "\n".join(" ".join(row) for row in rows(A)),
    "rulers": ruled(A),
    "ruler of dashes": ruled(A, "-" * 21),
    "ss": simple_sudoku(A),
    "sdk": sadman(A),
    "puzzle,solution": f"{A},{ANSWER}",
    "puzzle;rating": f"{A};7.1",
    "hash puzzle rating": f"00007c5d9a6b {A}  1.2",
    "csv": f"question,answer,rating\n{A},{ANSWER},7\n",
    "kaggle": f"quizzes,solutions\n{A.replace('.', '0')},{ANSWER}\n",
    "upper case": f"ID;PUZZLE;SOLUTION\n1;{A};{ANSWER}\n",
    "tabs": f"puzzle\tsolution\n{A}\t{ANSWER}\n",
    "one column in quotes": f'"Puzzle"\n"{A}"\n',
}  # fmt: skip


@pytest.mark.parametrize("form", ONE)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_puzzle_is_read_in_every_form(form, end, mark):
    entries = read_puzzles((mark + ONE[form].replace("\n", end)).encode(), SUDOKU)
    assert (len(entries), formatted(entries)) == (1, [A])


SEVERAL = {
    "lines": (f"{A}\n{B}\n\n{A}\n", [1, 2, 4]),
    "grids, empty lines between": (f"{grid(A)}\n\n{grid(B)}\n\n\n{grid(A)}", [1, 11, 22]),
    "grids, headings between": (f"Grid 01\n{grid(A)}\nGrid 02\n{grid(B)}\nGrid 03\n{grid(A)}\n", [2, 12, 22]),
    "grids, numbers between": (f"1\n{grid(A)}\n2\n{grid(B)}\n3\n{grid(A)}\n", [2, 12, 22]),
    "grids, nothing between": (f"{grid(A)}\n{grid(B)}\n{grid(A)}\n", [1, 10, 19]),
    "grids, title above": (f"My own puzzles\n\n{grid(A)}\n\n{grid(B)}\n\nthe last one\n{grid(A)}\n", [3, 13, 24]),
    "rulers": (f"{ruled(A)}\n\n{ruled(B)}\n\n{ruled(A)}\n", [1, 13, 25]),
    "rulers, headings": (f"First:\n{ruled(A)}\nSecond:\n{ruled(B)}\nThird:\n{ruled(A)}\n", [2, 14, 26]),
    "ss, empty lines": (f"{simple_sudoku(A)}\n\n{simple_sudoku(B)}\n\n{simple_sudoku(A)}", [2, 16, 30]),
    "ss, nothing between": (f"{simple_sudoku(A)}\n{simple_sudoku(B)}\n{simple_sudoku(A)}", [2, 15, 28]),
    "csv": (f"id,puzzle\n1,{A}\n2,{B}\n\n3,{A}", [2, 3, 5]),
    "dashes as blanks": (f"{grid(A.replace('.', '-'))}\n{grid(B.replace('.', '-'))}\n{grid(A)}\n", [1, 10, 19]),
    "mixed": (f"{A}\n{grid(B)}\n{A}\n", [1, 2, 11]),
}


@pytest.mark.parametrize("form", SEVERAL)
def test_several_puzzles_are_told_apart(form):
    text, lines = SEVERAL[form]
    entries = read_puzzles(text.encode(), SUDOKU)
    assert formatted(entries) == [A, B, A]
    assert [entry.line for entry in entries] == lines


@pytest.mark.parametrize(
    ("text", "bad", "reason"),
    [
        (f"{A}\n{B[:-1]}\n{A}\n", 2, "80 cells"),
        (f"{A}\nabcdefgh\n{A}\n", 2, "'a'"),
        (f"{A}\n{B[:40]}x{B[41:]}\n{A}\n", 2, "'x' at cell 41"),
        (f"{A}\n\0\n{A}\n", 2, r"'\\x00'"),
        (f"{grid(A)}\n\n{grid(B)[:-1]}\n\n{grid(A)}", 11, "80 cells"),
        (f"{grid(A)}\n\n{grid(B)[:-10]}\n\n{grid(A)}", 11, "72 cells"),
        (f"Grid 1\n{grid(A)}\nGrid 2\n{grid(B)[:-1]}\nGrid 3\n{grid(A)}", 12, "80 cells"),
        (f"id,puzzle\n1,{A}\n2\n3,{A}", 3, "has 1 cells: the header has 2"),
        (f"id,puzzle\n1,{A}\n2,{B}.\n3,{A}", 3, "question: puzzle text has 82 cells"),
    ],
)
def test_a_bad_puzzle_harms_no_other_and_is_told_by_line(text, bad, reason):
    entries = read_puzzles(text.encode(), SUDOKU, name="f")
    assert formatted(entries) == [A, A]
    ((line, fault),) = [(entry.line, str(entry.inputs)) for entry in entries if isinstance(entry.inputs, UserError)]
    assert line == bad
    check_told(fault, f"f:{bad}: ")
    assert re.search(reason, fault)


@pytest.mark.parametrize("row", [0, 4, 8])
@pytest.mark.parametrize("change", ["lost", "shorter", "doubled"])
def test_grids_without_a_gap_are_never_read_out_of_step(row, change):
    lines = grid(A).split("\n")
    lines[row : row + 1] = {"lost": [], "shorter": [lines[row][1:]], "doubled": [lines[row]] * 2}[change]
    (entry,) = read_puzzles("\n".join([*lines, grid(B), grid(A)]).encode(), SUDOKU)
    assert isinstance(entry.inputs, UserError)


def test_mazes_are_read_from_lines_and_in_one_line():
    for text in (*MAZES, grid(MAZES[0], 6), grid(MAZES[0], 6).replace("\n", "/"), f'"{MAZES[0]}"'):
        (found,) = formatted(read_puzzles(text.encode(), MAZE), MAZE)
        assert found in MAZES
    for between in ("\n", "\n\n", "\nMaze 2:\n"):
        text = grid(MAZES[0], 6) + between + grid(MAZES[1], 6)
        assert formatted(read_puzzles(text.encode(), MAZE), MAZE) == MAZES
    one = grid(MAZES[0], 6).replace("\n", "/")
    entries = read_puzzles(f"{one}\n{one[:-1]}\n{one}\n".encode(), MAZE)
    assert [isinstance(entry.inputs, UserError) for entry in entries] == [False, True, False]
    assert formatted(entries, MAZE) == [MAZES[0]] * 2


def test_grids_of_any_size_are_one_a_line_with_slashes_or_one_a_block():
    entries = read_puzzles(b"010/200\n33/33\n", ARC)
    assert ([entry.line for entry in entries], formatted(entries, ARC)) == ([1, 2], ["010/200", "33/33"])
    assert formatted(read_puzzles(b"010\n200\n", ARC), ARC) == ["010/200"]


def test_answers_and_ratings_come_from_their_columns(tmp_path: Path):
    path = tmp_path / "mine.tsv"
    path.write_text(f"Difficulty\tSolution\tQuiz\n3.5\t{ANSWER}\t{A}\n1\t\t{A}\n", encoding="utf-8-sig")
    texts = read_texts(path, SUDOKU)
    assert ratings(texts).tolist() == [3.5, 1]
    inputs, labels = answered(texts, SUDOKU)
    assert [SUDOKU.format(row) for row in inputs] == [A, A]
    assert [SUDOKU.format(row) for row in labels] == [ANSWER, ANSWER]
    path.write_text(f"rating,question\nhigh,{A}\n")
    with pytest.raises(UserError, match=r"mine.tsv:2: rating: 'high' is not a number"):
        ratings(read_texts(path, SUDOKU))


def test_files_without_a_header_have_answers_that_are_solved():
    _, labels = read_answered(f"{grid(A)}\n\n{A}\n".encode(), SUDOKU)
    assert [SUDOKU.format(row) for row in labels] == [ANSWER, ANSWER]
    with pytest.raises(UserError, match=r"^f:2: puzzle text has 80 cells"):
        read_answered(f"{A}\n{A[1:]}\n".encode(), SUDOKU, name="f")
    with pytest.raises(UserError, match=r"^f:2: two 5s in "):
        read_answered(f"{A}\n{'55' + A[2:]}\n".encode(), SUDOKU, name="f")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("f.csv", f"givens,answer\n{A},{ANSWER}\n", r"f.csv:1: the header must have a column question \(or "),
        ("f.csv", f"question,question\n{A},{A}\n", r"f.csv:1: the columns 1 and 2 are all headed as question"),
        ("f.csv", f"question,answer,solution\n{A},,\n", r"f.csv:1: the columns 2 and 3 are all headed as answer"),
        ("f.csv", "", r"f.csv:1: is empty"),
        ("f.txt", "\n \n", r"f.txt: holds no puzzle"),
        ("f.txt", "# only a comment\n", r"f.txt: holds no puzzle"),
    ],
)
def test_a_file_without_puzzles_is_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_puzzles(tmp_path / name, SUDOKU)
    check_told(str(caught.value), str(tmp_path / name))


@given(st.text(alphabet='0123456789.*_?|-+#/\n\r\t ,;"SGXo[]Puzzle', max_size=300) | st.binary(max_size=60))
def test_any_text_gives_entries_or_one_line(text):
    data = text if isinstance(text, bytes) else text.encode()
    for puzzle in (puzzles.get("sudoku", box="2x2"), MAZE, ARC):
        try:
            entries = read_puzzles(data, puzzle, name="f")
        except UserError as error:
            check_told(str(error), "f:")
            continue
        assert entries
        for entry in entries:
            if isinstance(entry.inputs, UserError):
                check_told(str(entry.inputs), f"f:{entry.line}:")
            else:
                assert entry.inputs.shape == (puzzle.seq_len,)


@pytest.mark.slow
@pytest.mark.parametrize(("puzzle", "size"), [(SUDOKU, 100_000), (MAZE, 10_000), (ARC, 10_000)])
def test_time_is_linear(puzzle, size):
    """Other sizes and a higher limit than elsewhere: where every line makes a puzzle, each takes its time."""
    extra = (f"{A}\n", f"{A[:-1]}\n", ".........\n", "12\n", "question,puzzle\n", "###### ", f"{ruled(A)}\n")
    read = lambda text: read_puzzles(text.encode(), puzzle)  # noqa: E731
    check_linear(read, allowed=UserError, extra=extra, size=size, limit=20.0, phrases=False)


@pytest.mark.parametrize("folder", ["solve", "csv", "maze"])
def test_files_from_the_field(shared_data, folder):
    """What people's own files look like: each is read, or told in one line what is wrong."""
    puzzle = puzzles.get("maze", rows=15, columns=15) if folder == "maze" else SUDOKU
    refused = {
        "dup_header.csv", "dup_header_diff.csv", "empty.csv", "gz.csv", "latin1.txt", "extra_col.csv", "nul.csv",
        "short_row.csv", "blank_question.csv", "excel_mangled.csv", "leading_zero_lost.csv", "nul.txt", "indented.txt",
        "tabs.txt", "hex16.csv", "hex16_noans.csv",
    }  # fmt: skip
    for path in sorted((shared_data / "field" / folder).iterdir()):
        try:
            faults = [entry.inputs for entry in read_puzzles(path, puzzle) if isinstance(entry.inputs, UserError)]
        except UserError as error:
            faults = [error]
        assert bool(faults) == (path.name in refused), f"{path.name}: {faults}"
        for fault in faults:
            check_told(str(fault), f"{path}:")
