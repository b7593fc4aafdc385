"""Work in portions, carried out by several processes or a Ray cluster, in order.

Whoever asks gets the results in the order of the portions and holds a few of them at
a time, whatever their number. A worker that dies is replaced by Ray; processes of
this machine end with one error, and what the caller has kept is to be gone on from.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Literal, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Make = Callable[[], Callable[[Item], Result]]

Engine = Literal["local", "ray"]

_AT_HAND = 2
"""Portions a worker has at most: one under way, one that waits."""

_PARENT_S = 1.0


def in_order(
    make: Make[Item, Result],
    items: Iterable[Item],
    *,
    engine: Engine = "local",
    workers: int | None = None,
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with what was made of it, in the order of the items.

    Args:
        make: Called once in every worker; returns the function of an item. It can be
            pickled, as items and results can.
        items: Taken as workers become free.
        engine: Processes of this machine, or the Ray cluster that RAY_ADDRESS names,
            else one of this machine alone.
        workers: How many. Default: one for each core, or each CPU of the cluster. One
            of this machine is this process itself.

    Raises:
        ChildProcessError: If a worker died.
        Exception: What `make` or its function raises in a worker.
    """
    if engine == "ray":
        return _on_ray(make, items, workers)
    workers = workers or os.cpu_count() or 1
    return _here(make, items) if workers == 1 else _apart(make, items, workers)


def _here(
    make: Make[Item, Result], items: Iterable[Item]
) -> Iterator[tuple[Item, Result]]:
    work = make()
    for item in items:
        yield item, work(item)


def _apart(
    make: Make[Item, Result], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Result]]:
    # Spawned: threads of the frameworks do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _begin, (make, os.getpid(), workers))
    waiting: deque[tuple[Item, Any]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(_work, item)))
            if len(waiting) >= workers * _AT_HAND:
                yield _taken(waiting)
        while waiting:
            yield _taken(waiting)
    finally:
        pool.shutdown(cancel_futures=True)


def _taken(waiting: deque) -> Any:
    item, future = waiting.popleft()
    try:
        return item, future.result()
    except BrokenProcessPool as error:
        raise ChildProcessError(
            "a worker process has died (killed, or no memory was left); the same "
            "command goes on from what is done. Fewer --workers take less memory."
        ) from error


_made: Callable[[Any], Any]


def _begin(make: Make, parent: int, workers: int) -> None:
    """Make ready a process of the pool."""
    global _made
    _share_cores(workers)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _made = _ready(make)


def _ready(make: Make) -> Callable[[Any], Any]:
    """Return the function of an item, or one that raises why there is none.

    Raised while a worker starts it would be told as a death, without a reason.
    """
    try:
        return make()
    except Exception as error:
        return _Raises(error)


def _share_cores(workers: int) -> None:
    """Let a framework that is loaded after this use its share of the cores."""
    threads = max(1, (os.cpu_count() or 1) // workers)
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, str(threads))


def _end_with(parent: int) -> None:
    """End this process soon after its parent: one killed outright tells nobody."""
    while os.getppid() == parent:
        time.sleep(_PARENT_S)
    os._exit(1)


def _work(item: Any) -> Any:
    return _made(item)


class _Raises:
    def __init__(self, error: Exception):
        self._error = error

    def __call__(self, item: Any) -> Any:
        raise self._error


def _on_ray(
    make: Make[Item, Result], items: Iterable[Item], workers: int | None
) -> Iterator[tuple[Item, Result]]:
    import ray

    from tfsent.ray_cluster import cluster

    with cluster() as resources:
        count = workers or max(1, int(resources.get("CPU", 1)))
        gpus = resources.get("GPU", 0.0)
        # One that dies is started again, and does again what it had under way.
        actor = ray.remote(
            num_cpus=min(1.0, resources.get("CPU", 1.0) / count),
            num_gpus=gpus / count if gpus else None,
            max_restarts=-1,
            max_task_retries=3,
        )(_Actor)
        actors = [actor.remote(make, os.getcwd(), count) for _ in range(count)]
        waiting: deque[tuple[Item, Any]] = deque()
        try:
            for number, item in enumerate(items):
                waiting.append((item, actors[number % count].work.remote(item)))
                if len(waiting) >= count * _AT_HAND:
                    yield _from_ray(waiting)
            while waiting:
                yield _from_ray(waiting)
        finally:
            for each in actors:
                ray.kill(each)


def _from_ray(waiting: deque) -> Any:
    import ray
    from ray.exceptions import RayActorError, RayTaskError

    item, reference = waiting.popleft()
    try:
        return item, ray.get(reference)
    except RayTaskError as error:
        raise error.cause from None
    except RayActorError as error:
        raise ChildProcessError(
            "a worker of the cluster died again and again; the same command goes on "
            f"from what is done ({error})."
        ) from error


class _Actor:
    def __init__(self, make: Make, folder: str, workers: int):
        _share_cores(workers)
        # Files may be named by relative paths; Ray starts workers elsewhere.
        if os.path.isdir(folder):
            os.chdir(folder)
        self._work = _ready(make)

    def work(self, item: Any) -> Any:
        return self._work(item)
