"""Where the numbers of a run go: always to `metrics.jsonl`, and to Weights & Biases when asked."""

import inspect
import json
import math
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from hrm_net.schema import check, require
from puzzles.atomic_write import atomic_write
from puzzles.errors import UserError

# The project of runs for which neither `logger.project` nor WANDB_PROJECT names one.
PROJECT = "hrm-net"
# What Weights & Biases allows in no name of a project.
FORBIDDEN_IN_PROJECT = set("/\\#?%:")
LoggerName = Literal["none", "wandb"]
WandbMode = Literal["online", "offline", "disabled"]


@dataclass(kw_only=True, slots=True)
class LoggerConfig:
    """Who hears of the run besides its own directory."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # none, or wandb for Weights & Biases.
    name: LoggerName = "none"
    # Weights & Biases project; null: as WANDB_PROJECT says, or hrm-net.
    project: str | None = None
    # online needs a login, offline writes files that `wandb sync` uploads later, disabled does nothing; null: as
    # WANDB_MODE says, or online.
    mode: WandbMode | None = None
    # Weights & Biases team or user; null: as WANDB_ENTITY says, or the account's default.
    entity: str | None = None
    # Tags of the run; []: as WANDB_TAGS says.
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check(self, "logger")
        named = self.project is None or (bool(self.project) and not set(self.project) & FORBIDDEN_IN_PROJECT)
        bound = f"a name without any of {' '.join(sorted(FORBIDDEN_IN_PROJECT))}; a team is logger.entity"
        require("logger.project", self.project, named, bound)


class Tracker:
    """Appends records to `run_dir/metrics.jsonl` and sends them to wandb. A context manager that closes itself.

    Starting from `resume_step` drops the records of later steps, and a last line that a crash cut short: log all of a
    step before its checkpoint is saved. UserError at once where `logger` wants wandb online and nobody is logged in.
    """

    def __init__(self, run_dir: Path, logger: LoggerConfig, config: dict[str, Any], resume_step: int) -> None:
        self._wandb = _start_wandb(run_dir, logger, config) if logger.name == "wandb" else None
        path = run_dir / "metrics.jsonl"
        _rewind(path, resume_step)
        self._file = path.open("a", encoding="utf-8", newline="\n")

    def log(self, step: int, **values: Any) -> None:
        """One line `{"step": step, ...}`, on its way to the disk on return. Numbers that are not finite become null."""
        record = {"step": step, **{key: _plain(value) for key, value in values.items()}}
        self._file.write(json.dumps(record, allow_nan=False) + "\n")
        self._file.flush()
        if self._wandb is not None:
            kind = values.get("kind")
            prefix = f"{kind}/" if kind else ""
            named = {prefix + key: value for key, value in values.items() if key != "kind" and value is not None}
            self._wandb.log({"step": step, **named})

    def sync(self) -> None:
        """Return when the records are on the disk; to be called before a checkpoint that relies on them is saved."""
        os.fsync(self._file.fileno())

    def close(self, exit_code: int = 0) -> None:
        """Finish; `exit_code` other than 0 marks the run as failed at wandb."""
        self._file.close()
        if self._wandb is not None:
            self._wandb.finish(exit_code=exit_code)
            self._wandb = None

    def __enter__(self) -> "Tracker":
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self.close(exit_code=0 if kind is None else 1)


class SilentTracker(Tracker):
    """The tracker of a process that keeps no records."""

    def __init__(self) -> None:
        pass

    def log(self, step: int, **values: Any) -> None:
        """Does nothing."""

    def sync(self) -> None:
        """Does nothing."""

    def close(self, exit_code: int = 0) -> None:
        """Does nothing."""


def read_metrics(run_dir: Path) -> list[dict[str, Any]]:
    """All whole records of a run, in the order they were logged; empty where there is no file."""
    return [record for _, record in _records(run_dir / "metrics.jsonl")]


def _records(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each whole line with its record; a last line that a crash cut short is passed over."""
    for number, line in enumerate(_whole_lines(path), start=1):
        try:
            record = json.loads(line)
            int(record["step"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: line {number} is not a record; move the file away to go on without it") from error
        yield line, record


def _whole_lines(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    return lines if not lines or lines[-1].endswith(b"\n") else lines[:-1]


def _rewind(path: Path, step: int) -> None:
    """Drop records after `step`; what stays keeps its bytes. The file is replaced at once or not at all."""
    content = b"".join(line for line, record in _records(path) if record["step"] <= step)
    if path.exists() and path.read_bytes() != content:
        with atomic_write(path, binary=True) as file:
            file.write(content)


def _plain(value: Any) -> Any:
    """A number, text, truth value, None, or lists and dicts of these; tensors and numpy scalars of one number too."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _start_wandb(run_dir: Path, logger: LoggerConfig, config: dict[str, Any]) -> Any:
    """A wandb run that goes on where one of the same run directory left off; None when disabled.

    What `logger` leaves open is wandb's own environment variables' to say, as everywhere; then a default of ours.
    """
    mode = logger.mode or _told_by_environment()
    if mode == "disabled":
        return None
    import wandb  # here, so that `import hrm_net` and runs without it stay light
    from wandb.errors import Error

    online = mode == "online"
    try:
        if online and not _logged_in(wandb):
            raise UserError("logger.mode=online: nobody is logged in; run `wandb login`, or set logger.mode=offline")
        run = wandb.init(
            project=logger.project or os.environ.get("WANDB_PROJECT") or PROJECT,
            entity=logger.entity,
            name=os.environ.get("WANDB_NAME") or run_dir.name,
            id=os.environ.get("WANDB_RUN_ID") or _run_id(run_dir),
            resume="allow" if online else None,
            tags=list(logger.tags) or None,
            config=config,
            dir=os.environ.get("WANDB_DIR") or str(run_dir),
            mode=mode,
            settings=wandb.Settings(console="off", init_timeout=30),
        )
    except Error as error:
        reason = " ".join(str(error).split())
        raise UserError(f"logger=wandb (mode {mode}): {reason}; logger.mode=offline needs no server") from error
    # wandb's own step only grows; ours goes back when a run resumes from an earlier checkpoint.
    run.define_metric("*", step_metric="step")
    return run


def _told_by_environment() -> WandbMode:
    """The mode that WANDB_MODE, or the older WANDB_DISABLED, asks for; online where neither is set."""
    mode = os.environ.get("WANDB_MODE", "").lower()
    if mode in ("dryrun", "offline"):
        return "offline"
    if mode == "disabled" or os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1"):
        return "disabled"
    if mode not in ("", "online", "run", "shared"):
        raise UserError(f"WANDB_MODE={mode}: must be one of online, offline, disabled")
    return "online"


def _logged_in(wandb: Any) -> bool:
    if "prompt" in inspect.signature(wandb.login).parameters:
        return wandb.login(prompt=False, verify=False)
    return bool(wandb.api.api_key)  # before `prompt` there was no other way to ask without asking the user


def _run_id(run_dir: Path) -> str:
    """The name of this run at wandb: drawn once and kept in `wandb_id.txt`, so that a resumed run continues it."""
    path = run_dir / "wandb_id.txt"
    if not path.exists():
        path.write_text(uuid.uuid4().hex[:12] + "\n", encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()
