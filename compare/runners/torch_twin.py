"""The runner of `scripts/train_twin.py`: the PyTorch twin and its update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def main() -> None:
    """Answer the lines on standard input."""
    import torch

    from compare.formats import twin
    from compare.runners.framework_runner import FrameworkRunner
    from compare.runners.process import serve
    from compare.twin_session import TorchFramework

    def set_weights(model: Any, weights: dict[str, np.ndarray]) -> None:
        arrays = twin.to_twin(weights, model.config)
        state = {name: torch.from_numpy(array) for name, array in arrays.items()}
        model.load_state_dict(state, strict=not model.config.tied_embedding)

    def multiply(side: int) -> tuple[Callable[[], None], Callable[[], object]]:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        made = torch.Generator(device).manual_seed(1)
        a, b = (
            torch.randn((side, side), generator=made, device=device) for _ in range(2)
        )
        result = torch.empty_like(a)

        def product() -> None:
            torch.mm(a, b, out=result)

        return product, lambda: float(result[0, 0])

    serve(FrameworkRunner(TorchFramework(), set_weights, multiply))


if __name__ == "__main__":
    main()
