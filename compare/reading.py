"""A path -> its model, with what was found on the way: format, cell, gate order."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from compare import containers, formats
from compare.checkpoint import Checkpoint
from compare.containers import Container
from compare.formats.blocks import parse_gates
from compare.formats.word_model import WordModel
from compare.gate_order import GateOrder, find_gates, probe_of


class ReadModel(NamedTuple):
    """A model as it was read.

    Attributes:
        path: Where from.
        checkpoint: The model.
        container: What lies in the file, unchanged.
        module: The format.
        found: A line that says what was recognized.
        gates: The order of its gates, and why it is believed.
    """

    path: Path
    checkpoint: Checkpoint | WordModel
    container: Container
    module: ModuleType
    found: str
    gates: GateOrder

    @property
    def format(self) -> str:
        """Name of the format's module: "keras", "twin", "openai", ..."""
        return self.module.__name__.rpartition(".")[2]

    def facts(self) -> dict[str, Any]:
        """Return what was found, as JSON values."""
        checkpoint = self.checkpoint
        facts = {
            "path": str(self.path),
            "found": self.found,
            "format": self.format,
            "kind": self.container.kind,
        }
        if isinstance(checkpoint, WordModel):
            gates = self.gates.gates or checkpoint.origin.gates
            by = {"gates": gates, "gates_decided_by": self.gates.decided_by}
            return facts | checkpoint.facts() | by
        model, training = checkpoint.model, checkpoint.training
        return facts | {
            "cell": model.cell,
            "layers": model.layers,
            "hidden_size": model.hidden_size,
            "embedding_size": model.embedding_size,
            "weight_norm": model.weight_norm,
            "tied_embedding": model.tied_embedding,
            "decoder": checkpoint.decoder,
            "dtype": checkpoint.origin.dtype,
            "symbols": checkpoint.origin.symbols,
            "text_rule": text_rule(checkpoint),
            "extras": sorted(checkpoint.extras),
            "training_step": training.progress["step"] if training else None,
            "gates": self.gates.gates,
            "gates_decided_by": self.gates.decided_by,
            "gates_measured_by": self.gates.measured,
            "gates_bpc": self.gates.bpc,
        }

    def lines(self) -> list[str]:
        """Return what was found, for a reader."""
        head = f"{self.path}: {self.found}"
        if isinstance(self.checkpoint, WordModel):
            lines = [*self.checkpoint.lines(), *self.gates.lines()]
            return [head, *(f"  {line}" for line in lines)]
        facts = self.facts()
        parts = [
            f"{facts['cell']}, {facts['layers']} x {facts['hidden_size']} units",
            f"embedding of {facts['embedding_size']}"
            + (" tied to the output" if facts["tied_embedding"] else ""),
            ("with" if facts["weight_norm"] else "without") + " weight normalisation",
            "with decoder" if facts["decoder"] else "without decoder",
        ]
        stored = [
            str(facts["dtype"]),
            f"{facts['symbols']} symbols",
            f"text rule {facts['text_rule']}",
        ]
        if facts["extras"]:
            stored.append(f"beside it {', '.join(facts['extras'])}")
        lines = [*map(", ".join, (parts, stored)), *self.gates.lines()]
        return [head, *(f"  {line}" for line in lines)]


def text_rule(checkpoint: Checkpoint | WordModel) -> str:
    """Return by which rule the model's text was cleaned."""
    return str(checkpoint.config.get("data", {}).get("text_rule", "openai"))


def read_model(
    path: str | os.PathLike[str],
    gates: str | None = None,
    probe: str | os.PathLike[str] | None = None,
) -> ReadModel:
    """Return the model at `path`, whatever known format it has.

    Runs no code from the file.

    Args:
        path: A run, a checkpoint folder, a file or folder of weights.
        gates: Order of its gate blocks, as a user spells it. Default: found out.
        probe: Text file to tell orders apart with. Default: built-in reviews.

    Raises:
        CheckpointError: If there is no sound model of a known format, or its gate
            order cannot be told; names the path.
        ValueError: If `gates` is no order, or the probe too short.
        OSError: If the probe cannot be read.
    """
    path = Path(path).expanduser()
    container = containers.read(path)
    module, found = formats.recognize(container)
    given = None if gates is None else parse_gates(gates)
    candidates = module.candidates(container)
    read = functools.lru_cache(1)(functools.partial(module.read, container))
    order = find_gates(
        path,
        read,
        candidates,
        given,
        functools.partial(probe_of, path=probe),
        trusted=_says_its_order(container),
    )
    return ReadModel(path, read(order.gates or None), container, module, found, order)


def _says_its_order(container: Container) -> bool:
    """Return whether a file was written by this project, which names its layout."""
    return container.kind in ("run", "keras") or "config" in container.facts
