"""Math-Shepherd: problem and steps in one text, each step ended by the tag "ки", where `label` has + or -.

{"input": "PROBLEM Step 1: ... ки\\nStep 2: ... ки", "label": "PROBLEM Step 1: ... +\\nStep 2: ... -", "task": "GSM8K"}
"""

import re
from typing import Any

from hrm_net.reward.formats.records import TextSolution, field, optional
from puzzles.errors import UserError

TAG = "ки"
_FIRST_STEP = re.compile(r"[ \n]Step 1: ")


def parse(row: dict[str, Any]) -> TextSolution:
    """A row as a solution without "Step n: " before each step; `source` is the task.

    UserError also where "Step 1: " stands twice before the first tag, so that the end of the problem is not known.
    """
    marked, judged = field(row, "input", str), field(row, "label", str).rstrip("\n")
    parts = marked.rstrip("\n").split(f" {TAG}")
    if len(parts) < 2 or parts[-1]:
        raise UserError(f"input: every step must end with ' {TAG}'")
    labels: list[float | None] = []
    at = 0  # in the labels
    for t, part in enumerate(parts[:-1], start=1):
        sign = judged[at + len(part) : at + len(part) + 2]
        if not judged.startswith(part, at) or sign not in (" +", " -"):
            raise UserError(f"label: step {t} must be the input's, with + or - in place of {TAG}")
        labels.append(float(sign == " +"))
        at += len(part) + 2
    if at < len(judged):
        raise UserError(f"label: goes on after the input's {len(labels)} steps")
    problem, *steps = _FIRST_STEP.split(parts[0])
    if len(steps) != 1:
        reason = f"'Step 1: ' stands {len(steps)} times" if steps else "there is no 'Step 1: '"
        raise UserError(f"input: {reason} before the first {TAG}: must stand once, after the problem")
    for t, part in enumerate(parts[1:-1], start=2):
        if not part.startswith(f"\nStep {t}: "):
            raise UserError(f"input: step {t} must begin a line with 'Step {t}: '")
        steps.append(part.removeprefix(f"\nStep {t}: "))
    return TextSolution(problem=problem, steps=steps, labels=labels, source=optional(row, "task", str) or "")


def row(solution: TextSolution, *, threshold: float) -> dict[str, Any]:
    """The row of a solution: + for labels of at least `threshold`. UserError for an unlabelled step, and for texts that
    would be read back as others."""
    hard = solution.hard_labels(threshold)
    for t, right in enumerate(hard):
        if right is None:
            raise UserError(f"labels[{t}]=null: Math-Shepherd needs + or - for every step")
    steps = [f"Step {t}: {step}" for t, step in enumerate(solution.steps, start=1)]

    def joined(tags: list[str]) -> str:
        return f"{solution.problem} " + "\n".join(f"{step} {tag}" for step, tag in zip(steps, tags, strict=True))

    told = {
        "input": joined([TAG] * len(steps)),
        "label": joined(["+" if right else "-" for right in hard]),
        "task": solution.source,
    }
    try:
        same = parse(told)
    except UserError as error:
        raise UserError(f"this solution cannot be written as Math-Shepherd: {error}") from None
    if (same.problem, same.steps) != (solution.problem, solution.steps):
        raise UserError("this solution cannot be written as Math-Shepherd: its texts hold the format's own marks")
    return told
