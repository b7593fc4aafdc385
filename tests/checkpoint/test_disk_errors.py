"""Saves on a disk that fails, or stands still, at each of their calls in turn."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.checkpoint.disk_faults import FaultyDisk
from tests.checkpoint.small_model import (
    assert_is_step,
    assert_same,
    save,
    small_config,
    small_weights,
)
from tfsent.checkpoint import StateStore, load_weights, save_weights

ERRORS = [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES]

every_error = pytest.mark.parametrize("number", ERRORS, ids=errno.errorcode.get)


def disks(at_least: int, **fault) -> Iterator[FaultyDisk]:
    """Yield disks that fail at call 0, 1, 2 ..., the last of which never failed."""
    for call in range(1000):
        disk = FaultyDisk(call, **fault)
        yield disk
        if disk.failed is None:
            assert call >= at_least
            return


def attempt(disk: FaultyDisk, action: Callable[[], object], run: Path) -> bool:
    """Run `action` on `disk`, tell if it ends well; an error names path and cause."""
    message = None
    try:
        with disk:
            action()
    except OSError as error:
        message = str(error)
    if message is None:
        # A link that is refused is replaced by a copy.
        assert disk.failed in (None, "link")
    else:
        assert str(run) in message
        assert ".tmp-" not in message
        assert os.strerror(disk.number) in message
    return message is None


def is_tidy(run: Path, disk: FaultyDisk) -> bool:
    """No temporary name is left, unless removing it was what failed."""
    return disk.failed in ("unlink", "rmdir") or not list(run.rglob(".tmp-*"))


@pytest.fixture(scope="module")
def two_checkpoints(tmp_path_factory):
    """Return a function that makes a run with checkpoints 1 and 2, 1 being the best."""
    made = StateStore(tmp_path_factory.mktemp("made"), keep=2)
    made.save_best(save(made, 1), 2.0)
    save(made, 2)

    def copy(run: Path) -> StateStore:
        shutil.copytree(made.run_dir, run)
        return StateStore(run, keep=2)

    return copy


@every_error
def test_failed_save_leaves_the_checkpoint_before(tmp_path, two_checkpoints, number):
    for disk in disks(at_least=30, number=number):
        store = two_checkpoints(tmp_path / str(disk.fail_at))
        attempt(disk, lambda store=store: save(store, 3), store.run_dir)
        step = 3 if "rename" in disk.before_fault() else 2
        assert_is_step(StateStore(store.run_dir, keep=2).latest(), step)
        assert is_tidy(store.run_dir, disk)


@every_error
def test_failed_save_of_the_best_leaves_a_best(tmp_path, two_checkpoints, number):
    for disk in disks(at_least=15, number=number):
        store = two_checkpoints(tmp_path / str(disk.fail_at))
        best = store.folder / "best"
        newer = store.folder / "00000002"
        done = attempt(
            disk,
            lambda store=store, newer=newer: store.save_best(newer, 1.0),
            store.run_dir,
        )
        step = 2 if done or disk.before_fault().count("rename") >= 2 else 1
        assert_same(load_weights(best)[0], small_weights(step))
        assert is_tidy(store.run_dir, disk)


@every_error
def test_failed_save_of_final_weights_leaves_a_model(tmp_path, number):
    for disk in disks(at_least=12, number=number):
        run = tmp_path / str(disk.fail_at)
        save_weights(run, small_weights(1), small_config())
        attempt(
            disk,
            lambda run=run: save_weights(run, small_weights(2), small_config()),
            run,
        )
        seed = 2 if "replace" in disk.before_fault() else 1
        assert_same(load_weights(run)[0], small_weights(seed))
        assert is_tidy(run, disk)


def test_kill_at_any_call_of_a_save_leaves_a_checkpoint(tmp_path, two_checkpoints):
    found = []
    for disk in disks(at_least=30, once=False):
        store = two_checkpoints(tmp_path / str(disk.fail_at))
        with suppress(OSError), disk:
            save(store, 3)
        latest = StateStore(store.run_dir, keep=2).latest()
        assert_is_step(latest, latest.step)
        found.append(latest.step)
    assert set(found) == {2, 3}
    assert found == sorted(found)


def test_kill_at_any_call_of_a_save_of_the_best_leaves_a_best(
    tmp_path, two_checkpoints
):
    found = []
    for disk in disks(at_least=15, once=False):
        store = two_checkpoints(tmp_path / str(disk.fail_at))
        best = store.folder / "best"
        with suppress(OSError), disk:
            store.save_best(store.folder / "00000002", 1.0)
        weights, _ = load_weights(best)
        store.remove_leftovers()
        assert_same(load_weights(best)[0], weights)
        assert not (store.folder / "best.before").exists()
        bias = weights["output/bias"]
        found.append(1 if (bias == small_weights(1)["output/bias"]).all() else 2)
        assert_same(weights, small_weights(found[-1]))
    assert set(found) == {1, 2}
    assert found == sorted(found)


def test_kill_at_any_call_of_a_save_of_final_weights_leaves_a_model(tmp_path):
    for disk in disks(at_least=12, once=False):
        run = tmp_path / str(disk.fail_at)
        save_weights(run, small_weights(1), small_config())
        with suppress(OSError), disk:
            save_weights(run, small_weights(2), small_config())
        seed = 2 if "replace" in disk.before_fault() else 1
        assert_same(load_weights(run)[0], small_weights(seed))


def test_save_syncs_files_then_renames_then_syncs_the_parent(tmp_path):
    store = StateStore(tmp_path, keep=2)
    save(store, 1)
    with FaultyDisk(10**6) as disk:
        save(store, 2)
    one_file = ["open", "write", "fsync"]
    several = zip(disk.calls, disk.calls[1:], strict=False)
    calls = [a for a, b in several if (a, b) != ("write", "write")]
    assert calls == ["mkdir", *5 * one_file, "fsync", "rename"]
    assert disk.calls[-1] == "fsync"
    assert disk.synced[-1] == str(store.folder)
