"""`hrm-solve` on real ARC tasks and on grids of procedural families."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import puzzles
from hrm_net import cli, solver
from hrm_net.checkpoints import pretrained
from hrm_net.commands import solve as solve_command
from hrm_net.data.arc_batches import task_rows
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.recipes import arc_solve as solve_arc
from hrm_net.recipes.config import from_yaml
from puzzles.arc import canvas as arc_canvas
from puzzles.arc.families import FAMILIES
from puzzles.arc.tasks import load_tasks
from tests.puzzles.arc.arc_folders import SIDE, Answering, folder, task, two_folders
from tests.recipes.test_arc_command import TINY

pytestmark = pytest.mark.slow

KEYS = {"task", "test", "answer", "attempts", "votes", "asked", "confidence", "segments", "solved", "trained_on"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the two folders of tasks and a run of two steps."""
    home = two_folders(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        cli.train([*TINY, "evaluate_puzzles=0"])
    return home


@pytest.fixture
def solve(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(home)

    def run(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        try:
            solve_command.main([*arguments, "--max-segments", "2"])
            ended = 0
        except SystemExit as end:
            ended = end.code
        out, err = capsys.readouterr()
        assert (ended, err.count("\n")) == (code, 1 if code else 0), err
        return out if code == 0 else err.removeprefix("error: ").strip()

    return run


def test_a_file_a_name_and_a_folder(solve) -> None:
    lines = solve("--run", "runs/run", "evaluation/x.json", "--json").splitlines()
    told = [json.loads(one) for one in lines]
    assert [(one["task"], one["test"], one["asked"], one["segments"]) for one in told] == [
        ("x", 0, 4, 2),
        ("x", 1, 4, 2),
    ]
    assert all(set(one) == KEYS and len(one["attempts"]) == 2 and not one["trained_on"] for one in told)
    assert solve("--run", "runs/run", "x", "--json").splitlines() == lines
    folder_lines = solve("--run", "runs/run", "evaluation", "--augmentations", "1").splitlines()
    assert [one.split("  ")[0] for one in folder_lines] == [f"{name}[{test}]" for name in "xyz" for test in (0, 1)]
    assert all(" of 2 votes  confidence " in one for one in folder_lines)
    assert solve("--run", "runs/run", "a").rstrip().endswith("trained on")


def test_new_tests_without_answers(solve, home: Path) -> None:
    known = json.loads((home / "evaluation" / "y.json").read_text())
    (home / "new").mkdir()
    (home / "new" / "y.json").write_text(json.dumps({**known, "test": [{"input": [[1, 2], [3, 4]]}]}))
    (told,) = map(json.loads, solve("--run", "runs/run", "new/y.json", "--json").splitlines())
    assert (told["task"], told["solved"]) == ("y", None)


def test_the_answer_has_most_votes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is right on the task as it is and one augmentation, and sure of another grid on a third."""
    monkeypatch.chdir(home)
    config = from_yaml((home / "runs" / "run" / "config.yaml").read_text())
    (asked,) = load_tasks("evaluation/x.json")
    answer = asked.test[0].output
    assert answer is not None
    rows = task_rows(config.data, canvas=SIDE, seed=config.seed).with_tests([asked])
    place = [group.name for group in rows.groups].index("x")
    questions = rows.questions(tasks=[place])
    other = np.array([[7, 7]], np.uint8)
    answers = {}
    for row, (_, test, one) in enumerate(questions.votes_for()):
        if test == 0 and one.index < 3:
            right = one.index < 2
            shown = one.apply(answer if right else other)
            canvas = arc_canvas.to_canvas([shown], SIDE)[0]
            key = (questions.inputs(slice(row, row + 1))[0].tobytes(), int(questions.puzzle_identifiers[row]))
            answers[key] = (canvas, 0.0 if right else 3.0)
    model = Answering(answers)
    first, second = solve_arc.answers(model, config, [asked], max_segments=2, batch_size=3)
    assert first["answer"] == answer.tolist()
    assert (first["votes"], first["asked"], first["confidence"], first["solved"]) == (2, 4, 0.5, True)
    assert first["attempts"] == [first["answer"], other.tolist()]
    assert (second["answer"], second["attempts"], second["votes"], second["solved"]) == (None, [[[0]], [[0]]], 0, False)
    text = "/".join("".join(map(str, row)) for row in first["answer"])
    assert solve_arc.line(first) == f"x[0]  {text}  solved  2 of 4 votes  confidence 50.0 %"
    assert solve_arc.line(second) == "x[1]  -  not solved  0 of 4 votes  confidence 0.0 %"
    (alone, _) = solve_arc.answers(model, config, [asked], max_segments=2, augmentations=0)
    assert (alone["votes"], alone["asked"]) == (1, 1)


def test_what_is_refused(solve, home: Path) -> None:
    folder(home / "unknown", "q")
    (home / "other").mkdir()
    (home / "other" / "x.json").write_text(json.dumps(task(77)))
    (home / "broken.json").write_text("{")
    only = "such a model knows a task by its identifier only, and this one a, b, c, x, y and 1 more"
    for argv, line in {
        "unknown/q.json": f"unknown/q.json: task q is not one of this run: {only}",
        "q": f"'q': no such file, and no task of this run: {only}",
        "other/x.json": "other/x.json: task x has other demonstrations than the run learned it from",
        "broken.json": "broken.json:1: is not JSON at column 2: ",
        "x --augmentations -1": "augmentations=-1: must be at least 0",
        "x --batch-size 0": "batch_size=0: must be at least 1",
        "x --restarts 2": "--restarts: real ARC tasks are answered by votes",
        "x --family gravity": "--family: real ARC tasks are answered by votes",
        "x --abstain-below 0.5": "--abstain-below: real ARC tasks are answered by votes",
    }.items():
        assert solve("--run", "runs/run", *argv.split(), code=2).startswith(line), argv
    assert solve("." * 81, "--augmentations", "2", code=2).startswith("--augmentations: ")
    assert solve("." * 81, "--family", "gravity", code=2).endswith("solves sudoku, which has no families")


@pytest.fixture
def families(tmp_path: Path) -> str:
    """A model of all families, untrained but for an embedding that differs from one to the next."""
    torch.manual_seed(0)
    config = HRMConfig(
        vocab_size=12, seq_len=SIDE**2, num_puzzle_ids=1 + len(FAMILIES), hidden_size=16, num_heads=2, h_layers=1,
        l_layers=1,
    )  # fmt: skip
    model = HRM(config)
    weight = model.state_dict()["codec.puzzle_embedding.weight"]
    weight.copy_(3 * torch.randn(weight.shape))
    torch.nn.init.normal_(model.q_head.weight)
    pretrained.save(model, tmp_path / "families", {"puzzle": {"name": "arc", "canvas": SIDE}})
    return str(tmp_path / "families")


def test_a_family_must_be_named_and_reaches_the_model(solve, families: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, original = [], solver.solve

    def spy(*arguments, **options):
        seen.extend(options["puzzle_identifiers"].tolist())
        return original(*arguments, **options)

    monkeypatch.setattr(solver, "solve", spy)
    grid = "120/003/400"
    line = solve("--run", families, grid, code=2)
    assert "hrm-solve cannot tell from a grid which family is meant; give --family" in line
    assert solve("--run", families, grid, "--family", "levity", code=2).startswith("family=levity: must be one of ")
    found = [
        json.loads(solve("--run", families, grid, "--family", name, "--json")) for name in ("gravity", "flood_fill")
    ]
    assert found[0]["solved"] is None
    assert seen == [1 + list(FAMILIES).index(name) for name in ("gravity", "flood_fill")]
    assert found[0]["confidence"] != found[1]["confidence"]
    assert solve("--run", families, grid, "--family", "gravity").count("\n") == 1


def test_a_family_s_answer_starts_where_its_question_does() -> None:
    puzzle = puzzles.get("arc", canvas=SIDE)
    inputs = puzzle.parse("1,2:12/30")
    answer = arc_canvas.to_canvas([np.array([[5, 6, 7]], np.uint8)], SIDE, np.array([[1, 2]], np.int64))[0]
    assert puzzle.format_answer(inputs, answer) == "567"
    assert puzzle.format_answer(inputs, np.zeros_like(answer)) == "-"
