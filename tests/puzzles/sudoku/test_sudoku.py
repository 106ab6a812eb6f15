"""Sudoku against an independent oracle (a SAT solver), real puzzle lists, and the rules."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysat.solvers import Cadical153

import puzzles
import puzzles.splits
from puzzles.sudoku.domain import BOXES, FEWEST, Sudoku, count_solutions

SMALL = ("2x2", "2x3", "3x3")
TARGETS = {"2x2": 5, "2x3": 12, "3x3": 26, "4x4": 112}


def read_csv(path):
    """(inputs, labels or None) of a list of 9x9 puzzles."""
    sudoku = Sudoku()
    with path.open() as file:
        rows = list(csv.DictReader(file))
    questions = np.stack([sudoku.parse(row["question"]) for row in rows])
    answers = np.stack([sudoku.parse(row["answer"]) for row in rows]) if "answer" in rows[0] else None
    return questions, answers


def sat_solutions(box, inputs, limit):
    """Up to `limit` solutions of one puzzle, from clauses written without the package's tables."""
    box_rows, box_cols = BOXES[box]
    side = box_rows * box_cols

    def literal(row, col, digit):
        return (row * side + col) * side + digit + 1

    solutions = []
    with Cadical153() as solver:
        lines = [[(row, col) for col in range(side)] for row in range(side)]
        lines += [[(row, col) for row in range(side)] for col in range(side)]
        for top in range(0, side, box_rows):
            for left in range(0, side, box_cols):
                lines.append([(top + row, left + col) for row in range(box_rows) for col in range(box_cols)])
        for digit in range(side):
            for line in lines:
                solver.add_clause([literal(row, col, digit) for row, col in line])
                for index, (row, col) in enumerate(line):
                    for other_row, other_col in line[:index]:
                        solver.add_clause([-literal(row, col, digit), -literal(other_row, other_col, digit)])
        for row in range(side):
            for col in range(side):
                solver.add_clause([literal(row, col, digit) for digit in range(side)])
                for digit in range(side):
                    for other in range(digit):
                        solver.add_clause([-literal(row, col, digit), -literal(row, col, other)])
                if inputs[row * side + col] > 1:
                    solver.add_clause([literal(row, col, int(inputs[row * side + col]) - 2)])
        while len(solutions) < limit and solver.solve():
            true = [value for value in solver.get_model() or [] if value > 0]
            solutions.append(np.array([(value - 1) % side + 2 for value in sorted(true)]))
            solver.add_clause([-value for value in true])
    return solutions


@pytest.mark.parametrize("box", BOXES)
def test_generated_puzzles_have_the_one_solution_that_the_sat_solver_finds(box):
    sudoku = Sudoku(box)
    inputs, labels = sudoku.generate(puzzles.rng(1, "test"), 6, clues=TARGETS[box])
    assert ((inputs > 1).sum(axis=1) == TARGETS[box]).all()
    assert np.array_equal(sudoku.solve(inputs), labels)
    assert sudoku.check(inputs, labels).solved.all()
    for puzzle, label in zip(inputs, labels, strict=True):
        (only,) = sat_solutions(box, puzzle, 2)
        assert np.array_equal(only, label)


@pytest.mark.parametrize("box", SMALL)
def test_count_solutions_agrees_with_the_sat_solver_on_thinned_puzzles(box):
    rng = puzzles.rng(2, "test")
    inputs, _ = Sudoku(box).generate(rng, 12, clues="minimal")
    inputs[rng.random(inputs.shape) < 0.12] = 1
    counts = count_solutions(inputs, 40)
    assert counts.tolist() == [len(sat_solutions(box, puzzle, 40)) for puzzle in inputs]
    assert counts.max() > 1


def test_a_grid_without_givens_counts_all_288_small_grids():
    assert count_solutions(np.ones((1, 16), np.uint8), 1000).tolist() == [288]


@pytest.mark.parametrize("name", ["extreme_sample", "forum_hardest", "magictour", "clues17"])
def test_real_puzzles_are_unique_and_solved_as_published(shared_data, name):
    inputs, answers = read_csv(shared_data / "sudoku" / f"{name}.csv")
    assert (count_solutions(inputs, 2) == 1).all()
    assert answers is not None
    assert np.array_equal(Sudoku().solve(inputs), answers)


def test_real_puzzles_with_several_solutions(shared_data):
    inputs, _ = read_csv(shared_data / "sudoku" / "several_solutions.csv")
    assert (count_solutions(inputs, 2) == 2).all()


def without_each_clue(inputs):
    for cell in range(inputs.shape[1]):
        held = inputs[inputs[:, cell] > 1].copy()
        held[:, cell] = 1
        yield held


@pytest.mark.slow
@pytest.mark.parametrize(("box", "num"), [("2x2", 300), ("2x3", 300), ("3x3", 10_000)])
def test_minimal_puzzles_lose_uniqueness_with_any_clue(box, num):
    sudoku = Sudoku(box)
    inputs, labels = sudoku.generate(puzzles.rng(3, "test"), num, clues=17 if box == "3x3" else "minimal")
    assert (count_solutions(inputs, 2) == 1).all()
    assert np.array_equal(sudoku.solve(inputs), labels)
    for fewer in without_each_clue(inputs):
        assert (count_solutions(fewer, 2) == 2).all()


def test_generated_minimal_puzzles_are_nearly_all_inequivalent():
    sudoku = Sudoku()
    inputs, labels = sudoku.generate(puzzles.rng(3, "test"), 10_000, clues="minimal")
    assert puzzles.splits.duplicates(sudoku, inputs).mean() <= 0.001
    assert len(np.unique(labels, axis=0)) == len(labels)


def test_difficulty_is_zero_for_easy_puzzles_and_follows_the_published_rating(shared_data):
    sudoku = Sudoku()
    easy, _ = sudoku.generate(puzzles.rng(4, "test"), 50, clues=45)
    assert sudoku.difficulty(easy).max() < 0.5
    with (shared_data / "sudoku" / "extreme_sample.csv").open() as file:
        rows = list(csv.DictReader(file))
    rating = np.array([float(row["rating"]) for row in rows])
    mine = sudoku.difficulty(np.stack([sudoku.parse(row["question"]) for row in rows]))
    first, second = (np.argsort(np.argsort(values)) for values in (rating, mine))
    first, second = first - first.mean(), second - second.mean()
    assert first @ second > 0.6 * np.sqrt((first @ first) * (second @ second))
    assert np.array_equal(mine[:20], sudoku.difficulty(np.stack([sudoku.parse(row["question"]) for row in rows[:20]])))


def test_generation_is_a_function_of_the_stream_alone(monkeypatch):
    sudoku = Sudoku()
    first = sudoku.generate(puzzles.rng(5, "train", 7), 200, clues=(24, 40))
    for threads in (1, 3):
        monkeypatch.setattr("puzzles.kernels.num_threads", lambda threads=threads: threads)
        again = sudoku.generate(puzzles.rng(5, "train", 7), 200, clues=(24, 40))
        assert np.array_equal(first[0], again[0])
        assert np.array_equal(first[1], again[1])
    other = sudoku.generate(puzzles.rng(5, "train", 8), 200, clues=(24, 40))
    assert not (first[1] == other[1]).all(axis=1).any()


def test_streams_differ_by_seed_purpose_and_counter():
    keys = [(0, "train"), (1, "train"), (0, "test"), (0, "train", 0), (0, "train", 1), (0, "train", 0, 1)]
    assert len({int(puzzles.rng(*key).integers(1 << 62)) for key in keys}) == len(keys)
    assert puzzles.rng(0, "train", 3).integers(1 << 62) == puzzles.rng(0, "train", 3).integers(1 << 62)


def test_a_range_of_clues_is_covered_evenly():
    inputs, _ = Sudoku().generate(puzzles.rng(6, "test"), 2000, clues=[26, 33])
    numbers, times = np.unique((inputs > 1).sum(axis=1), return_counts=True)
    assert numbers.tolist() == list(range(26, 34))
    assert times.min() > 180  # 250 expected, standard deviation 15


@given(st.sampled_from(SMALL), st.integers(0, 2**32), st.data())
def test_clue_targets_are_hit(box, seed, data):
    sudoku = Sudoku(box)
    clues = data.draw(st.integers(FEWEST[box] + 2, sudoku.seq_len))
    inputs, labels = sudoku.generate(puzzles.rng(seed, "test"), 2, clues=clues)
    assert ((inputs > 1).sum(axis=1) == clues).all()
    assert ((inputs == 1) | (inputs == labels)).all()


@given(st.sampled_from(list(BOXES)), st.integers(0, 2**32))
def test_text_round_trip(box, seed):
    sudoku = Sudoku(box)
    inputs = puzzles.rng(seed, "test").integers(1, sudoku.vocab_size, sudoku.seq_len).astype(np.uint8)
    text = sudoku.format(inputs)
    assert np.array_equal(sudoku.parse(text), inputs)
    lines = [text[row : row + sudoku.side] for row in range(0, sudoku.seq_len, sudoku.side)]
    framed = "\n------+---\n".join(" | ".join(line) for line in lines).replace(".", "0")
    assert np.array_equal(sudoku.parse(framed), inputs)


@given(st.integers(0, 2**32))
def test_check_follows_the_rules(seed):
    sudoku = Sudoku()
    rng = puzzles.rng(seed, "test")
    inputs, labels = sudoku.generate(rng, 1, clues=30)
    blank, given_cell = rng.choice(np.flatnonzero(inputs[0] == 1)), rng.choice(np.flatnonzero(inputs[0] > 1))

    def verdict(outputs):
        result = sudoku.check(inputs, outputs)
        return bool(result.valid[0]), bool(result.solved[0])

    assert verdict(labels) == (True, True)
    assert verdict(inputs) == (True, False)
    changed = labels.copy()
    changed[0, blank] = labels[0, blank] % 9 + 2  # another digit: twice in its row
    assert verdict(changed) == (False, False)
    changed = labels.copy()
    changed[0, given_cell] = 1
    assert verdict(changed) == (False, False)
    changed = labels.copy()
    changed[0, blank] = 0  # padding is no digit
    assert verdict(changed) == (True, False)


def test_check_accepts_any_right_grid():
    sudoku = Sudoku("2x2")
    inputs, _ = sudoku.generate(puzzles.rng(0, "test"), 1, clues=4)
    inputs[0, np.flatnonzero(inputs[0] > 1)[0]] = 1
    answers = np.stack(sat_solutions("2x2", inputs[0], 2))
    assert len(answers) == 2
    assert sudoku.check(np.repeat(inputs, 2, axis=0), answers).solved.all()


def raises(message, call):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("box", "clues", "message"),
    [
        ("3x3", 12, "clues=12: 9x9 Sudoku needs at least 17"),
        ("3x3", 16, "at least 17"),
        ("3x3", 20, 'clues=20: 9x9 Sudoku is generated with 22 clues or more, or clues="minimal"'),
        ("3x3", 82, "clues=82: 9x9 Sudoku has at most 81"),
        ("3x3", (40, 30), "range is empty"),
        ("3x3", (10, 30), "at least 17"),
        ("3x3", "few", "clues=few: must be a number"),
        ("3x3", "30.5", "clues=30.5: must be a number"),
        ("2x2", 3, "clues=3: 4x4 Sudoku needs at least 4"),
        ("2x3", 7, "clues=7: 6x6 Sudoku needs at least 8"),
        ("4x4", 60, "16x16 Sudoku is generated with 100 clues or more$"),
        ("4x4", "minimal", "up to 9x9"),
    ],
)
def test_clues_out_of_reach(box, clues, message):
    raises(message, lambda: Sudoku(box).generate(puzzles.rng(0, "test"), 1, clues=clues))


def test_bad_input_gets_one_line():
    sudoku = Sudoku()
    text = "." * 81
    raises("puzzle=sudku: must be one of .*sudoku", lambda: puzzles.get("sudku"))
    raises(r"puzzle\.size=9: sudoku has the options box", lambda: puzzles.get("sudoku", size=9))
    raises(r"puzzle\.box=3x2: must be one of 2x2, 2x3", lambda: puzzles.get("sudoku", box="3x2"))
    raises("has 80 cells: 9x9 Sudoku needs 81", lambda: sudoku.parse(text[1:]))
    raises("'x' at cell 2", lambda: sudoku.parse(".x" + text[2:]))
    raises("'A' at cell 1", lambda: sudoku.parse("A" + text[1:]))
    raises("'7' at cell 1", lambda: Sudoku("2x3").parse("7" + "." * 35))
    twice = sudoku.parse("." * 18 + "5...5...." + "." * 54)[None]
    raises("puzzle 0: two 5s in row 3", lambda: sudoku.solve(twice))
    raises("puzzle 1: several solutions", lambda: sudoku.solve(np.concatenate([one_solution(), twice * 0 + 1])))
    none = sudoku.parse("12345678." + "........9" + "." * 63)[None]
    raises("puzzle 0: no solution", lambda: sudoku.solve(none))
    raises(r"inputs have shape \[1, 80\]", lambda: sudoku.solve(twice[:, 1:]))
    raises(r"inputs\[0\] has token 11 in cell 3", lambda: sudoku.solve(np.where(np.arange(81) == 3, 11, twice)))
    raises("limit=0", lambda: count_solutions(twice, 0))
    raises("inputs have 80 cells", lambda: count_solutions(twice[:, 1:], 2))
    assert count_solutions(twice, 2).tolist() == [0]


def one_solution():
    return Sudoku().generate(puzzles.rng(0, "test"), 1)[0]


@pytest.mark.parametrize("box", BOXES)
def test_a_puzzle_says_what_it_is(box):
    sudoku = puzzles.get("sudoku", box=box)
    again = puzzles.get(sudoku.name, **sudoku.options)
    assert again.shape == sudoku.shape
    assert sudoku.seq_len == sudoku.shape[0] * sudoku.shape[1]
    assert sudoku.vocab_size == sudoku.num_symbols + 2
    inputs, labels = sudoku.generate(puzzles.rng(0, "test"), 0)
    assert inputs.shape == labels.shape == (0, sudoku.seq_len)
