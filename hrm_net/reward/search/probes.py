"""Attempts made to fool a step scorer, labelled by the oracle, and how far they get; and hill climbing on its score.

Each probe changes honest attempts: `no_op_padding` stops and then does nothing (which fools means and products of "no
error so far"), `few_huge_steps` merges steps (which fools min and prod, because these punish length), `erase_refill`
goes round in circles (which fools sums of progress). `error_then_fix` makes an error and corrects it, which is not a
trick: a scorer should value it like an attempt without the error.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer

from hrm_net.reward.aggregate import COMPARED, by_solution, ranking_aggregation
from hrm_net.reward.metrics.ranking import auroc, within
from hrm_net.reward.search.guided import RowScorer, unlabelled_rows
from puzzles.errors import UserError
from puzzles.steps.attempts import Attempts
from puzzles.steps.labels import label_states
from puzzles.steps.rules import StepRules


def no_op_padding(attempts: Attempts, keep: Integer[np.ndarray, " attempts"]) -> Attempts:
    """The first `keep` steps of each attempt, then steps that do nothing until the budget is used up."""
    states = _roomy(attempts)
    places = np.minimum(np.arange(states.shape[1]), keep[:, None])
    return _changed(attempts, np.take_along_axis(states, places[:, :, None], 1), attempts.budget)


def erase_refill(attempts: Attempts, rules: StepRules, keep: Integer[np.ndarray, " attempts"]) -> Attempts:
    """The first `keep` steps, then the cell written last is erased and written again until the budget is used up.

    Attempts that hold nothing written by then are left out. The regime becomes "edit".
    """
    padded = no_op_padding(attempts, keep)
    written = rules.editable(attempts.problems) & (padded.states[:, -1] != rules.blank)
    order = np.argmax(padded.states == padded.states[:, -1:], axis=1)  # when each cell first held its last value
    cell = np.where(written, order, -1).argmax(1)
    later = np.arange(padded.states.shape[1]) - keep[:, None]
    rows, times = np.nonzero((later > 0) & (later % 2 == 1))
    padded.states[rows, times, cell[rows]] = rules.blank
    padded.fill[:] = False
    return padded.take(written.any(1))


def few_huge_steps(attempts: Attempts, merge: int = 4) -> Attempts:
    """Every `merge` steps as one: fewer steps that could be called wrong, and steps left at the end.

    With steps left, an end state that is not solved may still be finished in them: see `lost`.
    """
    if merge < 1:
        raise UserError(f"merge={merge}: must be at least 1")
    times = np.arange(-(-(attempts.states.shape[1] - 1) // merge) + 1) * merge
    places = np.minimum(times, attempts.lengths[:, None])
    found = _changed(
        attempts, np.take_along_axis(attempts.states, places[:, :, None], 1), -(-attempts.lengths // merge)
    )
    found.cells_per_step = attempts.cells_per_step * merge
    return found


def lost(rules: StepRules, attempts: Attempts) -> Bool[np.ndarray, " attempts"]:
    """Which attempts cannot be finished any more in the steps that are shown as left after their last one.

    Attempts need a step. Those that have steps left get an idle one, so that their last state is not judged as an end.
    """
    found = ~label_states(rules, attempts).solved
    going = np.flatnonzero(attempts.lengths < attempts.budget)
    some = attempts.take(going)
    places = np.minimum(np.arange(some.states.shape[1] + 1), some.lengths[:, None])
    idle = _changed(some, np.take_along_axis(some.states, places[:, :, None], 1), some.lengths + 1)
    found[going] = ~label_states(rules, idle).alive[np.arange(len(some)), some.lengths - 1]
    return found


def error_then_fix(attempts: Attempts, rules: StepRules, rng: np.random.Generator, *, gap: int = 0) -> Attempts:
    """A locally legal but wrong value in a random blank cell, corrected `gap` steps later, inside each attempt.

    It takes two more steps; attempts without room for them, or without a suitable cell, are left out. Regime "edit".
    """
    if gap < 0:
        raise UserError(f"gap={gap}: must be at least 0")
    states, times = _roomy(attempts), np.arange(attempts.states.shape[1] + 2)
    at = (rng.random(len(attempts)) * np.maximum(attempts.lengths - gap, 1)).astype(np.int64)
    rows = np.arange(len(attempts))
    before, corrected = states[rows, at], states[rows, np.minimum(at + gap, attempts.lengths)]
    targets = rules.targets(attempts.problems, corrected, corrected)
    wrong = rules.legal(attempts.problems, before) & (np.arange(rules.puzzle.vocab_size) != targets[:, :, None])
    wrong &= (corrected == rules.blank)[:, :, None]
    flat = wrong.reshape(len(wrong), wrong.shape[1] * wrong.shape[2])
    choice = np.where(flat, rng.random(flat.shape), -1).argmax(1)
    cell, value = choice // wrong.shape[2], choice % wrong.shape[2]
    # what was at time t is now one later after the error and two later after the correction
    fix = at + gap + 2
    source = times - (times > at[:, None]) - (times >= fix[:, None])
    source = np.minimum(source, attempts.lengths[:, None])
    found = np.take_along_axis(states, source[:, :, None], 1)
    index, t = np.nonzero((times > at[:, None]) & (times < fix[:, None]))
    found[index, t, cell[index]] = value[index]
    index, t = np.nonzero(times >= fix[:, None])
    fitting = found[index, t, cell[index]] == rules.blank
    found[index[fitting], t[fitting], cell[index[fitting]]] = targets[index[fitting], cell[index[fitting]]]
    lengths = attempts.lengths + 2
    changed = _changed(attempts, found, np.minimum(lengths, attempts.budget))
    changed.fill = np.zeros(len(attempts), bool)
    return changed.take(flat.any(1) & (lengths <= attempts.budget) & (attempts.lengths > gap))


def wrong_then_right(attempts: Attempts, rules: StepRules, rng: np.random.Generator) -> Attempts:
    """One right value that each attempt writes becomes a locally legal wrong one, which a step of its own corrects.

    It takes one more step, so it serves where `error_then_fix` has no room. Attempts without room, or whose chosen step
    writes no suitable cell, are left out. Regime "edit".
    """
    states, rows = _roomy(attempts), np.arange(len(attempts))
    at = (rng.random(len(attempts)) * attempts.lengths).astype(np.int64)
    before, after = states[rows, at], states[rows, np.minimum(at + 1, states.shape[1] - 1)]
    targets = rules.targets(attempts.problems, before, after)
    fresh = (before == rules.blank) & (after == targets) & (after != rules.blank)
    wrong = rules.legal(attempts.problems, before) & fresh[:, :, None]
    wrong &= np.arange(rules.puzzle.vocab_size) != targets[:, :, None]
    flat = wrong.reshape(len(wrong), wrong.shape[1] * wrong.shape[2])
    choice = np.where(flat, rng.random(flat.shape), -1).argmax(1)
    times = np.arange(states.shape[1] + 1)
    source = np.minimum(times - (times > at[:, None] + 1), attempts.lengths[:, None])
    found = np.take_along_axis(states, source[:, :, None], 1)
    found[rows, at + 1, choice // wrong.shape[2]] = choice % wrong.shape[2]
    lengths = attempts.lengths + 1
    changed = _changed(attempts, found, np.minimum(lengths, attempts.budget))
    changed.fill = np.zeros(len(attempts), bool)
    return changed.take(flat.any(1) & (lengths <= attempts.budget))


def attempt_scores(
    scorer: RowScorer, attempts: Attempts
) -> tuple[Float[np.ndarray, " rows"], Int64[np.ndarray, " n1"]]:
    """(the scores of all steps, attempt after attempt; the first row of each attempt, and the number of rows)."""
    index, step = np.nonzero(attempts.live)
    rows = unlabelled_rows(
        attempts.problems[index],
        attempts.states[index, step],
        attempts.states[index, step + 1],
        attempts.budget[index] - step - 1,
    )
    return np.asarray(scorer.score_rows(rows), np.float64), np.concatenate([[0], np.cumsum(attempts.lengths)])


def probe(
    scorer: RowScorer, rules: StepRules, rng: np.random.Generator, attempts: Attempts, hows: tuple[str, ...] = COMPARED
) -> dict[str, dict[str, Any]]:
    """{probe: {num, solved, ok, beats_solved: {how: share}, beats_failed: {how: share}}}.

    `solved` and `ok` are the shares of probing attempts and of their steps that are right by the oracle. `beats_solved`
    is how often a probe ranks above a solved honest attempt at the same puzzle (a tie counts half, mean over puzzles):
    0 where the scorer is not fooled. `beats_failed` is the same for a failed honest attempt. `error_then_fix` is
    solved, so 0.5 and 1 are best for it; where no attempt has room for it, `wrong_then_right` takes its place. The row
    "failed" has the honest failed attempts themselves. `few_huge_steps` is made from those of them whose end cannot be
    finished in the steps that the probe shows as left (elsewhere a high score would be right), the other probes from
    solved attempts; those that stop early keep at most half of the steps, and none that is wrong. NaN where there is
    nothing to compare. Two of the probes erase and overwrite, which is new to scorers trained on regime "fill".
    """
    honest = attempts.take(attempts.lengths > 0)
    labels = label_states(rules, honest)
    good, bad = honest.take(labels.solved), honest.take(~labels.solved)
    wrong = ((labels.ok < 1) & honest.live)[labels.solved]
    keep = np.minimum(good.lengths // 2, np.where(wrong.any(1), wrong.argmax(1), good.lengths))
    corrected, huge = error_then_fix(good, rules, rng), few_huge_steps(bad)
    made = {
        "failed": bad,
        "no_op_padding": no_op_padding(good, keep),
        "erase_refill": erase_refill(good, rules, keep),
        "error_then_fix": corrected if len(corrected) else wrong_then_right(good, rules, rng),
        "few_huge_steps": huge.take(lost(rules, huge)),
    }
    puzzle_of = {problem.tobytes(): place for place, problem in enumerate(np.unique(honest.problems, axis=0))}

    def graded(some: Attempts) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        puzzle = np.array([puzzle_of[problem.tobytes()] for problem in some.problems], np.int64)
        scores, starts = attempt_scores(scorer, some)
        return puzzle, {how: by_solution(scores, starts, ranking_aggregation(how)) for how in hows}

    reference = {"beats_solved": graded(good), "beats_failed": graded(bad)}
    table: dict[str, dict[str, Any]] = {}
    for name, some in made.items():
        puzzle, values = reference["beats_failed"] if name == "failed" else graded(some)
        labels = label_states(rules, some)
        ok = labels.ok[some.live]
        table[name] = {
            "num": len(some),
            "solved": float(labels.solved.mean()) if len(some) else np.nan,
            "ok": float(ok.mean()) if len(ok) else np.nan,
        }
        for key, (other, theirs) in reference.items():
            table[name][key] = {how: _beats(values[how], puzzle, theirs[how], other) for how in hows}
    return table


def climb(
    scorer: RowScorer,
    rules: StepRules,
    rng: np.random.Generator,
    problems: Integer[np.ndarray, "puzzles seq"],
    *,
    iterations: int = 50,
    proposals: int = 16,
) -> dict[str, list[float]]:
    """Hill climbing on the score of the step from the start to a state, with no steps left after it: does the score
    still mean anything where it is pushed up?

    Starts from random values in all editable cells. Each iteration tries `proposals` changes of one cell in each puzzle
    and keeps the best one where it raises the score. Returns means over puzzles after each iteration, the start first:
    `score`, `right` (share of editable cells that hold the solution's value) and `solved`. A scorer whose score rises
    while `right` does not is fooled.
    """
    editable = rules.editable(problems)
    values = np.array([value for value in rules.values if value != rules.blank] or rules.values, np.uint8)
    if len(values) == 1:  # the cells hold a mark or none
        values = np.array(rules.values, np.uint8)
    start = rules.start(problems)
    state = np.where(editable, rng.choice(values, start.shape), start).astype(np.uint8)
    none_left = np.zeros(len(problems), np.int64)

    def scored(after: np.ndarray, times: int) -> np.ndarray:
        rows = unlabelled_rows(
            np.repeat(problems, times, 0), np.repeat(start, times, 0), after, np.repeat(none_left, times)
        )
        return np.asarray(scorer.score_rows(rows), np.float64).reshape(len(problems), times)

    curve: dict[str, list[float]] = {"score": [], "right": [], "solved": []}

    def record(score: np.ndarray) -> None:
        agree = rules.targets(problems, state, state) == state
        curve["score"].append(float(score.mean()))
        curve["right"].append(float(((agree & editable).sum(1) / np.maximum(editable.sum(1), 1)).mean()))
        curve["solved"].append(float(agree.all(1).mean()))

    score = scored(state, 1)[:, 0]
    record(score)
    for _ in range(iterations):
        tried = np.repeat(state, proposals, 0)
        cells = np.where(np.repeat(editable, proposals, 0), rng.random(tried.shape), -1).argmax(1)
        tried[np.arange(len(tried)), cells] = rng.choice(values, len(tried))
        tried = np.where(np.repeat(editable, proposals, 0), tried, np.repeat(start, proposals, 0))
        found = scored(tried, proposals)
        best = found.argmax(1)
        better = found.max(1) > score
        chosen = tried.reshape(len(problems), proposals, -1)[np.arange(len(problems)), best]
        state = np.where(better[:, None], chosen, state)
        score = np.where(better, found.max(1), score)
        record(score)
    return curve


def _beats(mine: np.ndarray, puzzle: np.ndarray, theirs: np.ndarray, other: np.ndarray) -> float:
    """Chance that one of `mine` ranks above one of `theirs` of the same puzzle; mean over puzzles that have both."""
    is_mine: Bool[np.ndarray, " all"] = np.arange(len(mine) + len(theirs)) < len(mine)
    return within(auroc, np.concatenate([mine, theirs]), is_mine, np.concatenate([puzzle, other]))[0]


def _roomy(attempts: Attempts) -> np.ndarray:
    """The states, each attempt's last one repeated as far as the largest budget reaches."""
    times = np.minimum(np.arange(max(int(attempts.budget.max(initial=0)), 0) + 1), attempts.lengths[:, None])
    return np.take_along_axis(attempts.states, times[:, :, None], 1)


def _changed(attempts: Attempts, states: np.ndarray, lengths: np.ndarray) -> Attempts:
    return Attempts(
        problems=attempts.problems,
        states=states,
        lengths=lengths.astype(np.int64),
        budget=attempts.budget,
        cells_per_step=attempts.cells_per_step,
        fill=attempts.fill.copy(),
        group=attempts.group,
    )
