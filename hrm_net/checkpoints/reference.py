"""Published checkpoints in and out: Sapient's HRM and Samsung's TRM, in their own names for the weights."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from hrm_net.checkpoints import pretrained
from hrm_net.checkpoints.published_config import read_published_config
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.layer_config import swiglu_width
from puzzles.errors import UserError

PREFIXES = ("_orig_mod.", "model.", "inner.")
# Published name -> ours, for a token model; blocks and the halting head are called alike.
NAMES = {
    "embed_tokens.embedding_weight": "codec.embed_tokens",
    "embed_pos.embedding_weight": "codec.embed_pos",
    "lm_head.weight": "codec.lm_head.weight",
    "puzzle_emb.weights": "codec.puzzle_embedding.weight",
}
THEIRS = {ours: name for name, ours in NAMES.items()}
TABLE = "codec.puzzle_embedding.weight"
MIXER = "L_level.layers.0.mlp_t.down_proj.weight"
FAMILIES: dict[str, dict[str, Any]] = {
    "HRM": {"stacks": "two", "gradient": "one_step", "halting": "q_learning"},
    "TRM": {"stacks": "shared", "gradient": "last_cycle", "halting": "halt_only"},
}
PREFIX_LEN = {"HRM": 1, "TRM": 16}
# What neither names nor shapes tell.
ASKED = ("num_heads", "h_cycles", "l_cycles", "max_segments", "seq_len")


def load_reference(source: str | Path | Mapping[str, Tensor], **overrides: Any) -> HRM:
    """The model of a published checkpoint (`torch.save` or safetensors file, or a state dict), in fp32 and eval mode.

    Family, widths, layers, positions and table follow from names and shapes, the rest from a neighbouring
    all_config.yaml or from `overrides`, which are named as in `HRMConfig` and have the last word. `num_puzzle_ids`
    given as an override resizes the puzzle table: new rows are the mean of the old. ValueError for what stays untold,
    for files that are no weights, and, one a line, for misfits.
    """
    unknown = sorted(overrides.keys() - HRMConfig.__dataclass_fields__.keys())
    if unknown:
        raise UserError(f"{unknown[0]}={overrides[unknown[0]]}: HRMConfig has no such field")
    told = {} if isinstance(source, Mapping) else read_published_config(Path(source).parent)
    tensors = _named_as_ours(_read(source))
    config = _config(tensors, told, overrides)
    model = HRM(config, torch.Generator().manual_seed(0))
    table = tensors.get(TABLE)
    if table is not None and table.ndim == 2 and len(table) != config.num_puzzle_ids:
        mean = table.mean(dim=0, keepdim=True).expand(max(0, config.num_puzzle_ids - len(table)), -1)
        tensors[TABLE] = torch.cat([table[: config.num_puzzle_ids], mean])
    pretrained.load_state(model, tensors, THEIRS)
    return model.eval()


def save_reference(model: HRM, path: str | Path) -> None:
    """Write the state dict as the originals do: their names behind `_orig_mod.model.inner.`, and nothing else.

    The two start vectors go out in bf16, as published, where that changes no bit of them, in fp32 otherwise. ValueError
    for a variant that the originals cannot compute.
    """
    published = {
        "codec": ("tokens",),
        "positions": ("rope", "learned", "none"),
        "state": ("fixed",),
        "damping": (0,),
        "noise": (0,),
    }
    for key, values in published.items():
        if getattr(model.config, key) not in values:
            raise UserError(f"model.{key}={getattr(model.config, key)}: the published code has no such variant")
    state = {}
    for name, tensor in pretrained.state(model).items():
        tensor = tensor.cpu()
        if name in ("H_init", "L_init") and torch.equal(tensor.bfloat16().to(tensor.dtype), tensor):
            tensor = tensor.bfloat16()
        state[f"_orig_mod.model.inner.{THEIRS.get(name, name)}"] = tensor
    torch.save(state, path)


def _read(source: str | Path | Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    if not isinstance(source, Mapping):
        path = Path(source)
        state, where = _read_file(path), f"{path}: "
    else:
        state, where = source, ""
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state.items()
    ):
        raise UserError(f"{where}holds no state dict of tensors")
    if not state:
        raise UserError(f"{where}holds no weights at all")
    return state


def _read_file(path: Path) -> Any:
    if not path.is_file():
        raise UserError(f"{path}: {'is a directory' if path.is_dir() else 'no such file'}")
    try:
        with path.open("rb") as file:
            head = file.read(9)
        # A safetensors file begins with the length of its JSON header.
        if path.suffix == ".safetensors" or head[8:] == b"{":
            return safetensors.torch.load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged file or a pickle with code in it makes the readers raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: no weights that can be read safely: {reason}") from None


def _named_as_ours(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors in fp32 under our names; ValueError for those that are no finite numbers."""
    tensors, faults = {}, []
    for name, tensor in state.items():
        ours = _ours(name)
        if ours in tensors:
            faults.append(f"{name}: there twice")
        elif not tensor.is_floating_point():
            faults.append(f"{name}: of type {str(tensor.dtype).removeprefix('torch.')}, must be floating-point")
        elif not torch.isfinite(tensor).all():
            faults.append(f"{name}: has numbers that are not finite")
        else:
            tensors[ours] = tensor.float()
    if faults:
        raise UserError("weights that are none: " + pretrained.at_most_ten_lines(faults))
    return tensors


def _ours(name: str) -> str:
    while name.startswith(PREFIXES):
        name = name.removeprefix(next(prefix for prefix in PREFIXES if name.startswith(prefix)))
    return NAMES.get(name, name)


def _config(tensors: Mapping[str, Tensor], told: dict[str, Any], overrides: dict[str, Any]) -> HRMConfig:
    """The family's values, what the weights tell, the neighbour's word on the rest, and last the caller's."""
    names = tensors.keys()
    stacks = {name.split(".")[0] for name in names} & {"H_level", "L_level"}
    tokens = tensors.get("codec.embed_tokens")
    if "L_level" not in stacks or tokens is None or tokens.ndim != 2:
        raise UserError("neither an HRM nor a TRM: no L_level and embed_tokens among the weights")
    family = "HRM" if "H_level" in stacks else "TRM"
    mixer, learned = MIXER in names, "codec.embed_pos" in names
    seen: dict[str, Any] = {
        "vocab_size": tokens.shape[0],
        "hidden_size": tokens.shape[1],
        "h_layers": _layers(names, "H_level") or 1,
        "l_layers": _layers(names, "L_level"),
        "block": "mixer" if mixer else "attention",
    }
    if mixer or learned:
        seen["positions"] = "learned" if learned else "none"
    if TABLE in names:
        seen["num_puzzle_ids"] = len(tensors[TABLE])
    else:
        seen["prefix_len"] = 0
    values: dict[str, Any] = {"positions": "rope"} | FAMILIES[family] | told | seen | overrides
    _tell_lengths(values, tensors, PREFIX_LEN[family])
    if values["block"] == "mixer":
        values.setdefault("num_heads", 1)
    untold = [key for key in ASKED if key not in values]
    if untold:
        raise UserError(f"the weights do not tell {', '.join(untold)}: give them as keywords")
    return HRMConfig(**(values if "expansion" in overrides else _with_widths(values, tensors)))


def _tell_lengths(values: dict[str, Any], tensors: Mapping[str, Tensor], prefix_len: int) -> None:
    """Fill in seq_len, or the prefix, from weights that run along the tokens, and the family's prefix otherwise."""
    along = next((tensors[name] for name in ("codec.embed_pos", MIXER) if name in tensors), None)
    if along is not None and "seq_len" in values and len(along) >= values["seq_len"]:
        values.setdefault("prefix_len", len(along) - values["seq_len"])
    values.setdefault("prefix_len", prefix_len)
    if along is not None:
        values.setdefault("seq_len", len(along) - values["prefix_len"])


def _with_widths(values: dict[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The values with an `expansion` that makes SwiGLUs as wide as the weights' are, the published 4 if it can."""
    down = {"mlp": values["hidden_size"], "mlp_t": values["prefix_len"] + values["seq_len"]}
    widths = [
        (dim, tensors[name].shape[1])
        for part, dim in down.items()
        if (name := f"L_level.layers.0.{part}.down_proj.weight") in tensors and tensors[name].ndim == 2
    ]
    multiple = values.get("mlp_multiple", 256)
    expansions = [values.get("expansion", 4.0), *(1.5 * width / dim for dim, width in widths if dim)]
    for expansion in expansions:
        if all(swiglu_width(dim, expansion, multiple) == width for dim, width in widths):
            return values | {"expansion": expansion}
    return values


def _layers(names: Iterable[str], stack: str) -> int:
    numbers = [int(found[1]) for name in names if (found := re.match(rf"{stack}\.layers\.(\d+)\.", name))]
    return max(numbers, default=-1) + 1
