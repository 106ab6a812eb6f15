"""The commands and the Python of README.md and docs/ run as they stand, except that they are made short."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from hrm_net import cli
from hrm_net.commands import solve as solve_command
from hrm_net.latent import command as latent_command
from hrm_net.recipes import compose
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from tests.paths import REPO

PAGES = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- not run: (?P<reason>[^>]+) -->\n+)?```(?P<language>\w*)\n(?P<body>.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SHORT_TRAINING = [
    "steps=2", "batch_size=2", "validation.every=0", "evaluate_puzzles=2", "compile=false", "model.max_segments=2",
]  # fmt: skip
SHORT_EVALUATION = [
    "puzzles=2", "max_segments=2", "curve=[1,2]", "batch_size=2", "compile=false", "figures=false",
]  # fmt: skip
SHORT_SCORER = [
    "reward.solver_steps=1", "data.puzzles=8", "validation.puzzles=2", "reward.candidates=2", "reward.trees=1",
    "reward.budget=2", "reward.height=2", "reward.validation_candidates=2", "reward.evaluate_candidates=2",
]  # fmt: skip
SHORT_JUDGE = [
    "reward.solver_steps=1", "data.puzzles=12", "validation.puzzles=4", "reward.pair.steps=[2,2]",
    "reward.pair.games=1", "reward.segments=2", "reward.pair.mean_segments=2",
]  # fmt: skip
SHORT_POLICY = [
    "policy.clone_steps=1", "policy.clone_batch=4", "policy.budget=2", "policy.rollouts=2", "data.puzzles=8",
    "validation.puzzles=2",
]  # fmt: skip
SHORT_CURVE = ["solver.puzzles=2", "solver.depths=[1,2]", "solver.restarts=[1,2]", "solver.max_segments=2"]
SHORT_SEARCH = ["search.puzzles=2", "search.climbing=1", "search.greedy=[2]", "candidates=2"]


def blocks(page: Path, languages: tuple[str, ...]) -> Iterator[str]:
    """The bodies of a page's code blocks that are not marked as not run."""
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["language"] in languages and not block["reason"]:
            yield block["body"]


def commands(page: Path) -> list[tuple[str, list[str]]]:
    """(command, arguments) of each of our commands in a page's shell blocks, except the server."""
    found = []
    for body in blocks(page, ("bash", "sh", "console")):
        for line in body.replace("\\\n", " ").splitlines():
            for command in re.split(r"&&|;", line):
                words = shlex.split(command, comments=True)
                if words[:2] in (["python", "train.py"], ["python", "evaluate.py"]):
                    found.append((words[1].removesuffix(".py"), words[2:]))
                elif words[:1] in (["hrm-train"], ["hrm-evaluate"], ["hrm-solve"], ["hrm-latent"]):
                    found.append((words[0].removeprefix("hrm-"), words[1:]))
    return found


def all_commands() -> list[tuple[str, tuple[str, ...]]]:
    """The commands of every page, each once."""
    return list(dict.fromkeys((name, tuple(words)) for page in PAGES for name, words in commands(page)))


def test_the_readme_shows_both_set_up_commands_and_the_main_job() -> None:
    first_screen = "\n".join((REPO / "README.md").read_text(encoding="utf-8").splitlines()[:60])
    assert "pip install -e . && python train.py" in first_screen
    assert 'pip install -e ".[dev]" && pytest' in first_screen
    assert ("train", ()) in all_commands()
    assert any(name == "evaluate" for name, _ in all_commands())


@pytest.mark.slow
def test_every_command_of_the_documents_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one directory, so that a command finds what those before it made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    for body in (body for page in PAGES for body in blocks(page, ("python",)) if '.csv", "w"' in body):
        exec(compile(body, "document", "exec"), {"__name__": "document"})  # files that commands read
    assert all_commands()
    for name, words in all_commands():
        run_short(name, list(words), tmp_path)
        assert capsys.readouterr().out, f"{name} {' '.join(words)} printed nothing"


def run_short(name: str, words: list[str], folder: Path) -> None:
    """Run one command with a few steps, puzzles and segments."""
    if name in ("solve", "latent"):
        (folder / "puzzles.txt").write_text(f"{PUZZLE}\n{PUZZLE}\n", encoding="utf-8")
        main = solve_command.main if name == "solve" else latent_command.main
        main([*words, *(["--puzzles", "2", "--segments", "2"] if name == "latent" else [])])
        return
    overrides = [word for word in words if not word.startswith("-")]
    cls = TrainConfig if name == "train" else EvaluateConfig
    # Every key must exist as the page spells it, before the command is made short.
    compose.checked_overrides(name, overrides, cls, sweep="--multirun" in words or "-m" in words)
    if "--help" in words or "--cfg" in words:
        getattr(cli, name)(words)
    elif name == "train":
        names = ("experiment=reward_", "experiment=policy_scorer_")
        scorer = SHORT_SCORER if any(word.startswith(names) for word in words) else []
        scorer = SHORT_JUDGE if any(word.startswith("experiment=pair_") for word in words) else scorer
        scorer = SHORT_POLICY if "experiment=policy_4x4" in words else scorer
        kept = [word for word in words if word.partition("=")[0] != "steps"]
        cli.train([*kept, *SHORT_TRAINING, *scorer])
    else:
        make_data(folder, overrides)
        further = (SHORT_SEARCH if "search=full" in words else []) + (SHORT_CURVE if "solver=curve" in words else [])
        cli.evaluate([*words, *SHORT_EVALUATION, *further])


def make_data(folder: Path, overrides: list[str]) -> None:
    """A file with one puzzle wherever a command reads one that the reader of the page would bring."""
    for word in overrides:
        key, _, path = word.partition("=")
        if key == "data" and path.endswith(".csv") and not (folder / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(f"question\n{PUZZLE}\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("page", "body"),
    [
        pytest.param(page.name, body, id=f"{page.name}-{number}")
        for page in PAGES
        for number, body in enumerate(blocks(page, ("python",)))
    ],
)
def test_the_python_of_the_documents_runs(
    page: str, body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(body, page, "exec"), {"__name__": "document"})


@pytest.mark.parametrize("page", [*PAGES, REPO / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_no_number_is_left_open() -> None:
    assert [page.name for page in PAGES if re.search(r"@[A-Z]+@", page.read_text("utf-8"))] == []
