"""How long a step of data-parallel training takes, on paper; needs no framework.

    step = compute + what of the exchange is not hidden behind the way back

Gradients are summed around a ring: of p processes each sends 2 (p - 1) messages of
n / p bytes, and a message takes a latency (alpha) and a time for every byte (beta).
Where several devices share a machine the sum is made in two stages: rings within each
node, that cut the gradient into one part a device, and rings between nodes.

What it leaves out: processes that wait for the slowest, reading data, and links that
carry the messages of others.

Reference:
    Alpha-beta model and ring: Thakur, Rabenseifner and Gropp 2005, "Optimization of
    collective communication operations in MPICH"; Patarasuk and Yuan 2009,
    "Bandwidth optimal all-reduce algorithms for clusters of workstations".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.flops import byte_flops
from tfsent.config import ModelConfig

_MOST_REPLICAS = 2**20


class Link(NamedTuple):
    """What a message between two neighbours of a ring takes.

    Attributes:
        latency_s: Alpha, of each message.
        bytes_per_s: The inverse of beta.
    """

    latency_s: float
    bytes_per_s: float


class Cluster(NamedTuple):
    """Nodes of several devices.

    Attributes:
        node_size: Devices of a node.
        within: Link from a device to the next one of its node.
        between: Link from a node to the next one, which its devices share.
    """

    node_size: int
    within: Link
    between: Link


class Device(NamedTuple):
    """What computes.

    Attributes:
        flops_per_s: Its peak at products in the precision of the run.
        memory_bytes_per_s: Peak of its memory.
        utilisation: Share of `flops_per_s` that a step reaches.
    """

    flops_per_s: float
    memory_bytes_per_s: float
    utilisation: float


class Work(NamedTuple):
    """What a replica does from one update to the next.

    Attributes:
        compute_s: Seconds without any other replica.
        gradient_bytes: What is summed.
        overlap: Share of the way back, two thirds of `compute_s`, in which gradients
            can travel. 0 for a recurrent layer: a weight takes part at every byte of
            the window, so its gradient is complete when the way back is over.
    """

    compute_s: float
    gradient_bytes: float
    overlap: float = 0.0


def ring_seconds(num_bytes: float, replicas: int, link: Link) -> float:
    """Return the seconds of a sum of `num_bytes` over a ring.

    Example:
        >>> ring_seconds(8.0, 4, Link(latency_s=0.5, bytes_per_s=2.0))
        9.0
    """
    messages = 2 * (replicas - 1)
    return messages * (link.latency_s + num_bytes / replicas / link.bytes_per_s)


def exchange_seconds(num_bytes: float, replicas: int, cluster: Cluster) -> float:
    """Return the seconds of a sum over the devices of a cluster.

    Raises:
        ValueError: If replicas fill no whole nodes.
    """
    inside = min(replicas, cluster.node_size)
    nodes, rest = divmod(replicas, inside)
    if rest:
        raise ValueError(
            f"replicas are {replicas}, which fill no whole nodes of "
            f"{cluster.node_size}; {nodes * inside} will do."
        )
    # Each device of a node sums its own part between the nodes, all of them at once
    # over the one link: together the whole gradient, and the latencies of one ring.
    return ring_seconds(num_bytes, inside, cluster.within) + ring_seconds(
        num_bytes, nodes, cluster.between
    )


def step_seconds(work: Work, replicas: int, cluster: Cluster) -> float:
    """Return the seconds from one update to the next."""
    exchange_s = exchange_seconds(work.gradient_bytes, replicas, cluster)
    hidden_s = work.overlap * work.compute_s * 2 / 3
    return work.compute_s + max(0.0, exchange_s - hidden_s)


def efficiency(work: Work, replicas: int, cluster: Cluster) -> float:
    """Return which share of `replicas` times the rate of one replica is reached."""
    return work.compute_s / step_seconds(work, replicas, cluster)


def first_below(share: float, efficiency_at: Callable[[int], float]) -> int | None:
    """Return the first power of two at which an efficiency is below `share`.

    Args:
        share: Such as 0.9.
        efficiency_at: Efficiency of a number of replicas.

    Returns:
        Replicas; None if there are none up to 2^20.

    Example:
        >>> first_below(0.5, lambda replicas: 1 / (1 + replicas / 100))
        128
    """
    replicas = 1
    while replicas <= _MOST_REPLICAS:
        if efficiency_at(replicas) < share:
            return replicas
        replicas *= 2
    return None


def compute_seconds(
    model: ModelConfig,
    lanes: float,
    window: int,
    device: Device,
    weight_bytes: int,
) -> float:
    """Return the seconds that a replica computes for one update.

    Products limit it or, with few lanes, reading the recurrent matrices, which no
    cache of a GPU holds at the sizes of interest: once a byte of the window, on the way
    forward and again on the way back.

    Args:
        model: Its shape; one layer.
        lanes: B of this replica.
        window: T.
        device: Where it computes.
        weight_bytes: Of each number of a matrix, in the precision of the run.
    """
    flops = 3 * lanes * window * byte_flops(model)
    matrices = byte_flops(model, decoder=False) // 2
    products_s = flops / (device.flops_per_s * device.utilisation)
    return max(
        products_s, 2 * window * matrices * weight_bytes / device.memory_bytes_per_s
    )


def fit_link(seconds: Mapping[int, Sequence[float]], replicas: int) -> Link:
    """Return the link under which sums over a ring come closest to those measured.

    Least squares of the relative errors: messages of a few bytes tell the latency,
    large ones the rate, and neither outweighs the other.

    Args:
        seconds: Bytes of a message to what its sums took, of two sizes at least.
        replicas: Processes of the ring.

    Raises:
        ValueError: If there is one size alone, or the times do not grow with it.
    """
    if len(seconds) < 2:
        raise ValueError(
            f"messages of {len(seconds)} sizes tell no latency and rate; two will do."
        )
    measured = [(size, took) for size, turns in seconds.items() for took in turns]
    messages = 2 * (replicas - 1)
    rows = [
        [messages / took, messages / replicas * size / took] for size, took in measured
    ]
    (latency_s, byte_s), *_ = np.linalg.lstsq(
        np.asarray(rows), np.ones(len(rows)), rcond=None
    )
    if byte_s <= 0:
        raise ValueError("larger messages took no longer; larger ones still will do.")
    return Link(float(latency_s), float(1 / byte_s))
