"""A step scorer's run: every head by itself and on any kind of data, what it keeps, refuses, and hands on."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hrm_net import cli
from hrm_net.checkpoints import checkpoint
from hrm_net.recipes import step_scorer as runs
from hrm_net.recipes.model_source import find_model
from hrm_net.reward import StepScorer
from hrm_net.reward.config import PolicyConfig
from hrm_net.reward.data import prepare as data
from puzzles import rng
from puzzles.registry import get
from puzzles.steps.rules import step_rules
from tests.recipes.reward_victim import config
from tests.recipes.test_training import assert_same, final, records

pytestmark = pytest.mark.slow

RULES = step_rules(get("sudoku", box="2x2"))
TREES = {"labels": "mc_soft", "trees": 3, "children": 4, "height": 2}
SHORT = [
    "puzzle=sudoku_4x4", "reward=steps", "model.hidden_size=8", "batch_size=24", "data.puzzles=16", "compile=false",
    "steps=4", "validation.every=2", "validation.puzzles=6", "reward.budget=4", "reward.cells_per_step=3",
    "reward.policy.error=0.3", "reward.validation_candidates=4", "reward.evaluate_candidates=4", "evaluate_puzzles=5",
    "threads=1", "precision=fp32",
]  # fmt: skip


@pytest.mark.parametrize(
    "reward",
    [
        *({"objectives": [head]} for head in ("orm", "prm", "pqm", "hier", "cond")),
        {"objectives": ["prm", "hier"], "loss": "mse", "labels": "mc_hard", "data": "trajectories", "children": 2},
        {"objectives": ["hier"], **TREES, "compression": "hnc"},
        {"objectives": ["prm"], **TREES, "compression": "noise"},
        {"objectives": ["prm"], **TREES, "compression": "count"},
        {"objectives": ["prm", "cond"], **TREES, "height": None},
        {"objectives": ["orm", "hier"], **TREES, "data": "trees", "labels": "exact", "coarse": "net"},
        {"objectives": ["cond"], "regime": "fill", "error_share": 0.5, "error": "first"},
        {"objectives": ["prm"], "policy": PolicyConfig(name="random")},
    ],
    ids=lambda reward: "-".join(str(value) for value in reward.values()),
)
def test_every_head_and_every_kind_of_data_trains(reward: dict[str, Any], tmp_path: Path) -> None:
    run = config(reward, steps=2)
    runs.train(run, tmp_path / "run")
    assert all(torch.isfinite(tensor).all() for tensor in final(tmp_path / "run").tensors.values())
    told = [record for record in records(tmp_path / "run") if record["kind"] == "validation"]
    assert [record["head"] for record in told] == reward["objectives"]
    assert {"loss", "auroc_steps", "auroc_solutions"} <= told[0].keys()


def test_a_control_matched_in_number_has_as_many_rows_as_what_it_controls() -> None:
    made = {}
    for compression in ("none", "hnc", "count"):
        merged = ["hier"] if compression == "hnc" else ["prm"]
        run = config({"objectives": merged, **TREES, "compression": compression})
        found = data.make(runs.solution_source(run, RULES)).single_rows
        assert found is not None
        made[compression] = found
    assert len(made["count"]) == len(made["hnc"]) > len(made["none"])
    np.testing.assert_array_equal(made["count"].before[: len(made["none"])], made["none"].before)


def test_the_label_alive_ends_where_the_error_that_cond_is_told_begins() -> None:
    """From the last error on nothing is alive, the step before it is, and a solution that came right ends alive."""
    run = config({"objectives": ["prm", "cond"], "fine": "alive"})
    found = data.make(runs.solution_source(run, RULES)).trajectories
    assert found is not None
    labels = [found.rows.label[a:b] for a, b in pairwise(found.starts)]
    assert any(0 < error < len(mine) for mine, error in zip(labels, found.error, strict=True))
    for mine, error, outcome in zip(labels, found.error, found.outcome, strict=True):
        assert (mine[error:] == 0).all()
        assert error == 0 or mine[error - 1] == 1
        assert outcome == (mine[-1] == 1) == (error == len(mine))


def test_exact_labels_of_trees_are_the_oracles() -> None:
    run = config({"objectives": ["prm"], **TREES, "data": "trees", "labels": "exact"})
    found = data.make(runs.solution_source(run, RULES)).single_rows
    assert found is not None
    target = RULES.targets(found.problem, found.before, found.after)
    changed = found.before != found.after
    mended = (found.after == RULES.blank) & (found.before != target)
    np.testing.assert_array_equal(found.label, (~changed | (found.after == target) | mended).all(axis=1))
    assert found.sources == ("exact",)


def test_the_data_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = config()
    made, digest = data.prepare(runs.solution_source(run, RULES), tmp_path)
    monkeypatch.setattr(data, "make", lambda *_: pytest.fail("made again"))
    read, again = data.prepare(runs.solution_source(run, RULES), tmp_path)
    assert digest == again
    assert made.trajectories is not None
    assert read.trajectories is not None
    np.testing.assert_array_equal(made.trajectories.rows.after, read.trajectories.rows.after)
    with pytest.raises(ValueError, match=r"steps was made with candidates=4, not 5: use it again, or choose another"):
        data.prepare(runs.solution_source(config({"candidates": 5}), RULES), tmp_path)
    path = tmp_path / "steps" / "single_rows.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"single_rows.npz: missing or damaged; delete .* to have it made again"):
        data.prepare(runs.solution_source(run, RULES), tmp_path)


def test_a_run_that_was_cut_off_ends_like_one_that_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, step, calls = config({"solver_steps": 3}, steps=10, checkpoint_every=4), runs.train_step, 0
    runs.train(run, tmp_path / "whole")

    def dies(*arguments):
        nonlocal calls
        calls += 1
        if calls == 7:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(runs, "train_step", dies)
    with pytest.raises(KeyboardInterrupt):
        runs.train(run, tmp_path / "cut")
    monkeypatch.setattr(runs, "train_step", step)
    runs.train(run, tmp_path / "cut")
    one, two = final(tmp_path / "whole"), final(tmp_path / "cut")
    assert_same(one.tensors, two.tensors)
    assert_same(one.state, two.state)
    assert records(tmp_path / "whole") == records(tmp_path / "cut")


def test_numbers_that_are_not_finite_stop_before_the_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = runs.objectives.losses
    monkeypatch.setattr(
        runs.objectives,
        "losses",
        lambda *a, **k: {name: one * float("nan") for name, one in losses(*a, **k).items()},
    )
    with pytest.raises(FloatingPointError, match="step 0"):
        runs.train(config(), tmp_path / "run")


def test_a_run_is_judged_handed_on_and_judged_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cli.train(["name=run", *SHORT])
    out = capsys.readouterr().out
    for word in ("learning from 64 solutions", "AUROC of steps", "clash check", "oracle", "hier", "best_of_n.png"):
        assert word in out
    found = json.loads(Path("runs/run/results.json").read_text(encoding="utf-8"))["sets"]["unseen"]
    assert set(found["heads"]) == {"orm", "prm", "pqm", "hier", "hier_fine", "cond"}
    for row in found["heads"].values():
        assert {"steps", "calibration", "solutions", "first_error", "quadrants", "best_of_n"} <= row.keys()
        assert row["best_of_n"]["prod"]["sizes"] == [1, 2, 4]
    assert (found["puzzles"], found["candidates"]) == (5, 4)

    cli.evaluate(["run=runs/run", "puzzles=5", "output=again.json", "compile=false", "precision=fp32", "figures=false"])
    again = json.loads(Path("again.json").read_text(encoding="utf-8"))["sets"]["unseen"]
    assert again == found

    scorer = StepScorer.from_pretrained("runs/run/scorer", objective="prm")
    problems, answers = RULES.puzzle.generate(rng(0, "test"), 1, clues=8)
    step = {"cell": int(np.flatnonzero(problems[0] != answers[0])[0])}
    row, column = divmod(step["cell"], 4)
    scores = scorer.score([problems[0]], [[[f"r{row + 1}c{column + 1}={answers[0][step['cell']] - 1}"]]])
    assert 0 <= scores[0][0][0] <= 1


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["reward.policy.name=hrm", "reward.policy.solver=nope"], "run=nope: no such directory"),
        (["reward.start=nope"], "run=nope: no such directory"),
        (["reward.start=sudoku_9x9"], "model.core."),
        (["reward.data=trees"], "reward.coarse=second: must be net for exact labels on trees, "),
        (["reward.fine=alive", "reward.labels=mc_soft"], "reward.fine=alive: must be ok, but for exact labels of traj"),
        (["reward.compression=hnc", "reward.data=trajectories"], "reward.compression=hnc: must be none for traj"),
        (["model.noise=0.1"], "model.core.state=fixed, noise=0.1: a scorer must give the same score each time"),
    ],
)
def test_a_mistake_is_one_line_before_any_work(
    argv: list[str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        cli.train([*SHORT, *argv])
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {line}")
    assert list(tmp_path.iterdir()) == []


def test_a_scorer_is_not_taken_for_a_solver(tmp_path: Path) -> None:
    runs.train(config({"objectives": ["prm"]}, steps=1), tmp_path / "run")
    assert checkpoint.best(tmp_path / "run" / "checkpoints") is not None
    source = find_model(str(tmp_path / "run"))
    with pytest.raises(ValueError, match="which scores solutions and solves nothing"):
        source.load()
