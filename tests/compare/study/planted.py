"""Systems without a framework, some of which go wrong on purpose."""

import os
import sys
import time

import numpy as np

from compare.runners.facts import RunnerFacts

STOP = "TFSENT_TEST_STOP"
"""Variable: a file that, while it is there, keeps the third update from ending."""


def _facts(name, **more):
    return RunnerFacts(
        name=name,
        what=f"does nothing, {name}",
        models=("rnn", "gru"),
        tasks=(),
        precisions=("float32",),
        packages=("numpy",),
        modules=("numpy",),
        **more,
    )


RUNNERS = tuple(
    _facts(name)
    for name in ("keras", "torch", "keras-layers", "torch-layers", "refuse", "nan")
)


def open_side(name):
    return Side(name)


class Side:
    device = "cpu"

    def __init__(self, name):
        self.name = name
        self.threads = int(os.environ["OMP_NUM_THREADS"])

    def learner(self, network, num_words, weights):
        if self.name == "refuse":
            raise ValueError("no such\nnetwork")
        assert weights["embedding/weight"].shape == (num_words, network.width)
        return Learner(self.name, network)


class Learner:
    """keras and torch agree; keras-layers learns something else; the last one dies."""

    def __init__(self, name, network):
        self.name, self.network = name, network
        self.number = 0

    def update(self, batch, rate, number):
        assert number == self.number
        self.number += 1
        while os.path.exists(os.environ.get(STOP, "")) and number == 2:
            time.sleep(0.02)
        if self.name == "torch-layers" and self.network.cell == "gru" and number > 3:
            print("last words", file=sys.stderr, flush=True)
            os._exit(9)
        time.sleep({"torch": 0.002}.get(self.name, 0.001))
        loss = float(batch.words_NT.sum() % 89 + 1) * rate + number
        if self.name == "keras-layers" and self.network.cell == "gru":
            loss += 1e-3
        return np.nan if self.name == "nan" and number > 3 else loss

    def outputs(self, batch):
        # Right of every text but those that hold word 5, of which torch says more.
        right = batch.labels.copy()
        wrong = (batch.words_NT == 5).any(axis=1)
        if self.name == "torch":
            wrong |= (batch.words_NT == 6).any(axis=1)
        right[wrong] = 1 - right[wrong]
        time.sleep(0.001)
        return np.eye(2, dtype="f4")[right]
