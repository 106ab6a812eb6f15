"""The study at toy size: from data to rows and pages, jobs in order, what is done passed over, a polite end."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import puzzles
from hrm_net.reward.data.solutions import Solutions
from hrm_net.study import command, jobs, pool, rows, run
from hrm_net.study.measure import errors_mended
from hrm_net.study.plans import BY_NAME, FULL, PLANS, TINY, TOY, Sizes
from hrm_net.study.rows import METRICS, value_of
from puzzles.steps.attempts import attempts
from puzzles.steps.labels import label_states
from puzzles.steps.rules import step_rules
from tests.paths import REPO
from tests.study.studying import made_up

pytestmark = pytest.mark.slow

ARMS = ("prm_count", "hier_hnc", "cond_50")
SMALL = replace(TOY, arms=tuple(BY_NAME[name] for name in ARMS))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three arms of two seeds, made by the command of the workers."""
    folder = tmp_path_factory.mktemp("study")
    for seed in TINY.seeds:
        for arm in (None, *ARMS):
            arguments = ["--plan", "toy", "--work", str(folder), "--domain", TINY.name, "--seed", str(seed)]
            command.main(["one", *arguments, *(["--arm", arm] if arm else [])])
    return folder


def test_every_metric_of_a_row_is_a_number(work: Path) -> None:
    found = jobs.done(SMALL, work)
    assert len(found) == 8
    for job, row in found.items():
        if job.arm is not None:
            assert all(isinstance(value_of(metric, row), float) for metric in METRICS.values())
            assert row["updates"] == TOY.sizes.steps
            assert f"reward.objectives=[{job.arm.head}]" in row["command"]
            assert value_of(METRICS["best_of_n"], row) == pytest.approx(
                np.mean(row["metrics"]["test"]["by_puzzle"]["chosen"]), abs=1e-3
            )


def test_count_matched_arms_learn_from_as_many_examples(work: Path) -> None:
    for seed in TINY.seeds:
        mine = {job.arm.name: row for job, row in jobs.done(SMALL, work).items() if job.arm and job.seed == seed}
        assert mine["prm_count"]["examples"] == mine["hier_hnc"]["examples"] > 0


def test_arms_of_a_seed_share_start_and_pools_and_seeds_do_not(work: Path) -> None:
    rules = step_rules(puzzles.get("sudoku", box="2x2"))
    pools = [pool.load(run.pools_folder(work, TINY, seed) / "test.npz", rules) for seed in TINY.seeds]
    assert not np.array_equal(pools[0].attempts.problems, pools[1].attempts.problems)
    for row in jobs.done(SMALL, work).values():
        if row["arm"] != rows.FRAME:
            assert f"reward.start={run.start_folder(Path('WORK'), TINY, row['seed'])}" in row["command"]


def test_a_row_is_made_again_from_the_same_and_is_the_same(work: Path) -> None:
    arm = BY_NAME["cond_50"]
    path = rows.path_of(work / "rows", TINY, 0, arm)
    before = rows.read(path)
    assert before is not None
    assert isinstance(TOY.sizes, Sizes)
    again = run.make_row(work, TINY, TOY.sizes, 0, arm)
    assert json.loads(json.dumps(again["metrics"])) == before["metrics"]


def test_pages_are_rendered_of_what_is_there(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    command.main(["render", "--plan", "toy", "--work", str(work), "--reports", str(tmp_path)])
    assert str(tmp_path / "conditional.md") in capsys.readouterr().out
    page = (tmp_path / "node_compression.md").read_text()
    assert "`hier_hnc`" in page
    assert "not decided" in page
    command.main(["status", "--plan", "toy", "--work", str(work)])
    assert f"8 of {2 * (1 + len(TOY.arms))} jobs done" in capsys.readouterr().out


def test_errors_mended_counts_wrong_values_that_go() -> None:
    rules = step_rules(puzzles.get("sudoku", box="2x2"))
    problems, answers = rules.puzzle.generate(puzzles.rng(0, "mended"), 1, clues=8)
    rules.remember(problems, answers)
    one, two = np.flatnonzero(problems[0] == 1)[:2]
    states = np.repeat(problems[:, None], 4, 1).astype(np.uint8)
    wrong = [next(value for value in (2, 3, 4, 5) if value != answers[0, cell]) for cell in (one, two)]
    states[0, 1:, one], states[0, 1:3, two] = wrong[0], wrong[1]

    def share(length: int) -> float:
        found = attempts(
            rules.puzzle, problems, states, np.array([length]), budget=3, cells_per_step=2, regime="edit"
        )  # fmt: skip
        labels = label_states(rules, found)
        return errors_mended(Solutions(attempts=found, exact=labels, training_labels=labels), rules)

    assert share(3) == 0.5
    assert share(2) == 0


def test_full_plan_is_what_the_issue_asks_for() -> None:
    first, second = FULL.domains
    assert (len(first.seeds), len(second.seeds)) == (5, 2)
    assert isinstance(FULL.sizes, Sizes)
    assert FULL.sizes.test[0] >= 200
    assert FULL.sizes.test[1] >= 512
    assert {arm.reward.get("error_share", 1.0) for arm in FULL.arms if arm.head == "cond"} == {0.0, 0.1, 0.5, 1.0}
    for plan in PLANS.values():
        assert jobs.jobs(plan)[0].arm is None


def test_the_protocol_is_of_the_plan_that_runs() -> None:
    text = (REPO / "reports" / "first" / "protocol.md").read_text()
    assert f"digest `{FULL.digest}`" in text
    assert replace(FULL, sizes=replace(FULL.sizes, steps=301)).digest != FULL.digest
    for arm in FULL.arms:
        assert f"`{arm.name}`" in text


class Fake:
    """Workers that write made-up rows at once, or fail, or wait."""

    def __init__(self, work: Path, failing: tuple[str, ...] = (), waiting: bool = False) -> None:
        self.work, self.failing, self.waiting = work, failing, waiting
        self.started: list[str] = []

    def start(self, one: jobs.Job, plan, work: Path) -> jobs._Running:
        self.started.append(one.name)
        code = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        if self.waiting:
            code += "time.sleep(60)"
        elif one.name in self.failing:
            code += "sys.exit(1)"
        else:
            row = made_up(plan, 0, one.seed, one.arm.name if one.arm else rows.FRAME)
            rows.write(rows.path_of(work / "rows", one.domain, one.seed, one.arm), row)
        return jobs._Running(one, subprocess.Popen([sys.executable, "-S", "-c", code]), self.work / "log")


def test_starts_come_first_and_rows_are_not_made_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    fake = Fake(tmp_path)
    monkeypatch.setattr(jobs, "_start", fake.start)
    monkeypatch.setattr(jobs, "POLL", 0.01)
    jobs.run(SMALL, tmp_path)
    assert sorted(fake.started) == sorted(job.name for job in jobs.jobs(SMALL))
    assert fake.started.index("sudoku_4x4 seed 0 start and pools") == 0
    assert fake.started.index("sudoku_4x4 seed 1 start and pools") < fake.started.index("sudoku_4x4 seed 1 prm_count")
    assert "min left" in capsys.readouterr().out
    rows.path_of(tmp_path / "rows", TINY, 1, BY_NAME["cond_50"]).unlink()
    fake.started.clear()
    jobs.run(SMALL, tmp_path)
    assert fake.started == ["sudoku_4x4 seed 1 cond_50"]


def test_a_failed_start_takes_its_arms_along_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(tmp_path, failing=("sudoku_4x4 seed 0 start and pools", "sudoku_4x4 seed 1 cond_50"))
    monkeypatch.setattr(jobs, "_start", fake.start)
    monkeypatch.setattr(jobs, "POLL", 0.01)
    with pytest.raises(SystemExit) as ended:
        jobs.run(SMALL, tmp_path)
    assert ended.value.code == 1
    assert {job.name for job in jobs.done(SMALL, tmp_path)} == {
        f"sudoku_4x4 seed 1 {name}" for name in ("start and pools", "prm_count", "hier_hnc")
    }


def test_sigterm_ends_the_workers_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    fake = Fake(tmp_path, waiting=True)
    monkeypatch.setattr(jobs, "_start", fake.start)
    monkeypatch.setattr(jobs, "POLL", 0.01)
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    with pytest.raises(SystemExit) as ended:
        jobs.run(SMALL, tmp_path)
    assert ended.value.code == 143
    assert "the same command continues" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--workers", "0"], "--workers=0: must be at least 1"),
        (["one", "--plan", "toy", "--work", "w", "--domain", "chess", "--seed", "0"], "domain=chess: must be one of"),
        (["render", "--plan", "toy", "--work", "nowhere"], "nowhere: holds no rows of the plan toy"),
        (["fly"], "invalid choice"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_broken_row_is_named(tmp_path: Path) -> None:
    path = rows.path_of(tmp_path / "rows", TINY, 0, None)
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(ValueError, match="not JSON; delete it"):
        jobs.done(SMALL, tmp_path)
