"""Folders of tiny ARC tasks for tests, and a model that answers them as it is told."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

SIDE = 6


def grid(rng: np.random.Generator) -> list[list[int]]:
    height, width = rng.integers(3, 6, 2)
    return rng.integers(0, 10, (height, width)).tolist()


def task(seed: int, tests: int = 1) -> dict[str, Any]:
    """Three demonstrations and some tests of random grids, 3x3 to 5x5."""
    rng = np.random.default_rng(seed)
    pairs = [{"input": grid(rng), "output": grid(rng)} for _ in range(3 + tests)]
    return {"train": pairs[:3], "test": pairs[3:]}


def folder(path: Path, names: str, *, tests: int = 1, seed: int = 0) -> Path:
    """A folder with a task for each letter of `names`, different wherever seed or letter are."""
    path.mkdir(parents=True, exist_ok=True)
    for name in names:
        (path / f"{name}.json").write_text(json.dumps(task(1000 * seed + ord(name), tests)), encoding="utf-8")
    return path


def two_folders(path: Path) -> Path:
    """`training` with a, b, c and `evaluation` with x, y, z, which have two tests each."""
    folder(path / "training", "cab")
    folder(path / "evaluation", "zxy", tests=2)
    return path


class Answering(nn.Module):
    """Answers question i, by its canvas and identifier, with the canvas it is given for it, else with nothing.

    Before `at` segments it shows the question. It is as sure of each answer as it is told, and never wants to halt.
    """

    def __init__(self, answers: dict[tuple[bytes, int], tuple[np.ndarray, float]], at: int = 2) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.answers, self.at = answers, at
        self.shapes: set[tuple[int, ...]] = set()

    def initial_carry(self, batch):
        return SimpleNamespace(steps=0)

    def forward(self, carry, batch, *, max_segments=None, generator=None):
        assert (batch["labels"] == -100).all(), "a model that is judged sees no answer"
        steps = carry.steps + 1
        self.shapes.add(tuple(batch["inputs"].shape))
        state = batch["inputs"].clone()
        q_halt = torch.zeros(len(state))
        if steps >= self.at:
            for row, (canvas, name) in enumerate(zip(batch["inputs"], batch["puzzle_identifiers"], strict=True)):
                nothing = (np.zeros(len(canvas), np.uint8), 0.0)
                answer, sure = self.answers.get((canvas.numpy().astype(np.uint8).tobytes(), int(name)), nothing)
                state[row], q_halt[row] = torch.from_numpy(answer.astype(np.int32)), sure
        logits = nn.functional.one_hot(state.long(), 12).float() * self.scale
        return SimpleNamespace(steps=steps), SimpleNamespace(logits=logits, q_halt=q_halt, q_continue=q_halt + 1)

    def wants_to_halt(self, out):
        return out.q_halt > out.q_continue


def plain_score(submission: Any, tasks: dict[str, Any]) -> tuple[float, float, float]:
    """The three rules at two tries, from JSON alone."""
    found = [
        [
            pair["output"] in (tries["attempt_1"], tries["attempt_2"])
            for pair, tries in zip(task["test"], submission[name], strict=True)
        ]
        for name, task in tasks.items()
    ]
    outputs = [one for tests in found for one in tests]
    shares = [sum(tests) / len(tests) for tests in found]
    return sum(map(all, found)) / len(found), sum(shares) / len(found), sum(outputs) / len(outputs)
