"""Fit an L1 logistic regression on a model's features of labelled texts, measure it.

    python scripts/transfer.py --model runs/first --data.train sst --out runs/first-sst

Feature and strength of the penalty are chosen on validation texts, without any by
cross-validation; accuracy is that of the test texts. Writes the classifier for
classify.py, metrics.json, predictions.csv, extremes.csv (texts at both ends of the
neuron) and pictures. The last line printed is one JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tfsent.cli import parse_config, quiet, run, tell, to_dict
from tfsent.config_commands import TransferConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Read, fit, measure and write as the command line says."""
    config = parse_config(argv, TransferConfig, description=__doc__)
    quiet()
    # Here, not above: --help and wrong flags need not wait for a framework.
    from compare.resolve import resolve
    from tfsent.data.cache import cache_folder
    from tfsent.transfer.experiment import Options
    from tfsent.transfer.feature_cache import FeatureCache, features_folder
    from tfsent.transfer.labelled import label_names, read_labels, read_splits
    from tfsent.transfer.output import check_out
    from tfsent.transfer.transferring import result_of, table_of, transfer

    say = (lambda line: None) if config.json else tell
    out = Path(config.out).expanduser()
    check_out(out)
    splits = read_splits(config.data)
    names = label_names(config.data, splits.train.labels.shape[1])
    labels = read_labels(splits.train, names)
    for note in (*splits.notes, *labels.notes):
        say(f"note: {note}")
    model = resolve(config.model, precision=config.precision)
    options = Options(
        neurons=config.neurons,
        standardize=config.standardize,
        metric=config.metric,
        checks=config.checks,
        draws=config.draws,
        seed=config.seed,
    )
    cache = cache_folder(config.data.as_source(config.data.train))
    with features_folder(config.cache, cache) as folder:
        figures = transfer(
            model,
            splits,
            labels,
            config.feature,
            options,
            out,
            to_dict(config),
            say,
            FeatureCache(folder).reader(model),
        )
    if not config.json:
        print("\n".join(table_of(figures)))
    print(json.dumps(result_of(figures, config.out)))


if __name__ == "__main__":
    run(main)
