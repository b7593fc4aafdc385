"""Devices, networks and published figures that predictions start from.

Nothing here was measured by this project. Rates are those of data sheets, so that a
prediction is at its best; the one number without a source is the utilisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.scaling_model import Cluster, Device, Link

UTILISATION = 0.5
"""Assumed share of a device's peak. A round number, chosen for no figure; what the
published rate of 8 devices implies is told beside it."""

_V100_MEMORY = 900e9
DEVICES: Mapping[str, Device] = {
    "float32": Device(15.7e12, _V100_MEMORY, UTILISATION),
    "mixed_float16": Device(125e12, _V100_MEMORY, UTILISATION),
}
"""Precision to a Tesla V100 SXM2: 15.7 TFLOP/s in float32, 125 in float16 with tensor
cores, 900 GB/s of memory (NVIDIA, Tesla V100 data sheet)."""

# 6 links of 25 GB/s in each direction (the same data sheet). Latencies of a step of a
# ring: NCCL's own table for choosing algorithms (src/graph/tuning.cc, hwLat, Ring,
# Simple): 3.4 us over NVLink, 14.0 us over a network.
_NVLINK = Link(3.4e-6, 150e9)
_INFINIBAND_LATENCY_S = 14.0e-6
# Assumed: what a message over TCP takes from one machine to the next.
_ETHERNET_LATENCY_S = 50e-6

CLUSTERS: Mapping[str, Cluster] = {
    "infiniband": Cluster(8, _NVLINK, Link(_INFINIBAND_LATENCY_S, 25e9)),
    "ethernet": Cluster(8, _NVLINK, Link(_ETHERNET_LATENCY_S, 1.25e9)),
}
"""Nodes of 8 V100, as in the published runs. These name "infiniband (200GB/s) and
ethernet (10GB/s)" between the nodes (NVIDIA/sentiment-discovery, analysis/scale.md),
which is read here as Gbit/s: a DGX-1V has 10 Gbit/s Ethernet, and none has 10 GB/s."""
AS_WRITTEN: Mapping[str, Cluster] = {
    "infiniband": Cluster(8, _NVLINK, Link(_INFINIBAND_LATENCY_S, 200e9)),
    "ethernet": Cluster(8, _NVLINK, Link(_ETHERNET_LATENCY_S, 10e9)),
}
"""The same with that source's units to the letter."""

WINDOW = 256
LARGE_BATCH = 32_768
"""Lanes of the largest published run that learned as well (Puri et al. 2018)."""


class Epoch(NamedTuple):
    """A published time of training.

    Attributes:
        name: Which.
        hidden_size: H; None where the source does not say.
        precision: Type of the arithmetic.
        replicas: V100.
        lanes: Of each.
        read_bytes: Text, epochs counted.
        hours: As published.
    """

    name: str
    hidden_size: int | None
    precision: str
    replicas: int
    lanes: int
    read_bytes: float
    hours: float


_AMAZON_BYTES = 38e9
EPOCHS = (
    # 128 lanes a device where the chart names none.
    Epoch("epoch, float32", 4096, "float32", 8, 128, _AMAZON_BYTES, 78),
    Epoch("epoch, float16", 4096, "mixed_float16", 8, 128, _AMAZON_BYTES, 30),
    Epoch("epoch, 256 lanes", 4096, "mixed_float16", 8, 256, _AMAZON_BYTES, 20),
    Epoch("epoch, later", 4096, "mixed_float16", 8, 256, _AMAZON_BYTES, 17),
    Epoch("3 epochs of 40 GB", None, "mixed_float16", 128, 256, 120e9, 4),
)
"""NVIDIA/sentiment-discovery (read off charts; "later" is 0.6 million bytes/s) and, the
last one, Puri et al. 2018, arXiv:1808.01371."""

CALIBRATION = EPOCHS[2]
"""Where the utilisation is read off, if it is: the run of 8 whose lanes, precision and
time the speed-ups of 128 share."""


class SpeedUp(NamedTuple):
    """A published speed-up of 128 V100 over one: 256 lanes each, float16 gradients."""

    hidden_size: int
    network: str
    times: float


SPEED_UPS = (
    SpeedUp(4096, "infiniband", 109),
    SpeedUp(8192, "infiniband", 121),
    SpeedUp(4096, "ethernet", 92),
)
"""NVIDIA/sentiment-discovery, analysis/scale.md, read off its chart. Which model went
over Ethernet is not said; 4096 units are taken."""
