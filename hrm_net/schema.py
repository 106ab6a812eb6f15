"""From plain nested dicts to typed dataclasses: nothing is coerced, nothing surplus accepted, an error is one line."""

import difflib
import json
import math
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from puzzles.errors import UserError

T = TypeVar("T")

_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    NoneType: "null",
    dict: "a mapping",
    list: "a list",
    tuple: "a list",
}


def build(cls: type[T], values: dict[str, Any]) -> T:
    """The dataclass `cls` from `values`; ValueError with key, value and what is allowed for the first mistake."""
    import pydantic  # here, so that a model can be loaded without it

    _refuse(values)
    try:
        return pydantic.TypeAdapter(cls).validate_json(json.dumps(values), strict=True)
    except pydantic.ValidationError as error:
        # a key of a wrong type says more than one that is missing for that reason
        mistake = min(error.errors(include_url=False), key=lambda one: one["type"].startswith("missing"))
    raise UserError(_line(cls, values, mistake))


def keys(cls: type) -> list[str]:
    """Every dotted key below `cls`, those that hold further keys included."""
    found = []
    for name, hint in _hints(cls).items():
        found.append(name)
        if is_dataclass(hint):
            found += [f"{name}.{key}" for key in keys(hint)]  # pyright: ignore[reportArgumentType]
    return found


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A clause that names the nearest known words, or "" where none is near."""
    near = difflib.get_close_matches(word, list(known), n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def has_key(cls: Any, key: str) -> bool:
    """Whether `cls` has the dotted key, or a mapping of free keys that it lies in."""
    for part in key.split("."):
        if get_origin(cls) is list and part.isdigit():
            cls = get_args(cls)[0]
            continue
        if not is_dataclass(cls):
            return get_origin(cls) is dict
        hints = _hints(cls)
        if part not in hints:
            return False
        cls = hints[part]
    return True


def unknown_key(cls: type, key: str, value: object, further: Iterable[str] = ()) -> str:
    """The line for a key that neither `cls` nor `further` has: what was probably meant, or what there is beside it."""
    parent, _, word = key.rpartition(".")
    above = [int(part) if part.isdigit() else part for part in parent.split(".")] if parent else []
    holder = _type_at(cls, above) if not parent or has_key(cls, parent) else None
    siblings = [f"{parent}.{name}" if parent else name for name in _hints(holder)] if is_dataclass(holder) else []
    near = difflib.get_close_matches(word, [name.rpartition(".")[2] for name in siblings], n=2)
    if near:
        suggestion = f"; did you mean {' or '.join(f'{parent}.{name}' if parent else name for name in near)}?"
    elif parent and siblings:
        suggestion = f"; there are {', '.join(siblings)}"
    else:
        suggestion = did_you_mean(key, [*keys(cls), *further]) or "; --help lists them all"
    return f"{key}={show(value)}: unknown key{suggestion}"


def show(value: object) -> str:
    """A value as one would type it, on one line."""
    if isinstance(value, str) and value.isprintable():
        return value
    return json.dumps(value, default=str)


def require(key: str, value: object, good: bool, bound: str) -> None:
    """ValueError naming key, value and bound unless `good`."""
    if not good:
        raise UserError(f"{key}={show(value)}: must be {bound}")


def _line(cls: type, values: dict[str, Any], mistake: Any) -> str:
    path = _real_path(values, mistake["loc"])
    key = ".".join(map(str, path))
    value = mistake["input"]
    match mistake["type"]:
        case "value_error":
            text = str(mistake["ctx"]["error"])
            # a nested dataclass names its own keys only
            return text if not key or text.startswith(path[0]) else f"{key}.{text}"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return unknown_key(cls, key, value)
        case "missing" | "missing_argument" if not isinstance(mistake["loc"][-1], int):
            return f"{'.'.join(map(str, mistake['loc']))}: missing; it must be set"
        case "missing":
            value = _at(values, path)
    return f"{key}={show(value)}: must be {_allowed(_type_at(cls, path))}"


def _at(values: Any, path: list[Any]) -> Any:
    for part in path:
        values = values[part]
    return values


def _real_path(values: Any, loc: tuple[Any, ...]) -> list[Any]:
    """The part of `loc` that exists in `values`: pydantic mixes in the names of a union's members."""
    path = []
    for part in loc:
        if isinstance(values, dict) and part in values:
            values = values[part]
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            values = values[part]
        else:
            continue
        path.append(part)
    return path


def _hints(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls)}


def _type_at(cls: Any, path: list[Any]) -> Any:
    hint: Any = cls
    for part in path:
        if is_dataclass(hint):
            hint = _hints(hint)[part]
        else:
            members = [m for m in _members(hint) if get_origin(m) in (dict, list, tuple)]
            arguments = [a for a in get_args(members[0]) if a is not ...] if members else []
            hint = arguments[-1] if arguments else Any
    return hint


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _allowed(hint: Any) -> str:
    """What a type admits, in words."""
    words = []
    for member in _members(hint):
        origin = get_origin(member) or member
        if origin is Literal:
            words.append("one of " + ", ".join(map(show, get_args(member))))
        elif origin in (list, tuple) and (arguments := [a for a in get_args(member) if a is not ...]):
            length = f"{len(arguments)} times " if origin is tuple and get_args(member)[-1] is not ... else ""
            words.append(f"a list of {length}{_allowed(arguments[0])}")
        elif is_dataclass(origin):
            words.append(f"a mapping with the keys {', '.join(_hints(origin))}")
        else:
            words.append(_WORDS.get(origin, "a plain value"))
    return " or ".join(words)


def _refuse(values: Any, key: str = "") -> None:
    """ValueError for what may stand nowhere: a key that asks for code to be called, and numbers that are not finite."""
    if isinstance(values, float) and not math.isfinite(values):
        raise UserError(f"{key}={values}: must be a finite number")
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for name, value in items:
        here = f"{key}.{name}" if key else str(name)
        if name in ("_target_", "_partial_", "_args_"):
            raise UserError(f"{here}={show(value)}: configuration holds values, never code; leave it out")
        _refuse(value, here)
