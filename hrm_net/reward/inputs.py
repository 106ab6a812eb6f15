"""From rows to input vectors of the core, and from the core's state to the features of the heads.

A row of a puzzle consists of the puzzle, the state before the step and the state after it. Each has its own embeddings,
and the three are summed. `span` (1: one step, 2: two merged) and `left` (steps of the budget that remain) are added at
every cell.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor, nn

from hrm_net.nn.codecs.symbols import EMPTY, GIVEN_AS_ME, GIVEN_AS_OTHER
from hrm_net.nn.layers import Linear, truncated_normal_
from hrm_net.reward.model_config import RewardModelConfig

Rows = dict[str, Tensor]
SPANS = 2
PARTS = 4  # of a text: padding, question, steps before, this step
CURRENT = 3
OPPONENT = 2  # a judge is shown the other candidate in the place of the steps before
GRIDS = ("problem", "before", "after")
GRID_INPUTS = (*GRIDS, "left", "span")
ROW_INPUTS = (*GRID_INPUTS, "tokens", "part", "states")  # all that a model is shown of rows, of puzzles or of text
POOLED = 4  # pooled vectors beside each other, and numbers beside these
GAINS = 2


class Context(nn.Module):
    """The vector of a row's span plus, for puzzles, that of the steps left."""

    def __init__(self, config: RewardModelConfig, generator: torch.Generator | None) -> None:
        super().__init__()
        dim = config.core.hidden_size
        self.span = _table(SPANS, dim, generator)
        self.left = _table(config.max_left + 1, dim, generator) if config.inputs == "grids" else None

    def forward(self, rows: Rows) -> Float[Tensor, "rows dim"]:
        context = F.embedding(rows["span"].int() - 1, self.span)
        return context if self.left is None else context + F.embedding(rows["left"].int(), self.left)


class TokenInputs(nn.Module):
    """Grids or text for a core with one vector for each cell or token. The prefix holds the context, then zeros.

    Grids have a readout, which is the solver's where the core comes from a solver: it says whether the core itself
    would write what the step writes. Without it, heads on ARC outlines stay at chance (an AUROC of 0.52 after 150
    updates; 0.98 with it).
    """

    def __init__(self, config: RewardModelConfig, generator: torch.Generator | None) -> None:
        super().__init__()
        core, self.text = config.core, config.inputs == "text"
        self.prefix_len, self.scale = core.prefix_len, core.hidden_size**0.5
        sizes = {"tokens": core.vocab_size, "part": PARTS} if self.text else dict.fromkeys(GRIDS, core.vocab_size)
        self.tables = nn.ParameterDict(
            {name: _table(size, core.hidden_size, generator) for name, size in sizes.items()}
        )
        self.context = Context(config, generator)
        num_tokens = core.prefix_len + core.seq_len
        learned = core.positions == "learned"
        self.embed_pos = _table(num_tokens, core.hidden_size, generator) if learned else None
        self.readout = None if self.text else Linear(core.hidden_size, core.vocab_size, generator=generator)
        self.pool = Pool()
        self.num_features = POOLED * core.hidden_size + (0 if self.text else GAINS)

    def forward(self, rows: Rows, dtype: torch.dtype) -> Float[Tensor, "rows token dim"]:
        """Scaled embeddings of prefix and cells; learned positions are averaged in at equal variance."""
        context = self.context(rows)[:, None]
        # One after another: a sum that starts from 0 would cost another pass.
        (first, table), *others = self.tables.items()
        x = F.embedding(rows[first].int(), table) + context
        for name, table in others:
            x = x + F.embedding(rows[name].int(), table)
        if self.prefix_len:
            x = torch.cat([F.pad(context, (0, 0, 0, self.prefix_len - 1)), x], dim=1)
        if self.embed_pos is not None:
            x = 0.5**0.5 * (x + self.embed_pos)
        return (self.scale * x).to(dtype)

    def features(self, z: Float[Tensor, "rows token dim"], rows: Rows) -> Float[Tensor, "rows features"]:
        """Pooled everywhere and at the cells that changed; of text, over all tokens but padding, and the step's."""
        if self.readout is None:
            part = rows["part"]
            return self.pool(z, F.pad(part > 0, (self.prefix_len, 0), value=True), self._cells(part == CURRENT))
        before, after = rows["before"], rows["after"]
        scores = self.readout(z[:, self.prefix_len :]).float()
        gain = pool_gain(scores.log_softmax(dim=-1), before, after)
        return torch.cat([self.pool(z, None, self._cells(before != after)), gain.to(z.dtype)], dim=-1)

    def _cells(self, mask: Tensor) -> Tensor:
        return F.pad(mask, (self.prefix_len, 0), value=False)


class SymbolInputs(nn.Module):
    """Grids for a core with one vector for each cell and symbol: renaming the symbols in all three grids only permutes
    the vectors."""

    def __init__(self, config: RewardModelConfig, generator: torch.Generator | None) -> None:
        super().__init__()
        core = config.core
        self.num_special, self.num_symbols = core.num_special, core.vocab_size - core.num_special
        self.scale = core.hidden_size**0.5
        # The three roles of a symbol at a cell: the cell is empty, holds the symbol, or holds another one.
        self.tables = nn.ParameterDict({name: _table(3, core.hidden_size, generator) for name in GRIDS})
        self.context = Context(config, generator)
        self.pool = Pool()
        self.num_features = POOLED * core.hidden_size

    def forward(self, rows: Rows, dtype: torch.dtype) -> Float[Tensor, "rows seq symbol dim"]:
        """Scaled embeddings of the role that each symbol has at each cell of the three grids."""
        problem, before, after = (self._roles(rows[name]) for name in GRIDS)
        tables = self.tables
        # One lookup among the 27 combinations takes a third of the time of three lookups.
        sums = tables["problem"][:, None, None] + tables["before"][:, None] + tables["after"]
        x = F.embedding(9 * problem + 3 * before + after, sums.flatten(0, 2))
        return (self.scale * (x + self.context(rows)[:, None, None])).to(dtype)

    def features(self, z: Float[Tensor, "rows seq symbol dim"], rows: Rows) -> Float[Tensor, "rows features"]:
        """Pooled everywhere and at the pairs of cell and symbol that were written or erased."""
        before, after = (self._roles(rows[name]) == GIVEN_AS_ME for name in GRIDS[1:])
        return self.pool(z.flatten(1, 2), None, (before != after).flatten(1))

    def _roles(self, tokens: Integer[Tensor, "rows seq"]) -> Int[Tensor, "rows seq symbol"]:
        symbol = (tokens.int() - self.num_special)[..., None]
        mine = symbol == torch.arange(self.num_symbols, device=tokens.device, dtype=torch.int32)
        return torch.where(symbol < 0, EMPTY, torch.where(mine, GIVEN_AS_ME, GIVEN_AS_OTHER)).int()


class Pool(nn.Module):
    """Mean and maximum over places.

    It is a module so that it can be compiled: uncompiled it takes a seventh of a small scorer's time on a CPU, most of
    it in PyTorch's maximum over an inner axis; compiled, a twentieth of that.
    """

    def forward(
        self,
        z: Float[Tensor, "rows place dim"],
        shown: Bool[Tensor, "rows place"] | None,
        written: Bool[Tensor, "rows place"],
    ) -> Float[Tensor, "rows features"]:
        """Over the places `shown` (None: all), then over those `written`; zeros where none was written."""
        everywhere = [z.mean(dim=1), z.amax(dim=1)] if shown is None else pool_within(z, shown)
        return torch.cat([*everywhere, *pool_within(z, written)], dim=-1)


def pool_within(z: Tensor, mask: Tensor) -> list[Tensor]:
    """Mean and maximum over the places of `mask`; zeros where there is none."""
    num = mask.sum(dim=1)[:, None]
    mean = (mask[:, None].to(z.dtype) @ z)[:, 0] / num.clamp(min=1)
    highest = z.masked_fill(~mask[..., None], torch.finfo(z.dtype).min).amax(dim=1)
    return [mean, torch.where(num > 0, highest, 0.0)]


def pool_gain(
    log_probs: Float[Tensor, "rows cell vocab"],
    before: Integer[Tensor, "rows cell"],
    after: Integer[Tensor, "rows cell"],
) -> Float[Tensor, "rows gain"]:
    """Mean and minimum over the cells that changed of log p(after) - log p(before); zeros where none did."""
    values = torch.stack([before, after], dim=-1).long()
    gain = log_probs.gather(-1, values).diff(dim=-1)[..., 0]
    changed = before != after
    num = changed.sum(dim=1)
    mean = torch.where(changed, gain, 0.0).sum(dim=1) / num.clamp(min=1)
    lowest = gain.masked_fill(~changed, torch.finfo(gain.dtype).max).amin(dim=1)
    return torch.stack([mean, torch.where(num > 0, lowest, 0.0)], dim=-1)


def _table(num: int, dim: int, generator: torch.Generator | None) -> nn.Parameter:
    return nn.Parameter(truncated_normal_(torch.empty(num, dim), dim**-0.5, generator))
