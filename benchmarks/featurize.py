"""How fast are texts featurized, beside a loop over bytes and beside padded batches?

    python -m benchmarks.featurize --json > featurize.json

All ways give the mean of the cell state; before anything is timed the features must be
equal. "loop" reads a batch of texts byte by byte, one compiled call each, as the
published code of the sentiment neuron does by windows of 64; "padded" reads a batch of
texts, as they come, in one call, filled up to the longest. Texts have the lengths of
short reviews (sst) or of long ones (imdb). A figure is a median [smallest-largest] over
turns; a ratio is taken within a round. The rate of a float32 product of 2048-cubed
matrices, taken before and after each turn, stands for the machine.

Axes: N texts, B lanes, T time steps, H hidden units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.flops import byte_flops
from benchmarks.generate import random_weights
from benchmarks.result import begin, finish, span
from benchmarks.timing import interleave, seconds_per_call, spread
from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config import ModelConfig
from tfsent.trained import TrainedModel
from tfsent.transfer.feature import Part
from tfsent.transfer.reading import Piece

LENGTHS = {"sst": (4.45, 0.55, 280), "imdb": (6.93, 0.65, 14_000)}
"""Kind to mean and deviation of the logarithm of its texts' lengths, and the longest:
means of 100 and 1,300 bytes, as in Binary SST and the IMDB reviews."""

_BATCH = 64
_PADDED_TO = 64
_MOST_GAP = 2e-5
_PART = Part(0, "cell", "mean")

Featurize = Callable[[list[bytes]], np.ndarray]
Make = Callable[[ModelConfig, dict[str, np.ndarray]], TrainedModel]
Product = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class FeaturizeSpeedConfig:
    """What is measured."""

    hidden_size: int = 512
    """Units H of the mLSTM."""
    text_bytes: int = 400_000
    """Bytes of all texts of a kind together, in a turn of the fast way."""
    loop_bytes: int = 40_000
    """Bytes of the texts in a turn of the loop over bytes."""
    repeats: int = 5
    """Turns of each way."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("hidden_size", "text_bytes", "loop_bytes", "repeats"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} is {value}; at least 1 will do.")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure Keras."""
    quiet()

    def make(config: ModelConfig, weights: dict[str, np.ndarray]) -> TrainedModel:
        from tfsent.loading import LanguageModel
        from tfsent.model import ByteLanguageModel

        model = ByteLanguageModel(config, seed=None)
        model.build(None)
        model.set_named_weights(weights)
        return LanguageModel(model)

    def product() -> float:
        from benchmarks.gemm import SQUARE, GemmGauge

        if not gauges:
            gauges.append(GemmGauge({SQUARE: (2048, 2048, 2048)}, 0.1))
        return float(gauges[0]()[SQUARE])

    gauges: list[Any] = []
    measure(argv, "benchmarks.featurize", __doc__, make, product)


def measure(
    argv: Sequence[str] | None,
    module: str,
    description: str | None,
    make: Make,
    product: Product,
) -> None:
    """Measure what a command line asks for; print a table or JSON.

    Args:
        argv: Arguments without the program's name. Default: those of this process.
        module: Name of the command.
        description: First lines of its help.
        make: Makes a model of a shape and weights.
        product: Gives the FLOP/s of the framework's 2048-cubed product.
    """
    config = parse_config(argv, FeaturizeSpeedConfig, description=description)
    result = begin(module, argv, config)
    shape = ModelConfig(hidden_size=config.hidden_size)
    model = make(shape, random_weights(shape))
    result |= {"hidden_size": config.hidden_size, "kinds": {}}
    for kind in LENGTHS:
        tell(f"{kind} ...")
        result["kinds"][kind] = figures(model, kind, config, product)
    finish(result, config, table(result["kinds"]))


def some_texts(kind: str, total_bytes: int) -> list[bytes]:
    """Return texts of that many bytes together, in the lengths of a kind, seeded."""
    mean, deviation, longest = LENGTHS[kind]
    rng = np.random.default_rng(0)
    texts: list[bytes] = []
    left = total_bytes
    while left > 0:
        length = min(left, longest, max(4, int(rng.lognormal(mean, deviation))))
        texts.append(rng.integers(32, 127, length, dtype=np.uint8).tobytes())
        left -= length
    return texts


def ways(model: TrainedModel) -> dict[str, Featurize]:
    """Return the ways to featurize: texts to float32[N, H]."""

    def own(texts: list[bytes]) -> np.ndarray:
        return np.asarray(model.features(texts, "cell-mean"))

    return {
        "own": own,
        "padded": lambda texts: padded(model, texts),
        "loop": lambda texts: loop(model, texts),
    }


def padded(model: TrainedModel, texts: list[bytes]) -> np.ndarray:
    """Featurize batches of texts as they come, each filled up to its longest text."""
    rows = []
    for batch, bytes_BT in _batches(texts):
        reset_BT = np.zeros(bytes_BT.shape, bool)
        reset_BT[:, 0] = True
        pieces = [Piece(b, b, 0, len(t), True, True) for b, t in enumerate(batch)]
        state = model._zero_state(len(bytes_BT))
        (sum_BH,), _ = model._read(bytes_BT, reset_BT, state, [_PART], pieces)
        rows.append(sum_BH / np.array([[len(text)] for text in batch]))
    return np.concatenate(rows)


def loop(model: TrainedModel, texts: list[bytes]) -> np.ndarray:
    """Featurize batches of texts byte by byte."""
    part = _PART._replace(pooling="last")
    rows = []
    for batch, bytes_BT in _batches(texts):
        length_B1 = np.array([[len(text)] for text in batch])
        pieces = [Piece(b, b, 0, 1, False, False) for b in range(len(batch))]
        state = model._zero_state(len(bytes_BT))
        reset_B1 = np.zeros((len(bytes_BT), 1), bool)
        sum_BH = np.zeros((len(batch), state[0][0].shape[1]))
        for t in range(length_B1.max()):
            byte_B1 = bytes_BT[:, t : t + 1]
            (c_BH,), state = model._read(byte_B1, reset_B1, state, [part], pieces)
            sum_BH += np.where(t < length_B1, c_BH, 0)
        rows.append(sum_BH / length_B1)
    return np.concatenate(rows)


def _batches(texts: list[bytes]) -> Iterator[tuple[list[bytes], np.ndarray]]:
    """Yield texts and their bytes, filled up; few lengths, as each is compiled."""
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        longest = max(map(len, batch))
        bytes_BT = np.zeros((_BATCH, -(-longest // _PADDED_TO) * _PADDED_TO), np.uint8)
        for b, text in enumerate(batch):
            bytes_BT[b, : len(text)] = np.frombuffer(text, np.uint8)
        yield batch, bytes_BT


def check_equal(found: dict[str, Featurize], texts: list[bytes]) -> float:
    """Return the largest difference between the ways, over the largest value.

    Raises:
        ValueError: If it is more than `_MOST_GAP`: other work.
    """
    own, *others = (featurize(texts) for featurize in found.values())
    gap = max(np.abs(own - other).max() for other in others) / np.abs(own).max()
    if not gap <= _MOST_GAP:
        raise ValueError(
            f"features differ by {gap:.1e} of the largest value; at most "
            f"{_MOST_GAP} is equal work, and nothing is timed."
        )
    return float(gap)


def figures(
    model: TrainedModel, kind: str, config: FeaturizeSpeedConfig, product: Product
) -> dict[str, Any]:
    """Return bytes a second of each way, shares of the product, and ratios."""
    found = ways(model)
    few = some_texts(kind, config.loop_bytes)
    texts = {name: some_texts(kind, config.text_bytes) for name in found}
    texts["loop"] = few
    result: dict[str, Any] = {"largest_difference": check_equal(found, few)}

    def turn(name: str) -> Callable[[], float]:
        found[name](texts[name])  # Compilation and first touches do not count.
        total = sum(map(len, texts[name]))
        return lambda: seconds_per_call(lambda: found[name](texts[name])) / total

    turns = interleave({name: turn(name) for name in found}, config.repeats, product)
    flops = byte_flops(ModelConfig(hidden_size=config.hidden_size), decoder=False)
    byte_s = {
        name: [r.seconds for r in repetitions] for name, repetitions in turns.items()
    }
    for name, repetitions in turns.items():
        shares = [flops / r.seconds / ((r.before + r.after) / 2) for r in repetitions]
        result[name] = {
            "bytes_per_s": spread(1 / s for s in byte_s[name])._asdict(),
            "of_product": spread(shares)._asdict(),
        }
    for name in ("padded", "loop"):
        pairs = zip(byte_s[name], byte_s["own"], strict=True)
        result[name]["own_times_this"] = spread(a / b for a, b in pairs)._asdict()
    return result


def table(kinds: dict[str, dict[str, Any]]) -> str:
    """Return the figures as Markdown."""
    lines = [
        "| texts | own, bytes/s | of product | padded, bytes/s | own / padded "
        "| loop, bytes/s | own / loop |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, found in kinds.items():
        own, padded, loop = (found[name] for name in ("own", "padded", "loop"))
        words = [
            kind,
            span(own["bytes_per_s"], ",.0f"),
            span(own["of_product"], ".2f"),
            span(padded["bytes_per_s"], ",.0f"),
            span(padded["own_times_this"], ".1f"),
            span(loop["bytes_per_s"], ",.0f"),
            span(loop["own_times_this"], ".1f"),
        ]
        lines.append(f"| {' | '.join(words)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
