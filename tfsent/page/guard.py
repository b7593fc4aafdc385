"""What of a gradio server is reachable, by whom, and what its page may load.

gradio serves far more than a page needs: uploads, a file reader, a proxy, a
description of its functions, editors. Here a request passes only if the page makes
it, and the browser is told to load nothing from anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_ALLOWED = {
    "GET": re.compile(
        r"/|/config/?|/theme\.css|/gradio_api/theme\.css|/favicon\.ico"
        r"|/manifest\.json|/(assets|static|svelte)/[\w./@%+-]+"
        r"|/gradio_api/(startup-events|app_id|queue/data|heartbeat/\w+)/?"
    ),
    "HEAD": re.compile(r"/"),
    "POST": re.compile(r"/gradio_api/(queue/join|reset|cancel)/?"),
}
"""Paths that the page asks for with gradio 6.31, by method."""

HEADERS = {
    # Scripts of the page stand in it, so they must be let in; what texts could do
    # with that, escaping prevents.
    "content-security-policy": "default-src 'self'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Sent with every answer."""


class Guard:
    """Lets through to an ASGI application what its page needs.

    Args:
        app: The application.
        hosts: Names that a request may call this server; None for any. A page from
            elsewhere whose own name leads here is told apart by it.
        max_body_bytes: Longest body of a request.
    """

    def __init__(self, app: App, hosts: frozenset[str] | None, max_body_bytes: int):
        self._app = app
        self._hosts = hosts
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # A websocket, which the page does not open.
            await send({"type": "websocket.close", "code": 1008})
            return
        status = self.refusal(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                kept = [
                    (k, v)
                    for k, v in message.get("headers", [])
                    if k.lower().decode("latin-1") not in HEADERS
                ]
                message = {**message, "headers": [*kept, *own]}
            await send(message)

        if status is None:
            await self._app(scope, receive, with_headers)
            return
        start = {"type": "http.response.start", "status": status, "headers": []}
        await with_headers(start)
        await send({"type": "http.response.body", "body": b""})

    def refusal(self, scope: Mapping[str, Any]) -> int | None:
        """Return the status that refuses a request, or None if it may pass."""
        headers = {
            key.lower().decode("latin-1"): value.decode("latin-1")
            for key, value in scope["headers"]
        }
        host = headers.get("host", "")
        if self._hosts is not None and name_of(host) not in self._hosts:
            return 421
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return 403
        allowed = _ALLOWED.get(scope["method"])
        path = scope["path"]
        if allowed is None or ".." in path or not allowed.fullmatch(path):
            return 404
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdecimal():
            return 411
        return 413 if int(length) > self._max_body_bytes else None


def name_of(host: str) -> str:
    """Return a host without its port.

    Example:
        >>> name_of("localhost:7860"), name_of("[::1]:7860")
        ('localhost', '::1')
    """
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
