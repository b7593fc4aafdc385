"""Keeps Triton from being loaded behind TensorFlow, which ends the process.

TensorFlow's wheels since 2.20 put their LLVM where libraries that are loaded later find
it, and Triton since 3.7 then runs its own start on it: `import tensorflow, triton` is a
segmentation fault (github.com/tensorflow/tensorflow/issues/124205). PyTorch's wheels
with CUDA bring Triton, and import it when the first optimizer is made. The other way
round both work.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

_TRITON, _TENSORFLOW = "triton", "tensorflow"


def refuse_triton_behind_tensorflow() -> None:
    """Let `import triton` fail as if it were absent, once TensorFlow is loaded.

    PyTorch then goes without it: only `torch.compile` on a GPU needs it, and a process
    for that imports no TensorFlow, or imports Triton first.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds Triton where it must not be loaded, and nothing else."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if name != _TRITON or _TENSORFLOW not in sys.modules:
            return None
        # Not an error here: who only asks whether it is installed wants an answer.
        return spec_from_loader(name, _Loader())


class _Loader(Loader):
    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        raise ImportError(
            "Triton cannot be loaded once TensorFlow is; import it before.",
            name=_TRITON,
        )
