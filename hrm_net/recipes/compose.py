"""Hydra's part of the command line: a configuration composed without a trace on disk, its errors in one line."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hrm_net import schema
from puzzles.errors import UserError


def config_dir() -> Path:
    """Where the configuration files lie: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for found in (package / "conf", package.parent / "conf"):
        if (found / "train.yaml").is_file():
            return found
    raise FileNotFoundError(f"no conf/ in {package} nor beside it: the installation is incomplete")


EVALUATION_GROUPS = ("solver", "search")


def groups(config_name: str = "train") -> dict[str, list[str]]:
    """Configuration groups of training or of evaluation, with the names one can choose in each."""
    return {
        folder.name: sorted(path.stem for path in folder.glob("*.yaml"))
        for folder in sorted(config_dir().iterdir())
        if folder.is_dir() and (folder.name in EVALUATION_GROUPS) == (config_name == "evaluate")
    }


def arguments(argv: list[str]) -> Any:
    """What Hydra's own parser makes of `argv`; UserError for an unknown option."""
    parser = get_args_parser()

    def refuse(message: str) -> None:
        raise UserError(f"{message.removeprefix('unrecognized arguments: ')}: unknown option; --help lists them")

    parser.error = refuse  # pyright: ignore[reportAttributeAccessIssue]
    return parser.parse_args(argv)


def checked_overrides(config_name: str, overrides: list[str], cls: type, sweep: bool) -> list[str]:
    """The overrides as Hydra shall get them: every key of the schema `cls` may be set, written in its YAML or not.

    UserError of one line for an unknown key or file, with what exists or was probably meant.
    """
    known = groups(config_name)
    try:
        expanded = map(_with_home, overrides)
        return [_checked(text, _parse(text), cls, known, sweep) for text in expanded]
    except UserError as error:
        # what was typed may hold line breaks
        raise UserError(" ".join(str(error).split())) from None


def compose_jobs(config_name: str, overrides: list[str]) -> Iterator[tuple[dict[str, Any], Path]]:
    """Values and run directory of each job: one, or with sweeps among the checked `overrides` every combination."""
    parsed = [_parse(text) for text in overrides]
    known = groups(config_name)
    choices = [_choices(o, known) if o.is_sweep_override() else [""] for o in parsed]
    for job in product(*choices):
        yield _compose(
            config_name,
            [
                f"{text.partition('=')[0]}={value}" if o.is_sweep_override() else text
                for text, o, value in zip(overrides, parsed, job, strict=True)
            ],
        )


def _choices(override: Override, known: dict[str, list[str]]) -> list[str]:
    """The values of a sweep; of a glob over a group, the names of its files that match."""
    if isinstance(glob := override.value(), Glob):
        return glob.filter(known.get((override.key_or_group or "").lstrip("/"), []))
    return list(override.sweep_string_iterator())


def _names(override: Override, known: list[str]) -> list[Any]:
    """The files of a group that an override names; UserError for a pattern that none of them matches."""
    if isinstance(glob := override.value(), Glob):
        found = glob.filter(known)
        if not found:
            raise UserError(f"{override.input_line}: no file matches; there are {', '.join(known)}")
        return found
    return list(override.sweep_iterator()) if override.is_choice_sweep() else [override.value()]


def _compose(config_name: str, overrides: list[str]) -> tuple[dict[str, Any], Path]:
    try:
        with initialize_config_dir(str(config_dir()), version_base="1.3"):
            config = compose(config_name, overrides, return_hydra_config=True)
            run_dir = Path(config.hydra.run.dir)
            # Hydra's own part has values that are known only once it runs
            own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            values = OmegaConf.to_container(own, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_one_line(error)) from None
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}, run_dir


def _with_home(text: str) -> str:
    """The override with `~/` as the home directory, which no shell puts after `=` and Hydra cannot read."""
    key, equals, value = text.partition("=")
    home = str(Path.home())
    if re.search(r"[^\w./-]", home):  # nothing that Hydra's grammar would need quotes for
        return text
    return key + equals + re.sub(r"(^|[\[,])~(?=/|$)", lambda found: found[1] + home, value)


def _parse(text: str) -> Override:
    if "=" not in text and not text.startswith("~"):
        raise UserError(f"{text}: must be key=value")
    try:
        return OverridesParser.create().parse_override(text)
    except (OverrideParseException, HydraException):
        raise UserError(
            f"{text}: cannot be read; a value with , : = [ ] {{ }} or spaces needs quotes: 'key=\"a b\"'"
        ) from None


def _checked(text: str, override: Override, cls: type, known: dict[str, list[str]], sweep: bool) -> str:
    key = (override.key_or_group or "").lstrip("/")
    if override.is_interval_sweep():
        raise UserError(f"{text}: an interval has no end of values; give them: {key}=1,2,3 or {key}=range(1,4)")
    if override.is_sweep_override() and not sweep:
        raise UserError(f"{text}: several values are a sweep, which needs --multirun; a list is written [a,b]")
    if override.is_delete():
        return text
    if key in known:
        for name in _names(override, known[key]):
            if name is None:
                raise UserError(f"{key}=null: must be one of {', '.join(known[key])}")
            if isinstance(name, str) and name not in known[key]:
                near = schema.did_you_mean(name, known[key])
                raise UserError(f"{key}={name}: no such file in conf/{key}; there are {', '.join(known[key])}{near}")
        return text
    if re.split(r"[./]", key)[0] == "hydra":
        if (
            key == "hydra/launcher"
            and "submitit" in text
            and find_spec("hydra_plugins.hydra_submitit_launcher") is None
        ):
            raise UserError(f'{text}: is not installed; run: pip install "hrm-net[sweep]"')
        return text
    if not schema.has_key(cls, key):
        raise UserError(schema.unknown_key(cls, key, text.partition("=")[2], known))
    return "++" + text.lstrip("+")


def _one_line(error: BaseException) -> str:
    """A Hydra or OmegaConf error without its hints about `+`, for the reader who typed a key."""
    while isinstance(error.__cause__, Exception) and not isinstance(error, MissingConfigException):
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(line for line in lines if not line.startswith(("full_key", "object_type", "To append")))
