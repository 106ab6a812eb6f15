"""A model as the files that people pass around: config.json, model.safetensors, and a card that explains them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import safetensors.torch
import torch
from torch import Tensor, nn

from hrm_net.checkpoints.card import CARD, RESULTS, model_card, read_results
from hrm_net.checkpoints.hub import download, is_hub_id
from hrm_net.checkpoints.weights_file import read_weights_file
from hrm_net.distributed.sharding import share_of
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.layer_config import as_json, as_name, check_value_types
from puzzles.errors import UserError

CONFIG, WEIGHTS = "config.json", "model.safetensors"
SHIPPED = Path(__file__).parents[1] / "weights"
Model = TypeVar("Model", bound=nn.Module)
Config = TypeVar("Config")


def shipped(name: str | Path) -> Path | None:
    """The directory of the weights that ship with the package under this name; None where none do."""
    found = SHIPPED / name
    plain = isinstance(name, str) and name == found.name and not Path(name).exists()
    return found if plain and (found / CONFIG).is_file() else None


def state(model: nn.Module) -> dict[str, Tensor]:
    """The state dict as safetensors wants it: contiguous, and shared weights once, under their L name."""
    tensors, seen = {}, set()
    # With `keep_vars`, a weight that H and L share is one and the same object.
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            tensors[name] = tensor.detach().contiguous()
            seen.add(id(tensor))
    return tensors


def check_fits(model: nn.Module, tensors: dict[str, Tensor], names: Mapping[str, str] | None = None) -> None:
    """UserError that names, one per line, what is missing, surplus or of another shape in `tensors`.

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


def load_state(model: nn.Module, tensors: dict[str, Tensor], names: Mapping[str, str] | None = None) -> None:
    """Copy `tensors` into `model`, where `check_fits` finds nothing wrong with them."""
    check_fits(model, tensors, names)
    mine = state(model)
    model.load_state_dict({name: share_of(tensor, mine[name]) for name, tensor in tensors.items()}, strict=False)


def at_most_ten_lines(faults: list[str]) -> str:
    """All faults, one per line; beyond ten lines the last line counts the rest."""
    shown = faults if len(faults) <= 10 else [*faults[:9], f"and {len(faults) - 9} more"]
    return "\n".join(shown)


def save(
    model: nn.Module,
    directory: Path,
    extra: dict[str, Any] | None = None,
    *,
    source: str | None = None,
    results: Mapping[str, Any] | str | Path | None = None,
) -> None:
    """Write config.json, model.safetensors and the model card README.md.

    `extra` goes into config.json beside `model` (such as the puzzle that the model solves). `source`: what the card
    calls the model (None: the directory's name). `results`: what `python evaluate.py` wrote, a dict or its file; it is
    written as results.json. A README.md that is there is kept: people write cards by hand.
    """
    found = None if results is None else read_results(results)
    directory.mkdir(parents=True, exist_ok=True)
    config = {"model": asdict(model.config), **(extra or {})}  # pyright: ignore[reportArgumentType]
    (directory / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    # Unlike safetensors' save_file, this leaves the file readable by other users of the machine.
    (directory / WEIGHTS).write_bytes(safetensors.torch.save(state(model)))
    if found is not None:
        (directory / RESULTS).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if not (directory / CARD).exists():
        parameters = sum(parameter.numel() for parameter in model.parameters())
        card = model_card(config, parameters, source or directory.resolve().name, found)
        (directory / CARD).write_text(card, encoding="utf-8")


def find(source: str | Path, revision: str | None = None) -> Path:
    """The directory of a model: one that exists, that of shipped weights of this name, or what the Hub has.

    UserError for a `revision` of what is not on the Hub, and for everything that the Hub refuses. A directory that does
    not exist comes back as it is.
    """
    if is_hub_id(source):
        return download(str(source), (CONFIG, WEIGHTS), revision)
    if revision is not None:
        raise UserError(f"revision={revision}: {source} is not a model of the Hugging Face Hub")
    return shipped(source) or Path(source)


def read_config(directory: Path) -> dict[str, Any]:
    """config.json as a dict; UserError where it is missing or is not a JSON object with a model."""
    path = directory / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        if (directory / "checkpoints").is_dir() or (directory / "manifest.json").is_file():
            raise UserError(
                f"{directory}: is the directory of a training run, not of a model; write its best weights with: "
                f"python -c \"from hrm_net.recipes.model_source import export; export('{directory}', 'DIRECTORY')\""
            ) from None
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not JSON: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise UserError(f"{path}: has no object `model`")
    return config


def hrm_config(values: dict[str, Any]) -> HRMConfig:
    """A solver's configuration; UserError for a key that is unknown or missing, and for a value out of bounds."""
    if "core" in values and "objectives" in values:
        raise UserError("holds a step scorer, not a solver; load it with hrm_net.reward.StepScorer.from_pretrained")
    return build_config(HRMConfig, values, "model.")


def build_config(cls: type[Config], values: dict[str, Any], prefix: str) -> Config:
    """The configuration dataclass `cls` from plain values; UserError for a key that is unknown or missing."""
    known = {field.name: field for field in fields(cls)}  # pyright: ignore[reportArgumentType]
    if unknown := sorted(values.keys() - known.keys()):
        raise UserError(f"{prefix}{as_name(unknown[0])}={as_json(values[unknown[0]])}: unknown key")
    needed = [name for name, field in known.items() if field.default is MISSING and field.default_factory is MISSING]
    if missing := [name for name in needed if name not in values]:
        raise UserError(f"{prefix}{missing[0]}: missing; it must be given")
    check_value_types(values, get_type_hints(cls), prefix)
    return cls(**values)


def load(cls: Callable[..., Model], directory: Path, config_of: Callable[[dict[str, Any]], Any] = hrm_config) -> Model:
    """A model in eval mode, in fp32 on the CPU; `config_of` makes its configuration of what config.json holds."""
    values = read_config(directory)["model"]
    try:
        config = config_of(values)
    except UserError as error:
        raise UserError(f"{directory / CONFIG}: {error}") from None
    tensors = read_weights_file(directory / WEIGHTS)
    # On shapes alone first: a number that was mistyped could ask for more memory than there is.
    with torch.device("meta"):
        check_fits(cls(config), tensors)
    model = cls(config, torch.Generator().manual_seed(0))
    load_state(model, tensors)
    return model.eval()
