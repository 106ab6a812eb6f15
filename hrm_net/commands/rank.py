"""`hrm-rank`: ranks candidate solutions to word problems by a trained step scorer."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm_net.command_line import Parser, exit_codes
from puzzles.errors import UserError
from puzzles.text_input import STANDARD_INPUT

if TYPE_CHECKING:
    from hrm_net.reward.model import RewardModel

DESCRIPTION = "Score candidate solutions step by step, write them best first, print how often the best of N is right."
EXAMPLES = """\
examples:
  hrm-rank --run runs/reward_text candidates.jsonl
  hrm-rank --run runs/reward_text --head cond --how prod --output ranked.jsonl candidates.jsonl

Each line of the file holds a problem, its right answer where that is known, and the candidates:
  {"problem": "1 + 2 + 3?", "answer": "6", "candidates": [{"steps": ["1 + 2 = 3", "3 + 3 = 6"]}, {"text": "It is 5."}]}
A text is split into its paragraphs, or its lines. A policy's samples, one on each line, become such a file by
  python -m hrm_net.reward.text.make_candidates --samples samples.jsonl --problems problems.jsonl candidates.jsonl

A final answer is found as GSM8K (#### n), MATH (\\boxed{}) and PRM800K (# Answer) write it, after "the answer is", or
at the end. Numbers and units are compared exactly, formulas by algebra, everything else as text.
A broken line is reported by its number and left out; with --strict, the command ends there and ranks nothing.
"""
HOW = ("min", "max", "mean", "last", "prod", "sum_log")


def main(argv: Sequence[str] | None = None) -> None:
    """`hrm-rank ...`."""
    with exit_codes():
        _run(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = Parser("hrm-rank", description=DESCRIPTION, epilog=EXAMPLES)
    add = parser.add_argument
    add("candidates", metavar="FILE", help="problems with candidates, one JSON object a line; - reads standard input")
    parser.share("--run", required=True, help="directory of a training run over texts, or of save_pretrained")
    add("--head", metavar="NAME", help="a head of the run: orm, prm, pqm, hier or cond (default: its last one)")
    add("--how", choices=HOW, help="how a solution's score follows from its steps' (default: last for orm, else prod)")
    add("--fine-weight", type=float, default=1.0, metavar="W", help="of hier: weight of single steps (default: 1)")
    add("--segments", type=int, metavar="N", help="segments for each step (default: as in training)")
    add("--stop", type=float, metavar="P", help="stop thinking about a step at this probability of the halting head")
    add("--output", type=Path, metavar="FILE", help="where the ranked candidates go (default: FILE.ranked.jsonl)")
    add("--strict", action="store_true", help="rank nothing if a line is broken")
    parser.share("--seed", help="random seed of the subsets that vote (default: %(default)s)")
    parser.share("--batch-size", help="steps in a batch (default: %(default)s)")
    parser.share("--device")
    parser.share("--precision")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    import puzzles
    from hrm_net.reward.aggregate import aggregate
    from hrm_net.reward.formats import candidates, jsonl
    from hrm_net.reward.heads import HEADS
    from hrm_net.reward.text import ranking
    from hrm_net.reward.text.equivalence import SECONDS, AnswerChecker
    from hrm_net.reward.text.scorer import TextScorer

    source = arguments.candidates
    if source == STANDARD_INPUT and arguments.output is None:
        raise UserError("--output: must be given where the candidates come from standard input")
    output = arguments.output or Path(source).with_suffix(".ranked.jsonl")
    if source != STANDARD_INPUT and output.resolve() == Path(source).resolve():
        raise UserError(f"--output {output}: is the file that is read; choose another")
    lines = jsonl.read(source, candidates.parse, broken="refuse" if arguments.strict else "skip")
    for fault in lines.faults:
        print(f"left out: {fault}", file=sys.stderr)
    model = _load(arguments)
    head = arguments.head or model.config.objectives[-1]
    scorer = TextScorer(
        model=model, objective=head, fine_weight=arguments.fine_weight, segments=arguments.segments,
        stop=arguments.stop, batch_size=arguments.batch_size,
    )  # fmt: skip
    how = arguments.how or HEADS[head].aggregation
    problems = lines.items
    steps = scorer.score([one.problem for one in problems], [one.steps for one in problems])
    totals = aggregate(steps, how)
    checker = AnswerChecker()
    answers = [ranking.read_answers(one, checker.same) for one in problems]
    for first, second in checker.undecided:
        text = f"not decided in {SECONDS:g} s, counted as different"
        print(f"{text}: {first[:60]!r} and {second[:60]!r}", file=sys.stderr)
    rows = [ranking.ranked(*each) for each in zip(problems, answers, totals, steps, strict=True)]
    jsonl.write(output, rows)
    total = sum(len(one.steps) for one in problems)
    print(f"{output}: {total} candidates to {len(problems)} problems, ranked by {head}, {how} over steps")
    found = ranking.accuracy(answers, totals, puzzles.rng(arguments.seed, "votes"))
    print(_table(found) if found else "no line has an answer, so how many are right is not known")


def _table(found: dict[str, Any]) -> str:
    """Shares of right answers, a row for each way to choose and a column for each N."""
    names = ("scorer", "random", "majority", "oracle")
    shares = [[name, *(f"{100 * share:.1f}" for share in found[name])] for name in names]
    rows = [["best of", *map(str, found["sizes"])], *shares]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    table = "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return f"right answers in % of {found['problems']} problems:\n{table}"


def _load(arguments: argparse.Namespace) -> "RewardModel":
    from hrm_net.recipes.text_scorer import find_text_model
    from hrm_net.trainer.device import resolve_device, resolve_precision

    device = resolve_device(arguments.device)
    model = find_text_model(arguments.run).to(device)
    model.forward_dtype = resolve_precision(arguments.precision, device)
    return model


if __name__ == "__main__":
    main()
