"""What featurize.py and classify.py do with an engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tfsent.bulk.readers import ReadBlock
from tfsent.bulk.rows import write_rows
from tfsent.config_commands import ClassifyConfig, FeaturizeConfig
from tfsent.data.sources import Source
from tfsent.ray_cluster import require_ray

_SETTINGS = ("feature", "any_model", "precision")
_PATHS = ("model", "classifier")


def write_all(
    config: FeaturizeConfig | ClassifyConfig,
    make: Callable[[], ReadBlock],
    source: Source,
) -> dict[str, Any]:
    """Write a row for every text, with a bar of progress; return what was written.

    Args:
        config: All settings, with an engine.
        make: See `write_rows`.
        source: The texts.

    Raises:
        ValueError: As `write_rows`, or if Ray is not there.
        ChildProcessError: As `write_rows`.
        OSError: As `write_rows`.
    """
    if config.engine == "ray":
        require_ray("engine")
    assert config.engine != "none"
    assert config.out is not None
    settings = asdict(config)
    work = {name: settings[name] for name in _SETTINGS if name in settings}
    for name in _PATHS:
        if path := settings.get(name):
            work[name] = str(Path(path).expanduser().resolve())
    start_s = time.perf_counter()
    with tqdm(unit=" rows", unit_scale=True, disable=config.json or None) as bar:
        index = write_rows(
            make,
            source,
            config.out,
            work,
            engine=config.engine,
            workers=config.workers,
            on_progress=lambda rows: bar.update(rows - bar.n),
            quiet=config.json,
        )
    return {
        "out": config.out,
        "rows": index["rows"],
        "parts": len(index["parts"]),
        **index["about"],
        "seconds": time.perf_counter() - start_s,
    }


def in_words(written: dict[str, Any]) -> str:
    """Return one line on what was written."""
    return (
        f"{written['out']}: {written['rows']:,} rows in {written['parts']} files in "
        f"{written['seconds']:.1f} s"
    )
