"""Sets from files are right or refused with file and line; generated ones are distinct and of the evaluation fold."""

import numpy as np
import pytest

import puzzles
from hrm_net.data.puzzle_sets import PuzzleSet, generated_set, read_csv, read_sets
from puzzles import splits
from puzzles.sudoku.domain import count_solutions


@pytest.fixture(scope="module")
def small():
    return puzzles.get("sudoku", box="2x2")


@pytest.fixture(scope="module")
def texts(small):
    """Ten 4x4 puzzles and answers as text."""
    inputs, labels = small.generate(np.random.default_rng(5), 10)
    return [(small.format(row), small.format(answer)) for row, answer in zip(inputs, labels, strict=True)]


def _write(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_generated_set_is_distinct_unique_and_of_the_evaluation_fold():
    puzzle = puzzles.get("sudoku", box="2x3")
    found = generated_set(puzzle, "some", 3, 60, clues=12)
    assert len(found) == 60
    assert (splits.fold(puzzle, found.inputs) == splits.EVALUATION).all()
    assert len({row.tobytes() for row in puzzle.canonical(found.inputs)}) == 60
    assert (count_solutions(found.inputs, 2) == 1).all()
    assert puzzle.check(found.inputs, found.labels).solved.all()
    assert ((found.inputs != 1).sum(axis=1) == 12).all()
    assert (found.puzzle_identifiers == 0).all()


def test_generated_set_depends_on_seed_and_name_only():
    puzzle = puzzles.get("sudoku", box="2x3")
    sets = [generated_set(puzzle, name, seed, 5) for name, seed in (("a", 1), ("a", 1), ("b", 1), ("a", 2))]
    assert (sets[0].inputs == sets[1].inputs).all()
    assert (sets[0].inputs != sets[2].inputs).any()
    assert (sets[0].inputs != sets[3].inputs).any()


def test_a_domain_with_too_few_puzzles_says_how_many_it_found(small):
    with pytest.raises(ValueError, match=r"set all: num=500: found only \d+ in the evaluation fold that differ"):
        generated_set(small, "all", 0, 500, clues=4)
    with pytest.raises(ValueError, match="set none: num=0"):
        generated_set(small, "none", 0, 0)


def test_csv_with_answers_and_further_columns(small, texts, tmp_path):
    rows = [f'x,{answer},{question},"a, b"' for question, answer in texts]
    path = _write(tmp_path / "mine.csv", "\ufeffsource,answer,question,note", *rows)
    (found,) = read_sets(path, small)
    assert found.name == "mine"
    assert [small.format(row) for row in found.inputs] == [question for question, _ in texts]
    assert [small.format(row) for row in found.labels] == [answer for _, answer in texts]


def test_missing_answers_are_solved(small, texts, tmp_path):
    without = _write(tmp_path / "without.csv", "question", *(question for question, _ in texts))
    some = [f"{question},{answer if i % 2 else ''}" for i, (question, answer) in enumerate(texts)]
    mixed = _write(tmp_path / "mixed.csv", "question,answer", *some)
    for path in (without, mixed):
        assert [small.format(row) for row in read_csv(path, small).labels] == [answer for _, answer in texts]


def test_files_are_read_in_the_forms_in_which_people_keep_them(small, texts, tmp_path):
    pairs = [f"{question};{answer}" for question, answer in texts]
    grids = ["\n".join(question[start : start + 4] for start in range(0, 16, 4)) for question, _ in texts]
    paths = [
        _write(tmp_path / "kaggle.csv", "\ufeffQUIZZES;Solutions", *pairs),
        _write(tmp_path / "no_header.csv", *pairs),
        _write(tmp_path / "lines.txt", *(question for question, _ in texts)),
        _write(tmp_path / "grids.txt", "\n\n".join(grids)),
    ]
    for path in paths:
        (found,) = read_sets(path, small)
        assert [small.format(row) for row in found.inputs] == [question for question, _ in texts]
        assert [small.format(row) for row in found.labels] == [answer for _, answer in texts]


def test_a_given_answer_is_believed_where_several_exist(small, texts, tmp_path):
    _, answer = texts[0]
    path = _write(tmp_path / "open.csv", "question,answer", f"{'.' * 16},{answer}")
    assert small.format(read_csv(path, small).labels[0]) == answer


EMPTY = "." * 16


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("question", "12", "question: .*2 cells"),
        ("question", "x" + "." * 15, "question: .*'[xX]'"),
        ("question", '""', "question: .*0 cells"),
        ("question", EMPTY, "question: .*several solutions"),
        ("question", "11" + "." * 14, "question: two 1s in row 1"),
        ("question", "12.." + "..3." + "...4" + "....", None),
        ("question,answer", "{q},{a}2", "answer: .*17 cells"),
        ("question,answer", "{q},y{a1}", "answer: .*'[yY]'"),
        ("question,answer", "{q},{wrong}", "answer: is not a solution of its question"),
        ("question,answer", "{q},{other}", "answer: is not a solution of its question"),
        ("question,answer", "11" + "." * 14 + ",{a}", "question: two 1s in row 1"),
    ],
)
def test_bad_rows_are_named_by_file_and_line(small, texts, tmp_path, header, row, message):
    (question, answer), other = texts[0], next(b for a, b in texts[1:] if b != texts[0][1])
    wrong = answer[1] + answer[0] + answer[2:]
    row = row.format(q=question, a=answer, a1=answer[1:], wrong=wrong, other=other)
    good = question if header == "question" else f"{question},{answer}"
    path = _write(tmp_path / "bad.csv", header, good, good, row, good)
    if message is None:
        message = "question: no solution|question: several solutions"
    with pytest.raises(ValueError, match=rf"bad\.csv:4: ({message})") as caught:
        read_sets(path, small)
    assert "\n" not in str(caught.value)


def test_lines_are_counted_in_the_file_not_in_rows(small, texts, tmp_path):
    path = _write(tmp_path / "long.csv", "note,question", f'"two\nlines",{texts[0][0]}', "one,12")
    with pytest.raises(ValueError, match=r"long\.csv:4: question"):
        read_csv(path, small)


def test_unreadable_files_are_refused_in_one_line(small, tmp_path):
    (tmp_path / "binary.csv").write_bytes(b"question\n\xff\xfe\x00")
    _write(tmp_path / "header.csv", "givens,answer", "1,2")
    _write(tmp_path / "nothing.csv", "question")
    (tmp_path / "zero.csv").write_bytes(b"")
    expected = {
        "absent.csv": "data=.*absent.csv: no such file",
        ".": "test/dataset.json: missing",
        "binary.csv": "binary.csv:2: is not UTF-8 text: byte 0xff at column 1$",
        "header.csv": r"header.csv:1: the header must have a column question \(or .*\), has givens, answer",
        "nothing.csv": "nothing.csv: has a header and no rows",
        "zero.csv": "zero.csv:1: is empty",
    }
    for name, message in expected.items():
        with pytest.raises(ValueError, match=message) as caught:
            read_sets(tmp_path / name, small)
        assert "\n" not in str(caught.value)


def test_sets_check_their_shapes(small):
    rows = np.ones((2, 16), np.uint8)
    with pytest.raises(ValueError, match="set s: has no puzzles"):
        PuzzleSet("s", small, rows[:0], rows[:0])
    with pytest.raises(ValueError, match=r"set s: inputs \(2, 9\), labels \(2, 9\): must both be \[num, 16\]"):
        PuzzleSet("s", small, rows[:, :9], rows[:, :9])


@pytest.mark.parametrize("name", ["extreme_sample", "forum_hardest", "clues17", "magictour"])
def test_real_files_read_whole(shared_data, name):
    path = shared_data / "sudoku" / f"{name}.csv"
    found = read_csv(path, puzzles.get("sudoku"))
    assert len(found) == len(path.read_text().splitlines()) - 1
    assert found.puzzle.check(found.inputs, found.labels).solved.all()


def test_real_puzzles_with_several_solutions_are_refused(shared_data):
    with pytest.raises(ValueError, match=r"several_solutions.csv:2: question: several solutions"):
        read_csv(shared_data / "sudoku" / "several_solutions.csv", puzzles.get("sudoku"))


def test_csv_of_mazes_keeps_blanks_at_both_ends(tmp_path):
    """The published column is `question` with 900 symbols of `# SGo`; a maze without a frame may begin with blanks."""
    puzzle = puzzles.get("maze", rows=3, columns=4)
    path = _write(tmp_path / "mazes.csv", "question,answer", "  S ### G   ,  So###oG oo", '"  S ### G   ",')
    with pytest.raises(ValueError, match=r"mazes\.csv:2: answer: is not a solution"):
        read_csv(path, puzzle)
    path = _write(tmp_path / "mazes.csv", "question,answer", "  S ### G   ,  So###oG oo".replace("G oo", "Gooo"))
    found = read_csv(path, puzzle)
    assert puzzle.format(found.inputs[0]) == "  S ### G   "
    assert puzzle.format(found.labels[0]) == "  So###oGooo"
    path = _write(tmp_path / "mazes.csv", "question,answer", "  S ### G   ,   ")
    assert puzzle.format(read_csv(path, puzzle).labels[0]) == "  So###oGooo"
    for row, reason in (
        ("    ### G   ,", "question: no start S"),
        ("G S ### G   ,  So###oGooo", "question: two goals G: row 1 column 1 and row 3 column 1"),
        ("  S #####G  ,", "question: no path from S in row 1 column 3 to G in row 3 column 2"),
        ("  S ###,", "question: puzzle text has 7 cells in one line: a 3x4 maze needs 12"),
    ):
        with pytest.raises(ValueError, match=rf"mazes\.csv:2: {reason}"):
            read_csv(_write(tmp_path / "mazes.csv", "question,answer", row), puzzle)
