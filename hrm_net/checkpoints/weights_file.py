"""Reads a file of weights from elsewhere, without running any code in it, or says what the file is instead."""

import collections
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import safetensors
import safetensors.torch
import torch
import torch._utils
from torch import Tensor

from puzzles.errors import UserError

# Words by which training code calls a moving average of the weights, and things that are not weights.
AVERAGE = re.compile(r"ema|shadow|averag|swa", re.IGNORECASE)
OTHERS = re.compile(r"optim|sched|loop|callback|hyper|config|args|rng", re.IGNORECASE)
# What wrappers put in front of the names of weights.
WRAPPERS = ("_orig_mod", "module", "model", "inner", "net", "network", "online_model", "state_dict")
# What averages count beside the weights.
COUNTERS = ("n_averaged", "num_updates", "initted", "step", "decay")
DEEPEST = 4
WEB_PAGE = (
    "is a web page, not weights; download the file itself (on the Hugging Face Hub: /resolve/ in its address in place "
    "of /blob/)"
)
LFS_POINTER = (
    "is a Git LFS pointer, a few lines of text in place of the weights; fetch the file itself with: git lfs pull, or "
    "download it from the page of the repository"
)
# What files begin with that are something other than weights.
BEGINNINGS = (
    (b"version https://git-lfs", LFS_POINTER),
    (b"\x1f\x8b", "is a gzip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it first"),
    (b"\xfd7zXZ", "is an xz archive; unpack it first"),
    (b"(\xb5/\xfd", "is a zstd archive; unpack it first"),
    (b"Rar!", "is a rar archive; unpack it first"),
    (b"GGUF", "is a GGUF file of a language model, not an HRM or a TRM"),
    (b"\x89HDF", "is an HDF5 file; only PyTorch and safetensors files can be read"),
)


class WrongContentError(Exception):
    """A whole file that holds something else than weights; the message goes on from the name of the file."""


def read_weights_file(path: Path) -> Any:
    """What `torch.save` or safetensors put into a file: tensors in nested mappings. UserError of one line otherwise.

    Objects of other classes are replaced by empty placeholders: nothing in the file is ever called or imported.
    """
    if not path.is_file():
        raise UserError(f"{path}: {'is a directory' if path.is_dir() else 'no such file'}")
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if other := _what_else(head):
        raise UserError(f"{path}: {other}")
    try:
        # A safetensors file begins with the length of its JSON header.
        if path.suffix == ".safetensors" or head[8:9] == b"{":
            return safetensors.torch.load_file(path)
        return _load_pickle(path)
    except WrongContentError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # whatever a damaged file makes the readers raise
        if "Invalid magic number" in str(error):
            other = "is a pickle of other objects, not a file of torch.save; write the weights anew with torch.save"
            raise UserError(f"{path}: {other}") from None
        kind = "safetensors" if path.suffix == ".safetensors" or head[8:9] == b"{" else "PyTorch"
        reason = f"it is damaged or was cut off; download it again ({_first_line(error)})"
        raise UserError(f"{path}: is not a whole {kind} file: {reason}") from None


def _what_else(head: bytes) -> str | None:
    """What a file that begins like this is, and how to get the right one; None where it may hold weights."""
    if not head:
        return "is an empty file; was its download interrupted?"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.match(rb"<(!doctype|html|head|\?xml|!--)", text, re.IGNORECASE):
        return (
            "is a web page, not weights; download the file itself (on the Hugging Face Hub: /resolve/ in its address \
in place of /blob/)"
        )
    for beginning, what in BEGINNINGS:
        if text.startswith(beginning):
            return what
    if head[257:262] == b"ustar":
        return "is a tar archive; unpack it first"
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    if printable == len(head) and head[8:9] != b"{":
        return f"is a text file, not weights; it begins with {text[:40].decode('ascii', 'replace')!r}"
    return None


def _load_pickle(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if any(name.endswith("constants.pkl") for name in names):
            raise WrongContentError("is a TorchScript program, not weights; only state dicts are read")
        if not any(name.endswith("data.pkl") for name in names):
            raise WrongContentError(f"is a zip archive with {len(names)} files, not a checkpoint; unpack it first")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = torch.load(path, map_location="cpu", weights_only=False, pickle_module=_INERT)
    if isinstance(found, _Placeholder):
        raise WrongContentError(
            f"holds a whole Python object ({found.path}), not weights; where its code is at hand, write the weights "
            "alone: torch.save(model.state_dict(), FILE)"
        )
    return found


class _Placeholder:
    """Stands for an object of a class that is not needed for weights; takes whatever a pickle does to it."""

    path = "?"
    dump_patches = False  # PyTorch asks this of the class of a pickled module

    def __new__(cls, *args: object, **kwargs: object) -> "_Placeholder":
        return super().__new__(cls)

    def __init__(self, *args: object, **kwargs: object) -> None:
        pass

    def __call__(self, *args: object, **kwargs: object) -> "_Placeholder":
        return self

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __hash__(self) -> int:
        return id(self)

    def append(self, item: object) -> None:
        """As a pickle fills a list."""

    def extend(self, items: object) -> None:
        """As a pickle fills a list."""

    def add(self, item: object) -> None:
        """As a pickle fills a set."""


# The only names of which a pickle gets the real thing.
_REAL: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor"): torch._utils._rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    ("torch", "Size"): torch.Size,
    ("torch", "device"): torch.device,
}


class _InertUnpickler(pickle.Unpickler):
    """Finds tensors and mappings, and a placeholder for every other class or function."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        if found := _REAL.get((module_name, global_name)):
            return found
        if module_name == "torch" and isinstance(dtype := getattr(torch, global_name, None), torch.dtype):
            return dtype
        return type("_Placeholder", (_Placeholder,), {"path": f"{module_name}.{global_name}"})


def _load(file: Any, **options: Any) -> Any:
    return _InertUnpickler(file, **options).load()


_INERT = SimpleNamespace(Unpickler=_InertUnpickler, load=_load, __name__="pickle")


def find_state_dict(found: Any) -> dict[str, Tensor] | None:
    """The weights among all that a training program saved together, by their names without the prefixes of wrappers.

    A state dict is a mapping with names like `L_level...`, under any key (`state_dict`, `model`, ...). Where there is a
    moving average of the weights too, by a key or a prefix like `ema` or `shadow`, its values take the place of the
    weights' own, as published programs evaluate them; what has no average (buffers, puzzle table) stays. None where
    there is no state dict at all, UserError for a weight that is there twice.
    """
    weights: dict[str, Tensor] = {}
    averages: dict[str, Tensor] = {}
    for keys, mapping in _mappings(found, ()):
        parts: tuple[dict[str, Tensor], dict[str, Tensor]] = ({}, {})
        for name, tensor in mapping.items():
            if not isinstance(name, str) or not isinstance(tensor, Tensor):
                continue
            bare, average = _without_wrappers(name)
            if bare in COUNTERS:
                continue
            part = parts[average or any(AVERAGE.search(key) for key in keys)]
            if bare in part:
                raise UserError(f"weights that cannot be used: {name}: there twice")
            part[bare] = tensor
        for target, part in zip((weights, averages), parts, strict=True):
            if not target and any(name.startswith("L_level.") for name in part):
                target.update(part)
    return weights | averages or None


def _without_wrappers(name: str) -> tuple[str, bool]:
    """The name of a weight without prefixes, and whether one of them says that it is an average."""
    average = False
    while "." in name:
        first, rest = name.split(".", 1)
        is_average = AVERAGE.search(first) is not None
        if first not in WRAPPERS and not is_average:
            break
        name, average = rest, average or is_average
    return name, average


def _mappings(found: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[Any, Any]]]:
    """Every mapping in a nest of mappings, the outer ones first, without those of optimizers and settings."""
    if not isinstance(found, Mapping) or len(keys) > DEEPEST:
        return
    yield keys, found
    for key, value in found.items():
        if isinstance(value, Mapping) and not OTHERS.search(str(key)):
            yield from _mappings(value, (*keys, str(key)))


def _first_line(error: Exception) -> str:
    """The first line of a message of PyTorch, without the codes by which terminals change colours."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return ascii(lines[0][:160])[1:-1] if lines else type(error).__name__
