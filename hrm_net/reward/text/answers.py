r"""The final answer that a solution in words ends in.

What a solution marks is taken, in this order: a number after `####` (GSM8K) or a `\boxed{}` (MATH), whichever comes
last; `<answer>` tags; what follows "answer" ("# Answer" in PRM800K, "The answer is: 7" in Math-Shepherd, "A: 7" in
GSM8K's model solutions); the formula or the bold text at its end; its last number. Every reader takes time linear in
the text: a window of `WINDOW` characters is looked into at each mark.
"""

import re
from collections.abc import Iterator

from hrm_net.reward.text.amounts import read_amount
from hrm_net.reward.text.equivalence import clean

WINDOW = 400  # characters after a mark in which its answer stands
MARKS = 50  # of one kind that are looked at, from the end; more than any solution has

_BRACE = re.compile(r"\\(?:boxed|fbox)\s{0,3}(?:\{|(?P<bare>[^\s{}\\$.,]{1,20}))|\\.|[{}]", re.DOTALL)
_BOX_BETWEEN = re.compile(r"[\s$,;]{0,6}(?:\\text\{\s?)?(?:and|or)?\s?\}?[\s$]{0,4}(?:[A-Za-z]\s?=\s?)?")
_CUE = re.compile(r"\b(?:answers?|ans)\b", re.IGNORECASE)
_MODEL_CUE = re.compile(r"^A:", re.MULTILINE)
# From the word "answer" to the answer itself: a colon or an equals sign, a verb, or the end of a heading.
_TO_ANSWER = re.compile(
    r"[*_\s]{0,3}(?:[:=]|-\s)"
    r"|(?:\s+[^\s.:=\n]{1,20}){0,8}?\s+(?:is|are|was|be|equals|becomes)\b(?:\s+(?:therefore|thus|then|hence|now|simply|just"
    r"|exactly|about|approximately|equal to|given by|the|not|actually|indeed))*\s{0,3}:?"
    r"|[*_:#]{0,4}\s{0,2}\n",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"(?:\s|[*_]{1,3}(?=\s|:)|[:>#]|(?:about|approximately|exactly|simply|just|therefore|thus)\b)*", re.IGNORECASE
)
_CLAUSE_END = re.compile(
    r"\n|[.!?;](?=\s|$|\*)|\u3002|,\s(?=[a-z]{2})|\s\((?=[a-z])"
    r"|,?\s(?:because|since|which|so|as|where|when|if|I hope|out of|not|and not)\b"
)
_MATH = re.compile(
    r"\$\$([^$]{1,300})\$\$|\$([^$\n]{1,300})\$(?!\d)|\\\((.{1,300}?)\\\)|\\\[(.{1,300}?)\\\]", re.DOTALL
)
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*|__([^_\n]{1,200})__|`([^`\n]{1,200})`|\*([^*\n]{1,200})\*")
_CHOICE = re.compile(r"\(?([A-H])\)(?!\w)|([A-H])(?=[.:,]?\s*$)")
_DIGITS = r"(?:\d{1,3}(?:(?:,|\{,\})\d{3})+(?!\d)|\d+)"
_ONE_NUMBER = (
    rf"(?:{_DIGITS}(?:\.\d+)?|\.\d+)(?:\s?[\u00bc-\u00be\u2150-\u215e]|\s\d{{1,4}}/\d{{1,4}}|/\d+)?"
    r"(?:[eE][+-]?\d{1,3}(?!\w)|\s?(?:\u00d7|\*|x|\\times|\\cdot)\s?10\s?\^\s?\{?-?\d{1,3}\}?)?|[\u00bc-\u00be\u2150-\u215e]"
)
NUMBER = re.compile(
    rf"(?:(?<![\w.)\]])[-\u2212\u2013])?(?:[$\u20ac\u00a3\u20b9]\s?)?(?:(?<=[$\u20ac\u00a3\u20b9])[-\u2212])?(?:{_ONE_NUMBER})"
    r"(?:[-\u2013:](?=\d)\d{1,9}(?:\.\d{1,9})?(?![-\w:/]))?%?"
)
_MARKDOWN = "*_`# \t\n\r"


def final_answer(text: str) -> str | None:
    """The answer that a solution ends in, as it is written there; None where it has none."""
    thought = text.rpartition("</think>")[2]
    text = thought if thought.strip() else text
    marked = [found for found in (_after_hashes(text), _boxed(text)) if found]
    if marked:
        return max(marked)[1]
    tagged = _tagged(text)
    if tagged:
        return tagged
    for answer in _after_cues(text):
        return answer
    line = _last_hashes_line(text)
    return line or _at_the_end(text)


def _after_hashes(text: str) -> tuple[int, str] | None:
    """(place, answer) of the last number after `####`, alone on its line; a heading "#### Step 1" is not one."""
    at = len(text)
    for _ in range(MARKS):
        at = text.rfind("####", 0, at)
        if at < 0:
            return None
        lines = text[at : at + WINDOW].lstrip("#").splitlines()
        line = next((line.strip() for line in lines if line.strip()), "").strip(_MARKDOWN).rstrip(".")
        if line and read_amount(clean(line)) is not None:
            return at, line
    return None


def _last_hashes_line(text: str) -> str | None:
    """What stands after `####` on the last line: an answer that is not a number."""
    line = text.rstrip()[-WINDOW:].splitlines()[-1:]
    rest = line[0].rpartition("####")[2].strip() if line and "####" in line[0] else ""
    return rest or None


def _boxed(text: str) -> tuple[int, str] | None:
    r"""(place, content) of the last \boxed{...} or \fbox{...} that is closed, or of the last ones joined by "and"."""
    boxes: list[tuple[int, int, int, int]] = []  # where each begins and ends, and its content
    open_braces: list[tuple[int, int] | None] = []
    for found in _BRACE.finditer(text):
        token = found[0]
        if found["bare"]:
            boxes.append((found.start(), found.end(), *found.span("bare")))
        elif token.startswith(("\\boxed", "\\fbox")):
            open_braces.append(found.span())
        elif token == "{":
            open_braces.append(None)
        elif token == "}" and open_braces:
            box = open_braces.pop()
            if box is not None:
                while boxes and boxes[-1][0] > box[0]:  # boxes in this box
                    boxes.pop()
                boxes.append((box[0], found.end(), box[1], found.start()))
    if not boxes:
        return None
    joined = [boxes[-1]]
    for before in boxes[-2:-7:-1]:
        if not _BOX_BETWEEN.fullmatch(text[before[1] : joined[0][0]][:WINDOW]):
            break
        joined.insert(0, before)
    contents = dict.fromkeys(_unboxed(text[begin:end].strip()) for _, _, begin, end in joined)
    return boxes[-1][0], ", ".join(contents)


def _unboxed(content: str) -> str:
    found = re.fullmatch(r"\\(?:boxed|fbox)\s{0,3}\{(.*)\}", content, re.DOTALL)
    return found[1].strip() if found else content


def _tagged(text: str) -> str | None:
    begin = text.rfind("<answer>")
    if begin < 0:
        return None
    inner = text[begin + len("<answer>") :].partition("</answer>")[0].strip()
    return next(_answers_in(inner), None) if inner else None


def _after_cues(text: str) -> Iterator[str]:
    """What follows the word "answer", from the last one back: answers that hold a number or a choice before words."""
    places = sorted([found.end() for found in (*_CUE.finditer(text), *_MODEL_CUE.finditer(text))], reverse=True)
    words = []
    for at in places[:MARKS]:
        window = text[at : at + WINDOW]
        if text[at - 1] != ":":
            to_answer = _TO_ANSWER.match(window)
            if to_answer is None:
                continue
            window = window[to_answer.end() :]
        answer = next(_answers_in(window), None)
        if answer is None:
            continue
        if re.search(r"[\d\\\u00bc-\u00be]|^.$", answer):
            yield answer
        words.append(answer)
    yield from words


def _answers_in(window: str) -> Iterator[str]:
    """The answer that a text begins with."""
    begin = _FILLER.match(window)
    phrase = window[begin.end() if begin else 0 :].lstrip()
    for pattern in (_MATH, _BOLD):
        found = pattern.match(phrase)
        if found:
            inner = next(group for group in found.groups() if group is not None).strip()
            yield _right_side(inner) if pattern is _MATH else next(_answers_in(inner), inner)
            return
    choice = _CHOICE.match(phrase)
    if choice:
        yield choice[1] or choice[2]
        return
    end = _CLAUSE_END.search(phrase)
    clause = phrase[: end.start() if end else WINDOW].strip(_MARKDOWN).rstrip(".,;")
    if not clause:
        return
    if read_amount(clean(clause)) is not None:
        yield clause
        return
    right = _right_side(clause)
    number = NUMBER.match(right)
    words = re.findall(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}", right)
    if number and re.match(r"\s(?!and\b|or\b)[a-zA-Z]{2}", right[number.end() :]):
        yield number[0]  # "7 apples in 2 baskets"
    elif len(words) >= 3 and re.search(r"\d", right):
        yield [found[0] for found in NUMBER.finditer(right)][-1]
    else:
        yield right


def _right_side(formula: str) -> str:
    """What a chain of equations comes to."""
    right = re.split(r"(?<![<>!\\])=", formula)[-1].strip()
    return right if right else formula.strip()


def _at_the_end(text: str) -> str | None:
    """The last formula or bold text, where no number follows it; else the last number."""
    tail = text.rstrip()[-WINDOW:]
    numbers = [*NUMBER.finditer(tail)] or [*NUMBER.finditer(text)]
    last = numbers[-1] if numbers else None
    for pattern in (_MATH, _BOLD):
        spans = [found for found in pattern.finditer(tail) if re.search(r"\d", found[0])]
        if spans and last and spans[-1].start() <= last.start() < spans[-1].end():
            inner = next(group for group in spans[-1].groups() if group is not None)
            return _right_side(inner) if pattern is _MATH else next(_answers_in(inner), inner)
    return last[0].strip() if last else None
