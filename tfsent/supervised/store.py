"""The folder of a supervised run: where it goes on from, and what it ends with.

    RUN/checkpoint/    state.safetensors, manifest.json (progress, settings)
    RUN/               weights.safetensors, words.json, manifest.json (settings, task),
                       metrics.json, config.json, predictions.csv
    RUN/language_model/    of system language, which has no words.json: the language
                       model alone

Every folder appears whole or not at all, and every file's hash stands in the manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from tfsent.checkpoint import CheckpointError, atomic, expected_shapes
from tfsent.checkpoint.manifest import (
    MANIFEST,
    check_hash,
    manifest_bytes,
    read_manifest,
)
from tfsent.checkpoint.snapshot import open_together
from tfsent.checkpoint.strict_json import brief
from tfsent.checkpoint.tensor_file import (
    STATE_DTYPES,
    read_header,
    read_tensors,
    tensor_chunks,
)
from tfsent.config_encoder import EncoderConfig
from tfsent.config_supervised import FinetuneConfig
from tfsent.data.words import Tokenizer
from tfsent.settings_json import from_dict
from tfsent.supervised.fit import Progress, Saved, Weights
from tfsent.supervised.language import HEADS, ByteReader, Language
from tfsent.supervised.reader import WordReader
from tfsent.supervised.task import KINDS, Task

CHECKPOINT = "checkpoint"
STATE = "state.safetensors"
WEIGHTS = "weights.safetensors"
WORDS = "words.json"
FORMAT = "tfsent-supervised"

_PARTS = ("weights", "best", "optimizer")


class Model(NamedTuple):
    """A trained classifier as its folder holds it."""

    settings: dict[str, Any]
    """Those of the run."""
    task: Task
    weights: Weights
    reader: WordReader | ByteReader | None
    """None where a model that was converted came without words."""


def save_progress(
    run: Path,
    settings: Mapping[str, Any],
    progress: Progress,
    weights: Weights,
    best: Weights,
    optimizer: Weights,
) -> None:
    """Write where a training stands in the place of what was written before.

    Raises:
        OSError: If the disk refuses; names the file.
    """
    folder = run / CHECKPOINT
    arrays = {
        f"{part}/{name}": array
        for part, tensors in zip(_PARTS, (weights, best, optimizer), strict=True)
        for name, array in tensors.items()
    }
    before = atomic.temporary_path(folder)
    with atomic.new_folder(folder, replaced=before) as draft:
        draft.write(STATE, tensor_chunks(arrays, {}, STATE_DTYPES, folder / STATE))
        facts = {
            "format": FORMAT,
            "settings": settings,
            "progress": asdict(progress),
        }
        draft.write(MANIFEST, [manifest_bytes(draft.files, **facts)])
    if before.exists():
        atomic.discard_folder(before)


def read_progress(run: Path, settings: Mapping[str, Any]) -> Saved | None:
    """Return where a training stands, or None at its start.

    Raises:
        CheckpointError: If what is there is damaged.
        ValueError: If it was trained with other settings; names the first.
    """
    folder = run / CHECKPOINT
    if not folder.exists():
        return None
    arrays, facts = _read(folder, STATE, ("settings", "progress"))
    check_settings(run, facts["settings"], settings)
    parts: dict[str, Weights] = {part: {} for part in _PARTS}
    for name, array in arrays.items():
        part, _, rest = name.partition("/")
        if part not in parts:
            raise CheckpointError(folder / STATE, f"holds {name!r}, no part of a run.")
        parts[part][rest] = array
    return Saved(Progress(**facts["progress"]), *parts.values())


def check_settings(
    run: Path, saved: Mapping[str, Any], asked: Mapping[str, Any]
) -> None:
    """Refuse to go on with other settings than a run was begun with.

    A setting that a run does not name was none yet when it was begun: its default
    is what the run did.

    Raises:
        ValueError: Names the first that differs.
    """
    default = _flat(asdict(FinetuneConfig()))
    before, now = default | _flat(saved), default | _flat(asked)
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            raise ValueError(
                f"{name} is {now.get(name)!r}, but {run} was begun with "
                f"{before.get(name)!r}; give that, another --out, or --fresh."
            )


def write_model(
    run: Path,
    settings: Mapping[str, Any],
    task: Task,
    weights: Weights,
    reader: WordReader | ByteReader | None,
) -> None:
    """Write a trained classifier into its run folder; None for words unknown.

    Raises:
        OSError: If the disk refuses; names the file.
    """
    reads: dict[str, Any] = {"words": None}
    if isinstance(reader, WordReader):
        reader.tokenizer.save(run / WORDS)
        reads["words"] = reader.tokenizer.fingerprint
    elif reader is not None:
        reader.language.save(run, weights)
        reads = {"language": reader.language.facts()}
    chunks = tensor_chunks(weights, {}, STATE_DTYPES, run / WEIGHTS)
    files = {WEIGHTS: atomic.replace_file(run / WEIGHTS, chunks)}
    facts = {
        "format": FORMAT,
        "settings": settings,
        "task": asdict(task),
        **reads,
    }
    atomic.replace_file(run / MANIFEST, [manifest_bytes(files, **facts)])


def read_model(run: Path) -> Model:
    """Return the classifier that a run folder holds; nothing in it is trusted.

    Raises:
        CheckpointError: If it holds no sound one; names the file.
        ValueError: If its words are damaged; names the file.
    """
    run = Path(run).expanduser()
    arrays, facts = _read(run, WEIGHTS, ("settings", "task"))
    task = task_from(facts["task"], run)
    if "language" in facts:
        language = Language.from_facts(facts["language"], run / MANIFEST)
        encoder = _encoder(facts["settings"], run)
        _check_language(language, arrays, run / WEIGHTS)
        return Model(facts["settings"], task, arrays, ByteReader(language, encoder))
    if not task.classes and "output/weight" in arrays:
        raise CheckpointError(run / MANIFEST, "tells no task that is known.")
    return Model(facts["settings"], task, arrays, _words(facts.get("words"), run))


def _words(fingerprint: Any, run: Path) -> WordReader | None:
    """Return the words of a run; None of one that was converted without."""
    if fingerprint is None and not (run / WORDS).exists():
        return None
    tokenizer = Tokenizer.load(run / WORDS)
    if tokenizer.fingerprint != fingerprint:
        raise CheckpointError(run / WORDS, "holds the words of another classifier.")
    return WordReader(tokenizer)


def _check_language(language: Language, arrays: Weights, path: Path) -> None:
    """Refuse what says that it is larger than it is, before a model is made of it."""
    expected = expected_shapes(language.model, language.decoder)
    found = {n: a.shape for n, a in arrays.items() if not n.startswith(HEADS)}
    if found != expected:
        odd = sorted(dict(found.items() ^ expected.items()))
        raise CheckpointError(
            path, f"does not hold the language model of its manifest: {brief(odd)}."
        )


def _encoder(settings: Mapping[str, Any], run: Path) -> EncoderConfig:
    try:
        return from_dict(EncoderConfig, settings.get("encoder", {}))
    except ValueError as error:
        raise CheckpointError(run / MANIFEST, str(error)) from None


def _read(
    folder: Path, tensors: str, facts: Iterable[str]
) -> tuple[Weights, dict[str, Any]]:
    """Return the tensors of a folder and what its manifest says besides."""
    with open_together(folder, [tensors, MANIFEST]) as files:
        manifest = read_manifest(files[MANIFEST])
        found = dict(manifest.facts)
        if found.get("format") != FORMAT:
            raise CheckpointError(folder, "is no run of finetune.py.")
        for name in facts:
            if not isinstance(found.get(name), dict):
                raise CheckpointError(folder / MANIFEST, f"has no {name}.")
        header = read_header(files[tensors], STATE_DTYPES)
        arrays = read_tensors(files[tensors], header)
        check_hash(files[tensors], manifest)
    return arrays, found


def task_from(facts: Mapping[str, Any], run: Path) -> Task:
    """Return the task that a manifest tells; without classes that of an encoder.

    Raises:
        CheckpointError: If it tells none.
    """
    try:
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in facts.items()
        }
        task = Task(**plain)
    except TypeError as error:
        raise CheckpointError(run / MANIFEST, f"task: {error}.") from None
    if task.kind not in KINDS:
        raise CheckpointError(run / MANIFEST, "tells no task that is known.")
    return task


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = list(value) if isinstance(value, tuple) else value
    return flat
