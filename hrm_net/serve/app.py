"""The web application: the files of the page, and three requests in JSON. Mistakes are answered by {"error": LINE}."""

import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from hrm_net.serve.guard import Guard, refused
from hrm_net.serve.limits import Limits, Turns, read_object
from hrm_net.serve.refusal import Refusal
from hrm_net.serve.served import SEGMENTS, Served
from hrm_net.serve.served_judge import ServedJudge

FILES = {
    "/": ("page.html", "text/html"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/client.js": ("client.js", "text/javascript"),
    "/boards.js": ("boards.js", "text/javascript"),
    "/chart.js": ("chart.js", "text/javascript"),
    "/judge": ("judge.html", "text/html"),
    "/judge.js": ("judge.js", "text/javascript"),
}
SEEDS = 1 << 53  # JavaScript's whole numbers


def create_app(
    models: Sequence[Served],
    judges: Sequence[ServedJudge] = (),
    *,
    limits: Limits | None = None,
    names: Collection[str] = (),
    warm: bool = False,
) -> Starlette:
    """One model, and at most one judge, for each kind of puzzle. `names`: host names of this server besides its
    addresses."""
    limits = limits or Limits()
    serving = Serving(models, judges, limits)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        serving.open(warm)
        yield
        serving.close()

    routes = [Route(path, _file(*told), methods=["GET"]) for path, told in FILES.items()]
    routes += [
        Route("/api/puzzles", serving.puzzles, methods=["GET"]),
        Route("/api/generate", serving.generate, methods=["POST"]),
        Route("/api/solve", serving.solve, methods=["POST"]),
        Route("/api/judges", serving.list_judges, methods=["GET"]),
        Route("/api/pair", serving.pair, methods=["POST"]),
        Route("/api/compare", serving.compare, methods=["POST"]),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, limits=limits, names=names)],
        exception_handlers={Refusal: _refused, HTTPException: _unknown, Exception: _failed},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # each file has one address
    return app


class Serving:
    """The models and the judges, each with its queue."""

    def __init__(self, models: Sequence[Served], judges: Sequence[ServedJudge], limits: Limits) -> None:
        self.models, self.limits = {served.name: served for served in models}, limits
        self.judges = {served.name: served for served in judges}
        assert (len(self.models), len(self.judges)) == (len(models), len(judges))
        self.turns = {name: Turns(name, limits) for name in self.models}
        self.judge_turns = {name: Turns(f"judge of {name}", limits) for name in self.judges}

    def open(self, warm: bool) -> None:
        for name, served in self.models.items() if warm else ():
            self.turns[name].worker.submit(served.warm)
        for name, judge in self.judges.items() if warm else ():
            self.judge_turns[name].worker.submit(judge.warm)

    def close(self) -> None:
        for turns in (*self.turns.values(), *self.judge_turns.values()):
            turns.close()

    async def puzzles(self, request: Request) -> Response:
        """{"puzzles": what each model solves and what can be generated, "max_segments": ..., "judges": how many}."""
        described = [served.describe() for served in self.models.values()]
        return JSONResponse(
            {"puzzles": described, "max_segments": self.limits.max_segments, "judges": len(self.judges)}
        )

    async def generate(self, request: Request) -> Response:
        """{"puzzle", "level", "seed"?} -> {"puzzle", "text", "seed"}. The targets of `Page.targets` may be given by
        name in place of the level: {"puzzle": "sudoku", "clues": 30}."""
        asked = await read_object(request, self.limits)
        served = self._model(asked)
        names = served.puzzle.page().targets
        _check_keys(asked, {"puzzle", "level", "seed", *names})
        seed = _whole(asked, "seed", secrets.randbelow(SEEDS), 0, SEEDS - 1)
        level, targets = asked.get("level"), {name: asked[name] for name in names if asked.get(name) is not None}
        return JSONResponse(await self.turns[served.name].run(lambda: served.generate(level, targets, seed)))

    async def solve(self, request: Request) -> Response:
        """{"puzzle", "text", "segments"?, "think_on"?} -> see `Served.solve`."""
        asked = await read_object(request, self.limits)
        served = self._model(asked)
        _check_keys(asked, {"puzzle", "text", "segments", "think_on"})
        segments = _whole(asked, "segments", min(SEGMENTS, self.limits.max_segments), 1, self.limits.max_segments)
        think_on = asked.get("think_on", False)
        if not isinstance(think_on, bool):
            raise Refusal(400, "think_on: must be true or false")
        text = asked.get("text")
        return JSONResponse(await self.turns[served.name].run(lambda: served.solve(text, segments, think_on)))

    async def list_judges(self, request: Request) -> Response:
        """{"judges": what each judges and what can be generated}."""
        return JSONResponse({"judges": [judge.describe() for judge in self.judges.values()]})

    async def pair(self, request: Request) -> Response:
        """{"puzzle", "level", "seed"?} -> {"puzzle", "text", "first", "second", "seed"}."""
        asked = await read_object(request, self.limits)
        judge = self._judge(asked)
        _check_keys(asked, {"puzzle", "level", "seed"})
        seed = _whole(asked, "seed", secrets.randbelow(SEEDS), 0, SEEDS - 1)
        level = asked.get("level")
        return JSONResponse(await self.judge_turns[judge.name].run(lambda: judge.generate(level, seed)))

    async def compare(self, request: Request) -> Response:
        """{"puzzle", "text", "first", "second"} -> see `ServedJudge.compare`."""
        asked = await read_object(request, self.limits)
        judge = self._judge(asked)
        _check_keys(asked, {"puzzle", "text", "first", "second"})
        given = [asked.get(key) for key in ("text", "first", "second")]
        return JSONResponse(await self.judge_turns[judge.name].run(lambda: judge.compare(*given)))

    def _judge(self, asked: dict[str, Any]) -> ServedJudge:
        name = asked.get("puzzle")
        if not isinstance(name, str) or name not in self.judges:
            raise Refusal(
                400, f"puzzle={str(name)[:40]}: no judge of it is served; there are {', '.join(self.judges) or 'none'}"
            )
        return self.judges[name]

    def _model(self, asked: dict[str, Any]) -> Served:
        name = asked.get("puzzle")
        if not isinstance(name, str) or name not in self.models:
            raise Refusal(400, f"puzzle={str(name)[:40]}: must be one of {', '.join(self.models)}")
        return self.models[name]


def _check_keys(asked: dict[str, Any], keys: set[str]) -> None:
    if unknown := sorted(asked.keys() - keys):
        raise Refusal(400, f"{unknown[0][:40]}: unknown key; there are {', '.join(sorted(keys))}")


def _whole(asked: dict[str, Any], key: str, otherwise: int, least: int, most: int) -> int:
    value = asked.get(key, otherwise)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Refusal(400, f"{key}={str(value)[:40]}: must be a whole number from {least} to {most}")
    return value


def _file(name: str, kind: str) -> Any:
    path = Path(__file__).parent / name

    async def answer(request: Request) -> Response:
        return FileResponse(path, media_type=kind)

    return answer


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return refused(error)


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail.lower()}, error.status_code, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    """A defect of ours: the traceback goes to the terminal, not to the client."""
    return JSONResponse({"error": "internal error; the server's terminal tells more"}, 500)
