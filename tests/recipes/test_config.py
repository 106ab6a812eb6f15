"""The schema behind conf/: what it accepts, what it refuses and how it says so."""

import dataclasses
import json
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from hrm_net import HRM, schema
from hrm_net.commands import generate_conf
from hrm_net.commands import help as cli_help
from hrm_net.data.config import DataConfig
from hrm_net.evaluation.config import ValidationConfig
from hrm_net.recipes import compose, train_config
from hrm_net.recipes.checks import evaluate_config
from hrm_net.recipes.config import EvaluateConfig, TrainConfig, from_yaml, to_yaml
from hrm_net.trainer import resume
from hrm_net.trainer.optim import OptimConfig
from puzzles.errors import UserError
from tests.trainer import victim

FILLED_IN = {"model.vocab_size", "model.seq_len", "model.num_puzzle_ids", "model.grid_width", "model.box_rows"}
GROUPS = compose.groups()


def values(*overrides: str, name: str = "train") -> dict[str, Any]:
    """The composed configuration as plain values."""
    cls = TrainConfig if name == "train" else EvaluateConfig
    checked = compose.checked_overrides(name, list(overrides), cls, sweep=False)
    ((found, _),) = compose.compose_jobs(name, checked)
    return found


DEFAULT = values()
# With every key written: the default job has no step scorer.
FULL = values("reward=steps", "data.puzzles=100")
FULL["reward"]["pair"] = values("reward=pair")["reward"]["pair"]
FULL["policy"] = values("policy=learned")["policy"] | {"reward": None}  # a run trains one or the other
LEAVES = [key for key in schema.keys(TrainConfig) if not any(k.startswith(f"{key}.") for k in schema.keys(TrainConfig))]


@pytest.mark.parametrize("experiment", GROUPS["experiment"])
def test_every_experiment_composes_and_says_how_it_was_run(experiment: str) -> None:
    # A published run's data directory need not be there to see what the run is.
    config = train_config(values(f"experiment={experiment}"), read_data=False)
    assert config.name == experiment
    header = (compose.config_dir() / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8")
    for word in ("command:", "hardware:", "time:", "expected:"):
        assert word in header
    assert f"python train.py experiment={experiment}" in header


@pytest.mark.parametrize("puzzle", sorted({*GROUPS["puzzle"]} - {"text", "table"}))  # they have data of their own
@pytest.mark.parametrize("model", GROUPS["model"])
def test_every_model_fits_every_puzzle(model: str, puzzle: str) -> None:
    if model in ("symbols", "cells") and puzzle.startswith("arc"):
        with pytest.raises(ValueError, match=r"^model.prefix_len=0: num_puzzle_ids=\d+ needs a prefix"):
            train_config(values(f"model={model}", f"puzzle={puzzle}"))
        return
    if model == "relational" and not puzzle.startswith("sudoku"):
        with pytest.raises(ValueError, match=r"^model.box_rows=0: must divide grid_width=\d+; block=relational needs"):
            train_config(values(f"model={model}", f"puzzle={puzzle}"))
        return
    config = train_config(values(f"model={model}", f"puzzle={puzzle}"))
    domain = puzzles.get(**config.puzzle)
    assert (config.model.seq_len, config.model.vocab_size) == (domain.seq_len, domain.vocab_size)
    assert (config.model.seq_len // config.model.grid_width, config.model.grid_width) == domain.shape
    assert config.validation.targets
    assert config.name == puzzle


def test_the_recipe_of_the_default_job_is_for_sudoku_alone() -> None:
    """Its learning rate and length were measured on the relational block; other puzzles keep the calmer optimizer."""
    default, calm = train_config(DEFAULT), values("optim=muon")["optim"]
    assert (default.model.block, default.optim.lr, default.steps) == ("relational", 8e-3, 800)
    assert (calm["lr"], calm["momentum"], calm["min_lr_ratio"]) == (3e-3, 0.95, 0.02)
    for puzzle in GROUPS["puzzle"]:
        found = values(f"puzzle={puzzle}")
        assert (found["steps"], found["optim"] == calm) == ((800, False) if "sudoku" in puzzle else (2800, True))
    assert values("puzzle=maze", "optim=muon_fast")["optim"] == DEFAULT["optim"]
    earlier = values("experiment=sudoku_symbols")
    assert (earlier["model"]["block"], earlier["optim"] == calm, earlier["steps"]) == ("symbol", True, 2800)


@pytest.mark.parametrize("group", ["optim", "logger"])
def test_every_optimizer_and_logger_is_what_its_file_is_called(group: str) -> None:
    for choice in GROUPS[group]:
        named = "muon" if choice == "muon_fast" else choice
        assert getattr(train_config(values(f"{group}={choice}")), group).name == named


@pytest.mark.parametrize("file", generate_conf.FILES, ids=lambda file: file.path)
def test_conf_is_what_the_schema_generates(file: generate_conf.Generated) -> None:
    path = compose.config_dir() / file.path
    assert path.read_text(encoding="utf-8") == generate_conf.text(file), "run python -m hrm_net.commands.generate_conf"


def test_a_run_built_in_python_is_the_run_of_the_command_line() -> None:
    """But for what has no default because the puzzle decides it."""
    composed = train_config(DEFAULT)
    built = TrainConfig(
        name="sudoku",
        model=composed.model,
        puzzle={"name": "sudoku", "box": "3x3"},
        data=DataConfig(curriculum=composed.data.curriculum),
        validation=ValidationConfig(targets=composed.validation.targets),
    )
    assert built == composed
    assert EvaluateConfig() == evaluate_config(values(name="evaluate"))


def test_yaml_and_help_have_every_key_of_the_schema() -> None:
    shown = {line.strip().partition("=")[0] for line in cli_help.text("train").splitlines() if line.startswith("  ")}
    top = set(schema.keys(TrainConfig)) - FILLED_IN
    missing = {key for key in top if key not in shown and not any(k.startswith(f"{key}.") for k in top)}
    assert missing == set()
    composed = schema_leaves(FULL)
    assert {key for key in LEAVES if key not in FILLED_IN and not any(k.startswith(key) for k in composed)} == set()


def test_evaluate_help_has_every_key() -> None:
    text = cli_help.text("evaluate")
    for key in schema.keys(EvaluateConfig):
        assert f"\n  {key}=" in text


def test_every_key_in_conf_is_explained() -> None:
    """A key of a base file (one that inherits from no other) has a comment above it; a set of puzzles needs none."""
    for path in [*compose.config_dir().glob("*/*.yaml"), *compose.config_dir().glob("*.yaml")]:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("#"), path
        if path.parent.name in GROUPS and ("\ndefaults:" in text or path.parent.name == "experiment"):
            continue
        lines = text.splitlines()
        for before, line in pairwise(lines):
            key, _, value = line.partition(":")
            scalar = value.strip() and not line.lstrip().startswith(("#", "-")) and "- weight" not in line
            scalar = scalar and (value.strip() == "{}" or not value.strip().startswith("{"))
            if (
                scalar
                and key.strip() not in ("name", "targets", "output_subdir", "chdir")
                and not key.startswith("    ")
            ):
                assert before.lstrip().startswith("#"), f"{path.name}: {line}"


PUBLISHED = {
    "hrm_sudoku_extreme": (27_275_266, "q_learning", "one_step", 2, 0.0),
    "hrm_sudoku_full": (27_275_266 + 82 * 512, "q_learning", "one_step", 8, 0.0),
    "maze_hard": (27_270_146, "q_learning", "one_step", 2, 0.0),
    "trm_sudoku_attention": (6_828_034, "halt_only", "last_cycle", 6, 0.999),
    "trm_sudoku_mixer": (5_028_866, "halt_only", "last_cycle", 6, 0.999),
    "trm_maze_hard": (6_822_914, "halt_only", "last_cycle", 4, 0.999),
}


@pytest.mark.parametrize("experiment", PUBLISHED)
def test_published_runs_have_the_published_settings(experiment: str) -> None:
    config = train_config(values(f"experiment={experiment}"), read_data=False)
    model, optim = config.model, config.optim
    num = sum(param.numel() for param in HRM(model).parameters())
    assert (num, model.halting, model.gradient, model.l_cycles, optim.ema) == PUBLISHED[experiment]
    assert (optim.name, optim.warmup_steps, optim.betas, optim.lr) == ("adam_atan2", 2000, (0.9, 0.95), optim.puzzle_lr)
    assert (config.stagger, config.data.augment, config.data.puzzles, config.precision) == (False, False, None, "bf16")
    header = (compose.config_dir() / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8")
    assert f"python -m puzzles.build {config.data.path} " in header
    assert header.count("not run here") == 2


def schema_leaves(found: dict[str, Any], prefix: str = "") -> set[str]:
    leaves = set()
    for key, value in found.items():
        leaves |= schema_leaves(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {prefix + key}
    return leaves


def put(found: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    copy = json.loads(json.dumps(found))
    *parents, last = key.split(".")
    holder = copy
    for parent in parents:
        holder = holder[parent]
    holder[last] = value
    return copy


@given(key=st.sampled_from(LEAVES), value=st.sampled_from([{"a": 1}, [[["x"]]], [None]]))
def test_a_value_of_a_wrong_type_is_refused_in_one_line_that_names_its_key(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        train_config(put(FULL, key, value))
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith((key, key.rpartition(".")[0] + "="))


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("steps", "900", "steps=900: must be a whole number"),
        ("steps", 9.5, "steps=9.5: must be a whole number"),
        ("steps", True, "steps=true: must be a whole number"),
        ("seed", None, "seed=null: must be a whole number"),
        ("precision", "fp16", "precision=fp16: must be one of auto, bf16, fp32"),
        ("data.augment", 1, "data.augment=1: must be true or false"),
        ("data.puzzles", "many", "data.puzzles=many: must be a whole number or null"),
        ("optim.lr", "fast", "optim.lr=fast: must be a number"),
        ("optim.lr", float("nan"), "optim.lr=nan: must be a finite number"),
        ("optim.betas", [0.9], "optim.betas=[0.9]: must be a list of 2 times a number"),
        ("logger.tags", [1], "logger.tags.0=1: must be text"),
        ("logger.tags", "a", "logger.tags=a: must be a list of text"),
        ("stpes", 3, "stpes=3: unknown key; did you mean steps?"),
        ("optim.learning_rate", 3, "optim.learning_rate=3: unknown key; there are optim.name, "),
        ("model.hiden_size", 3, "model.hiden_size=3: unknown key; did you mean model.hidden_size?"),
        ("model.vocab_size", 12, "model.vocab_size=12: must be 11, as the puzzle has it"),
        ("optim._target_", "os.system", "optim._target_=os.system: configuration holds values, never code"),
        ("puzzle.name", "soduko", "puzzle=soduko: must be one of "),
        ("puzzle.size", 9, "puzzle.size=9: sudoku has the options box"),
        ("puzzle.box", "5x5", "puzzle.box=5x5: must be one of 2x2, 2x3, 3x3, 4x4"),
        ("batch_size", 0, "batch_size=0: must be at least 1"),
        ("steps", 0, "steps=0: must be at least 1"),
        ("data.puzzles", 0, "data.puzzles=0: must be null or at least 1"),
        ("optim.ema", 1, "optim.ema=1: must be at least 0 and below 1"),
        ("optim.betas", [0.9, 1.5], "optim.betas.1=1.5: must be at least 0 and below 1"),
        ("validation.every", -1, "validation.every=-1: must be at least 0"),
        ("logger.mode", "on", "logger.mode=on: must be one of online, offline, disabled"),
        ("name", "/a/b", "name=/a/b: must be a directory below runs/"),
        ("name", ".", "name=.: must be a directory below runs/"),
        ("name", "../x", "name=../x: must be a directory below runs/"),
        ("name", " ", "name= : must be a directory below runs/"),
        ("keep_checkpoints", 1, "keep_checkpoints=1: must be at least 2"),
        ("data.curriculum", [{"until": 0.5}], "data.curriculum=[until 0.5]: must be stages with rising until"),
        ("data.curriculum", [{"until": 2}], "data.curriculum.0.until=2: must be above 0 and at most 1"),
        (
            "data.curriculum",
            [{"untill": 1}],
            "data.curriculum.0.untill=1: unknown key; did you mean data.curriculum.0.until",
        ),
        ("data.curriculum", [{"mix": [{"weight": 0}]}], "data.curriculum.0.mix.0.weight=0: must be above 0"),
        (
            "data.curriculum",
            [{"mix": [{"targets": {"clues": 16}}]}],
            "data.curriculum.0.mix.0.targets.clues=16: 9x9 Sudoku needs at least 17",
        ),
        ("validation.targets", {"a": {"clues": 90}}, "validation.targets.a.clues=90: 9x9 Sudoku has at most 81"),
        ("evaluate_sets", {"a": {"clues": 90}}, "evaluate_sets.a.clues=90: 9x9 Sudoku has at most 81"),
        ("validation.targets", {"a": {"holes": 9}}, "validation.targets.a.holes=9: unknown target; sudoku has clues"),
        ("reward.objectives", ["orm", "prn"], "reward.objectives.1=prn: must be one of orm, prm, pqm, hier, cond"),
        ("reward.objectives", ["orm", "orm"], 'reward.objectives=["orm", "orm"]: must be heads that differ'),
        ("reward.segments", 0, "reward.segments=0: must be at least 1"),
        ("reward.max_segments", 1, "reward.max_segments=1: must be null, or at least reward.segments=2"),
        ("reward.error_share", 1.5, "reward.error_share=1.5: must be in 0..1"),
        ("reward.policy.error", 2, "reward.policy.error=2.0: must be in 0..1"),
        ("reward.policy.solver", "runs/a", "reward.policy.solver=runs/a: must be null for name=careless"),
        ("reward.policy.name", "hrm", "reward.policy.solver=null: must be a run's directory"),
        ("reward.solver_steps", -1, "reward.solver_steps=-1: must be at least 0"),
        ("reward.labels", "soft", "reward.labels=soft: must be one of exact, mc_soft, mc_hard"),
        ("reward.compression", "gzip", "reward.compression=gzip: must be one of none, hnc, noise, count"),
        ("data.puzzles", None, 'data.puzzles=null: must be a number for reward.objectives=["orm", '),
        ("batch_size", 4, "batch_size=4: must be at least reward.budget=5"),
    ],
)
def test_what_a_mistake_is_told(key: str, value: object, line: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        train_config(put(FULL, key, value))
    assert str(caught.value).startswith(line)


def test_trees_that_are_too_large_or_too_thin_are_refused() -> None:
    def trees(**changes: object) -> dict[str, Any]:
        return {**FULL, "reward": {**FULL["reward"], "labels": "mc_soft", "compression": "hnc", **changes}}

    assert train_config(trees()).reward.kind == "trees"
    with pytest.raises(ValueError, match=r"^reward.children=5 and reward.height=9 .*: must make at most 20,000 nodes"):
        train_config(trees(budget=9))
    assert train_config(trees(budget=9, height=4)).reward.kind == "trees"
    with pytest.raises(ValueError, match=r"^reward.height=6: must be null, or from 1 to reward.budget=5$"):
        train_config(trees(height=6))
    with pytest.raises(ValueError, match=r"^reward.children=3: must be at least 4 for hnc$"):
        train_config(trees(children=3))
    with pytest.raises(ValueError, match=r"^reward.compression=hnc: must be none for trajectories$"):
        train_config(trees(data="trajectories"))


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ValueError, match=r"^model: missing"):
        train_config({key: value for key, value in DEFAULT.items() if key != "model"})


@pytest.mark.parametrize(
    ("build", "line"),
    [
        (lambda: ValidationConfig(every=-1), "validation.every=-1: must be at least 0"),
        (lambda: DataConfig(augmentations=-1), "data.augmentations=-1: must be at least 0"),
        (lambda: DataConfig(puzzles=0), "data.puzzles=0: must be null or at least 1"),
        (lambda: EvaluateConfig(curve=[4, 0]), "curve.1=0: must be at least 1"),
        (lambda: EvaluateConfig(puzzles=0), "puzzles=0: must be null or at least 1"),
        (lambda: OptimConfig(lr=math.inf), "optim.lr=Infinity: must be a finite number"),
    ],
)
def test_a_value_out_of_bounds_is_refused_in_python_too(build: Callable[[], object], line: str) -> None:
    with pytest.raises(UserError) as caught:
        build()
    assert str(caught.value) == line


def test_compile_may_be_a_yaml_boolean() -> None:
    assert train_config(put(DEFAULT, "compile", True)).compile == "true"
    assert train_config(put(DEFAULT, "compile", False)).compile == "false"
    assert evaluate_config(values("compile=true", name="evaluate")).compile == "true"


def test_a_run_and_a_checkpoint_exclude_each_other() -> None:
    with pytest.raises(ValueError, match=r"^checkpoint=b: give run or checkpoint, not both$"):
        evaluate_config({"run": "a", "checkpoint": "b"})


@pytest.mark.parametrize("experiment", ["null", *GROUPS["experiment"]])
def test_yaml_round_trip(experiment: str) -> None:
    config = train_config(DEFAULT if experiment == "null" else values(f"experiment={experiment}"), read_data=False)
    assert from_yaml(to_yaml(config)) == config


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "steps: 3", "\x00"])
def test_text_that_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        from_yaml(text)
    assert "\n" not in str(caught.value)


def differences(saved: TrainConfig, current: TrainConfig) -> list[str]:
    return resume.differences(yaml.safe_load(to_yaml(saved)), yaml.safe_load(to_yaml(current)))


def test_differences_name_what_matters_on_resume_and_nothing_else() -> None:
    config = train_config(DEFAULT)
    assert differences(config, config) == []
    longer = train_config(
        values("steps=5000", "name=other", "logger=wandb", "log_every=3", "checkpoint_every=7", "compile=false")
    )
    assert differences(config, longer) == []
    other = train_config(values("optim.lr=0.5", "model.hidden_size=48"))
    assert differences(config, other) == [
        f"model.hidden_size: {config.model.hidden_size} -> 48",
        f"optim.lr: {config.optim.lr} -> 0.5",
    ]


def test_saved_yaml_is_plain() -> None:
    """No tags, no tuples: any YAML reader gets what was meant."""
    loaded = yaml.safe_load(to_yaml(train_config(DEFAULT)))
    assert loaded["optim"]["betas"] == DEFAULT["optim"]["betas"]
    # A run without a policy keeps no keys of one, so that runs from before there were policies can be resumed.
    assert set(loaded) == {field.name for field in dataclasses.fields(TrainConfig)} - {"policy"}


def test_sizes_that_a_model_built_in_python_leaves_at_zero_are_taken_from_the_puzzle() -> None:
    values = dataclasses.asdict(victim.config())
    assert values["model"]["box_rows"] == 0
    assert train_config(values).model.box_rows == 2
