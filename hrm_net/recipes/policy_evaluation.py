"""`python evaluate.py` for a policy: a table with its baselines, results.json, a picture."""

from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.evaluation.results import Results
from hrm_net.policy import figures
from hrm_net.policy.evaluation import Evaluation
from hrm_net.policy.implicit import ImplicitReward
from hrm_net.progress import Progress
from hrm_net.provenance import provenance
from hrm_net.recipes.policy import draw_problems, fresh, load_policy, world_of
from hrm_net.recipes.recipe import Evaluation as Asked
from hrm_net.recipes.solver_evaluation import pictures_folder, print_paths
from hrm_net.trainer.device import resolve_device, resolve_precision
from hrm_net.trainer.tracking import read_metrics
from puzzles import splits

DEFAULT_PUZZLES = 200
SHARES = ("solved", "early", "no_op", "loop", "clash", "fooled")


def evaluate(evaluation: Asked, console: Console) -> Results:
    """One attempt at each of some unseen puzzles, by the policy, by the clone it started from, and by chance."""
    config, source = evaluation.config, evaluation.source
    trained = source.config
    assert trained is not None
    device, world = resolve_device(config.device), world_of(trained)
    model, clone = load_policy(source.path, trained).to(device), fresh(trained).to(device).eval()
    saved = checkpoint.load(source.path).state
    pretrained.load_state(clone, saved.get("clone", pretrained.state(model)))
    for one in (model, clone):
        one.forward_dtype = resolve_precision(config.precision, device)
        one.requires_grad_(False)
    reward: Any = evaluation.inputs
    if reward is None:
        reward = ImplicitReward(world, clone)
        reward.load_state_dict(saved["learned"])
    size = sum(p.numel() for p in model.parameters())
    console.print(f"{source.path}: {size:,} parameters, a policy that learned from {trained.policy.reward}",
                  highlight=False)  # fmt: skip
    found = {}
    with Progress("evaluating", None, transient=True), torch.no_grad():
        for name, targets in (config.sets or {"unseen": None}).items():
            num = config.puzzles or DEFAULT_PUZZLES
            problems = draw_problems(world, trained, f"policy evaluation {name}", num, splits.EVALUATION, targets)
            measure = Evaluation(world, reward, clone, problems, compares=reward.compares, seed=config.seed,
                                 purpose="evaluation attempts")  # fmt: skip
            found[name] = {
                "puzzles": num, "reward": trained.policy.reward,
                "policy": measure.figures(model), "clone": measure.figures(clone),
                "uniform_legal": measure.actor(world.legal_actor),
            }  # fmt: skip
    results = Results(sets=found, **provenance(config.seed))
    for name, one in results.sets.items():
        console.print(table(name, one))
    results.write(evaluation.output)
    print(f"results: {evaluation.output}")
    if config.figures:
        records = read_metrics(source.run_dir) if source.run_dir else []
        reward_name = trained.policy.reward or ""
        drawn = figures.write(records, reward_name, pictures_folder(evaluation.output))
        if drawn:  # a run without validations has no curves
            print_paths(drawn)
    return results


def table(name: str, found: dict[str, Any]) -> Table:
    """One row for each actor."""
    made = Table(title=f"{name}: one attempt at each of {found['puzzles']:,} puzzles, rewarded by {found['reward']}",
                 title_justify="left")  # fmt: skip
    made.add_column("actor", no_wrap=True)
    columns = ("solved", "proxy", "kl", "length", "blanks", "early", "no_op", "loop", "clash", "entropy", "fooled")
    for heading in columns:
        made.add_column(heading.replace("_", "-"), justify="right")
    for actor in ("policy", "clone", "uniform_legal"):
        cells = []
        for key in columns:
            value = found[actor].get(key)
            cells.append("" if value is None else f"{value:.1%}" if key in SHARES else f"{value:.2f}")
        made.add_row(actor.replace("_", " "), *cells)
    return made
