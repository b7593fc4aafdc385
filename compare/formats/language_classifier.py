"""The weights of `LanguageClassifier`, by our names and as its twin has them.

Axes: F columns of the feature, M heads, K outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from compare.formats.table import theirs_of, to_ours, to_theirs
from compare.formats.twin_table import table_of
from tfsent.checkpoint import CheckpointError, expected_shapes
from tfsent.checkpoint.strict_json import brief
from tfsent.config import ModelConfig
from tfsent.config_encoder import EncoderConfig
from tfsent.supervised.language import CENTER, HEADS, SCALE

_LANGUAGE = "language_model."


class LanguageLayout:
    """How the weights of one `LanguageClassifier` lie in its twin.

    Args:
        model: Shape of the language model.
        decoder: Whether it has output weights.
        config: Shape of the heads.
    """

    def __init__(self, model: ModelConfig, decoder: bool, config: EncoderConfig):
        self._model, self._decoder = model, decoder
        self._table = table_of(model)
        self._heads = {CENTER: "center", SCALE: "scale"}
        for k in range(len(config.hidden)):
            for part in ("weight", "bias"):
                self._heads[f"{HEADS}hidden/{k}/{part}"] = f"hidden.{k}.{part}"
            if config.activation == "prelu":
                self._heads[f"{HEADS}hidden/{k}/slope"] = f"slopes.{k}"
        for part in ("weight", "bias"):
            self._heads[f"{HEADS}output/{part}"] = f"heads.{part}"
        self.names = [*expected_shapes(model, decoder), *self._heads]

    def twin_names(self) -> dict[str, str]:
        """Return our names with those of the twin's parameters."""
        found = {}
        for name in self.names:
            if name in self._heads:
                found[name] = self._heads[name]
            else:
                (theirs,) = theirs_of(self._table, name)
                found[name] = _LANGUAGE + theirs
        return found

    def to_twin(self, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return our weights under the names of the twin's parameters."""
        ours = {
            name: array for name, array in weights.items() if not name.startswith(HEADS)
        }
        theirs = to_theirs(self._table, ours, self._model)
        found = {_LANGUAGE + name: array for name, array in theirs.items()}
        for name, place in self._heads.items():
            array = weights[name]
            found[place] = array.T if array.ndim == 2 else array
        return found

    def to_ours(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the twin's parameters as our weights.

        Raises:
            CheckpointError: If an array is missing or left over.
        """
        theirs = {
            name.removeprefix(_LANGUAGE): array
            for name, array in arrays.items()
            if name.startswith(_LANGUAGE)
        }
        path = Path("the twin")
        others = {name for name in arrays if not name.startswith(_LANGUAGE)}
        odd = others ^ set(self._heads.values())
        if odd:
            what = "misses" if odd - others else "has no place for"
            raise CheckpointError(path, f"{what} {brief(sorted(odd))}.")
        mapped = to_ours(self._table, theirs, self._model, path, self._decoder)
        found = {n: mapped.weights[n] for n in self.names if n not in self._heads}
        for name, place in self._heads.items():
            array = arrays[place]
            found[name] = array.T if array.ndim == 2 else array
        return found
