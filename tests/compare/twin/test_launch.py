"""Leaving a process that has launched others, or was launched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).parents[3]

# What torchrun leaves behind after a signal, only busier: a thread of a daemon that
# is nearly always in the middle of a call when the interpreter ends.
HEARTBEAT = """
import sys, threading
import torch.distributed as dist
from compare.twin.distribution import leave

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


@pytest.mark.parametrize(("flag", "code"), [("--plan", 0), ("--seed=x", 2)])
def test_a_process_of_torchrun_does_not_wait_for_the_interpreters_end(
    tmp_path, flag, code
):
    # An end of the interpreter that aborts, as it may while threads of Gloo live.
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os\natexit.register(os.abort)\n"
    )
    done = subprocess.run(
        [sys.executable, "scripts/train_twin.py", "--preset", "tiny", flag],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "RANK": "0", "WORLD_SIZE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert ("peak" in done.stdout) == (code == 0)
