"""A server of the page in a thread, and a plain client."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import uvicorn

import puzzles
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.serve.app import create_app
from hrm_net.serve.command import listen, load
from hrm_net.serve.limits import Limits
from hrm_net.serve.served import Served

GENEROUS = Limits(burst=10_000, per_second=10_000.0)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """`body`: bytes as they are, anything else as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            kind = {} if body is None else {"content-type": "application/json"}
            sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, sent, kind | (headers or {}))
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        finally:
            connection.close()

    def post(self, path: str, **body: Any) -> Answer:
        return self("POST", path, body)

    def refused(self, status: int, path: str, body: Any) -> str:
        answer = self("POST", path, body)
        assert answer.status == status, answer.body
        assert set(answer.json) == {"error"}
        assert "\n" not in answer.json["error"]
        return answer.json["error"]


@contextmanager
def serving(models: list[Served], limits: Limits = GENEROUS, **options: Any) -> Iterator[Client]:
    app = create_app(models, limits=limits, **options)
    with listen("127.0.0.1", 0) as listening:
        config = uvicorn.Config(app, log_level="critical", access_log=False, ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield Client(listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive()


def shipped() -> Served:
    (served,) = load([], "cpu", "fp32")
    return served


def untrained_maze(rows: int = 9, columns: int = 9) -> Served:
    """A model that knows nothing: its answers are broken all over, which a page must be able to show too."""
    return untrained(puzzles.get("maze", rows=rows, columns=columns))


def untrained(puzzle: puzzles.Puzzle) -> Served:
    """A served model of any domain that has learned nothing."""
    config = HRMConfig(
        vocab_size=puzzle.vocab_size, seq_len=puzzle.seq_len, hidden_size=32, num_heads=2, mlp_multiple=16, h_layers=1,
        l_layers=1, halting="halt_only",
    )  # fmt: skip
    model = HRM(config, torch.Generator().manual_seed(0)).eval()
    return Served(puzzle=puzzle, model=model, origin="untrained")
