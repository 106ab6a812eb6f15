"""`hrm-serve`: starts the page."""

import argparse
import ipaddress
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hrm_net.command_line import Parser, exit_codes
from puzzles.errors import UserError

if TYPE_CHECKING:
    from hrm_net.serve.served import Served
    from hrm_net.serve.served_judge import ServedJudge

# Of the weights that ship with the package.
MODEL, JUDGE = "sudoku_extreme", "pair_sudoku_6x6"
DESCRIPTION = "Serve a page on this machine: type or generate a puzzle, and watch a trained model fill it in."
EXAMPLES = """\
examples:
  hrm-serve                          Sudoku, with the weights that ship with the package
  hrm-serve --run runs/maze          mazes too, with the best checkpoint of a run
  hrm-serve --judge runs/pair_maze   a judge of mazes on the page /judge
  hrm-serve --port 0                 on any free port

Links to a puzzle: http://127.0.0.1:8765/#sudoku=53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79
"""


def main(argv: Sequence[str] | None = None) -> None:
    """`hrm-serve ...`."""
    with exit_codes():
        _run(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = Parser("hrm-serve", description=DESCRIPTION, epilog=EXAMPLES)
    add = parser.add_argument
    add("--run", action="append", default=[], metavar="DIR",
        help="directory of a training run or of save_pretrained, or the name of weights that ship with the package; "
        "may be repeated, one for each kind of puzzle (default: the shipped weights for Sudoku)")  # fmt: skip
    add("--judge", action="append", default=[], metavar="DIR",
        help="directory of a judge's run or of save_pretrained, or the name of shipped weights, for the page /judge; "
        "may be repeated, one for each kind of puzzle (default: the shipped judge of 6x6 Sudoku)")  # fmt: skip
    add("--port", type=int, default=8765, metavar="N", help="port; 0 takes any free one (default: %(default)s)")
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (default: %(default)s)")
    add("--allow-remote", action="store_true", help="allow --host to be an address that other machines reach")
    add("--name", action="append", default=[], help="another host name of the page; may be repeated")
    parser.share("--device")
    parser.share("--precision")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    check_address(arguments.host, arguments.port, arguments.allow_remote)
    try:
        import uvicorn

        from hrm_net.serve.app import create_app
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise UserError('hrm-serve needs starlette and uvicorn: pip install "hrm-net[serve]"') from None
    models = load(arguments.run, arguments.device, arguments.precision)
    judges = load_judges(arguments.judge, arguments.device, arguments.precision)
    app = create_app(models, judges, names=arguments.name, warm=True)
    with listen(arguments.host, arguments.port) as listening:
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, proxy_headers=False, ws="none",
            limit_concurrency=64, timeout_keep_alive=5, timeout_graceful_shutdown=2,
        )  # fmt: skip
        host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
        kinds = ", ".join(f"{served.name} ({served.origin})" for served in models)
        print(f"http://{host}:{listening.getsockname()[1]}/  {kinds}; Ctrl-C ends", flush=True)
        try:
            uvicorn.Server(config).run(sockets=[listening])
        except KeyboardInterrupt:
            return


def check_address(host: str, port: int, allow_remote: bool) -> None:
    """UserError for an impossible port, and for an address that other machines reach where that was not allowed."""
    if not 0 <= port <= 65535:
        raise UserError(f"port={port}: must lie in 0..65535")
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise UserError(f"host={host}: must be an address, such as 127.0.0.1") from None
    if not loopback and not allow_remote:
        raise UserError(
            f"host={host}: other machines would reach it, and nobody is asked for a password; add --allow-remote"
        )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; UserError where the address is not available."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        hint = "; --port 0 takes a free one" if port else ""
        raise UserError(f"host={host} port={port}: cannot listen there: {error.strerror}{hint}") from None


def load(runs: Sequence[str], device_name: str, precision: str, defaults: Sequence[str] = (MODEL,)) -> "list[Served]":
    """The models of these runs, before them those of the shipped weights `defaults` whose domain no run solves."""
    import puzzles
    from hrm_net.checkpoints.pretrained import shipped
    from hrm_net.recipes.model_source import find_solver
    from hrm_net.serve.served import Served
    from hrm_net.trainer.device import resolve_device, resolve_precision

    device = resolve_device(device_name)
    given = [(run, find_solver(run)) for run in runs]
    solved = {source.puzzle["name"] for _, source in given}
    others = [(name, find_solver(name)) for name in defaults]
    sources = [one for one in others if one[1].puzzle["name"] not in solved] + given
    found: dict[str, Served] = {}
    for run, source in sources:
        name = source.puzzle["name"]
        puzzle = puzzles.get(**source.puzzle)
        if puzzle.families:
            raise UserError(f"run={run}: its model must be told which family of {name} is meant, as hrm-solve is")
        if name in found:
            raise UserError(f"run={run}: a second model for {name}; give one of each kind")
        model = source.load().to(device)
        model.forward_dtype = resolve_precision(precision, device)
        origin = f"shipped weights {source.path.name}" if shipped(run) else run
        found[name] = Served(puzzle=puzzle, model=model, origin=origin)
    return list(found.values())


def load_judges(runs: Sequence[str], device_name: str, precision: str) -> "list[ServedJudge]":
    """The judges of these runs, before them the shipped one unless a run judges the same domain."""
    from hrm_net.checkpoints.pretrained import shipped
    from hrm_net.recipes.pair_judge import find_judge
    from hrm_net.serve.served_judge import ServedJudge
    from hrm_net.trainer.device import resolve_device, resolve_precision

    device = resolve_device(device_name)
    sources = [(run, find_judge(run)) for run in runs]
    if shipped(JUDGE) is not None:
        default = find_judge(JUDGE)
        if all(judge.puzzle.name != default.puzzle.name for _, judge in sources):
            sources.insert(0, (JUDGE, default))
    found: dict[str, ServedJudge] = {}
    for run, judge in sources:
        name = judge.puzzle.name
        if name in found:
            raise UserError(f"judge={run}: a second judge of {name}; give one of each kind")
        judge.model.to(device).forward_dtype = resolve_precision(precision, device)
        origin = f"shipped weights {run}" if shipped(run) else run
        found[name] = ServedJudge(judge=judge, origin=origin)
    return list(found.values())
