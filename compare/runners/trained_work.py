"""What a trained model does, as work: featurize texts, write bytes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from compare.runners.inputs import read_prompt, read_texts
from compare.runners.serving import Work
from tfsent.trained import TrainedModel

FEATURE = "cell"
"""What is taken of a text: the state after the last byte, which every way has."""


def featurizing(model: TrainedModel, inputs: str) -> Work:
    """Return the featurizing of some texts as work."""
    texts = read_texts(inputs)
    return timed_once(lambda: np.asarray(model.features(texts, FEATURE)), "features")


def generating(model: TrainedModel, inputs: str) -> Work:
    """Return the writing of one text, at temperature 0, as work."""
    prompt, length = read_prompt(inputs)

    def write() -> np.ndarray:
        (text,) = model.generate_bytes(prompt, length, temperature=0)
        return np.frombuffer(text, np.uint8)

    return timed_once(write, "bytes")


def timed_once(call: Callable[[], np.ndarray], name: str) -> Work:
    """Return a call that gives its answer at once as work."""
    start_s = time.perf_counter()
    answer = call()
    first_s = time.perf_counter() - start_s
    return Work(call, _nothing, {name: answer}, {"first_s": first_s})


def _nothing() -> None:
    """There is nothing to wait for."""
