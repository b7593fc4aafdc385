"""A model, a training state and a run small enough to be saved a thousand times."""

import dataclasses
from typing import Any

import numpy as np

from tfsent.checkpoint import StateStore, expected_shapes
from tfsent.config import ModelConfig, RunConfig


def small_config(**model: Any) -> dict[str, Any]:
    settings = {"hidden_size": 7, "embedding_size": 3} | model
    return dataclasses.asdict(RunConfig(model=ModelConfig(**settings)))


def small_weights(seed: int = 0, **model: Any) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = expected_shapes(ModelConfig(**small_config(**model)["model"]))
    return {n: rng.standard_normal(s).astype("f4") for n, s in shapes.items()}


def small_state(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed + 1000)
    return {
        "adam/m/layers/0/wh": rng.standard_normal((7, 28)).astype("f4"),
        "carried/c": rng.standard_normal((2, 2, 7)).astype("f2"),
        "loss_scale": np.float32(2.0**15),
        "good_steps": np.array(seed, "i8"),
        "flags": np.array([True, False, True]),
        "nothing": np.zeros((0, 5), "u2"),
        "double": rng.standard_normal(3),
    }


def save(store: StateStore, step: int) -> Any:
    """Save a checkpoint whose whole content follows from `step`."""
    weights, state = small_weights(step), small_state(step)
    return store.save(step, weights, small_config(), state, {"bytes_seen": 10 * step})


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Same names, types, shapes and bits."""
    assert sorted(found) == sorted(expected)
    for name, value in expected.items():
        array = np.asarray(value)
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        assert found[name].tobytes() == array.tobytes(), name


def assert_is_step(restored: Any, step: int) -> None:
    """The checkpoint is the one that `save` wrote for `step`, bit for bit."""
    assert restored.step == step
    assert_same(restored.weights, small_weights(step))
    assert_same(restored.state, small_state(step))
    assert restored.progress == {"bytes_seen": 10 * step, "step": step}
    assert restored.config["model"] == small_config()["model"]
