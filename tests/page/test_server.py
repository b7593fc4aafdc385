import importlib.util

import pytest

from tfsent.page.server import address_of, listen

needs_gradio = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None,
    reason="gradio is missing: requirements-dev.txt",
)


@needs_gradio
def test_port_in_use_is_refused_in_one_line():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert address_of(first) == f"http://127.0.0.1:{port}/"
        with pytest.raises(ValueError, match=f"port {port} of 127.0.0.1: .*in use;"):
            listen("127.0.0.1", port)


@needs_gradio
def test_address_of_another_machine_is_refused():
    with pytest.raises(ValueError, match=r"port 0 of 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_missing_gradio_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install -r requirements-dev.txt"):
        listen("127.0.0.1", 0)
