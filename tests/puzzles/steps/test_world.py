"""The world of edits: its rules as properties, what attempts are like by hand, and what demonstrations do."""

import numpy as np
import pytest

import puzzles
from puzzles.errors import UserError
from puzzles.steps.demonstrations import Demonstrator
from puzzles.steps.full import FullSolver
from puzzles.steps.world import EditWorld, Episodes, conduct, draw

PUZZLE = puzzles.get("sudoku", box="2x2")
RULES = PUZZLE.step_rules()
PROBLEMS, ANSWERS = PUZZLE.generate(puzzles.rng(0, "world"), 60, clues=[6, 9])
RULES.remember(PROBLEMS, ANSWERS)
PROBLEMS, ANSWERS = PROBLEMS.astype(np.uint8), ANSWERS.astype(np.uint8)
WORLD = EditWorld(RULES, 12)


def at_random(rng, problems, states, left, allowed):
    """Any allowed action; stopping is as likely as all edits of a cell together."""
    return draw(rng, np.where(allowed, 0.0, -np.inf))


class Script:
    """Plays fixed actions at one problem, then stops."""

    def __init__(self, *actions: int) -> None:
        self.actions = [*actions, WORLD.stop]

    def __call__(self, rng, problems, states, left, allowed):
        action = self.actions[WORLD.budget - left[0]]
        assert allowed[0, action]
        return np.array([action], np.int64)


@pytest.fixture(scope="module")
def episodes() -> Episodes:
    return WORLD.run(at_random, puzzles.rng(1, "attempts"), PROBLEMS)


def write(cell: int, value: int) -> int:
    return cell * 4 + int(value) - 2  # tokens of digits begin at 2


def test_an_attempt_edits_one_cell_at_a_time_and_no_given(episodes: Episodes) -> None:
    before, after = episodes.states[:, :-1], episodes.states[:, 1:]
    changed = before != after
    assert not (changed & (PROBLEMS != 1)[:, None]).any()
    assert ((changed.sum(axis=2) == 1) == (episodes.live & (episodes.actions != WORLD.no_op))).all()
    assert np.isin(after, (1, 2, 3, 4, 5)).all()


def test_time_ends_by_stopping_or_by_the_budget(episodes: Episodes) -> None:
    assert (episodes.lengths >= 1).all()
    assert (episodes.lengths <= WORLD.budget).all()
    assert (episodes.stopped == (episodes.actions == WORLD.stop).any(axis=1)).all()
    assert (episodes.lengths[~episodes.stopped] == WORLD.budget).all()
    assert ((episodes.actions >= 0).sum(axis=1) == episodes.lengths + episodes.stopped).all()
    assert episodes.stopped.any()


def test_what_is_allowed_changes_the_state_and_can_be_read_off_it() -> None:
    states = PROBLEMS.copy()
    states[np.arange(60), (PROBLEMS == 1).argmax(axis=1)] = 3
    allowed = WORLD.allowed(PROBLEMS, states)
    rows, actions = np.nonzero(allowed[:, : WORLD.no_op])
    after = WORLD.apply(states[rows], actions)
    assert ((after != states[rows]).sum(axis=1) == 1).all()
    assert (WORLD.between(states[rows], after) == actions).all()
    assert (WORLD.between(states, states) == WORLD.no_op).all()
    assert allowed[:, WORLD.no_op :].all()
    assert not WORLD.allowed(PROBLEMS, states, first=True)[:, WORLD.stop].any()
    blanks, written = (PROBLEMS == 1).sum(axis=1), 1
    assert (allowed[:, : WORLD.num_writes].sum(axis=1) == 4 * blanks - written).all()
    assert (allowed[:, WORLD.num_writes : WORLD.no_op].sum(axis=1) == written).all()


def test_solved_is_what_the_rules_say_and_blanks_do_not_tell_it() -> None:
    policy = FullSolver(RULES, error=0.15)
    found = WORLD.run(Demonstrator(WORLD, policy, slip=0.0), puzzles.rng(2, "attempts"), PROBLEMS)
    assert (WORLD.solved(found) == PUZZLE.check(PROBLEMS, found.last).solved).all()
    full = (found.last != 1).all(axis=1)
    assert full.all()
    assert found.stopped.all()
    assert 0 < WORLD.solved(found).mean() < 1


def test_conduct_by_hand() -> None:
    problem = PROBLEMS[:1]
    cells, answer = np.flatnonzero(problem[0] == 1), ANSWERS[0]
    one, two = int(cells[0]), int(cells[1])
    legal = RULES.legal(problem, problem)[0, one]
    peer = next(value for value in (2, 3, 4, 5) if not legal[value])
    script = Script(
        write(one, answer[one]), WORLD.num_writes + one, write(one, peer), WORLD.no_op, write(two, answer[two])
    )
    found = {key: value[0] for key, value in conduct(WORLD, WORLD.run(script, puzzles.rng(0, "x"), problem)).items()}
    assert found == {
        "solved": 0, "length": 5, "blanks": len(cells) - 2, "early": 1, "no_op": 1 / 5, "loop": 1 / 5, "clash": 1 / 5,
    }  # fmt: skip


def test_a_legal_actor_never_clashes_and_stops_when_stuck() -> None:
    found = WORLD.run(WORLD.legal_actor, puzzles.rng(3, "attempts"), PROBLEMS)
    told = conduct(WORLD, found)
    assert told["clash"].sum() == told["no_op"].sum() == told["loop"].sum() == 0
    stuck = found.stopped & (told["blanks"] > 0)
    assert stuck.any()
    assert not RULES.legal(PROBLEMS[stuck], found.last[stuck]).any()


def test_draw_has_the_probabilities_of_its_logits() -> None:
    logits = np.array([np.log(0.5), np.log(0.3), np.log(0.2), -np.inf])
    found = np.bincount(draw(puzzles.rng(4, "draw"), np.tile(logits, (4000, 1))), minlength=4) / 4000
    assert found == pytest.approx([0.5, 0.3, 0.2, 0.0], abs=0.03)
    assert found[3] == 0


def test_slips_do_nothing_or_erase() -> None:
    policy = FullSolver(RULES, error=0.0)
    found = EditWorld(RULES, 30).run(Demonstrator(WORLD, policy, slip=0.2), puzzles.rng(5, "attempts"), PROBLEMS)
    told = conduct(WORLD, found)
    assert told["no_op"].mean() == pytest.approx(0.2, abs=0.05)
    assert told["loop"].mean() > 0.05
    assert told["solved"].mean() > 0.9


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: EditWorld(RULES, 0), "budget=0: must be at least 1"),
        (lambda: Demonstrator(WORLD, FullSolver(RULES, error=0.1), slip=0.6), "2 * slip=1.2: must be from 0 to 1"),
    ],
)
def test_bad_values_are_told_in_one_line(make, told: str) -> None:
    with pytest.raises(UserError) as caught:
        make()
    assert str(caught.value) == told
