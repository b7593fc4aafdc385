"""Text from a model: what it reads first, what is pinned, the noise, what is shown.

Needs no framework; `tfsent.model.generation` and `compare.twin.generation` compute.
A byte is drawn by one uniform number of NumPy's: its place in the summed
probabilities. So one seed gives one text, on both frameworks and in any company, as
far as rounding lets it.

Axes: S samples, N steps, H hidden units.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from tfsent.config import NUM_BYTES, ModelConfig
from tfsent.data.text_rules import BACK, FRONT, clean
from tfsent.transfer.classifier import Neuron
from tfsent.transfer.feature import STATES, default_feature

STEPS_AT_ONCE = 64
"""Steps between two looks at what was drawn."""

_LARGEST = float(np.finfo(np.float32).max)
_COLDEST = 1e-30


class Pin(NamedTuple):
    """Units held at values after every step, the prompt's included."""

    layer: int
    """Number of the layer, the first is 0."""
    number: int
    """Number of the state tensor: 0 is h, 1 is c."""
    units: tuple[int, ...]
    values: tuple[float, ...]


class Draw(NamedTuple):
    """How a byte is drawn from logits."""

    temperature: float
    """The logits are divided by it; above 0."""
    top_k: int
    """Bytes that may be drawn: the likeliest, of equal ones the lower values."""


class Generation(Protocol):
    """A model that goes on, step after step, from the byte that it was made with."""

    def advance(self, given_N: np.ndarray, noise_SN: np.ndarray) -> np.ndarray:
        """Take N steps, at most `STEPS_AT_ONCE`; return the byte after each.

        Args:
            given_N: int32[N]. The byte after each step where it is known, else -1.
            noise_SN: float32[S, N]. Numbers from 0 to below 1.

        Returns:
            int[S, N]; `NUM_BYTES` where the logits are not finite.
        """
        ...


def make_draw(temperature: float, top_k: int | None) -> Draw:
    """Return how bytes are drawn; temperature 0 takes the likeliest byte.

    Raises:
        ValueError: If that is no temperature or no number of bytes.
    """
    if not 0.0 <= temperature < math.inf:
        raise ValueError(f"temperature is {temperature}; 0 or more will do.")
    if top_k is not None and not 1 <= top_k <= NUM_BYTES:
        raise ValueError(f"top_k is {top_k}; 1 to {NUM_BYTES} will do.")
    if temperature < _COLDEST:
        return Draw(1.0, 1)
    return Draw(min(float(temperature), _LARGEST), top_k or NUM_BYTES)


def make_pin(
    overwrite: Mapping[int, float] | None, state: str, layer: int, config: ModelConfig
) -> Pin | None:
    """Return which units are pinned, None for none.

    Args:
        overwrite: Values by the number of the unit.
        state: "cell" or "hidden".
        layer: Number of the layer; negative ones count from the last.
        config: Shape of the model.

    Raises:
        ValueError: If the model has no such state, layer or unit, or a value is no
            finite float32.
    """
    if state not in STATES:
        raise ValueError(f"state is {state!r}; {' or '.join(STATES)} will do.")
    if state == "cell" and default_feature(config) != "cell" and overwrite:
        raise ValueError(
            f"state is 'cell', but {config.cell} keeps no cell state; 'hidden' will do."
        )
    if not -config.layers <= layer < config.layers:
        raise ValueError(
            f"layer is {layer}; 0 to {config.layers - 1}, or -1 for the last, will do."
        )
    if not overwrite:
        return None
    for unit, value in overwrite.items():
        if not 0 <= unit < config.hidden_size:
            raise ValueError(f"unit is {unit}; 0 to {config.hidden_size - 1} will do.")
        if not abs(value) <= _LARGEST:
            raise ValueError(f"unit {unit} is to be {value}; a finite number will do.")
    return Pin(
        layer % config.layers,
        STATES.index(state),
        tuple(map(int, overwrite)),
        tuple(map(float, overwrite.values())),
    )


def plain_neuron(unit: int, layer: int, state: str) -> Neuron:
    """Return a unit of which nothing is known: a strength of it is its value."""
    return Neuron(unit, layer, state, "last", unit, sign=1, threshold=0.0, limit=1.0)


def held(neuron: Neuron, strength: float) -> dict[str, Any]:
    """Return the arguments of `TrainedModel.generate` that hold a sentiment.

    Args:
        neuron: Of a classifier.
        strength: 0 is where the neuron decides, 1 as positive as texts get, -1 as
            negative, whichever direction of the neuron is positive.

    Example:
        >>> neuron = Neuron(3, 0, "cell", "last", 3, sign=-1, threshold=0.5, limit=2.0)
        >>> held(neuron, 1.0)
        {'overwrite': {3: -1.5}, 'overwrite_state': 'cell', 'overwrite_layer': 0}
    """
    value = neuron.threshold + neuron.sign * strength * neuron.limit
    return {
        "overwrite": {neuron.unit: value},
        "overwrite_state": neuron.state,
        "overwrite_layer": neuron.layer,
    }


def read_prompt(prompt: str | bytes, rule: str) -> tuple[bytes, bytes]:
    r"""Return the bytes that a model reads of a prompt, and those of them to show.

    A str is cleaned as the model's texts were and has their front, "\n ", which is
    not shown; it has no back, as it goes on. Bytes are taken as they are.

    Raises:
        ValueError: If there is no byte to read.

    Example:
        >>> read_prompt("The film ", "openai")
        (b'\n The film', b'The film')
    """
    if isinstance(prompt, str):
        read = clean(prompt, rule).removesuffix(BACK.encode())
        return read, read.removeprefix(FRONT.encode())
    if not prompt:
        raise ValueError("prompt is b''; at least one byte, or a str, will do.")
    return bytes(prompt), bytes(prompt)


def continued(
    start: Callable[[int], Generation],
    prompt: bytes,
    length: int,
    seed: int,
    samples: int,
) -> list[bytes]:
    """Return what follows a prompt, for each sample `length` bytes.

    Sample k of a seed is sample 0 of seed + k, and a shorter length gives the start
    of a longer one.

    Args:
        start: Makes a `Generation` of all samples from the first byte they read.
        prompt: What is read; at least one byte.
        length: Bytes to draw.
        seed: Seed of the first sample.
        samples: S.

    Raises:
        ValueError: If a number is too small, or the logits are not finite.
    """
    for name, value, least in (
        ("length", length, 1),
        ("samples", samples, 1),
        ("seed", seed, 0),
    ):
        if value < least:
            raise ValueError(f"{name} is {value}; at least {least} will do.")
    generators = [_generator(seed + k) for k in range(samples)]
    given = np.full(len(prompt) - 1 + length, -1, np.int32)
    given[: len(prompt) - 1] = np.frombuffer(prompt, np.uint8)[1:]
    generation = start(prompt[0])
    drawn = []
    for first in range(0, len(given), STEPS_AT_ONCE):
        given_N = given[first : first + STEPS_AT_ONCE]
        free_N = given_N < 0
        noise_SN = np.zeros((samples, len(given_N)), np.float32)
        for noise_N, generator in zip(noise_SN, generators, strict=True):
            noise_N[free_N] = generator.random(int(free_N.sum()), np.float32)
        drawn.append(generation.advance(given_N, noise_SN)[:, free_N])
        if (drawn[-1] >= NUM_BYTES).any():
            raise ValueError(
                "the logits are not finite: the model is damaged, or a unit is "
                "overwritten with too large a value."
            )
    return [row.tobytes() for row in np.concatenate(drawn, axis=1).astype(np.uint8)]


def _generator(seed: int) -> np.random.Generator:
    # By name: the generator behind `default_rng` may change.
    return np.random.Generator(np.random.PCG64(seed))


def decoded(shown: bytes) -> str:
    r"""Return bytes as text, broken UTF-8 replaced, a cut last character left out.

    Example:
        >>> decoded(b"caf\xc3\xa9 \xff and caf\xc3")
        'caf\xe9 \ufffd and caf'
    """
    return codecs.getincrementaldecoder("utf-8")("replace").decode(shown)


def printable(text: str) -> str:
    r"""Return a text that is safe to print: control characters as pictures of them.

    A terminal obeys them, such as ESC. Newlines and tabs stay.

    Example:
        >>> printable("a\x1b[2Jb\n")
        'a\u241b[2Jb\n'
    """
    return text.translate(_PICTURES)


_PICTURES = (
    {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
    | {0x7F: 0x2421}
    # C1 has no pictures. Marks that turn the direction of writing, or end lines.
    | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
    | dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)
)
