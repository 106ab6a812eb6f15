"""`hrm-export onnx`: the file computes what PyTorch computes, and a file that does not is never left behind."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import puzzles
from hrm_net.export import onnx_file
from hrm_net.export.command import main
from hrm_net.export.segment import ScorerSegment, SolverSegment, initial_states, random_rows
from hrm_net.reward.model import RewardModel
from puzzles.errors import UserError
from tests.models import small_batch, small_model
from tests.paths import REPO
from tests.reward.rewarding import small_scorer

REASON = "not installed: pip install 'hrm-net[export]'"
for package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(package, reason=f"{package} is {REASON}")


@pytest.fixture(scope="module")
def solver(tmp_path_factory: pytest.TempPathFactory) -> tuple[SolverSegment, Path]:
    """A small solver with three puzzle identifiers, and the directory of its export."""
    directory = tmp_path_factory.mktemp("solver") / "new"
    segment = SolverSegment(small_model("trm_mixer", num_puzzle_ids=3))
    onnx_file.write(segment, directory, {"model": "small"})
    return segment, directory


@pytest.mark.slow
def test_segments_chained_in_onnxruntime_are_those_of_the_model(solver) -> None:
    segment, directory = solver
    model = segment.model.eval()
    session = onnx_file.open_session(directory / onnx_file.MODEL)
    described = json.loads((directory / onnx_file.DESCRIPTION).read_text("utf-8"))
    batch = small_batch(model, batch=7)
    carry = model.initial_carry(batch)
    start = described["initial_state"]
    shape = (7, *described["states"]["z_H"][1:])
    states = [np.broadcast_to(np.float32(start[name]), shape) for name in ("H_init", "L_init")]
    rows = {name: batch[name].numpy() for name in described["inputs"]}
    assert set(rows) == {"inputs", "puzzle_identifiers"}
    for _ in range(described["segments"]):
        with torch.no_grad():
            carry, out = model(carry, batch)
        found = session.run(None, {**rows, "z_H": states[0], "z_L": states[1]})
        answers = dict(zip(described["outputs"], found, strict=True))
        np.testing.assert_allclose(answers["logits"], out.logits.numpy(), atol=1e-3)
        np.testing.assert_allclose(answers["q_halt"], out.q_halt.numpy(), atol=1e-3)
        assert (answers["logits"].argmax(-1) == out.logits.argmax(-1).numpy()).all()
        states = found[-2:]


@pytest.mark.slow
def test_the_comparison_sees_a_wrong_weight(solver) -> None:
    segment, directory = solver
    path = directory / onnx_file.MODEL
    compared = onnx_file.compare(segment, path)
    assert compared.passed
    assert compared.same_answers == 1
    bias = segment.model.q_head.bias
    with torch.no_grad():
        bias += 0.01
    try:
        wrong = onnx_file.compare(segment, path)
    finally:
        with torch.no_grad():
            bias -= 0.01
    assert not wrong.passed
    assert wrong.differences["q_halt"] == pytest.approx(0.01, rel=0.01)
    assert wrong.differences["logits"] < 1e-3


def test_a_file_that_differs_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = onnx_file.Comparison(rows=5, segments=4, differences={"logits": 0.0}, same_answers=0.99)
    monkeypatch.setattr(onnx_file, "_convert", lambda segment, path: path.write_bytes(b"model"))
    monkeypatch.setattr(onnx_file, "compare", lambda segment, path: failed)
    with pytest.raises(RuntimeError, match="does not compute what PyTorch computes"):
        onnx_file.write(SolverSegment(small_model()), tmp_path, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command_exports_a_step_scorer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["onnx", "scorer_6x6", str(tmp_path / "out")])
    assert "the same answers as PyTorch" in capsys.readouterr().out
    described = json.loads((tmp_path / "out" / "model.json").read_text("utf-8"))
    assert described["kind"] == "step_scorer"
    assert described["inputs"]["span"] == {"dtype": "int64", "shape": ["batch"], "from": 1, "below": 3}
    segment = ScorerSegment(RewardModel.from_pretrained("scorer_6x6"))
    session = onnx_file.open_session(tmp_path / "out" / "model.onnx")
    values = (*random_rows(segment, 9, 5).values(), *initial_states(segment, 9))
    found = session.run(None, onnx_file.feed(segment, values))
    with torch.no_grad():
        expected = segment(*values)
    for mine, theirs in zip(expected, found, strict=True):
        np.testing.assert_allclose(theirs, mine.numpy(), atol=1e-3)


@pytest.mark.slow
def test_the_program_of_the_document_solves_a_sudoku(
    exported_sudoku: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (REPO / "docs" / "export.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").symlink_to(exported_sudoku)
    exec(compile(program, "docs/export.md", "exec"), names := {"__name__": "document"})
    sudoku = puzzles.get("sudoku")
    answer = capsys.readouterr().out.strip()
    inputs = sudoku.parse(names["puzzle"])[None]
    assert answer == sudoku.format(sudoku.solve(inputs)[0])


def test_random_rows_stay_within_the_limits() -> None:
    segment = ScorerSegment(RewardModel.from_pretrained("scorer_6x6"))
    rows = random_rows(segment, 200, 0)
    assert {name: (int(ids.min()), int(ids.max())) for name, ids in rows.items() if name == "span"} == {"span": (1, 2)}
    assert int(rows["left"].max()) == segment.model.config.max_left
    assert rows["problem"].shape == (200, 36)
    assert rows["left"].shape == (200,)


def test_a_model_that_draws_noise_is_refused() -> None:
    with pytest.raises(UserError, match=r"model\.noise=0\.01: must be 0"):
        SolverSegment(small_model("random_start"))


def test_a_scorer_of_texts_is_refused() -> None:
    with pytest.raises(UserError, match=r"^inputs=text: a scorer of texts cannot be exported"):
        ScorerSegment(small_scorer("text"))


@pytest.mark.parametrize(
    ("run", "directory", "reason"),
    [
        ("pair_sudoku_6x6", "new", "run=pair_sudoku_6x6: holds a judge; only solvers and step scorers of puzzles"),
        ("runs/none", "new", "run=runs/none: no such directory"),
        ("sudoku_9x9", "file", "is a file; give a directory"),
        ("sudoku_9x9", "full", "is not empty; give a new directory"),
    ],
)
def test_bad_input_is_one_line(
    run: str, directory: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").write_text("", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["onnx", run, str(tmp_path / directory)])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert reason in told
    assert told.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_without_its_extra_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None if name == "onnxruntime" else True)
    with pytest.raises(SystemExit) as ended:
        main(["onnx", "sudoku_9x9", str(tmp_path / "new")])
    assert ended.value.code == 2
    assert "needs onnxruntime: pip install 'hrm-net[export]'" in capsys.readouterr().err
