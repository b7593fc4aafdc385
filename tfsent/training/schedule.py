"""The peak of the learning rate."""

from __future__ import annotations

from tfsent.config import OptimizerConfig


def peak_learning_rate(config: OptimizerConfig, batch_size: int) -> float:
    """Return the peak learning rate, scaled with the batch where asked for.

    Reference:
        Linear scaling rule, Goyal et al. 2017, arXiv:1706.02677; reference batch
        128 and cap as in Puri et al. 2018, arXiv:1808.01371.
    """
    if not config.scale_with_batch:
        return config.learning_rate
    return min(config.learning_rate * batch_size / 128, config.max_learning_rate)
