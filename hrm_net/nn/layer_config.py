"""The part of a configuration that layers are built from, and the checks that every configuration shares."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le

from puzzles.errors import UserError

# Far beyond any model that fits into a machine: it keeps a slip of the pen, or a damaged file, from overflowing inside
# PyTorch or from building blocks for hours.
MOST = 10**6
Count = Annotated[int, Ge(1), Le(MOST)]


@dataclass(kw_only=True, slots=True)
class LayerConfig:
    """All that a block or a codec may depend on: sizes, positions, and which of each is meant.

    `hrm_net.nn.config.HRMConfig` adds what the recurrence around them needs. A new kind of block that needs a value of
    its own adds it here.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Number of token ids, padding included.
    vocab_size: Count
    # Cells of a puzzle, flattened row by row.
    seq_len: Count
    # Rows of the puzzle-embedding table; id 0 stands for "no puzzle in particular".
    num_puzzle_ids: Annotated[int, Ge(1), Le(2**31 - 1)] = 1
    # Tokens before the cells: the puzzle's embedding comes first, zeros follow (HRM: 1, TRM: 16, 0: no table).
    prefix_len: Annotated[int, Ge(0), Le(MOST)] = 1
    # Width of the state at each token (or at each cell and symbol).
    hidden_size: Count = 512
    # Attention heads; they divide hidden_size.
    num_heads: Count = 8
    # Width of the SwiGLUs: two thirds of expansion * hidden_size, rounded up to a multiple of mlp_multiple.
    expansion: Annotated[float, Gt(0), Le(1000)] = 4.0
    # What the widths of SwiGLUs are rounded up to.
    mlp_multiple: Count = 256
    # Width of the SwiGLU over the cells in symbol blocks, as a multiple of the number of cells.
    cell_expansion: Annotated[float, Gt(0), Le(1000)] = 2.0
    # How a token knows its place: rotary along the sequence or by row and column, learned, or not at all.
    positions: Literal["rope", "rope_2d", "learned", "none"] = "rope"
    # Columns of the grid, for rope_2d and grid blocks.
    grid_width: Annotated[int, Ge(0), Le(MOST)] = 0
    # Rows of a box, for relational blocks, where rows, columns and boxes are the puzzle's units; 0: it has no such.
    box_rows: Annotated[int, Ge(0), Le(MOST)] = 0
    # tokens: one vector per cell; symbols: one vector per cell and symbol, with the same weights for all symbols.
    codec: str = "tokens"
    # Leading token ids that are not symbols (padding and blank), for the symbol codec.
    num_special: Annotated[int, Ge(0), Le(MOST)] = 2
    # attention (HRM, TRM), mixer (TRM without attention), grid (each cell with its neighbours);
    # with codec=symbols: symbol (a learned table of cells) or relational (the puzzle's units).
    block: str = "attention"
    # Attention backend: auto picks by device; explicit, sdpa or flash insist.
    attention: Literal["auto", "explicit", "sdpa", "flash"] = "auto"

    @property
    def num_tokens(self) -> int:
        """Tokens of a state: the prefix and the cells."""
        return self.prefix_len + self.seq_len

    @property
    def num_symbols(self) -> int:
        """Token ids that the symbol codec treats alike."""
        return self.vocab_size - self.num_special

    @property
    def mlp_width(self) -> int:
        """Hidden width of the SwiGLU over the channels."""
        return swiglu_width(self.hidden_size, self.expansion, self.mlp_multiple)


def swiglu_width(dim: int, expansion: float, multiple: int) -> int:
    """Hidden width of a SwiGLU: two thirds of `expansion * dim`, rounded up to a multiple of `multiple`."""
    return -(-max(1, round(expansion * dim * 2 / 3)) // multiple) * multiple


def refuse(key: str, value: object, reason: str) -> None:
    """Raise the UserError for the value of one key of a model."""
    raise UserError(f"model.{key}={value}: {reason}")


def check_types(config: Any, prefix: str = "model.") -> None:
    """Raise UserError for the first field of a dataclass whose value is not of the annotated type.

    Python would take True for 1, and a 2.0 or "2" from a JSON file would fail far from here, or not at all.
    """
    hints = get_type_hints(type(config))
    check_value_types({field.name: getattr(config, field.name) for field in fields(config)}, hints, prefix)


def check_value_types(values: Mapping[str, Any], hints: Mapping[str, Any], prefix: str = "") -> None:
    """`check_types` for values that are not in a dataclass yet. Fields that hold whole objects are passed over."""
    for key, value in values.items():
        if allowed := _misfit(value, hints[key]):
            shown = as_name(value) if get_origin(hints[key]) is Literal else as_json(value)
            raise UserError(f"{prefix}{key}={shown}: must be {allowed}")


def as_json(value: object) -> str:
    """A value on one line of at most about 80 characters, in which the text "2" differs from the number 2."""
    try:
        text = json.dumps(value, default=repr, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError, UnicodeError):
        text = ascii(type(value).__name__)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= 80 else f"{text[:77]}..."


def as_name(value: object) -> str:
    """A value that should be one of a few names: a text stands bare, as one types it."""
    if isinstance(value, str) and value.isprintable() and len(value) <= 80:
        return value
    return as_json(value)


def _misfit(value: object, hint: Any) -> str:
    """What a value of this type must be, in words; "" where the value is one."""
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        return "" if type(value) is str and value in choices else f"one of {', '.join(choices)}"
    if hint is int:
        return "" if type(value) is int else "a whole number"
    if hint is float:
        return "" if is_number(value) else "a finite number"
    if hint is str:
        return "" if type(value) is str else "text"
    return ""


def is_number(value: object) -> bool:
    """Whether a value is an int or a float, and finite; True and False are not numbers here."""
    try:
        return type(value) in (int, float) and math.isfinite(value)  # pyright: ignore[reportArgumentType]
    except OverflowError:  # a whole number beyond all floats
        return False
