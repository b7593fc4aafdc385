"""A file or folder of named arrays, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Container:
    """What a file holds, before anybody knows the layout.

    Attributes:
        kind: "npy-folder", "torch", "safetensors", "npz", "hdf5", "tf-checkpoint",
            "keras" or "run".
        arrays: Flat name to array; nested names are joined by ".". Every value of a
            float array is finite. bfloat16 arrays have the type of `ml_dtypes`.
        facts: Flat name to plain value (JSON's types) for what is no array.
        path: Where it lies, for messages.
        nesting: Flat names of the dictionaries inside; a name's other dots are part
            of a key.
        namespaces: Those of `nesting` that are an `argparse.Namespace`.
    """

    kind: str
    arrays: dict[str, np.ndarray]
    facts: dict[str, Any] = field(default_factory=dict)
    path: Path = Path()
    nesting: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
