"""all_config.yaml, which published runs write beside their checkpoints, as fields of HRMConfig."""

from pathlib import Path
from typing import Any

from hrm_net.nn.layer_config import as_json, as_name
from puzzles.errors import UserError

FILE = "all_config.yaml"
# HRMConfig's field -> the published key and the type of its value.
KEYS: dict[str, tuple[str, type]] = {
    "num_heads": ("num_heads", int),
    "h_cycles": ("H_cycles", int),
    "l_cycles": ("L_cycles", int),
    "max_segments": ("halt_max_steps", int),
    "exploration": ("halt_exploration_prob", float),
    "expansion": ("expansion", float),
    "seq_len": ("seq_len", int),
    "positions": ("pos_encodings", str),
    "prefix_len": ("puzzle_emb_len", int),
}

POSITIONS = ("rope", "learned", "none")


def read_published_config(directory: Path) -> dict[str, Any]:
    """HRMConfig's values as the file in `directory` gives them; {} without a file. UserError where it is not YAML.

    The keys lie under `arch`; `seq_len`, which comes from the data, may lie under `data` or at the top.
    """
    import yaml

    file = directory / FILE
    if not file.is_file():
        return {}
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: is not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(values, dict):
        raise UserError(f"{file}: does not hold a mapping of keys")
    sections = [part for part in (values.get("arch"), values.get("data"), values) if isinstance(part, dict)]
    found = {}
    for field, (key, kind) in KEYS.items():
        value = next((section[key] for section in sections if section.get(key) is not None), None)
        if value is not None:
            found[field] = _typed(file, key, kind, value)
    if found.get("prefix_len") == 0:  # published for "as many tokens as the embedding fills"
        found["prefix_len"] = 1
    return found


def _typed(file: Path, key: str, kind: type, value: Any) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        words = {int: "a whole number", float: "a number", str: "text"}
        raise UserError(f"{file}: {key}={as_name(value) if kind is str else as_json(value)}: must be {words[kind]}")
    if key == "pos_encodings" and value not in POSITIONS:
        raise UserError(f"{file}: {key}={value}: must be one of {', '.join(POSITIONS)}")
    return value
