"""A path -> its model, in the framework that it is for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfsent.checkpoint import TFSENT, weights_format
from tfsent.config import Precision

if TYPE_CHECKING:
    from tfsent.transfer.classified import Says, Verdict


def resolve(path: str | Path, precision: Precision = "float32") -> Any:
    """Return the model at `path`, on Keras or on PyTorch.

    Runs of `train.py` and `.keras` files go to `tfsent.load`. Runs of the twin, and
    every other file or folder that `scripts/convert.py` reads, go to `compare.load`.
    Only the framework that is needed is loaded.

    Raises:
        CheckpointError: If there is no sound model; names the path.
    """
    path = Path(path).expanduser()
    found = weights_format(path)
    # A run without weights has a message of its own there.
    parts = (path / "config.json", path / "checkpoints")
    is_run = any(map(Path.exists, parts)) or path.suffix == ".keras"
    if found == TFSENT.name or (found is None and is_run) or not path.exists():
        from tfsent.loading import load
    else:
        from compare.loading import load  # type: ignore[assignment]
    return load(path, precision)


def resolve_judge(
    path: str | Path, classifier: str | None, precision: Precision = "float32"
) -> Any:
    """Return what a run of `finetune.py` says of texts; None if `path` is no such run.

    A network computes in the framework that it was trained with.

    Args:
        path: What a user calls the model.
        classifier: What a user calls the classifier.
        precision: Type of a network's arithmetic.

    Raises:
        CheckpointError: If the run is not sound; names the file.
        ValueError: If a classifier was named beside it.
    """
    if not (Path(path).expanduser() / "config.json").is_file():
        return None
    from tfsent.supervised.judge import read_judge, settings_of
    from tfsent.supervised.shallow import SHALLOW

    config = settings_of(path)
    if config is None:
        return None
    if classifier is not None:
        raise ValueError(
            f"classifier is {classifier!r}, but {path} is a classifier itself; leave "
            "it out."
        )
    make = None
    if config.system not in SHALLOW:
        make, _ = learner_kit(config.system, config.framework)
    return read_judge(path, config, make, precision)


def open_judge(
    model: str, classifier: str | None, precision: Precision, any_model: bool
) -> tuple[Says, Callable[[Iterable[str]], Iterator[Verdict]], Callable[[], str]]:
    """Return a classifier, its verdicts on texts as they come, and what hashes both.

    The hash is one of everything that a verdict depends on.

    Args:
        model: What a user calls the model, or a run of `finetune.py`.
        classifier: What a user calls the classifier. Default: the model's own.
        precision: Type of a network's arithmetic.
        any_model: Let a classifier that was made for another model pass.

    Raises:
        CheckpointError: If one of them is not sound, or they do not fit together.
        ValueError: If there is no classifier, or one too many.
    """
    from tfsent.bulk.readers import folder_fingerprint
    from tfsent.transfer.classified import check_model, classify, find_classifier

    judge = resolve_judge(model, classifier, precision)
    if judge is not None:
        return judge, judge.verdicts, functools.partial(folder_fingerprint, model)
    found, folder = find_classifier(classifier, model)
    trained = resolve(model, precision=precision)
    check_model(found, folder, trained, any_model)

    def made_by() -> str:
        return f"{trained.fingerprint}-{folder_fingerprint(folder)}"

    return found, functools.partial(classify, trained, found), made_by


def learner_kit(
    system: str, framework: str
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return what makes a learner of a supervised system, and what loads a model.

    Only the framework that is needed is loaded.

    Args:
        system: "words" or "language".
        framework: "keras" or "torch".
    """
    if framework == "torch":
        from compare.loading import load

        if system == "language":
            from compare.twin.language_learner import make_learner
        else:
            from compare.twin.supervised import make_learner  # type: ignore[assignment]
        return make_learner, load
    from tfsent.loading import load as load_keras

    if system == "language":
        from tfsent.supervised.language_learner import make_learner as make_keras
    else:
        from tfsent.supervised.keras_learner import (  # type: ignore[assignment]
            make_learner as make_keras,
        )
    return make_keras, load_keras
