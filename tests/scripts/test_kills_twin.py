"""The twin killed, stopped, and carried out by two processes.

However it is interrupted, a run ends as if nobody had touched it.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.scripts.command import ROOT, TINY, call, start
from tests.scripts.twin_runs import (
    assert_same_end,
    largest_difference,
    points,
    result_of,
)
from tests.tolerances import TWO_PROCESSES_F32
from tfsent.checkpoint import RunLock

LIMIT_S = 300
LONG = [
    *TINY,
    *"--training.steps 240 --training.eval-interval 100".split(),
    *"--checkpoint.interval 20 --checkpoint.keep 2 --log.no-tensorboard".split(),
]


@pytest.fixture(scope="module")
def whole(text, tmp_path_factory):
    """Run folder of a short run by one process."""
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    assert call("train_twin", "--data.source", text, "--out", run_dir, *TINY) == 0
    return run_dir


@pytest.fixture(scope="module")
def unbroken(text, tmp_path_factory):
    """Run folder of a longer run that nobody touched."""
    run_dir = tmp_path_factory.mktemp("unbroken") / "run"
    assert call("train_twin", "--data.source", text, "--out", run_dir, *LONG) == 0
    return run_dir


def begin(text, run_dir, *more):
    flags = ["--data.source", text, "--out", run_dir, *LONG, *more]
    return start("train_twin", *flags)


def last_step(run_dir):
    path = run_dir / "metrics.jsonl"
    whole_lines = path.read_text().splitlines(True) if path.exists() else []
    ended = [line for line in whole_lines if line.endswith("\n")]
    return json.loads(ended[-1]).get("step", 0) if ended else 0


def wait_for_step(process, run_dir, step):
    deadline_s = time.monotonic() + LIMIT_S
    while last_step(run_dir) < step:
        assert time.monotonic() < deadline_s, "nothing happens."
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)


@pytest.mark.slow
def test_run_killed_at_any_moment_ends_as_the_unbroken_one(text, unbroken, tmp_path):
    rng = random.Random(0)
    for target in (15, 60, 130, 200):
        process = begin(text, tmp_path)
        wait_for_step(process, tmp_path, target)
        time.sleep(rng.uniform(0, 0.02))
        process.kill()
        process.communicate()
    process = begin(text, tmp_path)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err
    assert_same_end(tmp_path, unbroken)


@pytest.mark.slow
def test_stopped_process_saves_and_goes_on(text, unbroken, tmp_path):
    for number, code, step in ((signal.SIGTERM, 143, 30), (signal.SIGINT, 130, 90)):
        process = begin(text, tmp_path)
        wait_for_step(process, tmp_path, step)
        process.send_signal(number)
        out, err = process.communicate(timeout=LIMIT_S)
        assert (process.returncode, out) == (code, "")
        assert "saved at step" in err
        with RunLock(tmp_path):
            pass
    process = begin(text, tmp_path)
    process.communicate(timeout=LIMIT_S)
    assert_same_end(tmp_path, unbroken)


@pytest.mark.slow
def test_two_processes_train_as_one_and_are_stopped_and_gone_on_with(
    text, unbroken, tmp_path
):
    """Stopped under two processes, killed under two, ended by one."""
    two = ("--distribution.devices", "2")
    process = begin(text, tmp_path, *two)
    wait_for_step(process, tmp_path, 50)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (143, "")
    assert len(err.splitlines()) == 2, err
    assert "saved at step" in err
    process = begin(text, tmp_path, *two)
    wait_for_step(process, tmp_path, 130)
    children = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True
    ).stdout.split()
    assert len(children) == 2
    os.kill(int(children[-1]), signal.SIGKILL)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert "goes on from the last checkpoint" in err.splitlines()[-1]
    assert call("train_twin", "--data.source", text, "--out", tmp_path, *LONG) == 0
    assert 0 < largest_difference(tmp_path, unbroken) <= TWO_PROCESSES_F32.value
    assert [step for step, _ in points(tmp_path, "train")] == list(range(1, 241))
    ends = result_of(tmp_path), result_of(unbroken)
    assert ends[0]["test_bpc"] == pytest.approx(ends[1]["test_bpc"], abs=1e-5)


@pytest.mark.slow
def test_torchrun_starts_the_processes_too(text, whole, tmp_path):
    run_dir = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    script = [*"--nproc-per-node 2 scripts/train_twin.py".split(), "--json"]
    flags = ["--data.source", text, "--out", run_dir, *TINY]
    command = [*torchrun, *script, *map(str, flags)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 30
    assert largest_difference(run_dir, whole) <= TWO_PROCESSES_F32.value
    refused = subprocess.run(
        [*command, "--distribution.devices", "3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    lines = [x for x in refused.stderr.splitlines() if x.startswith("error: ")]
    assert len(lines) == 1
    assert "torchrun has started 2 processes" in lines[0]


@pytest.mark.slow
def test_what_stops_all_processes_is_told_once(tmp_path):
    process = begin(tmp_path / "nowhere.txt", tmp_path, "--distribution.devices", "2")
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    [line] = err.splitlines()
    assert "does not exist" in line
