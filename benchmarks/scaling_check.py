"""The model of `benchmarks.scaling_model` beside two processes over a throttled link.

Latency and rate are fitted to sums of messages at the first setting alone. The others
follow: what the link is held to changes by as much as the setting says, what the
programs add stays. So do the seconds of an update: those of a process that computes
beside the other without talking, and the messages of its gradients.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.scaling_model import Link, fit_link, ring_seconds
from benchmarks.throttled_link import (
    ADDRESSES,
    DEVICE,
    LinkRefusedError,
    Setting,
    throttled_link,
)
from benchmarks.timing import spread
from tfsent.cli import tell

SIZES = (4, 250_000, 1_000_000, 2_500_000)
"""Bytes of the messages that are summed, besides the gradients' own."""
_PROCESSES = 2
_FIRST_BUCKET, _BUCKET = 2**20, 25 * 2**20
"""Bytes after which DistributedDataParallel sends gradients off: at first, and then."""
_LOSS_BYTES = 4
"""The mean of the losses, which an update sums besides."""
_TIMEOUT_S = 600
_PORT = 29500
_ROOT = Path(__file__).parents[1]


def checked(settings: Sequence[Setting], flags: Sequence[str]) -> dict[str, Any]:
    """Return what was measured and predicted at each setting of a link.

    Args:
        settings: Rates and delays; the first is the one that is fitted. Where this
            machine gives no such link, it is plain loopback alone.
        flags: For `compare.exchange`.

    Returns:
        `link`, in words, with the reason where it is loopback; `latency_s` and
        `bytes_per_s`, fitted; `settings`, from `figures`.

    Raises:
        ChildProcessError: If a process fails.
    """
    words = "two network namespaces, tc tbf, delay by a process"
    try:
        measured = []
        for setting in settings:
            tell(
                f"{setting.bits_per_s / 1e6:g} Mbit/s, {setting.delay_s * 1e3:g} ms ..."
            )
            with throttled_link(setting) as ends:
                prefixes = [ends.command(end) for end in range(_PROCESSES)]
                measured.append(_measured(prefixes, ADDRESSES[0], DEVICE, _PORT, flags))
    except LinkRefusedError as error:
        tell(f"no throttled link ({error}); loopback.")
        words = f"loopback, nothing predicted: this machine gives no link ({error})"
        settings = [Setting(math.inf)]
        prefixes = [[] for _ in range(_PROCESSES)]
        measured = [_measured(prefixes, "127.0.0.1", "lo", _free_port(), flags)]
    sums = {int(size): turns for size, turns in measured[0]["sums_s"].items()}
    fitted = fit_link(sums, _PROCESSES)
    return {
        "link": words,
        "latency_s": fitted.latency_s,
        "bytes_per_s": fitted.bytes_per_s,
        "settings": [
            figures(setting, found, carried_over(fitted, settings[0], setting))
            for setting, found in zip(settings, measured, strict=True)
        ],
    }


def carried_over(fitted: Link, at: Setting, to: Setting) -> Link:
    """Return what a link that was fitted at one setting is at another.

    Example:
        >>> slow = Setting(bits_per_s=1e6, delay_s=0.25)
        >>> carried_over(Link(0.5, 1000.0), Setting(4e6), slow)
        Link(latency_s=0.75, bytes_per_s=250.0)
    """
    if at == to:
        return fitted
    return Link(
        fitted.latency_s + to.delay_s - at.delay_s,
        fitted.bytes_per_s * to.bits_per_s / at.bits_per_s,
    )


def figures(setting: Setting, found: Mapping[str, Any], link: Link) -> dict[str, Any]:
    """Return an update's seconds and a sum's, measured and predicted, as JSON values.

    An error is that of the prediction to the median: predicted over measured less one.

    Args:
        setting: What the link was held to.
        found: From `compare.exchange.measure`.
        link: What it is predicted to be.
    """
    size = found["gradient_bytes"]
    alone, together = spread(found["alone_s"]), spread(found["together_s"])
    sum_s = spread(found["sums_s"][str(size)])
    predicted_sum_s = ring_seconds(size, _PROCESSES, link)
    exchange_s = sum(
        ring_seconds(part, _PROCESSES, link) for part in [*buckets(size), _LOSS_BYTES]
    )
    predicted_s = alone.median + exchange_s
    rate = setting.bits_per_s
    return {
        "bits_per_s": rate if math.isfinite(rate) else None,
        "delay_s": setting.delay_s,
        "alone_s": alone._asdict(),
        "together_s": together._asdict(),
        "predicted_s": predicted_s,
        "error": predicted_s / together.median - 1,
        "sum_s": sum_s._asdict(),
        "predicted_sum_s": predicted_sum_s,
        "sum_error": predicted_sum_s / sum_s.median - 1,
        "efficiency": alone.median / together.median,
        "predicted_efficiency": alone.median / predicted_s,
    } | {"measured": dict(found)}


def buckets(num_bytes: int) -> list[int]:
    """Return the messages in which gradients are summed, in bytes.

    Example:
        >>> buckets(27 * 2**20)
        [1048576, 26214400, 1048576]
    """
    messages = [min(num_bytes, _FIRST_BUCKET)]
    while (rest := num_bytes - sum(messages)) > 0:
        messages.append(min(rest, _BUCKET))
    return messages


def _measured(
    prefixes: Sequence[Sequence[str]],
    address: str,
    device: str,
    port: int,
    flags: Sequence[str],
) -> dict[str, Any]:
    """Return what `compare.exchange` tells in processes that start with `prefixes`."""
    command = [sys.executable, "-m", "compare.exchange", *flags]
    common = os.environ | {
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(len(prefixes)),
        "LOCAL_RANK": "0",
        "GLOO_SOCKET_IFNAME": device,
        "OMP_NUM_THREADS": "1",
        # GPUs would talk through something else than this link.
        "CUDA_VISIBLE_DEVICES": "",
    }
    with contextlib.ExitStack() as stack:
        children = [
            stack.enter_context(
                _child([*prefix, *command], common | {"RANK": str(rank)})
            )
            for rank, prefix in enumerate(prefixes)
        ]
        # The first prints one short line: it cannot fill the pipe before it ends.
        deadline_s = time.monotonic() + _TIMEOUT_S
        while any(child.poll() is None for child in children):
            if time.monotonic() > deadline_s:
                raise ChildProcessError(f"no result within {_TIMEOUT_S} s.")
            if any(child.poll() for child in children):
                break
            time.sleep(0.05)
        for child in children:
            if child.poll():
                assert child.stderr is not None
                lines = child.stderr.read().strip().splitlines()
                raise ChildProcessError(lines[-1] if lines else "a process failed.")
        assert children[0].stdout is not None
        return json.loads(children[0].stdout.read())


@contextlib.contextmanager
def _child(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Start a process that does not outlive the context."""
    child = subprocess.Popen(
        command,
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
