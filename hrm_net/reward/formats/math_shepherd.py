"""Math-Shepherd: problem and steps in one text, each step ended by the tag "ки", where `label` has + or -.

{"input": "PROBLEM Step 1: ... ки\\nStep 2: ... ки", "label": "PROBLEM Step 1: ... +\\nStep 2: ... -", "task": "GSM8K"}
"""

from typing import Any

from hrm_net.reward.formats.records import TextSolution, field, optional
from puzzles.errors import UserError

TAG = "ки"


def parse(row: dict[str, Any]) -> TextSolution:
    """A row as a solution without "Step n: " before each step; `source` is the task."""
    marked, judged = field(row, "input", str), field(row, "label", str).rstrip("\n")
    parts = marked.rstrip("\n").split(f" {TAG}")
    if len(parts) < 2 or parts[-1]:
        raise UserError(f"input: every step must end with ' {TAG}'")
    labels: list[float | None] = []
    rest = judged
    for t, part in enumerate(parts[:-1]):
        sign = rest[len(part) : len(part) + 2]
        if not rest.startswith(part) or sign not in (" +", " -"):
            raise UserError(f"label: step {t + 1} must be the input's, with + or - in place of {TAG}")
        labels.append(float(sign == " +"))
        rest = rest[len(part) + 2 :]
    if rest:
        raise UserError(f"label: goes on after the input's {len(labels)} steps")
    problem, found, first = parts[0].rpartition(" Step 1: ")
    if not found:
        raise UserError("input: has no ' Step 1: ' after the problem")
    steps = [first]
    for t, part in enumerate(parts[1:-1], start=2):
        if not part.startswith(f"\nStep {t}: "):
            raise UserError(f"input: step {t} must begin a line with 'Step {t}: '")
        steps.append(part.removeprefix(f"\nStep {t}: "))
    return TextSolution(problem=problem, steps=steps, labels=labels, source=optional(row, "task", str) or "")


def row(solution: TextSolution, *, threshold: float) -> dict[str, Any]:
    """A row of a solution: + for labels of at least `threshold`. ValueError for an unlabelled step, or for a text
    that would be read back as another."""
    hard = solution.hard_labels(threshold)
    for t, right in enumerate(hard):
        if right is None:
            raise UserError(f"labels[{t}]=null: Math-Shepherd wants + or - for every step")
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
    except ValueError as error:
        raise UserError(f"this solution cannot be written as Math-Shepherd: {error}") from None
    if (same.problem, same.steps) != (solution.problem, solution.steps):
        raise UserError("this solution cannot be written as Math-Shepherd: its texts hold the format's own marks")
    return told
