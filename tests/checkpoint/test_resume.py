"""A kill between the save of a checkpoint and that of the best one loses neither."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest

from tfsent.checkpoint import (
    StateStore,
    default_out,
    find_resumable,
    load_weights,
    restore_run,
    save_run,
)
from tfsent.checkpoint.shapes import expected_shapes
from tfsent.config import ModelConfig, RunConfig
from tfsent.settings_json import from_dict

CONFIG = RunConfig(model=ModelConfig(hidden_size=3, embedding_size=2))
TEXTS = {"train": "text", "val": "held out"}


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
            save_run(store, run, CONFIG, TEXTS, True)


@pytest.mark.parametrize("before", [True, False], ids=["second best", "first best"])
def test_best_that_a_kill_prevented_is_made_on_resume(store, monkeypatch, before):
    if before:
        save_run(store, state(1, 3.0), CONFIG, TEXTS, True)
    killed_before_best(store, monkeypatch, state(2, 2.0))
    assert find_resumable(store, CONFIG).step == 2
    assert best_value(store) == 2.0


def test_best_is_left_alone_where_nothing_is_missing(store):
    save_run(store, state(1, 3.0), CONFIG, TEXTS, True)
    manifest = store.folder / "best" / "manifest.json"
    before = manifest.stat().st_mtime_ns
    assert find_resumable(store, CONFIG).step == 1
    save_run(store, state(2, 3.0), CONFIG, TEXTS, False)
    assert find_resumable(store, CONFIG).step == 2
    assert manifest.stat().st_mtime_ns == before
    assert best_value(store) == 1.0


def test_text_that_changed_is_told_by_its_fingerprint(store):
    save_run(store, state(1, 3.0), CONFIG, TEXTS, False)
    restored = find_resumable(store, CONFIG)
    assert restored.config["model"] == asdict(CONFIG.model)
    with pytest.raises(ValueError, match="data_fingerprint was 'text', now 'other'"):
        restore_run(restored, None, CONFIG, TEXTS | {"train": "other"})


@pytest.mark.parametrize("changed", ["nothing", "text", "bytes"])
def test_a_best_score_on_another_validation_text_does_not_count(store, changed):
    class Run:
        def restore(self, weights, arrays, progress):
            self.best_val_bpc = progress["best_val_bpc"]

    save_run(store, state(1, 3.0), CONFIG, TEXTS, True)
    texts = TEXTS | ({"val": "other"} if changed == "text" else {})
    eval_bytes = 7 if changed == "bytes" else CONFIG.training.eval_bytes
    config = replace(CONFIG, training=replace(CONFIG.training, eval_bytes=eval_bytes))
    run = Run()
    restore_run(store.latest(), run, config, texts)
    assert run.best_val_bpc == (3.0 if changed == "nothing" else None)


def test_what_is_kept_with_a_run_says_nothing_of_how_it_was_called(store):
    called = replace(CONFIG, out="somewhere", fresh=True, json=True)
    save_run(store, state(1, 3.0), called, TEXTS, False)
    kept = store.latest().config
    assert not {"out", "fresh", "json"} & kept.keys()
    assert from_dict(RunConfig, kept) == replace(CONFIG, out=None)


def test_a_longer_run_finds_its_folder_only_where_it_may_go_on():
    def folder(schedule, steps):
        optimizer = replace(CONFIG.optimizer, schedule=schedule)
        training = replace(CONFIG.training, steps=steps, epochs=None)
        return default_out(replace(CONFIG, optimizer=optimizer, training=training))

    assert folder("constant", 4) == folder("constant", 6)
    assert folder("linear", 4) != folder("linear", 6)
