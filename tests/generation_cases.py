"""What both frameworks are asked to write, and what float64 arithmetic writes."""

from typing import Any, NamedTuple

import numpy as np

from tests import reference_generate
from tests.compare.sample_models import weights_of
from tfsent.config import ModelConfig
from tfsent.generate import Draw, make_draw, make_pin

PROMPT = b"\n The film"
LENGTH = 40
# Closer calls than this may come out otherwise in float32.
CLOSE = 2e-5

FREE = {
    "all bytes": {},
    "likeliest": {"temperature": 0.0},
    "warm, five": {"temperature": 1.7, "top_k": 5},
}
HELD = {
    "hidden": {"overwrite_state": "hidden", "overwrite": {0: 0.9, 5: -0.4}},
    "cell": {"overwrite_state": "cell", "overwrite": {0: 1.5, 5: -2.0}},
    "cell below": {"overwrite": {3: 2.0}, "overwrite_layer": 0},
}
CASES = [(cell, mode) for cell in ("mlstm", "lstm") for mode in (*FREE, *HELD)]
CASES += [
    (cell, mode) for cell in ("gru", "tanh", "relu") for mode in (*FREE, "hidden")
]


class Case(NamedTuple):
    config: ModelConfig
    weights: dict[str, Any]
    arguments: dict[str, Any]
    """Of `TrainedModel.generate_bytes`, besides prompt and length."""
    expected: bytes
    states: list
    """(h, c) of each layer after each step."""

    def noise_SN(self, samples=1):
        seed = self.arguments["seed"]
        return np.stack([noise(seed + k) for k in range(samples)])

    def draw(self) -> Draw:
        given = self.arguments
        return make_draw(given.get("temperature", 1.0), given.get("top_k"))

    def pin(self):
        given = self.arguments
        return make_pin(
            given.get("overwrite"),
            given.get("overwrite_state", "cell"),
            given.get("overwrite_layer", -1),
            self.config,
        )


def noise(seed, length=LENGTH):
    return np.random.Generator(np.random.PCG64(seed)).random(length, np.float32)


def loud_weights(config, seed=0):
    """Return weights whose logits differ enough to draw bytes of many kinds."""
    weights = weights_of(config, seed)
    scale = 0.6 if config.cell == "relu" else 2.0
    for name in weights:
        if name.startswith("layers/"):
            weights[name] = weights[name] * np.float32(scale)
    return weights


def case(cell, mode, layers=2):
    """Return a case of the first seed that writes several bytes, no call close."""
    config = ModelConfig(cell=cell, hidden_size=7, embedding_size=3, layers=layers)
    given = FREE.get(mode) or HELD.get(mode) or {}
    pin = None
    if "overwrite" in given:
        layer = given.get("overwrite_layer", -1) % layers
        pin = (layer, given.get("overwrite_state", "cell"), given["overwrite"])
    for seed in range(60):
        weights = loud_weights(config, seed)
        expected, states, closest = reference_generate.generate(
            cell,
            weights,
            PROMPT,
            LENGTH,
            noise(seed),
            given.get("temperature", 1.0),
            given.get("top_k", 256),
            pin,
        )
        if closest > CLOSE and len(set(expected)) > 3:
            return Case(config, weights, {"seed": seed, **given}, expected, states)
    raise AssertionError("no seed will do")


def steps_of(case):
    """Return given bytes and noise of each step that `case.expected` takes."""
    known = len(PROMPT) - 1
    given_N = np.array([*PROMPT[1:], *[-1] * LENGTH], np.int32)
    noise_SN = np.zeros((1, known + LENGTH), np.float32)
    noise_SN[:, known:] = case.noise_SN()
    return given_N, noise_SN


def worst_state_error(found, expected):
    """Return the largest error of any state of any layer, of one sample."""
    return max(
        float(np.abs(mine[0] - truth[0]).max())
        for layer, layer_truth in zip(found, expected, strict=True)
        for mine, truth in zip(layer, layer_truth, strict=False)
    )
