"""Where downloads and shards are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path

from tfsent.config import DataConfig


def cache_folder(config: DataConfig) -> Path:
    """Return the cache folder: data.cache_dir, else TFSENT_CACHE, else ~/.cache/tfsent.

    It is not made here.
    """
    given = config.cache_dir or os.environ.get("TFSENT_CACHE")
    return Path(given or "~/.cache/tfsent").expanduser().absolute()
