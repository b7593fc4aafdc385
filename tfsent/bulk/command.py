"""What featurize.py and classify.py do with an engine."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from tqdm import tqdm

from tfsent.bulk.readers import make_features, make_verdicts
from tfsent.bulk.rows import write_rows
from tfsent.config_commands import ClassifyConfig, FeaturizeConfig
from tfsent.data.sources import Source, open_source
from tfsent.ray_cluster import require_ray

_SETTINGS = ("model", "feature", "classifier", "any_model", "precision")
"""What makes rows what they are, beside the texts."""


def featurize_all(config: FeaturizeConfig, resolve: Callable[..., Any]) -> None:
    """Write the features of all texts and print what was written.

    Args:
        config: All settings, with an engine.
        resolve: See `make_features`.

    Raises:
        As `write_rows` does.
    """
    make = functools.partial(
        make_features, resolve, config.model, config.feature, config.precision
    )
    _write(config, make, open_source(config.data.source, config.data))


def classify_all(
    config: ClassifyConfig, open_judge: Callable[..., Any], source: Source
) -> None:
    """Write what a classifier says of all texts and print what was written.

    Args:
        config: All settings, with an engine.
        open_judge: See `make_verdicts`.
        source: The texts.

    Raises:
        As `write_rows` does.
    """
    make = functools.partial(
        make_verdicts,
        open_judge,
        config.model,
        config.classifier,
        config.precision,
        config.any_model,
    )
    _write(config, make, source)


def _write(config: Any, make: Callable[[], Any], source: Source) -> None:
    if config.engine == "ray":
        require_ray("engine")
    settings = asdict(config)
    start_s = time.perf_counter()
    with tqdm(unit=" rows", unit_scale=True, disable=config.json or None) as bar:
        index = write_rows(
            make,
            source,
            config.out,
            {name: settings[name] for name in _SETTINGS if name in settings},
            engine=config.engine,
            workers=config.workers,
            on_progress=lambda rows: bar.update(rows - bar.n),
        )
    seconds = time.perf_counter() - start_s
    if config.json:
        result = {
            "out": config.out,
            "rows": index["rows"],
            "parts": len(index["parts"]),
            **index["about"],
            "seconds": seconds,
        }
        print(json.dumps(result))
        return
    print(
        f"{config.out}: {index['rows']:,} rows in {len(index['parts'])} files in "
        f"{seconds:.1f} s"
    )
