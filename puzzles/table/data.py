"""Reads a table: its symbols and its shape, and its rows, divided by the hash of the question.

A question's fold is that of `puzzles.splits`, so that symmetric questions share one: 90 % are trained on, 5 % validate
a run and 5 % judge it. Rows that repeat another count once.

Sources are CSV and JSONL files, or data directories in the published layout (`puzzles.datasets.dataset`). In a
directory whole groups are held out, by the hash of their first puzzle; one with a test split is judged on that, and
one whose identifiers name its puzzles is trained on as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Integer

from puzzles import splits
from puzzles.datasets import dataset, stamp
from puzzles.datasets.build import plain
from puzzles.datasets.dataset import Dataset, Examples
from puzzles.datasets.row_files import PuzzleTexts, check_one_answer, parse_rows
from puzzles.errors import UserError
from puzzles.table import domain as table_domain
from puzzles.table import text as table_text
from puzzles.table.domain import Table
from puzzles.text_input import read_text

NUM_EXAMPLES = 4  # that a table keeps, of those it is judged on
# The symbols of a directory's token ids from 1 on; those of further ids follow from their number.
DIRECTORY_SYMBOLS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
Pair = tuple[np.ndarray, np.ndarray]  # inputs and labels, each [num, seq]


@dataclass(kw_only=True, slots=True)
class TableData:
    """A table and its rows; labels of 0 are not scored. `validation` and `evaluation` may have no rows.

    `sha256`: a hash of everything that was read.
    """

    puzzle: Table
    train: list[Dataset]
    validation: Pair
    evaluation: Pair
    sha256: str


def read(path: str | Path | Sequence[str | Path], domain: type[Table] = Table, **options: Any) -> TableData:
    """The table in one file or directory, or in several of a kind. `options` as of `Table`; those that are not given
    come from the data.

    UserError of one line, `FILE:LINE: reason`, for a file that is not such a table: columns that are missing, no rows,
    rows that do not fit the shape, symbols outside a given alphabet, and two answers to one question, unless a function
    checks answers (`verifiable`).
    """
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(one) for one in path]
    if not paths:
        raise UserError("data.path=[]: must be a file or a directory, or a list of at least one")
    unknown = sorted(options.keys() - set(domain.OPTIONS))
    if unknown:
        raise UserError(f"puzzle.{unknown[0]}={options[unknown[0]]}: {domain.name} has {', '.join(domain.OPTIONS)}")
    folders = [one.is_dir() for one in paths]
    for one, is_folder in zip(paths, folders, strict=True):
        if not is_folder and not one.is_file():
            raise UserError(f"data.path={one}: no such file or directory")
    if any(folders) and not all(folders):
        raise UserError(f"data.path={paths[folders.index(False)]}: is a file: must be a directory, as the others are")
    return _from_directories(paths, domain, options) if folders[0] else _from_files(paths, domain, options)


@dataclass(slots=True)
class _Rows:
    """Cells of questions and answers, and where each row stands: (texts, row)."""

    questions: list[str]
    answers: list[str]
    places: list[tuple[PuzzleTexts, int]]

    def pairs(self) -> list[tuple[str, str]]:
        """(question, answer) of each row."""
        return list(zip(self.questions, self.answers, strict=True))


def _from_files(paths: list[Path], domain: type[Table], options: dict[str, Any]) -> TableData:
    headers = table_domain.check_headers(options.get("question", "question"), options.get("answer", "answer"))
    shape = table_domain.check_shape(options.get("shape"))
    texts = [_texts(path, headers) for path in paths]
    rows = _cells(texts, shape)
    if not domain.verifiable:
        check_one_answer(rows.pairs(), rows.places.__getitem__)
    rows = _without_repeats(rows)
    known = options.get("alphabet")
    alphabet = "".join(sorted({*"".join(rows.questions), *"".join(rows.answers)} - {table_text.GAP}))
    if known is not None:
        known = table_domain.check_alphabet(known)
        _check_symbols(rows, known, set(alphabet) - set(known), shape)
    longest = max(map(len, (*rows.questions, *rows.answers)))
    filled = dict(options) | {"alphabet": known or alphabet, "length": options.get("length") or longest}
    if shape is None:
        differ = any(len(q) != len(a) for q, a in rows.pairs())
        filled["ends"] = differ if options.get("ends") is None else options["ends"]
    else:
        filled |= {"length": None, "ends": False}
    puzzle = domain(**filled)
    _check_lengths(rows, puzzle)
    inputs, labels = puzzle.encode(rows.questions), puzzle.encode(rows.answers, answers=True)
    folds = splits.fold(puzzle, inputs)
    validation, evaluation = (
        _apart(puzzle, inputs[folds == fold], labels[folds == fold]) for fold in (splits.VALIDATION, splits.EVALUATION)
    )
    chosen = folds == splits.TRAIN
    if not chosen.any():
        raise UserError(f"data.path={_names(paths)}: none of its {len(inputs)} rows falls into the training fold")
    hashes = [stamp.file_hash(path) for path in paths]
    return TableData(
        puzzle=_with_examples(puzzle, evaluation),
        train=[dataset.from_sets({"all": plain(inputs[chosen], labels[chosen])}, vocab_size=puzzle.vocab_size)],
        validation=validation,
        evaluation=evaluation,
        sha256=hashes[0] if len(hashes) == 1 else stamp.digest(hashes),
    )


def _names(paths: list[Path]) -> str:
    return str(paths[0]) if len(paths) == 1 else f"[{','.join(map(str, paths))}]"


def _texts(path: Path, headers: tuple[str, str]) -> PuzzleTexts:
    required = {"question": (headers[0],), "answer": (headers[1],)}
    return parse_rows(read_text(path), required, {}, name=str(path))[0]


def _cells(texts: list[PuzzleTexts], shape: tuple[int, int] | None) -> _Rows:
    rows = _Rows([], [], [])
    for one in texts:
        for row, pair in enumerate(zip(one.questions, one.answers, strict=True)):
            cells: list[str] = []
            try:
                for text in pair:
                    read_cells = table_text.sequence(text) if shape is None else table_text.grid(text, shape)
                    if not read_cells.strip(table_text.GAP):
                        raise UserError("is empty: must have at least one symbol")
                    cells.append(read_cells)
            except UserError as error:
                raise UserError(f"{one.place(row, 'answer' if cells else 'question')}: {error}") from None
            rows.questions.append(cells[0])
            rows.answers.append(cells[1])
            rows.places.append((one, row))
    return rows


def _without_repeats(rows: _Rows) -> _Rows:
    """Each row once."""
    kept = sorted({pair: row for row, pair in reversed([*enumerate(rows.pairs())])}.values())  # the first of equals
    return _Rows(
        questions=[rows.questions[row] for row in kept],
        answers=[rows.answers[row] for row in kept],
        places=[rows.places[row] for row in kept],
    )


def _check_symbols(rows: _Rows, alphabet: str, others: set[str], shape: tuple[int, int] | None) -> None:
    """UserError for the first cell whose symbol is not in a given alphabet."""
    if not others:
        return
    for row, cells in enumerate(rows.pairs()):
        for column, text in zip(("question", "answer"), cells, strict=True):
            if not others.isdisjoint(text):
                unknown = np.array([table_text.UNKNOWN if symbol in others else 0 for symbol in text])
                error = table_text.unknown_symbol(text, alphabet, shape or (1, len(text)), unknown)
                one, at = rows.places[row]
                raise UserError(f"{one.place(at, column)}: {error}")


def _check_lengths(rows: _Rows, puzzle: Table) -> None:
    """UserError for a row that is longer than a given length, and for one whose answer does not fill the cells of its
    question where it must: without ends, and where symmetries move cells, all of them."""
    for row, (question, answer) in enumerate(rows.pairs()):
        size = max(len(question), len(answer))
        one, at = rows.places[row]
        if size > puzzle.seq_len:
            column = "question" if len(question) > puzzle.seq_len else "answer"
            raise UserError(f"{one.place(at, column)}: has {size} symbols: puzzle.length={puzzle.seq_len} is the most")
        if not puzzle.ends and _gaps(question) != _gaps(answer):
            bound = "the same cells as its question" if puzzle.is_grid else f"{len(question)}, as its question has"
            has = f"has {len(answer.replace(table_text.GAP, ''))} symbols"
            raise UserError(f"{one.place(at, 'answer')}: {has}: must fill {bound}")
        if puzzle.group.moves_cells and (len(question) < puzzle.seq_len or table_text.GAP in question):
            has = f"has {len(question.replace(table_text.GAP, ''))} symbols"
            bound = f"must have {puzzle.seq_len}, since puzzle.symmetries move cells"
            raise UserError(f"{one.place(at, 'question')}: {has}: {bound}")


def _gaps(cells: str) -> tuple[int, list[int]]:
    return len(cells), [i for i, cell in enumerate(cells) if cell == table_text.GAP] if table_text.GAP in cells else []


def _apart(puzzle: Table, inputs: Any, labels: Any) -> Pair:
    """Rows of which none is symmetric to an earlier one."""
    fresh = ~splits.duplicates(puzzle, inputs)
    return inputs[fresh], labels[fresh]


def _with_examples(puzzle: Table, held: Pair) -> Table:
    """The table with a few rows to show, where it has any that it is not trained on."""
    inputs, labels = (part[:NUM_EXAMPLES] for part in held)
    pairs = [(puzzle.format(q), puzzle.format_answer(q, a)) for q, a in zip(inputs, labels, strict=True)]
    return type(puzzle)(**(puzzle.options | {"examples": pairs}))


def _from_directories(paths: list[Path], domain: type[Table], options: dict[str, Any]) -> TableData:
    found = [dataset.read(path) for path in paths]
    sizes = {(one.metadata.seq_len, one.metadata.num_puzzle_identifiers) for one in found}
    if len(sizes) > 1:
        raise UserError(
            f"data.path={_names(paths)}: their rows have {' and '.join(f'{seq} cells' for seq, _ in sorted(sizes))}, "
            "or other identifiers: must be equal"
        )
    ((seq_len, num_identifiers),) = sizes
    shape = table_domain.check_shape(options.get("shape"))
    if shape is not None and shape[0] * shape[1] != seq_len:
        raise UserError(f"puzzle.shape={list(shape)}: must have the {seq_len} cells of {paths[0]}")
    num_symbols = max(one.metadata.vocab_size for one in found) - 1
    alphabet = table_domain.check_alphabet(options.get("alphabet") or _numbered_symbols(num_symbols))
    if len(alphabet) < num_symbols:
        bound = f"must have {num_symbols} symbols, as vocab_size of {paths[0]}"
        raise UserError(f"puzzle.alphabet={table_text.shown(alphabet)}: {bound}")
    filled = dict(options) | {"alphabet": alphabet, "length": None if shape else seq_len, "ends": False}
    puzzle = domain(**filled)
    hashes = [one.digest() for one in found]
    train, validation, evaluation = found, _none(puzzle), _none(puzzle)
    if num_identifiers == 1:
        tested = any((path / stamp.SPLITS[1] / dataset.METADATA).is_file() for path in paths)
        kept = splits.TRAIN if not tested else splits.EVALUATION
        train, validation, evaluation = _held_out(puzzle, found, {splits.TRAIN, kept})
    return TableData(
        puzzle=_with_examples(puzzle, evaluation),
        train=train,
        validation=validation,
        evaluation=evaluation,
        sha256=hashes[0] if len(hashes) == 1 else stamp.digest(hashes),
    )


def _none(puzzle: Table) -> Pair:
    nothing = np.zeros((0, puzzle.seq_len), puzzle.dtype)
    return nothing, nothing


def _numbered_symbols(num: int) -> str:
    return DIRECTORY_SYMBOLS[:num] + "".join(chr(0x4E00 + i) for i in range(num - len(DIRECTORY_SYMBOLS)))


def _held_out(puzzle: Table, found: list[Dataset], trained: set[int]) -> tuple[list[Dataset], Pair, Pair]:
    """The groups of the folds that are `trained` on, and the first puzzles of the others' groups, of those that no row
    trained on is symmetric to."""
    held: dict[int, list[Pair]] = {splits.VALIDATION: [], splits.EVALUATION: []}
    train = []
    for one in found:
        sets = {}
        for name, examples in one.sets.items():
            firsts = examples.puzzle_indices[examples.group_indices[:-1]]
            inputs, labels = examples.inputs[firsts], examples.labels[firsts]
            ignored = one.metadata.ignore_label_id
            labels = labels if ignored is None else np.where(labels == ignored, 0, labels)
            folds = splits.fold(puzzle, inputs)
            for fold in held.keys() - trained:
                chosen = folds == fold
                held[fold].append((inputs[chosen].astype(puzzle.dtype), labels[chosen].astype(puzzle.dtype)))
            kept = np.isin(folds, list(trained))
            if kept.any():
                sets[name] = _groups(examples, kept)
        if sets:
            train.append(replace(one, sets=sets))
    if not train:
        raise UserError(f"data.path={found[0].folder}: none of its groups falls into the training fold")
    rows = np.concatenate([examples.inputs for one in train for examples in one.sets.values()])
    pairs = []
    for parts in held.values():
        inputs, labels = (np.concatenate(side) for side in zip(_none(puzzle), *parts, strict=True))
        unseen = ~splits.seen_in(puzzle, inputs, rows)
        pairs.append(_apart(puzzle, inputs[unseen], labels[unseen]))
    return train, pairs[0], pairs[1]


def _groups(examples: Examples, kept: Bool[np.ndarray, " groups"]) -> Examples:
    """These groups of a set alone."""
    puzzles = np.repeat(kept, np.diff(examples.group_indices))
    rows = np.repeat(puzzles, np.diff(examples.puzzle_indices))
    return Examples(
        inputs=examples.inputs[rows],
        labels=examples.labels[rows],
        puzzle_identifiers=examples.puzzle_identifiers[puzzles],
        puzzle_indices=_offsets(np.diff(examples.puzzle_indices)[puzzles]),
        group_indices=_offsets(np.diff(examples.group_indices)[kept]),
    )


def _offsets(sizes: Integer[np.ndarray, " parts"]) -> Integer[np.ndarray, " offsets"]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
