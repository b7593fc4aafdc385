"""Classifiers over words as this project keeps them, on both frameworks.

    a folder        run of `finetune.py`: settings, task, words; both frameworks read it
    .keras          `SequenceClassifier` as Keras saves it
    .safetensors    state dict of its twin, settings and task in the header
    .pt             the same: the state dict under "weights", beside it settings and
                    task as JSON, since shapes do not tell what gates pass through

A model that came from elsewhere says so in its settings, under "converted". Only a
folder has a place for the words of a vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compare.checkpoint import Origin
from compare.containers import Container
from compare.containers.keras_file import GROUPS, OBJECT, SETTINGS
from compare.formats import sequence_classifier as layout
from compare.formats.blocks import OUR_GATES
from compare.formats.numbers import stored_type, widened
from compare.formats.own import CONVERTED, origin_told
from compare.formats.word_model import (
    WordModel,
    check_weights,
    num_words,
    parse_config,
    require_model,
    task_of,
    words_config,
)
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief, parse_object
from tfsent.config_supervised import ClassifierConfig
from tfsent.settings_json import to_dict

CLASS = "tfsent>SequenceClassifier"
"""What Keras calls the model in a .keras file."""

RUN = "classifier-run"
FRAMEWORKS = {"keras": "keras", "twin": "torch"}
"""Name of a format to the setting that says what computes."""

TWIN_FILES = {".safetensors": "safetensors", ".pt": "torch", ".pth": "torch"}

_TOLD = "classifier"
_WEIGHTS = "weights"
_ERRORS = "errors"
_READER = "readers.0.wx"


def recognize(container: Container, name: str) -> str | None:
    """Return a line if this is a classifier of the format `name`, else None."""
    kind, facts = container.kind, container.facts
    if kind == RUN:
        framework = facts["settings"].get("framework", "keras")
        if framework != FRAMEWORKS[name]:
            return None
        return f"run of a classifier over words, {framework}"
    if kind == "keras" and name == "keras":
        found = facts[OBJECT].get("registered_name") == CLASS
        return "Keras's file of a classifier over words" if found else None
    if kind in TWIN_FILES.values() and name == "twin":
        found = _TOLD in facts or _READER in container.arrays
        return "PyTorch state dict of a classifier over words" if found else None
    return None


def read(container: Container, gates: str | None = None) -> WordModel:
    """Return the classifier.

    Args:
        container: A form of one of this project.
        gates: None; every form has its one order.

    Raises:
        CheckpointError: If a weight is missing, left over or of a wrong shape or
            type, or the settings are of no such model.
    """
    if gates is not None:
        raise CheckpointError(
            container.path, "has the order of gates of its format; leave --gates out."
        )
    if container.kind == RUN:
        return _of_run(container)
    if container.kind == "keras":
        return _of_keras(container)
    return _of_twin(container)


def write(model: WordModel, name: str, suffix: str = "") -> Container:
    """Return the classifier as a run folder or a file.

    Args:
        model: The classifier.
        name: "keras" or "twin".
        suffix: Of the path to be written: ".keras", or ".safetensors", ".pt" and
            ".pth"; anything else is a run folder.

    Raises:
        ValueError: If the form cannot hold it.
    """
    if name == "keras" and suffix == ".keras":
        return _to_keras(model)
    if name == "twin" and suffix in TWIN_FILES:
        return _to_twin(model, TWIN_FILES[suffix])
    if suffix == ".h5":
        raise ValueError(
            "keras writes a classifier over words as a folder or a file that ends in "
            ".keras; deepmoji writes DeepMoji's .h5."
        )
    told = _told(model, name)
    words = None
    if model.words is not None:
        config = to_dict(words_config(model))
        words = {"config": config, "words": list(model.words)}
    return Container(RUN, dict(model.weights), told | {"words": words})


def _told(model: WordModel, name: str) -> dict[str, Any]:
    """Return settings and task of a model, with where it came from."""
    settings = dict(model.settings)
    settings["classifier"] = to_dict(model.model)
    settings["framework"] = FRAMEWORKS[name]
    settings.pop(CONVERTED, None)
    if model.origin.format not in FRAMEWORKS:
        origin = model.origin._asdict()
        settings[CONVERTED] = origin | {_ERRORS: model.extras}
    return {"settings": settings, "task": dict(model.task)}


def _made(
    weights: dict[str, np.ndarray],
    config: ClassifierConfig,
    told: Mapping[str, Any],
    container: Container,
    dtype: str = "float32",
    words: tuple[str, ...] | None = None,
) -> WordModel:
    settings = dict(told["settings"])
    name = {v: k for k, v in FRAMEWORKS.items()}.get(
        settings.get("framework", "keras"), "keras"
    )
    path, converted = container.path, settings.pop(CONVERTED, None)
    count = num_words(weights, config)
    origin = Origin(name, OUR_GATES[config.cell], dtype, count)
    extras: dict[str, Any] = {}
    if converted is not None:
        origin, extras = _origin(converted, path)
    return WordModel(
        weights, config, dict(told["task"]), origin, words, settings, extras
    )


def _origin(facts: Any, path: Path) -> tuple[Origin, dict[str, Any]]:
    """Return where a model came from, and what was logged there."""
    origin = origin_told({CONVERTED: facts}, path)
    assert origin is not None
    errors = facts.get(_ERRORS, {})
    if not isinstance(errors, dict):
        raise CheckpointError(path, "its logged errors are no dictionary.")
    # What was lost of float64 was lost when it was read.
    dtype = "float32" if origin.dtype == "float64" else origin.dtype
    return origin._replace(dtype=dtype), errors


def _sections(told: Any, path: Path) -> dict[str, Any]:
    """Return settings and task of a file that was written here; nothing is trusted."""
    sections = {}
    for name in ("settings", "task"):
        section = told.get(name) if isinstance(told, Mapping) else None
        if not isinstance(section, dict):
            raise CheckpointError(path, f"says no {name} of a classifier.")
        sections[name] = section
    return sections


def _of_run(container: Container) -> WordModel:
    facts, path = container.facts, container.path
    config = parse_config(facts["settings"].get("classifier"), path)
    check_weights(container.arrays, config, path)
    words = facts["words"]
    named = None if words is None else tuple(words["words"])
    model = _made(dict(container.arrays), config, facts, container, words=named)
    if named is not None and len(named) != model.num_words:
        reason = f"has {len(named)} words, but weights for {model.num_words}."
        raise CheckpointError(path, reason)
    return model


def _of_keras(container: Container) -> WordModel:
    path, section = container.path, container.facts[OBJECT].get("config")
    if not isinstance(section, Mapping):
        raise CheckpointError(path, "has no settings of a classifier.")
    config = parse_config(section.get("config"), path)
    beside = container.facts.get(SETTINGS)
    if beside is None:
        outputs = section.get("num_outputs")
        count = outputs if type(outputs) is int and 0 < outputs < 2**20 else 0
        beside = {"settings": {}, "task": task_of(count)}
    told = _sections(beside, path)
    places = layout.keras_places(config)
    theirs = {place: name for name, place in places.items()}
    weights, dtype = _widened(container.arrays, path)
    weights = {theirs.get(place, place): array for place, array in weights.items()}
    check_weights(weights, config, path, places)
    classifier = told["settings"].get("classifier")
    if classifier is not None and parse_config(classifier, path) != config:
        raise CheckpointError(path, "its settings are of another model.")
    model = _made(weights, config, told, container, dtype)
    for name in ("num_words", "num_outputs"):
        said, found = section.get(name), getattr(model, name)
        if said != found:
            raise CheckpointError(path, f"{name} is {brief(said)}, but found {found}.")
    return model


def twin_state_dict(container: Container) -> dict[str, np.ndarray]:
    """Return the arrays of a file of the twin by their own names; none of a run."""
    if container.kind == RUN:
        return {}
    prefix = f"{_WEIGHTS}." if container.kind == "torch" else ""
    return {n.removeprefix(prefix): a for n, a in container.arrays.items()}


def _of_twin(container: Container) -> WordModel:
    path, told = container.path, container.facts.get(_TOLD)
    if isinstance(told, str):
        told = parse_object(told.encode(), path)
    if told is None:
        raise CheckpointError(
            path,
            "is a state dict that does not say its settings; one that convert.py "
            "wrote, or a run folder, does.",
        )
    told = _sections(told, path)
    config = parse_config(told["settings"].get("classifier"), path)
    weights, dtype = _widened(twin_state_dict(container), path)
    names = layout.weight_names(config)
    if "output.weight" not in weights and "output.bias" not in weights:
        names = [name for name in names if not name.startswith("output/")]
    places = layout.to_twin_names(names, config)
    for name in names:
        found = weights.get(places[name])
        if found is not None and found.ndim != _twin_rank(name):
            reason = f"{places[name]!r} has shape {brief(found.shape)}."
            raise CheckpointError(path, reason)
    try:
        ours = layout.to_ours(weights, names, config)
    except ValueError as error:
        raise CheckpointError(path, str(error)) from error
    turned = layout.turned_names(names, config)
    check_weights(ours, config, path, places, turned)
    return _made(ours, config, told, container, dtype)


def _twin_rank(name: str) -> int:
    """Return how many axes the twin's form of one of our weights has."""
    vectors = ("/b", "/bh", "/bias", "attention/weight")
    return 1 if name.endswith(vectors) else 2


def _widened(
    arrays: Mapping[str, np.ndarray], path: Path
) -> tuple[dict[str, np.ndarray], str]:
    """Return weights in float32, and the type they had."""
    dtype = "float32"
    for name, array in arrays.items():
        found = stored_type(array)
        if found is None:
            raise CheckpointError(path, f"{name!r} has type {array.dtype}, no float.")
        dtype = found
    return {name: widened(array) for name, array in arrays.items()}, dtype


def _to_keras(model: WordModel) -> Container:
    require_model(model, "a .keras file", output=True)
    policy = {"module": "keras", "class_name": "DTypePolicy", "registered_name": None}
    made = {
        "module": "tfsent.model.sequence_classifier",
        "class_name": "SequenceClassifier",
        "config": {
            "name": "sequence_classifier",
            "trainable": True,
            "dtype": policy | {"config": {"name": "float32"}},
            "num_words": model.num_words,
            "num_outputs": model.num_outputs,
            "config": to_dict(model.model),
            "seed": 0,
        },
        "registered_name": CLASS,
        "build_config": {"input_shape": None},
        "compile_config": {},
    }
    places = layout.keras_places(model.model)
    arrays = {places[name]: array for name, array in model.weights.items()}
    groups = layout.keras_groups(model.model)
    facts = {OBJECT: made, SETTINGS: _told(model, "keras"), GROUPS: groups}
    return Container("keras", arrays, facts)


def _to_twin(model: WordModel, kind: str) -> Container:
    arrays = layout.to_twin(model.weights, model.model)
    told = _told(model, "twin")
    if kind == "safetensors":
        return Container(kind, arrays, {_TOLD: told})
    named = {f"{_WEIGHTS}.{name}": array for name, array in arrays.items()}
    facts = {_TOLD: json.dumps(told)}
    return Container(kind, named, facts, nesting=(_WEIGHTS,))
