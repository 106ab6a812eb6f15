"""Where steps end in a row of token ids."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class StepMarks:
    """A step ends with the tokens of the separator, or with one token whose text ends with it (such as `.\\n\\n`).

    Of separators that overlap or follow each other directly, the last one counts.
    """

    separator: str
    separator_ids: tuple[int, ...]
    # Single tokens whose text ends with the separator.
    ending_ids: frozenset[int]
    # Tokens that say nothing at the end of a text: special ones, and white space.
    blank_ids: frozenset[int]

    @classmethod
    def of(cls, tokenizer: Any, separator: str) -> "StepMarks":
        """Of a transformers tokenizer."""
        special = set(tokenizer.all_special_ids)
        texts = {i: tokenizer.decode([i]) for i in range(len(tokenizer)) if i not in special}
        blank = {i for i, text in texts.items() if text and not text.strip()}
        return cls(
            separator=separator,
            separator_ids=tuple(tokenizer(separator, add_special_tokens=False)["input_ids"]),
            ending_ids=frozenset(i for i, text in texts.items() if text.endswith(separator)),
            blank_ids=frozenset(special | blank),
        )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "StepMarks":
        """What `to_dict` gave."""
        return cls(
            separator=values["separator"],
            separator_ids=tuple(values["separator_ids"]),
            ending_ids=frozenset(values["ending_ids"]),
            blank_ids=frozenset(values["blank_ids"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {key: sorted(value) if isinstance(value, frozenset) else value for key, value in asdict(self).items()}

    def spans(self, ids: Sequence[int]) -> list[tuple[int, int]]:
        """(first token, token after the last) of each step, the question being one where it ends with a separator;
        what follows the last separator is not a step."""
        num = len(self.separator_ids)
        marks = [
            ids[i] in self.ending_ids or tuple(ids[max(0, i + 1 - num) : i + 1]) == self.separator_ids
            for i in range(len(ids))
        ]
        found, first = [], 0
        for i, mark in enumerate(marks):
            if mark and not (i + 1 < len(ids) and marks[i + 1]):
                found.append((first, i + 1))
                first = i + 1
        return found

    def closed(self, ids: Sequence[int]) -> list[int]:
        """The same text with one separator at its end, and without blank tokens before that."""
        kept = list(ids)
        while kept and kept[-1] in self.blank_ids:
            kept.pop()
        if not kept or kept[-1] not in self.ending_ids:
            kept += self.separator_ids
        return kept
