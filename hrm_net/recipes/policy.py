"""The kind of run `policy`: a policy imitates demonstrations, then learns from a reward, exact or learned.

One update samples some attempts at each of a batch of puzzles, rewards them, and follows the policy gradient once. The
clone that it starts from stays the reference that it is held to.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Integer
from torch import Tensor

import puzzles
from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.data.generated import torch_generator
from hrm_net.distributed.group import current
from hrm_net.policy import loss
from hrm_net.policy.clone import CloneBatches, demonstrate, demonstrator, imitation_loss
from hrm_net.policy.config import CLONE
from hrm_net.policy.evaluation import Evaluation
from hrm_net.policy.implicit import ImplicitReward
from hrm_net.policy.model import PolicyModel, check_core, choice_cost
from hrm_net.policy.returns import advantages
from hrm_net.policy.rollouts import Sampler, choices, log_probs
from hrm_net.policy.scorers import FrozenReward
from hrm_net.recipes import checks
from hrm_net.recipes.config import TEXT, EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource, find_model
from hrm_net.recipes.recipe import Evaluation as Asked
from hrm_net.recipes.recipe import Run
from hrm_net.schema import require, show
from hrm_net.trainer import loop
from hrm_net.trainer.ema import EMA
from hrm_net.trainer.optim import build_optimizers
from hrm_net.trainer.tracking import LoggerConfig, Tracker
from puzzles import splits
from puzzles.errors import UserError
from puzzles.steps.rules import step_rules
from puzzles.steps.world import EditWorld, conduct

if TYPE_CHECKING:
    from rich.console import Console

    from hrm_net.evaluation.results import Results

CLONE_METRICS = ("loss", "accuracy")
METRICS = ("loss", "reward", "solved", "length", "kl", "entropy")


@dataclass(kw_only=True, slots=True)
class PolicyState(loop.LoopState):
    """All that the next step depends on besides configuration and data."""

    model: PolicyModel
    # Metrics of each step since the last record.
    window: list[Tensor] = field(default_factory=list)


class PolicyTraining:
    """What imitation and learning share, as `hrm_net.trainer.loop.Trainable` has it."""

    names: tuple[str, ...]

    def __init__(self, config: TrainConfig, device: torch.device, precision: torch.dtype, start: PolicyModel) -> None:
        self.config, self.device, self.world = config, device, world_of(config)
        model = start.to(device).train()
        model.forward_dtype = precision
        ema = EMA(model, config.optim.ema) if config.optim.ema else None
        self.state = PolicyState(model=model, optimizers=build_optimizers(model, config.optim), ema=ema)
        self.cost = choice_cost(config.model, config.policy.budget, config.policy.segments)

    @property
    def model(self) -> PolicyModel:
        return self.state.model

    def state_dict(self) -> dict[str, Any]:
        return {"window": self.state.window}

    def load_state_dict(self, saved: dict[str, Any], device: torch.device) -> None:
        self.state.window = [row.to(device) for row in saved["window"]]

    def compile(self, graphs: bool) -> None:
        self.model.compile_blocks(dynamic=True)

    def problems(self, purpose: str, num: int, fold: int) -> Integer[np.ndarray, "num seq"]:
        """See `draw_problems`, with this run's puzzles."""
        return draw_problems(self.world, self.config, purpose, num, fold)

    def step(self, total: Tensor, metrics: list[Tensor], *, examples: int, choices: int, read: int = 0) -> None:
        """One update from the gradients at hand, of `choices` after `read` without a gradient, and its metrics."""
        config, state, segments = self.config, self.state, self.config.policy.segments
        flops = choices * self.cost.update + read * self.cost.forward
        state.work.add(segments=segments * (choices + read), examples=examples, flops=flops)
        loop.optimizer_step(state, self.model, total, optim=config.optim, steps=config.steps, seed=config.seed)
        state.window.append(torch.stack([value.detach().float().cpu() for value in metrics]))
        state.step += 1

    def pop_metrics(self) -> tuple[dict[str, Any], str]:
        means = torch.stack(self.state.window).mean(dim=0).tolist()
        self.state.window.clear()
        record = dict(zip(self.names, means, strict=True))
        return record, ", ".join(f"{name} {record[name]:.3f}" for name in self.names[:3])


class CloneTraining(PolicyTraining):
    """Imitation of demonstrations."""

    names = CLONE_METRICS

    def setup(self) -> None:
        config, policy = self.config, self.config.policy
        actor, num = demonstrator(self.world, policy), config.data.puzzles
        assert num is not None
        problems = self.problems("policy puzzles", num, splits.TRAIN)
        shown = demonstrate(
            self.world, actor, problems, num=policy.demonstrations, seed=config.seed, purpose="demonstrations"
        )
        share = conduct(self.world, shown)["solved"].mean()
        print(f"imitating {len(shown):,} demonstrations ({share:.0%} come right)", flush=True)
        self.batches = CloneBatches(self.world, shown, batch_size=config.batch_size, seed=config.seed)
        problems = self.problems("policy validation", config.validation.puzzles, splits.VALIDATION)
        unseen = demonstrate(self.world, actor, problems, num=1, seed=config.seed, purpose="validation demonstrations")
        self.unseen = choices(self.world, unseen, self.device)

    def update(self) -> None:
        self.state.optimizers.zero_grad()
        rows = self.batches(self.state.step, self.device)
        total, accuracy = imitation_loss(self.model, rows)
        total.backward()
        self.step(total.detach(), [total, accuracy], examples=len(rows), choices=len(rows))

    def validate(self, tracker: Tracker) -> tuple[float, list[str]]:
        """Minus the mean negative log-probability of unseen demonstrations."""
        found = -float(self.unseen.chosen(log_probs(self.model, self.unseen)).double().mean())
        tracker.log(self.state.step, kind="validation", seconds=self.state.seconds, loss=found)
        return -found, [f"  step {self.state.step}: loss {found:.3f} on unseen demonstrations"]

    def format_score(self, score: float) -> str:
        return f"a loss of {-score:.4f}"


class RewardTraining(PolicyTraining):
    """Learning from a reward."""

    names = METRICS

    def __init__(
        self, config: TrainConfig, device: torch.device, precision: torch.dtype, start: PolicyModel,
        reward: FrozenReward | None,
    ) -> None:  # fmt: skip
        self.clone = copy_of(start, config).to(device).eval().requires_grad_(False)
        self.clone.forward_dtype = precision
        super().__init__(config, device, precision, start)
        self.reward = ImplicitReward(self.world, self.clone) if reward is None else reward

    def state_dict(self) -> dict[str, Any]:
        learned = self.reward.state_dict() if isinstance(self.reward, ImplicitReward) else None
        return super().state_dict() | {"clone": pretrained.state(self.clone), "learned": learned}

    def load_state_dict(self, saved: dict[str, Any], device: torch.device) -> None:
        super().load_state_dict(saved, device)
        pretrained.load_state(self.clone, saved["clone"])
        if isinstance(self.reward, ImplicitReward):
            self.reward.load_state_dict(saved["learned"])

    def setup(self) -> None:
        config = self.config
        assert config.data.puzzles is not None
        self.puzzles = self.problems("policy puzzles", config.data.puzzles, splits.TRAIN)
        self.validation = None
        if config.validation.every:
            problems = self.problems("policy validation", config.validation.puzzles, splits.VALIDATION)
            self.validation = Evaluation(
                self.world, self.reward, self.clone, problems, compares=self.reward.compares, seed=config.seed,
                purpose="validation attempts",
            )  # fmt: skip

    def update(self) -> None:
        config, policy, step = self.config, self.config.policy, self.state.step
        chosen = puzzles.rng(config.seed, "policy batch", step).integers(len(self.puzzles), size=config.batch_size)
        problems = np.repeat(self.puzzles[chosen], policy.rollouts, axis=0)
        episodes = self.world.run(Sampler(self.model), puzzles.rng(config.seed, "attempts", step), problems)
        if isinstance(self.reward, ImplicitReward):
            self.reward.learn(episodes)
        returns = self.reward(episodes, policy.rollouts)
        advantage = advantages(
            returns, episodes.lengths, rollouts=policy.rollouts, algorithm=policy.algorithm, baseline=policy.baseline
        )
        rows = choices(self.world, episodes, self.device)
        reference = rows.chosen(log_probs(self.clone, rows))
        self.state.optimizers.zero_grad()
        found = rows.log_probs(self.model)
        total = loss.policy_loss(
            rows.chosen(found), reference, torch.from_numpy(advantage).to(found), rows.attempt, beta=policy.beta
        )
        total.backward()
        with torch.no_grad():
            divergence = loss.k3(rows.chosen(found), reference).sum() / len(episodes)
            spread = loss.entropy(found).mean()
        numbers = (returns.mean(), self.world.solved(episodes).mean(), episodes.lengths.mean())
        metrics, num = [total, *map(torch.tensor, map(float, numbers)), divergence, spread], len(rows)
        self.step(total.detach(), metrics, examples=len(episodes), choices=num, read=2 * num)  # sampled, and the clone

    def validate(self, tracker: Tracker) -> tuple[float, list[str]]:
        """The mean reward on unseen puzzles: whoever learns from a learned reward cannot choose by the true one."""
        assert self.validation is not None
        found = self.validation.figures(self.model)
        tracker.log(self.state.step, kind="validation", seconds=self.state.seconds, **found)
        text = f"  step {self.state.step}: reward {found['proxy']:.3f}, solved {found['solved']:.1%} of unseen puzzles"
        return found["proxy"], [f"{text}, {found['length']:.1f} steps, KL {found['kl']:.2f}"]

    def format_score(self, score: float) -> str:
        return f"a reward of {score:.3f}"


@dataclass(kw_only=True, slots=True)
class PolicyInputs:
    """What a run reads before it begins: its frozen reward (None: an online one), and the clone it starts from."""

    reward: FrozenReward | None
    start: PolicyModel | None


class PolicyRecipe:
    """See `hrm_net.recipes.recipe.Recipe`."""

    noun = "a policy"
    answers_by_votes = False
    refused: Mapping[str, str] = MappingProxyType(
        {
            "data": "it attempts generated puzzles; see sets=",
            "solver": "it gives no answers in one pass",
            "search": "search is by step scorers",
            "candidates": "it makes one attempt at each puzzle",
            "augmentations": "augmentations vote for a solver of real ARC tasks",
        }
    )

    def owns(self, values: Mapping[str, Any]) -> bool:
        texts = checks.section(values, "puzzle").get("name") == TEXT
        return checks.section(values, "policy").get("reward") is not None and not texts

    def check(self, values: dict[str, Any], *, read_data: bool = True) -> Run:
        config, puzzle = checks.puzzle_config(values, lambda puzzle: puzzle.num_puzzle_ids)
        policy, bound = config.policy, f"for policy.reward={config.policy.reward}"
        require("puzzle.name", puzzle.name, puzzle.name == "sudoku", f"sudoku {bound}")
        require("data.path", config.data.path, config.data.path is None, f"null {bound}: its puzzles are generated")
        require("data.puzzles", config.data.puzzles, config.data.puzzles is not None, f"a number {bound}")
        heads = config.reward.objectives
        require("reward.objectives", heads, not heads, f"[] {bound}: a scorer is trained in a run of its own")
        require("start_from", config.start_from, config.start_from is None, f"null {bound}; see policy.start")
        alone = current().alone
        require("policy.reward", policy.reward, alone, "null in several processes: a policy is trained by one")
        check_core(config.model)
        return Run(config=config, inputs=policy_inputs(config) if read_data else None)

    def train(self, run: Run, run_dir: Path) -> None:
        """Trains the clone first, unless there is one."""
        config = run.config
        if config.policy.reward == CLONE:
            train_clone(config, run_dir)
            return
        inputs, begun = run.inputs or policy_inputs(config), bool(checkpoint.steps(run_dir / "checkpoints"))
        folder, wanted = run_dir / "clone", clone_config(config)
        cloned = max(checkpoint.steps(folder / "checkpoints"), default=0) >= wanted.steps
        if config.policy.start is None and not begun and not cloned:
            print(f"first the policy imitates demonstrations, in {folder}")
            train_clone(wanted, folder)

        def build(device: torch.device, precision: torch.dtype) -> RewardTraining:
            start = inputs.start
            if start is None:  # the weights of a run that has begun come from its checkpoint
                start = fresh(config) if begun else load_clone(str(folder), config)
            return RewardTraining(config, device, precision, start, inputs.reward)

        loop.run(config.loop(), run_dir, build)

    def check_evaluation(self, config: EvaluateConfig, source: ModelSource) -> FrozenReward | None:
        trained = source.config
        assert trained is not None, "only runs hold policies"
        checks.check_targets(
            puzzles.get(**trained.puzzle), ((f"sets.{name}", targets) for name, targets in config.sets.items())
        )
        return source.inputs.reward if source.inputs is not None else policy_inputs(trained, start=False).reward

    def evaluate(self, evaluation: Asked, console: "Console") -> "Results":
        from hrm_net.recipes import policy_evaluation

        return policy_evaluation.evaluate(evaluation, console)

    def next_commands(self, config: TrainConfig, run_dir: Path) -> list[tuple[str, str]]:
        start = config.policy.start or run_dir / "clone"
        scorer = "policy.scorer=runs/policy_scorer_4x4"
        return [
            (f"python train.py experiment=policy_4x4 name=other policy.reward=prm_sum {scorer} policy.start={start}",
             "another reward, from the same clone"),
            (f"python evaluate.py run={run_dir} puzzles={4 * config.evaluate_puzzles}", "more puzzles"),
        ]  # fmt: skip


def train_clone(config: TrainConfig, run_dir: Path) -> None:
    """Run, or resume, the imitation of demonstrations in `run_dir`."""

    def build(device: torch.device, precision: torch.dtype) -> CloneTraining:
        return CloneTraining(config, device, precision, fresh(config))

    loop.run(config.loop(), run_dir, build)


def world_of(config: TrainConfig) -> EditWorld:
    """The world that a run's policy acts in."""
    return EditWorld(step_rules(puzzles.get(**config.puzzle)), config.policy.budget)


def draw_problems(
    world: EditWorld, config: TrainConfig, purpose: str, num: int, fold: int, targets: Mapping[str, Any] | None = None
) -> Integer[np.ndarray, "num seq"]:
    """`num` puzzles of a fold, those of the run's last stage unless there are `targets`; their answers are remembered.

    Small puzzles are few up to symmetry, so that symmetric ones may occur twice; folds share none.
    """
    rng, rules = puzzles.rng(config.seed, purpose), world.rules
    mix = config.data.curriculum[-1].mix
    wanted = [(1.0, targets)] if targets is not None else [(one.weight, one.targets) for one in mix]
    weights = np.array([weight for weight, _ in wanted])
    parts = []
    for count, (_, aim) in zip(rng.multinomial(num, weights / weights.sum()), wanted, strict=True):
        inputs, answers = splits.generate(rules.puzzle, rng, int(count), fold, **aim)
        rules.remember(inputs, answers)
        parts.append(inputs)
    return np.concatenate(parts).astype(np.uint8)


def policy_inputs(config: TrainConfig, *, start: bool = True) -> PolicyInputs:
    """UserError for a scorer or a clone that is missing or does not fit. A clone is measured by the verifier."""
    policy, world, reward = config.policy, world_of(config), None
    name = "verifier" if policy.reward == CLONE else policy.reward
    if name is not None and name != "implicit":
        reward = FrozenReward(name, world, policy.scorer, temperature=policy.min_temperature)
    clone = load_clone(policy.start, config) if start and policy.start is not None else None
    return PolicyInputs(reward=reward, start=clone)


def clone_config(config: TrainConfig) -> TrainConfig:
    """The run in which the clone of a run learns."""
    policy = config.policy
    return replace(
        config,
        name=f"{config.name}, its clone",
        steps=policy.clone_steps,
        batch_size=policy.clone_batch,
        optim=replace(config.optim, lr=policy.clone_lr),
        validation=replace(config.validation, every=0),
        logger=LoggerConfig(),
        policy=replace(policy, reward=CLONE, scorer=None, start=None),
    )


def fresh(config: TrainConfig) -> PolicyModel:
    """A policy with new weights, from the run's seed."""
    generator = torch_generator(config.seed, "weights")
    return PolicyModel(config.model, config.policy.budget, segments=config.policy.segments, generator=generator)


def copy_of(model: PolicyModel, config: TrainConfig) -> PolicyModel:
    """Another policy with the same weights."""
    twin = fresh(config)
    pretrained.load_state(twin, pretrained.state(model))
    return twin


def load_policy(path: Path, config: TrainConfig) -> PolicyModel:
    """The policy of a run's checkpoint, in eval mode, in fp32 on the CPU."""
    model = fresh(config)
    try:
        pretrained.load_state(model, checkpoint.load(path).tensors)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return model.eval()


def load_clone(run: str, config: TrainConfig) -> PolicyModel:
    """The policy that a run starts from. UserError where it is none, or its shape or world is another one's."""
    source = find_model(run)
    if source.config is None or not source.config.policy.on:
        raise UserError(f"policy.start={run}: holds no policy; python train.py experiment=policy_4x4 trains one")
    its, mine = source.config, config
    pairs: dict[str, tuple[Any, Any]] = {"puzzle": (mine.puzzle, its.puzzle)}  # which sets the sizes of the grid
    for key, value in asdict(mine.model).items():
        if key not in checks.NOT_GIVEN_AS_ZERO:
            pairs[f"model.{key}"] = (value, getattr(its.model, key))
    pairs |= {f"policy.{key}": (getattr(mine.policy, key), getattr(its.policy, key)) for key in ("budget", "segments")}
    for key, (value, theirs) in pairs.items():
        require(key, value, value == theirs, f"{show(theirs)}, as policy.start={run} has it")
    return load_policy(source.path, its)
