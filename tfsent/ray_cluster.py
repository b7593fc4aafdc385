"""The Ray cluster that commands join: RAY_ADDRESS names it, else it is one of here."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def require_ray(setting: str) -> None:
    """Raise a ValueError that says what to install, if Ray is not there.

    Args:
        setting: Which one asked for it.
    """
    if importlib.util.find_spec("ray") is None:
        raise ValueError(
            f"{setting} is ray, but Ray is not installed; pip install -r "
            "requirements-ray.txt will do."
        )


@contextmanager
def cluster(quiet: bool = False) -> Iterator[dict[str, float]]:
    """Join the cluster, or start one of this machine; yield what it has.

    Args:
        quiet: Keep to the workers what they print.

    Yields:
        Numbers of "CPU", "GPU" and what else Ray counts.

    Raises:
        ConnectionError: If there is none, or it cannot be joined.
    """
    import ray

    root = str(Path(__file__).parents[1])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    variables = {"PYTHONPATH": os.pathsep.join(paths)}
    for name in ("TFSENT_DATA", "TFSENT_CACHE", "OMP_NUM_THREADS"):
        if name in os.environ:
            variables[name] = os.environ[name]
    address = os.environ.get("RAY_ADDRESS", "local")
    # Ray would else report to its makers how it is used.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(
            address=address,
            runtime_env={"env_vars": variables},
            log_to_driver=not quiet,
            include_dashboard=False if address == "local" else None,
            logging_level=logging.ERROR,
        )
    except (ValueError, RuntimeError) as error:
        told = str(error).strip().split("\n", 1)[0]
        raise ConnectionError(
            f"RAY_ADDRESS is {address!r}; it cannot be joined ({told})."
        ) from error
    try:
        yield ray.cluster_resources()
    finally:
        ray.shutdown()
