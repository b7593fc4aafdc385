"""Leaving a process that has launched others."""

import subprocess
import sys

import pytest

pytest.importorskip("torch")

# What torchrun leaves behind after a signal, only busier: a thread of a daemon that
# is nearly always in the middle of a call when the interpreter ends.
HEARTBEAT = """
import sys, threading
import torch.distributed as dist
from compare.twin.launch import leave

store = dist.TCPStore("127.0.0.1", 0, is_master=True, use_libuv=True)

def beat():
    while True:
        store.set("beat", "x")

for _ in range(4):
    threading.Thread(target=beat, daemon=True).start()
print("out", end="")
print("one line", file=sys.stderr, end="")
leave(143)
"""


def test_a_heartbeat_that_goes_on_does_not_spoil_the_end():
    done = subprocess.run(
        [sys.executable, "-c", HEARTBEAT], capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, done.stdout, done.stderr) == (143, "out", "one line")
