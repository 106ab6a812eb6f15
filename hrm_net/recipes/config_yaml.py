"""A run's configuration as text beside its checkpoints, and back."""

import json
from dataclasses import asdict

from hrm_net.recipes.checks import train_config
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from puzzles.errors import UserError


def to_yaml(config: TrainConfig | EvaluateConfig) -> str:
    """Every key with its value; `from_yaml` reads a run's text back."""
    from omegaconf import OmegaConf

    # through JSON, because YAML knows no tuples
    return OmegaConf.to_yaml(OmegaConf.create(json.loads(json.dumps(asdict(config)))))


def from_yaml(text: str) -> TrainConfig:
    """The configuration that `to_yaml` wrote; ValueError of one line where it is none."""
    import yaml

    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError("no configuration: a mapping of keys is expected")
    return train_config(values, read_data=False)
