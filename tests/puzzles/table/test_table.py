"""A table keeps every row as it was written, in whatever file, and pads what is shorter."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from hrm_net.data.puzzle_sets import IGNORE, scored
from puzzles import splits
from puzzles.datasets import build, dataset, puzzle_files
from puzzles.errors import UserError
from puzzles.table import Table, TableData
from tests.examples import num_examples
from tests.puzzles.table.writing import copies, write

# A byte order mark is not a symbol: every reader of files leaves it out.
SYMBOL = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z"), exclude_characters="\ufeff")
WORD = st.text(SYMBOL, min_size=1, max_size=6)
TABLES = st.lists(st.tuples(WORD, WORD), min_size=30, max_size=60, unique_by=lambda pair: pair[0])


def rows_of(data: TableData) -> list[tuple[np.ndarray, np.ndarray]]:
    trained = [
        (row, label)
        for one in data.train
        for part in one.sets.values()
        for row, label in zip(part.inputs, part.labels, strict=True)
    ]
    return trained + [pair for fold in (data.validation, data.evaluation) for pair in zip(*fold, strict=True)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@num_examples(20)
@given(pairs=TABLES)
def test_every_row_is_read_once_and_written_as_it_was(suffix: str, pairs: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = puzzles.table.read(write(Path(folder) / f"rows{suffix}", [*pairs, pairs[0]]))
    table = data.puzzle
    found = {table.format(row): table.format_answer(row, label) for row, label in rows_of(data)}
    assert found == dict(pairs)
    assert len(rows_of(data)) == len(pairs)
    for row, label in rows_of(data):
        assert np.array_equal(table.parse(table.format(row)), row)
        assert np.array_equal(table.parse_answer(table.format_answer(row, label), row), label)
    again = puzzles.get("table", **table.options)
    assert again.options == table.options


def test_what_lies_beyond_an_answer_is_ignored_and_its_end_is_not(tmp_path: Path) -> None:
    table = puzzles.table.read(write(tmp_path / "sums.csv", [(f"{i}+{i}", str(2 * i)) for i in range(200)])).puzzle
    assert (table.ends, table.shape, table.alphabet) == (True, (1, 7), "+0123456789")
    inputs = table.parse("12+12")
    labels = table.parse_answer("24", inputs)
    assert scored(labels).tolist() == [*labels[:2], 1, *[IGNORE] * 4]
    assert (inputs[5:] == 0).all()
    told = np.array([*labels[:3], 5, 1, 9, 9])
    assert table.format_answer(inputs, told) == "24"
    same = puzzles.table.read(write(tmp_path / "same.csv", copies(81) + copies(27, 3))).puzzle
    assert not same.ends
    assert same.format_answer(same.parse("ab"), np.array([1, 2, 3, 1])) == "ab"
    with pytest.raises(UserError, match="has 1 symbols and its question 2: must fill the same cells"):
        same.parse_answer("a", same.parse("ab"))


def test_grids_are_read_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "grids.jsonl"
    forms = ['"ab\\nba"', '"ab/ba"', '"abba"', '["ab", "ba"]', '[["a", "b"], ["b", "a"]]']
    others = [
        f'{{"question": [[{i // 8 % 2}, {i // 4 % 2}], [{i // 2 % 2}, {i % 2}]], "answer": "0101"}}' for i in range(16)
    ]
    path.write_text("\n".join([*others, *(f'{{"question": {form}, "answer": {form}}}' for form in forms)]))
    data = puzzles.table.read(path, shape=[2, 2])
    assert len(rows_of(data)) == 17
    table = data.puzzle
    assert table.format(table.parse("abba")) == "ab/ba"
    assert table.parse("ab").tolist() == [3, 4, 0, 0]
    assert table.format(table.parse("a/b")) == "a/b"


def test_white_space_is_a_symbol_inside_a_text_and_shown(tmp_path: Path) -> None:
    rows = [(f" {i} is\t{i}?\n", f"{i}\nyes") for i in range(60)]
    table = puzzles.table.read(write(tmp_path / "words.jsonl", rows)).puzzle
    assert table.format(table.parse("4 is\t4?")) == "4␣is⇥4?"
    assert table.format(table.parse("4\r\n4")) == "4↵4"
    assert not any(symbol.isspace() for symbol in table.token_symbols)


def test_a_function_checks_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(puzzles.registry, "_REGISTERED", {})
    puzzles.table.register("divisors", lambda question, answer: answer.isdigit() and int(question) % int(answer) == 0)
    rows = [(f"{n:02}", f"{d:02}") for n in range(10, 60) for d in range(1, n) if n % d == 0]
    data = puzzles.table.read(write(tmp_path / "divisors.csv", rows), puzzles.registry.domain_of("divisors"))
    table = data.puzzle
    assert (table.name, table.verifiable) == ("divisors", True)
    inputs = np.stack([table.parse("12")] * 3)
    outputs = np.stack([table.parse_answer(answer, inputs[0]) for answer in ("06", "05", "04")])
    assert table.check(inputs, outputs).solved.tolist() == [True, False, True]
    assert table.describe_state(inputs[0], outputs[1])[0] == "not right"
    assert puzzle_files.read_answered(b"question,answer\n12,03\n12,04\n", table)[0].shape == (2, 2)
    with pytest.raises(UserError, match="input:2: answer: is not a solution of its question"):
        puzzle_files.read_answered(b"question,answer\n12,05\n", table)
    plain = puzzles.get("table", **table.options)
    assert isinstance(plain, Table)
    assert not plain.check(inputs, outputs).solved.any()
    with pytest.raises(UserError, match=r"^table: has no function that checks answers; puzzles\.table\.register takes"):
        plain.is_right("12", "06")


def test_examples_are_held_out_and_drawn_from(tmp_path: Path) -> None:
    data = puzzles.table.read(write(tmp_path / "rows.csv", copies(400, 6)))
    inputs, labels = data.puzzle.generate(puzzles.rng(0, "draw"), 3)
    assert len({row.tobytes() for row in inputs}) == 3
    assert np.array_equal(inputs, labels)
    assert splits.seen_in(data.puzzle, inputs, data.evaluation[0]).all()
    with pytest.raises(UserError, match="num=5: table keeps 4 examples"):
        data.puzzle.generate(puzzles.rng(0, "draw"), 5)


@pytest.mark.parametrize("tested", [False, True])
def test_a_directory_holds_out_whole_groups(tmp_path: Path, tested: bool) -> None:
    maze = puzzles.get("sudoku", box="2x2")
    build.build(tmp_path / "four", puzzle=maze, targets={"clues": 6}, train_puzzles=80, test_puzzles=8, augmentations=3)
    if not tested:
        for path in (tmp_path / "four" / "stamp.json", *(tmp_path / "four" / "test").iterdir()):
            path.unlink()
    data = puzzles.table.read(tmp_path / "four")
    whole = dataset.read(tmp_path / "four")
    table = data.puzzle
    assert (table.shape, table.vocab_size) == ((1, 16), maze.vocab_size)
    trained = data.train[0].sets["all"]
    groups = len(trained.group_indices) - 1
    assert groups + len(data.validation[0]) + len(data.evaluation[0]) == 80
    assert len(data.validation[0]) > 0
    assert (len(data.evaluation[0]) == 0) == tested
    assert data.sha256 == whole.digest()
    for fold in (data.validation, data.evaluation):
        assert not splits.seen_in(table, fold[0], trained.inputs).any()
    assert (np.diff(trained.group_indices) == 4).all()
    shaped = puzzles.table.read(tmp_path / "four", shape=[4, 4], symmetries=["dihedral"])
    assert shaped.puzzle.shape == (4, 4)
