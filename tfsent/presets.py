"""Named settings, one function each. Flags override them one by one.

None of them says for how long: without `training.steps` or `training.epochs` a run
is one pass over its text, as published, and either flag can be given with any preset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tfsent.config import (
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    TrainingConfig,
)


def tiny() -> RunConfig:
    """Return settings to try things out on a CPU."""
    return RunConfig(
        model=ModelConfig(hidden_size=64, embedding_size=16),
        training=TrainingConfig(
            batch_size=32, window=64, eval_interval=200, eval_bytes=2**16
        ),
        optimizer=OptimizerConfig(learning_rate=5e-3),
    )


def small() -> RunConfig:
    """Return settings of a model that a CPU can train to be of use."""
    return RunConfig(
        model=ModelConfig(hidden_size=512),
        training=TrainingConfig(batch_size=64, window=128),
        optimizer=OptimizerConfig(learning_rate=2e-3),
    )


def paper_4096() -> RunConfig:
    """Return the published recipe of the sentiment neuron, as far as it is stated.

    4096 units, 128 lanes of 256 bytes, Adam from 5e-4 falling linearly to 0 over one
    epoch. Departure: the gradient is clipped to a norm of 1, of which the paper says
    nothing; `--optimizer.clip-norm 0` turns it off.

    Reference:
        Radford et al. 2017, arXiv:1704.01444, section 3.
    """
    return RunConfig(
        data=DataConfig(text_rule="openai"),
        model=ModelConfig(hidden_size=4096, initialization="openai"),
        training=TrainingConfig(batch_size=128, window=256),
        optimizer=OptimizerConfig(learning_rate=5e-4, schedule="linear"),
    )


def nvidia_8192() -> RunConfig:
    """Return the large-batch recipe: 8192 units in mixed float16.

    5e-4 for a batch of 128, scaled with the batch up to 3e-3, linear to 0, gradient
    clipped to a norm of 1. Departure: the loss scale starts at 2^15, not 2^32.

    Reference:
        Puri et al. 2018, arXiv:1808.01371, and NVIDIA/sentiment-discovery.
    """
    return RunConfig(
        data=DataConfig(text_rule="nvidia"),
        model=ModelConfig(hidden_size=8192, initialization="nvidia"),
        training=TrainingConfig(batch_size=128, window=256),
        optimizer=OptimizerConfig(
            learning_rate=5e-4, schedule="linear", scale_with_batch=True, clip_norm=1.0
        ),
        precision="mixed_float16",
    )


PRESETS: Mapping[str, Callable[[], RunConfig]] = {
    "tiny": tiny,
    "small": small,
    "paper-4096": paper_4096,
    "nvidia-8192": nvidia_8192,
}
"""Every preset, by the name that `--preset` takes."""
