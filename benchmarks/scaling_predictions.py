"""Predicted efficiency of many replicas, what would raise it, and published figures.

Needs no framework.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.flops import byte_flops
from benchmarks.scaling_model import (
    Device,
    Work,
    compute_seconds,
    efficiency,
    exchange_seconds,
    first_below,
)
from benchmarks.scaling_presets import (
    AS_WRITTEN,
    CALIBRATION,
    CLUSTERS,
    EPOCHS,
    LARGE_BATCH,
    SPEED_UPS,
    WINDOW,
    Epoch,
)
from tfsent.checkpoint import expected_shapes
from tfsent.config import ModelConfig

REPLICAS = (8, 128, 1024)
HIDDEN_SIZES = (4096, 8192)
LIMITS = (0.9, 0.5)
"""Efficiencies below which scaling counts as no longer linear, and as wasted."""
_WEIGHT_BYTES = {"float32": 4, "mixed_float16": 2}


class Way(NamedTuple):
    """How a replica works; each field a thing that can be changed.

    Attributes:
        lanes: Of each replica, read at a time; those of all replicas where `fixed`.
        gradient_bytes: Of each number that is summed.
        portions: Lanes are read this many times before gradients are summed.
        fixed: Whether lanes are dealt out to the replicas instead.
    """

    lanes: int
    gradient_bytes: int = 4
    portions: int = 1
    fixed: bool = False


def ways(lanes: int) -> dict[str, Way]:
    """Return the present way and what can be changed about it, by name.

    Args:
        lanes: Of each replica.
    """
    now = Way(lanes)
    return {
        "as it is": now,
        "float16 gradients": now._replace(gradient_bytes=2),
        "4 portions": now._replace(portions=4),
        "twice the lanes": now._replace(lanes=2 * lanes),
        "all three": Way(2 * lanes, 2, 4),
        f"{LARGE_BATCH:,} lanes in all": Way(LARGE_BATCH, fixed=True),
        "the same, float16 gradients": Way(LARGE_BATCH, 2, fixed=True),
    }


def parameters(model: ModelConfig) -> int:
    """Return how many numbers a model has."""
    return sum(math.prod(shape) for shape in expected_shapes(model).values())


def predictions(
    device: Device,
    precision: str,
    networks: Sequence[str],
    lanes: int,
    overlap: float = 0.0,
    compute_s: Mapping[int, float] | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each size, network and way.

    Args:
        device: What computes.
        precision: Type of its arithmetic.
        networks: Names of `CLUSTERS`.
        lanes: Of each replica.
        overlap: See `Work`.
        compute_s: Hidden size to the measured seconds of a step of one replica with
            `lanes` lanes, which then take the place of those of the device.

    Returns:
        Rows with `hidden_size`, `network`, `way`, `replicas` (a list of entries with
        `replicas`, `lanes` of all, `compute_s`, `exchange_s`, `step_s`, `efficiency`
        and `bytes_per_s`) and `first_below` (a limit to the first power of two).
    """
    return [
        _row(
            ModelConfig(hidden_size=hidden_size),
            network,
            name,
            way,
            _seconds(device, precision, lanes, (compute_s or {}).get(hidden_size)),
            overlap,
        )
        for hidden_size in HIDDEN_SIZES
        for network in networks
        for name, way in ways(lanes).items()
    ]


Seconds = Callable[[ModelConfig, float], float]


def _seconds(
    device: Device, precision: str, lanes: int, measured_s: float | None
) -> Seconds:
    """Return what tells the seconds that a replica computes for some lanes."""
    if measured_s is not None:
        return lambda model, own: measured_s * own / lanes
    size = _WEIGHT_BYTES[precision]
    return lambda model, own: compute_seconds(model, own, WINDOW, device, size)


def _row(
    model: ModelConfig,
    network: str,
    name: str,
    way: Way,
    seconds: Seconds,
    overlap: float,
) -> dict[str, Any]:
    count, cluster = parameters(model), CLUSTERS[network]

    def work(replicas: int) -> Work:
        own = way.lanes / replicas if way.fixed else way.lanes
        compute_s = seconds(model, own) * way.portions
        # Only the last portion's way back has gradients that are complete.
        return Work(compute_s, count * way.gradient_bytes, overlap / way.portions)

    def efficiency_at(replicas: int) -> float:
        reached = efficiency(work(replicas), replicas, cluster)
        if way.fixed:
            # Beside one device that reads all lanes: few lanes compute less well.
            reached *= work(1).compute_s / replicas / work(replicas).compute_s
        return reached

    entries = []
    for replicas in REPLICAS:
        one = work(replicas)
        lanes = way.lanes * way.portions * (1 if way.fixed else replicas)
        reached = efficiency(one, replicas, cluster)
        step_s = one.compute_s / reached
        entries.append(
            {
                "replicas": replicas,
                "lanes": lanes,
                "compute_s": one.compute_s,
                "exchange_s": exchange_seconds(one.gradient_bytes, replicas, cluster),
                "step_s": step_s,
                "efficiency": efficiency_at(replicas),
                "bytes_per_s": lanes * WINDOW / step_s,
            }
        )
    return {
        "hidden_size": model.hidden_size,
        "network": network,
        "way": name,
        "replicas": entries,
        "first_below": {
            str(limit): first_below(limit, efficiency_at) for limit in LIMITS
        },
    }


def implied_utilisation(
    devices: Mapping[str, Device], epoch: Epoch = CALIBRATION
) -> float:
    """Return the share of a device's peak that a published time implies.

    What replicas tell each other counts as computing: within a node that is little.
    """
    assert epoch.hidden_size is not None
    rate = epoch.read_bytes / (epoch.hours * 3600) / epoch.replicas
    flops = 3 * byte_flops(ModelConfig(hidden_size=epoch.hidden_size))
    return rate * flops / devices[epoch.precision].flops_per_s


def compared(devices: Mapping[str, Device]) -> list[dict[str, Any]]:
    """Return published figures beside those predicted, with the error.

    Each under the utilisation of `devices` and, float16 alone, again under the one
    that `CALIBRATION` implies, whose own figure is no prediction then and is left out.

    Args:
        devices: Precision to device.

    Returns:
        Rows with `what`, `unit`, `published`, `utilisation`, `calibrated`, `predicted`
        and `error`, predicted over published less one.
    """
    share = implied_utilisation(devices)
    calibrated = {
        name: device._replace(utilisation=share)
        for name, device in devices.items()
        if name == CALIBRATION.precision
    }
    return [
        *_compared(devices, is_calibrated=False),
        *_compared(calibrated, is_calibrated=True),
    ]


def _compared(
    devices: Mapping[str, Device], is_calibrated: bool
) -> Iterator[dict[str, Any]]:
    for epoch in EPOCHS:
        if epoch.precision not in devices or (is_calibrated and epoch is CALIBRATION):
            continue
        sizes = HIDDEN_SIZES if epoch.hidden_size is None else [epoch.hidden_size]
        for hidden_size in sizes:
            device = devices[epoch.precision]
            yield _entry(
                f"{epoch.name}, {epoch.replicas} V100, H{hidden_size}",
                "h",
                epoch.hours,
                _hours(epoch, hidden_size, device),
                device,
                is_calibrated,
            )
    device = devices["mixed_float16"]
    for reading, clusters in (("Gbit/s", CLUSTERS), ("GB/s", AS_WRITTEN)):
        for published in SPEED_UPS:
            work = _work(published.hidden_size, 256, "mixed_float16", device)
            reached = 128 * efficiency(work, 128, clusters[published.network])
            yield _entry(
                f"speed-up of 128 V100, H{published.hidden_size}, "
                f"{published.network} in {reading}",
                "x",
                published.times,
                reached,
                device,
                is_calibrated,
            )


def _work(hidden_size: int, lanes: int, precision: str, device: Device) -> Work:
    """Return the published way of working: gradients in the run's precision."""
    model, size = ModelConfig(hidden_size=hidden_size), _WEIGHT_BYTES[precision]
    compute_s = compute_seconds(model, lanes, WINDOW, device, size)
    return Work(compute_s, parameters(model) * size)


def _hours(epoch: Epoch, hidden_size: int, device: Device) -> float:
    """Return the predicted hours of a published training."""
    work = _work(hidden_size, epoch.lanes, epoch.precision, device)
    reached = efficiency(work, epoch.replicas, CLUSTERS["infiniband"])
    step_bytes = epoch.replicas * epoch.lanes * WINDOW
    return epoch.read_bytes / step_bytes * work.compute_s / reached / 3600


def _entry(
    what: str,
    unit: str,
    published: float,
    predicted: float,
    device: Device,
    is_calibrated: bool,
) -> dict[str, Any]:
    return {
        "what": what,
        "unit": unit,
        "published": published,
        "utilisation": device.utilisation,
        "calibrated": is_calibrated,
        "predicted": predicted,
        "error": predicted / published - 1,
    }
