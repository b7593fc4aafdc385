"""What both frameworks are asked about a model, equal by construction, and answer.

Axes: B lanes, T time steps, V = 256 byte values, H hidden units.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from compare.checkpoint import Checkpoint
from compare.training_state import SLOTS, STEP
from tfsent.config import (
    NUM_BYTES,
    DistributionConfig,
    OptimizerConfig,
    RunConfig,
    TrainingConfig,
)
from tfsent.data.batches import Batch
from tfsent.settings_json import from_dict
from tfsent.training.schedule import peak_learning_rate

NEXT_STEPS = 20
"""Updates that both sides make."""


class Questions(NamedTuple):
    """What both sides are asked, equal by construction.

    Attributes:
        config: Settings of the updates, in float32 without dropout.
        total_steps: Updates over which the learning rate falls.
        traces: Name to bytes uint8[B, T] and the state before them: a tuple of
            float32[B, H] a layer, None for zeros.
        batches: Windows of the updates; the first is also that of the gradient.
        training: Moments and carried states to go on from, in Keras's names; None for
            a new start.
        progress: Counters of the run beside them.
        notes: What the reader of a certificate should know about them.
    """

    config: RunConfig
    total_steps: int
    traces: dict[str, tuple[np.ndarray, list[tuple[np.ndarray, ...]] | None]]
    batches: list[Batch]
    training: dict[str, np.ndarray] | None
    progress: dict[str, Any]
    notes: tuple[str, ...]


class Start(NamedTuple):
    """What a side starts from, in its own names and axes.

    Attributes:
        weights: Every weight.
        training: State of the training, None for a new start.
    """

    weights: dict[str, np.ndarray]
    training: dict[str, np.ndarray] | None


class Trace(NamedTuple):
    """A model that read byte by byte.

    Attributes:
        states: For each layer one float32[T, B, H] a state tensor, h first.
        logits: float32[T, B, V].
    """

    states: list[tuple[np.ndarray, ...]]
    logits: np.ndarray

    @classmethod
    def of(cls, states: list[list[tuple]], logits: list[np.ndarray]) -> Trace:
        """Return the trace of states and logits, float32[B, V], a step each.

        Args:
            states: For each step the state as the models give it: a tuple of
                float32[B, H] a layer.
            logits: For each step float32[B, V].
        """
        layers = [
            tuple(np.stack(tensors) for tensors in zip(*steps, strict=True))
            for steps in zip(*states, strict=True)
        ]
        return cls(layers, np.stack(logits))


class Answers(NamedTuple):
    """What one side computed.

    Attributes:
        traces: By the names of the questions.
        gradients: Our name of a weight to the gradient of the mean loss, our axes.
        losses: Mean nats of each update's window, before it.
        moves: Name of a weight to what the first update added to it.
    """

    traces: dict[str, Trace]
    gradients: dict[str, np.ndarray]
    losses: list[float]
    moves: dict[str, np.ndarray]


class Size(NamedTuple):
    """How much both sides compute."""

    trace_lanes: int
    trace_steps: int
    lanes: int
    window: int


# H = 4096 takes about a second for a byte of the trace or an update on two cores.
SMALL = Size(trace_lanes=4, trace_steps=64, lanes=8, window=64)
LARGE = Size(trace_lanes=2, trace_steps=32, lanes=4, window=32)
LARGE_FROM = 2048


def questions(checkpoint: Checkpoint, probe_BT1: np.ndarray) -> Questions:
    """Return what to ask both sides about a model.

    Args:
        checkpoint: The model, with the state of its training if it has one.
        probe_BT1: uint8[B, T+1]. Text to read.
    """
    model = checkpoint.model
    size = LARGE if model.hidden_size >= LARGE_FROM else SMALL
    text = np.ascontiguousarray(probe_BT1).reshape(-1)
    read = _lanes(text, size.trace_lanes, size.trace_steps)
    traces: dict[str, Any] = {"zero state": (read, None)}
    config, total_steps, training, notes = _next_updates(checkpoint, size)
    if training is not None:
        carried = [
            tuple(array[: size.trace_lanes] for array in layer)
            for layer in carried_of(training)
        ]
        traces["carried state"] = (read[: len(carried[0][0])], carried)
    lanes = config.training.batch_size
    no_reset = np.zeros((lanes, size.window), bool)
    windows = _lanes(text, lanes, NEXT_STEPS * size.window + 1)
    batches = [
        Batch(windows[:, k * size.window : (k + 1) * size.window + 1], no_reset)
        for k in range(NEXT_STEPS)
    ]
    progress = checkpoint.training.progress if checkpoint.training else {}
    return Questions(
        config, total_steps, traces, batches, training, progress, tuple(notes)
    )


def carried_of(training: Mapping[str, np.ndarray]) -> list[tuple[np.ndarray, ...]]:
    """Return the carried states, a tuple of float32[B, H] a layer."""
    found: dict[int, dict[int, np.ndarray]] = {}
    for name, array in training.items():
        if name.startswith("carried/"):
            _, layer, k = name.split("/")
            found.setdefault(int(layer), {})[int(k)] = array
    return [
        tuple(found[layer][k] for k in sorted(found[layer])) for layer in sorted(found)
    ]


def _lanes(text: np.ndarray, lanes: int, width: int) -> np.ndarray:
    """Return uint8[lanes, width] of a text, which is repeated where it is short."""
    # Lanes start apart: a text shorter than all of them together has no two alike.
    starts = np.arange(lanes) * max(1, len(text) // lanes)
    places = (starts[:, None] + np.arange(width)) % len(text)
    return text[places]


def _next_updates(
    checkpoint: Checkpoint, size: Size
) -> tuple[RunConfig, int, dict[str, np.ndarray] | None, list[str]]:
    """Return settings, length, start of the next updates, and what to say of them."""
    notes: list[str] = []
    if checkpoint.model.dropout:
        notes.append("Dropout is off: the frameworks draw other masks.")
    model = dataclasses.replace(checkpoint.model, dropout=0.0, initialization="nvidia")
    lanes, training = size.lanes, _usable(checkpoint, notes)
    optimizer = OptimizerConfig(schedule="constant")
    total_steps = NEXT_STEPS
    if training is not None:
        optimizer, total_steps = _optimizer_of(checkpoint, training, notes)
        lanes = min(lanes, len(carried_of(training)[0][0]))
        training = first_lanes(training, lanes)
    config = RunConfig(
        model=model,
        optimizer=optimizer,
        training=TrainingConfig(
            steps=total_steps, batch_size=lanes, window=size.window
        ),
        distribution=DistributionConfig(strategy="none"),
    )
    return config, total_steps, training, notes


def _usable(checkpoint: Checkpoint, notes: list[str]) -> dict[str, np.ndarray] | None:
    """Return the training state without loss scaling, None if there is none to use."""
    if checkpoint.training is None:
        notes.append(
            "No training state: the updates are Adam's, from zero moments and states."
        )
        return None
    name = _section(checkpoint, "optimizer").get("name", OptimizerConfig.name)
    if name.lower() not in SLOTS:
        notes.append(
            f"The run's optimizer, {name}, is not in both frameworks: the updates are "
            "Adam's, from zero moments and states."
        )
        return None
    arrays = dict(checkpoint.training.arrays)
    if STEP[0] not in arrays:
        notes.append(
            "The training state is of an older version: the updates are Adam's, from "
            "zero moments and states."
        )
        return None
    return arrays


def _optimizer_of(
    checkpoint: Checkpoint, training: Mapping[str, np.ndarray], notes: list[str]
) -> tuple[OptimizerConfig, int]:
    """Return the run's optimizer and its length; a run at its end gets a way on."""
    optimizer = from_dict(OptimizerConfig, _section(checkpoint, "optimizer"))
    settings = _section(checkpoint, "training")
    # The peak follows from the run's own batch, not from the few lanes here.
    peak = peak_learning_rate(optimizer, settings.get("batch_size", 128))
    optimizer = dataclasses.replace(
        optimizer, learning_rate=peak, scale_with_batch=False
    )
    steps = settings.get("steps")
    done = int(training[STEP[0]])
    if steps is not None and done + NEXT_STEPS <= steps:
        return optimizer, steps
    if optimizer.schedule != "constant":
        # Its peak, 4e-3 after 1,500 updates, drove rounding to 1.3e-4 nats in 20.
        peak /= 10
        notes.append(
            "The schedule of the learning rate ends here, or its length is not known: "
            f"the updates are made at a tenth of its peak, {peak:g}."
        )
    optimizer = dataclasses.replace(optimizer, learning_rate=peak, schedule="constant")
    return optimizer, done + NEXT_STEPS


def first_lanes(
    training: Mapping[str, np.ndarray], lanes: int
) -> dict[str, np.ndarray]:
    """Return the training state of the first lanes, without loss scaling.

    The updates that are compared are made in float32, which needs none.
    """
    return {
        name: array[:lanes] if name.startswith("carried/") else array
        for name, array in training.items()
        if not name.startswith("loss_scale/")
    }


def _section(checkpoint: Checkpoint, name: str) -> dict[str, Any]:
    return dict(checkpoint.config.get(name, {}))


def with_decoder(checkpoint: Checkpoint) -> Checkpoint:
    """Return a model with output weights: its own, else fixed random ones.

    A model without them has no logits and no loss; through any fixed ones every
    state and every gradient can be compared.
    """
    if checkpoint.decoder:
        return checkpoint
    hidden = checkpoint.model.hidden_size
    draw = np.random.default_rng(0)
    weight_HV = draw.uniform(-1, 1, (hidden, NUM_BYTES)) / np.sqrt(hidden)
    weights = dict(checkpoint.weights) | {"output/bias": np.zeros(NUM_BYTES, "f4")}
    if not checkpoint.model.tied_embedding:
        weights["output/weight"] = weight_HV.astype(np.float32)
    return dataclasses.replace(checkpoint, weights=weights, decoder=True)
