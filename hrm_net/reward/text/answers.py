r"""Final answers in words: found in a solution, and compared.

No library: math-verify and its kind build on sympy's parsers, which may run for minutes on one line of LaTeX and pin a
version of antlr that Hydra does not go with. What is compared here are numbers, exactly, and otherwise the text without
what LaTeX writes in several ways; sums or roots that are equal but written differently count as different.
"""

import re
from fractions import Fraction

_LAST_NUMBER = re.compile(r"-?(?:\$\s?)?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?|-?\.\d+")
_SAID = re.compile(r"(?:the\s+)?(?:final\s+)?answer\s+is:?\s*(.+?)\s*\.?\s*$", re.IGNORECASE | re.MULTILINE)
_FRACTION = re.compile(r"\\frac(?:\{([^{}]*)\}|(\d))(?:\{([^{}]*)\}|(\d))")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
_RATIO = re.compile(rf"({_NUMBER.pattern})/({_NUMBER.pattern})")
_MIXED = re.compile(r"(-?)(\d+)\\frac\{(\d+)\}\{(\d+)\}")
# Written in front of or around an answer, without a part in it.
_DROPPED = (
    r"\left", r"\right", r"\displaystyle", r"\!", r"\,", r"\;", r"\:", r"\ ", "~", r"\$", "$", r"\%", "%", r"^\circ",
    r"^{\circ}", r"\degree", r"\bigl", r"\bigr", r"\big",
)  # fmt: skip
_TEXTS = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox|textrm|operatorname)\{([^{}]*)\}")
MOST = 400  # characters of an answer that is looked into; longer ones are compared as they stand
OPENING, CLOSING = ("(", "[", "{"), (")", "]", "}")


def final_answer(text: str) -> str | None:
    r"""The answer that a solution ends in; None where it has none.

    In this order: after `####` (GSM8K), in the last `\boxed{}` (MATH), after `# Answer` (PRM800K), after "the answer
    is" (Math-Shepherd), the last number.
    """
    if "####" in text:
        return _first_line(text.rpartition("####")[2])
    boxed = _last_boxed(text)
    if boxed is not None:
        return boxed
    if "# Answer" in text:
        return _first_line(text.rpartition("# Answer")[2])
    said = _SAID.findall(text)
    if said:
        return said[-1]
    numbers = _LAST_NUMBER.findall(text)
    return numbers[-1] if numbers else None


def _first_line(text: str) -> str | None:
    return next((line.strip() for line in text.splitlines() if line.strip()), None)


def _last_boxed(text: str) -> str | None:
    r"""What stands in the last \boxed{...} or \fbox{...}, braces matched."""
    at = max(text.rfind(r"\boxed{"), text.rfind(r"\fbox{"))
    if at < 0:
        return None
    start = text.index("{", at) + 1
    depth = 1
    for end in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
        if depth == 0:
            return text[start:end].strip()
    return None


def same_answer(first: str, second: str) -> bool:
    """Whether both are the same number, or the same text once normalised; tuples and lists are compared by part."""
    key = answer_key(first)
    return key != "" and key == answer_key(second)


def answer_key(answer: str) -> str:
    """The same text for answers that are the same; "" for none."""
    if len(answer) > MOST:
        return " ".join(answer.split())
    text = normalise(answer)
    value = _value(text)
    if value is not None:
        return str(value)
    parts = _parts(text)
    if len(parts) == 1:
        return text
    bracketed = text[0] in OPENING and text[-1] in CLOSING
    inner = ",".join(answer_key(part) for part in parts)
    return f"{text[0]}{inner}{text[-1]}" if bracketed else inner


def normalise(answer: str) -> str:
    r"""An answer without spaces, signs of currency, degrees and percent, LaTeX sizes and fonts, "x =" before it, commas
    between thousands; fractions as \frac{a}{b}."""
    text = answer.strip().rstrip(".")
    for mark in (r"\dfrac", r"\tfrac", r"\cfrac"):
        text = text.replace(mark, r"\frac")
    text = _TEXTS.sub(r"\1", text)
    for mark in _DROPPED:
        text = text.replace(mark, "")
    text = "".join(text.split())
    text = (
        re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text) if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text) else text
    )
    text = re.sub(r"^[A-Za-z]=", "", text)
    text = re.sub(r"\^\{(\w)\}", r"^\1", text)
    text = re.sub(r"\\sqrt(\w)", r"\\sqrt{\1}", text)
    text = re.sub(r"(?<![\w.])(\d+)/(\d+)(?![\w.])", r"\\frac{\1}{\2}", text)
    text = _FRACTION.sub(lambda m: rf"\frac{{{m[1] or m[2] or ''}}}{{{m[3] or m[4] or ''}}}", text)
    return text.rstrip(".").removesuffix("dollars").removesuffix("degrees").removesuffix("cents")


def _value(text: str) -> Fraction | None:
    """The number that a normalised answer is, exactly; None where it is none."""
    mixed = _MIXED.fullmatch(text)
    if mixed and int(mixed[4]):
        value = int(mixed[2]) + Fraction(int(mixed[3]), int(mixed[4]))
        return -value if mixed[1] else value
    sign = -1 if text.startswith("-\\frac") else 1
    plain = re.fullmatch(r"-?\\frac\{([^{}]*)\}\{([^{}]*)\}", text)
    over = _RATIO.fullmatch(f"{plain[1]}/{plain[2]}" if plain else text)
    if over:
        below = Fraction(over[2])
        return sign * Fraction(over[1]) / below if below else None
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def _parts(text: str) -> list[str]:
    """The parts between commas outside of inner brackets, without the outermost ones."""
    inner = text[1:-1] if len(text) > 1 and text[0] in OPENING and text[-1] in CLOSING else text
    parts, depth = [""], 0
    for sign in inner:
        depth += (sign in OPENING) - (sign in CLOSING)
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts
