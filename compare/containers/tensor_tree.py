"""Nested dictionaries of tensors <-> flat names, arrays and plain values."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import torch

from compare.containers.container import Container
from compare.containers.stand_ins import Module, Namespace, NumpyScalar
from compare.containers.values import require_finite
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief

LEFT_OUT = "left_out"
"""Fact: names of settings in a Namespace that are none of JSON's values."""

_MAX_DEPTH = 16
_MAX_NODES = 100_000
_SLACK = 4
_DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
)


@dataclass
class Tree:
    """What a file holds, by flat name."""

    path: Path
    budget: int
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    dictionaries: dict[str, None] = field(default_factory=dict)
    spaces: list[str] = field(default_factory=list)
    nodes: int = 0

    @property
    def nesting(self) -> tuple[str, ...]:
        """Return the names of the dictionaries."""
        return tuple(self.dictionaries)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Return those of them that are Namespaces."""
        return tuple(self.spaces)

    def refuse(self, name: str, reason: str) -> CheckpointError:
        """Return the error for the value called `name`."""
        return CheckpointError(self.path, f"{brief(name or 'its content')} {reason}.")


def flatten(content: Any, file_bytes: int, path: Path) -> Tree:
    """Return the arrays and plain values of a loaded file.

    Args:
        content: What `torch.load(weights_only=True)` gave.
        file_bytes: Size of the file; a tensor cannot be larger. A stride of zero
            makes a small file a large tensor, and one storage many tensors.
        path: For messages.

    Raises:
        CheckpointError: If there is anything but nested dictionaries of tensors and
            plain values; names it.
    """
    tree = Tree(path, _SLACK * file_bytes)
    if not isinstance(content, dict | Module):
        found = type(content).__name__
        raise tree.refuse("", f"is a {found}, no dictionary of weights")
    _walk(tree, "", content, 0, False)
    return tree


def nest(container: Container, path: Path) -> dict[str, Any]:
    """Return the nested dictionaries of a container, as they are saved.

    Raises:
        CheckpointError: If an array has a type that PyTorch does not know.
    """
    root: dict[str, Any] = {}
    folders = {"": root}

    def place(name: str, value: Any) -> None:
        parent, key = _split(name, folders)
        folders[parent][key] = value

    # Outer ones first: a key may hold dots, so that only their number tells.
    for name in sorted(container.nesting, key=lambda name: name.count(".")):
        place(name, {})
        parent, key = _split(name, folders)
        folders[name] = folders[parent][key]
    for name, array in container.arrays.items():
        place(name, _tensor(name, array, path))
    for name, value in container.facts.items():
        if name != LEFT_OUT:
            place(name, value)
    for name in container.namespaces:
        values = folders[name]
        parent, key = _split(name, {n: f for n, f in folders.items() if n != name})
        folders[parent][key] = argparse.Namespace(**values)
    return root


def _split(name: str, folders: dict[str, Any]) -> tuple[str, str]:
    """Return the innermost dictionary that `name` lies in, and its key there."""
    end = len(name)
    while (end := name.rfind(".", 0, end)) > 0:
        if name[:end] in folders:
            return name[:end], name[end + 1 :]
    return "", name


def _walk(tree: Tree, name: str, value: Any, depth: int, lenient: bool) -> None:
    tree.nodes += 1
    if depth > _MAX_DEPTH or tree.nodes > _MAX_NODES:
        raise tree.refuse(name, "is nested too deep, or holds too much")
    if (
        name in tree.arrays
        or name in tree.facts
        or name in tree.dictionaries
        or name == LEFT_OUT
    ):
        raise tree.refuse(name, "is given twice")
    if isinstance(value, torch.Tensor):
        tree.arrays[name] = _array(tree, name, value)
        return
    if isinstance(value, dict | Namespace | Module):
        if name:
            tree.dictionaries[name] = None
        if isinstance(value, Namespace):
            tree.spaces.append(name)
            lenient = True
        for key, inner in _members(tree, name, value):
            _walk(tree, f"{name}.{key}" if name else key, inner, depth + 1, lenient)
        return
    try:
        tree.facts[name] = _plain(tree, value, 0)
    except ValueError:
        if not lenient:
            found = type(value).__name__
            reason = f"is a {found}, no tensor and no plain value"
            raise tree.refuse(name, reason) from None
        tree.facts.setdefault(LEFT_OUT, []).append(name)


def _members(tree: Tree, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Module):
        yield from _module_members(tree, name, value)
        return
    items = value.state if isinstance(value, Namespace) else value
    if not isinstance(items, dict):
        raise tree.refuse(name, "has no settings")
    for key, inner in items.items():
        if not isinstance(key, str) or not key:
            raise tree.refuse(name, f"has the key {brief(key)}, which is no name")
        yield key, inner


def _module_members(tree: Tree, name: str, module: Module) -> Iterator[tuple[str, Any]]:
    """Yield what the module's state dict would hold."""
    state = module.state if isinstance(module.state, dict) else {}
    for kind in ("_parameters", "_buffers", "_modules"):
        members = state.get(kind, {})
        if not isinstance(members, dict):
            raise tree.refuse(name, f"is a module whose {kind} are no dictionary")
        for key, inner in members.items():
            if not isinstance(key, str) or not key:
                raise tree.refuse(name, f"has the key {brief(key)}, which is no name")
            if not isinstance(inner, torch.Tensor | Module | None):
                raise tree.refuse(f"{name}.{key}", "is no part of a module")
            if inner is not None:
                yield key, inner


def _plain(tree: Tree, value: Any, depth: int) -> Any:
    """Return a value of JSON's types; ValueError for what is none."""
    # Counted: a list of the same list, of the same list, ... takes few bytes.
    tree.nodes += 1
    if isinstance(value, NumpyScalar):
        value = value.value()
        if value is None:
            raise ValueError
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, list | tuple) and depth < _MAX_DEPTH:
        if tree.nodes + len(value) > _MAX_NODES:
            raise ValueError
        return [_plain(tree, inner, depth + 1) for inner in value]
    raise ValueError


def _array(tree: Tree, name: str, tensor: torch.Tensor) -> np.ndarray:
    tensor = tensor.detach()
    if (
        tensor.layout is not torch.strided
        or tensor.device.type != "cpu"
        or tensor.dtype not in _DTYPES
        or tensor.is_quantized
        or type(tensor) not in (torch.Tensor, torch.nn.Parameter)
    ):
        raise tree.refuse(name, f"is a tensor of type {tensor.dtype}, no weights")
    tree.budget -= tensor.numel() * tensor.element_size()
    if tree.budget < 0:
        raise tree.refuse(name, f"has shape {tuple(tensor.shape)}, more than the file")
    tensor = tensor.contiguous()
    if tensor.dtype is torch.bfloat16:
        array = tensor.view(torch.uint16).numpy().view(ml_dtypes.bfloat16)
    else:
        array = tensor.numpy()
    require_finite(array, name, tree.path)
    return array


def _tensor(name: str, array: np.ndarray, path: Path) -> torch.Tensor:
    array = np.array(array, order="C", copy=True)
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
    try:
        return torch.from_numpy(array)
    except TypeError as error:
        raise CheckpointError(path, f"{name} has type {array.dtype}.") from error
