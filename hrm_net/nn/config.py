"""Every choice that makes one recurrent reasoning model differ from another, as plain values."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args, get_type_hints

from hrm_net.nn.attention import check_backend
from puzzles.errors import UserError

POSITIVE = (
    "vocab_size", "seq_len", "num_puzzle_ids", "hidden_size", "num_heads", "mlp_multiple", "h_layers", "l_layers",
    "h_cycles", "l_cycles", "max_segments",
)  # fmt: skip


@dataclass(kw_only=True, slots=True)
class HRMConfig:
    """Shape and variant of an `HRM`. The defaults are the published 27 M model (arXiv 2506.21734)."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Number of token ids, padding included.
    vocab_size: int
    # Cells of a puzzle, flattened row by row.
    seq_len: int
    # Rows of the puzzle-embedding table; id 0 stands for "no puzzle in particular".
    num_puzzle_ids: int = 1
    # Tokens before the cells: the puzzle's embedding comes first, zeros follow (HRM: 1, TRM: 16, 0: no table).
    prefix_len: int = 1
    # Width of the state at each token (or at each cell and symbol).
    hidden_size: int = 512
    # Attention heads; they divide hidden_size.
    num_heads: int = 8
    # SwiGLU's width: two thirds of expansion * hidden_size, rounded up to a multiple of mlp_multiple.
    expansion: float = 4.0
    # What SwiGLU widths are rounded up to.
    mlp_multiple: int = 256
    # Cell mixing in symbol blocks: SwiGLU's width as a multiple of the cells.
    cell_expansion: float = 2.0
    # Blocks in the slow module H (unused when the stacks are shared).
    h_layers: int = 4
    # Blocks in the fast module L.
    l_layers: int = 4
    # Updates of H in a segment.
    h_cycles: int = 2
    # Updates of L before each update of H.
    l_cycles: int = 2
    # Segments after which a row halts whatever the head says.
    max_segments: int = 16
    # How a token knows its place: rotary along the sequence or by row and column, learned, or not at all.
    positions: Literal["rope", "rope_2d", "learned", "none"] = "rope"
    # Columns of the grid, for rope_2d and grid blocks.
    grid_width: int = 0
    # tokens: one vector a cell; symbols: one vector a cell and symbol, alike for all symbols.
    codec: Literal["tokens", "symbols"] = "tokens"
    # Leading token ids that are no symbols (padding and blank), for the symbol codec.
    num_special: int = 2
    # attention (HRM, TRM), mixer (TRM without attention), grid (each cell with its neighbours), symbol (codec symbols).
    block: Literal["attention", "mixer", "grid", "symbol"] = "attention"
    # two: H and L have weights of their own (HRM); shared: one stack plays both (TRM).
    stacks: Literal["two", "shared"] = "two"
    # one_step: through the last update of L and of H (HRM); last_cycle: through the whole last cycle of H (TRM).
    gradient: Literal["one_step", "last_cycle"] = "one_step"
    # A puzzle starts from fixed vectors (HRM) or from fresh noise at every token (EqR).
    state: Literal["fixed", "random"] = "fixed"
    # Share of the old state kept at each update (EqR: 0.05).
    damping: float = 0.0
    # Standard deviation of the noise added at each update, in evaluation too (EqR: 0.01).
    noise: float = 0.0
    # q_learning: compare Q(halt) and Q(continue) (HRM); halt_only: one score, no second forward pass (TRM);
    # fixed: never early.
    halting: Literal["q_learning", "halt_only", "fixed"] = "q_learning"
    # Share of training rows that must think on for a random number of segments.
    exploration: float = 0.1
    # auto picks by device; explicit, sdpa or flash insist.
    attention: Literal["auto", "explicit", "sdpa", "flash"] = "auto"

    def __post_init__(self) -> None:
        """Raise ValueError, naming key, value and bound, for values that no model can have."""
        for key, hint in get_type_hints(type(self)).items():
            choices = get_args(hint)
            if choices and getattr(self, key) not in choices:
                _refuse(key, getattr(self, key), f"must be one of {', '.join(choices)}")
        for key in POSITIVE:
            self._at_least(key, 1)
        for key in ("prefix_len", "grid_width", "num_special", "noise"):
            self._at_least(key, 0)
        for key in ("expansion", "cell_expansion"):
            if not getattr(self, key) > 0:
                _refuse(key, getattr(self, key), "must be above 0")
        for key in ("damping", "exploration"):
            if not 0 <= getattr(self, key) <= 1:
                _refuse(key, getattr(self, key), "must lie in 0..1")
        self._check_heads()
        self._check_symbols()
        if self.prefix_len == 0 and self.num_puzzle_ids > 1:
            _refuse(
                "prefix_len",
                0,
                f"num_puzzle_ids={self.num_puzzle_ids} needs a prefix of at least 1 token to hold the embedding",
            )
        check_backend(self.attention)

    def _at_least(self, key: str, bound: int) -> None:
        if not getattr(self, key) >= bound:
            _refuse(key, getattr(self, key), f"must be at least {bound}")

    def _check_heads(self) -> None:
        if self.block == "grid":
            if self.grid_width == 0 or self.seq_len % self.grid_width:
                _refuse("grid_width", self.grid_width, f"must divide seq_len={self.seq_len} for block=grid")
            if self.prefix_len == 0:
                _refuse("prefix_len", 0, "block=grid needs a first token, through which far cells hear of each other")
        if self.block != "attention":
            if self.positions in ("rope", "rope_2d"):
                _refuse(
                    "positions", self.positions, f"block={self.block} has no attention to rotate; use none or learned"
                )
            return
        if self.hidden_size % self.num_heads:
            _refuse("hidden_size", self.hidden_size, f"must be a multiple of num_heads={self.num_heads}")
        head_dim = self.hidden_size // self.num_heads
        planes = {"rope": 2, "rope_2d": 4}.get(self.positions, 1)
        if head_dim % planes:
            _refuse(
                "hidden_size",
                self.hidden_size,
                f"positions={self.positions} needs heads of a multiple of {planes}, not {head_dim}",
            )
        if self.positions == "rope_2d" and (self.grid_width == 0 or self.seq_len % self.grid_width):
            _refuse("grid_width", self.grid_width, f"must divide seq_len={self.seq_len} for positions=rope_2d")

    def _check_symbols(self) -> None:
        if (self.codec == "symbols") != (self.block == "symbol"):
            _refuse("codec", self.codec, f"block={self.block} does not fit; codec=symbols and block=symbol go together")
        if self.codec != "symbols":
            return
        if self.vocab_size - self.num_special < 2:
            _refuse("num_special", self.num_special, f"must leave at least 2 symbols of vocab_size={self.vocab_size}")
        if self.prefix_len:
            _refuse("prefix_len", self.prefix_len, "must be 0 for codec=symbols")
        if self.positions != "none":
            _refuse(
                "positions",
                self.positions,
                "must be none for codec=symbols: its cell mixer knows each cell by its place",
            )


def _refuse(key: str, value: object, reason: str) -> None:
    raise UserError(f"model.{key}={value}: {reason}")
