r"""Candidate solutions for `hrm-rank`: `python -m hrm_net.reward.text.make_candidates ...`

From what any policy wrote, one sample a line {"problem" | "question" | "prompt", "text" | "completion" | "steps"};
a prompt and a completion may be lists of messages. The right answers come from a file of problems (GSM8K, MATH500:
{"question" | "problem", "answer"}):

    python -m hrm_net.reward.text.make_candidates --samples samples.jsonl --problems problems.jsonl candidates.jsonl

Without a policy at hand, from the reference solutions of the problems (`solution`), with numbers changed at random:

    python -m hrm_net.reward.text.make_candidates --perturb 8 --problems math500.jsonl candidates.jsonl

Such candidates show that the pipeline runs; a scorer must be measured on a policy's own mistakes.
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import puzzles
from hrm_net.command_line import exit_codes
from hrm_net.reward.formats import jsonl
from hrm_net.reward.formats.candidates import PROBLEM_KEYS, answer_of, problem_of
from hrm_net.reward.formats.records import message_text, texts
from puzzles.errors import UserError

_NUMBER = re.compile(r"\d+")
TEXT_KEYS = ("steps", "text", "completion", "response")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the candidates and print how many there are."""
    with exit_codes():
        arguments = _parser().parse_args(argv)
        problems = None if arguments.problems is None else jsonl.read(arguments.problems, dict).items
        if arguments.perturb:
            if problems is None:
                raise UserError("--perturb: needs --problems FILE, with a `solution` in each line")
            rows = perturbed(problems, arguments.perturb, arguments.seed)
        elif arguments.samples is not None:
            rows = grouped(jsonl.read(arguments.samples, parse_sample).items, problems or [])
        else:
            raise UserError("nothing to make candidates from: give --samples FILE, or --perturb N --problems FILE")
        jsonl.write(arguments.output, rows)
        print(f"{arguments.output}: {len(rows)} problems, {sum(len(row['candidates']) for row in rows)} candidates")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "make_candidates", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path, metavar="FILE", help="candidates, as hrm-rank reads them")
    parser.add_argument("--samples", type=Path, metavar="FILE", help="what a policy wrote, one sample a line")
    parser.add_argument("--problems", type=Path, metavar="FILE", help="the problems and their answers")
    parser.add_argument(
        "--perturb", type=int, default=0, metavar="N", help="number of candidates made of each reference solution"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="random seed of --perturb (default: %(default)s)"
    )
    return parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One solution that a policy wrote; `candidate` as a file of candidates has it."""

    problem: str
    answer: str | None
    candidate: dict[str, Any]


def parse_sample(row: dict[str, Any]) -> Sample:
    """A line; UserError for one without a problem or a solution."""
    _first(row, PROBLEM_KEYS)
    key = _first(row, TEXT_KEYS)
    candidate = {"steps": texts(row, key)} if key == "steps" else {"text": message_text(row, key)}
    return Sample(problem=problem_of(row), answer=answer_of(row), candidate=candidate)


def _first(row: dict[str, Any], keys: Sequence[str]) -> str:
    for key in keys:
        if key in row:
            return key
    raise UserError(f"has none of {', '.join(keys)}")


def grouped(samples: Sequence[Sample], problems: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each problem, in the order in which the samples name them.

    The answer is that of the file of problems, or else a sample's own `answer`.
    """
    answers = {_same(problem_of(one)): answer_of(one) for one in problems}
    found: dict[str, dict[str, Any]] = {}
    for sample in samples:
        key = _same(sample.problem)
        row = found.setdefault(key, {"problem": sample.problem, "answer": answers.get(key), "candidates": []})
        if row["answer"] is None:
            row["answer"] = sample.answer
        row["candidates"].append(sample.candidate)
    return list(found.values())


def _same(problem: str) -> str:
    return " ".join(problem.split())


def perturbed(problems: Sequence[dict[str, Any]], num: int, seed: int) -> list[dict[str, Any]]:
    """`num` candidates for each problem: the reference solution with one number changed, and with it all equal ones
    that follow.

    In every other candidate, on average, that is a number of the answer. Problems without a `solution`, or whose answer
    has no number, are left out; UserError where that leaves none.
    """
    rows = []
    for i, problem in enumerate(problems):
        answer, solution = answer_of(problem), problem.get("solution")
        if not isinstance(solution, str) or answer is None or not _NUMBER.search(answer) or answer not in solution:
            continue
        rng = puzzles.rng(seed, "perturbed candidates", i)
        candidates = [{"text": _changed(solution, answer, rng)} for _ in range(num)]
        rows.append({"problem": problem_of(problem), "answer": answer, "candidates": candidates})
    if not rows:
        raise UserError("--problems: no line has a `solution` that holds its `answer`, and a number in it")
    return rows


def _changed(solution: str, answer: str, rng: np.random.Generator) -> str:
    """The solution with one number changed, before the answer or in it."""
    at = solution.rfind(answer)
    head, tail = solution[:at], solution[at + len(answer) :]
    if rng.random() < 0.5:
        return head + _other_number(answer, rng) + tail
    return (_other_number(head, rng) if _NUMBER.search(head) else head) + answer + tail


def _other_number(text: str, rng: np.random.Generator) -> str:
    found = list(_NUMBER.finditer(text))
    chosen = found[rng.integers(len(found))]
    other = str(int(chosen[0][:9]) + int(rng.integers(1, 10)))
    rest = re.sub(rf"(?<!\d){chosen[0]}(?!\d)", other, text[chosen.end() :])
    return text[: chosen.start()] + other + rest


if __name__ == "__main__":
    main()
