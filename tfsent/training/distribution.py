"""Settings -> a tf.distribute strategy; splitting batches and states over replicas."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfsent.config import DistributionConfig


def make_strategy(config: DistributionConfig) -> tf.distribute.Strategy:
    """Return the strategy that computes a step on the asked devices of this machine.

    One device needs no strategy and gets TensorFlow's default one, which adds
    nothing to a step. Must run before TensorFlow touches a device when it is to
    make logical CPU devices.

    Raises:
        ValueError: If there are fewer devices than asked for.
    """
    if config.strategy == "multiworker":
        raise ValueError(
            "distribution.strategy multiworker is made by "
            "tfsent.training.workers.join, of all machines; none or mirrored will do "
            "for one."
        )
    gpus = tf.config.list_physical_devices("GPU")
    if config.strategy == "none":
        return tf.distribute.get_strategy()
    if gpus:
        count = config.devices or len(gpus)
        if count > len(gpus):
            raise ValueError(
                f"distribution.devices is {count}, but this machine has {len(gpus)} "
                f"GPUs; at most {len(gpus)} will do."
            )
        names = [f"GPU:{k}" for k in range(count)]
    else:
        count = config.devices or 1
        if count > 1:
            _make_logical_cpus(count)
        names = [f"CPU:{k}" for k in range(count)]
    if count == 1:
        return tf.distribute.get_strategy()
    if gpus:
        return tf.distribute.MirroredStrategy(names)
    # Not the default, collective operations: on logical CPUs they stop with a
    # "shape mismatch in the collective instance" once a process has made a second
    # strategy. Copying to one device and back also adds in a fixed order.
    return tf.distribute.MirroredStrategy(
        names, cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def _make_logical_cpus(count: int) -> None:
    """Split the CPU into at least `count` logical devices."""
    (cpu, *_) = tf.config.list_physical_devices("CPU")
    try:
        present = tf.config.get_logical_device_configuration(cpu) or []
        if len(present) < count:
            tf.config.set_logical_device_configuration(
                cpu, [tf.config.LogicalDeviceConfiguration()] * count
            )
    except RuntimeError as error:
        raise ValueError(
            f"distribution.devices is {count}, but TensorFlow already runs with "
            f"{len(tf.config.list_logical_devices('CPU'))} CPU devices in this "
            "process; ask for them before anything is computed."
        ) from error


def scatter(strategy: tf.distribute.Strategy, tree: Any) -> Any:
    """Return `tree` with the lanes (axis 0) of every array dealt to the replicas here.

    Args:
        strategy: The strategy that will run the step.
        tree: Nested arrays of this process's lanes, each [B, ...]; of R replicas in
            this process the r-th gets lanes r B/R to (r + 1) B/R.
    """
    if strategy.num_replicas_in_sync == 1:
        return tf.nest.map_structure(tf.convert_to_tensor, tree)
    replicas = len(strategy.extended.worker_devices)

    def deal(array):
        parts = np.split(np.asarray(array), replicas)
        # Replicas are counted over all processes, equally many in each.
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                parts[context.replica_id_in_sync_group % replicas]
            )
        )

    return tf.nest.map_structure(deal, tree)


def gather(strategy: tf.distribute.Strategy, tree: Any) -> Any:
    """Return what `scatter` dealt as NumPy arrays again, lanes in order."""

    def join(value):
        parts = strategy.experimental_local_results(value)
        return np.concatenate([part.numpy() for part in parts])

    return tf.nest.map_structure(join, tree)
