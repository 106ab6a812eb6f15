"""Runs on a table, from the command line: trained, judged, solved, served, exported, resumed and refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hrm_net
import puzzles
from hrm_net import cli
from hrm_net.commands import solve as solve_command
from hrm_net.data.puzzle_sets import PuzzleSet
from hrm_net.evaluation.baselines import answer_baselines
from hrm_net.evaluation.evaluate import evaluate_set
from hrm_net.recipes import check, compose
from hrm_net.recipes.config import from_yaml, to_yaml
from hrm_net.recipes.model_source import export, find_solver
from hrm_net.recipes.recipe import Run
from hrm_net.recipes.solver import build_data, build_state, train_step
from hrm_net.serve import command as serve_command
from puzzles import registry, splits
from tests.puzzles.table.writing import copies, write
from tests.recipes.test_config import values
from tests.recipes.test_directory_runs import refused

pytestmark = pytest.mark.slow

SMALL = [
    "puzzle=table", "data.path=copies.csv", "model.hidden_size=32", "model.num_heads=2", "model.mlp_multiple=32",
    "model.h_layers=1", "model.l_layers=1", "model.h_cycles=1", "model.l_cycles=1", "model.max_segments=2",
    "batch_size=32", "validation.puzzles=32", "compile=false", "device=cpu", "precision=fp32", "name=copies",
]  # fmt: skip
SHORT = [*SMALL, "steps=2", "validation.every=2", "evaluate_puzzles=8", "batch_size=4"]
JUDGED = ["max_segments=2", "curve=[1,2]", "compile=false", "device=cpu", "figures=false"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("copies.csv"), copies(3**6, 6))


def results(path: str = "runs/copies/results.json") -> dict[str, Any]:
    return json.loads(Path(path).read_text())["sets"]


def test_a_copy_is_learned_in_seconds() -> None:
    run = checked(*SMALL[1:], "steps=120", "validation.every=60", "validation.puzzles=1000")
    batches, validation = build_data(run.config, run.inputs)
    assert validation is not None
    (held,) = validation.sets
    state = build_state(run.config, torch.device("cpu"), torch.float32)

    def cell_accuracy() -> float:
        return evaluate_set(state.model.eval(), held, max_segments=2, curve=[2])["cell_accuracy"]

    untrained = cell_accuracy()
    state.model.train()
    for step in range(run.config.steps):
        train_step(state, batches(step, None), run.config, run.inputs.puzzle)
    trained = run.inputs.datasets[0].sets["all"]
    baselines = answer_baselines(trained.labels, held)
    assert baselines["the_question"] == {"exact_accuracy": 1.0, "cell_accuracy": 1.0}
    guessed = baselines["most_frequent_symbols"]["cell_accuracy"]
    assert max(untrained, guessed) < 0.6
    assert cell_accuracy() > max(untrained, guessed) + 0.3
    assert not splits.seen_in(run.inputs.puzzle, held.inputs, trained.inputs).any()


def test_a_run_needs_no_file_to_solve_be_served_and_be_judged_on_another(capsys: pytest.CaptureFixture[str]) -> None:
    cli.train(SHORT)
    assert "held_out, always the question: 100.0% right, 100.0% of cells" in capsys.readouterr().out
    cli.evaluate(["run=runs/copies", "puzzles=3", *JUDGED])
    assert (results()["held_out"]["puzzles"], results()["held_out"]["trained_on"]) == (3, 0)
    write(Path("seen.jsonl"), copies(5, 6))
    cli.evaluate(["run=runs/copies", "data=seen.jsonl", *JUDGED])
    assert results()["seen"]["trained_on"] > 0
    Path("copies.csv").unlink()
    shutil.copytree("runs/copies", "moved")
    cli.evaluate(["run=moved", "data=seen.jsonl", *JUDGED])
    assert "trained_on" not in results("moved/results.json")["seen"]
    shown = refused(["run=moved", *JUDGED], capsys, command=cli.evaluate)
    assert "data.path=copies.csv: no such file or directory; data=FILE evaluates on other rows" in shown
    Path("bad.csv").write_text("question,answer\nabc,abc\nabd,abd\n")
    shown = refused(["run=moved", "data=bad.csv", *JUDGED], capsys, command=cli.evaluate)
    assert "bad.csv:3: question: puzzle text has 'd' at place 3: must be one of abc" in shown

    solve_command.main(["--run", "moved", "--json", "--device", "cpu", "abca"])
    told = json.loads(capsys.readouterr().out)
    assert len(told["answer"]) == 4
    assert told["solved"] is None

    _, served = serve_command.load(["moved"], "cpu", "fp32")
    described = served.describe()
    assert {"board": "table", "symbols": "abc", "columns": 6, "verifiable": False}.items() <= described.items()
    made = served.generate(described["levels"][0]["name"], {}, 3)
    found = served.solve(made["text"], segments=2)
    assert (found["solved"], len(found["answer"])) == (None, 6)

    export("moved", "weights")
    source = find_solver("weights")
    solution = hrm_net.solve(source.load(), puzzles.get(**source.puzzle), ["abc", "cab"], max_segments=2)
    assert solution.answers.shape == (2, 6)
    shown = refused(["run=weights", *JUDGED], capsys, command=cli.evaluate)
    assert "weights tells no rows; data=FILE evaluates on other rows" in shown


def test_a_run_is_not_resumed_on_other_rows(capsys: pytest.CaptureFixture[str]) -> None:
    shorter = [*SHORT, "validation.every=0", "evaluate_puzzles=0"]
    cli.train(shorter)
    shutil.copy("copies.csv", "same.csv")
    cli.train([*shorter, "steps=3", "data.path=same.csv"])
    write(Path("same.csv"), copies(3**6 - 1, 6))
    shown = refused([*shorter, "steps=4", "data.path=same.csv"], capsys)
    assert "data.sha256: " in shown
    assert "(the content of data.path has changed)" in shown


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.path=null"], "data.path=null: must name a CSV or JSONL file or a data directory"),
        (["data.path=few.csv"], "validation.every=2: must be 0, or data.path must have more rows: of these none falls"),
        (["data.path=few.csv", "validation.every=0"], "evaluate_puzzles=8: must be 0, or data.path must"),
        (["data.path=[copies.csv,folder]"], "data.path=copies.csv: is a file: must be a directory, as the others are"),
        (["reward=steps"], "puzzle=table: has no step rules; reward=none trains a solver of it"),
        (["model.seq_len=5"], "model.seq_len=5: must be 6"),
        (["puzzle.shape=[2,3]", "puzzle.symmetries=[turns]"], "puzzle.symmetries=turns: must be among rows, columns"),
        (["data.curriculum=[{until: 1.0, path_share: 0.5}]"], "data.curriculum=a path_share below 1: must be 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_before_any_work(overrides, message, capsys):
    write(Path("few.csv"), copies(4))
    Path("folder").mkdir()
    assert message in refused([*SHORT, *overrides], capsys)
    assert not Path("runs").exists()


def test_the_batches_of_a_table_are_its_training_rows_and_ignore_padding() -> None:
    write(Path("sums.csv"), [(f"{i}+{j}", str(i + j)) for i in range(20) for j in range(20)])
    run = checked("data.path=sums.csv", "puzzle.symmetries=[]", "validation.every=1")
    batches, validation = build_data(run.config, run.inputs)
    assert validation is not None
    table = run.inputs.puzzle
    batch = batches(0, None)
    for row, label in zip(batch["inputs"].numpy(), batch["labels"].numpy(), strict=True):
        left, right = map(int, table.format(row).split("+"))
        answer = str(left + right)
        assert table.format_answer(row, label) == answer
        assert (label[len(answer) + 1 :] == -100).all()
        assert label[len(answer)] == 1
    assert not splits.seen_in(table, validation.sets[0].inputs, batch["inputs"].numpy()).any()


@pytest.mark.parametrize("model", compose.groups()["model"])
def test_every_model_fits_a_table(model: str) -> None:
    write(Path("grids.csv"), copies(3**4))
    asked = values("puzzle=table", "data.path=grids.csv", "puzzle.shape=[2,2]", "validation.every=0", f"model={model}")
    if model == "relational":
        with pytest.raises(puzzles.UserError, match=r"^model.box_rows=0: must divide grid_width=2"):
            check(asked)
        return
    run = check(asked)[1]
    assert (run.config.model.seq_len, run.config.model.vocab_size, run.config.model.grid_width) == (4, 4, 2)


def test_symbols_that_mean_something_elsewhere_are_kept_in_a_run() -> None:
    write(Path("odd.csv"), copies(3**4, symbols="${'"))
    config = checked("data.path=odd.csv", "validation.every=0", "evaluate_puzzles=0").config
    assert config.puzzle["alphabet"] == "$'{"
    assert from_yaml(to_yaml(config)) == config


def test_symmetries_turn_what_is_shown() -> None:
    write(Path("grids.csv"), copies(24))
    run = checked(
        "data.path=grids.csv", "puzzle.shape=[2,2]", "puzzle.symmetries=[dihedral,symbols]", "validation.every=0",
        "evaluate_puzzles=0",
    )  # fmt: skip
    assert run.config.model.grid_width == 2
    batch = build_data(run.config, run.inputs)[0](0, None)
    assert np.array_equal(batch["inputs"].numpy(), batch["labels"].numpy())
    trained = run.inputs.datasets[0].sets["all"].inputs
    assert splits.seen_in(run.inputs.puzzle, batch["inputs"].numpy(), trained).all()
    assert not all((row == trained).all(axis=1).any() for row in batch["inputs"].numpy())


def test_a_registered_function_judges_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTERED", {})
    puzzles.table.register("any", lambda question, answer: True)
    run = checked(*SMALL[1:], "puzzle.name=any")
    model = build_state(run.config, torch.device("cpu"), torch.float32).model.eval()
    table = run.inputs.table
    scores = evaluate_set(model, PuzzleSet("held_out", table.puzzle, *table.evaluation), max_segments=1, curve=[1])
    assert (scores["solve_rate"], scores["exact_accuracy"] < 1) == (1.0, True)
    told = hrm_net.solve(model, table.puzzle, ["abc"], stop="rules", select="verifier", restarts=1)
    assert (told.solved.tolist(), told.segments.tolist()) == ([True], [1])


def checked(*overrides: str) -> Run:
    return check(values("puzzle=table", *overrides))[1]
