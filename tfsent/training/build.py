"""Settings -> a run at its start: model, optimizer and the step that updates them."""

from __future__ import annotations

import tensorflow as tf

from tfsent.config import RunConfig
from tfsent.data.batches import check_lanes
from tfsent.model.language_model import ByteLanguageModel
from tfsent.training.allocator import keep_freed_memory
from tfsent.training.distribution import make_strategy
from tfsent.training.optimizer import make_optimizer
from tfsent.training.precision import set_precision, unrolls
from tfsent.training.processes import Processes
from tfsent.training.run_state import RunState
from tfsent.training.step import TrainStep


def build_run(
    config: RunConfig,
    steps: int,
    strategy: tf.distribute.Strategy | None = None,
    processes: Processes | None = None,
) -> tuple[RunState, TrainStep]:
    """Return the state of a new run and its update, compiled at the first call.

    Sets the dtype policy of the process, that it keeps freed memory, and without a
    GPU its logical CPU devices.

    Args:
        config: All settings.
        steps: Updates in all, over which the learning rate falls.
        strategy: Where to compute. Default: the devices of this machine that the
            settings ask for.
        processes: Who carries out the run. Default: this process alone.

    Raises:
        ValueError: If the devices are not there, the batch cannot be dealt to them,
            or the optimizer is unknown.
    """
    keep_freed_memory()
    batch_size = config.training.batch_size
    strategy = strategy or make_strategy(config.distribution)
    check_lanes(
        batch_size,
        strategy.num_replicas_in_sync,
        config.training.accumulation_steps,
    )
    set_precision(config.precision)
    with strategy.scope():
        model = ByteLanguageModel(
            config.model, seed=config.seed, text_rule=config.data.text_rule
        )
        model.build(None)
        model.recompute_layers = config.training.recompute_layers
        model.unrolled = unrolls(config.precision, config.training)
        optimizer = make_optimizer(config.optimizer, batch_size, steps)
        optimizer.build(model.trainable_variables)
    step = TrainStep(
        model,
        optimizer,
        strategy,
        clip_norm=config.optimizer.clip_norm,
        seed=config.seed,
        accumulation_steps=config.training.accumulation_steps,
        recompute_segment=config.training.recompute_segment,
    )
    return RunState(model, optimizer, strategy, batch_size, processes), step
