"""What is timed: a grid of cells, and what each of them gives to its runners.

Axes: N batches, B lanes, T bytes in a window.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args

import numpy as np

from benchmarks.featurize import some_texts
from benchmarks.flops import byte_flops
from benchmarks.generate import PROMPT, random_weights
from benchmarks.lanes import built_in_lanes
from tfsent.checkpoint import expected_shapes, save_weights
from tfsent.config import (
    Cell,
    DistributionConfig,
    ModelConfig,
    OptimizerConfig,
    Precision,
    RunConfig,
    TrainingConfig,
)

Task = Literal["train", "featurize", "generate"]

_NUM_BATCHES = 3
_SCHEDULE_STEPS = 100_000
_PROCESS_BYTES = 2**30
_COPIES, _SEQUENCES = 8, 25
"""Of a training step: all weights (with gradients, moments, answers), and numbers a
unit, lane and step. Fitted to peaks at 512 to 4096 units: Keras 1.5 GiB, 6.5 copies
and 22 sequences, the twin 0.3 GiB, 9.2 and 25; nine runners at 256 units 9 GiB."""


@dataclass(frozen=True, kw_only=True)
class GridCell:
    """One place of the grid: a task, a model and how it is fed."""

    task: Task = "train"
    """What is timed."""
    cell: Cell = "mlstm"
    """Recurrent cell."""
    weight_norm: bool = True
    """Weight normalisation of the matrices."""
    hidden_size: int = 512
    """Units H of each layer."""
    layers: int = 1
    """Recurrent layers."""
    batch_size: int = 32
    """Lanes B of a training step."""
    window: int = 64
    """Bytes T of a lane in a training step."""
    precision: Precision = "float32"
    """Type of the arithmetic."""
    devices: int = 1
    """Devices that one step is spread over."""
    texts: Literal["sst", "imdb"] = "sst"
    """Lengths of the texts that are featurized."""
    text_bytes: int = 100_000
    """Bytes of all texts that are featurized."""
    length: int = 256
    """Bytes that are written."""

    @property
    def model(self) -> str:
        """The model as runners name it: "mlstm+norm", "lstm"."""
        return self.cell + ("+norm" if self.weight_norm else "")

    @property
    def key(self) -> str:
        """Name of the cell, fit for a file."""
        shape = f"{self.task}-{self.model}-h{self.hidden_size}-l{self.layers}"
        fed = {
            "train": f"b{self.batch_size}-t{self.window}",
            "featurize": f"{self.texts}-n{self.text_bytes}",
            "generate": f"n{self.length}",
        }[self.task]
        return f"{shape}-{fed}-{self.precision}-d{self.devices}"

    @property
    def work_bytes(self) -> int:
        """Text bytes of one call."""
        return {
            "train": self.batch_size * self.window,
            "featurize": self.text_bytes,
            "generate": self.length,
        }[self.task]

    @property
    def flops(self) -> float:
        """Floating-point operations of one call; see `benchmarks.flops`."""
        a_byte = byte_flops(self.config().model, decoder=self.task != "featurize")
        # Backward takes twice the products of forward.
        return float((3 if self.task == "train" else 1) * a_byte * self.work_bytes)

    def config(self) -> RunConfig:
        """Return the settings that runners are given."""
        return RunConfig(
            model=ModelConfig(
                cell=self.cell,
                hidden_size=self.hidden_size,
                layers=self.layers,
                weight_norm=self.weight_norm,
            ),
            optimizer=OptimizerConfig(schedule="constant"),
            training=TrainingConfig(
                steps=_SCHEDULE_STEPS, batch_size=self.batch_size, window=self.window
            ),
            distribution=DistributionConfig(devices=self.devices),
            precision=self.precision,
        )

    def needed_bytes(self, num_runners: int) -> int:
        """Return about how much memory its runners need together, at their peak."""
        weights = 4 * parameters(self.config().model)
        if self.task != "train":
            return num_runners * (_PROCESS_BYTES + 2 * weights)
        lanes = self.batch_size * self.window
        held = lanes * self.hidden_size * self.layers * _SEQUENCES * 4
        return num_runners * (_PROCESS_BYTES + _COPIES * weights + held)

    def described(self) -> dict[str, Any]:
        """Return the cell as JSON values of a report."""
        train = self.task == "train"
        return {
            "key": self.key,
            "task": self.task,
            "model": self.model,
            "hidden_size": self.hidden_size,
            "layers": self.layers,
            "batch_size": self.batch_size if train else None,
            "window": self.window if train else None,
            "precision": self.precision,
            "devices": self.devices,
            "texts": self.texts if self.task == "featurize" else None,
        }


_PARTS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    r"h(\d+)": ("hidden_size", int),
    r"l(\d+)": ("layers", int),
    r"b(\d+)": ("batch_size", int),
    r"t(\d+)": ("window", int),
    r"d(\d+)": ("devices", int),
    r"(float32|mixed_bfloat16|mixed_float16)": ("precision", str),
    r"(sst|imdb)": ("texts", str),
}
"""Part of a cell's key to its setting; `n` is told by the task."""


def parse_cells(text: str) -> list[GridCell]:
    """Return the cells of a comma list of keys; parts that are left out are defaults.

    Raises:
        ValueError: If one is no cell, or stands there twice.

    Example:
        >>> [cell.key for cell in parse_cells("train-lstm-h64, generate-gru")]
        ['train-lstm-h64-l1-b32-t64-float32-d1', 'generate-gru-h512-l1-n256-float32-d1']
    """
    cells = [_parse(word.strip()) for word in text.split(",") if word.strip()]
    keys = [cell.key for cell in cells]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"cell {key} stands there twice.")
    return cells


def _parse(text: str) -> GridCell:
    task, _, rest = text.partition("-")
    model, *parts = rest.split("-")
    cell, _, norm = model.partition("+")
    if task not in _INPUTS or cell not in get_args(Cell) or norm not in ("", "norm"):
        raise ValueError(
            f"cells has {text!r}; such as train-mlstm+norm-h512-b32-t64 will do."
        )
    found: dict[str, Any] = {"task": task, "cell": cell, "weight_norm": norm == "norm"}
    sizes = {"featurize": "text_bytes", "generate": "length"}
    known = dict(_PARTS) | ({r"n(\d+)": (sizes[task], int)} if task in sizes else {})
    for part in parts:
        for pattern, (name, kind) in known.items():
            match = re.fullmatch(pattern, part)
            if match is not None and name not in found and match[1] != "0":
                found[name] = kind(match[1])
                break
        else:
            raise ValueError(
                f"cells has {text!r}: {part!r} is no part of a {task} cell."
            )
    return GridCell(**found)


def parameters(model: ModelConfig) -> int:
    """Return the number of weights of a model."""
    return sum(int(np.prod(shape)) for shape in expected_shapes(model).values())


class Given(NamedTuple):
    """What every runner of a cell is given, as the protocol has it."""

    task: str
    config: dict[str, Any]
    weights: str
    inputs: str


def write_given(cell: GridCell, folder: Path) -> Given:
    """Write weights and inputs of a cell into a folder; equal for equal cells."""
    settings = cell.config()
    config = dataclasses.asdict(settings)
    save_weights(folder / "weights", random_weights(settings.model), config)
    inputs = folder / "inputs.npz"
    np.savez(inputs, **cast(Any, _INPUTS[cell.task](cell)))
    return Given(cell.task, config, str(folder / "weights"), str(inputs))


def _batches(cell: GridCell) -> dict[str, np.ndarray]:
    lanes = built_in_lanes(cell.batch_size, cell.window)
    bytes_NBT1 = np.stack([lanes.batch(k).bytes_BT1 for k in range(_NUM_BATCHES)])
    # Built-in layers begin every batch at zero; so do all, and nothing else begins.
    reset_NBT = np.zeros((_NUM_BATCHES, cell.batch_size, cell.window), bool)
    reset_NBT[:, :, 0] = True
    return {"bytes": bytes_NBT1, "reset": reset_NBT}


def _texts(cell: GridCell) -> dict[str, np.ndarray]:
    texts: Sequence[bytes] = some_texts(cell.texts, cell.text_bytes)
    return {
        "joined": np.frombuffer(b"".join(texts), np.uint8),
        "lengths": np.array([len(text) for text in texts]),
    }


def _prompt(cell: GridCell) -> dict[str, np.ndarray]:
    prompt = np.frombuffer(PROMPT, np.uint8)
    return {"prompt": prompt, "length": np.array(cell.length)}


_INPUTS = {"train": _batches, "featurize": _texts, "generate": _prompt}
