"""The rates of reading are taken, whatever they are."""

import json

import numpy as np
import pytest

from benchmarks import read_rate
from tfsent.data import ByteShards

SMALL = ["--megabytes", "0.2", "--turn-megabytes", "0.05", "--repeats", "2"]


def test_every_way_has_a_rate_and_nothing_is_left(tmp_path, capsys):
    read_rate.main([*SMALL, "--folder", str(tmp_path), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert list(tmp_path.iterdir()) == []
    assert set(result["texts"]) == {"samples of 100 bytes", "samples of 1300 bytes"}
    for found in result["texts"].values():
        assert found["num_bytes"] >= 0.2e6
        assert len(found["mb_per_s"]) == 5
        for rate in found["mb_per_s"].values():
            assert 0 < rate["low"] <= rate["median"] <= rate["high"]


def test_rates_are_told_in_lines(tmp_path, capsys):
    read_rate.main([*SMALL, "--folder", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert sum("MB/s" in line for line in lines) == 10


def test_text_is_as_large_as_asked_with_samples_of_that_length(tmp_path):
    config = read_rate.ReadRateConfig(megabytes=0.3, shard_bytes=2**16)
    read_rate.write_samples(tmp_path / "text", 100, config)
    shards = ByteShards(tmp_path / "text")
    assert 0.3e6 <= shards.num_bytes < 0.3e6 + 150
    lengths = np.diff(np.asarray(shards.sample_bounds()))
    assert lengths.min() == 50
    assert lengths.max() == 150
    assert len(shards.index["shards"]) == 5


def test_nothing_to_read_is_refused():
    with pytest.raises(ValueError, match="megabytes is 0"):
        read_rate.ReadRateConfig(megabytes=0)
