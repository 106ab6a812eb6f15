"""Bounds on what a client may ask for: bytes, requests per second, a place in the queue, seconds."""

import asyncio
import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request

from hrm_net.serve.refusal import Refusal

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds of everything a request can cost."""

    # Bytes of a request's body: a maze of 100x100 fits.
    body_bytes: int = 16_384
    # Seconds in which the body must have come.
    body_seconds: float = 10.0
    # Requests of one client that may come at once, and a second in the long run.
    burst: int = 40
    per_second: float = 8.0
    # Clients whose requests are counted; beyond them, those silent for longest are forgotten.
    clients: int = 1_000
    # Requests that may wait for a model besides the one that it works on.
    waiting: int = 4
    # Seconds to wait for an answer, the queue included.
    seconds: float = 60.0
    # Segments that one request may ask for.
    max_segments: int = 64


class TokenBuckets:
    """A token bucket for each client: `burst` requests at once, refilled by `per_second`."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.buckets: dict[str, tuple[float, float]] = {}  # tokens left, and when that was so; longest silent first

    def take(self, client: str, now: float) -> float:
        """0 where the request may pass, else the seconds until one may. `now`: seconds of a steady clock."""
        burst = float(self.limits.burst)
        tokens, since = self.buckets.pop(client, (burst, now))
        tokens = min(burst, tokens + max(0.0, now - since) * self.limits.per_second)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self.limits.per_second
        self.buckets[client] = (tokens - 1 if tokens >= 1 else tokens, now)
        while len(self.buckets) > self.limits.clients:
            del self.buckets[next(iter(self.buckets))]
        return wait


class Turns:
    """One thread that works on one request at a time, and a short queue before it."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"hrm-serve-{name}")
        self.under_way = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """What `work` returns; Refusal 503 where the queue is full, or the answer late.

        Work that is late goes on, since nothing can end a thread, and keeps its place until it is done.
        """
        if self.under_way > self.limits.waiting:
            raise Refusal(503, f"{self.name}: {self.under_way} requests are waiting already; try again", retry_after=1)
        self.under_way += 1
        future = asyncio.wrap_future(self.worker.submit(work))
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self.limits.seconds)
        except TimeoutError:
            if future.done():
                raise  # the work's own
            raise Refusal(
                503, f"{self.name}: no answer within {self.limits.seconds:g} seconds", retry_after=5
            ) from None

    def _done(self, future: asyncio.Future[Any]) -> None:
        self.under_way -= 1
        if not future.cancelled():
            future.exception()  # seen, also where nobody waits for it any more

    def close(self) -> None:
        self.worker.shutdown(wait=False, cancel_futures=True)


async def read_object(request: Request, limits: Limits) -> dict[str, Any]:
    """The JSON object in the body; Refusal where it is not one, too large or too slow.

    Only application/json is taken: a page of another site cannot send that without asking, and is never allowed.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, f"content-type={kind or 'none'}: must be application/json")
    try:
        body = await asyncio.wait_for(_read(request, limits.body_bytes), limits.body_seconds)
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {limits.body_seconds:g} seconds") from None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON") from None
    if not isinstance(found, dict):
        raise Refusal(400, "the body must be a JSON object")
    return found


async def _read(request: Request, most: int) -> bytes:
    told = request.headers.get("content-length", "0")
    too_large = Refusal(413, f"the body has more than {most} bytes")
    if not told.isdecimal() or int(told) > most:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise too_large
    return bytes(body)


def whole_seconds(wait: float) -> int:
    """The value of a Retry-After header."""
    return max(1, math.ceil(wait))
