"""Two files, one model: proved in both frameworks at once.

One file is computed with Keras, the other with the PyTorch twin. If the numbers
agree, then the conversion between the files and the two implementations are right
together. A file of one of the frameworks is loaded as that framework loads it; of
any other layout, what its format read.

Axes: B lanes, T time steps, V = 256 byte values, H hidden units.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from compare import training_state
from compare.checkpoint import Checkpoint
from compare.containers.run import TRAINING_PART, WEIGHTS_PART, part
from compare.convert import same_bits
from compare.formats.twin_table import table_of
from compare.formats.word_model import WordModel
from compare.gate_order import MARGINS, probe_of
from compare.models import twin_arrays
from compare.questions import (
    Answers,
    Questions,
    Start,
    Trace,
    first_lanes,
    questions,
    with_decoder,
)
from compare.reading import ReadModel

SHAPE = (
    *("cell", "layers", "hidden_size", "embedding_size"),
    *("weight_norm", "tied_embedding"),
)
"""Settings in which two models must agree to be compared."""

# Measured between float32 Keras on TensorFlow 2.21 and PyTorch 2.13, AMD Zen 4: 512
# units trained on 10 and 20 MB of IMDB, 64 units of three cells, 4096 units at start.
STATE_TOLERANCE = 1e-5
"""Largest difference of h, c and logits, over the largest value of each. Measured: h
6.6e-6, since XLA's tanh is a rational function; c 6.7e-7, logits 6.6e-7."""
GRADIENT_TOLERANCE = 1e-5
"""Largest difference of the gradient of a weight, over its largest value. Measured:
4.4e-6."""
MOVE_TOLERANCE = 2e-3
"""Length of the difference of the first update of a weight, over its length. Measured:
3.8e-5, and 9.0e-4 from zero moments where most gradients are as small as Adam's
epsilon. Epsilon where PyTorch has it by itself: .86 from zero moments, 5.4e-3 after
1,250 updates."""
LOSS_TOLERANCE = 1e-4
"""Largest difference of the loss of the next updates, in nats. Measured: 1.7e-5, at a
learning rate of 2e-3."""


class Check(NamedTuple):
    """One thing that must hold.

    Attributes:
        name: What is compared.
        value: How far apart it is.
        tolerance: How far apart it may be.
        unit: Of both.
        where: Where the largest difference lies.
    """

    name: str
    value: float
    tolerance: float
    unit: str
    where: str = ""

    @property
    def passed(self) -> bool:
        """Whether it holds; a difference that is no number does not."""
        return self.value <= self.tolerance


class Parity(NamedTuple):
    """How two models compare.

    Attributes:
        keras: Which of the two was computed with Keras, "source" or "target".
        checks: All that must hold.
        traces: Start of the trace to what differs, "h", "c" (of each layer) and
            "logits", to the largest difference of each step.
        gradients: Our name of a weight to the largest difference of its gradient,
            and the gradient's largest value.
        losses: "keras" and "twin" to the loss of every update, nats.
        notes: What a reader should know.
    """

    keras: str
    checks: tuple[Check, ...]
    traces: dict[str, dict[str, list[float]]]
    gradients: dict[str, tuple[float, float]]
    losses: dict[str, list[float]]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return all(check.passed for check in self.checks)


def measure_parity(source: ReadModel, target: ReadModel) -> Parity:
    """Return how two models compare, weights, states, gradients and updates.

    Takes about half a minute at H = 512 and some minutes at H = 4096 on two cores.

    Raises:
        ValueError: If the models have other shapes.
    """
    one, other = source.checkpoint, target.checkpoint
    if isinstance(one, WordModel) or isinstance(other, WordModel):
        raise ValueError(
            "a classifier over words has no proof yet; leave --verify out."
        )
    _refuse_other_shape(one, other)
    notes = []
    if not one.decoder:
        notes.append(
            "No decoder: fixed random output weights, equal on both sides, stand in "
            "for logits, loss and gradients."
        )
    asked = questions(with_decoder(one), probe_of(one))
    for_keras, for_twin = source, target
    # What was written goes to its own framework.
    if target.format == "keras" or (source.format == "twin" != target.format):
        for_keras, for_twin = target, source

    # Here, not above: the frameworks start only once there is something to compute;
    # torch is there already, with compare.models.
    from compare.keras_side import keras_answers
    from compare.twin_side import twin_answers

    keras = keras_answers(_keras_start(for_keras, asked), asked)
    twin = twin_answers(_twin_start(for_twin, asked), asked)
    checks = [
        *_file_checks(source, target),
        *_trace_checks(keras, twin),
        _gradient_check(keras, twin),
        _move_check(keras, twin),
        _loss_check(keras, twin),
    ]
    return Parity(
        "source" if for_keras is source else "target",
        tuple(checks),
        {
            name: _by_step(trace, twin.traces[name])
            for name, trace in keras.traces.items()
        },
        {
            name: (_largest(keras.gradients[name] - twin.gradients[name]), _largest(g))
            for name, g in keras.gradients.items()
        },
        {"keras": keras.losses, "twin": twin.losses},
        (*notes, *asked.notes),
    )


def _refuse_other_shape(one: Checkpoint, other: Checkpoint) -> None:
    for name in (*SHAPE, "decoder"):
        values = [
            c.decoder if name == "decoder" else getattr(c.model, name)
            for c in (one, other)
        ]
        if values[0] != values[1]:
            raise ValueError(
                f"the models cannot be compared: {name} is {values[0]} in the one and "
                f"{values[1]} in the other."
            )


def _keras_start(read: ReadModel, asked: Questions) -> Start:
    """Return a model as Keras loads it."""
    checkpoint, training = with_decoder(read.checkpoint), asked.training
    weights = dict(checkpoint.weights)
    if read.container.kind == "keras":
        from tfsent.loading import load

        loaded = load(read.path).model.named_weights()
        weights |= {name: v.numpy() for name, v in loaded.items()}
    if training is not None and checkpoint.training is not None:
        training = checkpoint.training.arrays
    return Start(weights, _lanes_of(training, asked))


def _twin_start(read: ReadModel, asked: Questions) -> Start:
    """Return a model as the twin loads it."""
    checkpoint, model = with_decoder(read.checkpoint), asked.config.model
    weights = twin_arrays(checkpoint.weights, model)
    training = None
    if asked.training is not None:
        held = checkpoint.training.arrays if checkpoint.training else asked.training
        name = asked.config.optimizer.name
        training = training_state.to_twin(held, table_of(model), model, name)
    if read.format == "twin":
        # What lies in the file, under the names that PyTorch gives it.
        if read.container.kind == "run":
            weights |= part(read.container, WEIGHTS_PART)
            own = part(read.container, TRAINING_PART)
            training = own if own and training is not None else training
        else:
            weights |= {
                name: np.asarray(array, np.float32)
                for name, array in read.container.arrays.items()
                if name in weights
            }
    return Start(weights, _lanes_of(training, asked))


def _lanes_of(
    training: Mapping[str, np.ndarray] | None, asked: Questions
) -> dict[str, np.ndarray] | None:
    if training is None:
        return None
    return first_lanes(training, asked.config.training.batch_size)


def _file_checks(source: ReadModel, target: ReadModel) -> Iterator[Check]:
    """Yield what can be told without a framework."""
    one, other = source.checkpoint, target.checkpoint
    yield _exact("weights, as stored", one.weights, other.weights)
    if one.training is not None and other.training is not None:
        held = one.training.arrays, other.training.arrays
        yield _exact("training state, as stored", *held)
    common = one.extras.keys() & other.extras.keys()
    if common:
        beside = [{n: c.extras[n] for n in common} for c in (one, other)]
        yield _exact("arrays beside the model, as stored", *beside)
    for name, read in (("source", source), ("target", target)):
        if read.gates.bpc:
            best = min(read.gates.bpc.values())
            yield Check(
                f"gate order of the {name}",
                read.gates.bpc[read.gates.gates] - best,
                MARGINS[read.gates.measured or "logits"].bpc,
                "BPC above the best order",
                read.gates.table(),
            )


def _exact(
    name: str, one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]
) -> Check:
    """Return whether arrays are equal bit for bit; a missing one is infinitely far."""
    gaps = {
        key: _bit_gap(one[key], other[key])
        if key in one and key in other and one[key].shape == other[key].shape
        else math.inf
        for key in one.keys() | other.keys()
    }
    worst = _worst(gaps)
    return Check(name, gaps[worst], 0.0, "", worst if gaps[worst] else "")


def _bit_gap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest difference; above 0 for other bits of equal value, as -0.0."""
    gap = _largest(one.astype(np.float64) - other.astype(np.float64))
    tiny = float(np.finfo(np.float64).tiny)
    return tiny if gap == 0 and not same_bits(one, other) else gap


def _trace_checks(keras: Answers, twin: Answers) -> Iterator[Check]:
    for start, trace in keras.traces.items():
        for name, (one, other) in _pairs(trace, twin.traces[start]).items():
            gap_T = _per_step(one - other)
            yield Check(
                f"{name}, from the {start}",
                _relative(gap_T.max(), _largest(one)),
                STATE_TOLERANCE,
                "of the largest",
                f"byte {int(gap_T.argmax()) + 1} of {len(gap_T)}",
            )


def _gradient_check(keras: Answers, twin: Answers) -> Check:
    gaps = {
        name: _relative(_largest(g - twin.gradients[name]), _largest(g))
        for name, g in keras.gradients.items()
    }
    worst = _worst(gaps)
    return Check("gradients", gaps[worst], GRADIENT_TOLERANCE, "of the largest", worst)


def _move_check(keras: Answers, twin: Answers) -> Check:
    """Return how far the first updates are apart, as vectors.

    The loss after 20 updates hardly depends on a detail of the optimizer; the first
    update does. Where a gradient is rounding alone Adam divides noise by noise: that
    may move a few numbers, and is little beside the whole.
    """
    gaps = {
        name: _relative(
            float(np.linalg.norm(move - twin.moves[name])), float(np.linalg.norm(move))
        )
        for name, move in keras.moves.items()
    }
    worst = _worst(gaps)
    return Check("first update", gaps[worst], MOVE_TOLERANCE, "of its length", worst)


def _loss_check(keras: Answers, twin: Answers) -> Check:
    gaps = np.abs(np.subtract(keras.losses, twin.losses))
    worst = int(gaps.argmax())
    return Check(
        f"loss of the next {len(gaps)} updates",
        float(gaps[worst]),
        LOSS_TOLERANCE,
        "nats a byte",
        f"update {worst + 1}",
    )


def _pairs(one: Trace, other: Trace) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return name to both sides' values, time first."""
    pairs: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for layer, tensors in enumerate(zip(one.states, other.states, strict=True)):
        for name, a, b in zip("hc", *tensors, strict=False):
            pairs[f"{name} of layer {layer}"] = (a, b)
    return pairs | {"logits": (one.logits, other.logits)}


def _by_step(one: Trace, other: Trace) -> dict[str, list[float]]:
    return {
        name: _per_step(a - b).tolist() for name, (a, b) in _pairs(one, other).items()
    }


def _worst(gaps: Mapping[str, float]) -> str:
    """Return the name of the largest difference; one that is no number is larger."""
    return max(gaps, key=lambda name: (math.isnan(gaps[name]), gaps[name]))


def _per_step(gap: np.ndarray) -> np.ndarray:
    """Return the largest size of a difference at each step, float64[T]."""
    return np.abs(gap).max(axis=tuple(range(1, gap.ndim))).astype(np.float64)


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0.0))


def _relative(gap: float, largest: float) -> float:
    """Return a difference over the largest value; 0 where both are 0."""
    return float(gap) / largest if largest else (math.inf if gap else 0.0)
