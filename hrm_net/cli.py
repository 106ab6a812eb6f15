"""The command line: Hydra outside, typed configuration inside, one line and exit code 2 for a user's mistake."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hrm_net.command_line import exit_codes
from hrm_net.commands import help as cli_help
from hrm_net.distributed.launch import joined
from hrm_net.recipes import compose
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from puzzles.errors import UserError

Values = dict[str, Any]
# Checks a job's values for its run directory, and returns the work to do, which holds what was read for the check.
Check = Callable[[Values, Path], Callable[[], object]]


def train(argv: list[str] | None = None) -> None:
    """`python train.py ...` or `hrm-train ...`: checks everything, then trains or resumes."""
    with exit_codes(), joined():
        _main("train", TrainConfig, _check_training, argv)


def evaluate(argv: list[str] | None = None) -> None:
    """`python evaluate.py ...` or `hrm-evaluate ...`: checks everything, then evaluates."""
    with exit_codes(), joined():
        _main("evaluate", EvaluateConfig, _check_evaluation, argv)


def _check_training(values: Values, run_dir: Path) -> Callable[[], object]:
    from hrm_net import recipes
    from hrm_net.checkpoints import checkpoint
    from hrm_net.commands import evaluate as evaluate_command
    from hrm_net.recipes.config import to_yaml
    from hrm_net.trainer.device import GRAPHS, resolve_compile, resolve_device, resolve_precision
    from hrm_net.trainer.resume import check_resume

    recipe, checked = recipes.check(values)
    config = checked.config
    device = resolve_device(config.device)
    resolve_precision(config.precision, device)
    if config.compile in ("true", GRAPHS):
        resolve_compile(config.compile, device)
    _check_writable(run_dir)
    check_resume(to_yaml(config), run_dir)

    def work() -> None:
        finished = max(checkpoint.steps(run_dir / "checkpoints"), default=0) >= config.steps
        recipe.train(checked, run_dir)
        if config.evaluate_puzzles and not finished:
            evaluate_command.after_training(recipe, checked, run_dir)

    return work


def _check_writable(run_dir: Path) -> None:
    there = next(path for path in (run_dir.absolute(), *run_dir.absolute().parents) if path.exists())
    if not there.is_dir():
        raise UserError(f"run directory {run_dir}: cannot be made: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"run directory {run_dir}: cannot be written: no permission in {there}")


def _check_evaluation(values: Values, run_dir: Path) -> Callable[[], object]:
    from hrm_net.commands import evaluate as evaluate_command
    from hrm_net.recipes.checks import evaluate_config

    recipe, evaluation = evaluate_command.check(evaluate_config(values))
    return lambda: evaluate_command.run(recipe, evaluation)


def _main(name: str, cls: type, check: Check, argv: list[str] | None) -> None:
    """Check every job that `argv` asks for before Hydra makes a directory, then let Hydra run them."""
    argv = sys.argv[1:] if argv is None else argv
    checked_work: dict[str, Callable[[], object]] = {}
    with exit_codes():
        options = compose.arguments(argv)
        if options.help:
            print(cli_help.text(name))
            return
        overrides = compose.checked_overrides(name, options.overrides, cls, sweep=options.multirun)
        if not (options.cfg or options.info or options.hydra_help or options.shell_completion):
            for values, run_dir in compose.compose_jobs(name, overrides):
                work = check(values, run_dir)
                # The jobs of a sweep read their data again when it is their turn: together it might not fit.
                if not options.multirun:
                    checked_work[_key(values)] = work
    replaced = dict(zip(options.overrides, overrides, strict=True))

    def job(values: Values, run_dir: Path) -> None:
        work = checked_work.pop(_key(values), None)
        (work or check(values, run_dir))()

    _run_with_hydra(name, job, [replaced.get(argument, argument) for argument in argv])


def _key(values: Values) -> str:
    return json.dumps(values, sort_keys=True)


def _run_with_hydra(name: str, job: Callable[[Values, Path], None], arguments: list[str]) -> None:
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    def task(config: Any) -> None:
        with exit_codes():
            values = OmegaConf.to_container(config, resolve=True)
            assert isinstance(values, dict)
            run_dir, here = Path(HydraConfig.get().runtime.output_dir), Path.cwd()
            shown = run_dir.relative_to(here) if run_dir.is_relative_to(here) else run_dir
            job({str(key): value for key, value in values.items()}, shown)

    before = sys.argv
    sys.argv = [before[0], *arguments]
    try:
        hydra.main(version_base="1.3", config_path=str(compose.config_dir()), config_name=name)(task)()
    finally:
        sys.argv = before
