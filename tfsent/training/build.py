"""Settings -> a run at its start: model, optimizer and the step that updates them."""

from __future__ import annotations

from tfsent.config import RunConfig
from tfsent.model.language_model import ByteLanguageModel
from tfsent.training.distribution import check_batch_size, make_strategy
from tfsent.training.optimizer import make_optimizer
from tfsent.training.precision import set_precision
from tfsent.training.run_state import RunState
from tfsent.training.step import TrainStep


def build_run(config: RunConfig, steps: int) -> tuple[RunState, TrainStep]:
    """Return the state of a new run and its update, compiled at the first call.

    Sets the dtype policy of the process, and without a GPU its logical CPU devices.

    Args:
        config: All settings.
        steps: Updates in all, over which the learning rate falls.

    Raises:
        ValueError: If the devices are not there, the batch cannot be dealt to them,
            or the optimizer is unknown.
    """
    batch_size = config.training.batch_size
    strategy = make_strategy(config.distribution)
    check_batch_size(batch_size, strategy)
    set_precision(config.precision)
    with strategy.scope():
        model = ByteLanguageModel(
            config.model, seed=config.seed, text_rule=config.data.text_rule
        )
        model.build(None)
        optimizer = make_optimizer(config.optimizer, batch_size, steps)
        optimizer.build(model.trainable_variables)
    step = TrainStep(
        model,
        optimizer,
        strategy,
        clip_norm=config.optimizer.clip_norm,
        seed=config.seed,
    )
    return RunState(model, optimizer, strategy, batch_size), step
