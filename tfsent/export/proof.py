"""What an exported model answers, held to what the model itself answers.

Axes: N texts or lanes, T time steps, V = 256 byte values.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from html.entities import html5
from typing import Any

import numpy as np

from tfsent.data.corpus import reviews
from tfsent.data.text_rules import clean
from tfsent.trained import TrainedModel
from tfsent.transfer.classifier import Classifier

Answers = Mapping[str, np.ndarray]
Call = Callable[..., Answers]
"""A signature: its inputs by name -> its outputs by name."""

TOLERANCES = {
    "features": 2e-5,
    "logits": 2e-5,
    "bpc": 2e-5,
    "probability": 1e-4,
    "score": 1e-4,
}
"""Largest difference let pass: of features, logits and scores over the largest value
of the model's own, or over 1 where that is smaller; else as it stands.

Measured on all cells, H = 5 to 16: at most 3e-6 (features), 1e-6 (the others)."""

BATTERY = (
    "",
    " \n\t ",
    "Loved it.",
    "Fish &amp; chips &lt;3 &copy &notit; &NotEqualTilde; &#65; &#x41 &#128; &#0;",
    "&&amp;amp; &#xD800; &#1114112; &#99999999999; &#; &#x; &unknown; &ampx &",
    "\u3000\x85 two\nlines\r\nwith\x1c ends \xa0",
    "<br />caf\xe9 \u4e2d\u6587 \U0001f600 <not a tag\n> na\xefve &eacute;&nbsp;x",
    "a\0b \ufeff \u200b",
    "It was long, " * 20,
    "x" * 61,
    "y" * 62,
)
"""Texts with what the cleaning rules and the lengths of windows are about."""

_NUMBERS = tuple(
    form.format(n)
    for n in (*range(0, 0x110000, 4099), 0xD800, 0xFFFE, 0x10FFFD, 0x110000, 10**12)
    for form in ("&#{};", "&#{}z", "&#x{:x};", "&#X00{:X}")
)
_REVIEWS = 12
_CLEANED_REVIEWS = 400
_STREAM_BYTES = 48


class NotEqual(ValueError):
    """An exported model that answers otherwise than the model; it is not kept."""


def prove(
    signatures: Mapping[str, Call],
    model: TrainedModel,
    feature: str,
    classifier: Classifier | None = None,
) -> dict[str, Any]:
    """Return how far an exported model is from its model, at most.

    Args:
        signatures: Those of the exported model, loaded anew.
        model: What it was made of.
        feature: What its `features` are.
        classifier: Its classifier.

    Raises:
        NotEqual: If a cleaned text differs in a byte, a label is another one though
            its probability is not at the threshold, or a value is further off than
            `TOLERANCES` lets pass.
    """
    texts = [*BATTERY, *(r.text[:400] for r in itertools.islice(reviews(), _REVIEWS))]
    differences: dict[str, float] = {}
    cleaned = _prove_cleaning(signatures["clean"], model.text_rule)
    features = np.asarray(model.features(texts, feature))
    found = _of_texts(signatures["features"], texts)["features"]
    differences["features"] = relative(found, features)
    if classifier is not None:
        found_all = _of_texts(signatures["serving_default"], texts)
        differences |= _prove_classifier(found_all, features, classifier)
    if "bpc" in signatures:
        found = _of_texts(signatures["bpc"], texts)["bpc"]
        differences["bpc"] = abs(float(found) - model.bpc(texts))
        differences["logits"] = stream_difference(signatures["step"], model)
    refuse_far(differences)
    return {
        "cleaned_texts": cleaned,
        "texts": len(texts),
        "bytes": sum(len(model.clean(text)) for text in texts),
        "largest_difference": differences,
        "tolerance": {name: TOLERANCES[name] for name in differences},
    }


def refuse_far(differences: Mapping[str, float]) -> None:
    """Refuse differences past their tolerance.

    Raises:
        NotEqual: Names the worst.
    """
    for name, value in differences.items():
        if not value <= TOLERANCES[name]:  # NaN too.
            raise NotEqual(
                f"the exported model is not the model: its {name} are {value:.2g} "
                f"off, and at most {TOLERANCES[name]:g} will do. Nothing was kept."
            )


def stream_difference(step: Call, model: TrainedModel, lanes: int = 2) -> float:
    """Return how far the logits of `step`, byte after byte, are off."""
    text = b"\n " + " ".join(r.text for r in itertools.islice(reviews(), 4)).encode()
    bytes_NT = np.frombuffer(text[: lanes * _STREAM_BYTES], np.uint8).reshape(lanes, -1)
    shape = _state_shape(model.model.config, lanes)
    names = ("h", "c") if model.model.config.cell in ("mlstm", "lstm") else ("h",)
    state = {f"{name}_in": np.zeros(shape, np.float32) for name in names}
    logits = []
    for t in range(bytes_NT.shape[1]):
        found = step(byte=bytes_NT[:, t], **state)
        logits.append(found["logits"])
        state = {f"{name}_in": found[f"{name}_out"] for name in names}
    return relative(np.stack(logits, axis=1), model.logits(bytes_NT))


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference over the largest expected value, at least 1."""
    if found.shape != expected.shape:
        raise NotEqual(f"the exported model gives {found.shape}, not {expected.shape}.")
    largest = max(1.0, float(np.abs(expected).max(initial=0.0)))
    return float(np.abs(found - expected).max(initial=0.0)) / largest


def _state_shape(config: Any, lanes: int) -> tuple[int, ...]:
    shape = (lanes, config.hidden_size)
    return shape if config.layers == 1 else (config.layers, *shape)


def _of_texts(call: Call, texts: list[str]) -> Answers:
    return call(text=[text.encode() for text in texts])


def _prove_cleaning(call: Call, rule: str) -> int:
    """Return the number of texts whose cleaning is the same to the byte."""
    texts = [r.text for r in itertools.islice(reviews(), _CLEANED_REVIEWS)]
    texts += [*BATTERY, *map(" ".join, itertools.pairwise(BATTERY)), *_NUMBERS]
    texts += [f"{before}&{name}" for name in html5 for before in ("", "&amp")]
    for text, found in zip(texts, _of_texts(call, texts)["cleaned"], strict=True):
        expected = clean(text, rule)
        if found != expected:
            raise NotEqual(
                f"the exported model cleans {text[:80]!r} to {found[:80]!r}, not to "
                f"{expected[:80]!r}. Nothing was kept."
            )
    return len(texts)


def _prove_classifier(
    found: Answers, features: np.ndarray, classifier: Classifier
) -> dict[str, float]:
    predicted = classifier.predict(features)
    scores = classifier.scores(features)
    differences = {
        "probability": float(np.abs(found["probability"] - predicted).max()),
        "score": relative(found["score"], scores),
    }
    refuse_far(differences)
    # At a threshold rounding decides; everywhere else the label is the same.
    if classifier.kind == "multiclass":
        first_two = np.sort(predicted, axis=1)[:, -2:]
        near = first_two[:, 1] - first_two[:, 0] < 2 * TOLERANCES["probability"]
        far = ~near
    else:
        far = (
            np.abs(predicted - np.squeeze(classifier.thresholds))
            > (TOLERANCES["probability"])
        )
    expected = np.array(_label_rows(classifier, predicted), dtype=object)
    got = np.array([_decoded(row) for row in found["label"]], dtype=object)
    if (expected != got)[far].any():
        raise NotEqual("the exported model gives other labels. Nothing was kept.")
    return differences


def _label_rows(classifier: Classifier, predicted: np.ndarray) -> list[Any]:
    names = classifier.names(predicted)
    if classifier.kind != "multilabel":
        return names
    return [[c if c in row else "" for c in classifier.classes] for row in names]


def _decoded(row: Any) -> Any:
    return row.decode() if isinstance(row, bytes) else [name.decode() for name in row]
