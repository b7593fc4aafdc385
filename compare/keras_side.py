"""What the Keras model answers.

Axes: B lanes, T time steps, V = 256 byte values, H hidden units.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from compare.questions import Answers, Questions, Start, Trace
from tfsent.training.build import build_run
from tfsent.training.gradients import mean_nats


def keras_answers(start: Start, asked: Questions) -> Answers:
    """Return what the Keras model computes.

    Args:
        start: Weights and training state in the names of Keras.
        asked: The questions.
    """
    run, step = build_run(asked.config, asked.total_steps)
    model = run.model
    if start.training is None:
        model.set_named_weights(start.weights)
    else:
        run.restore(start.weights, start.training, asked.progress)

    @tf.function(jit_compile=True, autograph=False)
    def read(bytes_B1: Any, state: Any) -> Any:
        return model.call(bytes_B1, state, return_state=True)

    @tf.function(jit_compile=True, autograph=False)
    def gradients(bytes_BT1: Any) -> Any:
        bytes_BT1 = tf.cast(bytes_BT1, tf.int32)
        with tf.GradientTape() as tape:
            nats = mean_nats(model(bytes_BT1[:, :-1]), bytes_BT1[:, 1:])
        return tape.gradient(nats, list(model.named_weights().values()))

    traces = {}
    for name, (bytes_BT, state) in asked.traces.items():
        if state is None:
            state = model.zero_state(len(bytes_BT))
        states, logits = [], []
        for t in range(bytes_BT.shape[1]):
            logits_B1V, state = read(tf.constant(bytes_BT[:, t : t + 1]), state)
            logits.append(logits_B1V.numpy()[:, 0])
            states.append(tf.nest.map_structure(np.asarray, state))
        traces[name] = Trace.of(states, logits)
    found = gradients(tf.constant(asked.batches[0].bytes_BT1))
    named = {
        name: tf.convert_to_tensor(g).numpy()
        for name, g in zip(model.named_weights(), found, strict=True)
    }
    before = run.weights()
    losses: list[float] = []
    moves: dict[str, np.ndarray] = {}
    for batch in asked.batches:
        losses.append(float(run.update(step, batch).bpc) * math.log(2))
        if not moves:
            after = run.weights()
            moves = {name: after[name] - w for name, w in before.items()}
    return Answers(traces, named, losses, moves)
