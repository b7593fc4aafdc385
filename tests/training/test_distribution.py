"""Settings to a strategy; lanes dealt to replicas and gathered again."""

import numpy as np
import pytest
import tensorflow as tf

from tfsent.config import DistributionConfig
from tfsent.training.distribution import (
    gather,
    make_strategy,
    scatter,
)


def test_one_device_gets_the_default_strategy():
    for config in (
        DistributionConfig(),
        DistributionConfig(strategy="none"),
        DistributionConfig(devices=1),
    ):
        assert make_strategy(config) is tf.distribute.get_strategy()


def test_two_logical_cpus_make_two_replicas(tensorflow):
    strategy = make_strategy(DistributionConfig(devices=2))
    assert strategy.num_replicas_in_sync == 2
    assert isinstance(strategy, tf.distribute.MirroredStrategy)


def test_more_cpus_than_the_process_has_are_refused_by_number(tensorflow):
    tf.config.list_logical_devices()  # from here on their number is fixed
    with pytest.raises(ValueError, match=r"distribution.devices is 7.* with 2 CPU"):
        make_strategy(DistributionConfig(devices=7))


def test_many_machines_are_not_made_here():
    with pytest.raises(ValueError, match=r"multiworker is made by .*workers.join"):
        make_strategy(DistributionConfig(strategy="multiworker"))


@pytest.mark.parametrize("devices", [1, 2])
def test_lanes_come_back_in_order(devices, tensorflow):
    strategy = make_strategy(DistributionConfig(devices=devices))
    tree = [(np.arange(12.0).reshape(4, 3),), (np.arange(4, dtype=np.uint8),)]
    dealt = scatter(strategy, tree)
    for ours, theirs in zip(
        tf.nest.flatten(gather(strategy, dealt)), tf.nest.flatten(tree), strict=True
    ):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    sums = strategy.run(lambda tree: tf.reduce_sum(tree[0][0]), args=(dealt,))
    parts = [float(s) for s in strategy.experimental_local_results(sums)]
    assert parts == ([66.0] if devices == 1 else [15.0, 51.0])
