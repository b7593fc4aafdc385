"""Settings of a supervised run -> what trains and tests it, in Keras or in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tfsent.config_supervised import FinetuneConfig
from tfsent.supervised.folds import RunOne, cross_validate


def run_one(config: FinetuneConfig, tell: Callable[[str], None]) -> dict[str, Any]:
    """Train and test what settings ask for, once or in folds, and return the result.

    Frameworks are imported here, the one that is asked for alone.

    Args:
        config: All settings.
        tell: Takes lines on how far it is.

    Raises:
        ValueError: If a setting, the texts or the run folder make it impossible.
        OSError: If the disk refuses; names the file.
        SystemExit: After a signal, the run being saved.
    """
    one = _trainer(config, tell)
    if not config.folds:
        return one(config)
    return cross_validate(config, one, tell)


def _trainer(config: FinetuneConfig, tell: Callable[[str], None]) -> RunOne:
    from tfsent.supervised.shallow import SHALLOW, fit_shallow

    if config.system in SHALLOW:
        return partial(fit_shallow, tell=tell)
    from compare.resolve import learner_kit
    from tfsent.supervised.session import finetune

    make, load = learner_kit(config.system, config.framework)
    return partial(finetune, make=make, load=load, tell=tell)
