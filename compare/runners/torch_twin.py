"""The runners of this project on PyTorch: the twin, as it is and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compare.runners.facts import RunnerFacts
from compare.runners.inputs import read_weights
from compare.runners.serving import Work
from compare.runners.training import training_work
from compare.runners.twin_training import TwinTraining

COMPILED = "torch-compiled"

RUNNERS = (
    RunnerFacts(
        name="torch",
        what="the PyTorch twin, eager: packed products, gradient by hand",
        models=("mlstm+norm", "mlstm", "lstm+norm", "lstm", "gru+norm", "gru"),
        tasks=("train", "featurize", "generate"),
        precisions=("float32", "mixed_bfloat16", "mixed_float16"),
        packages=("torch", "numpy"),
        modules=("torch",),
    ),
    RunnerFacts(
        name=COMPILED,
        what="the PyTorch twin, its element-wise parts compiled by torch.compile",
        models=("mlstm+norm", "mlstm", "lstm+norm", "lstm"),
        tasks=("train",),
        precisions=("float32", "mixed_bfloat16", "mixed_float16"),
        packages=("torch", "numpy"),
        modules=("torch",),
    ),
)


def open_side(name: str) -> TorchTwin:
    """Open PyTorch."""
    side = TorchTwin()
    if name == COMPILED:
        compile_gates()
    return side


def compile_gates() -> None:
    """Have the gates of all LSTMs of this process compiled by inductor.

    The loop over time stays in Python: unrolled over a window it is some thousand
    operations, and its compilation takes minutes.
    """
    import torch

    from compare.twin import lstm, mlstm

    for module in (lstm, mlstm):
        for name in ("gates_forward", "gates_slopes", "gates_backward"):
            compiled = torch.compile(getattr(module, name), dynamic=False)
            setattr(module, name, compiled)


class TorchSide:
    """What all runners on PyTorch have in common."""

    def __init__(self) -> None:
        import torch

        self._torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"

    def product(self, side: int) -> tuple[Callable[[], object], Callable[[], object]]:
        """Return a float32 product of square matrices, and what waits for it."""
        torch, device = self._torch, self.device
        made = torch.Generator(device).manual_seed(1)
        a, b = (
            torch.randn((side, side), generator=made, device=device) for _ in range(2)
        )
        result = torch.empty_like(a)

        def product() -> None:
            torch.mm(a, b, out=result)

        return product, lambda: float(result[0, 0])

    def memory(self) -> dict[str, int]:
        """Return the most memory of the GPU so far."""
        if self.device == "cpu":
            return {}
        return {"peak_device_bytes": self._torch.cuda.max_memory_allocated()}


class TorchTwin(TorchSide):
    """This project on PyTorch."""

    def work(
        self, task: str, config: dict[str, Any], weights: str, inputs: str
    ) -> Work:
        """Return a piece of work, done once."""
        from compare.models import fill_twin, twin_arrays
        from tfsent.config import RunConfig
        from tfsent.settings_json import from_dict

        settings, named = from_dict(RunConfig, config), read_weights(weights)
        if task == "train":
            from compare.twin.build import build_run

            state, step = build_run(settings, settings.training.steps or 1)
            arrays = twin_arrays(named, settings.model)
            training = TwinTraining(
                state.model,
                step,
                state.carried,
                inputs,
                lambda: fill_twin(state.model, arrays),
            )
            return training_work(training, training.num_batches, named)

        from compare.loading import LanguageModel
        from compare.runners.trained_work import trained_work
        from compare.twin import ByteLanguageModel

        model = ByteLanguageModel(settings.model)
        fill_twin(model, twin_arrays(named, settings.model))
        trained = LanguageModel(model.to(self.device), settings.precision)
        return trained_work(task, trained, inputs)
