"""Two files, one model: proved in both frameworks at once.

One file is computed with Keras, the other with the PyTorch twin. If the numbers
agree, then the conversion between the files and the two implementations are right
together. A file of one of the frameworks is loaded as that framework loads it; of
any other layout, what its format read.

Axes: B lanes, T time steps, V = 256 byte values, H hidden units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from compare import training_state
from compare.checkpoint import Checkpoint
from compare.checks import (
    STATE_TOLERANCE,
    Check,
    Parity,
    exact,
    gradient_check,
    gradient_gaps,
    largest,
    loss_check,
    move_check,
    relative,
    sides,
)
from compare.containers.run import TRAINING_PART, WEIGHTS_PART, part
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
from compare.word_parity import measure_words

SHAPE = (
    *("cell", "layers", "hidden_size", "embedding_size"),
    *("weight_norm", "tied_embedding"),
)
"""Settings in which two models must agree to be compared."""


def measure_parity(source: ReadModel, target: ReadModel) -> Parity:
    """Return how two models compare, weights, states, gradients and updates.

    Takes about half a minute at H = 512 and some minutes at H = 4096 on two cores.

    Raises:
        ValueError: If the models have other shapes.
    """
    one, other = source.checkpoint, target.checkpoint
    if isinstance(one, WordModel) or isinstance(other, WordModel):
        return measure_words(source, target)
    _refuse_other_shape(one, other)
    notes = []
    if not one.decoder:
        notes.append(
            "No decoder: fixed random output weights, equal on both sides, stand in "
            "for logits, loss and gradients."
        )
    asked = questions(with_decoder(one), probe_of(one))
    for_keras, for_twin = sides(source, target)
    # Here, not above: the frameworks start only once there is something to compute;
    # torch is there already, with compare.models.
    from compare.keras_side import keras_answers
    from compare.twin_side import twin_answers

    keras = keras_answers(_keras_start(for_keras, asked), asked)
    twin = twin_answers(_twin_start(for_twin, asked), asked)
    checks = [
        *_file_checks(source, target),
        *_trace_checks(keras, twin),
        gradient_check(keras, twin),
        move_check(keras, twin),
        loss_check(keras, twin),
    ]
    return Parity(
        "source" if for_keras is source else "target",
        tuple(checks),
        {
            name: _by_step(trace, twin.traces[name])
            for name, trace in keras.traces.items()
        },
        gradient_gaps(keras, twin),
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
    checkpoint, training = with_decoder(_bytes(read)), asked.training
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
    checkpoint, model = with_decoder(_bytes(read)), asked.config.model
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


def _bytes(read: ReadModel) -> Checkpoint:
    assert isinstance(read.checkpoint, Checkpoint)
    return read.checkpoint


def _lanes_of(
    training: Mapping[str, np.ndarray] | None, asked: Questions
) -> dict[str, np.ndarray] | None:
    if training is None:
        return None
    return first_lanes(training, asked.config.training.batch_size)


def _file_checks(source: ReadModel, target: ReadModel) -> Iterator[Check]:
    """Yield what can be told without a framework."""
    one, other = source.checkpoint, target.checkpoint
    yield exact("weights, as stored", one.weights, other.weights)
    if one.training is not None and other.training is not None:
        held = one.training.arrays, other.training.arrays
        yield exact("training state, as stored", *held)
    common = one.extras.keys() & other.extras.keys()
    if common:
        beside = [{n: c.extras[n] for n in common} for c in (one, other)]
        yield exact("arrays beside the model, as stored", *beside)
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


def _trace_checks(keras: Answers, twin: Answers) -> Iterator[Check]:
    for start, trace in keras.traces.items():
        for name, (one, other) in _pairs(trace, twin.traces[start]).items():
            gap_T = _per_step(one - other)
            yield Check(
                f"{name}, from the {start}",
                relative(gap_T.max(), largest(one)),
                STATE_TOLERANCE,
                "of the largest",
                f"byte {int(gap_T.argmax()) + 1} of {len(gap_T)}",
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


def _per_step(gap: np.ndarray) -> np.ndarray:
    """Return the largest size of a difference at each step, float64[T]."""
    return np.abs(gap).max(axis=tuple(range(1, gap.ndim))).astype(np.float64)
