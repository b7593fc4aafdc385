"""A writer that is killed again and again loses nothing that it had announced."""

import os
import random
import subprocess
import sys
import time

import pytest

from tests.checkpoint.small_model import assert_is_step, assert_same, small_weights
from tfsent.checkpoint import RunLock, StateStore, atomic, load_weights
from tfsent.checkpoint.liveness import host_start, process_start

MODULE = "tests.checkpoint.saving_loop"


def start(run, most=10**9):
    command = [sys.executable, "-m", MODULE, str(run), str(most)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def best_step(run, most):
    """Return the step of the best checkpoint, 0 if there never was one."""
    folder = run / "checkpoints" / "best"
    if not (folder.exists() or folder.with_name("best.before").exists()):
        return 0
    weights, _ = load_weights(folder)
    bias = weights["output/bias"].tobytes()
    [step] = [
        step
        for step in range(3, most + 1, 3)
        if small_weights(step)["output/bias"].tobytes() == bias
    ]
    assert_same(weights, small_weights(step))
    return step


def kill_again_and_again(run, kills):
    """Return the newest step after each kill and restart."""
    rng = random.Random(7)
    steps, bests = [0], [0]
    for _ in range(kills):
        writer = start(run)
        first = int(writer.stdout.readline())
        assert first >= steps[-1]
        time.sleep(rng.uniform(0, 0.1))
        writer.kill()
        told = [first, *map(int, writer.stdout.read().split())]
        writer.wait()
        found = StateStore(run, keep=2).latest()
        step = found.step if found else 0
        # Saved, then told: one more may stand on disk than was told, none less.
        assert step in (told[-1], told[-1] + 1)
        if found:
            assert_is_step(found, step)
        steps.append(step)
        best = best_step(run, step + 1)
        assert best >= bests[-1]
        bests.append(best)
    return steps


@pytest.mark.parametrize(
    "kills", [5, pytest.param(60, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_after_every_kill_the_newest_checkpoint_loads_and_steps_never_go_back(
    tmp_path, kills
):
    run = tmp_path / "run"
    steps = kill_again_and_again(run, kills)
    assert steps == sorted(steps)
    assert steps[-1] > steps[1]
    last = start(run, most=3)
    assert last.wait() == 0
    last.stdout.close()
    names = sorted(
        p.name for p in run.rglob("*") if not p.is_file() or p.name[0] == "."
    )
    assert names == [f"{steps[-1] + n:08d}" for n in (2, 3)] + ["best", "checkpoints"]


def test_leftovers_of_a_killed_writer_are_removed_and_nothing_else(tmp_path):
    writer = start(tmp_path, most=10**9)
    for _ in range(4):
        writer.stdout.readline()
    began = process_start(writer.pid)
    writer.kill()
    writer.stdout.close()
    # Gone but not buried: that is how killed processes stay in many containers.
    os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)
    store = StateStore(tmp_path, keep=2)
    dead = f".tmp-{host_start()}-{writer.pid}-{began}-0-00000009"
    (store.folder / dead).mkdir()
    (store.folder / dead / "weights.safetensors").write_bytes(b"half")
    (tmp_path / ".tmp-00000000-1-1-0-config.json").write_bytes(b"half")
    others = [".tmp", ".tmp-mine", "x.tmp-0-1-2-3-y", ".tmp-zz-1-1-0-a", "notes.txt"]
    for name in others:
        (store.folder / name).write_bytes(b"mine")
    before = store.latest()
    with RunLock(tmp_path):
        removed = store.remove_leftovers()
    assert dead in removed
    assert ".tmp-00000000-1-1-0-config.json" in removed
    assert store.latest().step == before.step
    assert_same(store.latest().weights, before.weights)
    assert {p.name for p in store.folder.iterdir() if p.is_file()} == set(others)
    writer.wait()


def test_draft_of_a_living_writer_is_left_alone(tmp_path):
    with atomic.new_folder(tmp_path / "checkpoints") as draft:
        assert atomic.remove_leftovers(tmp_path) == []
        assert draft.folder.exists()
    assert (tmp_path / "checkpoints").exists()
