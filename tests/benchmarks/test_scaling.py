"""benchmarks.scaling as a user calls it; measuring is replaced where it is slow."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import scaling, scaling_check
from benchmarks.scaling_model import Link, ring_seconds
from benchmarks.throttled_link import LinkRefusedError, Setting

ROOT = Path(__file__).parents[2]
WIRE = Link(latency_s=0.001, bytes_per_s=1e6)
NUM_BYTES = 3_000_000


def exchanged(link):
    """What processes would tell of an ideal link."""
    sizes = [4, 1_000_000, NUM_BYTES]
    parts = [*scaling_check.buckets(NUM_BYTES), 4]
    together_s = 2.0 + sum(ring_seconds(part, 2, link) for part in parts)
    return {
        "gradient_bytes": NUM_BYTES,
        "alone_s": [1.0, 2.0, 9.0],
        "together_s": [together_s] * 3,
        "sums_s": {str(size): [ring_seconds(size, 2, link)] * 3 for size in sizes},
    }


@pytest.fixture
def measured(monkeypatch):
    """The settings that were measured, in order, on a link that keeps to them."""
    settings = []

    class Ends:
        def __init__(self, setting):
            settings.append(setting)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def command(self, end):
            return [f"at {end}"]

    def run_processes(prefixes, address, device, port, flags):
        assert prefixes == [["at 0"], ["at 1"]]
        first, here = settings[0], settings[-1]
        link = scaling_check.carried_over(WIRE, first, here)
        return exchanged(link)

    monkeypatch.setattr(scaling_check, "throttled_link", Ends)
    monkeypatch.setattr(scaling_check, "_measured", run_processes)
    return settings


def test_an_ideal_link_is_predicted_at_every_setting(measured, capsys):
    scaling.main(["--links", "8x0,2x50,16x1.5", "--json"])
    check = json.loads(capsys.readouterr().out)["check"]
    assert measured == [Setting(8e6), Setting(2e6, 0.05), Setting(16e6, 0.0015)]
    assert check["latency_s"] == pytest.approx(WIRE.latency_s)
    assert check["bytes_per_s"] == pytest.approx(WIRE.bytes_per_s)
    for one in check["settings"]:
        assert abs(one["error"]) < 1e-6
        assert abs(one["sum_error"]) < 1e-6
        assert one["alone_s"] == {"median": 2.0, "low": 1.0, "high": 9.0}


def test_a_link_changes_by_what_its_setting_says():
    first, slow = Setting(4e6, 0.5), Setting(1e6, 0.75)
    assert scaling_check.carried_over(Link(2.0, 1e3), first, slow) == Link(2.25, 250.0)
    assert scaling_check.carried_over(WIRE, first, first) == WIRE


def test_an_error_is_of_the_prediction(measured):
    found = scaling_check.figures(
        Setting(8e6), exchanged(WIRE), WIRE._replace(bytes_per_s=2e6)
    )
    assert found["sum_error"] == pytest.approx(-0.5, abs=0.01)
    assert found["predicted_s"] < found["together_s"]["median"]
    assert found["error"] < 0


def test_where_no_link_is_given_loopback_is_fitted_and_says_so(monkeypatch, capsys):
    def refuse(setting):
        raise LinkRefusedError("tc: no such thing")

    def run_processes(prefixes, address, device, port, flags):
        assert (prefixes, address, device) == ([[], []], "127.0.0.1", "lo")
        return exchanged(WIRE)

    monkeypatch.setattr(scaling_check, "throttled_link", refuse)
    monkeypatch.setattr(scaling_check, "_measured", run_processes)
    scaling.main([])
    told = capsys.readouterr().out
    assert "loopback, nothing predicted" in told
    assert "tc: no such thing" in told
    assert "| not held |" in told


def test_messages_of_gradients_add_up():
    for size in (1, 2**20, 2**20 + 1, 200 * 2**20 + 7):
        parts = scaling_check.buckets(size)
        assert sum(parts) == size
        assert min(parts) > 0
    assert len(scaling_check.buckets(200 * 2**20)) == 1 + math.ceil(199 / 25)


def test_json_and_table_hold_all_three_parts(measured, capsys, tmp_path):
    out = tmp_path / "result.json"
    scaling.main(["--links", "8x0", "--out", str(out)])
    told = capsys.readouterr().out
    result = json.loads(out.read_text())
    assert {"command", "versions", "check", "assumed", "predictions"} <= result.keys()
    for row in result["predictions"]:
        assert f"| {row['hidden_size']} | {row['network']} | {row['way']} |" in told
    for row in result["published"]:
        assert row["what"] in told


def test_skip_check_measures_nothing(measured, capsys):
    scaling.main(["--skip-check", "--json", "--precision", "float32"])
    result = json.loads(capsys.readouterr().out)
    assert measured == []
    assert result["check"] is None
    assert result["assumed"]["device"]["flops_per_s"] == 15.7e12


def test_flags_reach_the_predictions(measured, capsys):
    flags = "--skip-check --json --lanes 64 --compute-s 3 12".split()
    scaling.main(flags)
    rows = json.loads(capsys.readouterr().out)["predictions"]
    entry = rows[0]["replicas"][0]
    assert (entry["compute_s"], entry["lanes"]) == (3.0, 8 * 64)


@pytest.mark.parametrize(
    "flags",
    [
        ["--links", "200"],
        ["--links", "0x1"],
        ["--links", "200x0,"],
        ["--lanes", "0"],
        ["--utilisation", "0"],
        ["--overlap", "1.5"],
        ["--compute-s", "0", "1"],
    ],
)
def test_a_setting_that_cannot_work_is_named(measured, flags, capsys):
    with pytest.raises(SystemExit) as left:
        scaling.main(flags)
    assert left.value.code == 2
    told = capsys.readouterr().err
    assert "will do" in told
    assert flags[0].removeprefix("--").replace("-", "_") in told


def test_a_process_that_fails_is_told_and_ends_the_one_that_waits_for_it():
    prefixes = [["sh", "-c", "echo broken >&2; exit 3"], ["sh", "-c", "exec sleep 99"]]
    with pytest.raises(ChildProcessError, match="broken"):
        scaling_check._measured(prefixes, "127.0.0.1", "lo", 1, [])


@pytest.mark.slow
def test_a_quick_run_measures_two_processes():
    command = [sys.executable, "-m", "benchmarks.scaling", "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check = json.loads(done.stdout)["check"]
    for one in check["settings"]:
        assert len(one["measured"]["together_s"]) == 2
        assert one["predicted_s"] > one["alone_s"]["median"]
