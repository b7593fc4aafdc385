"""A page -> a web server that this machine alone can reach, unless told otherwise."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
from typing import Any

from tfsent.page.blocks import CSS, make_page, theme
from tfsent.page.guard import Guard
from tfsent.page.reading import Reader

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

_WAITING = 32
"""Most requests that wait for the model; one more is told to come again."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; its port is another one only if `port` is 0.

    Raises:
        ValueError: If gradio is missing, or the address cannot be had.
    """
    if importlib.util.find_spec("gradio") is None:
        raise ValueError(
            "the page needs gradio; pip install -r requirements-dev.txt will do."
        )
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family)
    except OSError as error:
        # What Python adds in brackets says the address once more.
        reason = str(error.strerror or error).partition(" (")[0]
        raise ValueError(
            f"port {port} of {host}: {reason}; another --port, or 0 for any that is "
            "free, will do."
        ) from error


def address_of(listener: socket.socket) -> str:
    """Return the address to type into a browser."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(listener: socket.socket, reader: Reader, name: str, host: str) -> None:
    """Serve the page until a signal ends it.

    Args:
        listener: See `listen`.
        reader: What is behind the page.
        name: Of the model; shown.
        host: As the user gave it; the page answers to that name.
    """
    import uvicorn

    config = uvicorn.Config(
        application(reader, name, _hosts(listener, host)),
        log_level="critical",
        access_log=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listener])


def application(reader: Reader, name: str, hosts: frozenset[str] | None) -> Guard:
    """Return the page as an ASGI application that nothing but its own page uses."""
    # Read by gradio when it is imported: it would tell its makers of every start.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio as gr
    from fastapi import FastAPI

    page = make_page(reader, name).queue(max_size=_WAITING)
    bare: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    app = gr.mount_gradio_app(
        FastAPI(**bare),
        page,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=True,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        max_file_size=1,
        app_kwargs=bare,
        theme=theme(),
        css=CSS,
    )
    # A character is at most 12 bytes of JSON; the rest is the page's own.
    return Guard(app, hosts, max_body_bytes=2**16 + 12 * reader.max_chars)


def _hosts(listener: socket.socket, host: str) -> frozenset[str] | None:
    bound = ipaddress.ip_address(listener.getsockname()[0])
    if bound.is_unspecified:  # Any name may lead here.
        return None
    return _LOCAL_NAMES | {host.lower(), str(bound)}
