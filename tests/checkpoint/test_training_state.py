import os
import subprocess
import sys

import numpy as np
import pytest

from tests.checkpoint.small_model import (
    assert_is_step,
    assert_same,
    save,
    small_config,
    small_state,
    small_weights,
)
from tfsent.checkpoint import CheckpointError, StateStore, load_weights

FILES = [
    "config.json",
    "manifest.json",
    "progress.json",
    "training_state.safetensors",
    "weights.safetensors",
]


@pytest.fixture
def store(tmp_path):
    return StateStore(tmp_path / "run", keep=2, announce=pytest.fail)


def listening(store):
    told = []
    return StateStore(store.run_dir, keep=2, announce=told.append), told


def damage(checkpoint, name="weights.safetensors"):
    data = bytearray((checkpoint / name).read_bytes())
    data[len(data) // 2] ^= 4
    (checkpoint / name).write_bytes(data)


def test_checkpoint_comes_back_bit_for_bit(store):
    path = save(store, 500)
    assert path == store.folder / "00000500"
    assert sorted(os.listdir(path)) == FILES
    restored = StateStore(store.run_dir, keep=2).latest()
    assert_is_step(restored, 500)
    assert restored.path == path


def test_run_without_checkpoints_has_no_latest(store):
    assert store.latest() is None
    store.folder.mkdir(parents=True)
    (store.folder / ".tmp-00000000-1-1-0-00000001").mkdir()
    assert store.latest() is None


def test_newest_is_the_highest_step_beyond_eight_digits(store):
    save(store, 99_999_999)
    save(store, 100_000_000)
    assert store.latest().step == 100_000_000


def test_oldest_checkpoints_are_pruned_and_the_best_is_not(store):
    store.save_best(save(store, 1), 2.5)
    for step in (2, 10, 30):
        save(store, step)
    assert sorted(os.listdir(store.folder)) == ["00000010", "00000030", "best"]
    assert_same(load_weights(store.folder / "best")[0], small_weights(1))


def test_same_step_saved_twice_changes_nothing(store):
    path = save(store, 1)
    before = {p.name: p.stat() for p in path.iterdir()}
    store.save(1, small_weights(9), small_config(), small_state(9), {})
    assert {p.name: p.stat() for p in path.iterdir()} == before
    assert_is_step(store.latest(), 1)


@pytest.mark.parametrize("name", FILES)
def test_damaged_newest_is_announced_and_the_one_before_used(store, name):
    save(store, 1)
    damage(save(store, 2), name)
    fresh, told = listening(store)
    assert_is_step(fresh.latest(), 1)
    assert len(told) == 1
    assert str(store.folder / "00000002") in told[0]


@pytest.mark.parametrize("name", FILES)
def test_missing_file_counts_as_damage(store, name):
    save(store, 1)
    (save(store, 2) / name).unlink()
    fresh, told = listening(store)
    assert_is_step(fresh.latest(), 1)
    assert name in told[0]


def test_damaged_step_is_replaced_when_it_is_reached_again(store):
    save(store, 1)
    damage(save(store, 2))
    fresh, told = listening(store)
    fresh.latest()
    save(fresh, 2)
    assert_is_step(store.latest(), 2)
    assert sorted(os.listdir(store.folder)) == ["00000001", "00000002"]


def test_damaged_checkpoints_do_not_push_out_sound_ones(store):
    save(store, 1)
    damage(save(store, 20))
    fresh, _ = listening(store)
    fresh.latest()
    save(fresh, 2)
    assert fresh.steps() == [1, 2, 20]
    damage(fresh.folder / "00000002")
    assert_is_step(listening(store)[0].latest(), 1)


def test_all_damaged_is_refused_and_never_a_new_start(store):
    for step in (1, 2):
        damage(save(store, step))
    fresh, told = listening(store)
    with pytest.raises(CheckpointError, match=r"none of its 2 checkpoints .*--fresh"):
        fresh.latest()
    assert len(told) == 2


@pytest.mark.parametrize("name", ["best", "best.before"])
def test_best_alone_is_no_new_start(store, name):
    path = save(store, 1)
    path.rename(store.folder / name)
    with pytest.raises(CheckpointError, match="holds the best checkpoint and none"):
        store.latest()


def test_list_that_misses_the_newest_is_made_again(store, monkeypatch):
    store.save_best(save(store, 1), 2.5)
    whole = os.listdir(store.folder)
    lists = [["best"], ["best", "00000000"], whole]
    monkeypatch.setattr(os, "listdir", lambda _: lists.pop(0))
    assert_is_step(store.latest(), 1)
    assert lists == []


def test_swapped_checkpoints_are_noticed(store):
    one, two = save(store, 1), save(store, 2)
    one.rename(store.folder / "x")
    two.rename(one)
    (store.folder / "x").rename(two)
    fresh, told = listening(store)
    with pytest.raises(CheckpointError):
        fresh.latest()
    assert len(told) == 2


def test_newer_format_is_passed_over_naming_both_versions(store):
    save(store, 1)
    path = save(store, 2) / "manifest.json"
    text = path.read_text().replace('"format_version": 1', '"format_version": 3')
    path.write_text(text)
    fresh, told = listening(store)
    assert fresh.latest().step == 1
    assert "version 3, newer than 1" in told[0]


def test_default_announcement_is_a_warning(tmp_path):
    store = StateStore(tmp_path, keep=2)
    save(store, 1)
    damage(save(store, 2))
    with pytest.warns(UserWarning, match="passed over"):
        assert store.latest().step == 1


@pytest.mark.parametrize("where", ["weights", "state"])
def test_state_that_is_lost_never_becomes_the_newest(store, where):
    save(store, 1)
    weights, state = small_weights(2), small_state(2)
    if where == "weights":
        weights["layers/0/wh"][3, 4] = np.inf
    else:
        state["adam/m/layers/0/wh"][3, 4] = np.nan
    with pytest.raises(CheckpointError, match="NaN or infinity"):
        store.save(2, weights, small_config(), state, {})
    assert_is_step(store.latest(), 1)
    assert os.listdir(store.folder) == ["00000001"]


def test_weights_that_do_not_fit_the_configuration_are_not_saved(store):
    with pytest.raises(CheckpointError, match="has shape"):
        store.save(1, small_weights(), small_config(hidden_size=8), {}, {})
    assert store.latest() is None


def test_wrong_step_and_retention_are_refused(store):
    with pytest.raises(ValueError, match="step is 2, progress says 3"):
        store.save(2, small_weights(), small_config(), {}, {"step": 3})
    with pytest.raises(ValueError, match="checkpoint.keep is 1"):
        StateStore(store.run_dir, keep=1)


def test_best_is_replaced_and_is_a_whole_checkpoint(store):
    store.save_best(save(store, 1), 2.5)
    best = store.save_best(save(store, 2), 2.25)
    assert sorted(os.listdir(best)) == FILES
    assert '"val_bpc": 2.25' in (best / "manifest.json").read_text()
    assert_same(load_weights(best)[0], small_weights(2))
    assert sorted(os.listdir(store.folder)) == ["00000001", "00000002", "best"]


def test_fact_changed_in_a_manifest_is_noticed(store):
    best = store.save_best(save(store, 1), 2.5)
    path = best / "manifest.json"
    path.write_text(path.read_text().replace('"val_bpc": 2.5', '"val_bpc": 1.5'))
    with pytest.raises(CheckpointError, match="manifest.json: is damaged"):
        load_weights(best)


def test_file_of_another_size_is_refused_before_it_is_read(store):
    save(store, 1)
    path = save(store, 2) / "weights.safetensors"
    os.truncate(path, 2**35)
    fresh, told = listening(store)
    assert fresh.latest().step == 1
    assert f"it has {2**35} bytes" in told[0]


def test_best_of_an_incomplete_checkpoint_is_refused(store):
    best = store.save_best(save(store, 1), 2.5)
    path = save(store, 2)
    (path / "progress.json").unlink()
    with pytest.raises(CheckpointError, match="holds no progress.json"):
        store.save_best(path, 2.0)
    assert_same(load_weights(best)[0], small_weights(1))


def test_best_is_copied_where_links_are_not_known(store, monkeypatch):
    def refuse(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = save(store, 1)
    best = store.save_best(path, 2.5)
    assert (best / FILES[-1]).stat().st_ino != (path / FILES[-1]).stat().st_ino
    assert_same(load_weights(best)[0], small_weights(1))


def test_readers_never_meet_a_torn_checkpoint(store):
    save(store, 0)
    command = [sys.executable, "-m", "tests.checkpoint.reading_loop"]
    readers = [
        subprocess.Popen(
            [*command, str(store.run_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n"
    for step in range(1, 101):
        path = save(store, step)
        if step % 2:
            store.save_best(path, 1 / step)
    for reader in readers:
        out, _ = reader.communicate()
        assert reader.returncode == 0
        reads, distinct = map(int, out.split())
        assert reads > distinct > 3
