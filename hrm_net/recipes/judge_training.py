"""How a judge of two candidates learns, of puzzles and of texts, as `hrm_net.trainer.loop.Trainable` has it.

At first it learns verdicts, after every segment of a random number of them. Then its halting head learns when to stop,
in the way that `reward.pair.halting` names; the price of a segment follows validation.
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

import puzzles
from hrm_net.checkpoints import pretrained
from hrm_net.distributed.group import current
from hrm_net.model import HRM
from hrm_net.recipes import step_scorer
from hrm_net.recipes.config import TrainConfig
from hrm_net.reward.inputs import Rows
from hrm_net.reward.model import RewardModel
from hrm_net.reward.pair import objectives
from hrm_net.reward.pair.games import verdicts
from hrm_net.reward.pair.validation import Validated
from hrm_net.trainer import loop, parallel
from hrm_net.trainer.tracking import Tracker

EPOCHS = 2  # updates on the same rollouts (grpo)
LOSSES = ("loss", "accuracy", "halting_loss", "expected_segments")


class JudgeTraining(ABC):
    """Training of a judge. A subclass gives the data, the games of each update, and the validation."""

    def __init__(
        self, config: TrainConfig, device: torch.device, precision: torch.dtype, start: HRM | None = None
    ) -> None:
        self.config, self.device = config, device
        self.pair, self.segments = config.reward.pair, config.reward.segments
        self.state = step_scorer.build_state(config, device, precision, start)
        self.price = config.reward.pair.price
        self.warmup_steps = round(config.steps * self.pair.warmup)
        # The judge at the end of the warm-up, from which `grpo` is not to stray.
        self.before: RewardModel | None = None
        self.data_digest: str | None = None

    @property
    def model(self) -> RewardModel:
        return self.state.model

    @property
    def halting(self) -> bool:
        """Whether the warm-up is over."""
        return self.state.step >= self.warmup_steps

    def state_dict(self) -> dict[str, Any]:
        before = None if self.before is None else pretrained.state(self.before)
        return {"window": self.state.window, "data": self.data_digest, "price": self.price, "before": before}

    def load_state_dict(self, saved: dict[str, Any], device: torch.device) -> None:
        self.state.window = [row.to(device) for row in saved["window"]]
        self.data_digest, self.price = saved["data"], saved["price"]
        if saved["before"] is not None:
            self._keep_before()
            assert self.before is not None
            pretrained.load_state(self.before, saved["before"])

    def compile(self, graphs: bool) -> None:
        self.model.compile_blocks()

    @abstractmethod
    def setup(self) -> None:
        """Make or read the games."""

    @abstractmethod
    def games(self, step: int, images: int = 1) -> tuple[Rows, Tensor]:
        """(the rows of this process's games of a step, on the device; which candidate is the better one, in all games).
        With `images` above 1, so many images of each of fewer games, beside each other."""

    @abstractmethod
    def validated(self) -> Validated:
        """What the judge says of validation games."""

    def update(self) -> None:
        if not self.halting:
            self._learn_verdicts()
        elif self.pair.halting == "grpo":
            self._learn_by_rollouts()
        else:
            self._learn_halting()
        self.state.step += 1

    def _learn_verdicts(self) -> None:
        """Every segment has a gradient of its own; how many there are is drawn for each update, so that deeper thought
        than usual does no harm."""
        rows, better = self.games(self.state.step)
        rng = puzzles.rng(self.config.seed, "depth", self.state.step)
        depth = int(rng.integers(1, self.segments + 1))
        self.state.optimizers.zero_grad()
        inner, total, d = self.model.initial_state(rows), torch.zeros((), device=self.device), None
        for _ in range(depth):
            inner, out = self.model(inner, rows)
            d = current().gather(verdicts(out)[0])
            loss = objectives.verdict_loss(d, better) / depth
            loss.backward()
            total += loss.detach()
        self._step(total)
        self._count(len(better), updated=depth)
        assert d is not None
        zero = torch.zeros((), device=self.device)
        self._log(total, d.detach(), better, zero, zero)

    def _learn_halting(self) -> None:
        rows, better = self.games(self.state.step)
        self.state.optimizers.zero_grad()
        d, q = self._think(self.model, rows)
        if self.pair.halting == "closed":
            halting = objectives.closed_loss(d, q, better)
        else:
            halting = objectives.exact_loss(d, q, better, self.price)
        total = objectives.verdict_loss(d, better) + halting
        total.backward()
        self._step(total.detach())
        self._count(len(better), updated=self.segments)
        self._log(total.detach(), d[-1].detach(), better, halting.detach(), _mean_stop(q))

    def _learn_by_rollouts(self) -> None:
        pair, step = self.pair, self.state.step
        if self.before is None:
            self._keep_before()
        assert self.before is not None
        rows, better = self.games(step, pair.rollouts)
        seed = int(puzzles.rng(self.config.seed, "rollouts", step).integers(1 << 62))
        with torch.no_grad():
            d, q = self._think(self.model, rows)
            d_before, q_before = self._think(self.before, rows)
        generator = torch.Generator(self.device).manual_seed(seed)
        rollouts = objectives.sample(d, q, better, self.price, pair.rollouts, generator)
        for _ in range(EPOCHS):
            self.state.optimizers.zero_grad()
            d, q = self._think(self.model, rows)
            total = objectives.grpo_loss(
                d, q, rollouts, d_before=d_before, q_before=q_before, clip=pair.clip, kl=pair.kl
            )
            total.backward()
            self._step(total.detach())
        self._count(len(better), read=2 * self.segments, updated=EPOCHS * self.segments)
        self._log(total.detach(), d[-1].detach(), better, total.detach(), _mean_stop(q))

    def _think(self, model: RewardModel, rows: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(d, q) after every segment, [segments, games]; of the games of all processes, with gradients to one's own."""
        inner, found = model.initial_state(rows), []
        for _ in range(self.segments):
            inner, out = model(inner, rows)
            found.append(verdicts(out))
        d, q = ([current().gather(values) for values in column] for column in zip(*found, strict=True))
        return torch.stack(d), torch.stack(q)

    def _step(self, loss: Tensor) -> None:
        config = self.config
        loop.optimizer_step(self.state, self.model, loss, optim=config.optim, steps=config.steps, seed=config.seed)

    def _count(self, games: int, *, updated: int, read: int = 0) -> None:
        """Count an update on games, of two rows each: segments with a backward pass, and those without."""
        self.state.work.add_rows(2 * games, self.state.cost, examples=games, updated=updated, read=read)

    def _log(self, loss: Tensor, d: Tensor, better: Tensor, halting: Tensor, segments: Tensor) -> None:
        accuracy = ((d > 0) == better).float().mean()
        self.state.window.append(torch.stack([loss, accuracy, halting, segments]))

    def _keep_before(self) -> None:
        self.before = parallel.whole_copy(self.model).eval().requires_grad_(False)

    def pop_metrics(self) -> tuple[dict[str, Any], str]:
        means = torch.stack(self.state.window).mean(dim=0).tolist()
        self.state.window.clear()
        record = dict(zip(LOSSES, means, strict=True)) | {"price": self.price}
        return record, f"loss {record['loss']:.3f}, {record['accuracy']:.0%} right"

    def validate(self, tracker: Tracker) -> tuple[float, list[str]]:
        """The accuracy on validation games: where the halting head stops, once it has learned to, else after the last
        segment, less 1, so that no checkpoint of the warm-up is the best one in the end. Moves the price."""
        found = self.validated()
        if self.halting and self.pair.halting != "closed":
            gap = found.sampled_segments - self.pair.mean_segments
            self.price = min(0.5, max(1e-4, self.price * math.exp(0.3 * gap)))
        tracker.log(
            self.state.step, kind="validation", seconds=self.state.seconds, accuracy=found.accuracy,
            by_segment=found.by_segment, stop=found.stop, segments=found.segments, price=self.price,
        )  # fmt: skip
        curve = ", ".join(f"{found.by_segment[m - 1]:.1%} after {m}" for m in _shown(self.segments))
        line = f"  step {self.state.step}: right on validation games: {curve} segments"
        if not self.halting:
            return found.by_segment[-1] - 1, [line]
        return found.accuracy, [f"{line}; {found.accuracy:.1%} at a mean of {found.segments:.1f}"]

    def format_score(self, score: float) -> str:
        return f"{score if score >= 0 else 1 + score:.1%} right"


def _mean_stop(q: Tensor) -> Tensor:
    """The expected segment at which games stop."""
    segment = torch.arange(1, len(q) + 1, device=q.device)[:, None]
    return (objectives.log_stop(q.detach()).exp() * segment).sum(dim=0).mean()


def _shown(segments: int) -> list[int]:
    """1, 2, 4, ... and the last."""
    return sorted({segments, *(1 << i for i in range(segments.bit_length()) if 1 << i <= segments)})
