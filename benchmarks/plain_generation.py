"""The plain Keras way to generate: a Python loop that calls a cell eagerly.

Axes: S samples.
"""

from __future__ import annotations

import numpy as np
from keras import ops

from benchmarks.generate import PROMPT, Contestants, Writer
from tfsent.config import ModelConfig
from tfsent.loading import LanguageModel
from tfsent.model.language_model import ByteLanguageModel
from tfsent.model.mlstm import MLSTMCell


def contestants(
    config: ModelConfig, weights: dict[str, np.ndarray], samples: int
) -> Contestants:
    """Return this project's generation and two eager loops over the same weights."""
    model = ByteLanguageModel(config, seed=None)
    model.build(None)
    model.set_named_weights(weights)
    trained = LanguageModel(model)

    def own(length: int) -> list[bytes]:
        return trained.generate_bytes(PROMPT, length, temperature=0, samples=samples)

    (layer,) = model.recurrent_layers
    names = ["wx", "wmx", "wh", "wmh", "b"]
    gains = ["gx", "gmx", "gh", "gmh"]
    normed = MLSTMCell(config.hidden_size)
    normed.build((None, config.embedding_size))
    normed.set_weights([weights[f"layers/0/{name}"] for name in names + gains])
    folded = MLSTMCell(config.hidden_size, weight_norm=False)
    folded.build((None, config.embedding_size))
    folded.set_weights([layer.folded()[name] for name in names])
    return Contestants(
        own, _loop(normed, weights, samples), _loop(folded, weights, samples)
    )


def _loop(cell: MLSTMCell, weights: dict[str, np.ndarray], samples: int) -> Writer:
    embedding_VE, output_HV, bias_V = (
        ops.convert_to_tensor(weights[name])
        for name in ("embedding/weight", "output/weight", "output/bias")
    )

    def write(length: int) -> list[bytes]:
        states = [ops.zeros((samples, cell.units)) for _ in range(2)]
        drawn = []
        read = list(PROMPT)
        while len(drawn) < length:
            byte_S = ops.full((samples,), read.pop(0), "int32") if read else drawn[-1]
            h_SH, states = cell(ops.take(embedding_VE, byte_S, axis=0), states)
            if not read:
                logits_SV = ops.matmul(h_SH, output_HV) + bias_V
                drawn.append(ops.argmax(logits_SV, axis=1))
        bytes_SN = ops.convert_to_numpy(ops.stack(drawn, axis=1)).astype(np.uint8)
        return [row.tobytes() for row in bytes_SN]

    return write
