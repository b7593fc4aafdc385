"""Keeps what TensorFlow says while it loads off the screen."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType

NOISY = "tensorflow"
DRIVERS = ("/dev/nvidiactl", "/dev/dxg")
"""Present where an NVIDIA driver is; the second on Windows' Linux."""


def quiet() -> None:
    """Silence TensorFlow's start; call it before TensorFlow is imported.

    Notes go, errors stay. On a machine without an NVIDIA driver errors of its C++
    side go too, since there the missing driver itself is told as one; Python
    exceptions are not touched. Variables that the user has set are left as they are.
    """
    level = "2" if any(map(os.path.exists, DRIVERS)) else "3"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", level)
    # TensorFlow 2.21 writes six lines while its libraries load, before it reads that
    # variable, and no other silences them. So the import itself is muffled.
    if NOISY not in sys.modules and os.environ["TF_CPP_MIN_LOG_LEVEL"] != "0":
        sys.meta_path.insert(0, _MuffledImport())


class _MuffledImport:
    """Finds one module once, and has it load while standard error is held back."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if name != NOISY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def muffled(module: ModuleType) -> None:
            with _held_back():
                load(module)

        spec.loader.exec_module = muffled  # type: ignore[method-assign]
        return spec


@contextmanager
def _held_back() -> Iterator[None]:
    """Hold back what is written to standard error; let it out if the block fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
