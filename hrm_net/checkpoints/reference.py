"""Published checkpoints in and out: Sapient's HRM and Samsung's TRM, in their own names for the weights."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import torch
from torch import Tensor

from hrm_net.checkpoints import pretrained
from hrm_net.checkpoints.published_config import read_published_config
from hrm_net.checkpoints.weights_file import find_state_dict, read_weights_file
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.layer_config import as_json, check_value_types, swiglu_width
from puzzles.errors import UserError

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
# Values that follow neither from names nor from shapes.
ASKED = ("num_heads", "h_cycles", "l_cycles", "max_segments", "seq_len")


class UnknownValuesError(UserError):
    """The weights of a checkpoint leave open the values named in `keys`."""

    def __init__(self, keys: list[str], where: str = "", how: str = "") -> None:
        super().__init__(f"{where}the weights do not determine {', '.join(keys)}: give them as keywords{how}")
        self.keys = keys


def load_reference(source: str | Path | Mapping[str, Tensor], **overrides: Any) -> HRM:
    """The model of a published checkpoint (`torch.save` or safetensors file, or a state dict), in fp32 and eval mode.

    The state dict may lie under any key, behind the prefixes of wrappers, and beside a moving average, which is then
    used (`find_state_dict`); a file written by Lightning is one such. Family, widths, layers, positions and table
    follow from names and shapes, the rest from an all_config.yaml beside the file or from `overrides`, which are named
    as in `HRMConfig` and have the last word. `num_puzzle_ids` given as an override resizes the puzzle table: new rows
    are the mean of the old. UserError for what remains unknown, for files that hold no weights, and, one per line, for
    weights that do not fit.
    """
    unknown = sorted(overrides.keys() - {field.name for field in fields(HRMConfig)})
    if unknown:
        raise UserError(f"{unknown[0]}={as_json(overrides[unknown[0]])}: HRMConfig has no such field")
    check_value_types(overrides, get_type_hints(HRMConfig))
    tensors = _read(source)
    neighbour = {} if isinstance(source, Mapping) else read_published_config(Path(source).parent)
    config = _config(tensors, neighbour, overrides)
    model = HRM(config, torch.Generator().manual_seed(0))
    table = tensors.get(TABLE)
    if table is not None and table.ndim == 2 and len(table) != config.num_puzzle_ids:
        mean = table.mean(dim=0, keepdim=True).expand(max(0, config.num_puzzle_ids - len(table)), -1)
        tensors[TABLE] = torch.cat([table[: config.num_puzzle_ids], mean])
    pretrained.load_state(model, tensors, THEIRS)
    return model.eval()


def save_reference(model: HRM, path: str | Path) -> None:
    """Write the state dict as the originals do: their names behind `_orig_mod.model.inner.`, and nothing else.

    The two initial states are written in bf16, as published, where that changes no bit of them, and in fp32 otherwise.
    UserError for a variant that the published code cannot compute.
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


def _read(source: str | Path | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors in fp32 under our names; UserError for what is not a state dict of finite numbers."""
    where = "" if isinstance(source, Mapping) else f"{source}: "
    found = source if isinstance(source, Mapping) else read_weights_file(Path(source))
    state = find_state_dict(found)
    if state is None:
        raise UserError(f"{where}{_what_it_holds(found)}")
    tensors, faults = {}, []
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            faults.append(f"{name}: of type {str(tensor.dtype).removeprefix('torch.')}, must be floating-point")
        elif not torch.isfinite(tensor).all():
            faults.append(f"{name}: has numbers that are not finite")
        else:
            tensors[NAMES.get(name, name)] = tensor.float()
    if faults:
        raise UserError("weights that cannot be used: " + pretrained.at_most_ten_lines(faults))
    return tensors


def _what_it_holds(found: Any) -> str:
    if not isinstance(found, Mapping):
        return f"holds no state dict of tensors, but an object of type {type(found).__name__}"
    if not found:
        return "holds no weights at all"
    keys = ", ".join(" ".join(ascii(key)[:40].split()) for key in list(found)[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return f"neither an HRM nor a TRM: no L_level among the weights; its keys are {keys}{more}"


def _config(tensors: Mapping[str, Tensor], neighbour: dict[str, Any], overrides: dict[str, Any]) -> HRMConfig:
    """The family's values, then those of all_config.yaml, of the weights' names and shapes, and of the caller."""
    names = tensors.keys()
    tokens = tensors.get("codec.embed_tokens")
    if tokens is None or tokens.ndim != 2:
        raise UserError("neither an HRM nor a TRM: no embed_tokens among the weights")
    family = "HRM" if any(name.startswith("H_level.") for name in names) else "TRM"
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
    values: dict[str, Any] = {"positions": "rope"} | FAMILIES[family] | neighbour | seen | overrides
    _fill_in_lengths(values, tensors, PREFIX_LEN[family])
    if values["block"] == "mixer":
        values.setdefault("num_heads", 1)
    unknown = [key for key in ASKED if key not in values]
    if unknown:
        raise UnknownValuesError(unknown)
    return HRMConfig(**(values if "expansion" in overrides else _with_widths(values, tensors)))


def _fill_in_lengths(values: dict[str, Any], tensors: Mapping[str, Tensor], prefix_len: int) -> None:
    """Fill in seq_len or prefix_len from weights with one row per token; without any, the family's prefix_len."""
    along = next((tensors[name] for name in ("codec.embed_pos", MIXER) if name in tensors), None)
    if along is not None and "seq_len" in values and len(along) >= values["seq_len"]:
        values.setdefault("prefix_len", len(along) - values["seq_len"])
    values.setdefault("prefix_len", prefix_len)
    if along is not None:
        values.setdefault("seq_len", len(along) - values["prefix_len"])


def _with_widths(values: dict[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The values with an `expansion` that gives SwiGLUs the width of the weights: the published 4 where it does."""
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
