"""Damaged files are noticed: nothing but what was saved is ever loaded."""

import random
import shutil

import pytest

from tests.checkpoint.small_model import (
    assert_is_step,
    assert_same,
    save,
    small_config,
    small_weights,
)
from tfsent.checkpoint import CheckpointError, StateStore, load_weights, save_weights

TIMES = [60, pytest.param(1000, marks=pytest.mark.slow)]


def flip_bit(data, rng, other):
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def change_byte(data, rng, other):
    data[rng.randrange(len(data))] = rng.randrange(256)


def cut_end(data, rng, other):
    del data[rng.randrange(len(data)) :]


def zero_run(data, rng, other):
    start = rng.randrange(len(data))
    stop = min(len(data), start + rng.randint(1, 512))
    data[start:stop] = bytes(stop - start)


def double_part(data, rng, other):
    start, stop = sorted(rng.choices(range(len(data) + 1), k=2))
    data[start:start] = data[start:stop]


def swap_parts(data, rng, other):
    length = rng.randint(1, len(data) // 2)
    first = rng.randrange(len(data) - 2 * length + 1)
    second = rng.randint(first + length, len(data) - length)
    one, two = data[first : first + length], data[second : second + length]
    data[first : first + length], data[second : second + length] = two, one


def take_other(data, rng, other):
    data[:] = other


DAMAGES = [
    flip_bit,
    change_byte,
    cut_end,
    zero_run,
    double_part,
    swap_parts,
    take_other,
]


def damaged(path, other, times):
    """Yield `times` times, the file being damaged in another way each time."""
    rng = random.Random(f"{path.name} {times}")
    whole, foreign = path.read_bytes(), other.read_bytes()
    for number in range(times):
        data = bytearray(whole)
        DAMAGES[number % len(DAMAGES)](data, rng, foreign)
        path.write_bytes(data)
        yield data != whole
    path.write_bytes(whole)


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize(
    "name",
    [
        "weights.safetensors",
        "training_state.safetensors",
        "config.json",
        "progress.json",
        "manifest.json",
    ],
)
def test_damaged_checkpoint_is_announced_and_never_loaded_wrong(tmp_path, name, times):
    told = []
    store = StateStore(tmp_path, keep=2, announce=told.append)
    older, newer = save(store, 1), save(store, 2)
    noticed = changed = 0
    for differs in damaged(newer / name, older / name, times):
        told.clear()
        restored = store.latest()
        # Damage to white space of the manifest changes nothing that it says.
        assert_is_step(restored, 1 if told else 2)
        assert all(str(newer) in line for line in told)
        noticed += len(told)
        changed += differs
    assert noticed == changed if name != "manifest.json" else noticed > 0.7 * changed
    assert_is_step(store.latest(), 2)


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize(
    "name", ["weights.safetensors", "config.json", "manifest.json"]
)
def test_damaged_final_weights_are_refused_with_the_path(tmp_path, name, times):
    run = save_weights(tmp_path / "run", small_weights(), small_config())
    other = save_weights(
        tmp_path / "other", small_weights(1), small_config(dropout=0.5)
    )
    noticed = changed = 0
    for differs in damaged(run / name, other / name, times):
        changed += differs
        try:
            weights, config = load_weights(run)
        except CheckpointError as error:
            noticed += str(run) in str(error)
        else:
            assert_same(weights, small_weights())
            assert config["model"] == small_config()["model"]
    assert noticed == changed if name != "manifest.json" else noticed > 0.7 * changed
    assert_same(load_weights(run)[0], small_weights())


def test_every_newest_of_a_hundred_damaged_runs_is_passed_over(tmp_path):
    sound = StateStore(tmp_path / "sound", keep=2)
    older, newer = save(sound, 1), save(sound, 2)
    rng = random.Random(3)
    names = sorted(path.name for path in newer.iterdir())
    for number in range(100):
        run = tmp_path / str(number)
        shutil.copytree(sound.run_dir, run)
        path = run / "checkpoints" / newer.name / names[number % len(names)]
        data = bytearray(path.read_bytes())
        DAMAGES[2 + number % 5](data, rng, (older / path.name).read_bytes())
        if data == path.read_bytes():
            data = data[:-3]
        path.write_bytes(data)
        told = []
        assert_is_step(StateStore(run, keep=2, announce=told.append).latest(), 1)
        assert len(told) == 1
