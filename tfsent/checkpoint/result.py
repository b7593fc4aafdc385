"""What a finished run gave, so that the same command again need not train again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfsent.checkpoint import atomic
from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.layout import TFSENT, Layout
from tfsent.checkpoint.manifest import (
    Manifest,
    check_hash,
    check_size,
    manifest_bytes,
    read_manifest,
)
from tfsent.checkpoint.settings import identifying
from tfsent.checkpoint.snapshot import open_together
from tfsent.checkpoint.training_state import StateStore
from tfsent.checkpoint.weights import CONFIG, WEIGHTS
from tfsent.config import RunConfig

RESULT = "result.json"


def save_result(
    out: Path,
    result: Mapping[str, Any],
    config: RunConfig,
    fingerprints: Mapping[str, str],
    layout: Layout = TFSENT,
) -> None:
    """Write what a run gave, sealed together with its final files.

    Args:
        out: The run folder, its final files written.
        result: JSON values.
        config: The run's settings.
        fingerprints: Split name to hash of its text.
        layout: Names the model file among the final ones.

    Raises:
        OSError: If the disk refuses; names the file.
    """
    records = {}
    with open_together(out, _final(layout)) as files:
        for name, file in files.items():
            file.skip_rest()
            records[name] = atomic.FileRecord(file.sha256(), file.size)
    asked = _asked(config, fingerprints)
    content = manifest_bytes(records, asked=asked, result=dict(result))
    atomic.replace_file(out / RESULT, [content])


def find_result(
    store: StateStore, config: RunConfig, fingerprints: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return what a run gave if it has ended and its final files are sound.

    Args:
        store: Checkpoints of the run folder.
        config: The settings asked for now.
        fingerprints: Split name to hash of its text, as it is now.

    Returns:
        None if there is something left to do.

    Raises:
        CheckpointError: If there are final weights of something else and no
            checkpoint: training would in the end replace them.
    """
    out, final = store.run_dir, _final(store.layout)
    try:
        with open_together(out, [RESULT, *final]) as files:
            manifest: Manifest = read_manifest(files[RESULT])
            for name in final:
                check_size(files[name], manifest)
            for name in final:
                check_hash(files[name], manifest)
            if manifest.facts.get("asked") == _asked(config, fingerprints):
                return dict(manifest.facts["result"])
    except CheckpointError:
        pass  # Not ended, or damaged: whoever has the checkpoints writes it anew.
    if (out / WEIGHTS).exists() and not store.steps():
        raise CheckpointError(
            out / WEIGHTS,
            "is there, but no checkpoint to resume from. Give --fresh to start over, "
            "or another --out.",
        )
    return None


def _final(layout: Layout) -> tuple[str, ...]:
    return WEIGHTS, CONFIG, layout.model_file


def _asked(config: RunConfig, fingerprints: Mapping[str, str]) -> str:
    """Return a hash of all that a result depends on."""
    settings = identifying(dataclasses.asdict(config))
    # May change on resume, and then changes what is measured.
    settings["training.test_bytes"] = config.training.test_bytes
    known = json.dumps([settings, dict(fingerprints)], sort_keys=True)
    return hashlib.sha256(known.encode("ascii")).hexdigest()
