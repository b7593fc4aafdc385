"""Turn texts into features: a row of numbers a text, in a file.

    python scripts/featurize.py --model runs/first --data.source sst:test --out f.npy

Rows stand in the order of the texts; a row depends on its text and the model alone.

    python scripts/featurize.py --model runs/first --engine local \
        --data.source "reviews/*.jsonl.gz" --out features.parquet

With an engine several processes, or a Ray cluster, write a folder of parquet files;
after a kill the same command goes on. --model may then be a SavedModel of export.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tfsent.cli import parse_config, quiet, run
from tfsent.config_commands import FeaturizeConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Featurize the texts that the command line names and print what was written."""
    config = parse_config(argv, FeaturizeConfig, description=__doc__)
    quiet()
    # Here, not above: --help and wrong flags need not wait for a framework.
    from compare.resolve import resolve
    from tfsent.data.cache import cache_folder
    from tfsent.data.sources import open_source

    if config.engine != "none":
        from tfsent.bulk.command import in_words, write_all
        from tfsent.bulk.readers import make_features

        make = partial(
            make_features, resolve, config.model, config.feature, config.precision
        )
        source = open_source(config.data.source, config.data)
        written = write_all(config, make, source)
        print(json.dumps(written) if config.json else in_words(written))
        return
    from tfsent.transfer.feature_cache import FeatureCache, features_folder
    from tfsent.transfer.feature_files import check_suffix, write_features
    from tfsent.transfer.texts import SourceTexts

    out = Path(config.out).expanduser()
    check_suffix(out)
    texts = SourceTexts(open_source(config.data.source, config.data))
    model = resolve(config.model, precision=config.precision)
    start_s = time.perf_counter()
    with features_folder(config.cache, cache_folder(config.data)) as folder:
        kept, computed = FeatureCache(folder).features(model, texts, config.feature)
        write_features(out, kept.chunks(), kept.shape, kept.feature)
    result = {
        "out": str(out),
        "model": config.model,
        "source": config.data.source,
        "feature": kept.feature,
        "rows": kept.shape[0],
        "columns": kept.shape[1],
        "parts_computed": computed,
        "seconds": time.perf_counter() - start_s,
    }
    if config.json:
        print(json.dumps(result))
        return
    print(
        f"{out}: {kept.shape[0]:,} rows of {kept.shape[1]:,} columns "
        f"({kept.feature}) in {result['seconds']:.1f} s"
    )


if __name__ == "__main__":
    run(main)
