"""How do many replicas train: on paper, and beside two processes on a throttled link.

    python -m benchmarks.scaling --json > scaling.json

First the model of `benchmarks.scaling_model` is held to two real processes of the twin
over a link whose rate and delay are set. Then it predicts 8, 128 and 1,024 replicas
from data sheets, says where scaling stops being linear and what to change, and stands
beside published figures. Devices and networks: `benchmarks.scaling_presets`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.result import begin, finish, span
from benchmarks.scaling_check import SIZES, checked
from benchmarks.scaling_predictions import (
    HIDDEN_SIZES,
    LIMITS,
    REPLICAS,
    compared,
    implied_utilisation,
    predictions,
)
from benchmarks.scaling_presets import CLUSTERS, DEVICES, UTILISATION
from benchmarks.throttled_link import Setting
from tfsent.cli import parse_config, run

DEFAULT_LINKS = "200x0,50x0,800x0,200x10,50x25"
QUICK_LINKS = "200x0,800x1"
QUICK_SIZES = {"hidden_size": 64, "window": 8, "repeats": 2}


@dataclass(frozen=True, kw_only=True)
class ScalingConfig:
    """What is measured, and what predictions start from."""

    links: str | None = None
    """Settings of the link, Mbit/s x ms one way, a comma list; the first is fitted,
    the others are predicted. Default: five."""
    hidden_size: int = 512
    """Width H of the mLSTM that two processes train."""
    repeats: int = 9
    """Updates that count, at each setting."""
    skip_check: bool = False
    """Only predict."""
    precision: Literal["float32", "mixed_float16"] = "mixed_float16"
    """Type of the predicted arithmetic; gradients are float32 unless a row says so."""
    utilisation: float = UTILISATION
    """Share of its peak at products that a device is taken to reach."""
    lanes: int = 128
    """Lanes of each predicted replica; windows are of 256 bytes."""
    overlap: float = 0.0
    """Share of the way back in which gradients can travel: those of a recurrent layer
    are complete at its end."""
    compute_s: tuple[float, float] | None = None
    """Measured seconds of an update of one replica, for 4096 and 8192 units. Default:
    those of the device."""
    quick: bool = False
    """Only see that it runs: two settings, 64 units, 2 updates."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        parse_links(self.links or DEFAULT_LINKS)
        for name in ("hidden_size", "repeats", "lanes"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} is {value}; at least 1 will do.")
        if not 0 < self.utilisation <= 1:
            raise ValueError(
                f"utilisation is {self.utilisation}; above 0, at most 1, will do."
            )
        if not 0 <= self.overlap <= 1:
            raise ValueError(f"overlap is {self.overlap}; from 0 to 1 will do.")
        if self.compute_s is not None and min(self.compute_s) <= 0:
            raise ValueError(f"compute_s is {self.compute_s}; above 0 will do.")

    def flags(self) -> list[str]:
        """Return the flags of the processes that are measured."""
        sizes = {"hidden_size": self.hidden_size, "repeats": self.repeats}
        if self.quick:
            sizes = QUICK_SIZES
        words = []
        for name, value in sizes.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        return [*words, "--sizes", *map(str, SIZES)]


def parse_links(text: str) -> list[Setting]:
    """Return the settings of a comma list of Mbit/s x ms.

    Raises:
        ValueError: If one is not two numbers with an x between, the first above 0.

    Example:
        >>> parse_links("200x0,50x2.5")[1]
        Setting(bits_per_s=50000000.0, delay_s=0.0025)
    """
    found = []
    for link in text.split(","):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)\s*", link)
        if match is None or float(match[1]) == 0:
            raise ValueError(f"links has {link!r}; such as 200x0,50x10 will do.")
        found.append(Setting(float(match[1]) * 1e6, float(match[2]) / 1e3))
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, predict, print tables or JSON."""
    config = parse_config(argv, ScalingConfig, description=__doc__)
    result = begin("benchmarks.scaling", argv, config)
    links = config.links or (QUICK_LINKS if config.quick else DEFAULT_LINKS)
    result["check"] = (
        None if config.skip_check else checked(parse_links(links), config.flags())
    )
    devices = {
        name: device._replace(utilisation=config.utilisation)
        for name, device in DEVICES.items()
    }
    result["assumed"] = {
        "precision": config.precision,
        "device": devices[config.precision]._asdict(),
        "clusters": {name: _nested(cluster) for name, cluster in CLUSTERS.items()},
        "lanes": config.lanes,
        "overlap": config.overlap,
        "compute_s": config.compute_s,
        "implied_utilisation": implied_utilisation(DEVICES),
    }
    measured = config.compute_s and dict(
        zip(HIDDEN_SIZES, config.compute_s, strict=True)
    )
    result["predictions"] = predictions(
        devices[config.precision],
        config.precision,
        list(CLUSTERS),
        config.lanes,
        config.overlap,
        measured,
    )
    result["published"] = compared(devices)
    finish(result, config, report(result))


def _nested(values: Any) -> dict[str, Any]:
    """Return a tuple with names, and those within, as JSON values."""
    return {
        name: _nested(value) if hasattr(value, "_asdict") else value
        for name, value in values._asdict().items()
    }


def report(result: Mapping[str, Any]) -> str:
    """Return the result as Markdown."""
    versions = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    load = ", ".join(f"{value:.2f}" for value in result["load_average"])
    parts = [
        f"    {result['command']}",
        f"{result['date']}. {result['cpu']}, {result['threads']} threads, load average "
        f"at the start {load}. {versions}.",
    ]
    if result["check"] is not None:
        parts += _check_report(result["check"])
    assumed = result["assumed"]
    device = assumed["device"]
    computes = (
        f"{device['flops_per_s'] / 1e12:g} TFLOP/s, of which "
        f"{device['utilisation']:.2f} reached"
        if assumed["compute_s"] is None
        else f"measured, {assumed['compute_s']} s for an update"
    )
    parts += [
        f"Predicted, nothing measured but what is called so: V100 in "
        f"{assumed['precision']}, {computes}; {assumed['lanes']} lanes a replica, "
        f"windows of 256, overlap {assumed['overlap']:g}.",
        _table(_prediction_rows(result["predictions"])),
        "Published. Beside figures under the assumed utilisation stand those under "
        f"{assumed['implied_utilisation']:.3f}, which the epoch with 256 lanes on 8 "
        "V100 implies (marked *, and that epoch left out).",
        _table(_published_rows(result["published"])),
    ]
    return "\n\n".join(parts)


def _check_report(check: Mapping[str, Any]) -> list[str]:
    return [
        f"Measured: two processes of the twin; {check['link']}. Fitted at the first "
        f"setting: {check['latency_s'] * 1e6:,.0f} us a message, "
        f"{check['bytes_per_s'] / 1e6:,.1f} MB/s. Seconds, median [least-most].",
        _table(_check_rows(check["settings"])),
    ]


Rows = Iterator[Sequence[str]]


def _table(rows: Rows) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _check_rows(settings: Sequence[Mapping[str, Any]]) -> Rows:
    yield (
        *("Mbit/s", "ms", "update alone", "together", "predicted", "error"),
        *("gradients summed", "predicted", "error"),
    )
    for one in settings:
        rate = one["bits_per_s"]
        yield (
            "not held" if rate is None else f"{rate / 1e6:g}",
            f"{one['delay_s'] * 1e3:g}",
            span(one["alone_s"], ".3f"),
            span(one["together_s"], ".3f"),
            f"{one['predicted_s']:.3f}",
            f"{one['error']:+.0%}",
            span(one["sum_s"], ".3f"),
            f"{one['predicted_sum_s']:.3f}",
            f"{one['sum_error']:+.0%}",
        )


def _prediction_rows(predicted: Sequence[Mapping[str, Any]]) -> Rows:
    yield (
        *("units", "network", "way"),
        *(f"{replicas:,}" for replicas in REPLICAS),
        *(f"below {limit:.0%} from" for limit in LIMITS),
        f"MB/s at {REPLICAS[-1]:,}",
    )
    for row in predicted:
        limits = [row["first_below"][str(limit)] for limit in LIMITS]
        yield (
            str(row["hidden_size"]),
            row["network"],
            row["way"],
            *(f"{entry['efficiency']:.1%}" for entry in row["replicas"]),
            *("never" if limit is None else f"{limit:,}" for limit in limits),
            f"{row['replicas'][-1]['bytes_per_s'] / 1e6:,.1f}",
        )


def _published_rows(published: Sequence[Mapping[str, Any]]) -> Rows:
    yield ("what", "published", "utilisation", "predicted", "error")
    for row in published:
        yield (
            row["what"],
            f"{row['published']:g} {row['unit']}",
            f"{row['utilisation']:.3f}{'*' if row['calibrated'] else ''}",
            f"{row['predicted']:.1f} {row['unit']}",
            f"{row['error']:+.0%}",
        )


if __name__ == "__main__":
    run(main)
