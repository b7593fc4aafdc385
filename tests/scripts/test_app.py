"""scripts/app.py: the page, served by a process and read by a browser."""

import importlib.util
import select
import shutil
import signal

import pytest

import tfsent
from tests.scripts.command import call, error_line, start
from tests.scripts.made_classifier import make_classifier
from tfsent.page import listen

needs_gradio = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None,
    reason="gradio is missing: requirements-dev.txt",
)
needs_browser = pytest.mark.skipif(
    importlib.util.find_spec("playwright") is None or not shutil.which("chromium"),
    reason="playwright (requirements-dev.txt) or Debian's chromium is missing",
)

HOSTILE = '<img src=x onerror="window.hacked=1"> ${7*7} {{7*7}}'
_WAIT_S = 300


@pytest.fixture(scope="module")
def classifier(ended, tmp_path_factory):
    """Folder of a classifier of the run that ended."""
    return make_classifier(tfsent.load(ended)).save(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def address(ended, classifier):
    """Where the page is served; afterwards Ctrl-C must have ended it cleanly."""
    process = start(
        "app",
        *("--model", ended, "--classifier", classifier, "--port", 0),
        *("--max-chars", 200),
    )
    try:
        assert select.select([process.stdout], [], [], _WAIT_S)[0]
        line = process.stdout.readline().strip()
        assert line.startswith("http://127.0.0.1:"), process.communicate()
        yield line
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=_WAIT_S)
        assert (process.returncode, rest, errors) == (130, "", "interrupted\n")
    finally:
        process.kill()


@pytest.fixture
def page(address):
    """The page in a browser, with everything that it asked for."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.set_default_timeout(_WAIT_S * 1000)
        page.asked, page.faults = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on(
            "response",
            lambda answer: (
                page.faults.append(f"{answer.status} {answer.url}")
                if answer.status >= 400
                else None
            ),
        )
        page.goto(address)
        page.wait_for_selector("#review textarea")
        yield page
        browser.close()


def painted(page, where="#painted"):
    page.wait_for_selector(f"{where} .tfsent-map .text i")
    return page.inner_text(f"{where} .tfsent-map .text")


@pytest.mark.slow
@needs_gradio
@needs_browser
def test_page_reads_while_a_person_types_and_writes_when_asked(page, address):
    page.click("#review textarea")
    page.keyboard.type("Loved it")
    page.wait_for_function(
        "document.querySelector('#painted .text')?.innerText === 'Loved it'"
    )
    first = page.inner_text("#said")
    assert "positive" in first
    assert "%" in first

    # Deleted and pasted, which no key press tells of.
    page.fill("#review textarea", HOSTILE)
    page.wait_for_function(
        "document.querySelector('#painted .text')?.innerText.startsWith('<img')"
    )
    assert painted(page) == HOSTILE
    assert page.inner_text("#said") != first
    assert page.locator("#painted img").count() == 0
    assert page.evaluate("window.hacked") is None

    page.click("#generate")
    assert painted(page, "#written").startswith("The film")
    assert len(painted(page, "#written")) > 20

    assert [url for url in page.asked if not url.startswith(address)] == []
    assert page.faults == []


@pytest.mark.slow
@needs_gradio
@needs_browser
def test_page_says_how_much_it_takes_and_takes_no_more(page, address):
    assert "Up to 200 characters" in page.inner_text("body")
    page.click("#review textarea")
    page.keyboard.insert_text("x" * 300)
    page.wait_for_function(
        "document.querySelector('#painted .text')?.innerText.length > 0"
    )
    assert painted(page) == "x" * 200


@pytest.mark.slow
@needs_gradio
@needs_browser
def test_page_has_no_door_but_its_own(page, address):
    statuses = page.evaluate(
        """paths => Promise.all(paths.map(async ([method, path]) =>
            (await fetch(path, {method})).status))""",
        [
            ["POST", "/gradio_api/upload"],
            ["GET", "/gradio_api/info"],
            ["GET", "/gradio_api/file=/etc/passwd"],
            ["GET", "/docs"],
        ],
    )
    assert statuses == [404] * 4
    assert page.locator("footer a, input[type=file]").count() == 0
    # What the page is told to leave alone, it does: an image from elsewhere.
    blocked = page.evaluate(
        """() => new Promise(tell => {
            document.addEventListener('securitypolicyviolation', e => tell(true));
            new Image().src = 'http://127.0.0.2:9/x.png';
            setTimeout(() => tell(false), 5000);
        })"""
    )
    assert blocked


@needs_gradio
def test_port_in_use_is_told_before_a_model_is_loaded(ended, capsys):
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        capsys.readouterr()
        assert call("app", "--model", "nowhere", "--port", port) == 1
    assert f"port {port} of 127.0.0.1" in error_line(capsys.readouterr())


@needs_gradio
@pytest.mark.parametrize(
    ("flags", "code", "word"),
    [
        ([], 1, "brings no classifier"),
        (["--classifier", "nowhere"], 1, "nowhere"),
        (["--port", "65536"], 2, "port is 65536"),
        (["--host", ""], 2, "host is empty"),
        (["--max-chars", "0"], 2, "max_chars is 0"),
        (["--max-length", "0"], 2, "max_length is 0"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_line(flags, code, word, ended, capsys):
    capsys.readouterr()
    assert call("app", "--port", 0, "--model", ended, *flags) == code
    captured = capsys.readouterr()
    assert word in error_line(captured)
    assert captured.out == ""
