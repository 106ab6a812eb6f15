"""Hub ids against a stand-in for huggingface_hub, which is not installed in tests."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from hrm_net import HRM
from hrm_net.checkpoints.hub import is_hub_id
from tests.models import small_model


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
