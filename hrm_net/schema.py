"""From plain nested dicts to typed dataclasses: nothing is coerced, nothing surplus accepted, an error is one line.

Bounds of a number stand in its type (`Annotated[int, Ge(1)]`), and what a field means in the comment above it.
"""

import difflib
import inspect
import json
import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from annotated_types import BaseMetadata, Ge, Gt, Le, Lt

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
    """The dataclass `cls` from `values`; UserError with key, value and what is allowed for the first mistake."""
    import pydantic  # here, so that a model can be loaded without it

    _refuse(values)
    try:
        return _adapter(cls).validate_json(json.dumps(values), strict=True)
    except pydantic.ValidationError as error:
        # a key of a wrong type says more than one that is missing for that reason
        mistake = min(error.errors(include_url=False), key=lambda one: one["type"].startswith("missing"))
    raise UserError(_line(cls, values, mistake))


@cache
def _adapter(cls: type) -> Any:
    """Pydantic's validator of a dataclass; building one takes longer than using it a hundred times."""
    import pydantic

    return pydantic.TypeAdapter(cls)


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


def check(config: Any, section: str = "") -> None:
    """UserError for the first value of a dataclass that its field's bounds or choices do not admit.

    `build` checks them too; this is for a dataclass that Python code makes. `section`: the key that it stands below.
    """
    for name, hint in get_type_hints(type(config), include_extras=True).items():
        if get_origin(hint) is not ClassVar and hint is not ClassVar:
            _check_value(f"{section}.{name}" if section else name, getattr(config, name), hint)


def descriptions(cls: type) -> dict[str, str]:
    """What each field of a dataclass means: the comment above it, on one line."""
    found: dict[str, str] = {}
    for one in reversed(cls.__mro__):
        if not is_dataclass(one):
            continue
        comment: list[str] = []
        for line in map(str.strip, inspect.getsource(one).splitlines()):
            name = line.partition(":")[0]
            if line.startswith("#"):
                comment.append(line.lstrip("# "))
            elif comment and name in one.__dataclass_fields__:
                found[name] = " ".join(comment)
                comment = []
            else:
                comment = []
    return found


def require(key: str, value: object, good: bool, bound: str) -> None:
    """UserError naming key, value and bound unless `good`."""
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
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            return f"{key}={show(value)}: must be {_bounds(_type_at(cls, path, extras=True))}"
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


def _check_value(key: str, value: Any, hint: Any) -> None:
    """UserError where a value breaks a bound, or is none of the choices, of its type."""
    bounds = _metadata(hint)
    if isinstance(value, int | float) and not isinstance(value, bool):
        require(key, value, math.isfinite(value), "a finite number")
        require(key, value, all(_holds(bound, value) for bound in bounds), _bounds(hint))
    choices = [one for member in _members(hint) if get_origin(member) is Literal for one in get_args(member)]
    if choices and not (value is None and NoneType in _members(hint)):
        require(key, value, value in choices, "one of " + ", ".join(map(show, choices)))
    if isinstance(value, list | tuple):
        inner = [one for member in _members(hint) for one in get_args(_bare(member)) if one is not ...]
        for place, one in enumerate(value) if inner else ():
            _check_value(f"{key}.{place}", one, inner[min(place, len(inner) - 1)])


def _limit(bound: Any) -> tuple[str, Callable[[Any, Any], bool], Any]:
    """A bound in words, as a comparison, and its number."""
    for kind, name, compare, words in (
        (Ge, "ge", operator.ge, "at least"),
        (Gt, "gt", operator.gt, "above"),
        (Le, "le", operator.le, "at most"),
        (Lt, "lt", operator.lt, "below"),
    ):
        if isinstance(bound, kind):
            number = getattr(bound, name)
            return f"{words} {number}", compare, number
    raise AssertionError(bound)


def _holds(bound: Any, value: int | float) -> bool:
    _, compare, number = _limit(bound)
    return compare(value, number)


def _metadata(hint: Any) -> list[Any]:
    """The bounds of a type, or of the members of a union."""
    own = [one for one in getattr(hint, "__metadata__", ()) if isinstance(one, BaseMetadata)]
    return own + [bound for member in _members(hint) if member is not hint for bound in _metadata(member)]


def _bounds(hint: Any) -> str:
    """The bounds of a type in words."""
    null = "null or " if NoneType in _members(hint) else ""
    return null + " and ".join(_limit(bound)[0] for bound in _metadata(hint))


def _bare(hint: Any) -> Any:
    """A type without what `Annotated` adds to it."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _hints(cls: Any, *, extras: bool = False) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=extras)
    return {field.name: hints[field.name] for field in fields(cls)}


def _type_at(cls: Any, path: list[Any], *, extras: bool = False) -> Any:
    hint: Any = cls
    for part in path:
        if is_dataclass(hint):
            hint = _hints(hint, extras=extras)[part]
        else:
            members = [m for m in map(_bare, _members(hint)) if get_origin(m) in (dict, list, tuple)]
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
    """UserError for what may stand nowhere: a key that asks for code to be called, and numbers that are not finite."""
    if isinstance(values, float) and not math.isfinite(values):
        raise UserError(f"{key}={values}: must be a finite number")
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for name, value in items:
        here = f"{key}.{name}" if key else str(name)
        if name in ("_target_", "_partial_", "_args_"):
            raise UserError(f"{here}={show(value)}: configuration holds values, never code; leave it out")
        _refuse(value, here)
