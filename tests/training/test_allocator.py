"""The pool that freed memory stays in, beside the system's own."""

import os
import subprocess
import sys

import psutil
import pytest

from tfsent.training.allocator import keep_freed_memory

POOLED, LIMIT = "TF_CPU_ALLOCATOR_USE_BFC", "TF_CPU_BFC_MEM_LIMIT_IN_MB"

# Makes and frees an array of 400 MB, then tells what the process still holds.
HELD = """
import tensorflow as tf
from tfsent.peak_memory import resident_bytes
from tfsent.training.allocator import keep_freed_memory
keep_freed_memory()
start = resident_bytes()
array = tf.fill([100_000_000], 1.0)
del array
print(resident_bytes() - start)
"""


@pytest.mark.parametrize("pooled", [True, False])
def test_freed_memory_stays_unless_the_user_wants_it_back(pooled):
    # Without oneDNN, which would bring a pool of its own on some machines.
    variables = dict(os.environ, TF_ENABLE_ONEDNN_OPTS="0")
    variables.pop(POOLED, None)
    if not pooled:
        variables[POOLED] = "0"
    done = subprocess.run(
        [sys.executable, "-c", HELD],
        env=variables,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert (int(done.stdout) > 350e6) is pooled


def test_the_pool_may_take_the_memory_of_the_machine(monkeypatch):
    for name in (POOLED, LIMIT):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    keep_freed_memory()
    assert os.environ[POOLED] == "1"
    assert int(os.environ[LIMIT]) == psutil.virtual_memory().total // 2**20


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv(POOLED, "0")
    monkeypatch.setenv(LIMIT, "100")
    keep_freed_memory()
    assert (os.environ[POOLED], os.environ[LIMIT]) == ("0", "100")
