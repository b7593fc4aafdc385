"""A network of two ends whose rate and delay are set, on one machine.

    with throttled_link(Setting(bits_per_s=200e6, delay_s=0.01)) as ends:
        subprocess.run([*ends.command(0), "python", ...])

Each end is a network namespace with one device, a TUN, whose queue the kernel holds to
the rate (`tc`, a token bucket). A process carries packets between the two and keeps
each for the delay. `tc netem` on a veth pair would do that within the kernel; small
kernels, such as that of a microVM, have no netem.

The namespaces have no names. They are there as long as that process is or something
runs in them, and it ends when its standard input does: whatever ends the caller, a
SIGKILL too, leaves nothing behind. Needs Linux, the rights of root, `ip`, `tc` and
`nsenter`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ADDRESSES = ("10.77.0.1", "10.77.0.2")
DEVICE = "wire"
"""Name of the device at either end."""

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_MTU = 9000
"""Jumbo frames: 52 bytes of headers are 0.6 % of them, and at 800 Mbit/s 11,000 pass a
second, which the carrying process can do on a part of a core."""
_BURST_BYTES = 20_000
"""What may pass at once: two packets. More of it would carry small messages for
nothing, and with it the rate that they show."""
_QUEUE_BYTES = 16_000_000
"""More than TCP has under way, so that nothing is dropped."""
_GRACE_S = 5.0
_ROOT = Path(__file__).parents[1]


class Setting(NamedTuple):
    """What a link is held to.

    Attributes:
        bits_per_s: Rate of either direction.
        delay_s: Time that each packet takes, one way.
    """

    bits_per_s: float
    delay_s: float = 0.0


class LinkRefusedError(OSError):
    """This machine gives no such link; the text says what it refused."""


class Ends(NamedTuple):
    """A link that is up.

    Attributes:
        pid: The process that carries its packets.
        namespaces: Its file descriptors of the two network namespaces.
    """

    pid: int
    namespaces: tuple[int, int]

    def command(self, end: int) -> list[str]:
        """Return the words before a command that make it run at an end, 0 or 1."""
        return ["nsenter", f"--net=/proc/{self.pid}/fd/{self.namespaces[end]}", "--"]


@contextlib.contextmanager
def throttled_link(setting: Setting) -> Iterator[Ends]:
    """Give a link while the context lasts; afterwards nothing of it is left.

    Args:
        setting: Rate and delay.

    Raises:
        LinkRefusedError: If this machine gives none.
    """
    # A session of its own: Ctrl-C reaches the caller alone, who ends what uses the
    # link before the link.
    carrier = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.throttled_link", json.dumps(setting)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert carrier.stdin is not None
    assert carrier.stdout is not None
    try:
        told = json.loads(carrier.stdout.readline() or '{"refused": "it ended."}')
        if "refused" in told:
            raise LinkRefusedError(told["refused"])
        first, second = told["namespaces"]
        yield Ends(carrier.pid, (first, second))
    finally:
        carrier.stdin.close()
        try:
            carrier.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            carrier.kill()
            carrier.wait()
        carrier.stdout.close()


def carry(devices: Sequence[int], delay_s: float, stop: int) -> None:
    """Carry packets between two devices, in order, until `stop` can be read.

    Args:
        devices: Two file descriptors; one read is one packet.
        delay_s: For which each packet is kept.
        stop: File descriptor.
    """
    for device in devices:
        os.set_blocking(device, False)
    under_way: list[deque[tuple[float, bytes]]] = [deque(), deque()]
    while True:
        now_s = time.monotonic()
        for packets, out in zip(under_way, reversed(devices), strict=True):
            while packets and packets[0][0] <= now_s:
                os.write(out, packets.popleft()[1])
        dues = [packets[0][0] for packets in under_way if packets]
        wait_s = max(0.0, min(dues) - now_s) if dues else None
        readable, _, _ = select.select([stop, *devices], [], [], wait_s)
        if stop in readable:
            return
        now_s = time.monotonic()
        for packets, device in zip(under_way, devices, strict=True):
            if device in readable:
                packets.extend((now_s + delay_s, p) for p in _packets(device))


def _packets(device: int) -> Iterator[bytes]:
    """Yield the packets that wait in a device."""
    with contextlib.suppress(BlockingIOError):
        while packet := os.read(device, 2**16):
            yield packet


def _make_end(end: int, bits_per_s: float) -> tuple[int, int]:
    """Enter a new network; return its device and namespace, as file descriptors."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "a network namespace")
    device = os.open("/dev/net/tun", os.O_RDWR)
    request = struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN | _IFF_NO_PI)
    fcntl.ioctl(device, _TUNSETIFF, request)
    own, other = ADDRESSES[end], ADDRESSES[1 - end]
    for command in (
        "ip link set lo up",
        f"ip addr add {own} peer {other} dev {DEVICE}",
        f"ip link set {DEVICE} mtu {_MTU} up",
        f"tc qdisc add dev {DEVICE} root tbf rate {round(bits_per_s)}bit "
        f"burst {_BURST_BYTES} limit {_QUEUE_BYTES}",
    ):
        done = subprocess.run(command.split(), capture_output=True, text=True)
        if done.returncode:
            raise OSError(f"{command}: {done.stderr.strip()}")
    return device, os.open("/proc/self/ns/net", os.O_RDONLY)


def main() -> None:
    """Make the two ends, tell of them in one line of JSON, and carry packets."""
    setting = Setting(*json.loads(sys.argv[1]))
    try:
        ends = [_make_end(end, setting.bits_per_s) for end in (0, 1)]
    except OSError as error:
        print(json.dumps({"refused": str(error)}), flush=True)
        return
    print(json.dumps({"namespaces": [end[1] for end in ends]}), flush=True)
    carry([end[0] for end in ends], setting.delay_s, sys.stdin.fileno())


if __name__ == "__main__":
    main()
