"""A step asks for nothing that a GPU has still to compute, but for a solver's rows that have halted, and for the loss
of the step before. A CPU never waits, so the operations that would make it wait on a GPU are counted."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hrm_net.checkpoints import checkpoint
from hrm_net.data.config import DataConfig, Source, Stage
from hrm_net.evaluation.config import ValidationConfig
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.embedding import sign_sgd_
from hrm_net.nn.transfer import Reading, to_device
from hrm_net.recipes import pair_judge, solver, step_scorer
from hrm_net.recipes.config import TrainConfig
from hrm_net.reward.pair import data as pair_data
from hrm_net.trainer import loop
from hrm_net.trainer.auxiliary import AuxiliaryConfig
from hrm_net.trainer.loop import Trainable
from hrm_net.trainer.optim import OptimConfig
from tests.models import seeded
from tests.recipes.reward_victim import config as scorer_config
from tests.recipes.test_pair_runs import config as judge_config
from tests.recipes.test_pair_runs import some_pairs
from tests.recipes.test_training import config as short_run
from tests.trainer import victim
from tests.trainer.host_waits import Calls, Operations
from tests.trainer.test_auxiliary import ASKED, MODEL

CPU = torch.device("cpu")
Q_LEARNING = HRMConfig(
    vocab_size=6, seq_len=16, hidden_size=16, num_heads=2, mlp_multiple=8, h_layers=1, l_layers=1, max_segments=4,
    exploration=0.5, num_puzzle_ids=1, prefix_len=1,
)  # fmt: skip


def runs() -> dict[str, TrainConfig]:
    """Every part of a step that has ever asked the device: Q-learning with a puzzle table, noise, hypotheses, and
    questions about cells."""
    one = victim.config()
    maze = {"name": "maze", "rows": 7, "columns": 7}
    data = DataConfig(curriculum=[Stage(mix=[Source(targets={"kind": "hard"})])])
    asked = {"puzzle": maze, "model": MODEL, "data": data, "validation": ValidationConfig(every=0)}
    return {
        "symbols": one,
        "q_learning and a table": replace(one, model=Q_LEARNING, optim=OptimConfig(name="adam_atan2", grad_clip=0.1)),
        "hypotheses and noise": replace(
            one, model=replace(one.model, state="random", noise=0.1), hypotheses=2, optim=OptimConfig(name="adamw")
        ),
        "questions": replace(one, **asked, auxiliary=ASKED),
        "questions and overtime": replace(one, **asked, auxiliary=AuxiliaryConfig(causal=True, overtime=2.0)),
    }


def training(config: TrainConfig, device: torch.device = CPU) -> solver.SolverTraining:
    job = solver.SolverTraining(config, lambda: solver.build_data(config, inputs), device, torch.float32)
    inputs = solver.solver_inputs(config, job.sizes.puzzle)
    job.setup()
    return job


@pytest.fixture
def far_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the CPU computes counts as computed by a device that the host does not wait for."""
    monkeypatch.setattr(Reading, "arrived", property(lambda self: False))


def waits(job: Trainable, steps: int) -> tuple[list[str], dict[tuple[str, str], int]]:
    """Operations that wait, and what was read or sent elsewhere than by `to_device`, in some updates after two."""
    for _ in range(2):
        job.update()
    with Operations() as operations, Calls() as calls:
        for _ in range(steps):
            job.update()
    # PyTorch's own clipping names the device that the norms are on already
    own = {call: times for call, times in Counter(calls.found).items() if "_norm" not in call[1]}
    assert own.pop(("to", "to_device")) > 0
    return operations.found, own


def readings(times: int) -> dict[tuple[str, str], int]:
    return {("cpu", "Reading.array"): times, ("numpy", "Reading.array"): times}


@pytest.mark.slow
@pytest.mark.parametrize("name", runs())
def test_a_step_waits_for_the_halted_rows_and_for_the_loss_of_the_step_before(name: str, far_device: None):
    operations, calls = waits(training(runs()[name]), 4)
    assert operations == []
    host = ("HostPuzzles.taking", "SolverTraining._known")  # which read what the host has made
    assert {call: times for call, times in calls.items() if not call[1].startswith(host)} == readings(8)


@pytest.mark.slow
def test_a_step_of_a_scorer_waits_for_the_loss_of_the_step_before(far_device: None, tmp_path: Path):
    config = scorer_config({"objectives": ["orm", "prm", "hier"]})
    source = step_scorer.scorer_inputs(config).source
    job = step_scorer.StepScorerTraining(config, source, tmp_path, CPU, torch.float32, None)
    job.setup()
    assert waits(job, 4) == ([], readings(4))


@pytest.mark.slow
@pytest.mark.parametrize(("halting", "each"), [("closed", 1), ("grpo", 2)])
def test_a_step_of_a_judge_waits_for_the_loss_of_the_step_before(
    halting: str, each: int, far_device: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """In and after the warm-up; rollouts serve two updates."""
    monkeypatch.setattr(pair_data, "sample_pairs", some_pairs)
    config = judge_config(halting, batch_size=8)
    source = step_scorer.scorer_inputs(config).source
    job = pair_judge.PairTraining(config, source, tmp_path, CPU, torch.float32, None)
    job.setup()
    assert waits(job, 2) == ([], readings(2))
    assert job.state.step == job.warmup_steps
    assert waits(job, 2) == ([], readings(2 * each))


def test_the_counters_find_what_waits():
    rows = torch.arange(4.0)
    with Operations() as operations, Calls() as calls:
        bool(rows.sum() > 0)
        rows.max().item()
        rows[rows > 1]
        rows.nonzero()
        rows.unique()
        rows.to(torch.device("cpu"))
        torch.tensor(3.0)
    assert Counter(operations.found) == {
        "_local_scalar_dense.default": 2, "index.Tensor by a mask": 1, "nonzero.default": 1, "_unique2.default": 1,
    }  # fmt: skip
    assert [name for name, _ in calls.found] == ["__bool__", "item", "to", "tensor"]


@pytest.mark.slow
def test_the_halted_rows_are_on_their_way_before_the_backward_pass(monkeypatch: pytest.MonkeyPatch):
    job, happened = training(victim.config()), []
    job.update()
    read, backward, array = Reading.__init__, Tensor.backward, Reading.array

    def reads(self: Reading, tensor: Tensor) -> None:
        happened.append("halted leaves" if tensor.dtype == torch.bool else "loss leaves")
        read(self, tensor)

    def reads_array(self: Reading) -> object:
        found = array(self)
        happened.append("halted read" if found.dtype == bool else "loss read")
        return found

    def steps_back(self: Tensor) -> None:
        happened.append("backward")
        backward(self)

    monkeypatch.setattr(Reading, "__init__", reads)
    monkeypatch.setattr(Reading, "array", reads_array)
    monkeypatch.setattr(Tensor, "backward", steps_back)
    monkeypatch.setattr(Reading, "arrived", property(lambda self: False))
    for _ in range(2):
        job.update()
    first = ["halted read", "halted leaves", "backward", "loss leaves"]
    assert happened == [*first, *first[:3], "loss read", "loss leaves"]


@pytest.mark.slow
@pytest.mark.parametrize(("last_good", "saved"), [(3, None), (5, 4), (7, 6)])
def test_numbers_that_are_not_finite_are_noticed_before_they_are_saved(
    last_good: int, saved: int | None, far_device: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Also where the next thing is a checkpoint (of steps 4 and 8) or a validation (of step 6, which is saved, too)."""
    segment_loss, calls = solver.segment_loss, 0

    def poisoned(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        loss = segment_loss(*arguments)  # type: ignore[arg-type]
        if calls == last_good + 1:
            loss.total = loss.total * float("nan")
        return loss

    monkeypatch.setattr(solver, "segment_loss", poisoned)
    with pytest.raises(FloatingPointError, match=f"^step {last_good}: loss nan"):
        solver.train(short_run(), tmp_path / "run")
    found = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    assert (None if found is None else found.step) == saved
    assert found is None or all(torch.isfinite(tensor).all() for tensor in found.tensors.values())


def test_a_reading_on_a_cpu_is_there_at_once():
    rows = torch.tensor([True, False])
    assert Reading(rows).arrived
    assert Reading(rows).array().tolist() == [True, False]
    assert to_device(rows, CPU) is rows


def test_nothing_unread_is_nothing_wrong():
    state = training(victim.config()).state
    loop.check_finite(state)
    assert state.unread is None


def test_rows_of_a_table_are_updated_as_if_equal_ones_were_put_together_first():
    """Against the same rule with `torch.unique`, bit for bit."""
    for seed in range(20):
        generator = seeded(seed)
        table, grads = (torch.randn(size, 3, generator=generator) for size in (9, 24))
        grads[::5] = -grads[1::5]  # some of which cancel
        ids = torch.randint(0, 9, (24,), generator=generator, dtype=torch.int32)
        expected = table.clone()
        touched, owner = torch.unique(ids.long(), return_inverse=True)
        summed = torch.zeros(len(touched), 3).index_add_(0, owner, grads)
        expected[touched] = expected[touched].mul_(1 - 0.1 * 0.5).sub_(summed.sign_(), alpha=0.1)
        sign_sgd_(table, ids, grads, 0.1, 0.5)
        assert torch.equal(table, expected)
