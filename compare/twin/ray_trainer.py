"""Ray's trainer for processes of the twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from compare.twin.distribution import BACKEND, TIMEOUT

if TYPE_CHECKING:
    # Ray is installed where it is used alone; without it this module still imports.
    from ray.train import ScalingConfig
    from ray.train.torch import TorchTrainer


def make_trainer(
    worker: Callable[[], Any], *, scaling_config: ScalingConfig, **options: Any
) -> TorchTrainer:
    """Return the trainer; it introduces its workers as `Processes` would.

    Args:
        worker: What each worker does.
        scaling_config: How many workers, with what.
        **options: As for `TorchTrainer`.
    """
    from ray.train.torch import TorchConfig, TorchTrainer

    backend = BACKEND if scaling_config.use_gpu else "gloo"
    return TorchTrainer(
        worker,
        scaling_config=scaling_config,
        torch_config=TorchConfig(
            backend=backend, timeout_s=int(TIMEOUT.total_seconds())
        ),
        **options,
    )
