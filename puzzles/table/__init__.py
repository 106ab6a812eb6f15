"""A task of your own from one file: a table of questions and answers over any symbols, as `puzzle=table`.

domain      `Table`, the domain: symbols, shape and symmetries as they were read from the data
data        reads CSV and JSONL files and data directories, and divides the rows by the hash of the question
text        questions and answers as cells
symmetries  the symmetries that a table may name: rows, columns, dihedral, symbols

    table = puzzles.table.read("train.csv").puzzle
    puzzles.table.register("queens", lambda question, answer: ...)   # a task whose answers a function of yours checks
"""

from puzzles.table.data import TableData, read
from puzzles.table.domain import Table, register

__all__ = ["Table", "TableData", "read", "register"]
