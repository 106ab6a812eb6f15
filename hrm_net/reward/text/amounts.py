r"""Numbers with units as answers write them, read exactly: `\$1{,}250.50`, `3 1/2 hours`, `2 \times 10^3`, `50\%`."""

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from math import prod

LONGEST = 200  # characters of an amount; no number of an answer is longer

_DIGITS = r"\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?: \d{3})+(?!\d)|\d+"
_DECIMAL = rf"(?:(?:{_DIGITS})(?:\.\d+)?|\.\d+)"
_NUMBER = re.compile(
    rf"(?P<whole>\d+) ?\\frac\{{(?P<over>\d+)\}}\{{(?P<under>\d+)\}}"
    rf"|(?P<whole2>\d+) (?P<over2>\d+)/(?P<under2>\d+)"
    rf"|\\frac\{{(?P<over3>-?{_DECIMAL})\}}\{{(?P<under3>-?{_DECIMAL})\}}"
    rf"|(?P<over4>{_DECIMAL}) ?/ ?(?P<under4>{_DECIMAL})"
    rf"|(?P<decimal>{_DECIMAL})"
    r"(?: ?(?:\\times|\\cdot|\*|x) ?10 ?\^ ?\{?(?P<power>-?\d{1,3})\}?|[eE](?P<power2>[+-]?\d{1,3}))?"
)
_CURRENCIES = {"$": "dollar", "€": "euro", "£": "sterling", "₹": "rupee", "¥": "yen"}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
}  # fmt: skip

# Each unit's quantity and its size in that quantity's first unit. What is not here ("apples", "ways") says what is
# counted, not in what it is measured.
_UNITS: dict[str, tuple[str, Fraction]] = {
    name: (quantity, Fraction(size))
    for quantity, sizes in {
        "length": {"mm": "1/1000", "cm": "1/100", "m": "1", "km": "1000", "in": "0.0254", "ft": "0.3048",
                   "yd": "0.9144", "mi": "1609.344"},
        "mass": {"mg": "1/1000", "g": "1", "kg": "1000", "oz": "28.349523125", "lb": "453.59237"},
        "time": {"ms": "1/1000", "s": "1", "min": "60", "h": "3600", "day": "86400", "week": "604800"},
        "months": {"month": "1", "year": "12"},
        "volume": {"ml": "1/1000", "l": "1"},
        "money": {"cent": "1/100", "dollar": "1"},
        "euro": {"euro": "1"}, "sterling": {"sterling": "1"}, "rupee": {"rupee": "1"}, "yen": {"yen": "1"},
        "angle": {"degree": "1"}, "radians": {"radian": "1"},
    }.items()
    for name, size in sizes.items()
}  # fmt: skip
_SPELLINGS = {
    "millimeter": "mm", "centimeter": "cm", "meter": "m", "kilometer": "km", "inch": "in", "inche": "in",
    "foot": "ft", "feet": "ft", "yard": "yd", "mile": "mi", "milligram": "mg", "gram": "g", "kilogram": "kg",
    "ounce": "oz", "pound": "lb", "millisecond": "ms", "second": "s", "sec": "s", "minute": "min", "hour": "h",
    "hr": "h", "yr": "year", "milliliter": "ml", "liter": "l", "usd": "dollar", "buck": "dollar", "¢": "cent",
    "°": "degree", "deg": "degree", "rad": "radian", "rs": "rupee", "eur": "euro", "gbp": "sterling",
}  # fmt: skip
# Words after a number that make it more than an amount: "2 pi", "5 and 6".
_NOT_UNITS = {
    "pi", "sqrt", "sin", "cos", "tan", "log", "ln", "exp", "mod", "and", "or", "to", "plus", "minus", "times", "over",
    "divided", "x", "base",
}  # fmt: skip
_LETTERS = "mgslhLC°¢F"  # the single letters that are units; any other is a variable
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_UNIT_TOKEN = re.compile(r"[A-Za-z]+\.?|[°¢]|\^ ?\{?-?\d\}?|[/*·-]| |\\cdot")


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """An exact number and what it is measured in: by quantity, the power and the size of the unit in the base unit of
    that quantity.

    `60 km/h` has the value 60 and the units {"length": (1, 1000), "time": (-1, 1/3600)}.
    """

    value: Fraction
    units: dict[str, tuple[int, Fraction]]
    percent: bool = False

    def same(self, other: "Amount") -> bool:
        """Whether both are the same amount.

        A unit that only one of them names is taken to be meant by the other: `7` is `7 cm`, `$5` is `5 dollars a day`.
        Where both name one, the amounts are compared exactly, in that unit. 50 % may also be written 50 or 0.5.
        """
        mine, others = self.units.keys(), other.units.keys()
        if mine - others and others - mine:
            return False
        shared = mine & others
        if any(self.units[name][0] != other.units[name][0] for name in shared):
            return False
        first = self.value * prod(self.units[name][1] for name in shared)
        second = other.value * prod(other.units[name][1] for name in shared)
        if self.percent != other.percent:
            share, plain = (first, second) if self.percent else (second, first)
            return plain in (share, share / 100)
        return first == second


def read_amount(text: str) -> Amount | None:
    """The amount that a cleaned answer is (`equivalence.clean`); None where it is anything else or more."""
    if len(text) > LONGEST:
        return None
    rest, unit = text.strip(), ""
    negative = rest.startswith("-")
    rest = rest.removeprefix("-").removeprefix("+").lstrip()
    if rest[:1] in _CURRENCIES:
        unit, rest = _CURRENCIES[rest[0]], rest[1:].lstrip()
        negative, rest = negative or rest.startswith("-"), rest.removeprefix("-")
    found = _NUMBER.match(rest)
    if found:
        value, rest = _value(found), rest[found.end() :]
        spaced = rest.startswith((" ", "\\text"))
    else:
        word, _, rest = rest.partition(" ")
        value, spaced = (Fraction(_WORDS[word.lower()]), True) if word.lower() in _WORDS else (None, True)
    if value is None:
        return None
    rest = _without_fonts(rest)
    scale, _, after = rest.lstrip().partition(" ")
    if scale.lower() in _SCALES:
        value, rest, spaced = value * _SCALES[scale.lower()], after, True
    percent = re.match(r" ?(?:%|percent(?:age)?\b|pct\b)", rest, re.IGNORECASE)
    rest = rest[percent.end() :] if percent else rest
    units = _units(f"{unit} {rest}" if unit else rest, spaced=spaced)
    if units is None:
        return None
    return Amount(value=-value if negative else value, units=units, percent=percent is not None)


def _value(found: re.Match[str]) -> Fraction | None:
    """The number of a match; None for a division by nothing."""
    part = found.groupdict()
    for whole, over, under in (
        ("whole", "over", "under"),
        ("whole2", "over2", "under2"),
        ("", "over3", "under3"),
        ("", "over4", "under4"),
    ):
        if part.get(over) is not None:
            below = _plain(part[under])
            return _plain(part.get(whole) or "0") + _plain(part[over]) / below if below else None
    power = part["power"] or part["power2"]
    return _plain(part["decimal"]) * Fraction(10) ** int(power or 0)


def _plain(text: str) -> Fraction:
    return Fraction(text.replace(",", "").replace(" ", ""))


def _without_fonts(text: str) -> str:
    r"""`\text{ cm}` as ` cm`."""
    return re.sub(r"\\(?:text|mathrm|mbox|textrm|rm)\b ?\{([^{}]*)\}", r" \1", text)


def _units(text: str, *, spaced: bool) -> dict[str, tuple[int, Fraction]] | None:
    """What a text after a number measures, by quantity: power and size. None where it is not made of units and nouns.

    `spaced`: the text is set off from the number, so that words which are not units are nouns and not variables.
    """
    powers: dict[str, int] = {}
    sign, raised, last, at = 1, 1, "", 0
    for token in _UNIT_TOKEN.finditer(text):
        if token.start() != at:
            return None
        at, word = token.end(), token[0].rstrip(".")
        lower = word.lower()
        if word[0] == "^":
            if not last:
                return None
            powers[last] = (powers[last] > 0 or -1) * int(word.strip("^{} "))
        elif word == "/" or (lower in ("per", "a", "an") and powers):
            sign = -1
        elif word in "°¢" or word[0].isalpha():
            if lower in _NOT_UNITS or (len(word) == 1 and word not in _LETTERS):
                return None
            if lower in _POWERS:
                raised = _POWERS[lower]
            elif lower == "squared" and last:
                powers[last] *= 2
            else:
                last = "" if lower == "in" and text[at:].strip(" .") else _name(lower) or ""
                if not last and not spaced:
                    return None
                if last:
                    powers[last] = powers.get(last, 0) + sign * raised
                raised = 1
    if at != len(text):
        return None
    found: dict[str, tuple[int, Fraction]] = {}
    for name, power in powers.items():
        quantity, size = _UNITS[name]
        before, factor = found.get(quantity, (0, Fraction(1)))
        found[quantity] = before + power, factor * size**power
    return {quantity: told for quantity, told in found.items() if told[0]}


def _name(word: str) -> str | None:
    """The unit that a word means: itself, its short name, or either without a plural's s."""
    word = word.replace("metre", "meter").replace("litre", "liter")
    for form in (word, word.removesuffix("s")):
        if form in _UNITS:
            return form
        if form in _SPELLINGS:
            return _SPELLINGS[form]
    return None


def spell_out_fractions(text: str) -> str:
    """`3½` as `3 1/2`."""
    found = []
    for sign in text:
        parts = unicodedata.normalize("NFKC", sign).split("\u2044")
        if len(parts) == 2 and all(part.isdigit() for part in parts):
            found.append(f"{' ' if found and found[-1].isdigit() else ''}{parts[0]}/{parts[1]}")
        else:
            found.append(sign)
    return "".join(found)
