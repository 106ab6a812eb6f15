"""`python -m hrm_net.commands.generate_conf`: writes the keys of conf/, their comments and values, from the schema.

Defaults live in the dataclasses. A file's header and its Hydra sections are written by hand and kept, and so are files
of one variant that inherit from another file of their group (conf/optim/adamw.yaml) or set other groups (conf/puzzle).
"""

import textwrap
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, is_dataclass
from itertools import takewhile
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from hrm_net import schema
from hrm_net.evaluation.config import ComputeCurveConfig
from hrm_net.nn.config import HRMConfig
from hrm_net.policy.config import PolicyRunConfig
from hrm_net.recipes.compose import config_dir
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from hrm_net.reward.config import RewardConfig
from hrm_net.reward.search.config import SearchConfig
from hrm_net.trainer.optim import OptimConfig
from hrm_net.trainer.tracking import LoggerConfig

WIDTH = 120
# What the puzzle sets in a model.
SIZES = ("vocab_size", "seq_len", "num_puzzle_ids", "grid_width", "box_rows")


@dataclass(kw_only=True, slots=True)
class Generated:
    """A file of conf/: the dataclass behind it, values that it sets, and the keys it leaves out, or alone has."""

    path: str
    cls: type
    values: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


HEADS = ["orm", "prm", "pqm", "hier", "cond"]
FILES = (
    Generated(path="train.yaml", cls=TrainConfig, without=("model", "puzzle", "optim", "logger", "reward", "policy")),
    Generated(path="evaluate.yaml", cls=EvaluateConfig, without=("solver", "search")),
    Generated(path="model/hrm_27m.yaml", cls=HRMConfig, without=SIZES),
    Generated(path="optim/muon_fast.yaml", cls=OptimConfig),
    Generated(path="logger/none.yaml", cls=LoggerConfig),
    Generated(path="reward/none.yaml", cls=RewardConfig, only=("objectives",)),
    Generated(path="reward/steps.yaml", cls=RewardConfig, values={"objectives": HEADS}, without=("pair",)),
    Generated(
        path="reward/text.yaml",
        cls=RewardConfig,
        values={"objectives": HEADS, "text.path": "phase1_test.jsonl"},
        only=("objectives", "error_share", "loss", "segments", "text"),
    ),
    Generated(
        path="reward/pair.yaml",
        cls=RewardConfig,
        values={"objectives": ["pair"], "regime": "fill", "budget": 36, "cells_per_step": 1, "segments": 8},
        only=(
            "objectives",
            "regime",
            "budget",
            "cells_per_step",
            "policy",
            "segments",
            "start",
            "solver_steps",
            "pair",
        ),
    ),
    Generated(
        path="reward/pair_text.yaml",
        cls=RewardConfig,
        values={"objectives": ["pair"], "segments": 4, "text.path": "candidates.jsonl", "pair.games": 16},
        only=("objectives", "segments", "text", "pair"),
    ),
    Generated(path="policy/none.yaml", cls=PolicyRunConfig, only=("reward",)),
    Generated(path="policy/learned.yaml", cls=PolicyRunConfig, values={"reward": "verifier"}),
    Generated(path="solver/none.yaml", cls=ComputeCurveConfig, only=("name",)),
    Generated(path="solver/curve.yaml", cls=ComputeCurveConfig, values={"name": "curve"}),
    Generated(path="search/none.yaml", cls=SearchConfig, only=("name",)),
    Generated(path="search/full.yaml", cls=SearchConfig, values={"name": "full"}),
)


def main() -> None:
    """Rewrite the files, and say which have changed."""
    for one in FILES:
        path = config_dir() / one.path
        before, after = path.read_text(encoding="utf-8"), text(one)
        if before != after:
            path.write_text(after, encoding="utf-8")
            print(path)


def text(one: Generated) -> str:
    """What a file must be: its header as it is, its keys by the schema, and its section `hydra` as it is."""
    before = (config_dir() / one.path).read_text(encoding="utf-8")
    header = ["\n".join(takewhile(lambda line: line.startswith("#"), before.splitlines()))]
    header += [block for block in before.split("\n\n") if block.startswith("defaults:")]
    hydra = before.partition("\n\nhydra:")[2]
    keys = _keys(one.cls, one.values, one.without, one.only)
    return "\n\n".join([*header, keys]) + (f"\n\nhydra:{hydra}" if hydra else "\n")


def _keys(
    cls: type, values: dict[str, Any], without: tuple[str, ...] = (), only: tuple[str, ...] = (), indent: int = 0
) -> str:
    meanings, hints, lines = schema.descriptions(cls), get_type_hints(cls), []
    for one in fields(cls):  # pyright: ignore[reportArgumentType]
        if one.name in without or (only and one.name not in only):
            continue
        space = " " * indent
        meaning = _with_choices(meanings[one.name], hints[one.name])
        comment = textwrap.wrap(meaning, WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False)
        lines += [f"{space}# {line}" for line in comment]
        default = _default(one)
        if is_dataclass(default):
            below = {
                key.removeprefix(f"{one.name}."): value
                for key, value in values.items()
                if key.startswith(f"{one.name}.")
            }
            lines += [f"{space}{one.name}:", _keys(type(default), below, indent=indent + 2)]
        else:
            lines.append(f"{space}{one.name}: {_yaml(values.get(one.name, default))}")
    return "\n".join(lines)


def _with_choices(meaning: str, hint: Any) -> str:
    """The meaning of a key, with its choices where it does not say them."""
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    named = all(choice in meaning for choice in choices)
    return meaning if named else f"{meaning} One of {', '.join(choices)}."


def _default(one: Field[Any]) -> Any:
    default = one.default if one.default is not MISSING else None
    return one.default_factory() if one.default_factory is not MISSING else default


def _yaml(value: Any) -> str:
    """A value on one line, as YAML has it."""
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, list):
        value = [asdict(item) if is_dataclass(item) and not isinstance(item, type) else item for item in value]
    style = '"' if isinstance(value, str) and not value.isprintable() else None
    written = yaml.safe_dump(value, default_flow_style=True, default_style=style, width=10_000, sort_keys=False)
    return written.removesuffix("...\n").strip()


if __name__ == "__main__":
    main()
