"""What a data directory must satisfy: each fault is a UserError of one line with file, place, value and bound."""

import math
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from puzzles.errors import UserError
from puzzles.text_input import foreign_kind

_NUMBERS = {  # the lowest and the highest value
    "pad_id": (0, 0),
    "blank_identifier_id": (0, None),
    "vocab_size": (2, None),
    "seq_len": (1, None),
    "num_puzzle_identifiers": (1, None),
}
_COUNTS = ("total_groups", "total_puzzles")  # may be absent or null: the arrays tell
_CHUNK_ROWS = 1 << 16
_MAX_NUMBER = 1 << 31


def metadata(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    """The keys that are known, each of its type and in its range; other keys are ignored.

    `total_groups`, `total_puzzles` and `mean_puzzle_examples` may be null or absent and are None then.
    """
    known: dict[str, Any] = {}
    for key, (low, high) in _NUMBERS.items():
        known[key] = _whole_number(path, values, key, low, high)
    for key in _COUNTS:
        known[key] = None if values.get(key) is None else _whole_number(path, values, key, 1, None)
    ignore = values.get("ignore_label_id")
    known["ignore_label_id"] = (
        None if ignore is None else _whole_number(path, values, "ignore_label_id", -_MAX_NUMBER, None)
    )
    mean = values.get("mean_puzzle_examples")
    if mean is not None and (isinstance(mean, bool) or not isinstance(mean, int | float) or not 0 < mean < math.inf):
        raise UserError(f"{path}: mean_puzzle_examples={_shown(mean)}: must be a number above 0")
    known["mean_puzzle_examples"] = None if mean is None else float(mean)
    known["sets"] = _set_names(path, values.get("sets"))
    if known["blank_identifier_id"] >= known["num_puzzle_identifiers"]:
        bound = f"must be below num_puzzle_identifiers={known['num_puzzle_identifiers']}"
        raise UserError(f"{path}: blank_identifier_id={known['blank_identifier_id']}: {bound}")
    return known


def _whole_number(path: Path, values: dict[str, Any], key: str, low: int, high: int | None) -> int:
    if key not in values:
        raise UserError(f"{path}: {key}: missing")
    value = values[key]
    most = _MAX_NUMBER if high is None else high
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= most:
        bound = f"a whole number of at least {low}" if high is None else " to ".join(map(str, sorted({low, high})))
        raise UserError(f"{path}: {key}={_shown(value)}: must be {bound}")
    return value


def _set_names(path: Path, names: Any) -> list[str]:
    """The names become parts of file names, so they must not lead to another folder."""
    plain = isinstance(names, list) and all(isinstance(name, str) and re.fullmatch(r"[\w.-]+", name) for name in names)
    if not plain or not names or len(set(names)) < len(names):
        raise UserError(f"{path}: sets={_shown(names)}: must be a list of different names of letters, digits, _ . -")
    return names


def identifiers(path: Path, names: Any, num: int) -> list[str]:
    """The names of all identifiers."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: must hold a list of names")
    if len(names) != num:
        raise UserError(f"{path}: has {len(names)} names: num_puzzle_identifiers={num}")
    return names


def arrays(paths: Mapping[str, Path], known: dict[str, Any]) -> dict[str, np.ndarray]:
    """The five arrays of a set by field, checked one by one and together against `known`, the metadata.

    `inputs` and `labels`, `[num, seq_len]`, are memory-mapped; the others are read, the two `_indices` as int64.
    """
    columns = {field: load(path, 2 if field in ("inputs", "labels") else 1) for field, path in paths.items()}
    inputs, labels = columns["inputs"], columns["labels"]
    if inputs.shape[1] != known["seq_len"]:
        raise UserError(f"{paths['inputs']}: shape {list(inputs.shape)}: must be [num, {known['seq_len']}]")
    if labels.shape != inputs.shape:
        raise UserError(f"{paths['labels']}: shape {list(labels.shape)}: must be {list(inputs.shape)} as inputs")
    for field in ("puzzle_identifiers", "puzzle_indices", "group_indices"):
        columns[field] = np.array(columns[field])
    num_puzzles = len(columns["puzzle_identifiers"])
    _offsets(paths["puzzle_indices"], columns["puzzle_indices"], num_puzzles, len(inputs), "examples")
    _offsets(paths["group_indices"], columns["group_indices"], None, num_puzzles, "puzzles")
    limit = known["num_puzzle_identifiers"]
    _in_range(paths["puzzle_identifiers"], columns["puzzle_identifiers"], limit, "num_puzzle_identifiers")
    _in_range(paths["inputs"], inputs, known["vocab_size"], "vocab_size")
    _in_range(paths["labels"], labels, known["vocab_size"], "vocab_size", known["ignore_label_id"])
    for field in ("puzzle_indices", "group_indices"):
        columns[field] = columns[field].astype(np.int64)
    return columns


def load(path: Path, ndim: int) -> np.ndarray:
    """An integer array out of an npy file, memory-mapped. Never a pickle: objects in it are refused, not run."""
    try:
        with path.open("rb") as file:
            kind = foreign_kind(file.read(64))
        if kind:
            raise UserError(f"{path}: {kind}")
        # Not np.load, which opens archives and asks for trust in pickles; its warnings are faults here.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            array = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise UserError(f"{path}: missing") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a directory") from None
    except UserError:
        raise
    # a damaged header is parsed as Python's literals, which fail in many ways
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"{path}: is not a complete npy file of numbers ({reason})") from None
    if array.dtype.kind not in "iu":
        raise UserError(f"{path}: dtype {array.dtype}: must be integers")
    if array.ndim != ndim or 0 in array.shape:
        dimensions = "[num, seq_len]" if ndim == 2 else "[num]"
        raise UserError(f"{path}: shape {list(array.shape)}: must be {dimensions}, none of them 0")
    return array


def _offsets(path: Path, offsets: np.ndarray, num: int | None, end: int, what: str) -> None:
    """UserError unless the offsets begin with 0, rise, and end with `end`; `num` runs have num + 1 offsets."""
    if num is not None and len(offsets) != num + 1:
        raise UserError(f"{path}: has {len(offsets)} offsets: must be {num + 1}, one more than puzzles")
    if len(offsets) < 2:
        raise UserError(f"{path}: has 1 offset: must be at least 2")
    if offsets[0] != 0:
        raise UserError(f"{path}[0]={offsets[0]}: must be 0")
    # compared rather than subtracted: the difference of unsigned numbers is never negative
    flat = np.flatnonzero(offsets[1:] <= offsets[:-1])
    if len(flat):
        at = int(flat[0]) + 1
        raise UserError(f"{path}[{at}]={offsets[at]}: must be above the offset before it, {offsets[at - 1]}")
    if offsets[-1] != end:
        raise UserError(f"{path}[{len(offsets) - 1}]={offsets[-1]}: must be {end}, the number of {what}")


def _in_range(path: Path, values: np.ndarray, limit: int, bound: str, besides: int | None = None) -> None:
    """UserError unless every value lies in 0 to limit - 1 or is `besides`."""
    for start in range(0, len(values), _CHUNK_ROWS):
        part = np.asarray(values[start : start + _CHUNK_ROWS])
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
    """UserError where the metadata counts something else than what the arrays hold."""
    for key, count in zip(_COUNTS, (groups, puzzles), strict=True):
        if known[key] not in (None, count):
            raise UserError(f"{path}: {key}={known[key]}: the sets have {count}")
    mean = known["mean_puzzle_examples"]
    if mean is not None and not math.isclose(mean, examples / puzzles, rel_tol=1e-6):
        counted = f"{examples} examples of {puzzles} puzzles are {examples / puzzles:g}"
        raise UserError(f"{path}: mean_puzzle_examples={mean:g}: {counted}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
