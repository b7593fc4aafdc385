"""The language model of a study -> what fits a regression on its features."""

from __future__ import annotations

from collections.abc import Callable

from compare.resolve import resolve
from tfsent.config_studies import StudyConfig
from tfsent.data.cache import cache_folder
from tfsent.studies.transfer_line import TransferLine
from tfsent.transfer.feature_cache import FeatureCache
from tfsent.transfer.labelled import Splits


def transfer_line(
    config: StudyConfig, tell: Callable[[str], None], splits: Splits
) -> TransferLine:
    """Return regressions on the features of the model that a study names.

    Features are kept in the cache folder, by the content of texts and model.

    Raises:
        ValueError: If the model cannot be read, or has no such feature.
    """
    assert config.model is not None  # StudyConfig asks for one.
    model = resolve(config.model, precision=config.precision)
    cache = cache_folder(config.data.as_source(config.data.train))
    reader = FeatureCache(cache / "features").reader(model)
    return TransferLine(model, reader, config.feature, splits, tell)
