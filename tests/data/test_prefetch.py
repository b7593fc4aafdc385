"""Batches are computed ahead by a thread, which ends when nobody reads them."""

import threading
import time
import traceback

import pytest

from tfsent.data.batches import prefetch


def num_prefetch_threads():
    return sum(thread.name == "prefetch" for thread in threading.enumerate())


def test_prefetched_batches_come_in_order():
    assert list(prefetch(lambda step: step * 10, 3, 20, depth=2)) == [
        step * 10 for step in range(3, 20)
    ]
    assert num_prefetch_threads() == 0


def test_prefetch_of_nothing_yields_nothing():
    assert list(prefetch(lambda step: step, 5, 5)) == []


def test_prefetch_works_ahead_no_further_than_its_depth():
    made = []

    def make(step):
        made.append(step)
        return step

    batches = prefetch(make, 0, 100, depth=3)
    assert next(batches) == 0
    # One taken, three waiting, one in the hands of the thread.
    for _ in range(200):
        if len(made) >= 5:
            break
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1, 2, 3, 4]
    batches.close()


def test_error_of_the_thread_reaches_the_consumer_after_what_was_made():
    def fail_at_two(step):
        if step == 2:
            raise OSError("shard.bin: gone")
        return step

    batches = prefetch(fail_at_two, 0, 9)
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(OSError, match="shard.bin: gone") as caught:
        next(batches)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[-1].name == "fail_at_two"
    assert num_prefetch_threads() == 0


@pytest.mark.parametrize("taken", [1, 2])
def test_closing_ends_the_thread_that_waits_for_room(taken):
    batches = prefetch(lambda step: step, 0, 10**9, depth=1)
    for _ in range(taken):
        next(batches)
    assert num_prefetch_threads() == 1
    batches.close()
    assert num_prefetch_threads() == 0


def test_closing_ends_the_thread_that_is_at_work():
    at_work = threading.Event()

    def make(step):
        if step == 1:
            at_work.set()
            time.sleep(0.05)
        return step

    batches = prefetch(make, 0, 10**9)
    next(batches)
    assert at_work.wait(5)
    batches.close()
    assert num_prefetch_threads() == 0


def test_an_error_of_the_consumer_ends_the_thread():
    def consume():
        for _ in prefetch(lambda step: step, 0, 10**9):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    assert num_prefetch_threads() == 0
