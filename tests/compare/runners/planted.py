"""Runners without a framework, some of which go wrong on purpose."""

import os
import sys
import time

import numpy as np

from compare.runners.facts import RunnerFacts
from compare.runners.serving import Work


def _facts(name, **more):
    return RunnerFacts(
        name=name,
        what=f"does nothing, {name}",
        models=("lstm",),
        tasks=("train",),
        precisions=("float32",),
        packages=("numpy",),
        modules=("numpy",),
        **more,
    )


NAMES = ("fine", "other", "crash", "hang", "refuse", "talk", "no-start")
RUNNERS = (
    *map(_facts, NAMES),
    _facts("away", environment=(".venv-that-is-not-there", "nothing")),
)


def open_side(name):
    if name == "no-start":
        raise RuntimeError("no device")
    return Side(name)


class Side:
    device = "cpu"

    def __init__(self, name):
        self.name = name
        self.calls = 0

    def work(self, task, config, weights, inputs):
        if self.name == "refuse":
            raise ValueError("no such\nmodel")
        if self.name == "talk":
            print("noise on standard output")
        with np.load(inputs) as stored:
            total = stored["bytes"].sum(dtype=np.float64)
        answer = np.array([total, 1.0])
        if self.name == "other":
            answer[1] += 1e-3 * total
        return Work(
            self.call,
            lambda: None,
            {"logits": answer},
            {"first_s": 0.5, "parameters": 7},
        )

    def call(self):
        self.calls += 1
        if self.name == "crash" and self.calls > 3:
            print("last words", file=sys.stderr, flush=True)
            os._exit(9)
        if self.name == "hang" and self.calls > 3:
            time.sleep(60)
        time.sleep(0.001)

    def product(self, side):
        return lambda: time.sleep(0.001), lambda: None

    def memory(self):
        return {}
