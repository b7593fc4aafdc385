"""A preparation is measured, killed, and held against the unbroken one."""

import json

import pytest

from benchmarks import prepare_memory

# Less would be done before it can be killed: a fast machine reads 3 MB in 30 ms.
SMALL = ["--gigabytes", "0.03", "--workers", "1", "--shard-bytes", "200000"]


def test_a_killed_preparation_is_measured_and_nothing_is_left(tmp_path, capsys):
    prepare_memory.main([*SMALL, "--kills", "1", "--folder", str(tmp_path), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert list(tmp_path.iterdir()) == []
    assert 3e7 <= result["source_bytes"] < 3.01e7
    assert result["settings"]["workers"] == 1
    for found in (result, result["killed"]):
        assert found["peak_resident_bytes"] > 1e7
        assert found["own_peak_resident_bytes"] > 1e7
    assert (result["kills"], result["killed"]["kills"]) == (0, 1)


def test_a_preparation_that_fails_does_not_count_as_killed(tmp_path, monkeypatch):
    script = tmp_path / "prepare.py"
    script.write_text("import sys; sys.exit('error: no')")
    monkeypatch.setattr(prepare_memory, "_SCRIPT", script)
    source = tmp_path / "text"
    source.write_text("text")
    splits = {"train": {"bytes": 100}}
    config = prepare_memory.MemoryConfig(kills=1)
    with pytest.raises(ChildProcessError, match=r"prepare.py failed .*: error: no"):
        prepare_memory.measure(source, tmp_path / "out", config, splits)


@pytest.mark.parametrize(("name", "value"), [("gigabytes", 0), ("workers", 0)])
def test_nothing_to_do_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is 0"):
        prepare_memory.MemoryConfig(**{name: value})
