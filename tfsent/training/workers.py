"""The workers of a run on many machines; how they meet, and what they tell each other.

Each runs the same command. What they tell each other travels as integers through the
collective operations that also add up gradients.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tfsent.config import DistributionConfig
from tfsent.training.cluster import Cluster
from tfsent.training.meeting import meet
from tfsent.training.processes import Processes


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


class Workers(Processes):
    """The workers of a run, each a process; one of them has one device or several.

    Args:
        cluster: Which they are.
        strategy: What `join` gave.
    """

    def __init__(self, cluster: Cluster, strategy: tf.distribute.Strategy):
        self.rank = cluster.number
        self.size = len(cluster.workers)
        self._strategy = strategy
        self._local_devices = len(strategy.extended.worker_devices)
        self._sum = tf.function(self._summed, autograph=False, reduce_retracing=True)

    def join_lanes(self, own: np.ndarray) -> np.ndarray:
        """Return the lanes (axis 0) of all workers, in order, in every worker."""
        words = _words_of(own)
        all_words = np.zeros((self.size, len(words)), np.int32)
        all_words[self.rank] = words
        rows = self._sum(tf.constant(all_words)).numpy()
        return np.concatenate([_array_of(row, own) for row in rows])

    def broadcast(self, array: np.ndarray) -> np.ndarray:
        """Return the chief's array, of the same shape and type, in every worker."""
        words = _words_of(array)
        if not self.is_chief:
            words = np.zeros_like(words)
        return _array_of(self._sum(tf.constant(words)).numpy(), array)

    def _summed(self, words):
        """Return the sum of what the workers hold, int32.

        Where one has something the others have zeros: what it holds comes through bit
        for bit.
        """

        def add(words):
            context = tf.distribute.get_replica_context()
            # Of a worker with several devices the first one alone speaks.
            local = context.replica_id_in_sync_group % self._local_devices
            words = tf.where(tf.equal(local, 0), words, tf.zeros_like(words))
            # An identity: a raw argument has no destination for the sum.
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(words))

        summed = self._strategy.run(add, args=(words,))
        return self._strategy.experimental_local_results(summed)[0]


def _words_of(array: np.ndarray) -> np.ndarray:
    """Return the bits of an array as int32[any], filled up with zeros."""
    data = np.asarray(array, order="C").tobytes()
    return np.frombuffer(data + bytes(-len(data) % 4), np.int32)


def _array_of(words: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return the array of the shape and type of another that has these bits."""
    data = words.tobytes()[: like.nbytes]
    return np.frombuffer(data, like.dtype).reshape(like.shape)
