"""Published checkpoints judged: which puzzle they solve, the published metrics, and what does not fit."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import puzzles
from hrm_net import cli
from hrm_net.checkpoints.reference import save_reference
from hrm_net.evaluation.evaluate import PuzzleSet, evaluate, evaluate_set
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.losses import stablemax_cross_entropy
from hrm_net.recipes.model_source import find_model
from puzzles.registry import of_sizes
from tests.models import seeded

pytestmark = pytest.mark.slow

TOLD = {"num_heads": 2, "h_cycles": 2, "l_cycles": 1, "max_segments": 3}


def small_sudoku(**changes: object) -> HRM:
    sizes = {"vocab_size": 6, "seq_len": 16, "hidden_size": 16, "h_layers": 1, "l_layers": 1, **TOLD}
    model = HRM(HRMConfig(**sizes | changes), seeded()).eval()  # pyright: ignore[reportArgumentType]
    torch.nn.init.normal_(model.q_head.weight, generator=seeded(1))
    torch.nn.init.zeros_(model.q_head.bias)  # pyright: ignore[reportArgumentType]
    return model


def sudokus(num: int = 7) -> PuzzleSet:
    puzzle = puzzles.get("sudoku", box="2x2")
    inputs, labels = puzzle.generate(np.random.default_rng(0), num)
    return PuzzleSet("some", puzzle, inputs, labels)


@pytest.mark.parametrize("batch_size", [3, 7])
def test_published_metrics_are_the_published_sums_over_rows(batch_size: int):
    """Restated as the published loss head has them: sums over halted rows, divided by their count."""
    model, some = small_sudoku(), sudokus()
    labels = some.labels.astype(np.int32)
    labels[0, :9] = 0  # padding
    labels[1, 3] = -100
    some.labels = labels
    batch = {"inputs": torch.from_numpy(some.inputs.astype(np.int32)), "labels": torch.from_numpy(labels)}
    batch["labels"] = torch.where(batch["labels"] == 0, -100, batch["labels"])
    batch["puzzle_identifiers"] = torch.zeros(7, dtype=torch.int32)
    carry = model.initial_carry(batch)
    with torch.no_grad():
        for _ in range(3):
            carry, out = model(carry, batch)
    assert carry.halted.all()
    mask = batch["labels"] != -100
    counts = mask.sum(-1)
    right = mask & (out.logits.argmax(-1) == batch["labels"])
    correct = right.sum(-1) == counts
    sums = {
        "accuracy": (right.float() / counts[:, None]).sum(),
        "exact_accuracy": correct.sum(),
        "q_halt_accuracy": ((out.q_halt >= 0) == correct).sum(),
        "steps": carry.steps.sum(),
        "lm_loss": (stablemax_cross_entropy(out.logits, batch["labels"]) / counts[:, None]).sum(),
    }
    found = evaluate_set(model, some, max_segments=3, curve=[1], batch_size=batch_size)["published"]
    assert found == pytest.approx({key: value.item() / 7 for key, value in sums.items()}, rel=1e-5)
    assert 0 < found["q_halt_accuracy"] <= 1
    assert found["accuracy"] > 0


def test_the_loss_is_the_one_asked_for():
    model, some = small_sudoku(), sudokus()
    by = {
        loss: evaluate(model, [some], max_segments=2, curve=[1], loss=loss, progress=False).sets["some"]["published"]
        for loss in ("stablemax", "softmax")
    }
    assert by["stablemax"]["lm_loss"] != by["softmax"]["lm_loss"]
    assert by["stablemax"]["accuracy"] == by["softmax"]["accuracy"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("inputs", 6, "set some: inputs hold 6: the model's vocabulary ends at 5"),
        ("labels", 9, "set some: labels hold 9: the model's vocabulary ends at 5"),
        ("labels", -1, "set some: labels hold -1: the model's vocabulary ends at 5"),
        ("puzzle_identifiers", 1, "set some: puzzle_identifiers hold 1: the model's puzzle table ends at 0"),
        ("puzzle_identifiers", -1, "set some: puzzle_identifiers hold -1: the model's puzzle table ends at 0"),
    ],
)
def test_ids_out_of_range_are_refused_before_the_pass(key: str, value: int, message: str):
    some = sudokus()
    rows = getattr(some, key).astype(np.int32)
    rows[2:3] = value
    setattr(some, key, rows)
    model = small_sudoku()
    model.register_forward_pre_hook(lambda *_: pytest.fail("the pass began"))
    with pytest.raises(ValueError, match="set some") as caught:
        evaluate(model, [sudokus(), some][1:], max_segments=1, curve=[1], progress=False)
    assert str(caught.value) == message


def test_puzzles_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"set some: puzzles of 16 cells: the model's have 36"):
        evaluate(small_sudoku(seq_len=36, positions="learned"), [sudokus()], progress=False)


@pytest.mark.parametrize(
    ("sizes", "puzzle"),
    [
        ((11, 81), {"name": "sudoku", "box": "3x3"}),
        ((6, 16), {"name": "sudoku", "box": "2x2"}),
        ((6, 900), {"name": "maze", "rows": 30, "columns": 30}),
    ],
)
def test_sizes_tell_the_puzzle(sizes: tuple[int, int], puzzle: dict[str, object]):
    assert of_sizes(*sizes) == puzzle


@pytest.mark.parametrize("sizes", [(11, 80), (7, 81), (2, 2)])
def test_sizes_of_no_puzzle_are_refused(sizes: tuple[int, int]):
    with pytest.raises(ValueError, match=r"no puzzle here has such inputs"):
        of_sizes(*sizes)


def arguments(path: Path, *more: str) -> list[str]:
    asked = ["max_segments=3", "curve=[1]", "puzzles=5", "batch_size=5", "figures=false", "compile=false"]
    return [f"checkpoint={path}", *asked, "device=cpu", "precision=fp32", *more]


def test_a_published_file_is_judged_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    save_reference(small_sudoku(), tmp_path / "step_26041")
    with pytest.raises(SystemExit) as stopped:
        cli.evaluate(arguments(tmp_path / "step_26041"))
    assert stopped.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "do not determine num_heads, h_cycles, l_cycles, max_segments, seq_len" in line
    assert "+reference." in line
    told = [f"+reference.{key}={value}" for key, value in (TOLD | {"seq_len": 16}).items()]
    cli.evaluate(arguments(tmp_path / "step_26041", *told, f"output={tmp_path / 'out.json'}"))
    shown = capsys.readouterr().out
    for heading in ("accuracy", "exact_accuracy", "q_halt_accuracy", "steps", "lm_loss"):
        assert heading in shown
    for row in json.loads((tmp_path / "out.json").read_text())["sets"].values():
        assert row["published"].keys() == {"accuracy", "exact_accuracy", "q_halt_accuracy", "steps", "lm_loss"}
        assert row["published"]["steps"] == 3


def test_values_for_no_published_file_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        cli.evaluate(["+reference.num_heads=8"])
    assert "needs checkpoint=FILE" in capsys.readouterr().err
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match=r"checkpoint=.*heads=2: HRMConfig has no such field"):
        find_model(None, str(tmp_path / "file"), {"heads": 2})


@pytest.mark.slow
def test_maze_hard_is_judged_from_its_directory(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """A random-weight model of the published 27 M; the directory tells the length, all_config.yaml the rest."""
    monkeypatch.chdir(tmp_path)
    model = HRM(HRMConfig(vocab_size=6, seq_len=900), seeded())
    save_reference(model, tmp_path / "step_1")
    (tmp_path / "all_config.yaml").write_text("arch: {num_heads: 8, H_cycles: 2, L_cycles: 2, halt_max_steps: 16}")
    cli.evaluate(
        [
            *(f"checkpoint={tmp_path / 'step_1'}", f"data={shared_data / 'maze-hard'}", "output=out.json"),
            *("puzzles=4", "batch_size=4", "max_segments=1", "curve=[1]", "figures=false", "compile=false"),
        ]
    )
    assert "27,270,146 parameters" in capsys.readouterr().out
    (row,) = json.loads((tmp_path / "out.json").read_text())["sets"].values()
    assert row["puzzles"] == 4
    assert row["solve_rate"] == row["published"]["exact_accuracy"] == 0
    assert 0.5 < row["published"]["lm_loss"] < 4  # log 6 if it scored all tokens alike
