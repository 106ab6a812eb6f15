"""Published checkpoints in and out: Sapient's HRM and Samsung's TRM, in their own names for the weights."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from hrm_net import pretrained
from hrm_net.hrm_config import HRMConfig
from hrm_net.layers import swiglu_width
from hrm_net.model import HRM

PREFIXES = ("_orig_mod.", "model.", "inner.")
# Published name -> ours, for a token model; blocks and the halting head are called alike.
NAMES = {
    "embed_tokens.embedding_weight": "codec.embed_tokens",
    "embed_pos.embedding_weight": "codec.embed_pos",
    "lm_head.weight": "codec.lm_head.weight",
    "puzzle_emb.weights": "codec.puzzle_embedding.weight",
}
# What neither names nor shapes tell, and where a published all_config.yaml says it.
TOLD = {"num_heads": "num_heads", "h_cycles": "H_cycles", "l_cycles": "L_cycles", "max_segments": "halt_max_steps"}
FAMILIES: dict[str, dict[str, Any]] = {
    "HRM": {"stacks": "two", "gradient": "one_step", "halting": "q_learning", "prefix_len": 1},
    "TRM": {"stacks": "shared", "gradient": "last_cycle", "halting": "halt_only", "prefix_len": 16},
}


def load_reference(source: str | Path | Mapping[str, Tensor], **overrides: Any) -> HRM:
    """The model of a published checkpoint (a file, or its state dict), in fp32 and eval mode.

    Family, widths and layers follow from names and shapes, the rest from a neighbouring all_config.yaml or from
    `overrides`, which are named as in `HRMConfig`. `num_puzzle_ids` given as an override resizes the puzzle table: new
    rows are the mean of the old. ValueError for what stays untold, for files that are no weights, for misfits.
    """
    unknown = sorted(overrides.keys() - HRMConfig.__dataclass_fields__.keys())
    if unknown:
        raise ValueError(f"{unknown[0]}={overrides[unknown[0]]}: HRMConfig has no such field")
    told = {} if isinstance(source, Mapping) else _neighbouring_config(Path(source))
    tensors = {_ours(name): tensor.float() for name, tensor in _read(source).items()}
    config = _config(tensors, told, overrides)
    model = HRM(config, torch.Generator().manual_seed(0))
    table = tensors.get("codec.puzzle_embedding.weight")
    if table is not None and len(table) != config.num_puzzle_ids:
        mean = table.mean(dim=0, keepdim=True).expand(max(0, config.num_puzzle_ids - len(table)), -1)
        tensors["codec.puzzle_embedding.weight"] = torch.cat([table[: config.num_puzzle_ids], mean])
    pretrained.load_state(model, tensors)
    return model.eval()


def save_reference(model: HRM, path: str | Path) -> None:
    """Write the state dict under the published names; ValueError for a variant that was never published."""
    if model.config.codec != "tokens":
        raise ValueError(f"model.codec={model.config.codec}: only codec=tokens has published names")
    theirs = {ours: name for name, ours in NAMES.items()}
    state = {f"model.inner.{theirs.get(name, name)}": tensor for name, tensor in pretrained.state(model).items()}
    torch.save(state, path)


def _read(source: str | Path | Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    if isinstance(source, Mapping):
        return source
    path = Path(source)
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged file or a pickle with code in it makes the readers raise
        raise ValueError(f"{path}: no weights that can be read safely: {str(error).splitlines()[0]}") from None
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise ValueError(f"{path}: holds no state dict of tensors")
    return state


def _neighbouring_config(path: Path) -> dict[str, Any]:
    """The arch section of the all_config.yaml that published runs write beside their checkpoints."""
    import yaml

    file = path.parent / "all_config.yaml"
    if not file.is_file():
        return {}
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: no YAML: {' '.join(str(error).split())}") from None
    arch = values.get("arch") if isinstance(values, dict) else None
    return {ours: arch[theirs] for ours, theirs in TOLD.items() if theirs in arch} if isinstance(arch, dict) else {}


def _ours(name: str) -> str:
    while name.startswith(PREFIXES):
        name = name.removeprefix(next(prefix for prefix in PREFIXES if name.startswith(prefix)))
    return NAMES.get(name, name)


def _config(tensors: Mapping[str, Tensor], told: dict[str, Any], overrides: dict[str, Any]) -> HRMConfig:
    """What the weights tell, the family's values, the neighbour's word, and last the caller's."""
    names = tensors.keys()
    stacks = {name.split(".")[0] for name in names} & {"H_level", "L_level"}
    if "L_level" not in stacks or "codec.embed_tokens" not in names:
        raise ValueError("neither an HRM nor a TRM: no L_level and embed_tokens among the weights")
    vocab_size, hidden_size = tensors["codec.embed_tokens"].shape
    values: dict[str, Any] = {
        **FAMILIES["HRM" if "H_level" in stacks else "TRM"],
        "vocab_size": vocab_size,
        "hidden_size": hidden_size,
        "h_layers": _layers(names, "H_level") or 1,
        "l_layers": _layers(names, "L_level"),
        **told,
    }
    if "codec.puzzle_embedding.weight" in names:
        values["num_puzzle_ids"] = len(tensors["codec.puzzle_embedding.weight"])
    else:
        values["prefix_len"] = 0
    mixes = "L_level.layers.0.mlp_t.gate_up_proj.weight"
    values |= {"block": "mixer", "positions": "none"} if mixes in names else {}
    values |= {"positions": "learned"} if "codec.embed_pos" in names else {}
    values |= overrides
    # The token axis tells the length where there are weights along it.
    tokens = {"codec.embed_pos": 0, mixes: 1}
    for name, axis in tokens.items():
        if name in names:
            values.setdefault("seq_len", tensors[name].shape[axis] - values["prefix_len"])
    if values.get("block") == "mixer":
        values.setdefault("num_heads", 1)
    untold = [key for key in (*TOLD, "seq_len") if key not in values]
    if untold:
        raise ValueError(f"the weights do not tell {', '.join(untold)}: give them as keywords")
    return _with_expansion(HRMConfig(**values), tensors, overrides)


def _with_expansion(config: HRMConfig, tensors: Mapping[str, Tensor], overrides: dict[str, Any]) -> HRMConfig:
    width = tensors["L_level.layers.0.mlp.down_proj.weight"].shape[1]
    expected = swiglu_width(config.hidden_size, config.expansion, config.mlp_multiple)
    if width != expected and not {"expansion", "mlp_multiple"} & overrides.keys():
        raise ValueError(
            f"the weights' SwiGLU is {width} wide, expansion=4 makes {expected}: give expansion as a keyword"
        )
    return config


def _layers(names: Any, stack: str) -> int:
    numbers = [int(found[1]) for name in names if (found := re.match(rf"{stack}\.layers\.(\d+)\.", name))]
    return max(numbers, default=-1) + 1
