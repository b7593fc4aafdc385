r"""Export a model to a folder that needs nothing of this project.

    python scripts/export.py --model runs/first --classifier runs/first-sst \
        --out exported

A SavedModel takes text as it was written and gives features, bits per character and,
with a classifier, label and probability; TensorFlow alone runs it. LiteRT and ONNX
take bytes. What is written is loaded and compared with the model first: if it answers
otherwise there is no folder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config_commands import ExportConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Export the model that the command line names."""
    config = parse_config(argv, ExportConfig, description=__doc__)
    quiet()
    # Here, not above: --help and wrong flags need not wait for a framework.
    from compare.resolve import resolve

    model = resolve(config.model, precision=config.precision)
    from compare.on_keras import on_keras
    from tfsent.export import export_saved_model, export_small, refuse_early
    from tfsent.transfer.classified import check_model, find_classifier
    from tfsent.transfer.classifier import has_classifier

    refuse_early(config.out, config.format)
    classifier = None
    own = map(has_classifier, (config.model, Path(config.model) / "classifier"))
    if config.classifier is not None or (config.takes_classifier and any(own)):
        classifier, place = find_classifier(config.classifier, config.model)
        check_model(classifier, place, model, config.any_model)
    tell(f"exporting {config.model} as {config.format}, then comparing")
    if config.format == "savedmodel":
        about = export_saved_model(
            on_keras(model), config.out, classifier, config.feature, reference=model
        )
    else:
        about = export_small(
            on_keras(model), config.out, config.format, config.feature, reference=model
        )
    if config.json:
        print(json.dumps({"out": config.out} | about))
        return
    for name, value in about["parity"]["largest_difference"].items():
        print(f"{name:12}  {value:.1e} off at most")
    print(f"{config.out}: {', '.join(about['signatures'])}")


if __name__ == "__main__":
    run(main)
