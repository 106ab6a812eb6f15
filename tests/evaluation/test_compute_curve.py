"""Accuracy against compute, by hand on a model that solves at known segments; the command that measures it."""

import io
import json
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

import puzzles
from hrm_net import cli
from hrm_net.checkpoints import pretrained
from hrm_net.data.puzzle_sets import PuzzleSet
from hrm_net.evaluation.compute_curve import check_config, compute_curve, curve_table
from hrm_net.evaluation.config import ComputeCurveConfig
from hrm_net.evaluation.flops import segment_flops
from hrm_net.evaluation.results import Results
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from puzzles.sudoku.domain import Sudoku
from tests.solving import NEVER, solving

pytestmark = pytest.mark.slow

SUDOKU: Any = Sudoku("2x2")
CONFIG = ComputeCurveConfig(
    name="curve", puzzles=4, depths=[1, 2, 4, 8], stop=["q", "unchanged:1"], max_segments=6, restarts=[1, 3],
    select=["vote", "verifier"],
)  # fmt: skip


def measured(times=(1, 3, 5, NEVER, 1)):
    model, inputs, labels = solving(SUDOKU, list(times))
    curve = compute_curve(
        model, PuzzleSet("some", SUDOKU, inputs, labels), CONFIG, batch_size=3, seed=0, compiled=False
    )
    return curve, segment_flops(model.config)


def test_every_point_by_hand():
    curve, flops = measured()
    assert (curve["puzzles"], curve["flops_a_segment"]) == (4, flops)
    points = {(point["kind"], point["name"]): (point["accuracy"], point["segments"]) for point in curve["points"]}
    assert points == {
        ("depth", "1"): (0.25, 1),
        ("depth", "2"): (0.25, 2),
        ("depth", "4"): (0.5, 4),
        ("depth", "8"): (0.75, 8),
        ("stop", "q"): (0.75, (1 + 3 + 5 + 6) / 4),
        # the answer stays for one segment from the second on, right or not
        ("stop", "unchanged:1"): (0.25, 2),
        ("restarts", "1 by vote"): (0.75, (1 + 3 + 5 + 6) / 4),
        ("verified", "1"): (0.75, (1 + 3 + 5 + 6) / 4),
        # the model sees no symmetry: turned puzzles run to the end, and outvote nothing but by their number
        ("restarts", "3 by vote"): (points["restarts", "3 by vote"][0], (1 + 3 + 5 + 6) / 4 + 12),
        ("verified", "3"): (0.75, (1 + 3 + 5 + 6 + 12) / 4),
    }
    for point in curve["points"]:
        assert point["flops"] == point["segments"] * flops
        assert point["seconds"] > 0
        low, high = point["interval"]
        assert low <= point["accuracy"] <= high


def test_the_table_names_it_apart_from_the_solve_rate():
    results = Results(sets={"some": {"solver": measured()[0]}}, seed=0, commit=None, versions={}, hardware={})
    output = io.StringIO()
    Console(width=120, file=output).print(curve_table(results))
    text = output.getvalue()
    assert "not solve_rate" in text
    for words in ("one pass of 8", "stop=unchanged:1", "restarts 3 by vote", "verified, of 3"):
        assert sum(words in line for line in text.splitlines()) == 1


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ({"stop": ["never"]}, "solver.stop=never: must be made of"),
        ({"stop": ["q"], "halting": "fixed"}, "solver.stop=q: the model was trained with halting=fixed"),
        ({"select": ["luck"]}, "solver.select=luck: must be one of"),
        ({"restarts": [4000]}, "solver.restarts=4000: 4x4 Sudoku has 3,072 symmetries"),
    ],
)
def test_what_cannot_be_measured_is_refused(how, line):
    model = HRMConfig(vocab_size=6, seq_len=16, halting=how.pop("halting", "halt_only"))
    with pytest.raises(ValueError, match=r"\S") as caught:
        check_config(ComputeCurveConfig(**how), SUDOKU, model)
    assert str(caught.value).startswith(line)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = HRMConfig(
        vocab_size=6, seq_len=16, hidden_size=16, num_heads=2, h_layers=1, l_layers=1, halting="halt_only"
    )
    model = HRM(config, torch.Generator().manual_seed(0))
    pretrained.save(model, tmp_path / "tiny", {"puzzle": {"name": "sudoku", "box": "2x2"}})
    return tmp_path


@pytest.mark.slow
def test_evaluate_writes_the_section_and_the_picture(tiny, capsys):
    cli.evaluate(
        ["run=tiny", "puzzles=5", "batch_size=2", "curve=[1]", "max_segments=1", "compile=false", "solver=curve",
         "solver.depths=[1,3]", "solver.restarts=[2]", "solver.puzzles=3", "output=out.json"]
    )  # fmt: skip
    found = json.loads((tiny / "out.json").read_text())
    for row in found["sets"].values():
        assert row["solver"]["puzzles"] == 3
        kinds = [point["kind"] for point in row["solver"]["points"]]
        assert kinds == ["depth", "depth", "stop", "stop", "stop", "restarts", "restarts", "verified"]
    assert (tiny / "out_pictures" / "accuracy_by_compute.png").stat().st_size > 5000
    assert "Accuracy against compute" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("solver=fast", "solver=fast: no such file in conf/solver; there are curve, none"),
        ("solver.restarts=[0]", "solver.restarts.0=0: must be at least 1"),
        ("solver.stop=[qq]", "solver.stop=qq: must be made of"),
        ("solver.select=[residuals]", "solver.select=residuals: must be one of"),
        ("solver.depth=[1]", "solver.depth=[1]: unknown key; did you mean solver.depths?"),
    ],
)
def test_a_mistake_is_told_before_any_work(argument, line, tiny, capsys):
    arguments = ["run=tiny", "compile=false", argument]
    with pytest.raises(SystemExit) as caught:
        cli.evaluate(arguments if argument.startswith("solver=") else [*arguments, "solver=curve"])
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert err.startswith(f"error: {line}")


def test_puzzles_without_rules_are_judged_by_their_answers():
    model, inputs, labels = solving(SUDOKU, [1, 4])
    puzzle: Any = puzzles.get("sudoku", box="2x2")
    puzzle.verifiable = False
    puzzle.check = lambda inputs, outputs: pytest.fail("has no rules")
    config = ComputeCurveConfig(name="curve", depths=[2], stop=["q"], restarts=[])
    curve = compute_curve(model, PuzzleSet("some", puzzle, inputs, labels), config, batch_size=2, seed=0, compiled=True)
    assert [point["accuracy"] for point in curve["points"]] == [0.5, 1.0]
    assert np.isclose(curve["points"][1]["segments"], 2.5)
