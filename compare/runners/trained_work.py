"""What a trained model does, as work: featurize texts, write bytes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from compare.runners.inputs import read_prompt, read_texts
from compare.runners.serving import Work
from tfsent.trained import TrainedModel

FEATURE = "cell"
"""What is taken of a text: the state after the last byte."""


def trained_work(task: str, model: TrainedModel, inputs: str) -> Work:
    """Return the featurizing of texts, or the writing of one at temperature 0."""
    if task == "featurize":
        texts = [text.decode("ascii") for text in read_texts(inputs)]
        return featurizing(lambda: np.asarray(model.features(texts, FEATURE)))
    prompt, length = read_prompt(inputs)

    def write() -> np.ndarray:
        (text,) = model.generate_bytes(prompt, length, temperature=0)
        return np.frombuffer(text, np.uint8)

    return _work("bytes", write)


def featurizing(features: Callable[[], np.ndarray]) -> Work:
    """Return as work what turns the texts into features, float32[N, F]."""
    return _work("features", features)


def _work(name: str, call: Callable[[], np.ndarray]) -> Work:
    start_s = time.perf_counter()
    answer = call()
    first_s = time.perf_counter() - start_s
    return Work(call, _nothing, {name: answer}, {"first_s": first_s})


def _nothing() -> None:
    """There is nothing to wait for: a call gives its answer."""
