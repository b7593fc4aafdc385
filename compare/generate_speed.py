"""How fast does the twin write, beside a loop that calls a plain cell every byte?

    python -m compare.generate_speed --json > generate_twin.json

As `benchmarks.generate`, in PyTorch.

Axes: S samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.generate import PROMPT, Contestants, Writer, measure
from compare.formats.twin import to_twin
from compare.loading import LanguageModel
from compare.models import fill_twin
from compare.twin.gates import GATES
from compare.twin.language_model import ByteLanguageModel
from tfsent.cli import run
from tfsent.config import ModelConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Measure the twin."""
    measure(argv, "compare.generate_speed", __doc__, contestants)


def contestants(
    config: ModelConfig, weights: dict[str, np.ndarray], samples: int
) -> Contestants:
    """Return the twin's generation and two eager loops over the same weights."""
    model = ByteLanguageModel(config)
    fill_twin(model, to_twin(weights, config))
    trained = LanguageModel(model)

    def own(length: int) -> list[bytes]:
        return trained.generate_bytes(PROMPT, length, temperature=0, samples=samples)

    return Contestants(own, _loop(model, samples, True), _loop(model, samples, False))


def _loop(model: ByteLanguageModel, samples: int, normalise: bool) -> Writer:
    layer = model.layers[0]
    names = ("wx", "wmx", "wh", "wmh")
    folded = {name: getattr(layer, name).detach() for name in names}

    def weight(name: str) -> Tensor:
        # The layer normalises a weight anew whenever it is asked for it.
        found: Tensor = getattr(layer, name) if normalise else folded[name]
        return found

    def step(byte_S: Tensor, h_SH: Tensor, c_SH: Tensor) -> tuple[Tensor, Tensor]:
        x_SE = model.embedding(byte_S)
        m_SH = functional.linear(x_SE, weight("wmx")) * functional.linear(
            h_SH, weight("wmh")
        )
        z_SG = functional.linear(x_SE, weight("wx"), layer.b)
        z_SG = z_SG + functional.linear(m_SH, weight("wh"))
        gates = dict(zip(GATES, z_SG.chunk(len(GATES), dim=1), strict=True))
        c_SH = torch.sigmoid(gates["f"]) * c_SH
        c_SH = c_SH + torch.sigmoid(gates["i"]) * torch.tanh(gates["u"])
        return torch.sigmoid(gates["o"]) * torch.tanh(c_SH), c_SH

    @torch.no_grad()
    def write(length: int) -> list[bytes]:
        h_SH = c_SH = torch.zeros(samples, layer.units)
        drawn: list[Tensor] = []
        read = list(PROMPT)
        while len(drawn) < length:
            byte_S = torch.full((samples,), read.pop(0)) if read else drawn[-1]
            h_SH, c_SH = step(byte_S, h_SH, c_SH)
            if not read:
                drawn.append(model.output(h_SH).argmax(1))
        bytes_SN = torch.stack(drawn, 1).numpy().astype(np.uint8)
        return [row.tobytes() for row in bytes_SN]

    return write


if __name__ == "__main__":
    run(main)
