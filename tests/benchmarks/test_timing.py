"""The clock of the benchmarks, on machines whose speed is known."""

import pytest

from benchmarks.timing import (
    Repetition,
    Spread,
    calls_filling,
    interleave,
    median_s,
    seconds_per_call,
    spread,
)


class Machine:
    """A clock, and a device that works off what was called only when synchronised."""

    def __init__(self):
        self.now_s = 100.0
        self.pending_s = 0.0

    def clock(self):
        return self.now_s

    def calling(self, *seconds):
        """Return a call that takes these seconds in turn, the last for ever."""
        left = list(seconds)

        def call():
            self.pending_s += left.pop(0) if len(left) > 1 else left[0]

        return call

    def sync(self):
        self.now_s += self.pending_s
        self.pending_s = 0.0


@pytest.fixture
def machine():
    return Machine()


def test_seconds_of_a_call_hold_the_work_that_the_device_still_owed(machine):
    call = machine.calling(3.0)
    taken_s = seconds_per_call(call, sync=machine.sync, clock=machine.clock)
    assert taken_s == 3.0


def test_seconds_of_a_call_hold_nothing_of_the_work_before_it(machine):
    machine.pending_s = 50.0
    call = machine.calling(3.0)
    taken_s = seconds_per_call(call, sync=machine.sync, clock=machine.clock)
    assert taken_s == 3.0


def test_several_calls_are_told_as_their_mean(machine):
    call = machine.calling(1.0, 2.0, 6.0)
    taken_s = seconds_per_call(call, 3, sync=machine.sync, clock=machine.clock)
    assert taken_s == 3.0


def test_the_device_is_waited_for_once_not_after_each_call(machine):
    synced = []
    seconds_per_call(lambda: None, 5, sync=lambda: synced.append(1))
    assert len(synced) == 2


def test_a_call_that_ends_when_it_returns_needs_no_sync(machine):
    def call():
        machine.now_s += 2.0

    assert seconds_per_call(call, 4, clock=machine.clock) == 2.0


def test_warm_up_does_not_count(machine):
    call = machine.calling(90.0, 80.0, 1.0)
    taken_s = median_s(call, 1, warmup=2, sync=machine.sync, clock=machine.clock)
    assert taken_s == 1.0


def test_one_slow_repetition_does_not_move_the_median(machine):
    call = machine.calling(0.0, 1.0, 70.0, 2.0)
    taken_s = median_s(call, 3, sync=machine.sync, clock=machine.clock)
    assert taken_s == 2.0


def test_spread_of_an_even_number_lies_between_the_middle_two():
    assert spread(iter([8.0, 1.0, 4.0, 2.0])) == Spread(3.0, 1.0, 8.0)


def test_spread_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        spread([])


@pytest.mark.parametrize(
    ("call_s", "calls"), [(0.2, 3), (0.25, 2), (9.0, 1), (0.0, 50), (1e-9, 50)]
)
def test_calls_fill_the_time_and_are_never_none_nor_too_many(call_s, calls):
    assert calls_filling(0.5, call_s, most=50) == calls


def test_each_round_starts_with_the_next_contestant():
    order = []
    contestants = {name: lambda name=name: order.append(name) or 0.0 for name in "abc"}
    interleave(contestants, 4, lambda: None)
    assert "".join(order) == "abc" + "bca" + "cab" + "abc"


def test_every_repetition_lies_between_its_own_two_gauges():
    looks = iter(range(100))

    def turn():
        return float(next(looks))

    found = interleave({"a": turn, "b": turn}, 2, lambda: next(looks))
    # Gauges are even, turns odd: 0 a 2 b 4 | b 6 a 8.
    assert found == {
        "a": [Repetition(1.0, 0, 2), Repetition(7.0, 6, 8)],
        "b": [Repetition(3.0, 2, 4), Repetition(5.0, 4, 6)],
    }


def test_a_contestant_that_fails_ends_the_measurement():
    def fails():
        raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        interleave({"a": fails}, 1, lambda: None)
