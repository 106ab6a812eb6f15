"""`hrm-solve`: puzzles from the command line, a file or a pipe, answered by a trained model."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm_net.command_line import Parser, exit_codes
from puzzles.errors import UserError

if TYPE_CHECKING:
    from hrm_net.recipes.model_source import ModelSource
    from hrm_net.solver import Solution
    from puzzles.base import Puzzle
    from puzzles.datasets.puzzle_files import PuzzleEntry

DESCRIPTION = "Solve puzzles with a trained model: by default Sudoku, with the weights that ship with the package."
EXAMPLES = """\
examples:
  hrm-solve 53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79
  hrm-solve puzzles.txt --json          a file of puzzles, one JSON object for each
  hrm-solve - < puzzles.txt             the same from a pipe
  hrm-solve --restarts 8 --select verifier --max-segments 64 hard.txt
  hrm-solve --run maze --size rows=3 --size columns=3 'S.#/..#/#.G'   a maze of any size, rows separated by /
  hrm-solve --run runs/sums 12+34       a question of a table that a run was trained on
  hrm-solve --run runs/arc_smoke task.json  an ARC task that the run knows by its name: an answer to each of its tests
  hrm-solve --run runs/arc_smoke 0934a4d8 --augmentations 8 --json   one of the run's own tasks, fewer votes
  hrm-solve --run runs/arc --family gravity '00100/00000/02000'   a grid of the family that the run learned

stop rules (any of several ends a puzzle; joined by + they must all hold):
  q  the halting head says so     q:0.9  its probability of being right is 0.9     unchanged:3  answer stayed for 3
  rules  the puzzle's rules verify the answer    residual:0.05  the state moved by less than 5 %    fixed  never early

A file may have one puzzle a line, or puzzles on several lines with empty lines or headings between them (grids with or
without rulers, .sdk, .ss), or be a CSV file with a column question, puzzle or quizzes.

Exit code 1: some puzzles of a file could not be read. The others are answered; the faults follow, each with its line.
Exit code 2: bad input, explained in one line. A puzzle that the model does not solve is not an error: it says so.
"""


def main(argv: Sequence[str] | None = None) -> None:
    """`hrm-solve ...`."""
    with exit_codes():
        _run(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = Parser("hrm-solve", description=DESCRIPTION, epilog=EXAMPLES)
    add = parser.add_argument
    add("puzzle", help="a puzzle as text, a file of puzzles, or - for standard input; an ARC task's file or name")
    add("--json", action="store_true", help="one object a line: answer, solved, confidence, segments, abstained")
    parser.share("--run")
    add("--max-segments", type=int, default=16, metavar="N", help="segments to run at most (default: %(default)s)")
    add("--stop", action="append", metavar="RULE", help="when to stop before; may be repeated (default: by the model)")
    add("--restarts", type=int, default=1, metavar="N", help="passes over each puzzle (default: %(default)s)")
    add("--select", default="q", metavar="HOW", help="among restarts: q, residual, vote, agreement or verifier (q)")
    add("--augmentations", type=int, metavar="N", help="of an ARC task that vote (default: all that were trained on)")
    add("--family", metavar="NAME", help="ARC: the family whose rule is meant, for a run trained on families")
    add("--size", action="append", metavar="KEY=VALUE", help="another size of the puzzle, for weights that serve it")
    add("--abstain-below", type=float, metavar="P", help="give no answer where the confidence is below P")
    parser.share("--batch-size")
    parser.share("--seed", help="of restarts and of random models (default: %(default)s)")
    parser.share("--device")
    parser.share("--precision")
    add("--compile", action="store_true", help="compile the model first: pays from thousands of puzzles on")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    import puzzles
    from hrm_net.recipes import recipe_of
    from hrm_net.recipes.model_source import find_solver

    source = find_solver(arguments.run)
    if recipe_of(source.values).answers_by_votes:
        _run_tasks(source, arguments)
        return
    if arguments.augmentations is not None:
        raise UserError(f"--augmentations: {source.path} was not trained on real ARC tasks")
    puzzle = _sized(puzzles.get(**source.puzzle), arguments.size or [])
    identifier = _identifier(puzzle, source, arguments.family)
    entries = read_puzzles(arguments.puzzle, puzzle)
    inputs = np.stack([entry.inputs for entry in entries if not isinstance(entry.inputs, UserError)])
    live = not arguments.json and len(entries) == 1 and sys.stdout.isatty()
    model = _load(source, arguments)
    if arguments.size:
        try:
            model = model.fitted(puzzle)
        except UserError as error:
            raise UserError(f"--size {' '.join(arguments.size)}: {error}") from None

    from hrm_net.solver import solve

    found = solve(
        model, puzzle, inputs, max_segments=arguments.max_segments, stop=arguments.stop, restarts=arguments.restarts,
        select=arguments.select, batch_size=arguments.batch_size, seed=arguments.seed,
        abstain_below=arguments.abstain_below, trace=live, narrow=not arguments.compile,
        puzzle_identifiers=np.full(len(inputs), identifier),
    )  # fmt: skip
    if live:
        _show(puzzle, inputs[0], found)
    faults = []
    row = 0  # of `found`
    for entry in entries:
        if isinstance(entry.inputs, UserError):
            faults.append(str(entry.inputs))
            if arguments.json:  # so that the objects stay in step with the puzzles
                print(json.dumps({"error": faults[-1]}))
            continue
        result = as_dict(puzzle, inputs[row], found, row)
        row += 1
        print(json.dumps(result) if arguments.json else _line(result, puzzle.verifiable))
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)


def _sized(puzzle: "Puzzle", options: list[str]) -> "Puzzle":
    """The puzzle with those options in place of its own."""
    if not options:
        return puzzle

    from hrm_net.data.sizes import SIZE, sized

    size: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not (key and equals and value):
            raise UserError(f"--size {option}: must be KEY=VALUE, with a key among {', '.join(puzzle.OPTIONS)}")
        size[key] = int(value) if value.isdecimal() else value
    try:
        return sized(puzzle, {SIZE: size})[0]
    except UserError as error:
        raise UserError(f"--{error}") from None


def _run_tasks(source: "ModelSource", arguments: argparse.Namespace) -> None:
    """Tests of real ARC tasks, answered by votes."""
    options = vars(arguments)
    for name in ("stop", "restarts", "select", "abstain_below", "family", "size"):
        if options[name] != _parser().get_default(name):
            raise UserError(f"--{name.replace('_', '-')}: real ARC tasks are answered by votes; see --augmentations")

    from hrm_net.recipes import arc_solve as solve_arc  # its kernels load when they are needed

    assert source.config is not None
    loaded, tasks = solve_arc.asked_tasks(arguments.puzzle, source.config)
    results = solve_arc.answers(
        _load(source, arguments), source.config, tasks, loaded=loaded, augmentations=arguments.augmentations,
        max_segments=arguments.max_segments, batch_size=arguments.batch_size, seed=arguments.seed,
        progress=not arguments.json and sys.stdout.isatty(),
    )  # fmt: skip
    for one in results:
        print(json.dumps(one) if arguments.json else solve_arc.line(one))


def _identifier(puzzle: "Puzzle", source: "ModelSource", family: str | None) -> int:
    """What the model knows the puzzles by: 0 unless the domain has families."""
    if puzzle.families:
        from hrm_net.recipes.arc_solve import family_identifier

        return family_identifier(family, puzzle, source)
    if family is not None:
        raise UserError(f"--family {family}: {source.path} solves {puzzle.name}, which has no families")
    return 0


def read_puzzles(text: str, puzzle: "Puzzle") -> "list[PuzzleEntry]":
    """The puzzles of a text, of a file by its name, or of standard input (`-`), and the faults of those that have any.

    Only faults that are found without a search count: the exact solver's kernels take long to load. UserError where no
    puzzle is left.
    """
    from puzzles.datasets import puzzle_files

    try:
        is_file = text == "-" or Path(text).is_file()
    except (OSError, ValueError):  # too long a name, or no name at all
        is_file = False
    if not is_file:
        try:
            inputs = puzzle.parse(text)
            if fault := puzzle.problem_fault(inputs, search=False):
                raise UserError(fault)
        except UserError as error:
            raise UserError(f"{text!r}: no such file, and no puzzle: {error}") from None
        return [puzzle_files.PuzzleEntry(line=1, text=text, inputs=inputs)]
    entries = []
    for entry in puzzle_files.read_puzzles(text, puzzle):
        inputs = entry.inputs
        if not isinstance(inputs, UserError) and (fault := puzzle.problem_fault(inputs, search=False)):
            name = "standard input" if text == "-" else text
            entry = replace(entry, inputs=UserError(f"{name}:{entry.line}: {fault}"))
        entries.append(entry)
    faults = [entry.inputs for entry in entries if isinstance(entry.inputs, UserError)]
    if len(faults) == len(entries):
        more = f" (and {len(faults) - 1} more faults)" if len(faults) > 1 else ""
        raise UserError(f"{faults[0]}{more}")
    return entries


def as_dict(puzzle: "Puzzle", inputs: np.ndarray, found: "Solution", i: int) -> dict[str, Any]:
    """The result of puzzle `i`; `answer` is null where the model abstains, `solved` where no rules can tell."""
    return {
        "answer": None if found.abstained[i] else puzzle.format_answer(inputs, found.answers[i]),
        "solved": bool(found.solved[i]) if puzzle.verifiable else None,
        "confidence": round(float(found.confidence[i]), 6),
        "segments": int(found.segments[i]),
        "abstained": bool(found.abstained[i]),
    }


def _line(result: dict[str, Any], verifiable: bool) -> str:
    verdict = (
        "abstained" if result["abstained"] else ("solved" if result["solved"] else "not solved") if verifiable else ""
    )
    number = result["segments"]
    segments = f"{number} segment{'' if number == 1 else 's'}"
    parts = [result["answer"] or "-", verdict, f"confidence {100 * result['confidence']:.1f} %", segments]
    return "  ".join(part for part in parts if part)


def _load(source: "ModelSource", arguments: argparse.Namespace) -> Any:
    from hrm_net.trainer.device import resolve_compile, resolve_device, resolve_precision

    device = resolve_device(arguments.device)
    model = source.load().to(device)
    model.forward_dtype = resolve_precision(arguments.precision, device)
    if arguments.compile and resolve_compile("true", device):
        model.compile_blocks()
    return model


def _show(puzzle: "Puzzle", inputs: np.ndarray, found: "Solution") -> None:
    """The puzzle filling in, on a terminal."""
    from hrm_net.evaluation import live
    from hrm_net.evaluation.trace import Trace

    assert found.trace is not None
    steps = found.trace[0]
    followed = Trace(
        puzzle=puzzle, inputs=inputs, labels=None, states=np.stack(steps.states),
        confidence=np.array(steps.confidence), halted_at=len(steps.states),
    )  # fmt: skip
    live.show(followed)
