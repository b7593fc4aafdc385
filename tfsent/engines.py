"""Work in portions, carried out by several processes or a Ray cluster, in order.

Whoever asks gets the results in the order of the portions and holds a few of them at
a time, whatever their number. A worker that dies is replaced by Ray; processes of
this machine end with one error, and what the caller has kept is to be gone on from.
"""

from __future__ import annotations

import contextlib
import logging
import math
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from typing import Any, Literal, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Make = Callable[[], Callable[[Item], Result]]
Results = Generator[tuple[Item, Result], None, None]

Engine = Literal["local", "ray"]
"""Processes of this machine, or a Ray cluster."""

_AT_HAND = 2
"""Portions a worker has at most: one under way, one that waits."""

_PARENT_S = 1.0
"""Seconds between two looks whether the parent is still there."""

_PATIENCE_S = 30.0
"""Seconds after which a cluster without room for any worker is told of."""

_log = logging.getLogger(__name__)


def in_order(
    make: Make[Item, Result],
    items: Iterable[Item],
    *,
    engine: Engine = "local",
    workers: int | None = None,
    gpus: bool = False,
    quiet: bool = False,
) -> Results:
    """Yield each item with what was made of it, in the order of the items.

    Close the generator (`contextlib.closing`) where it may not be read to its end:
    workers live as long as it does. Workers of this machine import the program's main
    module, which must do its work behind `if __name__ == "__main__"`.

    Args:
        make: Called once in every worker; returns the function of an item. It can be
            pickled, as items and results can.
        items: Taken as workers become free.
        engine: Processes of this machine, or the Ray cluster that RAY_ADDRESS names,
            else one of this machine alone.
        workers: How many. Default: one for each core this process may use, or each
            CPU, or GPU, of the cluster. One of this machine is this process itself.
        gpus: Workers compute on GPUs where a cluster has any.
        quiet: Keep to the workers of a cluster what they print.

    Raises:
        ChildProcessError: If a worker died.
        ConnectionError: If the cluster cannot be joined.
        Exception: What `make` or its function raises in a worker.
    """
    if engine == "ray":
        return _on_ray(make, items, workers, gpus, quiet)
    workers = workers or available_cores()
    return _here(make, items) if workers == 1 else _apart(make, items, workers)


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _here(make: Make[Item, Result], items: Iterable[Item]) -> Results:
    work = make()
    for item in items:
        yield item, work(item)


def _apart(make: Make[Item, Result], items: Iterable[Item], workers: int) -> Results:
    threads = max(1, available_cores() // workers)
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    team: list[_Worker] = []
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for _ in range(workers):
            team.append(_Worker(make, threads, tasks))
        for item in items:
            future: Future[Result] = Future()
            tasks.put((item, future))
            waiting.append((item, future))
            if len(waiting) >= workers * _AT_HAND:
                taken, future = waiting.popleft()
                yield taken, future.result()
        while waiting:
            taken, future = waiting.popleft()
            yield taken, future.result()
    finally:
        # What is still under way is of no use to anyone: not to be waited for.
        for worker in team:
            worker.end()
        for _ in team:
            tasks.put(None)


class _Worker:
    """A process, and the thread that hands it one task after the other.

    Not a pool of the standard library: that waits for ever for the rest of a result
    in the middle of whose sending a process was killed. A pipe of its own, whose other
    end nobody else holds, ends with the process.

    Args:
        make: See `in_order`.
        threads: Threads that the process may use.
        tasks: Items and the futures of their results; None ends the thread.
    """

    def __init__(self, make: Make, threads: int, tasks: queue.SimpleQueue[Any]):
        # Spawned: threads of the frameworks do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        arguments = (theirs, make, os.getpid(), threads)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        threading.Thread(target=self._hand_out, args=(tasks,), daemon=True).start()

    def end(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.join()

    def _hand_out(self, tasks: queue.SimpleQueue[Any]) -> None:
        while (task := tasks.get()) is not None:
            item, future = task
            try:
                self._pipe.send(item)
                done, value = self._pipe.recv()
            except (EOFError, OSError):  # The latter in the middle of a message.
                # Later items may wait for ever; whoever asks meets this one first.
                future.set_exception(ChildProcessError(_DIED))
                return
            except Exception as error:  # An item or a result that cannot be sent.
                future.set_exception(error)
            else:
                future.set_result(value) if done else future.set_exception(value)


_DIED = (
    "a worker process has died (killed, or no memory was left); the same command goes "
    "on from what is done. Fewer --workers take less memory."
)


def _serve(pipe: Any, make: Make, parent: int, threads: int) -> None:
    """Do what comes through a pipe until its other end is gone."""
    # Ctrl-C reaches every process of a terminal; the parent ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _share_machine(threads)
    work = _ready(make)
    with contextlib.suppress(EOFError, OSError):
        while True:
            item = pipe.recv()
            try:
                reply = (True, work(item))
            except Exception as error:
                reply = (False, error)
            pipe.send(reply)


def _end_with(parent: int) -> None:
    """End this process soon after its parent: one killed outright tells nobody."""
    while os.getppid() == parent:
        time.sleep(_PARENT_S)
    os._exit(1)


def _share_machine(threads: int) -> None:
    """Let a framework that is loaded after this leave the others their share."""
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, str(threads))
    # TensorFlow would take the whole GPU for the first of several processes.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def _ready(make: Make) -> Callable[[Any], Any]:
    """Return the function of an item, or one that raises why there is none.

    Raised while a worker starts it would be told as a death, without a reason.
    """
    try:
        return make()
    except Exception as error:
        return _Raises(error)


class _Raises:
    def __init__(self, error: Exception):
        self._error = error

    def __call__(self, item: Any) -> Any:
        raise self._error


def _on_ray(
    make: Make[Item, Result],
    items: Iterable[Item],
    workers: int | None,
    gpus: bool,
    quiet: bool,
) -> Results:
    import ray
    from ray.exceptions import RayError, RayTaskError

    from tfsent.ray_cluster import cluster

    with cluster(quiet) as resources:
        count, shares = _shares(resources, workers, gpus)
        # One that dies is started again, and does again what it had under way.
        actor = ray.remote(max_restarts=-1, max_task_retries=3, **shares)(_Actor)
        threads = max(1, int(shares["num_cpus"]))
        crew = _Crew([actor.remote(make, os.getcwd(), threads) for _ in range(count)])
        waiting: deque[tuple[Item, Any]] = deque()
        try:
            for item in items:
                waiting.append((item, crew.give(item)))
                while len(waiting) >= crew.capacity:
                    taken, reference = waiting.popleft()
                    yield taken, ray.get(reference)
            while waiting:
                taken, reference = waiting.popleft()
                yield taken, ray.get(reference)
        except RayTaskError as error:
            if isinstance(error.cause, Exception):
                raise error.cause from None
            raise ChildProcessError(_lost(error)) from error
        except RayError as error:
            raise ChildProcessError(_lost(error)) from error
        finally:
            crew.dismiss()


def _shares(
    resources: dict[str, float], workers: int | None, gpus: bool
) -> tuple[int, dict[str, float]]:
    """Return how many workers a cluster shall have, and what of it each of them.

    A share is a whole number or one part in several: of others, some would find no
    machine that has as much left.
    """
    cpus = max(1, int(resources.get("CPU", 1)))
    cards = int(resources.get("GPU", 0)) if gpus else 0
    count = workers or cards or cpus
    shares = {"num_cpus": _share(cpus, count)}
    if cards:
        shares["num_gpus"] = _share(cards, count)
    return count, shares


def _share(there: int, count: int) -> float:
    return float(there // count) if count <= there else 1.0 / math.ceil(count / there)


class _Crew:
    """Actors that have found a place, and who of them has least to do."""

    def __init__(self, actors: list[Any]):
        self._actors = actors
        self._coming = {actor.ready.remote(): actor for actor in actors}
        self._busy: dict[Any, set[Any]] = {}

    @property
    def capacity(self) -> int:
        """Portions that are under way or wait at most."""
        return max(1, len(self._busy)) * _AT_HAND

    def give(self, item: Any) -> Any:
        """Hand an item to a worker; return the reference of its result."""
        import ray

        self._welcome()
        for given in self._busy.values():
            if given:
                _, left = ray.wait([*given], num_returns=len(given), timeout=0)
                given.intersection_update(left)
        actor = min(self._busy, key=lambda each: len(self._busy[each]))
        reference = actor.work.remote(item)
        self._busy[actor].add(reference)
        return reference

    def dismiss(self) -> None:
        """End all of them."""
        import ray

        for actor in self._actors:
            ray.kill(actor)

    def _welcome(self) -> None:
        """Take in those that are ready; wait for one if there is none."""
        import ray

        while self._coming:
            patience = 0.0 if self._busy else _PATIENCE_S
            come, _ = ray.wait(
                [*self._coming],
                num_returns=len(self._coming) if self._busy else 1,
                timeout=patience,
            )
            for reference in come:
                self._busy[self._coming.pop(reference)] = set()
            if self._busy:
                return
            _log.warning("the cluster has no room for a worker yet; waiting")


def _lost(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = lines[-1] if lines else type(error).__name__
    return (
        "a worker of the cluster was lost; the same command goes on from what is done "
        f"({told})."
    )


class _Actor:
    def __init__(self, make: Make, folder: str, threads: int):
        _share_machine(threads)
        # Files may be named by relative paths; Ray starts workers elsewhere.
        if os.path.isdir(folder):
            os.chdir(folder)
        self._work = _ready(make)

    def ready(self) -> None:
        """Return, which says that there is a place for this one."""

    def work(self, item: Any) -> Any:
        """Return what is made of an item."""
        return self._work(item)
