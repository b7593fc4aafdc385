"""The workers of a run meet before TensorFlow introduces them to each other.

TensorFlow waits for a worker that never comes in a call that no signal and no thread
of this process can end, and names nobody. So all workers first tell the chief, at its
own port, that they are there; once all have, the chief sends them on.
"""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Callable

from tfsent.training.cluster import Cluster, listen

_GO = "go"
_TELL_S = 15.0
"""Seconds after which a worker that waits for others says for which."""
_PAUSE_S = 0.3
_LINE_BYTES = 2**16


def meet(cluster: Cluster, timeout_s: float, tell: Callable[[str], None]) -> None:
    """Return once all workers are there.

    Args:
        cluster: Which they are.
        timeout_s: Seconds until then, at most.
        tell: Called with one line about whom it waits for.

    Raises:
        OSError: If the own port is taken.
        ConnectionError: If some are not there in time; names them, in every worker.
    """
    with listen(cluster) as server:
        if len(cluster.workers) == 1:
            return
        patience = _Patience(timeout_s, tell)
        if cluster.number == 0:
            _gather(cluster, server, patience)
            return
    _announce(cluster, patience)


class _Patience:
    """How long to wait, and when to say for whom."""

    def __init__(self, timeout_s: float, tell: Callable[[str], None]):
        self.timeout_s = timeout_s
        self._tell = tell
        self._start = time.monotonic()
        self._told = False

    def is_over(self) -> bool:
        return time.monotonic() - self._start > self.timeout_s

    def mention(self, whom: str) -> None:
        if not self._told and time.monotonic() - self._start > _TELL_S:
            self._told = True
            self._tell(f"waiting for {whom}")


def _gather(cluster: Cluster, server: socket.socket, patience: _Patience) -> None:
    """Wait for all others to come, and send them on."""
    there: dict[int, socket.socket] = {}
    try:
        while len(there) < len(cluster.workers) - 1:
            missing = ", ".join(
                f"worker {index} ({address})"
                for index, address in enumerate(cluster.workers)
                if index and index not in there
            )
            if patience.is_over():
                _send(there, f"{missing} did not come")
                raise _late(patience, f"{missing} did not come")
            patience.mention(missing)
            if select.select([server, *there.values()], [], [], _PAUSE_S)[0]:
                _drop_leavers(there)
                _take(server, there, len(cluster.workers))
        _send(there, _GO)
    finally:
        for one in there.values():
            one.close()


def _take(server: socket.socket, there: dict[int, socket.socket], number: int) -> None:
    """Take in a worker that has come, if one has."""
    if not select.select([server], [], [], 0)[0]:
        return
    one, _ = server.accept()
    try:
        index = json.loads(_line(one, 2.0))["worker"]
        if type(index) is not int or not 0 < index < number:
            raise ValueError("no worker of this run")
    except (OSError, ValueError, KeyError, TypeError):
        one.close()  # Somebody else who knocked at this port.
        return
    if index in there:  # It was started again meanwhile.
        there[index].close()
    there[index] = one


def _drop_leavers(there: dict[int, socket.socket]) -> None:
    """Forget workers that have ended: they say nothing but that."""
    ended = select.select(list(there.values()), [], [], 0)[0]
    for index in [index for index, one in there.items() if one in ended]:
        there.pop(index).close()


def _send(there: dict[int, socket.socket], word: str) -> None:
    for one in there.values():
        try:
            one.sendall(f"{word}\n".encode())
        except OSError:
            continue  # It has ended; that is noticed soon enough.


def _announce(cluster: Cluster, patience: _Patience) -> None:
    """Tell the chief that this worker is there, until it sends all of them on."""
    chief = cluster.workers[0]
    host, _, port = chief.rpartition(":")
    why = "nobody answers"
    while not patience.is_over():
        try:
            with socket.create_connection((host.strip("[]"), int(port)), 2.0) as one:
                one.sendall(json.dumps({"worker": cluster.number}).encode() + b"\n")
                # The chief says at the end of its own patience who is missing.
                word = _line(one, patience.timeout_s + 5.0)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
        else:
            if word == _GO:
                return
            if word:
                raise _late(patience, word)
            why = "it has ended"
        patience.mention(f"worker 0 ({chief}): {why}")
        time.sleep(_PAUSE_S)
    raise _late(patience, f"worker 0 ({chief}) did not answer: {why}")


def _line(one: socket.socket, within_s: float) -> str:
    """Return the next line of a connection, decoded; empty if it has ended.

    The whole of it within some seconds: nobody holds a worker up by single bytes.
    """
    found, end = b"", time.monotonic() + within_s
    while not found.endswith(b"\n"):
        one.settimeout(max(0.001, end - time.monotonic()))
        part = one.recv(1024)
        if not part:
            return ""
        found += part
        if len(found) > _LINE_BYTES:
            raise ValueError("it answers something else")
    return found.decode("utf-8", "strict").strip()


def _late(patience: _Patience, what: str) -> ConnectionError:
    return ConnectionError(
        f"the workers did not meet within {patience.timeout_s:g} s: {what}. All must "
        "run at once, under the same list of workers."
    )
