"""Throughput: what updates of every kind of run count, the rates in records, by a clock that the test turns."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hrm_net.evaluation.config import ValidationConfig
from hrm_net.nn.config import HRMConfig
from hrm_net.policy.model import choice_cost
from hrm_net.recipes import pair_judge, policy, solver, step_scorer
from hrm_net.reward.cost import scorer_cost
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.pair import data as pair_data
from hrm_net.trainer import loop, throughput
from hrm_net.trainer.optim import OptimConfig, build_optimizers
from hrm_net.trainer.throughput import Pace, RowCost, Work
from tests.models import SMALL, VARIANTS
from tests.policy.acting import config as policy_config
from tests.recipes.reward_victim import config as scorer_config
from tests.recipes.test_pair_runs import config as judge_config
from tests.recipes.test_pair_runs import some_pairs
from tests.trainer import victim

CPU = torch.device("cpu")


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_rates_leave_out_the_first_update_and_what_lies_between_updates():
    clock, work = Clock(), Work(unit="puzzles")
    pace = Pace(peak=1e12, clock=clock)
    assert pace.pop(work) == ({}, "")
    for seconds in (100.0, 2.0, 3.0):
        pace.begin()
        work.add(segments=10, examples=1, flops=5e11)
        clock.now += seconds
        assert pace.end(work) == seconds
        clock.now += 1000.0  # a validation
    rates, text = pace.pop(work)
    assert rates == {"segments_per_second": 4.0, "puzzles_per_second": 0.4, "tflops": 0.2, "peak_share": 0.2}
    assert text == ", 4 segments/s, 0 puzzles/s, 0.2 TFLOP/s (20% of the peak)"
    assert pace.pop(work) == ({}, "")


def test_without_a_known_peak_there_is_no_share_of_it():
    clock, work = Clock(), Work()
    pace = Pace(peak=None, clock=clock)
    for _ in range(2):
        pace.begin()
        work.add_rows(6, RowCost(forward=10, update=30), examples=3, updated=2, read=1)
        clock.now += 0.5
        pace.end(work)
    rates, _ = pace.pop(work)
    assert rates == {"segments_per_second": 36.0, "examples_per_second": 6.0, "tflops": 6 * 70 / 0.5 / 1e12}
    assert set(rates) < set(throughput.RATES)


class Steps:
    """The least kind of training that the loop drives: a second an update, 8 segments, 2 examples."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.model = clock, nn.Linear(1, 1)
        self.state = loop.LoopState(optimizers=build_optimizers(self.model, OptimConfig(name="adamw")), ema=None)

    def setup(self) -> None: ...

    def compile(self, graphs: bool) -> None: ...

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, saved: dict[str, Any], device: torch.device) -> None: ...

    def validate(self, tracker: Any) -> tuple[float, list[str]]:
        raise AssertionError("this run validates nothing")

    def format_score(self, score: float) -> str:
        return str(score)

    def update(self) -> None:
        self.clock.now += 1.0
        self.state.step += 1
        self.state.work.add(segments=8, examples=2, flops=4e12)

    def pop_metrics(self) -> tuple[dict[str, Any], str]:
        self.clock.now += 1.0  # the host waits for the device
        return {"loss": 1.0}, "loss 1.000"


def test_a_run_writes_its_rates_into_every_record_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    clock = Clock()
    monkeypatch.setattr(loop, "Pace", lambda peak: Pace(peak, clock))
    monkeypatch.setattr(loop, "peak_flops", lambda device, precision: 8e12)
    config = replace(victim.config(), steps=6, log_every=2, device="cpu", compile="false").loop()
    config.validate_every = 0
    loop.run(config, tmp_path, lambda device, precision: Steps(clock))  # type: ignore[arg-type, return-value]
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    shown = [{key: record.get(key) for key in throughput.RATES if key in record} for record in records]
    each = {"segments_per_second": 16 / 3, "examples_per_second": 4 / 3, "tflops": 8 / 3, "peak_share": 1 / 3}
    # Of the first two updates the second one counts, and the reading of the metrics.
    first = {"segments_per_second": 4.0, "examples_per_second": 1.0, "tflops": 2.0, "peak_share": 0.25}
    assert shown == [first, pytest.approx(each), pytest.approx(each)]
    assert [record["seconds"] for record in records] == [3.0, 6.0, 9.0]
    assert "loss 1.000, 5 segments/s, 1 examples/s, 2.7 TFLOP/s (33% of the peak)" in capsys.readouterr().out


@pytest.mark.slow
def test_a_solver_counts_rows_and_the_puzzles_that_have_ended():
    config = victim.config()
    job = solver.SolverTraining(config, lambda: solver.build_data(config, inputs), CPU, torch.float32)
    inputs = solver.solver_inputs(config, job.sizes.puzzle)
    job.setup()
    for _ in range(3):
        job.update()
    record, _ = job.pop_metrics()
    work, num = job.state.work, 3 * config.batch_size
    assert work.unit == "puzzles"
    assert work.segments == num
    assert work.examples == pytest.approx(num * record["halted"])
    assert record["halted"] > 0
    assert work.flops == num * throughput.update_flops(config.model)


@pytest.mark.slow
def test_a_step_scorer_counts_all_its_segments_and_their_arithmetic(tmp_path: Path):
    config = scorer_config()
    run = step_scorer.scorer_inputs(config)
    job = step_scorer.StepScorerTraining(config, run.source, tmp_path, CPU, torch.float32, None)
    job.setup()
    earlier = [step_scorer.earlier_segments(config.reward, config.seed, step) for step in range(6)]
    assert sum(earlier) > 0
    for _ in range(6):
        job.update()
    cost, num, updated = scorer_cost(job.model.config), config.batch_size, 6 * config.reward.segments
    assert job.state.work.segments == num * (sum(earlier) + updated)
    assert job.state.work.examples == 6 * num
    assert job.state.work.flops == num * (sum(earlier) * cost.forward + updated * cost.update)


@pytest.mark.slow
@pytest.mark.parametrize(("halting", "read", "updated"), [("closed", 0, 3), ("grpo", 6, 6)])
def test_a_judge_counts_two_rows_a_game(
    halting: str, read: int, updated: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pair_data, "sample_pairs", some_pairs)
    config = judge_config(halting, batch_size=8)
    run = step_scorer.scorer_inputs(config)
    job = pair_judge.PairTraining(config, run.source, tmp_path, CPU, torch.float32, None)
    job.setup()
    work, cost = job.state.work, scorer_cost(job.model.config)
    job.update()
    depth = work.segments / 16
    assert 1 <= depth <= 3
    assert work.flops == 16 * depth * cost.update
    work.clear()
    job.state.step = job.warmup_steps
    job.update()
    assert work.examples == 8
    assert work.segments == 16 * (read + updated)
    assert work.flops == 16 * (read * cost.forward + updated * cost.update)


@pytest.mark.slow
def test_imitation_counts_the_choices_of_a_batch():
    config = policy.clone_config(policy_config({"segments": 2}))
    job = policy.CloneTraining(config, CPU, torch.float32, policy.fresh(config))
    job.setup()
    job.update()
    cost = choice_cost(config.model, config.policy.budget, 2)
    assert (job.state.work.examples, job.state.work.segments) == (32, 64)
    assert job.state.work.flops == 32 * cost.update


@pytest.mark.slow
def test_learning_from_a_reward_counts_attempts_and_three_passes_over_their_choices():
    config = policy_config(validation=ValidationConfig(every=0))
    inputs = policy.policy_inputs(config)
    job = policy.RewardTraining(config, CPU, torch.float32, policy.fresh(config), inputs.reward)
    job.setup()
    asked: list[int] = []
    job.model.register_forward_hook(lambda module, inputs, output: asked.append(len(output)))
    job.update()
    *sampled, learned = asked
    assert sum(sampled) == learned
    cost, work = choice_cost(config.model, config.policy.budget, 1), job.state.work
    assert (work.examples, work.segments) == (6, 3 * learned)
    assert work.flops == learned * (2 * cost.forward + cost.update)


@pytest.mark.parametrize("inputs", ["grids", "text", "states"])
def test_an_update_of_a_scorer_takes_three_passes_where_all_of_a_segment_has_gradients(inputs: str):
    """All but the projection of hidden states: nothing asks for the gradient of what a language model has said."""
    core = HRMConfig(**{**SMALL, **VARIANTS["hrm"], "h_cycles": 1, "l_cycles": 1, "num_puzzle_ids": 1})
    size = 24 if inputs == "states" else 0
    cost = scorer_cost(RewardModelConfig(core=core, objectives=["orm"], inputs=inputs, state_size=size))  # type: ignore[arg-type]
    projection = 2 * core.seq_len * size * core.hidden_size
    assert cost.update == pytest.approx(3 * cost.forward - projection, rel=0.02)
    assert cost.forward > 2 * core.seq_len * core.hidden_size**2
