import errno
import fcntl
import json
import os
import signal
import subprocess
import sys

import pytest

from tfsent.checkpoint import RunLock, RunLockedError, atomic, move_aside
from tfsent.checkpoint.liveness import host_start

HOLDER = """
import sys
from tfsent.checkpoint import RunLock
for run in map(str.strip, sys.stdin):
    try:
        with RunLock(run):
            print("goes on", flush=True)
            sys.stdin.readline()
    except ValueError as error:
        print(error, flush=True)
        sys.stdin.readline()
    print("left", flush=True)
"""


class Process:
    """A process that takes locks when told a run folder, and leaves when told to."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, text=""):
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().strip()


@pytest.fixture
def start():
    started = []

    def one():
        started.append(Process())
        return started[-1]

    yield one
    for each in started:
        each.process.kill()
        each.process.communicate()


def test_lock_file_is_there_while_locked_and_gone_afterwards(tmp_path):
    run = tmp_path / "a" / "run"
    with RunLock(run):
        assert os.listdir(run) == [".lock"]
    assert os.listdir(run) == []
    with pytest.raises(KeyError), RunLock(run):
        raise KeyError
    assert os.listdir(run) == []


def test_second_lock_is_refused_naming_the_holder(tmp_path, start):
    holder = start()
    holder.tell(tmp_path)
    assert holder.answer() == "goes on"
    with pytest.raises(RunLockedError, match=f"process {holder.process.pid} on host"):
        RunLock(tmp_path).acquire()
    assert issubclass(RunLockedError, ValueError)


def test_second_lock_of_the_same_process_is_refused(tmp_path):
    with RunLock(tmp_path):
        with pytest.raises(RunLockedError, match=str(tmp_path)):
            RunLock(tmp_path).acquire()
        assert os.listdir(tmp_path) == [".lock"]


@pytest.mark.parametrize("bury", [True, False])
def test_lock_of_a_killed_process_does_not_block(tmp_path, start, bury):
    holder = start()
    holder.tell(tmp_path)
    holder.answer()
    os.kill(holder.process.pid, signal.SIGKILL)
    how = os.WEXITED if bury else os.WEXITED | os.WNOWAIT
    os.waitid(os.P_PID, holder.process.pid, how)
    assert os.listdir(tmp_path) == [".lock"]
    with RunLock(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


def test_strange_lock_file_does_not_block(tmp_path):
    for text in (b"", b"\0" * 9, b"[" * 10**5, b'{"pid": "x"}'):
        (tmp_path / ".lock").write_bytes(text)
        with RunLock(tmp_path):
            pass


DEAD = {"pid": os.getpid(), "host": "h", "since": "s", "process_start": -1}
DEAD["host_start"] = host_start()


@pytest.mark.parametrize(
    "text",
    [b"", b'{"pid": 1}', json.dumps(DEAD).encode()],
    ids=["empty", "short", "dead"],
)
def test_holder_without_a_name_is_refused_too(tmp_path, text, monkeypatch):
    monkeypatch.setattr("tfsent.checkpoint.run_lock._WAIT_S", 0.05)
    with RunLock(tmp_path):
        (tmp_path / ".lock").write_bytes(text)
        with pytest.raises(RunLockedError, match="another process"):
            RunLock(tmp_path).acquire()


def test_of_two_processes_one_goes_on_and_the_other_names_it(tmp_path, start):
    pair = [start(), start()]
    pids = [each.process.pid for each in pair]
    for race in range(50):
        run = tmp_path / str(race % 5)
        for each in pair:
            each.tell(run)
        answers = [each.answer() for each in pair]
        assert answers.count("goes on") == 1
        winner = answers.index("goes on")
        assert f"process {pids[winner]} on host" in answers[1 - winner]
        for each in pair:
            each.tell()
            assert each.answer() == "left"
        assert os.listdir(run) == []


def test_lock_passed_on_is_held_by_one_at_a_time(tmp_path, start):
    """Each takes and gives back without pause: removing the file opens no gap."""
    code = """
import os, sys
from tfsent.checkpoint import RunLock, RunLockedError
taken = 0
while taken < 100:
    try:
        with RunLock(sys.argv[1]):
            os.close(os.open(sys.argv[2], os.O_CREAT | os.O_EXCL))
            os.unlink(sys.argv[2])
            taken += 1
    except RunLockedError:
        pass
"""
    command = [sys.executable, "-c", code, str(tmp_path / "run"), str(tmp_path / "one")]
    several = [subprocess.Popen(command) for _ in range(3)]
    assert [each.wait() for each in several] == [0, 0, 0]


def test_lock_file_removed_just_before_it_is_locked_is_made_again(
    tmp_path, monkeypatch
):
    flock = fcntl.flock
    gone = []

    def late(file, operation):
        if not gone:  # The holder before leaves between our opening and locking.
            gone.append(os.unlink(tmp_path / ".lock"))
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with RunLock(tmp_path):
        assert os.listdir(tmp_path) == [".lock"]
        with pytest.raises(RunLockedError):
            RunLock(tmp_path).acquire()


def test_forked_child_does_not_keep_the_lock_of_its_killed_parent(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("tfsent.checkpoint.run_lock._WAIT_S", 0.05)
    code = """
import os, sys
from tfsent.checkpoint import RunLock
lock = RunLock(sys.argv[1])
lock.acquire()
if os.fork() > 0:
    print("forked", flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout.readline() == b"forked\n"
    parent.kill()
    parent.wait()
    with RunLock(tmp_path):
        pass
    parent.communicate()


def test_disk_error_names_the_path_and_leaves_no_lock(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match=r"No space.*\.lock"):
            RunLock(tmp_path).acquire()
    with RunLock(tmp_path):
        pass


def test_run_is_moved_aside_to_the_first_free_name(tmp_path):
    run = tmp_path / "run"
    assert move_aside(run) is None
    run.mkdir()
    assert move_aside(run) is None
    for number in (1, 2):
        run.mkdir(exist_ok=True)
        (run / "metrics.jsonl").write_text(f"{number}")
        assert move_aside(run) == tmp_path / f"run.old-{number}"
        assert not run.exists()
    (tmp_path / "run.old-3").symlink_to("nowhere")
    run.mkdir()
    (run / "metrics.jsonl").write_text("4")
    assert move_aside(run) == tmp_path / "run.old-4"
    for number in (1, 2, 4):
        old = tmp_path / f"run.old-{number}"
        assert os.listdir(old) == ["metrics.jsonl"]
        assert (old / "metrics.jsonl").read_text() == f"{number}"


def test_run_of_a_living_process_is_not_moved_aside(tmp_path, start):
    run = tmp_path / "run"
    holder = start()
    holder.tell(run)
    holder.answer()
    with pytest.raises(RunLockedError, match=f"process {holder.process.pid}"):
        move_aside(run)
    assert os.listdir(tmp_path) == ["run"]


def test_lock_of_a_folder_moved_aside_meanwhile_is_taken_at_its_old_name(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "x").touch()
    lock_file = os.open(run / ".lock", os.O_RDWR | os.O_CREAT)
    assert move_aside(run) is not None
    os.close(lock_file)
    with RunLock(run):
        assert os.listdir(run) == [".lock"]
    assert atomic.remove_leftovers(run) == []
