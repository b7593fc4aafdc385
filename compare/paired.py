"""Two frameworks measured in pairs: differences, their intervals, tests, a sentence.

Axes: N texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from compare.intervals import LEVEL

_RESAMPLES = 9999


def compare_pairs(
    what: str, unit: str, keras: Sequence[float], twin: Sequence[float]
) -> dict[str, Any]:
    """Return the difference of figures that stand in pairs, one pair a seed."""
    gaps = np.subtract(keras, twin)
    mean = float(gaps.mean())
    if len(gaps) < 2:
        low = high = p = None
        sentence = (
            f"{what}: one seed cannot tell a difference of {mean:+.4f} from noise."
        )
    elif not np.ptp(gaps):
        low = high = mean
        p = 1.0 if not mean else 0.0
        sentence = f"{what}: all seeds differ by {mean:+.2g}."
    else:
        test = stats.ttest_rel(keras, twin)
        bounds = test.confidence_interval(LEVEL)
        low, high, p = float(bounds.low), float(bounds.high), float(test.pvalue)
        sentence = _sentence(what, mean, low, high, f"p = {p:.2g}, paired t-test")
    return {
        "what": what,
        "unit": unit,
        "keras": float(np.mean(keras)),
        "twin": float(np.mean(twin)),
        "difference": mean,
        "interval": None if low is None else [low, high],
        "p": p,
        "test": "paired t-test over seeds",
        "sentence": sentence,
    }


def compare_texts(what: str, keras: np.ndarray, twin: np.ndarray) -> dict[str, Any]:
    """Return the difference of two classifiers on the same texts.

    As `paired_texts`, with a sentence.

    Args:
        what: What is compared.
        keras: bool[N]. Which texts the one classifier gets right.
        twin: bool[N]. The other.
    """
    found = paired_texts(keras, twin)
    mean, (low, high), p = found["difference"], found["interval"], found["p"]
    words = (
        f"{found['only_one']} and {found['only_other']} texts right in one alone, "
        f"McNemar p = {p:.2g}"
    )
    return {
        "what": what,
        "unit": "share of texts",
        "keras": float(keras.mean()),
        "twin": float(twin.mean()),
        "difference": mean,
        "interval": [low, high],
        "p": p,
        "test": "McNemar, exact",
        "sentence": _sentence(what, mean, low, high, words),
    }


def paired_texts(one_N: np.ndarray, other_N: np.ndarray) -> dict[str, Any]:
    """Return how two classifiers differ on the same texts, as JSON values.

    McNemar's exact test on the texts that only one gets right; the interval of the
    difference by bootstrap over texts, bias-corrected.

    Args:
        one_N: bool[N]. Which texts the one classifier gets right.
        other_N: bool[N]. The other.
    """
    only_one, only_other = int((one_N & ~other_N).sum()), int((~one_N & other_N).sum())
    apart = only_one + only_other
    gaps_N = one_N.astype(np.float64) - other_N
    low = high = float(gaps_N.mean())
    if apart:
        found = stats.bootstrap(
            (gaps_N,),
            np.mean,
            n_resamples=_RESAMPLES,
            confidence_level=LEVEL,
            method="percentile" if apart < 2 else "BCa",
            rng=np.random.default_rng(0),
            batch=100,
        ).confidence_interval
        low, high = float(found.low), float(found.high)
    return {
        "difference": float(gaps_N.mean()),
        "interval": [low, high],
        "only_one": only_one,
        "only_other": only_other,
        "p": float(stats.binomtest(only_one, apart).pvalue) if apart else 1.0,
    }


def _sentence(what: str, mean: float, low: float, high: float, words: str) -> str:
    more = low > 0 or high < 0
    verdict = "more than noise" if more else "no more than noise"
    return (
        f"{what}: Keras minus PyTorch is {mean:+.4f} [{low:+.4f}, {high:+.4f}], "
        f"{verdict} ({words})."
    )
