"""Commands are started in turns, and one that fails is told."""

import sys

import pytest

from benchmarks import startup


def test_every_way_is_a_command_of_its_own_round(tmp_path):
    found = startup.ways(startup.StartupConfig(classifier="c"), tmp_path)
    assert "classify.py, one text" in found
    assert startup.ways(startup.StartupConfig(), tmp_path).keys() < found.keys()
    assert any("{}" in word for word in found["train.py, one step"])


def test_seconds_are_told_beside_the_yardstick(monkeypatch):
    slow = [sys.executable, "-c", "import time; time.sleep(0.3)"]
    fast = [sys.executable, "-c", "pass"]
    made = {"slow": slow, startup._YARDSTICK: fast}
    monkeypatch.setattr(startup, "ways", lambda *_: made)
    found = startup.measure(startup.StartupConfig(repeats=2))
    assert found["slow"]["seconds"]["low"] >= 0.3
    assert found[startup._YARDSTICK]["of_import"]["median"] == 1
    assert found["slow"]["of_import"]["low"] > 1
    shown = {"command": "c", "date": "d", "cpu": "x", "threads": 1, "ways": found}
    assert "| slow | 0." in startup.table(shown)


def test_a_command_that_fails_is_told(monkeypatch):
    command = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    monkeypatch.setattr(startup, "ways", lambda *_: {startup._YARDSTICK: command})
    with pytest.raises(ChildProcessError, match="code 1: no such thing"):
        startup.measure(startup.StartupConfig(repeats=1))
