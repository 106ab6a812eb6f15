r"""Whether two answers are the same: numbers and units exactly here, formulas by math-verify (Apache-2.0).

math-verify alone takes 5 cents for $5, 10 cm for 10 m and "ten" for "net", does not know 3 1/2, and compares decimals
by their first six places; what it knows is algebra. So plain amounts never reach it, and words are compared as words.
"""

import functools
import re
import unicodedata

from hrm_net.reward.text.amounts import Amount, read_amount, spell_out_fractions
from hrm_net.reward.text.math_process import MathProcess

LONGEST = 400  # characters of an answer that is looked into; longer ones are compared as texts
SECONDS = 5.0  # of computing for one comparison of formulas

_FONTS = r"(?:text(?:bf|rm|it|normal)?|math(?:rm|bf|it|sf)|mbox|operatorname)"
_FONT = re.compile(rf"\\{_FONTS} ?\{{([^{{}}]*)\}}")
_DROPPED = re.compile(r"\\left(?![a-z])|\\right(?![a-z])|\\displaystyle|\\[!;:]|\\(?:big|Big)[lr]?(?![a-z])|~|\*\*|`")
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2010": "-", "\u2011": "-", "\u00d7": "*"})
_CHOICE = re.compile(r"\(?([A-Ha-h])\)(?: ?[:.]? ?(.*))?|(?:[Oo]ption |[Cc]hoice )?([A-H])(?:[.:] (.+)|[.:]?)")
_RANGE = re.compile(r"(?:between )?(\$?[\d.,/]+)(?: ?- ?| to | and |\\text\{ to \})(\$?[\d.,/]+)(.*)")
_WRAPPERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), (r"\boxed{", "}"), ('"', '"'))
_LISTED = re.compile(r",? (?:and|or|\\text ?\{ ?(?:and|or) ?\}) ")
_PROSE = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}")
_FUNCTIONS = {"sqrt", "sin", "cos", "tan", "log", "exp", "abs", "min", "max", "gcd", "lcm", "mod"}
_PLAIN_FUNCTION = re.compile(r"(?<![\\a-zA-Z])(sqrt|sin|cos|tan|log|ln|exp|pi)(?![a-zA-Z])")
_GROUP = r"\{(?:[^{}]|\{[^{}]{0,80}\}){0,80}\}"
_ARGUMENT = r"(?=[^{ ])(\\[a-zA-Z]{1,10}|\d|[a-zA-Z])"  # of one sign, without braces
_OPENING, _CLOSING = "([{", ")]}"
_LINE_END = "\x00"  # stands for the two backslashes that end a row of a matrix


def same_answer(first: str, second: str) -> bool:
    """Whether both are the same answer. UserError where that takes algebra and math-verify is not installed."""
    return _shared_checker().same(first, second)


@functools.cache
def _shared_checker() -> "AnswerChecker":
    return AnswerChecker()


class AnswerChecker:
    """Compares answers, symmetrically. `undecided` lists the pairs that took too long and therefore count as different.

    A comparison of formulas ends after `seconds` of computing. It may be used from several threads.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.undecided: list[tuple[str, str]] = []
        self._process = MathProcess(seconds)
        self._known: dict[tuple[str, str], bool] = {}

    def same(self, first: str, second: str) -> bool:
        """Whether both are the same answer; an empty one is like no other."""
        verdict = same_by_form(clean(first), clean(second))
        if verdict is not None:
            return verdict
        pair = (min(first, second), max(first, second))
        if pair not in self._known:
            verdict = self._process.same(*(_as_latex(clean(one)) for one in pair))
            if verdict is None:
                self.undecided.append(pair)
            self._known[pair] = bool(verdict)
        return self._known[pair]


def clean(answer: str) -> str:
    r"""An answer without what only surrounds it: `$...$`, `\(...\)`, `\boxed{}`, markdown, fonts, a full stop.

    Dashes become hyphens, full-width digits plain ones, and white space single blanks.
    """
    if len(answer) > LONGEST:
        return " ".join(answer.split())
    text = unicodedata.normalize("NFKC", spell_out_fractions(answer)).translate(_MINUS)
    text = _DROPPED.sub("", text.replace("\\\\", _LINE_END))
    text = re.sub(r"\{,\}|\\,(?=\d{3})", ",", text)
    text = re.sub(r"\\[, ]|\\q?quad", " ", text)
    text = re.sub(r"\\[dtc]frac", r"\\frac", text)
    text = re.sub(rf"\\frac ?{_ARGUMENT}", r"\\frac{\1}", text)
    text = re.sub(rf"(\\frac ?{_GROUP}) ?{_ARGUMENT}", r"\1{\2}", text)
    text = re.sub(rf"\\sqrt ?{_ARGUMENT}", r"\\sqrt{\1}", text)
    text = re.sub(r"\^ ?\{? ?\\circ ?\}?|\\degree|\\%|\\\$", _sign, text)
    text = text.replace("\\varnothing", "\\emptyset")
    text = " ".join(text.replace(_LINE_END, "\\\\").split())
    before = None
    while text != before:
        before = text
        text = text.strip(" \n*_").rstrip(".;,\u3002").rstrip()
        text = text[:-1] if text and unicodedata.category(text[-1]) in ("So", "Cs") and text[-1] != "\u00b0" else text
        for opening, closing in (
            ("$$", "$$"),
            ("$", "$"),
            (r"\(", r"\)"),
            (r"\[", r"\]"),
            (r"\boxed{", "}"),
            ('"', '"'),
        ):
            inner = text[len(opening) : len(text) - len(closing)]
            if len(text) >= len(opening + closing) and text == opening + inner + closing and opening not in inner:
                text = inner.strip()
        whole = _FONT.fullmatch(text)
        text = whole[1] if whole else text
    listed = _LISTED.sub(", ", text)
    return text if _is_prose(listed) else listed


def _unwrapped(text: str) -> str:
    """Without the outermost layer of what surrounds an answer."""
    text = text.strip(" \n*_").rstrip(".;,\u3002").rstrip()
    if text and unicodedata.category(text[-1]) in ("So", "Cs") and text[-1] != "°":
        text = text[:-1]  # an emoji
    for opening, closing in _WRAPPERS:
        inner = text[len(opening) : len(text) - len(closing)]
        if len(text) >= len(opening + closing) and text == opening + inner + closing and opening not in inner:
            text = inner.strip()
    whole = _FONT.fullmatch(text)
    return whole[1] if whole else text


def _sign(found: re.Match[str]) -> str:
    return {"\\%": "%", "\\$": "$"}.get(found[0], "°")


def same_by_form(first: str, second: str) -> bool | None:
    """Whether two clean answers are the same, as far as their form tells: amounts, texts, ranges, choices, tuples.

    None where algebra has to decide.
    """
    if not first or not second:
        return False
    if _squeezed(first) == _squeezed(second):
        return True
    if len(first) > LONGEST or len(second) > LONGEST:
        return False
    letters = _choice(first), _choice(second)
    if all(letters):
        (one, _), (other, _) = letters  # pyright: ignore
        return one == other
    for choice, plain in (letters, (first, second)), (letters[::-1], (second, first)):
        if choice[0] and choice[0][1]:
            return same_by_form(clean(choice[0][1]), plain[1])
    first, second = _without_name(first, second)
    amounts = read_amount(first), read_amount(second)
    if isinstance(amounts[0], Amount) and isinstance(amounts[1], Amount):
        return amounts[0].same(amounts[1])
    ranges = _range(first), _range(second)
    if any(ranges):
        return all(ranges) and all(a.same(b) for a, b in zip(*ranges, strict=True))  # pyright: ignore
    parts = _parts(first), _parts(second)
    if len(parts[0]) == len(parts[1]) > 1 and _brackets(first) == _brackets(second):
        verdicts = [same_by_form(clean(a), clean(b)) for a, b in zip(*parts, strict=True)]
        if all(verdicts):
            return True
    if (
        len(parts[0]) > 1
        and len(parts[1]) > 1
        and "" in (one := {_brackets(first), _brackets(second)})
        and len(one) > 1
    ):
        return False  # a point is not a list
    if any(_is_prose(one) for one in (first, second)) or not all(_is_formula(one) for one in (first, second)):
        return False
    return None


def _squeezed(text: str) -> str:
    squeezed = re.sub(r"(?<!\d)\s|\s(?!\d)", "", _FONT.sub(r"\1", text))  # but 3 1/2 is not 31/2
    return squeezed if any(sign.isdigit() or sign in "\\^_=" for sign in squeezed) else squeezed.casefold()


def _choice(text: str) -> tuple[str, str] | None:
    """The letter of a multiple-choice answer, and what is written after it."""
    found = _CHOICE.fullmatch(_FONT.sub(r"\1", text).strip())
    if not found:
        return None
    return (found[1] or found[3]).upper(), (found[2] or found[4] or "").strip()


def _without_name(first: str, second: str) -> tuple[str, str]:
    """Both without "x =" before them, unless they name different things."""
    names = [re.match(r"([A-Za-z]\w?(?:\([a-z]\))?) ?= ?(?=[^=])", one) for one in (first, second)]
    if all(names) and names[0][1] != names[1][1]:  # pyright: ignore
        return first, second
    found = [one[name.end() :] if name and "=" not in one[name.end() :] else one
             for name, one in zip(names, (first, second), strict=True)]  # fmt: skip
    return found[0], found[1]


def _range(text: str) -> tuple[Amount, Amount] | None:
    """The ends of "10-15 minutes" or "between 10 and 15"; None for anything else, and for a difference like 15 - 10."""
    found = _RANGE.fullmatch(text)
    if not found:
        return None
    low, high = read_amount(found[1] + found[3]), read_amount(found[2] + found[3])
    return (low, high) if low and high and low.value < high.value else None


def _brackets(text: str) -> str:
    return text[0] + text[-1] if len(text) > 1 and text[0] in _OPENING and text[-1] in _CLOSING else ""


def _parts(text: str) -> list[str]:
    """The parts between the commas outside of inner brackets, without the outermost ones."""
    inner = text[1:-1] if _brackets(text) else text
    parts, depth = [""], 0
    for sign in inner:
        depth += (sign in _OPENING) - (sign in _CLOSING)
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _is_prose(text: str) -> bool:
    words = [word for word in _PROSE.findall(text) if word.lower() not in _FUNCTIONS]
    return bool(words) and not re.search(r"\\begin|\\(?:text|math)", text)


def _is_formula(text: str) -> bool:
    return bool(re.search(r"[\d\\^_=<>+*/-]", text)) or len(text) <= 2


def _as_latex(text: str) -> str:
    """A clean answer as LaTeX for the library."""
    text = re.sub(r"(?<![\\a-zA-Z])sqrt ?\(([^()]*)\)", r"\\sqrt{\1}", text)
    return _PLAIN_FUNCTION.sub(r"\\\1", text).replace("$", "").replace("*", r"\cdot ")
