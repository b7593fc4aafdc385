"""Killed, stopped and started again, a run ends as if nobody had touched it.

    TFSENT_KILLS=100 TFSENT_KILL_SEED=1 TFSENT_KILL_FLAGS="--model.layers 2" \
        python -m pytest -m slow tests/scripts/test_kills.py -k kills -s

makes more kills than the ten of the test, elsewhere, or with other settings.
"""

import json
import os
import random
import signal
import time

import pytest

from tests.scripts.command import TINY, start, write_text
from tfsent.checkpoint import RunLock, StateStore

KILLS = int(os.environ.get("TFSENT_KILLS", "10"))
SEED = int(os.environ.get("TFSENT_KILL_SEED", "0"))
STEPS = max(400, 40 * KILLS)
FLAGS = [
    *TINY,
    *f"--training.steps {STEPS} --training.eval-interval 100".split(),
    *"--checkpoint.interval 20 --checkpoint.keep 2 --log.no-tensorboard".split(),
    *os.environ.get("TFSENT_KILL_FLAGS", "").split(),
]
LIMIT_S = 300
SAME = ("weights.safetensors", "checkpoints/best/weights.safetensors")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_text(tmp_path_factory.mktemp("kills") / "words.txt")


@pytest.fixture(scope="module")
def unbroken(source, tmp_path_factory):
    """Run folder of a run that nobody touched."""
    run_dir = tmp_path_factory.mktemp("unbroken") / "run"
    finish(source, run_dir)
    return run_dir


def begin(source, run_dir):
    return start("train", "--data.source", source, "--out", run_dir, *FLAGS)


def finish(source, run_dir):
    process = begin(source, run_dir)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err


def wait_until(process, happened):
    """Watch a run closely; False if it ended before."""
    deadline_s = time.monotonic() + LIMIT_S
    while not happened():
        assert time.monotonic() < deadline_s, "nothing happens."
        if process.poll() is not None:
            return False
        time.sleep(0.0005)
    return True


def last_step(run_dir):
    """Return the last step that is logged, 0 if none is."""
    path = run_dir / "metrics.jsonl"
    text = path.read_bytes() if path.exists() else b""
    complete = text[: text.rfind(b"\n") + 1].splitlines()
    return json.loads(complete[-1]).get("step", 0) if complete else 0


def is_saving(run_dir):
    folder = run_dir / "checkpoints"
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return False
    return any(name.startswith(".tmp-") for name in names)


def assert_same_end(run_dir, unbroken):
    for name in SAME:
        assert (run_dir / name).read_bytes() == (unbroken / name).read_bytes(), name
    ends = [StateStore(folder, keep=2).latest() for folder in (run_dir, unbroken)]
    assert ends[0].step == ends[1].step == STEPS
    for name, array in ends[1].state.items():
        assert ends[0].state[name].tobytes() == array.tobytes(), name
    for folder in (run_dir, unbroken):
        left = [
            p.name for p in folder.rglob("*") if p.name.startswith((".tmp", ".lock"))
        ]
        assert left == []
    # Every step once, with the same loss.
    assert losses(run_dir) == losses(unbroken)
    assert [step for step, _ in losses(run_dir)] == list(range(1, STEPS + 1))


def losses(run_dir):
    lines = map(json.loads, (run_dir / "metrics.jsonl").read_text().splitlines())
    return [(line["step"], line["bpc"]) for line in lines if line["type"] == "train"]


@pytest.mark.slow
def test_run_killed_at_any_moment_ends_as_the_unbroken_one(source, unbroken, tmp_path):
    rng = random.Random(SEED)
    run_dir = tmp_path / "run"
    moments = {"save": 0, "step": 0}
    newest = 0
    for kill in range(KILLS):
        process = begin(source, run_dir)
        # The k-th kill strikes behind about k / KILLS of the run, so that none is
        # wasted on a run that ended.
        target = max(newest + 1, STEPS * kill // KILLS + rng.randrange(STEPS // KILLS))
        target = min(target, STEPS - 25)
        process_lives = wait_until(process, lambda t=target: last_step(run_dir) >= t)
        kind = "save" if kill % 3 == 0 else "step"
        if process_lives and kind == "save":
            process_lives = wait_until(process, lambda: is_saving(run_dir))
        time.sleep(rng.uniform(0, 0.004))
        process.kill()
        process.communicate()
        assert process_lives, "the run ended before it was killed."
        moments[kind] += 1
        found = StateStore(run_dir, keep=2).latest()
        step = found.step if found else 0
        assert step >= newest, "progress went back."
        assert last_step(run_dir) - step <= 21, "more is lost than an interval."
        newest = step
        print(f"kill {kill + 1} at a {kind}, step {last_step(run_dir)}, kept {step}")
    finish(source, run_dir)
    assert_same_end(run_dir, unbroken)
    print(moments)


@pytest.mark.slow
def test_stopped_process_saves_leaves_with_its_code_and_goes_on(
    source, unbroken, tmp_path
):
    for number, code, step in ((signal.SIGTERM, 143, 30), (signal.SIGINT, 130, 90)):
        process = begin(source, tmp_path)
        assert wait_until(process, lambda s=step: last_step(tmp_path) >= s)
        process.send_signal(number)
        out, err = process.communicate(timeout=LIMIT_S)
        assert (process.returncode, out) == (code, "")
        assert "saved at step" in err
        assert StateStore(tmp_path, keep=2).latest().step == last_step(tmp_path)
        with RunLock(tmp_path):
            pass
    finish(source, tmp_path)
    assert_same_end(tmp_path, unbroken)
