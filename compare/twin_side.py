"""What the PyTorch twin answers; line by line beside `keras_side`.

Axes: B lanes, T time steps, V = 256 byte values, H hidden units.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from compare.models import fill_twin, our_arrays
from compare.questions import Answers, Questions, Start, Trace
from compare.twin.build import build_run
from compare.twin.step import mean_nats


def twin_answers(start: Start, asked: Questions) -> Answers:
    """Return what the twin computes.

    Args:
        start: Weights and training state in the names of the twin.
        asked: The questions.
    """
    run, step = build_run(asked.config, asked.total_steps)
    model = run.model
    device = model.embedding.weight.device
    if start.training is None:
        fill_twin(model, start.weights)
    else:
        run.restore(start.weights, start.training, asked.progress)

    @torch.no_grad()
    def read(bytes_B1: Any, state: Any) -> Any:
        return model(bytes_B1.to(device), state)

    def gradients(bytes_BT1: Any) -> Any:
        bytes_BT1 = bytes_BT1.to(device)
        logits_BTV, _ = model(bytes_BT1[:, :-1])
        nats = mean_nats(logits_BTV, bytes_BT1[:, 1:])
        return torch.autograd.grad(nats, list(model.parameters()))

    traces = {}
    for name, (bytes_BT, state) in asked.traces.items():
        if state is None:
            state = model.zero_state(len(bytes_BT))
        else:
            state = [
                tuple(torch.tensor(s_BH, device=device) for s_BH in layer)
                for layer in state
            ]
        states, logits = [], []
        for t in range(bytes_BT.shape[1]):
            logits_B1V, state = read(torch.tensor(bytes_BT[:, t : t + 1]), state)
            logits.append(logits_B1V.cpu().numpy()[:, 0])
            states.append(
                [tuple(s_BH.cpu().numpy() for s_BH in layer) for layer in state]
            )
        traces[name] = Trace.of(states, logits)
    found = gradients(torch.tensor(asked.batches[0].bytes_BT1))
    named = {
        name: g.cpu().numpy()
        for (name, _), g in zip(model.named_parameters(), found, strict=True)
    }
    before = our_arrays(run.weights(), asked.config.model)
    losses: list[float] = []
    moves: dict[str, np.ndarray] = {}
    for batch in asked.batches:
        losses.append(float(run.update(step, batch).bpc) * math.log(2))
        if not moves:
            after = our_arrays(run.weights(), asked.config.model)
            moves = {name: after[name] - w for name, w in before.items()}
    return Answers(traces, our_arrays(named, asked.config.model), losses, moves)
