"""JSON as the standard defines it, for text that users give: what Python's `json` lets pass is refused, with its place.

Python's `json` accepts NaN and Infinity, reads 1e999 as infinity, keeps the last of two equal keys, turns `\\ud83d`
(half of an emoji) into a string that cannot be written again, and ends deep nesting in a RecursionError. `loads`
decodes with `json` where nothing of the kind is in the text, and otherwise with `_Decoder`, which is slower, does not
recurse and knows the line and column of each fault.
"""

import json
import math
import re
from typing import Any

from puzzles.errors import UserError

MAX_DEPTH = 100  # levels of lists and objects inside each other, unless a caller allows more
MAX_DIGITS = 300  # of a whole number: it still fits a float

_STRINGS = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(\.[0-9]++)?([eE][-+]?[0-9]++)?")
_WORD = re.compile(r"-?[^\s,:\[\]{}\"]{0,20}")
_CONSTANTS = {"true": True, "false": False, "null": None}
_NOT_NUMBERS = ("NaN", "Infinity", "-Infinity", "-NaN")
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_LONG_NUMBER = re.compile(rf"(?<![0-9])[0-9]{{{MAX_DIGITS + 1}}}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


class JSONError(UserError):
    """Text that is not JSON: the reason, and the line and column it is at, both counted from 1."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.reason, self.line, self.column = reason, line, column


def loads(text: str, max_depth: int = MAX_DEPTH) -> Any:
    """The value that `text` holds, from dict, list, str, int, float, bool and None. JSONError for anything else.

    The time is linear in the length of `text`, whatever it holds.
    """
    if _LONG_NUMBER.search(text) or not _shallow(text, min(max_depth, MAX_DEPTH)):
        return _Decoder(text, max_depth).decode()
    try:
        value = _QUICK.decode(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return _Decoder(text, max_depth).decode()
    return value


def _shallow(text: str, limit: int) -> bool:
    """Whether no more than `limit` lists and objects are open at once."""
    if text.count("[") + text.count("{") <= limit:
        return True
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth > limit:
                return False
        elif first != '"':
            depth -= 1
    return True


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key stands twice")
    return values


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("infinite")
    return value


def _refuse(name: str) -> None:
    raise ValueError(name)


_QUICK = json.JSONDecoder(object_pairs_hook=_distinct, parse_float=_finite, parse_constant=_refuse)


class _Decoder:
    """One pass over the text with the open lists and objects on a stack of its own."""

    def __init__(self, text: str, max_depth: int) -> None:
        self.text, self.max_depth, self.at = text, max_depth, 0

    def decode(self) -> Any:
        whole: list[Any] = []
        opened: list[list[Any] | dict[str, Any]] = [whole]
        key = ""
        self._skip()
        if self.at == len(self.text):
            raise self._error("no value: the text is empty")
        while True:
            top = opened[-1]
            start = self.at
            value = self._scalar_or_container()
            if isinstance(top, dict):
                top[key] = value
            else:
                top.append(value)
            if isinstance(value, list | dict):
                opened.append(value)
                if len(opened) - 1 > self.max_depth:
                    raise self._error(f"nested too deeply: at most {self.max_depth} levels are read", start)
                self._skip()
                if self._next() == _closer(value):
                    self._close(opened)
                elif isinstance(value, dict):
                    key = self._key(value)
                    continue
                else:
                    continue
            if not self._after_value(opened):
                return whole[0]
            top = opened[-1]
            if isinstance(top, dict):
                key = self._key(top)

    def _after_value(self, opened: list[Any]) -> bool:
        """Closes what ends here, and goes past the comma before another value; False at the end of the text."""
        while True:
            self._skip()
            if len(opened) == 1:
                if self.at < len(self.text):
                    raise self._error("more text after the value")
                return False
            if self._next() == ",":
                self.at += 1
                self._skip()
                return True
            if self._next() != _closer(opened[-1]):
                raise self._error(f"expected , or {_closer(opened[-1])}, found {self._found()}")
            self._close(opened)

    def _close(self, opened: list[Any]) -> None:
        opened.pop()
        self.at += 1

    def _scalar_or_container(self) -> Any:
        """The value that starts here; of a list or an object only its beginning, empty."""
        first = self._next()
        if first == "{" or first == "[":
            self.at += 1
            return {} if first == "{" else []
        if first == '"':
            return self._string()
        number = _NUMBER.match(self.text, self.at)
        if number:
            return self._number(number)
        word = self._word()
        if word in _CONSTANTS:
            self.at += len(word)
            return _CONSTANTS[word]
        if word in _NOT_NUMBERS:
            raise self._error(f"{word} is not a number in JSON")
        raise self._error(f"expected a value, found {self._found()}")

    def _number(self, number: re.Match[str]) -> int | float:
        text = number[0]
        self.at = number.end()
        if number[1] is None and number[2] is None:
            if len(text) > MAX_DIGITS:
                reason = f"a whole number of {len(text)} digits: at most {MAX_DIGITS} are read"
                raise self._error(reason, number.start())
            return int(text)
        value = float(text)
        if math.isinf(value):
            raise self._error(f"{text[:30]} is too large: numbers reach to 1.8e308", number.start())
        return value

    def _string(self) -> str:
        start = self.at
        try:
            text, self.at = _STRINGS.raw_decode(self.text, start)
        except json.JSONDecodeError as error:
            reason = error.msg[0].lower() + error.msg[1:].removesuffix(" at").removesuffix(" starting")
            raise self._error(reason, error.pos) from None
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = f"\\u{ord(text[error.start]):04x}"
            raise self._error(f"{half} is half of a character: the text was cut inside an emoji", start) from None
        return text

    def _key(self, owner: dict[str, Any]) -> str:
        start = self.at
        if self._next() != '"':
            raise self._error(f"expected a key in double quotes, found {self._found()}")
        key = self._string()
        if key in owner:
            raise self._error(f"the key {json.dumps(key[:40])} stands twice in one object", start)
        self._skip()
        if self._next() != ":":
            raise self._error(f"expected : after the key, found {self._found()}")
        self.at += 1
        self._skip()
        return key

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _word(self) -> str:
        match = _WORD.match(self.text, self.at)
        assert match is not None
        return match[0]

    def _found(self) -> str:
        shown = self._word() or self._next()
        return ascii(shown) if shown else "the end of the text"

    def _error(self, reason: str, at: int | None = None) -> JSONError:
        at = self.at if at is None else at
        line = self.text.count("\n", 0, at) + 1
        return JSONError(reason, line, at - self.text.rfind("\n", 0, at))


def _closer(container: list[Any] | dict[str, Any]) -> str:
    return "}" if isinstance(container, dict) else "]"
