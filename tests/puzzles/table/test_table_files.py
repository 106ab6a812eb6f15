"""Files that are no table: one line that names the file, the line and what is allowed."""

import json
from pathlib import Path

import pytest

import puzzles
from puzzles.datasets import puzzle_files
from puzzles.errors import UserError
from tests.degenerate import check_told
from tests.puzzles.table.writing import copies, write

GOOD = "\n".join(f"{question},{answer}" for question, answer in copies(60))


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("t.csv", "", {}, "t.csv:1: is empty: the first line must be a header with a column question"),
        ("t.csv", "question,answer\n", {}, "t.csv: has a header and no rows"),
        ("t.csv", f"question,reply\n{GOOD}", {}, "t.csv:1: the header must have a column answer, has question, reply"),
        ("t.csv", "question,answer\nab,ab\nab\n", {}, "t.csv:3: has 1 cells: the header has 2"),
        ("t.csv", "question,answer\nab,\n", {}, "t.csv:2: answer: is empty: must have at least one symbol"),
        ("t.csv", 'question,answer\n" ",ab\n', {}, "t.csv:2: question: is empty: must have at least one symbol"),
        (
            "t.csv", "question,answer\nab,x\nba,x\nab,y\n", {},
            "t.csv:4: answer: is 'y', but 'x' at t.csv:2 for the same question: must be one answer",
        ),
        (
            "t.csv", "question,answer\nab,x\nba,zx\n", {"alphabet": "abx"},
            "t.csv:3: answer: puzzle text has 'z' at place 1: must be one of abx",
        ),
        (
            "t.csv", "question,answer\nab,x\nbaab,x\n", {"length": 3},
            "t.csv:3: question: has 4 symbols: puzzle.length=3 is the most",
        ),
        (
            "t.csv", "question,answer\nabab,abab\nabaab,abab\n", {"shape": [2, 2]},
            "t.csv:3: question: puzzle text has 1 rows of 5: a table of shape 2x2 has at most 2 rows of 2",
        ),
        (
            "t.csv", "question,answer\nab/ab,ab/ab\nab/a,ab/ab\n", {"shape": [2, 2]},
            "t.csv:3: question: puzzle text has 1 cells in row 2 and 2 in row 1: must be equal",
        ),
        (
            "t.csv", "question,answer\nab/ab,ab\n", {"shape": [2, 2]},
            "t.csv:2: answer: has 2 symbols: must fill the same cells as its question",
        ),
        (
            "t.csv", "question,answer\nab/ab,ab/ab\nab,ab\n", {"shape": [2, 2], "symmetries": ["rows"]},
            "t.csv:3: question: has 2 symbols: must have 4, since puzzle.symmetries move cells",
        ),
        (
            "t.csv", "question,answer\nab,abc\n", {"symmetries": ["columns"]},
            "puzzle.symmetries=columns: must not move cells, since answers and questions of the data differ in length",
        ),
        ("t.jsonl", "", {}, "t.jsonl: is empty: must hold a JSON object on each line"),
        ("t.jsonl", '{"question": "a"}', {}, "t.jsonl:1: must have the key answer, has question"),
        ("t.jsonl", '{"question": "a", "answer": {}}', {}, "t.jsonl:1: answer: is {}: must be a text, a number"),
        (
            "t.jsonl", '{"question": [1, 12], "answer": "a"}', {},
            "t.jsonl:1: question: holds 12: a list must hold texts, or numbers from 0 to 9, or be of such lists",
        ),
        ("t.jsonl", '{"question": "a",', {}, "t.jsonl:1: is not JSON at column"),
        ("t.jsonl", '{"question": "a\\u0000", "answer": "a"}', {}, "t.jsonl:1: question: puzzle text has a zero byte"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_line(name, content, options, message, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content)
    with pytest.raises(UserError) as caught:
        puzzles.table.read(name, **options)
    assert str(caught.value).startswith(message)
    check_told(str(caught.value), "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": [0, 2]}, r"puzzle.shape=\[0, 2\]: must be \[rows, columns\]"),
        ({"shape": 4}, "puzzle.shape=4: must be"),
        ({"symmetries": ["mirror"]}, "puzzle.symmetries=mirror: must be among rows, columns, dihedral, symbols"),
        ({"symbols": "ab"}, "puzzle.symbols=ab: must be null without symbols among puzzle.symmetries"),
        ({"symbols": "az", "symmetries": ["symbols"]}, "puzzle.symbols=az: has 'z', must be among abc"),
        ({"alphabet": "abca"}, "puzzle.alphabet=abca: must have each symbol once, has 'a'"),
        ({"length": 0.5}, "puzzle.length=0.5: must be a whole number from 1 to"),
        ({"question": ""}, "puzzle.question=: must be the header of a column"),
        ({"answer": "Question "}, "puzzle.answer=Question : must be another column than puzzle.question"),
        ({"sizes": 3}, "puzzle.sizes=3: table has question, answer, shape"),
    ],
)
def test_a_bad_option_is_one_line(options, message, tmp_path: Path):
    with pytest.raises(UserError, match=f"^{message}"):
        puzzles.table.read(write(tmp_path / "t.csv", copies(60)), **options)


def test_a_table_without_data_says_what_it_needs() -> None:
    with pytest.raises(UserError, match=r"^puzzle.alphabet=null: must be every symbol of the table; .* data.path=FILE"):
        puzzles.get("table")


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id;Prompt;reply\n" + "\n".join(f"7;{q};{a}" for q, a in copies(60)))
    table = puzzles.table.read(path, question="prompt", answer="reply").puzzle
    inputs, labels = puzzle_files.read_answered(b'{"prompt": "abc", "reply": "abc"}', table, name="e.jsonl")
    assert table.format(inputs[0]) == table.format_answer(inputs[0], labels[0]) == "abc"
    assert [table.format(one.inputs) for one in puzzle_files.read_puzzles(b"prompt,x\nab,1\nba,2\n", table)] == [
        "ab",
        "ba",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"question,answer\nab,ab\nazb,ab\n", "input:3: question: puzzle text has 'z' at place 2: must be one of abc"),
        (b"question,answer\nab,ab\nababa,ab\n", "input:3: question: puzzle text has 5 symbols: a table of length 4"),
        (b"question,answer\nab,a\n", "input:2: answer: puzzle text has 1 symbols and its question 2: must"),
        (b"question,answer\nab,ab\nab,ba\n", "input:3: answer: is 'ba', but 'ab' at input:2 for the same question"),
        (b"question\nab\n", "table: has no solver: give the answers"),
    ],
)  # fmt: skip
def test_a_file_to_be_judged_on_must_fit_the_table(content: bytes, message: str, tmp_path: Path) -> None:
    table = puzzles.table.read(write(tmp_path / "t.csv", copies(81))).puzzle
    with pytest.raises(UserError) as caught:
        puzzle_files.read_answered(content, table)
    assert message in str(caught.value)
    check_told(str(caught.value), "")


def test_a_line_is_a_puzzle_whatever_separates_its_words(tmp_path: Path) -> None:
    rows = [(f"max {i},{j}", str(max(i, j))) for i in range(9) for j in range(9)]
    table = puzzles.table.read(write(tmp_path / "t.jsonl", rows)).puzzle
    found = puzzle_files.read_puzzles(b"max 1,2\n\nmax 3,4\nmin 3\n", table)
    assert [one.line for one in found] == [1, 3, 4]
    assert isinstance(found[2].inputs, UserError)
    assert table.format(found[1].inputs) == "max␣3,4"


def test_large_alphabets_and_many_rows_are_read_in_linear_time(tmp_path: Path) -> None:
    rows = [(chr(0x4E00 + i % 400) + chr(0x4E00 + i // 400), chr(0x4E00 + i % 400)) for i in range(8000)]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(json.dumps({"question": q, "answer": a}) for q, a in rows))
    data = puzzles.table.read(path)
    assert data.puzzle.vocab_size == 402
    assert data.train[0].sets["all"].inputs.dtype.itemsize == 2
