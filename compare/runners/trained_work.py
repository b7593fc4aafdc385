"""What a trained model does, as work: featurize texts, write bytes."""

from __future__ import annotations

import time

import numpy as np

from compare.runners.inputs import read_prompt, read_texts
from compare.runners.serving import Work
from tfsent.trained import TrainedModel

FEATURE = "cell"
"""What is taken of a text: the state after the last byte."""


def trained_work(task: str, model: TrainedModel, inputs: str) -> Work:
    """Return the featurizing of texts, or the writing of one at temperature 0."""

    def featurize() -> np.ndarray:
        return np.asarray(model.features(texts, FEATURE))

    def write() -> np.ndarray:
        (text,) = model.generate_bytes(prompt, length, temperature=0)
        return np.frombuffer(text, np.uint8)

    if task == "featurize":
        texts = read_texts(inputs)
        name, call = "features", featurize
    else:
        prompt, length = read_prompt(inputs)
        name, call = "bytes", write
    start_s = time.perf_counter()
    answer = call()
    first_s = time.perf_counter() - start_s
    return Work(call, _nothing, {name: answer}, {"first_s": first_s})


def _nothing() -> None:
    """There is nothing to wait for: a call gives its answer."""
