"""Work carried out by several workers comes back in order, or ends with one error."""

import contextlib
import functools
import itertools
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tfsent.engines import _shares, in_order


def make_double():
    return double


def double(item):
    # Later items are done earlier: order is not that of the clock.
    time.sleep(0.002 * (item % 3 == 0))
    return 2 * item, os.getpid()


def make_failing(at):
    return functools.partial(fail, at)


def fail(at, item):
    if item == at:
        raise ValueError(f"item {item} is at fault")
    return item


def make_nothing():
    raise OSError("there is no such model")


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers):
    found = list(in_order(make_double, range(40), workers=workers))
    assert [item for item, _ in found] == [*range(40)]
    assert [value for _, (value, _) in found] == [2 * item for item in range(40)]
    pids = {pid for _, (_, pid) in found}
    assert pids == {os.getpid()} if workers == 1 else os.getpid() not in pids


def make_meeting(folder):
    return functools.partial(meet, folder)


def meet(folder, item):
    """Return once two processes have come here."""
    (folder / str(os.getpid())).touch()
    limit = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2 and time.monotonic() < limit:
        time.sleep(0.01)
    return len(list(folder.iterdir()))


def test_workers_work_at_the_same_time(tmp_path):
    make = functools.partial(make_meeting, tmp_path)
    assert [n for _, n in in_order(make, range(2), workers=2)] == [2, 2]


@pytest.mark.parametrize("workers", [1, 2])
def test_few_items_are_taken_ahead(workers):
    taken = itertools.count()
    items = (next(taken) for _ in itertools.repeat(None))
    results = in_order(make_double, items, workers=workers)
    for number in range(10):
        assert next(results)[0] == number
    results.close()
    assert next(taken) <= 10 + 2 * workers


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_worker_is_raised_in_its_place(workers):
    results = in_order(functools.partial(make_failing, 3), range(9), workers=workers)
    assert [next(results)[1] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="item 3 is at fault"):
        next(results)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_cannot_begin_says_why(workers):
    with pytest.raises(OSError, match="there is no such model"):
        list(in_order(make_nothing, range(3), workers=workers))


@pytest.mark.parametrize("pause_s", [0.0, 1.0])
def test_a_killed_worker_is_one_error(pause_s):
    """Whether it is met waiting for a result or, having been away, handing one out."""
    results = in_order(make_double, range(1000), workers=2)
    _, (_, pid) = next(results)
    os.kill(pid, signal.SIGKILL)
    time.sleep(pause_s)
    with pytest.raises(ChildProcessError, match="a worker process has died"):
        list(results)
    assert children() == []


def make_large():
    return large


def large(item):
    """Return more than a pipe holds, and the time to be killed while sending it."""
    return os.getpid(), bytes(50_000_000)


def test_a_worker_killed_while_it_sends_a_result_is_one_error():
    results = in_order(make_large, range(50), workers=2)
    _, (pid, _) = next(results)
    # Nobody takes what it sends meanwhile but the thread that reads it: stop that.
    time.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ChildProcessError, match="a worker process has died"):
        list(results)
    assert children() == []


def make_slow():
    return slow


def slow(item):
    if item == 0:
        raise ValueError("the first one is at fault")
    time.sleep(600)


def test_nobody_waits_for_work_that_is_of_no_use():
    with pytest.raises(ValueError, match="the first one is at fault"):
        list(in_order(make_slow, range(9), workers=2))
    assert children() == []


def fail_at_three(results):
    with contextlib.closing(results):
        for item, _ in results:
            if item == 3:
                raise KeyError(item)


def test_a_consumer_that_fails_leaves_no_worker():
    with pytest.raises(KeyError):
        fail_at_three(in_order(make_double, range(99), workers=2))
    assert children() == []


def children():
    """Return what is left of workers, but for Python's tracker of their locks."""
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "resource_tracker" not in " ".join(child.cmdline())
    ]


@pytest.mark.parametrize(
    ("there", "workers", "gpus", "expected"),
    [
        ({"CPU": 8.0}, None, False, (8, {"num_cpus": 1.0})),
        ({"CPU": 8.0}, 3, False, (3, {"num_cpus": 2.0})),
        # 6 of 7 at 6/7 each would fit on two machines of 3, the last nowhere.
        ({"CPU": 6.0}, 7, False, (7, {"num_cpus": 0.5})),
        ({"CPU": 8.0, "GPU": 2.0}, None, False, (8, {"num_cpus": 1.0})),
        ({"CPU": 8.0, "GPU": 2.0}, None, True, (2, {"num_cpus": 4.0, "num_gpus": 1.0})),
        ({"CPU": 8.0, "GPU": 2.0}, 3, True, (3, {"num_cpus": 2.0, "num_gpus": 0.5})),
    ],
)
def test_shares_of_a_cluster_find_their_place(there, workers, gpus, expected):
    assert _shares(there, workers, gpus) == expected


def test_ctrl_c_is_one_line(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    child = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        start_new_session=True,
    )
    child.stdout.readline()
    os.killpg(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert errors == "interrupted\n"


INTERRUPTED = """
from tests.test_engines import make_double
from tfsent.cli import run
from tfsent.engines import in_order
def main():
    for item, _ in in_order(make_double, range(10**9), workers=2):
        if item == 100:
            print("begun", flush=True)
if __name__ == "__main__":
    run(main)
"""


SCRIPT = """
import time
from tests.test_engines import make_double
from tfsent.engines import in_order
if __name__ == "__main__":
    for item, (_, pid) in in_order(make_double, range(10**9), workers=2):
        print(pid, flush=True)
"""


def test_workers_end_soon_after_a_process_that_was_killed(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    pids = {int(parent.stdout.readline()) for _ in range(30)}
    workers = [psutil.Process(pid) for pid in pids]
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


def make_dying(marker):
    return functools.partial(die_once, marker)


def die_once(marker, item):
    if item == 5 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * item


@pytest.mark.slow
def test_ray_gives_the_same_also_where_a_worker_dies(tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="requirements-ray.txt is not installed")
    monkeypatch.setenv("RAY_ADDRESS", "local")
    on_ray = {"engine": "ray", "workers": 2}
    dying = functools.partial(make_dying, tmp_path / "marker")
    assert list(in_order(dying, range(12), **on_ray)) == [(n, 2 * n) for n in range(12)]
    assert (tmp_path / "marker").exists()
    failing = functools.partial(make_failing, 3)
    with pytest.raises(ValueError, match="item 3 is at fault"):
        list(in_order(failing, range(9), **on_ray))
    with pytest.raises(OSError, match="there is no such model"):
        list(in_order(make_nothing, range(3), **on_ray))
