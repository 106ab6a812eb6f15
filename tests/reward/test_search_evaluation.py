"""Search, probes and climbing by every head: against each other, with their calls, from the command to the pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import puzzles
from hrm_net import cli
from hrm_net.reward.aggregate import COMPARED
from hrm_net.reward.data.solutions import build_policy, sample
from hrm_net.reward.examples import grid_inputs
from hrm_net.reward.labelled_solutions import (
    Choices,
    LabelledSolutions,
)
from hrm_net.reward.metrics.best_of_n import best_of_n, oracle
from hrm_net.reward.scoring import SharedScores, run_rows, to_scores
from hrm_net.reward.search import evaluation as search_evaluation
from hrm_net.reward.search import probes
from hrm_net.reward.search.config import SearchConfig
from hrm_net.reward.search.evaluation import first_attempts, measure_climbing
from hrm_net.reward.search.guided import unlabelled_rows
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import step_rules
from tests.recipes import reward_victim
from tests.reward.rewarding import small_scorer

pytestmark = pytest.mark.slow

REWARD = reward_victim.config().reward
RULES = step_rules(puzzles.get("sudoku", box="2x2"))
NUM = 8
PROBLEMS, ANSWERS = RULES.puzzle.generate(puzzles.rng(0, "test"), 10, clues=6)
RULES.remember(PROBLEMS, ANSWERS)
POLICY = build_policy(REWARD, RULES)
SOLUTIONS = [
    sample(POLICY, RULES, puzzles.rng(0, "test of search", part), PROBLEMS[part : part + 5], REWARD, num=NUM)
    for part in (0, 5)
]
SOLVED = LabelledSolutions.of("test", SOLUTIONS, REWARD, NUM)
CONFIG = SearchConfig(name="full", puzzles=7, greedy=[1, 4], widths=[2], expand=4, probes=3, climbing=4, proposals=3)


class Truth:
    """Stands in for a head: "right" prefers what agrees with the answer, "wrong" the opposite."""

    def __init__(self, name: str) -> None:
        self.sign = {"right": 1.0, "wrong": -1.0}[name]

    def score_rows(self, rows: StepRows) -> np.ndarray:
        distance = (RULES.targets(rows.problem, rows.after, rows.after) != rows.after).mean(axis=1)
        return 0.5 - 0.4 * self.sign * distance


def points(heads: tuple[str, ...] = ("right", "wrong"), how: str = "last", weight: float | None = None) -> dict:
    told = {head: Truth(head).score_rows(SOLVED.trajectories.rows) for head in heads}
    choices = {head: Choices(threshold=0.5, threshold_last=0.5, how=how, fine_weight=weight) for head in heads}
    return search_evaluation.search_points(
        Truth, SOLVED, told, choices, CONFIG, RULES, POLICY, budget=REWARD.budget, seed=0
    )


def test_a_head_that_knows_searches_like_the_oracle_and_its_opposite_finds_nothing() -> None:
    found = points()
    assert list(found) == ["right", "wrong", "oracle"]
    names = ["best of 1", "best of 4", "best of 8", "greedy 1", "greedy 4", "beam 2 x 4"]
    for row in found.values():
        assert [point["name"] for point in row["points"]] == names
    by = {head: {point["name"]: point for point in row["points"]} for head, row in found.items()}
    for name in names:
        assert by["right"][name]["accuracy"] == pytest.approx(by["oracle"][name]["accuracy"]), name
        assert 0 <= by["right"][name]["low"] <= by["right"][name]["accuracy"] <= by["right"][name]["high"] <= 1
    assert by["right"]["greedy 4"]["accuracy"] > by["right"]["greedy 1"]["accuracy"] > 0
    assert by["wrong"]["greedy 4"]["accuracy"] < 0.3
    # one try a step leaves nothing to choose
    assert by["right"]["greedy 1"]["accuracy"] == by["wrong"]["greedy 1"]["accuracy"]
    gap = by["right"]["greedy 4"]["minus_best_of_n"]
    assert gap["difference"] == pytest.approx(
        by["right"]["greedy 4"]["accuracy"] - by["right"]["best of 4"]["accuracy"]
    )
    assert gap["low"] <= gap["difference"] <= gap["high"]


def test_best_of_n_is_of_the_searched_puzzles_alone() -> None:
    found = points()["right"]["points"]
    whole = SOLVED.aggregated(Truth("right").score_rows(SOLVED.trajectories.rows), "last")[:7]
    for point in found[:3]:
        assert point["accuracy"] == pytest.approx(best_of_n(whole, SOLVED.solved[:7], point["tries"]).mean())
    assert points()["oracle"]["points"][1]["accuracy"] == pytest.approx(oracle(SOLVED.solved[:7], 4).mean())


@pytest.mark.parametrize(
    ("how", "weight", "calls"),
    [
        ("last", None, lambda steps: np.ones_like(steps)),
        ("last", 0.5, lambda steps: 1 + (steps > 1)),
        ("prod", 1.0, lambda steps: steps),
        ("prod", 0.5, lambda steps: 2 * steps - 1),
    ],
)
def test_calls_of_best_of_n_are_counted(how: str, weight: float | None, calls: Any) -> None:
    steps = np.diff(SOLVED.trajectories.starts)[: 7 * NUM]
    for point in points(("right",), how, weight)["right"]["points"]:
        if point["kind"] == "best_of_n":
            assert point["policy_calls"] == pytest.approx(point["tries"] * steps.mean())
            assert point["scorer_calls"] == pytest.approx(point["tries"] * calls(steps).mean())
        else:
            # every step that is proposed is scored; merged pairs come on top, of all but the first
            extra = 0 if weight in (None, 1.0) else point["policy_calls"] - point["tries"]
            assert point["scorer_calls"] == pytest.approx(point["policy_calls"] + extra)


def test_shared_scores_are_the_models_own_and_come_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_scorer("symbols")
    rng = np.random.default_rng(0)
    grids = [rng.integers(1, 5, (9, model.config.core.seq_len)) for _ in range(3)]
    rows = unlabelled_rows(grids[0], grids[1], grids[2], rng.integers(0, 5, 9))
    twice = StepRows.concatenate([rows, rows.take(slice(3, 6))])
    seen = []
    monkeypatch.setattr(
        "hrm_net.reward.scoring.run_rows",
        lambda model, inputs, **how: (seen.append(len(inputs["span"])), run_rows(model, inputs, **how))[1],
    )
    shared = SharedScores(model, segments=2, batch_size=4)
    expected = run_rows(model, grid_inputs(rows), segments=2, batch_size=4).logits
    first = shared.head("prm").score_rows(twice.take(slice(0, 5)))
    np.testing.assert_allclose(first, to_scores("prm", expected["prm"])[:5], rtol=1e-5)
    for head in ("cond", "prm"):
        mine = to_scores(head, expected[head])
        found = shared.head(head).score_rows(twice)
        np.testing.assert_allclose(found, np.concatenate([mine, mine[3:6]]), rtol=1e-5)
    assert seen == [5, 4]
    assert shared.head("orm").score_rows(rows.take(slice(0, 0))).shape == (0,)
    changed = rows.take(slice(0, 1))
    changed.left += 1
    shared.head("prm").score_rows(changed)
    changed.span[:] = 2
    shared.head("prm").score_rows(changed)
    assert seen == [5, 4, 1, 1]


def test_probes_are_made_of_the_solutions_that_were_judged() -> None:
    found = first_attempts(SOLVED, REWARD, 7, 3)
    wanted = [puzzle * NUM + i for puzzle in range(7) for i in range(3)]
    whole = [one.attempts for one in SOLUTIONS]
    for row, index in enumerate(wanted):
        original, place = whole[index // (5 * NUM)], index % (5 * NUM)
        length = original.lengths[place]
        assert found.lengths[row] == length
        np.testing.assert_array_equal(found.states[row, : length + 1], original.states[place, : length + 1])
    assert not found.fill.any()
    table = probes.probe(Truth("right"), RULES, np.random.default_rng(0), found)
    assert table["failed"]["beats_solved"]["last"] == 0.0


def test_climbing_starts_all_heads_alike() -> None:
    shared: Any = SharedScores(small_scorer("symbols"), segments=1, batch_size=64)
    found = measure_climbing(shared, SOLVED, CONFIG, RULES, seed=0)
    assert set(found) == set(shared.model.config.objectives)
    assert len({curve["right"][0] for curve in found.values()}) == 1
    assert all(len(curve["score"]) == 5 and curve["score"] == sorted(curve["score"]) for curve in found.values())


SHORT = [
    "puzzle=sudoku_4x4", "reward=steps", "model.hidden_size=8", "batch_size=24", "data.puzzles=16", "compile=false",
    "steps=2", "validation.every=2", "validation.puzzles=6", "reward.budget=4", "reward.cells_per_step=3",
    "reward.policy.error=0.3", "reward.validation_candidates=4", "reward.evaluate_candidates=8", "evaluate_puzzles=0",
    "threads=1", "precision=fp32", "reward.segments=1",
]  # fmt: skip
FULL = [
    "compile=false", "precision=fp32", "puzzles=6", "search=full", "search.puzzles=4", "search.greedy=[1,4]",
    "search.widths=[2]", "search.expand=2", "search.probes=4", "search.climbing=3", "search.proposals=2",
]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("runs") / "scorer"
    cli.train([*SHORT, f"hydra.run.dir={run_dir}"])
    return run_dir


@pytest.mark.slow
def test_the_command_prints_keeps_and_draws_all_of_it(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.evaluate([f"run={trained}", *FULL])
    out = capsys.readouterr().out
    for words in (
        "solved by search, first 4 puzzles",
        "probes ranked above a solved",
        "the score climbed in 3",
    ):
        assert words in " ".join(out.split())
    folder = trained / "results_pictures"
    for name in ("search", "probes", "climbing"):
        assert (folder / f"{name}.png").stat().st_size > 5000
        assert str(folder / f"{name}.png") in out.replace("\n", "")
    ((_, found),) = json.loads((trained / "results.json").read_text())["sets"].items()
    section = found["search"]
    assert list(section["heads"]) == [*found["heads"], "oracle"]
    assert set(section["probes"]) == set(section["climbing"]) == {"orm", "prm", "pqm", "hier", "cond"}
    for row in section["heads"].values():
        assert [point["kind"] for point in row["points"]] == ["best_of_n", "best_of_n", "greedy", "greedy", "beam"]
        assert row["how"] in COMPARED


@pytest.mark.slow
def test_parts_can_be_left_out(trained: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    cli.evaluate(
        [f"run={trained}", *FULL, "search.greedy=[]", "search.widths=[]", "search.probes=0", f"output={output}"]
    )
    ((_, found),) = json.loads(output.read_text())["sets"].items()
    assert set(found["search"]) == {"puzzles", "heads", "climbing"}
    assert "solved by search" not in capsys.readouterr().out
    drawn = {path.name for path in (tmp_path / "out_pictures").iterdir()}
    assert "climbing.png" in drawn
    assert not drawn & {"search.png", "probes.png"}


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("search=half", "search=half: no such file in conf/search; there are full, none"),
        ("search.greedy=[0]", "search.greedy=[0]: must be different whole numbers of at least 1"),
        ("search.widths=[2,2]", "search.widths=[2, 2]: must be different whole numbers of at least 1"),
        ("search.puzzles=0", "search.puzzles=0: must be at least 1"),
        ("search.climbing=-1", "search.climbing=-1: must be at least 0"),
        ("search.probes=true", "search.probes=true: must be a whole number"),
        ("search.width=[1]", "search.width=[1]: unknown key; did you mean search.widths?"),
    ],
)
def test_a_mistake_is_told_before_any_work(
    argument: str, line: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        cli.evaluate([f"run={trained}", *FULL, argument])
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert err.startswith(f"error: {line}")
    assert err.count("\n") == 1


def test_a_solver_cannot_be_searched_by(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.evaluate(["search=full"])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: search=full: must be none for a solver (")
    assert "search needs a step scorer of puzzles" in err
    assert err.count("\n") == 1
