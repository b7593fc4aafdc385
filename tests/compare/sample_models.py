"""Small models of every kind, and runs of them, made without a framework."""

import dataclasses
import json

import numpy as np

from compare.checkpoint import Checkpoint, Origin, Training
from compare.formats.blocks import OUR_GATES
from tfsent.checkpoint import StateStore, expected_shapes, save_weights
from tfsent.config import ModelConfig, OptimizerConfig, RunConfig

CELLS = ("mlstm", "lstm", "gru", "tanh", "relu")
KINDS = [
    {"cell": cell, "weight_norm": norm, "layers": layers, "tied_embedding": tied}
    for cell in CELLS
    for norm, layers, tied in ((True, 2, False), (False, 1, True))
]


def model_config(**settings):
    width = 7 if settings.get("tied_embedding") else 3
    return ModelConfig(**({"hidden_size": 7, "embedding_size": width} | settings))


def run_config(optimizer="adam", **model):
    config = RunConfig(
        model=model_config(**model), optimizer=OptimizerConfig(name=optimizer)
    )
    settings = dataclasses.asdict(config)
    kept = {n: v for n, v in settings.items() if n not in ("out", "fresh", "json")}
    return json.loads(json.dumps(kept))  # As it comes back from a file.


def weights_of(model, seed=0, decoder=True):
    rng = np.random.default_rng(seed)
    shapes = expected_shapes(model, decoder)
    return {n: rng.standard_normal(s).astype("f4") for n, s in shapes.items()}


def state_of(model, seed=0, optimizer="adam", scaled=False):
    """Training state in Keras's names."""
    rng = np.random.default_rng(seed + 100)
    state = {"optimizer/iteration": np.array(seed + 40, "i8")}
    if optimizer in ("adam", "adamw"):
        for k, slot in enumerate(("momentum", "velocity")):
            for name, array in weights_of(model, seed + 200 + k).items():
                state[f"optimizer/{slot}/{name}"] = array
    if scaled:
        state["loss_scale/dynamic_scale"] = np.array(2.0**13, "f4")
        state["loss_scale/step_counter"] = np.array(17, "i8")
    tensors = 2 if model.cell in ("mlstm", "lstm") else 1
    for layer in range(model.layers):
        for k in range(tensors):
            state[f"carried/{layer}/{k}"] = rng.standard_normal((4, 7)).astype("f4")
    return state


def progress_of(step, best=3.5):
    return {
        "step": step,
        "bytes_seen": 10 * step,
        "wall_s": 1.5,
        "recent_bpc": [3.25, 3.5],
        "best_val_bpc": best,
        "owes_validation": False,
        "data_fingerprint": "abc",
        "validated_on": ["def", 1024],
        "is_best": False,
    }


def checkpoint_of(seed=0, training=False, scaled=False, optimizer="adam", **settings):
    model = model_config(**settings)
    return Checkpoint(
        model,
        weights_of(model, seed),
        True,
        Origin("keras", OUR_GATES[model.cell]),
        {},
        run_config(optimizer, **settings),
        Training(state_of(model, seed, optimizer, scaled), progress_of(40))
        if training
        else None,
    )


def write_keras_run(
    path, steps=(20, 30), best=None, ended=True, optimizer="adam", **settings
):
    """Write a run as `scripts/train.py` leaves it; the seed of a step is its number."""
    config = run_config(optimizer, **settings)
    model = model_config(**settings)
    store = StateStore(path, 9)
    for step in sorted({*steps, *([best] if best else [])}):
        saved = store.save(
            step, weights_of(model, step), config, state_of(model, step),
            progress_of(step),
        )  # fmt: skip
        if step == best:
            store.save_best(saved, 3.5)
        if step not in steps:
            for file in saved.iterdir():
                file.unlink()
            saved.rmdir()
    if ended:
        save_weights(path, weights_of(model, max(steps)), config)
    (path / "metrics.jsonl").write_text('{"type": "config"}\n')
    return path


def assert_same_arrays(found, expected):
    """Same names, types, shapes and bits."""
    assert sorted(found) == sorted(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        assert found[name].tobytes() == array.tobytes(), name


def assert_same_model(found, expected):
    assert found.model == expected.model
    assert found.decoder == expected.decoder
    assert_same_arrays(found.weights, expected.weights)
    assert_same_arrays(found.extras, expected.extras)
