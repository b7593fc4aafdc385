"""Workers meet at the chief's port; who is missing is told to all of them."""

import socket
import threading
import time

import pytest

from tfsent.training import meeting
from tfsent.training.cluster import Cluster
from tfsent.training.meeting import meet


@pytest.fixture
def workers():
    """Three addresses at which nothing listens."""
    held = [socket.socket() for _ in range(3)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    found = tuple(f"127.0.0.1:{one.getsockname()[1]}" for one in held)
    for one in held:
        one.close()
    return found


def start(workers, index, timeout_s=20.0):
    """Start a worker in a thread; return it and what it ends with."""
    ended, told = [], []

    def work():
        try:
            meet(Cluster(workers, index), timeout_s, told.append)
            ended.append("met")
        except OSError as error:
            ended.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    return thread, ended, told


def test_all_go_on_once_the_last_has_come(workers):
    early = [start(workers, index) for index in (2, 0)]
    time.sleep(0.5)
    assert all(not ended for _, ended, _ in early)
    late = start(workers, 1)
    for thread, ended, told in (*early, late):
        thread.join(20)
        assert ended == ["met"]
        assert told == []


def test_who_is_missing_is_told_to_all(workers):
    found = [start(workers, index, 1.5) for index in (0, 1)]
    for thread, ended, _ in found:
        thread.join(20)
        assert len(ended) == 1
        assert f"worker 2 ({workers[2]}) did not come" in ended[0]


def test_a_missing_chief_is_named(workers):
    thread, ended, _ = start(workers, 1, 1.0)
    thread.join(20)
    assert f"worker 0 ({workers[0]}) did not answer: Connection refused" in ended[0]


def test_a_long_wait_says_for_whom(workers, monkeypatch):
    monkeypatch.setattr(meeting, "_TELL_S", 0.2)
    thread, _, told = start(workers, 0, 1.5)
    thread.join(20)
    assert len(told) == 1
    assert told[0].startswith(f"waiting for worker 1 ({workers[1]}), worker 2")


def knock(address, message):
    host, port = address.split(":")
    one = socket.create_connection((host, int(port)), 5)
    one.sendall(message)
    return one


@pytest.mark.parametrize(
    "message",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b'{"worker": 7}\n',
        b"[]\n",
        b"\xff\n",
        b'{"worker": 0}\n',
    ],
)
def test_others_who_knock_at_the_port_do_no_harm(workers, message):
    chief = start(workers, 0)
    time.sleep(0.3)
    stranger = knock(workers[0], message)
    rest = [start(workers, index) for index in (1, 2)]
    for thread, ended, _ in (chief, *rest):
        thread.join(20)
        assert ended == ["met"]
    stranger.close()


def test_a_worker_that_leaves_and_comes_back_is_waited_for(workers):
    chief = start(workers, 0)
    time.sleep(0.3)
    knock(workers[0], b'{"worker": 1}\n').close()
    time.sleep(0.5)
    second = start(workers, 2)
    time.sleep(0.7)
    assert not chief[1]
    first = start(workers, 1)
    for thread, ended, _ in (chief, first, second):
        thread.join(20)
        assert ended == ["met"]


def test_a_taken_port_is_refused():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match=r"worker 0 .* cannot listen .* in use"):
            meet(Cluster((address,), 0), 1.0, print)
    meet(Cluster((address,), 0), 1.0, print)
