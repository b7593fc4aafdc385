"""Slopes are those of the points; a growth is measured in processes of its own."""

import json

import pytest

from benchmarks import growth
from benchmarks.growth import Growth, Point


def law(time, memory):
    """Return a growth that follows power laws beyond a process of 1000 bytes."""

    def measure(size):
        return Point(size, 2.0 * size**time, 1000 + 3.0 * size**memory)

    return Growth("a law", "size", 0, (1, 2, 4, 8), (1, 2), measure)


def test_slopes_are_the_exponents_of_what_was_measured():
    one = law(1.5, 2)
    found = growth.figures(
        one, Point(0, 0.0, 1000), [one.measure(s) for s in one.sizes]
    )
    assert found["slopes"]["time"] == pytest.approx(1.5)
    assert found["slopes"]["memory"] == pytest.approx(2)
    assert found["expected"] == {"time": 1, "memory": 2}


def test_memory_that_does_not_grow_has_no_slope():
    points = [Point(1, 1.0, 900), Point(2, 2.0, 1100)]
    found = growth.figures(law(1, 1), Point(0, 0.0, 1000), points)
    assert found["slopes"]["memory"] is None
    result = {"command": "c", "date": "d", "cpu": "x", "threads": 1}
    assert "| none | 2 |" in growth.table(result | {"growths": {"a": found}})
    assert growth.picture({"a": found}).startswith(b"\x89PNG")


@pytest.mark.slow
def test_texts_and_corpus_are_measured(capsys, tmp_path):
    picture = tmp_path / "growth.png"
    flags = ["--only", "texts", "corpus", "--quick", "--json"]
    growth.main([*flags, "--picture", str(picture)])
    found = json.loads(capsys.readouterr().out)["growths"]
    assert list(found) == ["texts", "corpus"]
    for each in found.values():
        assert 0.5 < each["slopes"]["time"] < 1.5
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_an_unknown_axis_is_refused():
    with pytest.raises(ValueError, match="only has 'depth'"):
        growth.GrowthConfig(only=("depth",))
