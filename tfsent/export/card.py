"""What lies beside an exported model: facts for programs, a page for people."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfsent.trained import TrainedModel
from tfsent.transfer.classifier import Classifier

CARD = "export.json"


def card(
    kind: str,
    model: TrainedModel,
    feature: str | None,
    classifier: Classifier | None,
    parity: dict[str, Any],
) -> dict[str, Any]:
    """Return the facts of an export, as JSON values."""
    judged = None
    if classifier is not None:
        judged = {
            "kind": classifier.kind,
            "classes": list(classifier.classes),
            "thresholds": classifier.thresholds.tolist(),
        }
    return {
        "format": kind,
        "model": dataclasses.asdict(model.model.config),
        "fingerprint": model.fingerprint,
        "text_rule": model.text_rule,
        "decoder": bool(model.model.decoder),
        "feature": feature,
        "classifier": judged,
        "parity": parity,
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
    }


def readme(about: dict[str, Any]) -> str:
    """Return a page that says what an export holds and how to call it."""
    shape = about["model"]
    lines = [
        "# A byte-level language model, exported by tfsent",
        "",
        f"Cell {shape['cell']}, {shape['layers']} x {shape['hidden_size']} units, text "
        f"rule `{about['text_rule']}`. Arithmetic and weights are float32.",
        "",
        *_usage(about),
        "",
        "Compared with the model it was made of; largest differences:",
        "",
        *(
            f"- {name}: {value:.2g}"
            for name, value in about["parity"]["largest_difference"].items()
        ),
        "",
    ]
    return "\n".join(lines)


def _usage(about: dict[str, Any]) -> list[str]:
    signatures = [
        f"- `{name}({_listed(io['inputs'])}) -> {_listed(io['outputs'])}`"
        for name, io in about["signatures"].items()
    ]
    if about["format"] != "savedmodel":
        return signatures
    return [
        "    import tensorflow as tf",
        '    model = tf.saved_model.load("THIS_FOLDER")',
        '    model.signatures["serving_default"](text=tf.constant(["Loved it."]))',
        "",
        "Text is UTF-8 as it was written: the graph cleans it. Signatures:",
        "",
        *signatures,
    ]


def _listed(specs: dict[str, str]) -> str:
    return ", ".join(f"{name}: {spec}" for name, spec in specs.items())
