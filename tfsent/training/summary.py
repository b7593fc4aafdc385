"""What a run says at its end: its scores, and with which versions they were made."""

from __future__ import annotations

import importlib.metadata
import itertools
import math
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfsent.config import TrainingConfig
from tfsent.data.batches import ScoreBatches
from tfsent.data.byte_shards import ByteShards
from tfsent.training.counters import RunCounters
from tfsent.training.results import Outcome, Score
from tfsent.training.stop import StopRequest


class Scores:
    """Scores of a model on the validation and test text of its run.

    Args:
        evaluator: Scores the model in training: `score(batches) -> Score`.
        shards: Split name to text; "val" and "test" may be missing.
        config: Batch, window, and how much to read between steps and at the end.
        stop: Once a signal came, what was read so far is scored, and no more.
    """

    def __init__(
        self,
        evaluator: Any,
        shards: Mapping[str, ByteShards],
        config: TrainingConfig,
        stop: StopRequest,
    ):
        self._evaluator = evaluator
        self._shards = shards
        self._config = config
        self._stop = stop

    def validate(self) -> Score:
        """Return the score on at most `eval_bytes` of validation text."""
        return self._score("val", self._config.eval_bytes)

    def final(self) -> dict[str, Score]:
        """Return the scores on all validation text and on the test text asked for."""
        scores = {}
        if "val" in self._shards:
            scores["val"] = self._score("val", None)
        if "test" in self._shards and self._config.test_bytes != 0:
            scores["test"] = self._score("test", self._config.test_bytes)
        return scores

    def _score(self, split: str, max_bytes: int | None) -> Score:
        batches = ScoreBatches(
            self._shards[split],
            batch_size=self._config.batch_size,
            window=self._config.window,
            max_bytes=max_bytes,
        )
        return self._evaluator.score(
            itertools.takewhile(lambda _: self._stop.signal is None, batches)
        )


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of the packages that compute."""
    found = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version(), **found}


def summary(
    out: Path, run: RunCounters, outcome: Outcome, scores: Mapping[str, Score]
) -> dict[str, Any]:
    """Return the result of a finished run as JSON values.

    A rate or score that was not measured is None: the rate of a run that had no
    step left, the test of a source without a test split.
    """
    recent = run.recent_bpc
    result = {
        "run": str(out),
        "steps": run.step,
        "bytes_seen": run.bytes_seen,
        "train_bpc": sum(recent) / len(recent) if recent else None,
        "best_val_bpc": run.best_val_bpc,
        **{
            f"{split}_bpc": scores[split].bpc if split in scores else None
            for split in ("val", "test")
        },
        **{
            f"{split}_scored_bytes": score.scored_bytes
            for split, score in scores.items()
        },
        "bytes_per_s": outcome.bytes_per_s,
        "seconds": run.wall_s,
        "compile_s": outcome.compile_s,
    }
    # JSON knows no NaN.
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in result.items()
    }
