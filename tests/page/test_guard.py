"""What of gradio's server is reachable."""

import asyncio

import pytest

from tfsent.page.guard import HEADERS, Guard

HOSTS = frozenset({"127.0.0.1", "localhost"})


def ask(method="GET", path="/", hosts=HOSTS, **headers):
    """Return status and headers of an answer; 200 comes from behind the guard."""

    async def inner(scope, receive, send):
        start = {"type": "http.response.start", "status": 200, "headers": []}
        start["headers"] = [(b"Referrer-Policy", b"unsafe-url"), (b"x-own", b"1")]
        await send(start)
        await send({"type": "http.response.body", "body": b"page"})

    sent = []

    async def send(message):
        sent.append(message)

    given = {"host": "127.0.0.1:7860"} | headers
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in given.items()
        ],
    }
    asyncio.run(Guard(inner, hosts, 1000)(scope, None, send))
    found = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], found


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/config"),
        ("GET", "/assets/index-aB3_x.js"),
        ("GET", "/gradio_api/queue/data"),
        ("POST", "/gradio_api/queue/join"),
    ],
)
def test_what_the_page_asks_for_passes(method, path):
    status, headers = ask(method, path)
    assert status == 200
    assert headers == HEADERS | {"x-own": "1"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/upload"),
        ("POST", "/upload"),
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/proxy=http://example.org"),
        ("GET", "/gradio_api/info"),
        ("GET", "/gradio_api/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/monitoring"),
        ("POST", "/gradio_api/vibe-edit"),
        ("POST", "/gradio_api/run/predict"),
        ("GET", "/gradio_api/runs"),
        ("GET", "/assets/../../secret"),
        ("PUT", "/"),
        ("OPTIONS", "/gradio_api/queue/join"),
    ],
)
def test_the_rest_of_the_server_is_not_there(method, path):
    status, headers = ask(method, path)
    assert status == 404
    assert headers == HEADERS


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost:1"}, 200),
        ({"host": "evil.example:7860"}, 421),
        ({"host": ""}, 421),
        ({"host": "[bad"}, 421),
        ({"origin": "http://127.0.0.1:7860"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"content_length": "1000"}, 200),
        ({"content_length": "1001"}, 413),
        ({"content_length": "-1"}, 411),
        ({"transfer_encoding": "chunked"}, 411),
    ],
)
def test_strangers_and_floods_are_refused(headers, status):
    assert ask("POST", "/gradio_api/queue/join", **headers)[0] == status


def test_any_name_may_call_a_server_that_listens_everywhere():
    assert ask(hosts=None, host="my-machine:7860")[0] == 200


def test_websocket_is_closed():
    sent = []

    async def send(message):
        sent.append(message)

    guard = Guard(None, HOSTS, 1000)
    asyncio.run(guard({"type": "websocket", "path": "/"}, None, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
