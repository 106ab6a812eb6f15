"""A segment as an ONNX file, and its comparison with PyTorch."""

import json
import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hrm_net.export.segment import STATES, Segment, description, initial_states, random_rows
from puzzles.atomic_write import write_text
from puzzles.errors import UserError

MODEL, DESCRIPTION = "model.onnx", "model.json"
TOLERANCE = 1e-3
INSTALL = "pip install 'hrm-net[export]'"


@dataclass(kw_only=True, slots=True)
class Comparison:
    """ONNX Runtime beside PyTorch over several segments of the same rows, each from the state that PyTorch reached."""

    rows: int
    segments: int
    # The largest absolute difference of each output.
    differences: dict[str, float]
    # The share of answers (arg-max of the logits, sign of a scorer's logit) that are the same.
    same_answers: float

    @property
    def passed(self) -> bool:
        """Whether all answers are the same and no output differs by more than 1e-3."""
        return self.same_answers == 1 and max(self.differences.values()) <= TOLERANCE


def check_installed() -> None:
    """UserError, with the command that mends it, where a package of the extra `export` is missing."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        if find_spec(name) is None:
            raise UserError(f"hrm-export onnx needs {name}: {INSTALL}")


def write(segment: Segment, directory: Path, about: dict[str, Any]) -> Comparison:
    """Write model.onnx and model.json into `directory`, which is made; return how it compares with PyTorch.

    `about` goes into model.json: the puzzle and the model's name. RuntimeError, and no file, where the two differ.
    """
    check_installed()
    directory.mkdir(parents=True, exist_ok=True)
    unchecked = directory / f"{MODEL}.unchecked"
    _convert(segment.eval(), unchecked)
    try:
        compared = compare(segment, unchecked)
        if not compared.passed:
            raise RuntimeError(f"the exported file does not compute what PyTorch computes: {compared}")
        write_text(directory / DESCRIPTION, json.dumps(description(segment, about), indent=1) + "\n")
        unchecked.replace(directory / MODEL)
    finally:
        unchecked.unlink(missing_ok=True)
    return compared


def compare(segment: Segment, path: Path, *, num: int = 5, segments: int = 4, seed: int = 1) -> Comparison:
    """Run `num` rows of random ids through both, one row alone and the rest in a batch."""
    session = open_session(path)
    rows = random_rows(segment, num, seed)
    states = initial_states(segment, num)
    differences = dict.fromkeys(segment.outputs, 0.0)
    same: list[np.ndarray] = []
    for _ in range(segments):
        with torch.no_grad():
            expected = segment(*rows.values(), *states)
        whole = (*rows.values(), *states)
        parts = [
            session.run(None, feed(segment, tuple(value[part] for value in whole)))
            for part in (slice(1), slice(1, num))
        ]
        for place, (name, tensor) in enumerate(zip(segment.outputs, expected, strict=True)):
            mine, theirs = tensor.numpy(), np.concatenate([part[place] for part in parts])
            differences[name] = max(differences[name], float(np.abs(mine - theirs).max()))
            if name == "logits":
                same.append((mine.argmax(-1) == theirs.argmax(-1)).ravel())
            elif not name.startswith("next_"):
                same.append((mine > 0) == (theirs > 0))
        states = expected[-2:]
    share = float(np.concatenate(same).mean())
    return Comparison(rows=num, segments=segments, differences=differences, same_answers=share)


def milliseconds(segment: Segment, path: Path, batch_size: int, repeats: int = 5) -> dict[str, float]:
    """The median time of one segment in eager PyTorch and in ONNX Runtime, with as many threads each as PyTorch has."""
    session = open_session(path)
    values = (*random_rows(segment, batch_size, 0).values(), *initial_states(segment, batch_size))
    fed = feed(segment, values)

    def eager() -> None:
        with torch.inference_mode():
            segment(*values)

    return {"torch": _median(eager, repeats), "onnxruntime": _median(lambda: session.run(None, fed), repeats)}


def open_session(path: Path) -> Any:
    """An `onnxruntime.InferenceSession` on the CPU, with as many threads as PyTorch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feed(segment: Segment, tensors: tuple[Tensor, ...]) -> dict[str, np.ndarray]:
    """Inputs and both states by their names in the file."""
    return {name: tensor.numpy() for name, tensor in zip((*segment.limits.limit, *STATES), tensors, strict=True)}


def _convert(segment: Segment, path: Path) -> None:
    values = (*random_rows(segment, 3, 0).values(), *initial_states(segment, 3))
    batch = torch.export.Dim("batch", min=1)
    # The exporter says at each start that torchvision is not installed.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            segment, values, dynamo=True, verbose=False, dynamic_shapes=(tuple({0: batch} for _ in values),),
            input_names=[*segment.limits.limit, *STATES], output_names=list(segment.outputs),
        )  # fmt: skip
    assert program is not None
    program.save(str(path))


def _median(function: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times[1:]))
