"""What a step scorer of texts learns from and is measured on: one file, split by question into three sets."""

from pathlib import Path

import numpy as np

import puzzles
from hrm_net.reward.examples import Examples
from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.text import examples as text_examples
from hrm_net.reward.text.config import TextConfig
from hrm_net.reward.text.examples import RowInputs
from puzzles.errors import UserError

PUBLISHED = "https://github.com/openai/prm800k/raw/main/prm800k/data/phase1_test.jsonl"
TRAIN, VALIDATION, TEST = "train", "validation", "test"


def read(config: TextConfig, shown: int | RowInputs, seed: int) -> tuple[dict[str, Examples], list[str]]:
    """The sets train, validation and test, which share no question, and sentences for the user: on lines that were left
    out, and on what a set cannot teach or measure. Rows are made by `shown`, or have so many bytes.

    UserError where the file is missing or broken, or a set would be empty.
    """
    path = check_path(config)
    try:
        found = jsonl.read(path, prm800k.parse, broken=config.broken)
    except UserError as error:
        raise UserError(f"reward.text.path={error}; reward.text.broken=skip leaves broken lines out") from None
    names = (TRAIN, VALIDATION, TEST)
    sets = {name: _text_set(name, found.items, config, shown, seed) for name in names}
    told = [f"left out: {fault}" for fault in found.faults] + _contradictions(path, found)
    return sets, told + [note for name, one in sets.items() for note in notes(name, one)]


def notes(name: str, examples: Examples) -> list[str]:
    """Sentences on what a set, called `name`, cannot teach or measure because one kind of label is missing."""
    label = examples.label[examples.starts[-1] :]
    found = []
    for what, right in (("steps", label[~np.isnan(label)] >= 0.5), ("solutions", examples.outcome)):
        if right.all() or not right.any():
            kind = "right" if right.all() else "wrong"
            found.append(
                f"the {name} set holds only {kind} {what}: a scorer cannot learn from it to tell them apart, and "
                f"AUROC of {what} and first-error F1 are not defined on it"
            )
    return found


def _contradictions(path: Path, found: jsonl.JSONLines[prm800k.Record]) -> list[str]:
    """A sentence on the steps that one line rates right and another wrong, after the same steps of the same problem.

    They stay: two people may disagree, and the published data hold questions that several people rated.
    """
    lines: list[str] = []
    rated: dict[tuple[str, ...], tuple[int, int]] = {}
    for number, record in zip(found.numbers, found.items, strict=True):
        before = [record.problem]
        for step in record.steps:
            for one in step.completions or []:
                if not one.rating:
                    continue
                rating, line = rated.setdefault((*before, one.text), (one.rating, number))
                if rating != one.rating:
                    lines.append(f"line {number} rates {one.text[:40]!r} {one.rating}, line {line} rates it {rating}")
            if step.taken is None:
                break
            before.append(step.taken.text)
    if not lines:
        return []
    return [f"{path}: {len(lines)} steps are rated both right and wrong by different lines; the first: {lines[0]}"]


def check_path(config: TextConfig) -> Path:
    """The file; UserError that says where to get one if it is missing."""
    assert config.path is not None
    path = Path(config.path)
    if not path.is_file():
        raise UserError(f"reward.text.path={path}: no such file; curl -L -o {path.name} {PUBLISHED} gets a small one")
    return path


def _text_set(
    name: str, records: list[prm800k.Record], config: TextConfig, shown: int | RowInputs, seed: int
) -> Examples:
    mine = [record for record in records if fold(record.problem, config.held_out) == name]
    single = text_examples.published_examples(mine, neutral=config.neutral, coarse=True)
    rng = puzzles.rng(seed, f"wrong turns, {name}")
    whole = text_examples.solutions(mine, rng, neutral=config.neutral, negatives=config.negatives)
    if not single or not whole:
        text = f"reward.text.path={config.path}: {len(mine)} of its {len(records)} records fall to the {name} set"
        raise UserError(f"{text}, without a rated step or without a finished solution; needs more records")
    return text_examples.examples_of(single, whole, shown)


def fold(problem: str, held_out: float) -> str:
    """The set that a question belongs to, always the same one."""
    place = (text_examples.question_group(problem) % 2**64) / 2**64
    return TRAIN if place >= held_out else VALIDATION if place >= held_out / 2 else TEST
