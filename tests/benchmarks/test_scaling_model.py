"""The formulas of data-parallel steps, beside values worked out by hand."""

import math

import pytest

from benchmarks.scaling_model import (
    Cluster,
    Device,
    Link,
    Work,
    compute_seconds,
    efficiency,
    exchange_seconds,
    first_below,
    fit_link,
    ring_seconds,
    step_seconds,
)
from tfsent.config import ModelConfig

LINK = Link(latency_s=0.25, bytes_per_s=8.0)
CLUSTER = Cluster(4, Link(0.5, 16.0), LINK)


def test_one_replica_exchanges_nothing():
    assert ring_seconds(1e9, 1, LINK) == 0
    assert exchange_seconds(1e9, 1, CLUSTER) == 0
    assert efficiency(Work(3.0, 1e9), 1, CLUSTER) == 1


def test_a_ring_sends_2_messages_less_2_of_a_part_each():
    # 5 replicas: 8 messages of 40 / 5 = 8 bytes, 0.25 s and 1 s each.
    assert ring_seconds(40.0, 5, LINK) == 8 * 1.25


def test_without_latency_a_ring_of_many_takes_twice_the_bytes():
    free = LINK._replace(latency_s=0.0)
    assert ring_seconds(40.0, 10**9, free) == pytest.approx(2 * 40.0 / 8.0)


def test_without_bytes_a_ring_takes_its_latencies():
    assert ring_seconds(0.0, 7, LINK) == 12 * 0.25


def test_within_one_node_only_its_own_link_counts():
    # 2 of 4 devices: 2 messages of 32 / 2 = 16 bytes, 0.5 s and 1 s each.
    assert exchange_seconds(32.0, 2, CLUSTER) == 2 * 1.5


def test_nodes_share_their_link_for_the_whole_gradient():
    # Within: 6 messages of 8 bytes, 0.5 s + 0.5 s. Between 3 nodes: 4 messages of
    # 32 / 3 bytes, 0.25 s + 4/3 s.
    assert exchange_seconds(32.0, 12, CLUSTER) == pytest.approx(6 + 4 * (0.25 + 4 / 3))


def test_replicas_that_fill_no_whole_nodes_are_refused():
    with pytest.raises(ValueError, match="9, .* nodes of 4; 8 will do"):
        exchange_seconds(32.0, 9, CLUSTER)


def test_an_exchange_takes_longer_with_every_doubling():
    took = [exchange_seconds(32.0, 2**k, CLUSTER) for k in range(12)]
    assert took == sorted(set(took))


def test_an_exchange_that_is_not_hidden_is_added():
    # 3 s of exchange, of which 0.5 * 2/3 * 6 = 2 s pass behind the way back.
    assert step_seconds(Work(6.0, 32.0), 2, CLUSTER) == 9.0
    assert step_seconds(Work(6.0, 32.0, overlap=0.5), 2, CLUSTER) == 7.0
    assert efficiency(Work(6.0, 32.0), 2, CLUSTER) == 6 / 9


def test_no_more_is_hidden_than_there_is():
    assert step_seconds(Work(60.0, 32.0, overlap=1.0), 2, CLUSTER) == 60.0


def test_first_below_is_the_first_power_of_two_or_none():
    assert first_below(0.9, lambda replicas: 1 - replicas / 1000) == 128
    assert first_below(0.9, lambda replicas: 0.9) is None


# 5 blocks of 3 x 3 and an output of 256 x 3.
SMALL = ModelConfig(hidden_size=3)


def test_with_many_lanes_products_limit_a_replica():
    device = Device(flops_per_s=1000.0, memory_bytes_per_s=math.inf, utilisation=0.5)
    flops = 3 * 7 * 2 * 2 * (45 + 768)
    assert compute_seconds(SMALL, 7, 2, device, 2) == flops / 500


def test_with_few_lanes_reading_the_matrices_limits_a_replica():
    device = Device(flops_per_s=math.inf, memory_bytes_per_s=10.0, utilisation=0.5)
    # Forward and back, 2 bytes of the window, 45 numbers of 4 bytes.
    assert compute_seconds(SMALL, 7, 2, device, 4) == 2 * 2 * 45 * 4 / 10


@pytest.mark.parametrize("replicas", [2, 3])
def test_a_fit_finds_the_link_that_made_the_times(replicas):
    sizes = (4, 1000, 70_000)
    link = Link(latency_s=0.003, bytes_per_s=5e5)
    seconds = {size: [ring_seconds(size, replicas, link)] * 2 for size in sizes}
    assert fit_link(seconds, replicas) == pytest.approx(link)


def test_a_fit_does_not_let_large_messages_outweigh_small_ones():
    link = Link(latency_s=0.003, bytes_per_s=5e5)
    seconds = {size: [ring_seconds(size, 2, link)] for size in (4, 8, 10**7)}
    seconds[10**7] = [1.1 * seconds[10**7][0]]
    assert fit_link(seconds, 2).latency_s == pytest.approx(0.003, rel=1e-3)


def test_a_fit_to_one_size_or_to_times_that_do_not_grow_is_refused():
    with pytest.raises(ValueError, match="two will do"):
        fit_link({4: [0.1]}, 2)
    with pytest.raises(ValueError, match="larger ones still"):
        fit_link({4: [0.2], 1000: [0.1]}, 2)
