"""Questions in training only: what counts when, what is updated, and what no file of weights holds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import puzzles
from hrm_net import HRM
from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.data.config import DataConfig, Source, Stage
from hrm_net.evaluation.config import ValidationConfig
from hrm_net.nn.carry import Carry, Output
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.losses import IGNORE
from hrm_net.recipes import solver
from hrm_net.recipes.config import TrainConfig
from hrm_net.trainer.auxiliary import Auxiliary, AuxiliaryConfig, hops_made
from puzzles.errors import UserError
from tests.models import seeded, small_model
from tests.recipes.test_training import assert_same

MAZE = puzzles.get("maze", rows=7, columns=7)
TARGETS = ["next_move", "distance_mod_3"]
ASKED = AuxiliaryConfig(targets=TARGETS, causal=True)
MODEL = HRMConfig(
    vocab_size=6, seq_len=49, grid_width=7, prefix_len=0, positions="none", codec="cells", block="local",
    hidden_size=8, num_heads=1, expansion=3.0, mlp_multiple=8, h_layers=1, l_layers=1, h_cycles=1, l_cycles=2,
    gradient="last_cycle", halting="halt_only", max_segments=4,
)  # fmt: skip


def segment(model: HRM, segments: int = 1, num: int = 6) -> tuple[Carry, Output]:
    inputs, labels = MAZE.generate(puzzles.rng(0, "test"), num, kind="hard")
    batch = {"inputs": torch.from_numpy(inputs.astype(np.int32)), "labels": torch.from_numpy(labels.astype(np.int32)),
             "puzzle_identifiers": torch.zeros(num, dtype=torch.int32)}  # fmt: skip
    carry = model.initial_carry(batch)
    for _ in range(segments):
        carry, out = model(carry, batch, max_segments=99)
    return carry, out


def test_later_segments_ask_for_more_and_none_asks_too_early():
    model = HRM(MODEL, seeded()).eval()
    auxiliary = Auxiliary(replace(ASKED, pace=0.5), MAZE, model, seeded())
    before = None
    for segments in (1, 2, 3, 5, 8, 12, 20):
        carry, _ = segment(model, segments)
        hops = torch.from_numpy(MAZE.answer_hops(carry.inputs.numpy(), carry.labels.numpy()))
        asked, whole = auxiliary.labels(model, MAZE, carry)
        known = hops <= 1.5 * segments
        assert torch.equal(asked[known], carry.labels[known])
        early = hops > 3 * segments
        assert torch.equal(asked[early], carry.inputs[early])
        assert (asked[~known & ~early] == IGNORE).all()
        assert torch.equal(whole, known.all(dim=1))
        assert before is None or (known | ~before).all()
        before = known
    assert before is not None
    assert before.all()


def test_the_loss_is_the_mean_over_the_cells_that_are_asked():
    """By hand, cell by cell: the class where the wave has come, the class of open cells where it cannot have."""
    model = HRM(MODEL, seeded()).eval()
    auxiliary = Auxiliary(replace(ASKED, weight=0.5, pace=2 / 3), MAZE, model, seeded())
    assert auxiliary.head is not None
    carry, out = segment(model)
    assert out.state is not None
    found = auxiliary(model, MAZE, carry, out)
    assert found is not None
    every = auxiliary.head(out.state)
    total, right, asked, left_open = 0.0, 0, 0, 0
    for name, logits in zip(TARGETS, every.split([5, 4], dim=-1), strict=True):
        targets, hops = MAZE.auxiliary_targets(name, carry.inputs.numpy())
        classes = MAZE.auxiliary[name]
        for row in range(len(targets)):
            cells = {}
            for cell in np.flatnonzero(targets[row] >= 0).tolist():
                if hops[row, cell] <= 2 or hops[row, cell] > 3:
                    cells[cell] = int(targets[row, cell]) if hops[row, cell] <= 2 else classes
            nats = [-logits[row, cell].log_softmax(-1)[wanted].item() for cell, wanted in cells.items()]
            total += 0.5 / 2 * sum(nats) / max(1, len(nats))
            right += sum(int(logits[row, cell].argmax()) == wanted for cell, wanted in cells.items())
            asked += len(cells)
            left_open += sum(wanted == classes for wanted in cells.values())
    assert left_open > 0
    assert found.total.item() == pytest.approx(total, rel=1e-5)
    assert found.accuracy.item() == pytest.approx(right / asked)


@pytest.mark.parametrize("overtime", [None, 1.0, 2.0])
def test_rows_leave_once_their_answer_should_be_known(overtime: float | None):
    auxiliary = Auxiliary(replace(ASKED, overtime=overtime), MAZE, HRM(MODEL, seeded()))
    carry, _ = segment(HRM(MODEL, seeded()).eval(), num=400)
    carry.halted, whole = torch.arange(400) % 4 == 0, torch.arange(400) % 2 == 0
    before = carry.halted.clone()
    auxiliary.give_up(carry, whole, seeded())
    assert (carry.halted | ~before).all()
    assert not (carry.halted & ~before & ~whole).any()
    gone = (carry.halted & ~before).sum().item()
    assert {None: gone == 0, 1.0: gone == 100, 2.0: 35 < gone < 65}[overtime]


def test_without_a_mask_the_labels_are_those_of_the_puzzle():
    model = HRM(MODEL, seeded()).eval()
    carry, _ = segment(model)
    asked, whole = Auxiliary(replace(ASKED, causal=False), MAZE, model).labels(model, MAZE, carry)
    assert torch.equal(asked, carry.labels)
    assert whole.all()


def test_where_all_cells_meet_at_once_nothing_is_too_early():
    model = small_model("hrm")
    steps = torch.tensor([0, 1, 5], dtype=torch.int32)
    assert torch.isinf(hops_made(model, steps)).all()
    assert hops_made(HRM(MODEL, seeded()), steps, pace=0.5).tolist() == [0, 1.5, 7.5]


@pytest.mark.parametrize(
    ("puzzle", "targets", "line"),
    [
        (MAZE, ["next"], r"^auxiliary\.targets=next: must be among those of maze: next_move, distance_mod_3$"),
        (MAZE, ["next_move"] * 2, r"^auxiliary\.targets=.*: must be different names$"),
        (puzzles.get("sudoku"), ["next_move"], r"^auxiliary\.targets=next_move: must be among those of sudoku: none$"),
    ],
)
def test_a_target_that_is_not_there_is_told_in_one_line(puzzle: puzzles.Puzzle, targets: list[str], line: str):
    with pytest.raises(UserError, match=line):
        AuxiliaryConfig(targets=targets).check_fits(puzzle)


def config(**changes) -> TrainConfig:
    """Two sizes in turn, and every question."""
    mix = [Source(targets={"kind": "hard"}), Source(targets={"size": {"rows": 5, "columns": 6}, "kind": "hard"})]
    values = {
        "model": MODEL, "puzzle": {"name": "maze", "rows": 7, "columns": 7}, "steps": 8, "batch_size": 4,
        "checkpoint_every": 3, "evaluate_puzzles": 0, "compile": "false", "device": "cpu", "precision": "fp32",
        "auxiliary": ASKED, "balance": True, "data": DataConfig(curriculum=[Stage(mix=mix)]),
        "validation": ValidationConfig(every=8, puzzles=4, targets={"small": mix[1].targets}),
    }  # fmt: skip
    return TrainConfig(**{**values, **changes})


def test_the_head_learns_and_no_weights_hold_it(tmp_path: Path):
    solver.train(config(), tmp_path / "run")
    found = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    assert found is not None
    assert {name for name in found.tensors if "auxiliary" in name or name == "head.weight"} == set()
    pretrained.check_fits(HRM(MODEL), found.tensors)
    fresh = solver.build_state(config(), torch.device("cpu"), torch.float32).auxiliary.state_dict()
    assert fresh.keys() == found.state["auxiliary"].keys() == {"head.weight"}
    assert not torch.equal(fresh["head.weight"], found.state["auxiliary"]["head.weight"])
    assert len(found.state["carries"]) == 2


def test_a_run_of_several_sizes_that_was_cut_off_ends_like_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    solver.train(config(), tmp_path / "whole")
    step, calls = solver.train_step, iter(range(100))

    def dies(*arguments):
        if next(calls) == 5:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(solver, "train_step", dies)
    with pytest.raises(KeyboardInterrupt):
        solver.train(config(), tmp_path / "cut")
    monkeypatch.setattr(solver, "train_step", step)
    solver.train(config(), tmp_path / "cut")
    one, two = (checkpoint.load_newest(tmp_path / name / "checkpoints") for name in ("whole", "cut"))
    assert one is not None
    assert two is not None
    assert_same(one.tensors, two.tensors)
    assert_same(one.state, two.state)


def test_a_checkpoint_without_questions_asks_none(tmp_path: Path):
    solver.train(config(auxiliary=AuxiliaryConfig(), steps=2), tmp_path / "run")
    found = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    assert found is not None
    assert found.state["auxiliary"] == {}
    assert found.state["auxiliary_window"] == []
