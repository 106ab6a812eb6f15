"""A run that trained a scorer over a tiny language model, for all tests of this folder."""

import os
from pathlib import Path

import numpy as np
import pytest

from hrm_net import cli
from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.formats.prm800k import Completion, RatedStep, Record
from hrm_net.reward.text.scorer import TextScorer
from tests.language_models import save_llama

SMALL = [
    "experiment=reward_language_model", "reward.text.path=rated.jsonl", "batch_size=8", "puzzle.length=16",
    "compile=false", "model.hidden_size=16", "model.num_heads=2", "model.max_segments=2", "precision=fp32",
    "reward.text.backbone.path=llama", "reward.text.backbone.cache=states", "steps=3", "validation.every=2",
    "device=cpu", "name=small",
]  # fmt: skip


def rated() -> list[Record]:
    """30 solutions of two steps, of which one can be read off the first word."""
    rng = np.random.default_rng(0)

    def step() -> RatedStep:
        found = [Completion(text=f"{'yes' if good else 'no'} {rng.integers(99)}", rating=good) for good in (1, -1, 0)]
        return RatedStep(completions=found, human=None, chosen=0)

    return [
        Record(problem=f"question {i}", answer="1", steps=[step(), step()], finish_reason="solution") for i in range(30)
    ]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the language model in `llama` and the run in `runs/small`."""
    folder = tmp_path_factory.mktemp("language_model_run")
    save_llama(folder / "llama")
    jsonl.write(folder / "rated.jsonl", [prm800k.row(record) for record in rated()])
    before = Path.cwd()
    os.chdir(folder)
    try:
        cli.train(SMALL)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the working directory."""
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def scorer(here: Path) -> TextScorer:
    return TextScorer.from_pretrained("runs/small", "prm")
