"""A link of two ends: packets come across, and nothing of it is left behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks import throttled_link as link
from benchmarks.throttled_link import ADDRESSES, LinkRefusedError, Setting

ROOT = Path(__file__).parents[2]
SETTING = Setting(bits_per_s=500e6, delay_s=0.001)
WAIT_S = 20
SERVE = f"""
import socket
with socket.create_server(({ADDRESSES[0]!r}, 5000)) as server:
    print("up", flush=True)
    with server.accept()[0] as peer:
        peer.sendall(b"".join(iter(lambda: peer.recv(4096), b""))[::-1])
"""
ASK = f"""
import socket
with socket.create_connection(({ADDRESSES[0]!r}, 5000)) as peer:
    peer.sendall(b"ab" * 50_000)
    peer.shutdown(socket.SHUT_WR)
    print(b"".join(iter(lambda: peer.recv(4096), b"")) == b"ba" * 50_000)
"""
HOLD = """
import time
from benchmarks.throttled_link import Setting, throttled_link
from tfsent.cli import run
def main():
    with throttled_link(Setting(5e8)) as ends:
        print(ends.pid, flush=True)
        time.sleep(60)
run(main)
"""


@pytest.fixture
def two_devices():
    """Two pairs of sockets that keep packets apart, as a TUN does: (own, far) ends."""
    with contextlib.ExitStack() as stack:
        pairs = [socket.socketpair(type=socket.SOCK_DGRAM) for _ in range(2)]
        for one in [s for pair in pairs for s in pair]:
            stack.enter_context(one)
            one.settimeout(WAIT_S)
        yield [[far for _, far in pairs], [own.fileno() for own, _ in pairs]]


def carrying(devices, delay_s):
    """Start carrying; return the thread and what ends it when closed."""
    stop, end = os.pipe()
    thread = threading.Thread(
        target=link.carry, args=(devices, delay_s, stop), daemon=True
    )
    thread.start()
    return thread, end


@pytest.mark.parametrize("delay_s", [0.0, 0.01])
def test_packets_come_across_in_order_both_ways(two_devices, delay_s):
    (first, second), devices = two_devices
    thread, end = carrying(devices, delay_s)
    for k in range(5):
        first.send(b"there %d" % k)
        second.send(b"back %d" % k)
    assert [second.recv(99) for _ in range(5)] == [b"there %d" % k for k in range(5)]
    assert [first.recv(99) for _ in range(5)] == [b"back %d" % k for k in range(5)]
    os.close(end)
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_a_packet_is_kept_for_the_delay(two_devices):
    (first, second), devices = two_devices
    thread, end = carrying(devices, 0.2)
    start_s = time.monotonic()
    first.send(b"x")
    assert second.recv(9) == b"x"
    # No upper bound: a busy machine may be late, but never early.
    assert time.monotonic() - start_s >= 0.2
    os.close(end)
    thread.join(WAIT_S)


def test_a_refusal_says_what_was_refused(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LinkRefusedError, match=r"\w"), link.throttled_link(SETTING):
        pass


@pytest.fixture
def allowed():
    """Skip where this machine gives no link."""
    try:
        with link.throttled_link(SETTING):
            pass
    except LinkRefusedError as error:
        pytest.skip(f"no throttled link here: {error}")


def namespaces():
    """Return the network namespaces in which something runs."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(entry))
    return found


def comes_true(condition):
    end_s = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.02)
    return condition()


@pytest.mark.slow
@pytest.mark.usefixtures("allowed")
def test_bytes_come_across_and_back():
    with link.throttled_link(SETTING) as ends:
        python = [sys.executable, "-c"]
        with subprocess.Popen(
            [*ends.command(0), *python, SERVE], stdout=subprocess.PIPE
        ) as server:
            assert server.stdout.readline() == b"up\n"
            asked = subprocess.run(
                [*ends.command(1), *python, ASK], capture_output=True, timeout=WAIT_S
            )
            assert asked.stdout == b"True\n", asked.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("allowed")
def test_the_kernel_holds_both_ends_to_the_rate():
    with link.throttled_link(SETTING) as ends:
        for end in (0, 1):
            command = [*ends.command(end), "tc", "qdisc", "show", "dev", link.DEVICE]
            shown = subprocess.run(command, capture_output=True, text=True).stdout
            assert "tbf" in shown
            assert "rate 500Mbit" in shown


@pytest.mark.slow
@pytest.mark.usefixtures("allowed")
def test_after_the_context_nothing_is_left():
    with (
        contextlib.suppress(ZeroDivisionError),
        link.throttled_link(SETTING) as ends,
    ):
        own = os.readlink(f"/proc/{ends.pid}/ns/net")
        assert own in namespaces()
        raise ZeroDivisionError
    assert own not in namespaces()
    assert not Path(f"/proc/{ends.pid}").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_caller_nothing_is_left(number):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as caller:
        pid = int(caller.stdout.readline())
        own = os.readlink(f"/proc/{pid}/ns/net")
        assert own in namespaces()
        caller.send_signal(number)
        caller.wait(WAIT_S)
        assert comes_true(lambda: own not in namespaces())
