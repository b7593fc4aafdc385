"""results: what is sound, and one line that names the place of what is not."""

import errno
import json
import math
import os
from pathlib import Path

import pytest

from compare.report import (
    check_results,
    markdown,
    read_results,
    results,
    write_results,
)
from tests.compare.report.sample import interval, sample, with_study


def objects_of(schema):
    """Yield every part of a schema that describes an object."""
    if isinstance(schema, dict):
        if "properties" in schema and "required" in schema:
            yield schema
        for each in schema.values():
            yield from objects_of(each)


def test_a_sound_object_is_read_as_it_was_written(tmp_path):
    write_results(tmp_path / "results.json", with_study())
    assert read_results(tmp_path / "results.json") == with_study()


def test_what_was_not_measured_may_be_null():
    found = sample() | {"parity": None, "quality": None, "speed": [], "notes": []}
    check_results(found)


def test_a_single_seed_has_no_interval():
    found = sample()
    found["quality"]["comparisons"][0] |= {"interval": None, "p": None}
    check_results(found)
    assert "no more than noise" in markdown(found)


def test_the_schema_describes_every_field_and_asks_for_it():
    parts = list(objects_of(results.SCHEMA))
    assert len(parts) > 10
    for part in parts:
        assert part["additionalProperties"] is False
        assert sorted(part["required"]) == sorted(part["properties"])
        for name, field in part["properties"].items():
            assert field["description"].endswith("."), name


def place(found, path):
    """Return the last part of a path but one, and the last."""
    *parts, last = path
    for part in parts:
        found = found[part]
    return found, last


TIMING = ("speed", 0, "runners", "torch")
GONE = object()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("speed", 0, "runners"), [], ["results.speed[0].runners is []", "object"]),
        ((*TIMING, "seconds"), None, ["runners.torch.seconds is None", "object"]),
        ((*TIMING, "seconds", "low"), 9.0, ["torch.seconds: low is 9.0, above"]),
        ((*TIMING, "first_s", "n"), 0, ["first_s.n is 0", "minimum"]),
        ((*TIMING, "first_s", "n"), True, ["first_s.n is True", "integer"]),
        ((*TIMING, "first_s", "n"), GONE, ["torch.first_s", "lacks n"]),
        ((*TIMING, "first_s"), {"n": 1}, ["torch.first_s lacks median, low, high."]),
        ((*TIMING, "gap"), {}, ["torch.gap lacks value, tolerance, what."]),
        (("quality",), [[0] * 99] * 99, ["results.quality is a list", "or null."]),
        ((*TIMING, "status"), "fine", ["torch.status is 'fine'", '"invalid"']),
        ((*TIMING, "color"), "red", ["runners.torch", "unknown field 'color'"]),
        ((*TIMING, "gap", "value"), math.nan, ["torch.gap.value is nan"]),
        ((*TIMING, "turns", 0, 0, "seconds"), math.inf, ["seconds is inf"]),
        (("format_version",), True, ["results.format_version is True"]),
        (("settings", "x"), -math.inf, ["results.settings.x is -inf"]),
        (("speed", 0, "runners", "addons", "reason"), None, ["addons.reason is None"]),
        (("speed", 1, "reference"), "nobody", ["speed[1]", "'nobody'"]),
        (("speed", 1, "cell", "task"), "sing", ["speed[1].cell.task is 'sing'"]),
        (("runners", "keras-jax"), GONE, ["speed[0]", "'keras-jax'", "not in runners"]),
        (("parity", "passed"), False, ["parity.passed is False"]),
        (("parity", "steps", "logits", 3), "x", ["parity.steps.logits[3] is 'x'"]),
        (
            ("quality", "comparisons", 0, "interval"),
            [2, 1],
            ["low is 2, above high, 1"],
        ),
        (
            ("quality", "runs", 0, "transfer", "imdb", "accuracy"),
            81,
            ["accuracy is 81"],
        ),
        (
            ("quality", "runs", 0, "transfer", "yelp"),
            {},
            ["transfer.yelp lacks"],
        ),
        (
            ("study", "comparisons", 0, "interval"),
            [2, 1],
            ["low is 2, above high, 1"],
        ),
        (("study", "networks", 0, "systems", "torch", "epoch_s"), None, ["epoch_s is"]),
        (("study", "networks", 0, "speed", 0, "train", "low"), 99.0, ["low is 99.0"]),
        (("provenance", "memory_bytes"), GONE, ["provenance", "lacks memory_bytes"]),
    ],
)
def test_a_planted_fault_is_named_in_one_line(path, value, words):
    found = with_study()
    there, last = place(found, path)
    if value is GONE:
        del there[last]
    else:
        there[last] = value
    with pytest.raises(ValueError, match="results") as caught:
        check_results(found)
    line = str(caught.value)
    assert [word for word in words if word not in line] == []
    assert len(line.splitlines()) == 1
    assert len(line) < 300


def test_two_cells_of_one_key_are_refused():
    found = sample()
    found["speed"].append(found["speed"][0])
    with pytest.raises(ValueError, match=r"speed\[6\].cell.key: there are two cells"):
        check_results(found)


def test_settings_are_free_even_where_they_look_like_an_interval():
    found = sample()
    found["settings"] = {"x": interval(1.0) | {"low": 5}, "interval": [3, 2, 1]}
    found["quality"]["model"] = {"interval": 7}
    check_results(found)


def test_a_file_of_version_1_is_read_as_one_without_a_study(tmp_path):
    path = tmp_path / "old.json"
    old = sample() | {"format_version": 1}
    del old["study"]
    path.write_text(json.dumps(old))
    assert read_results(path) == sample() | {"study": None}
    for report in (Path(__file__).parents[3] / "docs/reports").glob("*/results.json"):
        read_results(report)


@pytest.mark.parametrize("version", [0, 3])
def test_another_version_is_refused_with_both_named(tmp_path, version):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(sample() | {"format_version": version}))
    age = "older" if version < 2 else "newer"
    with pytest.raises(
        ValueError, match=rf"old.json: format_version is {version}, .* {age} .* 2\."
    ):
        read_results(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no sound JSON"),
        ("[1, 2]", "no JSON object"),
        ('{"format": NaN}', "NaN"),
        ('{"format": "tfsent-certificate"}', "'tfsent-certificate', not 'tfsent-comp"),
        ("{}", "None, not 'tfsent-comparison'"),
        ('{"format": "tfsent-comparison", "format_version": true}', "lacks"),
        ('{"format": "tfsent-comparison", "format_version": 1}', "lacks provenance"),
    ],
)
def test_what_is_no_results_file_is_refused_with_its_path(tmp_path, text, words):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="x.json: ") as caught:
        read_results(path)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_unsound_results_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="is nan"):
        write_results(tmp_path / "x.json", sample() | {"settings": [math.nan]})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_names_the_file_and_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    path.write_text("old")

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_results(path, sample())
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
