"""The loop: it learns, resumes bit for bit, stops politely, and refuses numbers that are not finite."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hrm_net.checkpoints import checkpoint
from hrm_net.data.config import DataConfig, Source, Stage
from hrm_net.evaluation.config import ValidationConfig
from hrm_net.evaluation.validation import Validation
from hrm_net.recipes import solver as training
from hrm_net.recipes.config import TrainConfig
from hrm_net.trainer.optim import OptimConfig
from hrm_net.trainer.session import interruptible
from hrm_net.trainer.throughput import RATES
from tests.trainer import victim

pytestmark = pytest.mark.slow

MODEL = victim.config().model


def config(**changes) -> TrainConfig:
    """The run that others kill, much shorter."""
    validation = ValidationConfig(every=6, puzzles=8, targets={"easy": {"clues": 10}})
    return replace(
        victim.config(), **{"steps": 12, "checkpoint_every": 4, "log_every": 3, "validation": validation, **changes}
    )


def final(run_dir: Path) -> checkpoint.Checkpoint:
    found = checkpoint.load_newest(run_dir / "checkpoints")
    assert found is not None
    return found


def records(run_dir: Path) -> list[dict]:
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    timed = {"seconds", *RATES}
    return [{key: value for key, value in json.loads(line).items() if key not in timed} for line in lines]


def assert_same(one: object, two: object, where: str = "") -> None:
    if isinstance(one, dict):
        assert isinstance(two, dict)
        assert one.keys() == two.keys(), where
        for key in one:
            if key != "seconds":
                assert_same(one[key], two[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert isinstance(two, list)
        for i, (a, b) in enumerate(zip(one, two, strict=True)):
            assert_same(a, b, f"{where}.{i}")
    elif isinstance(one, torch.Tensor):
        assert isinstance(two, torch.Tensor)
        assert torch.equal(one, two), where
    else:
        assert one == two, where


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optim": OptimConfig(name="adam_atan2", lr=1e-3, warmup_steps=2)},
        {"data": DataConfig(puzzles=16, curriculum=[Stage(mix=[Source(targets={"clues": 10})])])},
        {"model": replace(MODEL, state="random", noise=0.01, halting="q_learning")},
    ],
    ids=["muon ema", "adam_atan2", "fixed set", "noise and q-learning"],
)
def test_a_run_that_was_cut_off_ends_like_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict
):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    training.train(config(**changes), whole)

    step = training.train_step
    calls = 0

    def dies(*arguments):
        nonlocal calls
        calls += 1
        if calls == 7:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(training, "train_step", dies)
    with pytest.raises(KeyboardInterrupt):
        training.train(config(**changes), cut)
    assert final(cut).step < 12
    monkeypatch.setattr(training, "train_step", step)
    training.train(config(**changes), cut)

    one, two = final(whole), final(cut)
    assert one.step == two.step == 12
    assert_same(one.tensors, two.tensors)
    assert_same(one.state, two.state)
    assert records(whole) == records(cut)


def test_it_learns_and_keeps_the_best(tmp_path: Path):
    model = replace(MODEL, hidden_size=16)
    training.train(config(steps=150, batch_size=16, checkpoint_every=0, log_every=10, model=model), tmp_path / "run")
    train_records = [record for record in records(tmp_path / "run") if record["kind"] == "train"]
    assert train_records[-1]["lm_loss"] < 0.5 * train_records[0]["lm_loss"]
    assert checkpoint.best(tmp_path / "run" / "checkpoints") is not None


@pytest.mark.parametrize(
    ("scores", "best"), [([0.1, 0.5, 0.3], 8), ([0.1, 0.5, 0.6], 12), ([0.5, 0.5, 0.4], 4)], ids=["peak", "rise", "tie"]
)
def test_the_best_has_the_highest_validation_score(
    scores: list[float], best: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scores_in_turn = iter(scores)
    monkeypatch.setattr(Validation, "__call__", lambda *_: (next(scores_in_turn), []))
    validation = ValidationConfig(every=4, puzzles=8, targets={"easy": {"clues": 10}})
    training.train(config(validation=validation), tmp_path / "run")
    found = checkpoint.best(tmp_path / "run" / "checkpoints")
    assert found is not None
    assert found.name == f"step_{best:06d}"


def test_a_finished_run_says_so_and_more_steps_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    training.train(config(steps=4), tmp_path / "run")
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    training.train(config(steps=4), tmp_path / "run")
    assert "has all its 4 steps" in capsys.readouterr().out
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before
    training.train(config(steps=6), tmp_path / "run")
    assert final(tmp_path / "run").step == 6


def test_another_configuration_is_refused_with_its_difference(tmp_path: Path):
    training.train(config(steps=4), tmp_path / "run")
    with pytest.raises(ValueError, match=r"seed: 0 -> 1"):
        training.train(config(steps=4, seed=1), tmp_path / "run")


@pytest.mark.parametrize("poison", ["loss", "gradient"])
def test_numbers_that_are_not_finite_stop_before_the_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poison: str
):
    segment_loss = training.segment_loss
    calls = 0

    def poisoned(*arguments):
        nonlocal calls
        calls += 1
        loss = segment_loss(*arguments)
        if calls == 6:
            if poison == "loss":
                loss.total = loss.total * float("nan")
            else:
                loss.total.register_hook(lambda grad: grad * float("inf"))
        return loss

    monkeypatch.setattr(training, "segment_loss", poisoned)
    with pytest.raises(FloatingPointError, match="step 5"):
        training.train(config(), tmp_path / "run")
    saved = final(tmp_path / "run")
    assert saved.step == 4
    assert all(torch.isfinite(tensor).all() for tensor in saved.tensors.values())


def test_a_signal_finishes_the_step_and_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    step = training.train_step

    def signalled(state, *arguments):
        if state.step == 5:
            signal.raise_signal(signal.SIGTERM)
        return step(state, *arguments)

    monkeypatch.setattr(training, "train_step", signalled)
    with pytest.raises(SystemExit) as stopped:
        training.train(config(), tmp_path / "run")
    assert stopped.value.code == 143
    assert final(tmp_path / "run").step == 6


def test_the_second_signal_is_not_caught():
    # A shell's background jobs are born with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with interruptible() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.exit_code == 130
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_training_never_reads_the_global_random_stream(tmp_path: Path):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    training.train(config(steps=3), tmp_path / "one")
    assert torch.equal(torch.get_rng_state(), before)


def test_validation_that_stays_below_its_best_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    scores_in_turn = iter([0.5, 0.4, 0.3])
    monkeypatch.setattr(Validation, "__call__", lambda *_: (next(scores_in_turn), []))
    validation = ValidationConfig(every=4, puzzles=8, patience=2, targets={"easy": {"clues": 10}})
    training.train(config(validation=validation), tmp_path / "run")
    assert capsys.readouterr().out.count("no better than 50.0% at step 4 since") == 1
