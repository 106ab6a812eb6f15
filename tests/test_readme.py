"""The README's commands, run as they stand except that they are short, in the order they stand in."""

import re
import shlex
from pathlib import Path

import pytest

from hrm_net import cli
from hrm_net.commands import compose
from hrm_net.commands import solve as solve_command
from hrm_net.latent import command as latent_command
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from tests.paths import REPO

README = REPO / "README.md"
BLOCK = re.compile(r"(<!-- not run: (?P<reason>[^>]+) -->\n+)?```(?P<language>\w*)\n(?P<body>.*?)```", re.DOTALL)
PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SHORT_TRAINING = [
    "steps=2", "batch_size=2", "monitor.every=0", "evaluate_puzzles=2", "compile=false", "model.max_segments=2",
]  # fmt: skip
SHORT_EVALUATION = [
    "puzzles=2", "max_segments=2", "curve=[1,2]", "batch_size=2", "compile=false", "figures=false",
]  # fmt: skip

SHORT_SCORER = [
    "reward.solver_steps=1", "data.puzzles=8", "monitor.puzzles=2", "reward.candidates=2", "reward.trees=1",
    "reward.budget=2", "reward.height=2", "reward.monitor_candidates=2", "reward.evaluate_candidates=2",
]  # fmt: skip
SHORT_SEARCH = ["search.puzzles=2", "search.climbing=1", "search.greedy=[2]", "candidates=2"]


def commands() -> list[tuple[str, list[str]]]:
    """(command, arguments) of each of ours in a bash block that is not marked as not run; all but the server."""
    found = []
    text = README.read_text(encoding="utf-8") if README.is_file() else ""
    for block in BLOCK.finditer(text):
        if block["language"] not in ("bash", "sh", "console") or block["reason"]:
            continue
        for line in block["body"].replace("\\\n", " ").splitlines():
            for command in re.split(r"&&|;", line):
                words = shlex.split(command, comments=True)
                if words[:2] in (["python", "train.py"], ["python", "evaluate.py"]):
                    found.append((words[1].removesuffix(".py"), words[2:]))
                elif words[:1] in (["hrm-train"], ["hrm-evaluate"], ["hrm-solve"], ["hrm-latent"]):
                    found.append((words[0].removeprefix("hrm-"), words[1:]))
    return found


def test_the_readme_shows_both_set_up_commands_and_the_main_job() -> None:
    first_screen = "\n".join(README.read_text(encoding="utf-8").splitlines()[:60])
    assert "pip install -e . && python train.py" in first_screen
    assert 'pip install -e ".[dev]" && pytest' in first_screen
    assert ("train", []) in commands()
    assert any(name == "evaluate" for name, _ in commands())


def test_every_command_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one directory, so that a command finds what those before it made; repeated ones run once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    unique = list(dict.fromkeys((name, tuple(arguments)) for name, arguments in commands()))
    assert unique
    for name, arguments in unique:
        if name in ("solve", "latent"):
            (tmp_path / "puzzles.txt").write_text(f"{PUZZLE}\n{PUZZLE}\n", encoding="utf-8")
            main = solve_command.main if name == "solve" else latent_command.main
            main([*arguments, *(["--puzzles", "2", "--segments", "2"] if name == "latent" else [])])
            assert capsys.readouterr().out
            continue
        overrides = [word for word in arguments if not word.startswith("-")]
        cls = TrainConfig if name == "train" else EvaluateConfig
        # every key as the README spells it must exist, before it is made short
        compose.checked_overrides(name, overrides, cls, sweep="--multirun" in arguments or "-m" in arguments)
        if "--help" in arguments or "--cfg" in arguments:
            getattr(cli, name)(list(arguments))
        elif name == "train":
            scorer = SHORT_SCORER if any(word.startswith("experiment=reward_") for word in arguments) else []
            cli.train([*short(arguments, {"steps"}), *SHORT_TRAINING, *scorer])
        else:
            made_data(tmp_path, overrides)
            searched = SHORT_SEARCH if "search=full" in arguments else []
            cli.evaluate([*arguments, *SHORT_EVALUATION, *searched])
        assert capsys.readouterr().out


def short(arguments: tuple[str, ...], dropped: set[str]) -> list[str]:
    """The arguments without the keys that SHORT_TRAINING sets."""
    return [word for word in arguments if word.partition("=")[0] not in dropped]


def made_data(folder: Path, overrides: list[str]) -> None:
    """A file of one real puzzle where a command reads one that the README's reader would bring."""
    for word in overrides:
        key, _, path = word.partition("=")
        if key == "data" and path.endswith(".csv") and not (folder / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(f"question\n{PUZZLE}\n", encoding="utf-8")


def python_blocks() -> list[str]:
    blocks = BLOCK.finditer(README.read_text("utf-8"))
    return [block["body"] for block in blocks if block["language"] == "python" and not block["reason"]]


@pytest.mark.parametrize("body", python_blocks())
def test_the_readmes_python_runs(body: str) -> None:
    exec(compile(body, "README.md", "exec"), {"__name__": "readme"})


def test_the_readme_has_no_number_left_open() -> None:
    assert not re.search(r"@[A-Z]+@", README.read_text("utf-8"))
