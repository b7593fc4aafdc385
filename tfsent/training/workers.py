"""The workers of a run on many machines; how they meet, and what they tell each other.

Each runs the same command. What they tell each other travels as the bits of integers
through the collective operations that also add up gradients; nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfsent.config import DistributionConfig
from tfsent.training.cluster import Cluster
from tfsent.training.meeting import meet
from tfsent.training.stop import AgreedStop, StopRequest


def join(
    cluster: Cluster, config: DistributionConfig, tell: Callable[[str], None]
) -> tf.distribute.Strategy:
    """Return the strategy of all workers, once all of them are there.

    Each computes on `devices` GPUs of its machine, or on its CPU.

    Args:
        cluster: Which they are.
        config: How many devices, and how long to wait.
        tell: Called with one line about whom it waits for.

    Raises:
        OSError: If the own port is taken, or some worker does not come.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and config.devices:
        tf.config.set_visible_devices(gpus[: config.devices], "GPU")
    meet(cluster, config.join_timeout_s, tell)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.workers)}),
        task_type="worker",
        task_id=cluster.number,
        rpc_layer="grpc",
    )
    return tf.distribute.MultiWorkerMirroredStrategy(resolver)


@contextlib.contextmanager
def lost_workers() -> Iterator[None]:
    """Turn what TensorFlow raises when another worker has ended into one line.

    Raises:
        ConnectionError: Then. At most about 10 s after the worker was killed: that is
            when TensorFlow misses its heartbeats.
    """
    kinds = (
        *(tf.errors.UnavailableError, tf.errors.AbortedError),
        *(tf.errors.DeadlineExceededError, tf.errors.CancelledError),
    )
    try:
        yield
    except kinds as error:
        found = sorted(set(re.findall(r"/task:(\d+)", str(error))))
        which = f"worker {', '.join(found)}" if found else "another worker"
        raise ConnectionError(
            f"{which} of this run has ended or cannot be reached; the same command "
            "goes on from the last checkpoint."
        ) from error


class Workers:
    """The workers of a run; see `tfsent.training.processes.Processes`.

    Args:
        cluster: Which they are.
        strategy: What `join` gave.
    """

    def __init__(self, cluster: Cluster, strategy: tf.distribute.Strategy):
        self.size = len(cluster.workers)
        self.rank = cluster.number
        self.is_chief = cluster.number == 0
        self._strategy = strategy
        self._local_devices = strategy.num_replicas_in_sync // self.size
        self._sum = tf.function(self._summed, autograph=False, reduce_retracing=True)

    def lanes(self, batch_size: int) -> slice:
        """Return the lanes of this worker: r B/R to (r + 1) B/R."""
        first, last = (
            batch_size * rank // self.size for rank in (self.rank, self.rank + 1)
        )
        return slice(first, last)

    def exchange(self, own: np.ndarray) -> np.ndarray:
        """Return the arrays of all workers, [size, ...], bit for bit.

        Each worker's has the same shape and type.
        """
        own = np.asarray(own, order="C")
        data = np.frombuffer(own.tobytes(), np.uint8)
        words = np.zeros((self.size, -(-len(data) // 4)), np.int32)
        # Where the others have zeros: the sum is what each one wrote.
        words[self.rank].view(np.uint8)[: len(data)] = data
        summed = self._sum(tf.constant(words)).numpy()
        return np.stack(
            [
                np.frombuffer(row.tobytes()[: len(data)], own.dtype).reshape(own.shape)
                for row in summed
            ]
        )

    def _summed(self, words):
        """Return the sum of what the workers hold, int32."""

        def add(words):
            context = tf.distribute.get_replica_context()
            # Of a worker with several devices the first one alone speaks.
            local = context.replica_id_in_sync_group % self._local_devices
            words = tf.where(tf.equal(local, 0), words, tf.zeros_like(words))
            # An identity: a raw argument has no destination for the sum.
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(words))

        summed = self._strategy.run(add, args=(words,))
        return self._strategy.experimental_local_results(summed)[0]

    def join_lanes(self, own: np.ndarray) -> np.ndarray:
        """Return the lanes (axis 0) of all workers, in order, in every worker."""
        return np.concatenate(list(self.exchange(own)))

    def broadcast(self, array: np.ndarray) -> np.ndarray:
        """Return the chief's array, of the same shape and type, in every worker."""
        return self.exchange(array)[0]

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all workers, JSON, in every worker."""
        text = np.frombuffer(json.dumps(value).encode("ascii"), np.uint8)
        lengths = self.exchange(np.array(len(text), np.int64))
        padded = np.zeros(lengths.max(), np.uint8)
        padded[: len(text)] = text
        rows = self.exchange(padded)
        return [
            json.loads(row[:length].tobytes())
            for row, length in zip(rows, lengths, strict=True)
        ]

    def share(self, value: Any) -> Any:
        """Return the chief's value, JSON, in every worker."""
        return self.gather(value if self.is_chief else None)[0]

    def agree(self, stop: StopRequest) -> StopRequest:
        """Return a request whose `signal` is the same in every worker.

        Every worker must then read it equally often: reading is talking, until a
        signal has come to one of them.
        """
        return AgreedStop(stop, self._largest)

    def _largest(self, number: int) -> int:
        return int(self.exchange(np.array(number, np.int64)).max())
