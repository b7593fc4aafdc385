"""Bits per character of xz and of byte n-grams, beside which a model stands.

    python -m benchmarks.baselines --data.source imdb --train-bytes 20480000

Both are scored as a model is (`scripts/evaluate.py`): every sample by itself, its
first byte given. xz has no such notion: it packs all samples of the split as one
file and may look back over all of it.
"""

from __future__ import annotations

import json
import lzma
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tfsent.cli import parse_config, run
from tfsent.config import DataConfig
from tfsent.data import ByteShards, prepare


@dataclass(frozen=True, kw_only=True)
class BaselinesConfig:
    """What the baselines read."""

    data: DataConfig = field(default_factory=DataConfig)
    """Text, cleaned as for training."""
    order: int = 3
    """Bytes of context of the n-gram model, 0 to 3."""
    train_bytes: int | None = None
    """Bytes counted by the n-gram model, in samples at even distances. Default: all."""
    test_bytes: int | None = None
    """Bytes that are scored and packed, in samples at even distances. Default: all."""
    json: bool = False
    """Print one JSON object instead of lines."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not 0 <= self.order <= 3:
            raise ValueError(f"order is {self.order}; 0 to 3 will do.")


def contexts(shards: ByteShards, max_bytes: int | None) -> np.ndarray:
    """Return every scored byte with the three before it, as one number each.

    Args:
        shards: The samples.
        max_bytes: Take samples at even distances, of about this many bytes.

    Returns:
        uint32[bytes]. The byte itself is the lowest; before the start of a sample
        stand zeros. The first byte of a sample is left out.
    """
    share = 1.0 if max_bytes is None else min(1.0, max_bytes / shards.num_bytes)
    chosen = np.unique(
        (np.arange(round(shards.num_samples * share)) / share).astype(int)
    )
    grams = []
    for k in chosen:
        text = np.concatenate([np.zeros(3, np.uint8), shards.sample(int(k))])
        wide = text.astype(np.uint32)
        gram = wide[:-3] << 24 | wide[1:-2] << 16 | wide[2:-1] << 8 | wide[3:]
        grams.append(gram[1:])
    return np.concatenate(grams)


def ngram_bpc(train: np.ndarray, test: np.ndarray, order: int) -> float:
    """Return the bits per character of an interpolated n-gram model.

    p(b | c) = (n(c b) + t(c) p(b | shorter c)) / (n(c) + t(c)), with t(c) the number
    of different bytes seen after c; the shortest is uniform over 256.

    Args:
        train: uint32[bytes] of `contexts`, counted.
        test: uint32[bytes] of `contexts`, scored.
        order: Bytes of context.

    Reference:
        Witten and Bell 1991, method C.
    """
    values, inverse = np.unique(test, return_inverse=True)
    probability = np.full(len(values), 1 / 256)
    for length in range(order + 1):
        mask = np.uint32((1 << 8 * (length + 1)) - 1)
        grams, counts = np.unique(train & mask, return_counts=True)
        heads, first = np.unique(grams >> np.uint32(8), return_index=True)
        totals = np.add.reduceat(counts, first)
        kinds = np.diff(np.append(first, len(grams)))
        n_gram = _look_up(grams, counts, values & mask)
        head = (values & mask) >> np.uint32(8)
        n_head, t_head = _look_up(heads, totals, head), _look_up(heads, kinds, head)
        seen = n_head > 0
        mixed = (n_gram + t_head * probability) / np.maximum(n_head + t_head, 1)
        probability = np.where(seen, mixed, probability)
    return float(-np.log2(probability)[inverse].mean())


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


def main(argv: Sequence[str] | None = None) -> None:
    """Score the test split with both and print what came of it."""
    config = parse_config(argv, BaselinesConfig, description=__doc__)
    shards = prepare(config.data)
    if "test" not in shards:
        raise ValueError("data.source has no test split; give --data.test.")
    train = contexts(shards["train"], config.train_bytes)
    test = contexts(shards["test"], config.test_bytes)
    start_s = time.perf_counter()
    bpc = ngram_bpc(train, test, config.order)
    seconds = time.perf_counter() - start_s
    packed = lzma.compress((test & np.uint32(255)).astype(np.uint8).tobytes(), preset=9)
    result = {
        f"order_{config.order}_bpc": bpc,
        "xz_9_bpc": 8 * len(packed) / len(test),
        "train_bytes": len(train),
        "test_bytes": len(test),
        "ngram_seconds": seconds,
    }
    print(json.dumps(result) if config.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    run(main)
