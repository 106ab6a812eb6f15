"""What every request passes first: a check of the host name and of the rate; and the headers of every answer."""

import ipaddress
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hrm_net.serve.limits import Limits, TokenBuckets, whole_seconds
from hrm_net.serve.refusal import Refusal

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def refused(refusal: Refusal) -> JSONResponse:
    """The answer to a request that is refused: one object, one line."""
    later = {} if refusal.retry_after is None else {"retry-after": str(refusal.retry_after)}
    return JSONResponse({"error": refusal.reason}, refusal.status, later)


def is_our_name(host: str, names: Collection[str]) -> bool:
    """Whether a Host header names this server: an address, localhost, or one of `names`.

    A page of another site that has its own name point here (DNS rebinding) sends that name, never a bare address.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, limits: Limits, names: Collection[str] = ()) -> None:
        self.app, self.names = app, {name.lower() for name in names}
        self.buckets = TokenBuckets(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            self._admit(scope)
        except Refusal as refusal:
            await refused(refusal)(scope, receive, send_with_headers)
        else:
            await self.app(scope, receive, send_with_headers)

    def _admit(self, scope: Scope) -> None:
        host = Headers(scope=scope).get("host", "")
        if not is_our_name(host, self.names):
            raise Refusal(421, f"host={host[:80]}: this server goes by its address or localhost; see --name")
        client = scope["client"][0] if scope.get("client") else ""
        wait = self.buckets.take(client, time.monotonic())
        if wait:
            raise Refusal(429, f"too many requests; try again in {wait:.1f} seconds", whole_seconds(wait))
