"""Settings -> a run at its start: model, optimizer and the step that updates them."""

from __future__ import annotations

from compare.twin.distribution import Processes
from compare.twin.language_model import ByteLanguageModel
from compare.twin.memory import keep_freed_memory
from compare.twin.optimizer import make_optimizer
from compare.twin.precision import make_scaler, set_precision
from compare.twin.run_state import RunState
from compare.twin.step import TrainStep
from tfsent.config import RunConfig
from tfsent.data.batches import check_lanes


def build_run(
    config: RunConfig, steps: int, processes: Processes | None = None
) -> tuple[RunState, TrainStep]:
    """Return the state of a new run and its update.

    On a CPU this process keeps from now on the memory that it frees.

    Args:
        config: All settings.
        steps: Updates in all, over which the learning rate falls.
        processes: Who carries out the run. Default: this process alone.

    Raises:
        ValueError: If the batch cannot be dealt to the processes, or the optimizer is
            none of the twin's.
    """
    processes = processes or Processes()
    batch_size = config.training.batch_size
    check_lanes(batch_size, processes.size, config.training.accumulation_steps)
    set_precision(config.precision)
    if processes.device.type == "cpu":
        keep_freed_memory()
    model = ByteLanguageModel(
        config.model, seed=config.seed, text_rule=config.data.text_rule
    ).to(processes.device)
    model.recompute_layers = config.training.recompute_layers
    optimizer = make_optimizer(
        config.optimizer, batch_size, steps, model.named_parameters()
    )
    scaler = make_scaler(config.optimizer, config.precision, processes.device.type)
    step = TrainStep(
        model,
        optimizer,
        scaler,
        processes,
        clip_norm=config.optimizer.clip_norm,
        seed=config.seed,
        precision=config.precision,
        accumulation_steps=config.training.accumulation_steps,
        recompute_segment=config.training.recompute_segment,
    )
    return RunState(model, optimizer, scaler, processes, batch_size), step
