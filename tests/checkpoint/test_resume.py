"""A kill between the save of a checkpoint and that of the best one loses neither."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from tfsent.checkpoint import StateStore, find_resumable, load_weights, save_run
from tfsent.checkpoint.shapes import expected_shapes
from tfsent.config import ModelConfig, RunConfig

CONFIG = RunConfig(model=ModelConfig(hidden_size=3, embedding_size=2))


@pytest.fixture
def store(tmp_path):
    return StateStore(tmp_path, keep=2)


def state(step, best_bpc):
    """What `save_run` reads of a run."""
    shapes = expected_shapes(CONFIG.model)
    weights = {name: np.full(shape, step, "f4") for name, shape in shapes.items()}
    progress = {"step": step, "best_val_bpc": best_bpc}
    return SimpleNamespace(
        step=step,
        best_val_bpc=best_bpc,
        weights=lambda: weights,
        arrays=dict,
        progress=lambda: progress,
    )


def best_value(store):
    weights, _ = load_weights(store.folder / "best")
    return weights["output/bias"][0]


def killed_before_best(store, monkeypatch, run):
    def kill(path, val_bpc):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "save_best", kill)
        with pytest.raises(KeyboardInterrupt):
            save_run(store, run, CONFIG, "text", True)


@pytest.mark.parametrize("before", [True, False], ids=["second best", "first best"])
def test_best_that_a_kill_prevented_is_made_on_resume(store, monkeypatch, before):
    if before:
        save_run(store, state(1, 3.0), CONFIG, "text", True)
    killed_before_best(store, monkeypatch, state(2, 2.0))
    assert find_resumable(store, CONFIG).step == 2
    assert best_value(store) == 2.0


def test_best_is_left_alone_where_nothing_is_missing(store):
    save_run(store, state(1, 3.0), CONFIG, "text", True)
    manifest = store.folder / "best" / "manifest.json"
    before = manifest.stat().st_mtime_ns
    assert find_resumable(store, CONFIG).step == 1
    save_run(store, state(2, 3.0), CONFIG, "text", False)
    assert find_resumable(store, CONFIG).step == 2
    assert manifest.stat().st_mtime_ns == before
    assert best_value(store) == 1.0


def test_text_that_changed_is_told_by_its_fingerprint(store):
    from tfsent.checkpoint import restore_run

    save_run(store, state(1, 3.0), CONFIG, "text", False)
    restored = find_resumable(store, CONFIG)
    assert restored.config["model"] == dataclasses.asdict(CONFIG.model)
    with pytest.raises(ValueError, match="data_fingerprint was 'text', now 'other'"):
        restore_run(restored, None, "other")
