"""One level of trial, and the chains that look for puzzles that resist it."""

import numpy as np
import pytest

import puzzles
from puzzles import splits
from puzzles.sudoku import hard, resistant, search, trial
from puzzles.sudoku.domain import count_solutions

EASTER_MONSTER = "1.......2.9.4...5...6...7...5.9.3.......7.......85..4.7.....6...3...9.8...2.....1"
SUDOKU = puzzles.get("sudoku")
SMALL = resistant.Size(steps=1000, worth=0.4)


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


def test_the_hardest_refutation_of_a_puzzle_that_trial_does_not_solve_never_comes():
    grids = np.concatenate([values(EASTER_MONSTER), minimal(100)])
    hardest = trial.hardest_refutations(grids)
    np.testing.assert_array_equal(hardest == trial.NEVER, ~trial.solved_by_trial(grids))
    np.testing.assert_array_equal(hardest == 0, trial.resistances(grids, 20.0) == trial.SOLVED)
    assert hardest[0] == trial.NEVER
    assert 0 < hardest[1:].max() < 729


def test_a_bound_moves_the_hardest_refutation_by_a_few_candidates_only():
    state, scores = np.empty(trial.ROOM, np.int64), np.zeros(81, np.int64)
    grids = minimal(60)
    for grid, hardest in zip(grids, trial.hardest_refutations(grids), strict=True):
        for least in (hardest // 2, hardest - 1):
            if hardest > 1:
                assert abs(trial.hardest_refutation(grid, least, state, scores) - hardest) <= 8
        if hardest:
            assert trial.hardest_refutation(grid, 700, state, scores) == 700


@pytest.fixture(scope="module")
def found() -> hard.Found:
    return resistant.anneal(np.array([3, 4, 5], np.uint64), fold=splits.bounds(splits.TRAIN), size=SMALL)


def test_chains_keep_minimal_puzzles_of_their_fold(found: hard.Found):
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


def test_what_chains_keep_is_worth_it_and_above_random_puzzles(found: hard.Found):
    worth = np.log(trial.hardest_refutations(found.puzzles) / -trial.resistances(found.puzzles, resistant.COST))
    assert (worth >= SMALL.worth - 1e-9).all()
    random = minimal(200)
    hardest, resisting = trial.hardest_refutations(random), trial.resistances(random, resistant.COST)
    assert np.median(worth) > np.quantile(np.log(np.maximum(hardest, 1) / -resisting), 0.99)


def test_a_value_is_made_of_both_numbers_and_none_below_its_bound():
    room = resistant.make_room()
    grids = minimal(40)
    hardest, resisting = trial.hardest_refutations(grids), trial.resistances(grids, resistant.COST)
    for grid, most, resisted in zip(grids, hardest, -resisting, strict=True):
        if most == 0:
            assert resistant.value_of(room, grid, resistant.LEAST) == resistant.NONE
            continue
        np.testing.assert_allclose(resistant.value_of(room, grid, resistant.LEAST), np.log(most / resisted))
        assert resistant.value_of(room, grid, np.log((most + 10) / resisted)) == resistant.NONE
        assert resistant.value_of(room, grid, np.log(resistant.MOST / resisted) + 0.01) == resistant.NONE


def test_a_chain_depends_on_its_seed_alone(found: hard.Found):
    alone = resistant.anneal(np.array([5], np.uint64), fold=splits.bounds(splits.TRAIN), size=SMALL)
    np.testing.assert_array_equal(found.puzzles[-len(alone.puzzles) :], alone.puzzles)
    np.testing.assert_array_equal(found.lineages[-len(alone.puzzles) :], alone.lineages)
