"""Hub ids against a stand-in for huggingface_hub, which is not installed in tests."""

import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import puzzles
from hrm_net import HRM
from hrm_net.checkpoints.hub import is_hub_id
from hrm_net.reward import StepScorer
from hrm_net.reward.model import RewardModel
from hrm_net.reward.pair import PairJudge
from tests.models import small_model
from tests.reward.rewarding import small_scorer


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str | None]]:
    """A hub with the one model org/small; returns what was asked of it."""
    small_model("hrm").save_pretrained(tmp_path / "snapshot")
    asked = []

    def hf_hub_download(*, repo_id: str, filename: str, revision: str | None) -> str:
        asked.append((repo_id, filename, revision))
        if repo_id != "org/small":
            raise RuntimeError(f"404 Client Error: {repo_id}\nRepository Not Found")
        return str(tmp_path / "snapshot" / filename)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(hf_hub_download=hf_hub_download))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return asked


def test_a_hub_id_fetches_two_files(hub: list[tuple[str, str, str | None]]):
    loaded = HRM.from_pretrained("org/small", revision="v1")
    expected = small_model("hrm")
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), expected.parameters(), strict=True))
    assert hub == [("org/small", "config.json", "v1"), ("org/small", "model.safetensors", "v1")]


def test_a_directory_goes_before_the_hub(hub: list[tuple[str, str, str | None]]):
    small_model("hrm_learned").save_pretrained("org/small")
    assert HRM.from_pretrained("org/small").config.positions == "learned"
    assert hub == []
    with pytest.raises(ValueError, match=r"revision=v1: org/small is not a model of the Hugging Face Hub"):
        HRM.from_pretrained("org/small", revision="v1")


def test_what_the_hub_refuses_is_told_in_one_line(hub: list[tuple[str, str, str | None]]):
    with pytest.raises(
        ValueError, match=r"^org/none: no such directory, and the Hugging Face Hub gives: 404"
    ) as caught:
        HRM.from_pretrained("org/none")
    assert "\n" not in str(caught.value)
    assert len(hub) == 1


def test_without_the_extra_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"org/small: no such directory; .*: pip install 'hrm-net\[hub\]'"):
        HRM.from_pretrained("org/small")


@pytest.mark.parametrize("name", ["a/b/c", "/org/name", "name", "./org", "org/", "../x", Path("org/name"), "org/na me"])
def test_paths_are_no_hub_ids(name: str | Path):
    assert not is_hub_id(name)


def test_a_path_that_is_no_hub_id_is_a_missing_directory(tmp_path: Path):
    with pytest.raises(ValueError, match=r"config\.json: no such file"):
        HRM.from_pretrained(tmp_path / "org" / "name")


RESULTS = {
    "sets": {"clues_6": {"puzzles": 10, "solve_rate": 0.25, "verified": True, "interval": [0.1, 0.4]}},
    "seed": 0,
}
SUDOKU = puzzles.get("sudoku", box="2x2")


class Api:
    """What stands in for `huggingface_hub.HfApi`: a Hub in a folder, in which only org may write."""

    folder: Path
    calls: list[tuple[Any, ...]]

    def __init__(self, token: str | None) -> None:
        self.token = token

    def create_repo(self, *, repo_id: str, repo_type: str, private: bool | None, exist_ok: bool) -> None:
        self.calls.append((repo_id, repo_type, private, exist_ok, self.token))
        if not repo_id.startswith("org/"):
            raise RuntimeError("\n403 Forbidden: you don't have the rights\nmore")

    def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str, **other: Any) -> SimpleNamespace:
        assert other == {"repo_type": "model", "revision": None}
        shutil.copytree(folder_path, self.folder / repo_id)
        return SimpleNamespace(commit_url=f"https://hub/{repo_id}/commit/1")


@pytest.fixture
def writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Api]:
    """A Hub that keeps what is sent to it."""
    Api.folder, Api.calls = tmp_path / "hub", []

    def hf_hub_download(*, repo_id: str, filename: str, revision: str | None) -> str:
        return str(Api.folder / repo_id / filename)

    stand_in = SimpleNamespace(HfApi=Api, hf_hub_download=hf_hub_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", stand_in)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Api


def saved(kind: str) -> Any:
    """A small model of each kind, of 4x4 Sudoku."""
    if kind == "solver":
        return small_model("symbols")
    if kind == "network":
        return small_scorer("symbols", ("prm", "cond"))
    if kind == "scorer":
        return StepScorer(small_scorer("symbols", ("prm", "cond")), SUDOKU, objective="cond", segments=1)
    return PairJudge(small_scorer("symbols", ("pair",)), SUDOKU, stop=0.75)


KINDS = {"solver": HRM, "network": RewardModel, "scorer": StepScorer, "judge": PairJudge}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sent_comes_back_and_its_card_says_how(kind: str, writable: type[Api], tmp_path: Path) -> None:
    model = saved(kind)
    about = {"puzzle": SUDOKU} if kind == "solver" else {}
    address = model.push_to_hub("org/mine", private=True, token="secret", results=RESULTS, **about)
    assert address == "https://hub/org/mine/commit/1"
    assert writable.calls == [("org/mine", "model", True, True, "secret")]
    files = {path.name for path in (tmp_path / "hub/org/mine").iterdir()}
    assert files == {"config.json", "model.safetensors", "README.md", "results.json"}
    again = KINDS[kind].from_pretrained("org/mine", revision="main")
    one, other = (each if isinstance(each, torch.nn.Module) else each.model for each in (model, again))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    if kind == "scorer":
        assert (again.objective, again.segments) == ("cond", 1)
    if kind == "judge":
        assert again.stop == 0.75
    card = (tmp_path / "hub/org/mine/README.md").read_text("utf-8")
    assert card.startswith("---\nlibrary_name: hrm-net\n")
    assert "secret" not in card
    assert "| solve_rate | 0.25 |" in card
    assert f" {sum(parameter.numel() for parameter in one.parameters()):,} parameters" in card
    assert json.loads((tmp_path / "hub/org/mine/results.json").read_text("utf-8")) == RESULTS
    assert json.loads(re.findall(r"```json\n(.*?)```", card, re.DOTALL)[-1]) == json.loads(
        (tmp_path / "hub/org/mine/config.json").read_text("utf-8")
    )
    run_the_card(card)


def run_the_card(card: str) -> None:
    """The Python of a card, with what it leaves to the reader: a puzzle, a step, two candidates, rows."""
    (program,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    inputs, labels = SUDOKU.generate(puzzles.rng(0, "test"), 1, clues=6)
    blank = int(np.flatnonzero(inputs[0] == 1)[0])
    grids = dict.fromkeys(("problem", "before", "after"), torch.from_numpy(inputs.astype(np.int64)))
    given = {
        "question": SUDOKU.format(inputs[0]), "one": SUDOKU.format(labels[0]), "another": SUDOKU.format(inputs[0]),
        "steps": [f"r{blank // 4 + 1}c{blank % 4 + 1}={SUDOKU.format(labels[0])[blank]}"],
        "rows": {**grids, "left": torch.zeros(1, dtype=torch.int64), "span": torch.ones(1, dtype=torch.int64)},
    }  # fmt: skip
    exec(compile(program, "README.md", "exec"), given)


def test_what_the_hub_refuses_when_a_model_is_sent_is_told_in_one_line(
    writable: type[Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model()
    with pytest.raises(ValueError, match=r"^repo=other/mine: the Hugging Face Hub gives: 403 Forbidden: [^\n]*$"):
        model.push_to_hub("other/mine")
    with pytest.raises(ValueError, match=r"^repo=mine: must have the form ORGANISATION/NAME$"):
        model.push_to_hub("mine")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"^repo=org/mine: .*: pip install 'hrm-net\[hub\]'$"):
        model.push_to_hub("org/mine")


def test_a_card_that_is_there_is_kept_and_results_are_checked(tmp_path: Path) -> None:
    model = small_model()
    (tmp_path / "README.md").write_text("my own", encoding="utf-8")
    model.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text("utf-8") == "my own"
    (tmp_path / "wrong.json").write_text('{"sets": [1]}', encoding="utf-8")
    for results, words in (("wrong.json", "has no object `sets`"), ("none.json", "No such file or directory")):
        with pytest.raises(ValueError, match=rf"^results=.*{re.escape(results)}: {words}"):
            model.save_pretrained(tmp_path / "new", results=tmp_path / results)
    assert not (tmp_path / "new").exists()
