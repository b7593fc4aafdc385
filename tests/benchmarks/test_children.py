"""A script that failed is told as failed, and nothing of its group stays."""

import os
import signal
import subprocess
import time

import psutil
import pytest

from benchmarks.children import started

SLEEPER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(60)
"""


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "small.py"
        path.write_text(text)
        return path

    return write


def wait_for(condition):
    end_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def has_ended(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("way", ["kill", "interrupt"])
def test_workers_end_with_their_script(script, tmp_path, way):
    file = tmp_path / "pid"

    def run():
        with started(script(SLEEPER), [str(file)]) as child:
            wait_for(lambda: file.exists() and file.read_text())
            assert child.runs()
            if way == "interrupt":
                raise KeyboardInterrupt
            child.kill()

    if way == "interrupt":
        with pytest.raises(KeyboardInterrupt):
            run()
    else:
        run()
    wait_for(lambda: has_ended(int(file.read_text())))


def test_a_failure_is_told_by_its_last_line(script):
    path = script("import sys; sys.exit('first\\nerror: no such thing\\n\\n')")
    told = r"^small.py failed with code 1: error: no such thing$"
    with started(path, []) as child:
        wait_for(lambda: child._process.poll() is not None)
        with pytest.raises(ChildProcessError, match=told):
            child.runs()
        with pytest.raises(ChildProcessError, match=told):
            child.kill()
        with pytest.raises(ChildProcessError, match=told):
            child.result()


def test_a_script_killed_by_another_was_not_killed_here(script):
    with started(script(""), []) as child:
        child._process = subprocess.Popen(["sleep", "60"])
        os.kill(child._process.pid, signal.SIGKILL)
        child._process.wait()
        with pytest.raises(ChildProcessError, match="failed with code -9: no words"):
            child.kill()


def test_one_that_ended_before_is_not_killed(script):
    with started(script("print('{\"a\": 1}')"), []) as child:
        assert child.result() == {"a": 1}
        with pytest.raises(ChildProcessError, match="ended before it was killed"):
            child.kill()
