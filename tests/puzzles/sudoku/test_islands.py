"""Resistance to trial, and the populations that evolve towards it."""

import numpy as np
import pytest

import puzzles
from puzzles import splits
from puzzles.sudoku import exchange, hard, invariant, islands, search, trial
from puzzles.sudoku.domain import count_solutions

EASTER_MONSTER = "1.......2.9.4...5...6...7...5.9.3.......7.......85..4.7.....6...3...9.8...2.....1"
SUDOKU = puzzles.get("sudoku")
SMALL = islands.Size(founders=4, climb=200, members=8, proposals=4000, floors=(-30.0,), quota=60, shallow=True)


def values(*texts: str) -> np.ndarray:
    return np.stack([SUDOKU.parse(text) for text in texts]) - np.uint8(1)


def minimal(num: int) -> np.ndarray:
    return SUDOKU.generate(puzzles.rng(0, "trial"), num, clues="minimal")[0] - np.uint8(1)


def test_a_famous_puzzle_resists_trial_and_random_ones_do_not():
    grids = np.concatenate([values(EASTER_MONSTER), minimal(50)])
    solved = trial.solved_by_trial(grids)
    assert not solved[0]
    assert solved[1:].all()
    resisting = trial.resistances(grids, 20.0)
    assert resisting[0] > -2.5
    assert (resisting[1:] < -3.0).all()


def test_resistance_is_made_of_what_assumptions_come_to():
    grids = np.concatenate([values(EASTER_MONSTER), minimal(50)])
    refuted, cells = trial.outcomes(grids)
    easy = np.isnan(refuted)
    np.testing.assert_array_equal(easy, trial.resistances(grids, 20.0) == trial.SOLVED)
    assert easy.any()
    assert refuted[0] < 0.05
    assert cells[0] < 2.0
    cheap, costly = (trial.resistances(grids[~easy], cost) for cost in (5.0, 25.0))
    np.testing.assert_allclose((cheap - costly) / 20, refuted[~easy], atol=1e-12)
    assert (cheap <= -(refuted * 5 + (1 - refuted) * cells)[~easy] + 1e-12).all()


def test_what_propagation_solves_needs_no_trial():
    easy = SUDOKU.generate(puzzles.rng(1, "trial"), 20, clues=40)[0] - np.uint8(1)
    board = search.board(3, 3)
    counts, guesses, answers = np.zeros(20, np.int64), np.zeros(20, np.int64), np.zeros((20, 81), np.uint8)
    search.solve_many(easy, 9, board.units, board.peers, 2, 0, 20, counts, guesses, answers)
    alone = guesses == 0  # singles solve it; the fast search also knows locked candidates
    assert alone.any()
    assert (trial.resistances(easy[alone], 20.0) == -100.0).all()
    assert trial.solved_by_trial(easy[alone]).all()


def test_symmetric_puzzles_resist_alike():
    grids = np.concatenate([values(EASTER_MONSTER), minimal(10)])
    tokens = grids + np.uint8(1)
    turned, _ = SUDOKU.transform(puzzles.rng(2, "trial"), tokens, tokens)
    for cost in (15.0, 60.0):
        np.testing.assert_allclose(
            trial.resistances(turned - np.uint8(1), cost), trial.resistances(grids, cost), rtol=1e-12
        )
    np.testing.assert_array_equal(trial.solved_by_trial(turned - np.uint8(1)), trial.solved_by_trial(grids))


@pytest.fixture(scope="module")
def found() -> hard.Found:
    return islands.evolve(np.array([3, 4], np.uint64), fold=splits.bounds(splits.TRAIN), size=SMALL)


def test_islands_keep_minimal_puzzles_of_their_fold(found: hard.Found):
    assert len(found.puzzles) >= 20
    inputs, labels = found.puzzles + np.uint8(1), found.solutions + np.uint8(1)
    assert SUDOKU.check(inputs, labels).solved.all()
    assert (count_solutions(inputs, 2) == 1).all()
    for puzzle in inputs[:5]:
        without = np.repeat(puzzle[None], 81, axis=0)
        np.fill_diagonal(without, 1)
        assert ((count_solutions(without, 2) == 1) == (puzzle == 1)).all()
    low, high = splits.bounds(splits.TRAIN)
    place = splits.place(found.lineages)
    assert ((place >= low) & (place < high)).all()
    np.testing.assert_array_equal(found.lineages, hard.lineages(found.solutions))
    assert len(np.unique(found.puzzles, axis=0)) == len(found.puzzles)
    assert np.unique(found.lineages, return_counts=True)[1].max() <= hard.CAP


def test_islands_climb(found: hard.Found):
    """What was kept last resists more than any of fifty random minimal puzzles."""
    resisting = trial.resistances(found.puzzles, islands.COST)
    assert resisting.min() > -30.0
    assert np.median(resisting[-len(resisting) // 4 :]) > trial.resistances(minimal(50), islands.COST).max()


def test_a_chain_that_cools_down_resists_more_than_where_it_starts():
    starts, answers = SUDOKU.generate(puzzles.rng(3, "trial"), 4, clues="minimal")
    starts, answers = starts - np.uint8(1), answers - np.uint8(1)
    ends, room = starts.copy(), exchange.make_room()
    room.seed[0] = 5
    for puzzle, answer in zip(ends, answers, strict=True):
        islands._cool(room, 2000, *hard.ALL, invariant.overlap_constants(), puzzle, answer)
    resisting, before = trial.resistances(ends, islands.COST), trial.resistances(starts, islands.COST)
    assert (resisting > before + 1).all()
    assert SUDOKU.check(ends + np.uint8(1), answers + np.uint8(1)).solved.all()
    assert (count_solutions(ends + np.uint8(1), 2) == 1).all()


def test_from_deep_members_an_island_keeps_deep_puzzles_of_all_quarters_and_other_lineages():
    """The famous puzzle stands in for the members that an island finds after minutes."""
    monster = values(EASTER_MONSTER)
    answer = SUDOKU.solve(monster + np.uint8(1)) - np.uint8(1)
    pool, answers = np.repeat(monster, 20, axis=0), np.repeat(answer, 20, axis=0)
    kept, solutions = np.zeros((2, 200, 81), np.uint8)
    lineages, room, found = np.zeros(200, np.uint64), exchange.make_room(), np.zeros(4, np.int64)
    room.seed[0] = 6
    worth = np.empty(20)
    islands.value_all(room, pool, worth)
    islands.inhabit(
        room, pool, answers, worth, 20_000, np.array(islands.FLOORS), found, 50, False, hard.CAP, *hard.ALL,
        invariant.overlap_constants(), kept, solutions, lineages,
    )  # fmt: skip
    num = found.sum()
    kept = kept[:num]
    assert num >= 15
    assert not trial.solved_by_trial(kept).any()
    quarters = np.searchsorted(islands.FLOORS, trial.resistances(kept, islands.COST), side="right")
    np.testing.assert_array_equal(np.bincount(quarters, minlength=5), [0, *found])
    assert found.max() <= 50
    assert (found > 0).sum() >= 2
    assert len(np.unique(lineages[:num])) >= 3
    assert np.unique(lineages[:num], return_counts=True)[1].max() <= hard.CAP


def test_an_island_depends_on_its_seed_alone(found: hard.Found):
    alone = islands.evolve(np.array([4], np.uint64), fold=splits.bounds(splits.TRAIN), size=SMALL)
    np.testing.assert_array_equal(found.puzzles[-len(alone.puzzles) :], alone.puzzles)
    np.testing.assert_array_equal(found.lineages[-len(alone.puzzles) :], alone.lineages)
