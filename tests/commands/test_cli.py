"""The command line as its user meets it: one line for a mistake, nothing touched; runs that train, resume, evaluate."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import puzzles
from hrm_net import cli, schema
from hrm_net.checkpoints import pretrained
from hrm_net.commands import help as cli_help
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.recipes import compose, train_config
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.solver import SolverRecipe
from hrm_net.trainer.device import resolve_device, resolve_precision
from tests.paths import REPO

pytestmark = pytest.mark.slow

# one step of a model of a few thousand weights on 4x4 grids
SHORT = [
    "puzzle=sudoku_4x4", "model.hidden_size=8", "model.max_segments=2", "batch_size=2", "validation.every=0",
    "compile=false", "steps=2", "evaluate_puzzles=2",
]  # fmt: skip


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test runs in an empty directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model_dir(elsewhere: Path) -> Path:
    """A tiny untrained 4x4 model as `save_pretrained` files."""
    puzzle = puzzles.get("sudoku", box="2x2")
    config = HRMConfig(
        vocab_size=puzzle.vocab_size, seq_len=puzzle.seq_len, hidden_size=16, num_heads=2, h_layers=1, l_layers=1
    )
    pretrained.save(HRM(config), elsewhere / "tiny", {"puzzle": {"name": "sudoku", "box": "2x2"}})
    return elsewhere / "tiny"


def refused(command: Callable[[list[str]], None], argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that `command` refuses `argv` with."""
    with pytest.raises(SystemExit) as caught:
        command(argv)
    out, err = capsys.readouterr()
    assert caught.value.code == 2, err
    assert out == ""
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    return err.removeprefix("error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("argv", "start"),
    [
        (["stpes=3"], "stpes=3: unknown key; did you mean steps?"),
        (["+stpes=3"], "stpes=3: unknown key; did you mean steps?"),
        (["++model.hiden_size=3"], "model.hiden_size=3: unknown key; did you mean model.hidden_size?"),
        (["experimnt=sudoku_1k"], "experimnt=sudoku_1k: unknown key; did you mean experiment?"),
        (["steps=ten"], "steps=ten: must be a whole number"),
        (["+steps=ten"], "steps=ten: must be a whole number"),
        (["steps=2.5"], "steps=2.5: must be a whole number"),
        (["optim.lr=inf"], "optim.lr=inf: must be a finite number"),
        (["compile=maybe"], "compile=maybe: must be one of auto, true, false"),
        (["optim=typo"], "optim=typo: no such file in conf/optim; there are adam_atan2, adamw, muon"),
        (["experiment=sudoku_2k"], "experiment=sudoku_2k: no such file in conf/experiment; there are "),
        (["logger=null"], "logger=null: must be one of none, wandb"),
        (["puzzle.size=9"], "puzzle.size=9: sudoku has the options box"),
        (["puzzle.box=3x5"], "puzzle.box=3x5: must be one of 2x2, 2x3, 3x3, 4x4"),
        (["model=hrm_small", "model.hidden_size=50"], "model.hidden_size=50: must be a multiple of num_heads=4"),
        (["validation.targets.easy.clues=16"], "validation.targets.easy.clues=16: 9x9 Sudoku needs at least 17"),
        (["validation.targets.easy.clues=82"], "validation.targets.easy.clues=82: 9x9 Sudoku has at most 81"),
        (["data.curriculum=[{mix: [{targets: {clues: 5}}]}]"], "data.curriculum.0.mix.0.targets.clues=5: "),
        (["optim._target_=os.system"], "optim._target_=os.system: unknown key"),
        (["seed=1,2"], "seed=1,2: several values are a sweep, which needs --multirun"),
        (["-m", "steps=1,x"], "steps=x: must be a whole number"),
        (["steps"], "steps: must be key=value"),
        (["steps=["], "steps=[: cannot be read"),
        (["--frobnicate"], "--frobnicate: unknown option"),
        (["~model"], "model: missing"),
        (["hydra.foo=1"], "Key 'foo' not in 'HydraConf'"),
        (
            ["-m", "seed=interval(1,3)"],
            "seed=interval(1,3): an interval has no end of values; give them: seed=1,2,3 or",
        ),
        (["-m", "experiment=glob(zz*)"], "experiment=glob(zz*): no file matches; there are arc1, "),
        (["-m", "puzzle=glob(sudoku*)", "steps=0"], "steps=0: must be at least 1"),
        (["name=/a/b"], "name=/a/b: must be a directory below runs/"),
        (["name=."], "name=.: must be a directory below runs/"),
        (["name=../x"], "name=../x: must be a directory below runs/"),
        (["data.path=~/nowhere"], f"data.path={Path.home()}/nowhere: "),
        (["data.path=[~/nowhere,b]"], f"data.path={Path.home()}/nowhere: "),
        (["parallel=zero"], "parallel=zero: must be one of ddp, fsdp"),
        (["experiment=sudoku_sizes", "parallel=fsdp"], "parallel=fsdp: must be ddp where puzzles have several sizes"),
        (["puzzle_table=sharded"], "puzzle_table=sharded: must be replicated for validation.every="),
        (["puzzle_table=sharded", "validation.every=0"], "puzzle_table=sharded: must be replicated for a table of one"),
        (["logger=wandb", "logger.project=a/b"], "logger.project=a/b: must be a name without any of "),
    ],
)
def test_a_mistake_in_training_is_one_line_and_leaves_no_trace(
    argv: list[str], start: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(cli.train, argv, capsys).startswith(start)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_missing_gpu_is_told_with_what_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(cli.train, ["device=cuda"], capsys)
    assert line.startswith("device=cuda: ")
    assert "run: pip install" in line or "nvidia-smi" in line


@pytest.mark.parametrize(
    ("argv", "start"),
    [
        (["run=nope"], "run=nope: no such directory"),
        (["run=empty"], "run=empty: holds no checkpoint"),
        (["checkpoint=nope"], "checkpoint=nope: no such directory"),
        (["run=tiny", "checkpoint=tiny"], "checkpoint=tiny: give run or checkpoint, not both"),
        (["run=tiny", "data=nope.csv"], "data=nope.csv: no such file"),
        (["run=tiny", "data=empty"], "empty/test/dataset.json: missing; a data directory has test/dataset.json"),
        (["run=tiny", "data=[short.csv,nope.csv]"], "data=nope.csv: no such file"),
        (["run=tiny", "data=short.csv"], "short.csv:2: question: puzzle text has 4 cells: 4x4 Sudoku needs 16"),
        (["run=tiny", "data=symbol.csv"], "symbol.csv:2: question: puzzle text has 'x' at cell 2"),
        (["run=tiny", "data=conflict.csv"], "conflict.csv:2: question: "),
        (["run=tiny", "data=none.csv"], "none.csv:2: question: no solution"),
        (["run=tiny", "data=several.csv"], "several.csv:2: question: several solutions"),
        (["run=tiny", "sets.few.clues=3"], "sets.few.clues=3: 4x4 Sudoku needs at least 4"),
        (["run=tiny", "+sets.few.holes=3"], "sets.few.holes=3: unknown target; sudoku has clues"),
        (["run=tiny", "curve=[0]"], "curve.0=0: must be at least 1"),
        (["run=tiny", "puzzles=0"], "puzzles=0: must be null or at least 1"),
        (["run=tiny", "max_segment=4"], "max_segment=4: unknown key; did you mean max_segments?"),
        (["run=tiny", "output=empty"], "output=empty: is a directory"),
        (["run=tiny", "output=my.txt"], "output=my.txt: must end in .json"),
        (
            ["run=tiny", "candidates=4"],
            "candidates=4: must be null for a solver (tiny); candidates are ranked by a step",
        ),
        (["run=tiny", "augmentations=4"], "augmentations=4: must be null for a solver (tiny); augmentations vote for"),
    ],
)
@pytest.mark.usefixtures("model_dir")
def test_a_mistake_in_evaluation_is_one_line_and_overwrites_nothing(
    argv: list[str], start: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "empty").mkdir()
    for name, question in {
        "short": "12..",
        "symbol": "1x" + "." * 14,
        "conflict": "11" + "." * 14,
        "none": "123....4........",
        "several": "1" + "." * 15,
    }.items():
        (elsewhere / f"{name}.csv").write_text(f"question\n{question}\n", encoding="utf-8")
    (elsewhere / "tiny" / "results.json").write_text("earlier", encoding="utf-8")
    before = sorted(elsewhere.rglob("*"))
    assert refused(cli.evaluate, argv, capsys).startswith(start)
    assert sorted(elsewhere.rglob("*")) == before
    assert (elsewhere / "tiny" / "results.json").read_text(encoding="utf-8") == "earlier"


def test_a_run_trains_evaluates_ends_and_can_be_lengthened(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.train(["name=run", *SHORT])
    out = capsys.readouterr().out
    run = elsewhere / "runs" / "run"
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    assert results["sets"]["clues_6"]["puzzles"] == 2
    assert {"solve_rate", "exact_accuracy", "cell_accuracy", "mean_segments"} <= results["sets"]["clues_6"].keys()
    for word in ("clues_6", "runs/run/results.json", "filling_in.gif", "next: python evaluate.py run=runs/run"):
        assert word in out
    assert (run / "results_pictures" / "filling_in.gif").is_file()
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert records[-1]["step"] == 2

    cli.train(["name=run", *SHORT])
    assert "raise steps= to go on" in capsys.readouterr().out

    cli.train(["name=run", *SHORT, "steps=3", "evaluate_puzzles=0"])
    assert (run / "checkpoints" / "step_000003").is_dir()


def test_a_run_names_the_sets_it_is_judged_on(elsewhere: Path) -> None:
    cli.train(["name=run", *SHORT, "+evaluate_sets.seven.clues=7", "+evaluate_sets.eight.clues=8"])
    own = json.loads((elsewhere / "runs" / "run" / "results.json").read_text(encoding="utf-8"))["sets"]
    assert list(own) == ["seven", "eight"]

    argv = ["run=runs/run", "output=again.json", "puzzles=2", "max_segments=2", "curve=[1,2]", "compile=false"]
    cli.evaluate([*argv, "figures=false"])
    assert list(json.loads((elsewhere / "again.json").read_text(encoding="utf-8"))["sets"]) == ["seven", "eight"]
    cli.evaluate([*argv, "figures=false", "+sets.six.clues=6"])
    assert list(json.loads((elsewhere / "again.json").read_text(encoding="utf-8"))["sets"]) == ["six"]


def test_families_are_drawn_each_by_itself(elsewhere: Path) -> None:
    tiny = ["puzzle=arc_families", "puzzle.canvas=7", "model=hrm_small", "model.hidden_size=8", "model.num_heads=2"]
    cli.train(["name=run", *SHORT[1:], *tiny])
    own = json.loads((elsewhere / "runs" / "run" / "results.json").read_text(encoding="utf-8"))["sets"]
    strips = {path.stem for path in (elsewhere / "runs" / "run" / "results_pictures").glob("filling_in*.png")}
    assert len(own) == 6
    assert strips == {f"filling_in_{name}" for name in own}


def test_a_run_is_not_resumed_under_another_configuration(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.train(["name=run", *SHORT, "evaluate_puzzles=0"])
    capsys.readouterr()
    before = {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*") if path.is_file()}
    line = refused(cli.train, ["name=run", *SHORT, "steps=9", "optim.lr=0.5", "batch_size=4"], capsys)
    assert "batch_size: 2 -> 4; optim.lr: 0.008 -> 0.5" in line
    assert "name=" in line
    assert {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*") if path.is_file()} == before


def test_a_checkpoint_that_was_tampered_with_is_refused_by_name(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.train(["name=run", *SHORT, "evaluate_puzzles=0"])
    capsys.readouterr()
    weights = elsewhere / "runs" / "run" / "checkpoints" / "step_000002" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    line = refused(cli.evaluate, ["checkpoint=runs/run/checkpoints/step_000002"], capsys)
    assert "model.safetensors" in line
    assert "step_000002" in line


def test_training_warns_of_a_damaged_checkpoint_that_it_passes_over(
    elsewhere: Path, caplog: pytest.LogCaptureFixture
) -> None:
    argv = [*SHORT, "name=run", "evaluate_puzzles=0", "checkpoint_every=1"]
    cli.train(argv)
    (elsewhere / "runs" / "run" / "checkpoints" / "step_000002" / "model.safetensors").write_bytes(b"damaged")
    cli.train([*argv, "steps=3"])
    assert "step_000002" in caplog.text


def test_evaluation_of_files_and_sets(model_dir: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    puzzle = puzzles.get("sudoku", box="2x2")
    inputs, _ = puzzle.generate(puzzles.rng(0, "test"), 3, clues=8)
    text = "\n".join(["question", *(puzzle.format(row) for row in inputs)])  # pyright: ignore[reportAttributeAccessIssue]
    (elsewhere / "mine.csv").write_text(text, encoding="utf-8")
    argv = [f"run={model_dir}", "data=mine.csv", "sets.seven.clues=7", "puzzles=2", "output=deep/my.json"]
    cli.evaluate([*argv, "compile=false", "max_segments=2", "curve=[1,2]", "figures=false"])
    results = json.loads((elsewhere / "deep" / "my.json").read_text(encoding="utf-8"))
    assert {name: row["puzzles"] for name, row in results["sets"].items()} == {"mine": 2, "seven": 2}
    assert {"seed", "commit", "versions", "hardware"} <= results.keys()
    assert sorted(path.name for path in (elsewhere / "deep").iterdir()) == ["my.json"]


# Those need files, and have tests of their own: tests/recipes/test_reward_text_runs.py, tests/hf/test_run.py,
# tests/recipes/test_text_judge_runs.py.
OF_TEXTS = {"reward_text", "reward_language_model", "pair_text", "pair_language_model"}


@pytest.mark.parametrize("experiment", sorted({*compose.groups()["experiment"]} - OF_TEXTS))
def test_every_experiment_trains_for_a_step(experiment: str, elsewhere: Path) -> None:
    argv = ["steps=1", "batch_size=2", "validation.every=0", "evaluate_puzzles=0", "compile=false", "precision=fp32"]
    text = (compose.config_dir() / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8")
    if "path: data/" in text:  # a published run: its data is not here, and the machine may be small
        argv += ["data.path=null", "model.hidden_size=32", "model.num_heads=2"]
    if "arc1" in experiment or "arc2" in experiment:  # a million rows of the puzzle table are as many gigabytes
        argv += ["data.augmentations=0", "model.hidden_size=16", "model.num_heads=2"]
    if experiment == "sudoku_winners":  # a row for each hypothesis about a puzzle
        argv += ["batch_size=4", "data.path=null", "model.hidden_size=32"]
    if "/reward: " in text:  # solutions of few puzzles, and room for one in a batch
        argv += ["batch_size=40", "data.puzzles=8", "reward.solver_steps=0"]
    if "/policy: " in text:
        argv += ["data.puzzles=8", "policy.clone_steps=1", "policy.clone_batch=8", "policy.budget=2"]
    if experiment.startswith("pair_"):  # not every puzzle has two prefixes that only the solution tells apart
        data, validation = (64, 40) if experiment == "pair_maze" else (8, 8)
        argv += [f"data.puzzles={data}", f"validation.puzzles={validation}"]
        argv += ["reward.pair.steps=[1,1]", "reward.segments=4"]
    cli.train([f"experiment={experiment}", *argv])
    assert (elsewhere / "runs" / experiment / "checkpoints" / "step_000001" / "manifest.json").is_file()


def test_a_sweep_runs_every_combination(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(SolverRecipe, "train", lambda _, run, run_dir: seen.append((run.config.seed, str(run_dir))))
    cli.train(["--multirun", "seed=3,4", "optim=muon,adamw", *SHORT, "evaluate_puzzles=0"])
    assert seen == [
        (3, "runs/sudoku_4x4/0"),
        (3, "runs/sudoku_4x4/1"),
        (4, "runs/sudoku_4x4/2"),
        (4, "runs/sudoku_4x4/3"),
    ]


def test_the_run_directory_can_be_chosen(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(SolverRecipe, "train", lambda _, run, run_dir: seen.append(str(run_dir)))
    cli.train(["hydra.run.dir=some/where", *SHORT, "evaluate_puzzles=0"])
    assert seen == ["some/where"]


@pytest.mark.parametrize("defect", [RuntimeError("ours"), KeyError("ours")])
def test_a_defect_of_ours_keeps_its_traceback(
    defect: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise defect

    monkeypatch.setattr(SolverRecipe, "train", fail)
    with pytest.raises(SystemExit) as caught:
        cli.train(SHORT)
    assert caught.value.code == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "in fail" in err


def test_a_value_error_out_of_a_library_is_ours_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(SolverRecipe, "train", lambda *_: json.loads("{"))
    with pytest.raises(SystemExit) as caught:
        cli.train(SHORT)
    assert caught.value.code == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_directory_that_cannot_be_written_is_one_line(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "runs").write_text("a file in the way", encoding="utf-8")
    line = refused(cli.train, SHORT, capsys)
    assert line.startswith("run directory runs/sudoku_4x4: cannot be made: ")


def test_help_and_composed_configuration_do_nothing_else(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command, name in ((cli.train, "train"), (cli.evaluate, "evaluate")):
        command(["--help"])
        assert capsys.readouterr().out == cli_help.text(name) + "\n"
    cli.train(["--cfg", "job", "puzzle=sudoku_6x6", "model.hidden_size=16"])
    out = capsys.readouterr().out
    assert "box: 2x3" in out
    assert "hidden_size: 16" in out
    assert list(elsewhere.iterdir()) == []


def test_help_lists_every_choice_of_every_group() -> None:
    text = cli_help.text("train")
    for group, names in compose.groups().items():
        assert f"{group}=" in text
        for name in names:
            assert f" {name} " in text


def test_the_scripts_end_with_the_right_code(elsewhere: Path) -> None:
    """Through the real entry, once: the rest of this file calls the same functions in process."""
    done = subprocess.run(
        [sys.executable, str(REPO / "train.py"), "stpes=3"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "error: stpes=3: unknown key; did you mean steps?\n",
    )


def test_compile_without_a_compiler(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CXX", "/nonexistent/compiler")
    assert refused(cli.train, ["compile=true"], capsys).startswith("compile=true: no C++ compiler found")


@pytest.mark.parametrize(("avx512", "amx"), [(False, False), (True, False), (False, True)])
def test_bf16_where_the_cpu_has_it(avx512: bool, amx: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    cpu = resolve_device("cpu")
    assert resolve_precision("auto", cpu) == (torch.bfloat16 if avx512 or amx else torch.float32)
    assert resolve_precision("bf16", cpu) == torch.bfloat16
    assert resolve_precision("fp32", cpu) == torch.float32


def test_configuration_reaches_training_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What training gets is what the schema makes of the composed values: no DictConfig inside."""
    seen: list[Any] = []
    monkeypatch.setattr(SolverRecipe, "train", lambda _, run, run_dir: seen.append(run.config))
    cli.train([*SHORT, "evaluate_puzzles=0", "logger.tags=[a,b]"])
    ((found, _),) = compose.compose_jobs("train", [*SHORT, "evaluate_puzzles=0", "logger.tags=[a,b]"])
    assert seen == [train_config(found)]
    assert seen[0].logger.tags == ("a", "b")
    assert type(seen[0].puzzle) is dict
    assert {type(source.targets) for stage in seen[0].data.curriculum for source in stage.mix} == {dict}
    assert schema.keys(TrainConfig)[0] == "name"
