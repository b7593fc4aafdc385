"""page: a browser shows one file without a fault, a request or a foreign script."""

import importlib.util
import re
import shutil
from pathlib import Path

import pytest

from compare.report import page, write_report
from tests.compare.report.sample import HOSTILE, sample

needs_browser = pytest.mark.skipif(
    importlib.util.find_spec("playwright") is None or not shutil.which("chromium"),
    reason="playwright (requirements-dev.txt) or Debian's chromium is missing",
)
SPEED = "#part-4 ~ .wide table"


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(folder, sample())
    return (folder / "report.html").as_uri()


@pytest.fixture
def shown(browser, address):
    """The report in a browser, with everything that it asked for and complained of."""
    shown = browser.new_page()
    shown.asked, shown.faults = [], []
    shown.on("request", lambda request: shown.asked.append(request.url))
    shown.on("console", lambda message: shown.faults.append(message.text))
    shown.on("pageerror", lambda error: shown.faults.append(str(error)))
    shown.goto(address)
    yield shown
    assert shown.asked == [address]
    assert shown.faults == []
    shown.close()


def text_of(address):
    return Path(address.removeprefix("file://")).read_text(encoding="utf-8")


def column(shown, number):
    cells = shown.locator(f"{SPEED} tbody td:nth-child({number})")
    return [text.split("\n")[0] for text in cells.all_inner_texts()]


def state(shown, number):
    head = shown.locator(f"{SPEED} th:nth-child({number})")
    return head.get_attribute("aria-sort")


RATES = ["8,290", "9,100", "9,190", "11,200", "31,500", "41,300"]


@needs_browser
def test_a_table_sorts_by_a_click_numbers_as_numbers_and_empty_last(shown):
    assert state(shown, 4) == "none"
    shown.click(f"{SPEED} th:nth-child(4)")
    assert column(shown, 4) == [*RATES, "", "", "", ""]
    assert (state(shown, 4), state(shown, 2)) == ("ascending", "none")
    shown.click(f"{SPEED} th:nth-child(4)")
    assert column(shown, 4) == [*RATES[::-1], "", "", "", ""]
    shown.click(f"{SPEED} th:nth-child(2)")
    assert (state(shown, 4), state(shown, 2)) == ("none", "ascending")
    assert column(shown, 2)[-1] == ""


@needs_browser
def test_a_table_sorts_by_the_keyboard(shown):
    shown.focus(f"{SPEED} th:nth-child(3) button")
    shown.keyboard.press("Tab")
    shown.keyboard.press("Enter")
    assert column(shown, 4) == [*RATES, "", "", "", ""]
    assert state(shown, 4) == "ascending"
    shown.keyboard.press("Space")
    assert state(shown, 4) == "descending"


@needs_browser
def test_what_a_runner_wrote_is_folded_and_is_text(shown):
    fold = shown.locator("details", has_text="Standard error of").first
    assert HOSTILE in fold.locator("summary").inner_text()
    assert not fold.locator("pre").is_visible()
    fold.locator("summary").click()
    assert "<img src=x onerror=alert(1)>" in fold.locator("pre").inner_text()
    assert "</pre>" in fold.locator("pre").inner_text()
    assert shown.locator("img").count() == 0
    assert shown.locator("script").count() == 1


@needs_browser
@pytest.mark.parametrize("width", [320, 375, 700, 1280])
def test_the_page_never_scrolls_sideways(shown, width):
    shown.set_viewport_size({"width": width, "height": 800})
    shown.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert shown.evaluate("document.documentElement.scrollWidth") <= width


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_can_be_read(shown, scheme):
    shown.emulate_media(color_scheme=scheme)
    ink, paper = shown.evaluate(
        """() => ['color', 'backgroundColor'].map(
            key => getComputedStyle(document.body)[key].match(/\\d+/g).map(Number))"""
    )
    assert (sum(ink) > sum(paper)) == (scheme == "dark")
    assert abs(sum(ink) - sum(paper)) > 500
    letters = shown.evaluate(
        "getComputedStyle(document.querySelector('svg text')).fill.match(/\\d+/g)"
    )
    assert [int(each) for each in letters] == ink


@needs_browser
def test_the_policy_stops_a_script_that_is_not_its_own(browser, address, tmp_path):
    path = tmp_path / "planted.html"
    text = text_of(address)
    planted = "<script>window.hacked = 1</script><p onclick='window.hacked = 1'>x</p>"
    path.write_text(text.replace("</main>", f"{planted}</main>"))
    shown = browser.new_page()
    shown.goto(path.as_uri())
    shown.click("p[onclick]")
    assert shown.evaluate("window.hacked") is None
    assert shown.locator("th button").count() > 0
    shown.close()


def test_a_hostile_name_is_escaped(address):
    text = text_of(address)
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<img" not in text


def test_nothing_but_hashes_is_allowed_and_nothing_else_is_needed(address):
    text = text_of(address)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert re.findall(r"\sstyle=|\son[a-z]+=\"|(?<![a-z])src=\"", text) == []
    found = {*re.findall(r"https?://[^\"' <]*", text)}
    assert found == {"http://www.w3.org/2000/svg"}


def test_every_figure_of_a_table_carries_what_it_sorts_by(address):
    assert re.search(r'data-value="11200(\.0)?">11,200 <small>', text_of(address))


def test_many_outputs_share_one_fold():
    found = sample() | {"parity": None, "quality": None}
    for timing in found["speed"][0]["runners"].values():
        timing["stderr"] = "warning"
    assert "<summary>5 outputs</summary>" in page(found)
