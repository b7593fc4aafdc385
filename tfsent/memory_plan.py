"""How much memory a training run will take, from its settings alone.

    peak = process + weights + activations

- process: what Python, the framework and its compiler take whatever the model.
- weights: copies of every parameter: the weights, their gradients, the optimizer's
  moments, and what a step makes of them (normalised, transposed, packed).
- activations: a number of vectors of H for every byte of every lane that is read at
  once, and the logits of these bytes.

The numbers were measured on a CPU, as peaks of resident memory of whole runs, for each
cell with one layer and with three (`python -m compare.memory_figures` measures anew).
On GPUs the arrays are the same and live there; what the process takes is another, and
was not measured.

Axes: B lanes, T bytes in a window, H hidden units.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, cast

from tfsent.checkpoint import expected_shapes
from tfsent.config import NUM_BYTES, Cell, Precision, RunConfig, TrainingConfig

_FLOAT_BYTES = 4
_STATES = {"mlstm": 2, "lstm": 2, "gru": 1, "tanh": 1, "relu": 1}
_SLOTS = {"sgd": 0, "adam": 2, "adamw": 2, "nadam": 2, "rmsprop": 1, "adagrad": 1}
"""Moments of an optimizer for every parameter; others are taken to have two."""


class Vectors(NamedTuple):
    """Vectors of H that a layer takes for each byte of each lane.

    Attributes:
        kept: From the way forward to the way back; for every layer.
        passing: Besides, while one layer is computed; once.
    """

    kept: float
    passing: float


class Costs(NamedTuple):
    """What a framework takes.

    Attributes:
        process_bytes: What compiling and running take besides what is there once the
            framework is loaded.
        loop_bytes: What that becomes larger by where the program is a longer one:
            where portions or segments are read in turn, or layers computed anew.
        copies: Copies of every parameter besides weights, gradients and moments.
        pool: How much memory a byte of activations takes, where what is freed is kept:
            places of other sizes lie unused beside it.
        logits: Vectors of 256 for each byte of each lane.
        vectors: By cell.
        shares: What is left of activations, by precision.
        anew: How often what a layer keeps is there at a time where layers are computed
            anew.
    """

    process_bytes: float
    loop_bytes: float
    copies: float
    pool: float
    logits: float
    vectors: Mapping[Cell, Vectors]
    shares: Mapping[Precision, float]
    anew: float


KERAS = Costs(
    process_bytes=290e6,
    loop_bytes=40e6,
    copies=3.0,
    pool=1.74,
    logits=1.7,
    vectors={
        "mlstm": Vectors(23.4, 0.6),
        "lstm": Vectors(15.1, 0.0),
        "gru": Vectors(13.7, 0.0),
        "tanh": Vectors(6.8, -3.3),
        "relu": Vectors(6.8, -3.3),
    },
    shares={"float32": 1.0, "mixed_bfloat16": 0.94, "mixed_float16": 0.73},
    anew=2.0,
)
"""Keras on TensorFlow: one XLA program, in which every layer has its own arrays."""

UNROLLED = Costs(
    process_bytes=266e6,
    loop_bytes=40e6,
    copies=3.0,
    pool=1.0,
    logits=25.0,
    vectors={
        "mlstm": Vectors(8.8, 0.0),
        "lstm": Vectors(3.3, 0.0),
        "gru": Vectors(3.7, 0.0),
        "tanh": Vectors(0.0, 0.0),
        "relu": Vectors(0.0, 0.0),
    },
    shares={"mixed_bfloat16": 1.0},
    anew=2.0,
)
"""Keras where steps are unrolled (`tfsent.model.unrolled`): arrays of single steps."""

TORCH = Costs(
    process_bytes=100e6,
    loop_bytes=0.0,
    copies=2.3,
    pool=1.0,
    logits=5.0,
    vectors={
        "mlstm": Vectors(11.4, 7.5),
        "lstm": Vectors(8.1, 5.2),
        "gru": Vectors(8.5, 3.9),
        "tanh": Vectors(1.0, 4.2),
        "relu": Vectors(1.0, 4.2),
    },
    shares={"float32": 1.0, "mixed_bfloat16": 0.79, "mixed_float16": 0.83},
    anew=1.0,
)
"""The twin: what passes is freed step by step."""


def on_device(costs: Costs) -> Costs:
    """Return what lies on a GPU: all arrays, and nothing of the process.

    TensorFlow keeps a pool there too; it is taken to add what it adds on a CPU.
    """
    return costs._replace(process_bytes=0.0, loop_bytes=0.0)


class Plan(NamedTuple):
    """What a process of a run takes, in bytes.

    Attributes:
        parameters: How many numbers the model has.
        weights: The model itself.
        gradients: Gradients, and what a step makes of weights.
        optimizer: Moments.
        activations: What is kept from the way forward to the way back.
        process: Framework, compiler, and what they hold.
    """

    parameters: int
    weights: float
    gradients: float
    optimizer: float
    activations: float
    process: float

    @property
    def peak(self) -> float:
        """The largest resident memory, in bytes."""
        return sum(self[1:])


class Place(NamedTuple):
    """The memory that a part of a run has: that of a process, or of a GPU.

    Attributes:
        places: How many there are, over which the lanes are dealt out.
        loaded_bytes: What is taken there once the framework is loaded.
        free_bytes: What a run can have there, with what is taken.
        replicas: Devices that share it, each with weights of its own: the logical
            ones of a CPU.
    """

    places: int
    loaded_bytes: float
    free_bytes: float = math.inf
    replicas: int = 1


def plan(config: RunConfig, costs: Costs, place: Place) -> Plan:
    """Return what a run will take at one of its places."""
    model, training = config.model, config.training
    shapes = expected_shapes(model).values()
    parameters = sum(math.prod(shape) for shape in shapes)
    size = parameters * _FLOAT_BYTES * place.replicas
    adds_up = training.accumulation_steps > 1 or training.recompute_segment is not None
    more_code = adds_up or training.recompute_layers
    return Plan(
        parameters=parameters,
        weights=size,
        gradients=size * (1 + costs.copies + adds_up),
        optimizer=size * _SLOTS.get(config.optimizer.name.lower(), 2),
        activations=_activations(config, costs, place.places),
        process=place.loaded_bytes + costs.process_bytes + more_code * costs.loop_bytes,
    )


def _activations(config: RunConfig, costs: Costs, places: int) -> float:
    model, training = config.model, config.training
    lanes = training.batch_size / places / training.accumulation_steps
    length = training.recompute_segment or training.window
    vectors = costs.vectors[model.cell]
    kept = 1.0 if training.recompute_layers else vectors.kept
    passing = vectors.passing
    if training.recompute_layers:
        passing += costs.anew * vectors.kept
    numbers = (kept * model.layers + passing) * model.hidden_size
    numbers += costs.logits * NUM_BYTES
    numbers *= costs.shares[config.precision]
    # Between segments, and of the lanes that are not read at the moment.
    borders = training.window / length * lanes + training.batch_size / places
    states = borders * model.layers * _STATES[model.cell] * model.hidden_size
    return _FLOAT_BYTES * (lanes * length * numbers + states) * costs.pool


class Change(NamedTuple):
    """Settings that need less memory.

    Attributes:
        flags: What to add to the command.
        plan: What the run takes then.
    """

    flags: str
    plan: Plan


class Planned(NamedTuple):
    """A plan, and whether there is room for it.

    Attributes:
        plan: What a process takes.
        free_bytes: What it can have.
        change: What would make it fit, where it does not and something would.
    """

    plan: Plan
    free_bytes: float
    change: Change | None


def plan_to_fit(config: RunConfig, costs: Costs, place: Place) -> Planned:
    """Return what a run takes and, where that is too much, how it takes less."""
    found = plan(config, costs, place)
    change = None
    if found.peak > place.free_bytes:
        change = _way_to_fit(config, costs, place)
    return Planned(found, place.free_bytes, change)


def _way_to_fit(config: RunConfig, costs: Costs, place: Place) -> Change | None:
    """Return the least costly change under which a run fits; None if there is none.

    Portions come first: they cost next to no time as long as each has 16 lanes. Then
    segments, at about 1.4 times the time, then both. None of these changes what is
    learned.
    """
    for flags, training in _less(config.training, place.places * place.replicas):
        found = plan(replace(config, training=training), costs, place)
        if found.peak <= place.free_bytes:
            return Change(flags, found)
    return None


def _less(
    training: TrainingConfig, devices: int
) -> Iterator[tuple[str, TrainingConfig]]:
    """Yield settings that need less and less, and the flags that make them."""
    lanes = training.batch_size // devices
    portions = [
        number
        for number in range(training.accumulation_steps + 1, lanes + 1)
        if lanes % number == 0
    ]
    for steps in portions:
        if lanes // steps >= 16:
            yield _changed(training, accumulation_steps=steps)
    segment = near_root(training.window)
    shorter = {}
    if segment < (training.recompute_segment or training.window):
        shorter = {"recompute_segment": segment}
        yield _changed(training, **shorter)
    for steps in portions:
        yield _changed(training, accumulation_steps=steps, **shorter)


def _changed(training: TrainingConfig, **values: int) -> tuple[str, TrainingConfig]:
    flags = " ".join(
        f"--training.{name.replace('_', '-')} {value}" for name, value in values.items()
    )
    return flags, replace(training, **cast(Any, values))


def near_root(window: int) -> int:
    """Return the divisor of a window nearest to its square root, of two the larger.

    Example:
        >>> near_root(1024), near_root(96), near_root(7)
        (32, 12, 7)
    """
    divisors = [d for d in range(window, 0, -1) if window % d == 0]
    return min(divisors, key=lambda d: round(abs(math.log(d * d / window)), 9))


def shown(planned: Planned, as_json: bool) -> str:
    """Return a plan as lines for a reader, or as one JSON object."""
    found, change = planned.plan, planned.change
    kinds = (*Plan._fields[1:], "peak")
    fits = found.peak <= planned.free_bytes
    if as_json:
        values = {f"{name}_bytes": round(getattr(found, name)) for name in kinds}
        known = math.isfinite(planned.free_bytes)
        rest = {
            "free_bytes": round(planned.free_bytes) if known else None,
            "fits": fits if known else None,
            "would_fit": change.flags if change else None,
        }
        return json.dumps({"parameters": found.parameters} | values | rest)
    lines = [f"{'parameters':<12}{found.parameters:>14,}"]
    for name in kinds:
        lines.append(f"{name:<12}{getattr(found, name) / 1e6:>14,.0f} MB")
    free = f"{planned.free_bytes / 1e6:,.0f} MB are free"
    if not math.isfinite(planned.free_bytes):
        lines.append("On each device; how much is free there is not known.")
    elif fits:
        lines.append(f"{free}: it fits.")
    elif change is None:
        lines.append(
            f"{free}: it does not fit, in whatever portions; a smaller "
            "model.hidden_size, or more devices, will do."
        )
    else:
        lines.append(
            f"{free}: it does not fit. {change.flags} would, with "
            f"{change.plan.peak / 1e6:,.0f} MB."
        )
    return "\n".join(lines)
