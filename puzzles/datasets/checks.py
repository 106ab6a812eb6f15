"""What a data directory must satisfy: each fault is a ValueError of one line with file, place, value and bound."""

import math
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from puzzles.errors import UserError

_NUMBERS = {
    "pad_id": (0, 0),
    "blank_identifier_id": (0, None),
    "vocab_size": (2, None),
    "seq_len": (1, None),
    "num_puzzle_identifiers": (1, None),
    "total_groups": (1, None),
}
_ROWS = 1 << 16  # looked at together
_MOST = 1 << 31


def metadata(path: Path, values: Any) -> dict[str, Any]:
    """The keys that are known, each of its type and in its range; further keys are passed over."""
    if not isinstance(values, dict):
        raise UserError(f"{path}: must hold an object")
    found: dict[str, Any] = {}
    for key, (low, high) in _NUMBERS.items():
        found[key] = _whole(path, values, key, low, high)
    ignore = values.get("ignore_label_id")
    found["ignore_label_id"] = None if ignore is None else _whole(path, values, "ignore_label_id", -_MOST, None)
    if values.get("total_puzzles") is not None:
        found["total_puzzles"] = _whole(path, values, "total_puzzles", 1, None)
    mean = values.get("mean_puzzle_examples")
    good = isinstance(mean, int | float) and not isinstance(mean, bool) and 0 < mean < math.inf
    if not good:
        raise UserError(f"{path}: mean_puzzle_examples={_show(mean)}: must be a number above 0")
    found["mean_puzzle_examples"] = float(mean)  # pyright: ignore[reportArgumentType]
    found["sets"] = _set_names(path, values.get("sets"))
    if found["blank_identifier_id"] >= found["num_puzzle_identifiers"]:
        bound = f"must be below num_puzzle_identifiers={found['num_puzzle_identifiers']}"
        raise UserError(f"{path}: blank_identifier_id={found['blank_identifier_id']}: {bound}")
    return found


def _whole(path: Path, values: dict[str, Any], key: str, low: int, high: int | None) -> int:
    if key not in values:
        raise UserError(f"{path}: {key}: missing")
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= (_MOST if high is None else high):
        bound = f"a whole number of at least {low}" if high is None else " to ".join(map(str, sorted({low, high})))
        raise UserError(f"{path}: {key}={_show(value)}: must be {bound}")
    return value


def _set_names(path: Path, names: Any) -> list[str]:
    """They are parts of file names, and come from a file: nothing that could lead elsewhere."""
    plain = isinstance(names, list) and all(isinstance(one, str) and re.fullmatch(r"[\w.-]+", one) for one in names)
    if not plain or not names or len(set(names)) < len(names):
        raise UserError(f"{path}: sets={_show(names)}: must be a list of different names of letters, digits, _ . -")
    return names


def identifiers(path: Path, names: Any, num: int) -> list[str]:
    """The names of all identifiers."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: must hold a list of names")
    if len(names) != num:
        raise UserError(f"{path}: has {len(names)} names: num_puzzle_identifiers={num}")
    return names


def arrays(paths: Mapping[str, Path], known: dict[str, Any]) -> dict[str, np.ndarray]:
    """The five arrays of a set, each one and together as `known` (the metadata) says. Rows are memory-mapped."""
    found = {field: load(path, 2 if field in ("inputs", "labels") else 1) for field, path in paths.items()}
    inputs, labels = found["inputs"], found["labels"]
    if inputs.shape[1] != known["seq_len"]:
        raise UserError(f"{paths['inputs']}: shape {list(inputs.shape)}: must be [num, {known['seq_len']}]")
    if labels.shape != inputs.shape:
        raise UserError(f"{paths['labels']}: shape {list(labels.shape)}: must be {list(inputs.shape)} as inputs")
    for field in ("puzzle_identifiers", "puzzle_indices", "group_indices"):
        found[field] = np.array(found[field])
    num_puzzles = len(found["puzzle_identifiers"])
    _offsets(paths["puzzle_indices"], found["puzzle_indices"], num_puzzles, len(inputs), "examples")
    _offsets(paths["group_indices"], found["group_indices"], None, num_puzzles, "puzzles")
    limit = known["num_puzzle_identifiers"]
    _in_range(paths["puzzle_identifiers"], found["puzzle_identifiers"], limit, "num_puzzle_identifiers")
    _in_range(paths["inputs"], inputs, known["vocab_size"], "vocab_size")
    _in_range(paths["labels"], labels, known["vocab_size"], "vocab_size", known["ignore_label_id"])
    for field in ("puzzle_indices", "group_indices"):
        found[field] = found[field].astype(np.int64)
    return found


def load(path: Path, ndim: int) -> np.ndarray:
    """An integer array out of an npy file, memory-mapped. Never a pickle: objects in it are refused, not run."""
    try:
        # Not np.load, which opens archives and asks for trust in pickles; its warnings are faults here.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise UserError(f"{path}: missing") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a directory") from None
    # a damaged header is parsed as Python's literals, which fail in many ways
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"{path}: is no whole npy file of numbers ({reason})") from None
    if found.dtype.kind not in "iu":
        raise UserError(f"{path}: dtype {found.dtype}: must be integers")
    if found.ndim != ndim or 0 in found.shape:
        dimensions = "[num, seq_len]" if ndim == 2 else "[num]"
        raise UserError(f"{path}: shape {list(found.shape)}: must be {dimensions}, none of them 0")
    return found


def _offsets(path: Path, offsets: np.ndarray, num: int | None, end: int, what: str) -> None:
    """Offsets start at 0, rise, and end at `end`; `num` runs have num + 1 offsets."""
    if num is not None and len(offsets) != num + 1:
        raise UserError(f"{path}: has {len(offsets)} offsets: must be {num + 1}, one more than puzzles")
    if len(offsets) < 2:
        raise UserError(f"{path}: has 1 offset: must be at least 2")
    if offsets[0] != 0:
        raise UserError(f"{path}[0]={offsets[0]}: must be 0")
    # compared rather than subtracted: unsigned differences never are negative
    flat = np.flatnonzero(offsets[1:] <= offsets[:-1])
    if len(flat):
        at = int(flat[0]) + 1
        raise UserError(f"{path}[{at}]={offsets[at]}: must be above the offset before it, {offsets[at - 1]}")
    if offsets[-1] != end:
        raise UserError(f"{path}[{len(offsets) - 1}]={offsets[-1]}: must be {end}, the number of {what}")


def _in_range(path: Path, values: np.ndarray, limit: int, bound: str, besides: int | None = None) -> None:
    """Every value is one of 0 to limit - 1, or `besides`."""
    for start in range(0, len(values), _ROWS):
        part = np.asarray(values[start : start + _ROWS])
        if part.min() >= 0 and part.max() < limit:
            continue
        wrong = (part < 0) | (part >= limit)
        if besides is not None:
            wrong &= part != besides
        if wrong.any():
            first = tuple(int(i) for i in np.argwhere(wrong)[0])
            place = ", ".join(map(str, (first[0] + start, *first[1:])))
            raise UserError(f"{path}[{place}]={part[first]}: must be 0 to {limit - 1}, below {bound}={limit}")


def totals(path: Path, known: dict[str, Any], groups: int, puzzles: int, examples: int) -> None:
    """The metadata counts what the arrays hold."""
    if known["total_groups"] != groups:
        raise UserError(f"{path}: total_groups={known['total_groups']}: the sets have {groups}")
    if known["total_puzzles"] not in (None, puzzles):
        raise UserError(f"{path}: total_puzzles={known['total_puzzles']}: the sets have {puzzles}")
    mean = examples / puzzles
    if not math.isclose(known["mean_puzzle_examples"], mean, rel_tol=1e-6):
        found = f"{examples} examples of {puzzles} puzzles are {mean:g}"
        raise UserError(f"{path}: mean_puzzle_examples={known['mean_puzzle_examples']:g}: {found}")


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
