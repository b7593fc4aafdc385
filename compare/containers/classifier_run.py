"""Run folders of `scripts/finetune.py`: a classifier over words, of either framework.

Read and written by `tfsent.supervised.store`: hashes are checked, links not followed.
Arrays have our names. Facts: "settings" and "task" as in the manifest; "words", what
`words.json` says, None where a converted model has no words.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from compare.containers.container import Container
from compare.containers.plain_file import first_bytes
from tfsent.checkpoint import CheckpointError, atomic
from tfsent.checkpoint.manifest import MANIFEST
from tfsent.checkpoint.strict_json import json_bytes
from tfsent.config_supervised import WordsConfig
from tfsent.data.words import Tokenizer
from tfsent.path_errors import naming
from tfsent.settings_json import from_dict, to_dict
from tfsent.supervised.reader import WordReader

KIND = "classifier-run"

CONFIG = "config.json"

_MAX_MANIFEST = 2**22


def matches(path: Path) -> bool:
    """Return whether `path` is the folder of a supervised run."""
    start = first_bytes(path / MANIFEST, _MAX_MANIFEST)
    return bool(start) and f'"{_store().FORMAT}"'.encode() in start


def read(path: Path) -> Container:
    """Return the classifier that the folder holds.

    Raises:
        CheckpointError: If there is no sound one, or no network over words.
    """
    try:
        model = _store().read_model(path)
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(path, str(error)) from error
    words = None
    if isinstance(model.reader, WordReader):
        tokenizer = model.reader.tokenizer
        config = to_dict(tokenizer.config)
        words = {"config": config, "words": list(tokenizer.words)}
    elif model.reader is not None:
        raise CheckpointError(
            path,
            "fine-tunes a language model; the folder language_model in it holds that "
            "model alone, which is converted as any other.",
        )
    facts = {"settings": model.settings, "task": to_dict(model.task), "words": words}
    return Container(KIND, model.weights, facts, path)


def write(path: Path, container: Container) -> None:
    """Write the folder, whole or not at all.

    Raises:
        CheckpointError: If something is there.
        OSError: If the disk refuses.
    """
    if path.exists() or path.is_symlink():
        raise CheckpointError(path, "is there already; name a new folder.")
    facts = container.facts
    reader = None
    if facts["words"] is not None:
        config = from_dict(WordsConfig, facts["words"]["config"], "words")
        reader = WordReader(Tokenizer(config, facts["words"]["words"]))
    store = _store()
    task = store.task_from(facts["task"], path)
    with naming(path, always=True), atomic.new_folder(path) as draft:
        settings = facts["settings"]
        arrays = container.arrays
        store.write_model(draft.folder, settings, task, arrays, reader)
        atomic.replace_file(draft.folder / CONFIG, [json_bytes(settings)])


def _store() -> ModuleType:
    """Return what reads and writes the runs; it brings scikit-learn along."""
    return importlib.import_module("tfsent.supervised.store")
