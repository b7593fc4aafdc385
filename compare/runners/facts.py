"""What runners there are: read off the files of this folder, without a framework.

A file of this folder that has `RUNNERS` is a runner, or several: to add one, add a
file. It says here what it can do, and opens its framework only in a process of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

TASKS = ("train", "featurize", "generate")
"""What is timed: one update; texts to features; bytes written one after the other."""

_ROOT = Path(__file__).parents[2]


class RunnerFacts(NamedTuple):
    """What a runner is and can do.

    Attributes:
        name: As users write it.
        what: What is timed, in a few words.
        models: Cells of `ModelConfig` that it computes, each with weight
            normalisation or without: "mlstm+norm", "lstm".
        tasks: Of `TASKS`.
        precisions: Types of the arithmetic.
        packages: Distributions that it needs, whose versions the report names.
        modules: What to import to know whether they are there.
        environment: Folder of another Python environment beside the project, and
            `make` target that makes it; None for the one of this process.
    """

    name: str
    what: str
    models: tuple[str, ...]
    tasks: tuple[str, ...]
    precisions: tuple[str, ...]
    packages: tuple[str, ...]
    modules: tuple[str, ...]
    environment: tuple[str, str] | None = None

    def python(self) -> Path:
        """Return the interpreter that it runs on; it need not exist."""
        if self.environment is None:
            return Path(sys.executable)
        return _ROOT / self.environment[0] / "bin" / "python"

    def absent(self) -> str | None:
        """Return why it cannot start here, None if it can."""
        if self.environment is not None:
            folder, target = self.environment
            if self.python().exists():
                return None
            return f"its environment {folder} is missing; make {target} makes it"
        for name in self.modules:
            if importlib.util.find_spec(name) is None:
                return f"{name} is not installed"
        return None


class Found(NamedTuple):
    """A runner and the module that it is in."""

    facts: RunnerFacts
    module: str

    def open_side(self) -> Any:
        """Import its framework; return a `compare.runners.serving.Side`."""
        opener: Callable[[str], Any] = importlib.import_module(self.module).open_side
        return opener(self.facts.name)


def find_runners() -> dict[str, Found]:
    """Return all runners by name, in the order of their files and within them.

    Raises:
        ValueError: If two have one name.
    """
    found: dict[str, Found] = {}
    folder = str(Path(__file__).parent)
    for each in sorted(pkgutil.iter_modules([folder]), key=lambda each: each.name):
        if each.name.startswith("_"):
            continue
        for name, one in runners_of(f"compare.runners.{each.name}").items():
            if name in found:
                raise ValueError(
                    f"runner {name!r} is in {found[name].module} and in "
                    f"{one.module}; names must differ."
                )
            found[name] = one
    return found


def runners_of(module: str) -> dict[str, Found]:
    """Return the runners of one module by name."""
    runners = getattr(importlib.import_module(module), "RUNNERS", ())
    return {facts.name: Found(facts, module) for facts in runners}
