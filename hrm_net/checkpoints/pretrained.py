"""A model as two files that people pass around: config.json and model.safetensors."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from torch import Tensor, nn

from hrm_net.nn.config import HRMConfig
from puzzles.errors import UserError

CONFIG, WEIGHTS = "config.json", "model.safetensors"
SHIPPED = Path(__file__).parents[1] / "weights"
Model = TypeVar("Model", bound=nn.Module)


def shipped(name: str | Path) -> Path | None:
    """The directory of the weights that ship with the package under this name; None where it is no such name."""
    found = SHIPPED / name
    plain = isinstance(name, str) and name == found.name and not Path(name).exists()
    return found if plain and (found / CONFIG).is_file() else None


def state(model: nn.Module) -> dict[str, Tensor]:
    """The state dict as safetensors wants it: contiguous, and shared weights once, under their L name."""
    tensors, seen = {}, set()
    for name, tensor in model.state_dict().items():
        # H and L of a shared stack are one memory.
        if tensor.data_ptr() not in seen or tensor.numel() == 0:
            tensors[name] = tensor.detach().contiguous()
            seen.add(tensor.data_ptr())
    return tensors


def load_state(model: nn.Module, tensors: dict[str, Tensor], names: Mapping[str, str] | None = None) -> None:
    """Copy `tensors` into `model`; ValueError that names, one a line, what is missing, surplus or of another shape.

    `names`: what some weights are called where they come from, for the message.
    """
    expected = state(model)
    called = dict(names or {})
    missing, surplus = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    faults = [f"missing {called.get(name, name)}" for name in missing]
    faults += [f"surplus {called.get(name, name)}" for name in surplus]
    faults += [
        f"{called.get(name, name)} {tuple(tensors[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in sorted(expected.keys() & tensors.keys())
        if tensors[name].shape != expected[name].shape
    ]
    if faults:
        raise UserError("weights do not fit the model: " + at_most_ten_lines(faults))
    model.load_state_dict(tensors, strict=False)


def at_most_ten_lines(faults: list[str]) -> str:
    """All faults, one a line; beyond ten lines the last one counts the rest."""
    shown = faults if len(faults) <= 10 else [*faults[:9], f"and {len(faults) - 9} more"]
    return "\n".join(shown)


def save(model: nn.Module, directory: Path, extra: dict[str, Any] | None = None) -> None:
    """Write both files; `extra` joins the configuration under keys of its own (the puzzle it solves, say)."""
    directory.mkdir(parents=True, exist_ok=True)
    config = {"model": asdict(model.config), **(extra or {})}  # pyright: ignore[reportArgumentType]
    (directory / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    # Not save_file, which hides the weights from other users of the machine.
    (directory / WEIGHTS).write_bytes(safetensors.torch.save(state(model)))


def read_config(directory: Path) -> dict[str, Any]:
    """config.json as a dict; ValueError where it is missing or no JSON object with a model."""
    path = directory / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: no JSON: {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise UserError(f"{path}: has no object `model`")
    return config


def hrm_config(values: dict[str, Any]) -> HRMConfig:
    """A solver's configuration; ValueError for a key that is unknown, TypeError for one missing."""
    unknown = sorted(values.keys() - set(HRMConfig.__dataclass_fields__))
    if unknown:
        shown = " ".join(f"{unknown[0]}={values[unknown[0]]}".split())
        raise UserError(f"model.{shown}: unknown key")
    return HRMConfig(**values)


def load(cls: Callable[..., Model], directory: Path, config_of: Callable[[dict[str, Any]], Any] = hrm_config) -> Model:
    """A model in eval mode, in fp32 on the CPU; `config_of` makes its configuration of what config.json holds."""
    values = read_config(directory)["model"]
    try:
        model = cls(config_of(values), torch.Generator().manual_seed(0))
    except (TypeError, ValueError) as error:
        raise UserError(f"{directory / CONFIG}: {error}") from None
    try:
        tensors = safetensors.torch.load_file(directory / WEIGHTS)
    except FileNotFoundError:
        raise UserError(f"{directory / WEIGHTS}: no such file") from None
    except safetensors.SafetensorError as error:
        raise UserError(f"{directory / WEIGHTS}: not readable: {error}") from None
    load_state(model, tensors)
    return model.eval()
