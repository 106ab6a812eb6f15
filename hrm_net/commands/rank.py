"""`hrm-rank`: ranks candidate solutions by a trained step scorer, or by a judge of two candidates."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm_net.command_line import Parser, exit_codes
from puzzles.errors import UserError
from puzzles.text_input import STANDARD_INPUT

if TYPE_CHECKING:
    from hrm_net.reward.pair import PairJudge, Ranking
    from hrm_net.reward.text.equivalence import AnswerChecker
    from hrm_net.reward.text.judge import TextJudge
    from hrm_net.reward.text.scorer import TextScorer
    from puzzles.text_input import JSONLines

DESCRIPTION = """\
Score candidate solutions step by step, write them best first, print how often the best of N is right. With --by pair,
a judge compares candidates, texts or puzzles, two at a time in a tournament."""
EXAMPLES = """\
examples:
  hrm-rank --run runs/reward_text candidates.jsonl
  hrm-rank --run runs/reward_text --head cond --how prod --output ranked.jsonl candidates.jsonl
  hrm-rank --by pair --run runs/pair_language_model --kind round_robin candidates.jsonl
  hrm-rank --by pair --run pair_sudoku_6x6 --kind knockout candidates.jsonl

Each line of the file holds a problem, its right answer where that is known, and the candidates:
  {"problem": "1 + 2 + 3?", "answer": "6", "candidates": [{"steps": ["1 + 2 = 3", "3 + 3 = 6"]}, {"text": "It is 5."}]}
A text is split into its paragraphs, or its lines. A policy's samples, one on each line, become such a file by
  python -m hrm_net.reward.text.make_candidates --samples samples.jsonl --problems problems.jsonl candidates.jsonl

A final answer is found as GSM8K (#### n), MATH (\\boxed{}) and PRM800K (# Answer) write it, after "the answer is", or
at the end. Numbers and units are compared exactly, formulas by algebra, everything else as text.
With --by pair and a judge of puzzles, the problem is a puzzle, and each candidate its partly or wholly filled grid, or
steps such as r1c2=3.
A broken line is reported by its number and left out; with --strict, the command ends there and ranks nothing.
"""
NO_ANSWER = "no line has an answer, so how many are right is not known"
HOW = ("min", "max", "mean", "last", "prod", "sum_log")


def main(argv: Sequence[str] | None = None) -> None:
    """`hrm-rank ...`."""
    with exit_codes():
        _run(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = Parser("hrm-rank", description=DESCRIPTION, epilog=EXAMPLES)
    add = parser.add_argument
    add("candidates", metavar="FILE", help="problems with candidates, one JSON object a line; - reads standard input")
    parser.share("--run", required=True, help="directory of a run or of save_pretrained, or shipped weights, by name")
    add("--by", choices=("score", "pair"), default="score",
        help="a step scorer of texts, or a judge of two candidates (default: %(default)s)")  # fmt: skip
    add("--head", metavar="NAME", help="a head of the run: orm, prm, pqm, hier or cond (default: its last one)")
    add("--how", choices=HOW, help="how a solution's score follows from its steps' (default: last for orm, else prod)")
    add("--fine-weight", type=float, default=1.0, metavar="W", help="of hier: weight of single steps (default: 1)")
    add("--segments", type=int, metavar="N", help="segments for each step (default: as in training)")
    add("--stop", type=float, metavar="P", help="stop thinking about a step at this probability of the halting head")
    add("--kind", choices=("knockout", "round_robin"), default="knockout",
        help="kind of tournament, for --by pair (default: %(default)s)")  # fmt: skip
    add("--votes", type=int, default=1, metavar="K",
        help="symmetric images that vote on each game, for --by pair; odd (default: %(default)s)")  # fmt: skip
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
    from hrm_net.reward.text.equivalence import AnswerChecker

    source = arguments.candidates
    if source == STANDARD_INPUT and arguments.output is None:
        raise UserError("--output: must be given where the candidates come from standard input")
    output = arguments.output or Path(source).with_suffix(".ranked.jsonl")
    if source != STANDARD_INPUT and output.resolve() == Path(source).resolve():
        raise UserError(f"--output {output}: is the file that is read; choose another")
    if arguments.by == "pair":
        _rank_by_pairs(arguments, source, output)
        return
    lines = _read(source, candidates.parse, arguments.strict)
    scorer = _load(arguments)
    head = scorer.objective
    how = arguments.how or HEADS[head].aggregation
    problems = lines.items
    steps = scorer.score([one.problem for one in problems], [one.steps for one in problems])
    totals = aggregate(steps, how)
    checker = AnswerChecker()
    answers = [ranking.read_answers(one, checker.same) for one in problems]
    _tell_undecided(checker)
    rows = [ranking.ranked(*each) for each in zip(problems, answers, totals, steps, strict=True)]
    jsonl.write(output, rows)
    total = sum(len(one.steps) for one in problems)
    print(f"{output}: {total} candidates to {len(problems)} problems, ranked by {head}, {how} over steps")
    found = ranking.accuracy(answers, totals, puzzles.rng(arguments.seed, "votes"))
    print(_table(found) if found else NO_ANSWER)


def _rank_by_pairs(arguments: argparse.Namespace, source: str, output: Path) -> None:
    """Ranks candidates by a tournament for each problem, all of them at once."""
    from hrm_net.trainer.device import resolve_device, resolve_precision

    for name in ("head", "how"):
        if getattr(arguments, name) is not None:
            raise UserError(f"--{name} {getattr(arguments, name)}: must be left out with --by pair")
    device = resolve_device(arguments.device)
    settings = {"segments": arguments.segments, "stop": arguments.stop}
    settings = {key: value for key, value in settings.items() if value is not None}
    if _judges_texts(arguments.run):
        from hrm_net.recipes.text_judge import find_text_judge

        judge = find_text_judge(arguments.run, device=device, batch_size=arguments.batch_size, **settings)
        judge.model.forward_dtype = resolve_precision(arguments.precision, device)
        _rank_texts(arguments, judge, source, output)
        return
    from hrm_net.recipes.pair_judge import find_judge

    found = find_judge(arguments.run, **settings)
    found.model.to(device).forward_dtype = resolve_precision(arguments.precision, device)
    _rank_puzzles(arguments, found, source, output)


def _rank_puzzles(arguments: argparse.Namespace, judge: "PairJudge", source: str, output: Path) -> None:
    from hrm_net.reward.formats import jsonl
    from hrm_net.reward.pair import tournaments
    from hrm_net.reward.pair.ranking import can_come_right, ranked, reader

    lines = _read(source, reader(judge), arguments.strict).items
    rankings = tournaments(
        judge, [line.tokens for line in lines], [line.states for line in lines],
        kind=arguments.kind, votes=arguments.votes, seed=arguments.seed,
    )  # fmt: skip
    alive = [can_come_right(judge, line) for line in lines]
    jsonl.write(output, [ranked(*each) for each in zip(lines, rankings, alive, strict=True)])
    total = sum(len(line.states) for line in lines)
    print(f"{output}: {total} candidates for {len(lines)} puzzles, ranked by {arguments.kind}")
    _print_games(rankings)
    if lines:
        first = sum(mine[one.order[0]] for mine, one in zip(alive, rankings, strict=True)) / len(lines)
        one_alone = sum(sum(mine) / len(mine) for mine in alive) / len(lines)
        print(f"the first can still come right in {first:.1%} of the puzzles; a random one in {one_alone:.1%}")


def _rank_texts(arguments: argparse.Namespace, judge: "TextJudge", source: str, output: Path) -> None:
    import puzzles
    from hrm_net.reward.formats import candidates, jsonl
    from hrm_net.reward.pair import tournaments
    from hrm_net.reward.text import ranking
    from hrm_net.reward.text.equivalence import AnswerChecker

    problems = _read(source, candidates.parse, arguments.strict).items
    rankings = tournaments(
        judge, [one.problem for one in problems], [one.steps for one in problems],
        kind=arguments.kind, votes=arguments.votes, seed=arguments.seed,
    )  # fmt: skip
    checker = AnswerChecker()
    answers = [ranking.read_answers(one, checker.same) for one in problems]
    _tell_undecided(checker)
    jsonl.write(output, [ranking.ranked_by_games(*each) for each in zip(problems, answers, rankings, strict=True)])
    total = sum(len(one.steps) for one in problems)
    print(f"{output}: {total} candidates to {len(problems)} problems, ranked by {arguments.kind}")
    _print_games(rankings)
    places = [ranking.place_scores(one) for one in rankings]
    found = ranking.accuracy(answers, places, puzzles.rng(arguments.seed, "votes"))
    print(_table(found) if found else NO_ANSWER)


def _print_games(rankings: "Sequence[Ranking]") -> None:
    games, segments = (sum(getattr(one, key) for one in rankings) for key in ("games", "segments"))
    print(f"{games:,} games, {segments:,} segments")


def _judges_texts(run: str) -> bool:
    """Whether a run, or a directory of `save_pretrained`, holds a judge of texts."""
    from hrm_net.checkpoints import pretrained
    from hrm_net.recipes.config import TEXT
    from hrm_net.recipes.model_source import find_model
    from hrm_net.reward.model_config import TEXTS

    path = pretrained.shipped(run) or Path(run).expanduser()
    for directory in (path, path / "judge"):
        if (directory / pretrained.CONFIG).is_file():
            return pretrained.read_config(directory)["model"].get("inputs") in TEXTS
    return find_model(run).puzzle["name"] == TEXT


def _tell_undecided(checker: "AnswerChecker") -> None:
    from hrm_net.reward.text.equivalence import SECONDS

    for first, second in checker.undecided:
        text = f"not decided in {SECONDS:g} s, counted as different"
        print(f"{text}: {first[:60]!r} and {second[:60]!r}", file=sys.stderr)


def _read(source: str, parse: Callable[[dict[str, Any]], Any], strict: bool) -> "JSONLines[Any]":
    """The sound lines; broken ones are reported on stderr, or, with `strict`, refused."""
    from hrm_net.reward.formats import jsonl

    lines = jsonl.read(source, parse, broken="refuse" if strict else "skip")
    for fault in lines.faults:
        print(f"left out: {fault}", file=sys.stderr)
    return lines


def _table(found: dict[str, Any]) -> str:
    """Shares of right answers, a row for each way to choose and a column for each N."""
    names = ("scorer", "random", "majority", "oracle")
    shares = [[name, *(f"{100 * share:.1f}" for share in found[name])] for name in names]
    rows = [["best of", *map(str, found["sizes"])], *shares]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    table = "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return f"right answers in % of {found['problems']} problems:\n{table}"


def _load(arguments: argparse.Namespace) -> "TextScorer":
    from hrm_net.recipes.text_scorer import find_text_scorer
    from hrm_net.trainer.device import resolve_device, resolve_precision

    device = resolve_device(arguments.device)
    return find_text_scorer(
        arguments.run, arguments.head, device=device, precision=resolve_precision(arguments.precision, device),
        fine_weight=arguments.fine_weight, segments=arguments.segments, stop=arguments.stop,
        batch_size=arguments.batch_size,
    )  # fmt: skip


if __name__ == "__main__":
    main()
