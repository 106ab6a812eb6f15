"""The ablation of hard Sudoku: arms that differ in what they say, rows made once, a page that shows what is missing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from hrm_net.recipes import compose, train_config
from hrm_net.recipes.config import TrainConfig, to_yaml
from hrm_net.study.ablation import command, jobs
from hrm_net.study.ablation.arms import ARMS, BY_NAME, Budget
from hrm_net.study.ablation.jobs import Ablation
from hrm_net.study.ablation.page import render
from hrm_net.trainer.resume import differences
from hrm_net.trainer.session import Interrupt
from puzzles.datasets import stamp

BUDGET = Budget(minutes=2.0, threads=1, probe_steps=4, puzzles=8, segments=(2, 4), sets={"minimal": "{clues: minimal}"})


@pytest.fixture
def ablation(tmp_path: Path) -> Ablation:
    """Two arms and two seeds, with a pool that is only a stamp and one file of real puzzles."""
    pool = tmp_path / "pool"
    pool.mkdir()
    (pool / stamp.STAMP).write_text("{}")
    real = tmp_path / "real.csv"
    real.write_text("question\n")
    arms = (BY_NAME["relational"], BY_NAME["fast"])
    return Ablation(work=tmp_path / "work", pool=pool, real=(real,), arms=arms, seeds=(0, 1), budget=BUDGET)


class Commands:
    """Stands in for `train` and `evaluate`: a training takes half a second a step, an evaluation solves a quarter."""

    def __init__(self, failing: str = "") -> None:
        self.calls: list[tuple[str, ...]] = []
        self.failing = failing

    def __call__(self, arguments, folder: Path, interrupt: Interrupt) -> None:
        self.calls.append(tuple(arguments))
        values = dict(argument.split("=", 1) for argument in arguments[1:])
        if self.failing and self.failing in str(folder):
            raise jobs.subprocess.CalledProcessError(1, arguments[0])
        if arguments[0] == "train":
            run, steps = Path(values["hydra.run.dir"]), int(values["steps"])
            run.mkdir(parents=True, exist_ok=True)
            lines = [{"kind": "train", "step": step, "seconds": 60 + step / 2} for step in (steps // 2, steps)]
            (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        else:
            name = Path(values["data"]).stem if "data" in values else "minimal"
            told = {"solve_rate": 0.25, "by_difficulty": {"0": 0.5, "50+": 0.0}}
            found = {"sets": {name: {"by_segments": {"2": told, "4": told}}}}
            frame = {"hardware": {"cpu": "a CPU"}, "versions": {"torch": "2.13.0"}}
            Path(values["output"]).write_text(json.dumps(found | frame))


def config(overrides: tuple[str, ...]) -> TrainConfig:
    checked = compose.checked_overrides("train", list(overrides), TrainConfig, False)
    values, _ = next(compose.compose_jobs("train", checked))
    return train_config(values)


def test_an_arm_differs_from_the_one_it_is_compared_with_and_from_every_other() -> None:
    without_pool = "data.curriculum=[{mix: [{targets: {clues: minimal}}]}]", "data.path=null"
    plain = {arm.name: yaml.safe_load(to_yaml(config((*arm.overrides, *without_pool)))) for arm in ARMS}
    changed = {
        arm.name: {line.split(":")[0] for line in differences(plain[arm.against], plain[arm.name])}
        for arm in ARMS
        if arm.against is not None
    }
    assert changed["fast"] == {"optim.lr", "optim.momentum"}
    assert changed["relational"] == {"model.block"}
    assert changed["to_zero"] == {"optim.min_lr_ratio"}
    assert changed["deeper"] == {"model.h_cycles", "model.l_cycles"}
    assert changed["wider"] == {"model.hidden_size"}
    assert len({arm.overrides for arm in ARMS}) == len(ARMS)


def test_rows_are_made_once_with_the_steps_that_fit_the_minutes(ablation: Ablation, monkeypatch, capsys) -> None:
    commands = Commands()
    monkeypatch.setattr(jobs, "_call", commands)
    jobs.run(ablation)
    rows = ablation.rows()
    assert set(rows) == {(arm.name, seed) for arm in ablation.arms for seed in (0, 1)}
    row = rows["fast", 1]
    assert row["steps"] == 60 * 2 / 0.5
    assert set(row["sets"]) == {"minimal", "real"}
    assert "optim.momentum=0.6" in row["command"]
    first = len(commands.calls)
    ablation.path(BY_NAME["fast"], 1).unlink()
    jobs.run(ablation)
    assert len(commands.calls) == first + 3  # its steps are known: one training, two evaluations
    jobs.run(replace(ablation, budget=replace(BUDGET, minutes=3.0)))
    assert len(commands.calls) == first + 3 + 4 * 3  # rows of another budget do not count


def test_a_failed_job_leaves_the_others_their_rows(ablation: Ablation, monkeypatch, capsys) -> None:
    monkeypatch.setattr(jobs, "_call", Commands(failing="fast/0"))
    with pytest.raises(SystemExit) as ended:
        jobs.run(ablation)
    assert ended.value.code == 1
    assert set(ablation.rows()) == {("relational", 0), ("relational", 1), ("fast", 1)}
    assert "fast seed 0: failed; see" in capsys.readouterr().out


def test_the_page_says_what_was_not_run(ablation: Ablation, monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(jobs, "_call", Commands())
    jobs.run(ablation)
    page, picture = render(replace(ablation, arms=(*ablation.arms, BY_NAME["wider"])), tmp_path / "reports")
    lines = {line.split("|")[1].strip(): line for line in page.read_text().splitlines() if line.startswith("| `")}
    assert "not run" in lines["`wider`"]
    assert lines["`fast`"].count("25.0") == 4
    assert picture.is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--arms", "magic"], "--arms magic: must be one of symbols, pool"),
        (["run", "--minutes", "0"], "--minutes 0: must be above 0"),
        (["run", "--seeds", "0"], "--seeds 0: must be at least 1"),
        (
            ["run", "--pool", "nowhere"],
            "--pool nowhere: no pool; make it: python -m puzzles.sudoku.pool nowhere --puzzles 20000",
        ),
        (["run", "--real", "nowhere.csv"], "--real nowhere.csv: no such file"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())
