"""Work carried out by several workers comes back in order, or ends with one error."""

import functools
import itertools
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tfsent.engines import in_order


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
    assert len(pids) == workers
    assert (os.getpid() in pids) == (workers == 1)


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


def test_a_killed_worker_is_one_error():
    results = in_order(make_double, range(100), workers=2)
    _, (_, pid) = next(results)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ChildProcessError, match="a worker process has died"):
        list(results)


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
