"""Settings to processes; two of them compute what one computes."""

import json
import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from compare.twin import distribution
from compare.twin.distribution import Processes, num_processes
from tests.compare.twin import two_processes
from tests.compare.twin.pair import B, largest_difference, make_twin, settings
from tests.scripts.command import ROOT
from tests.tolerances import TWO_PROCESSES_F32
from tfsent.config import DistributionConfig

RUNS = {
    "adam": {"learning_rate": 5e-3, "clip_norm": 0.3},
    "sgd": {"name": "sgd", "learning_rate": 0.3, "clip_norm": 0.3},
}


def free_port():
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Folder of what each of two processes found."""
    out = tmp_path_factory.mktemp("two")
    world = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "OMP_NUM_THREADS": "1"}
    world["MASTER_PORT"] = str(free_port())
    command = [sys.executable, "-m", two_processes.__name__, str(out)]
    started = [
        subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **world, "RANK": str(rank)}
        )
        for rank in range(2)
    ]
    assert [process.wait(120) for process in started] == [0, 0]
    return out


def found_by(together, name, rank):
    return dict(np.load(together / f"{name}{rank}.npz"))


def part(found, prefix):
    return {n: a for n, a in found.items() if n.startswith(f"{prefix}:")}


@pytest.mark.slow
def test_what_processes_tell_each_other(together):
    chief, other = (
        json.loads((together / f"talk{rank}.json").read_text()) for rank in range(2)
    )
    assert [chief["lanes"], other["lanes"]] == [[0, 4], [4, 8]]
    assert [chief["uneven"], other["uneven"]] == [[0, 1], [1, 3]]
    joined = [[0, 1, 2], [3, 4, 5], [10, 11, 12], [13, 14, 15]]
    for told in (chief, other):
        assert told["mean"] == 1.5
        assert told["sum"] == 3.0
        assert told["joined"] == joined
        assert told["shared"] == {"of": 0, "none": None, "text": "\u00e9"}
        assert told["number"] == 7
        # A signal that came to the other one alone.
        assert told["signals"] == [None, signal.SIGTERM, 143]
    assert [chief["silent"], other["silent"]] == [False, True]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*RUNS])
def test_two_processes_compute_what_one_does(together, name):
    """Gradients are averaged before they are clipped, lanes stay in their order."""
    one = two_processes.train(Processes(), **RUNS[name])
    assert (one["norm"] > 0.3).sum() > 10
    for rank in range(2):
        two = found_by(together, name, rank)
        worst = largest_difference(two, one)
        assert 0 < worst <= TWO_PROCESSES_F32.value


@pytest.mark.slow
def test_both_processes_hold_the_same_weights_bit_for_bit(together):
    for name in RUNS:
        found = (found_by(together, name, rank) for rank in range(2))
        one, other = (part(each, "weights") for each in found)
        assert one.keys() == other.keys() != set()
        assert all(one[key].tobytes() == other[key].tobytes() for key in one)


@pytest.mark.slow
def test_dropout_is_drawn_by_each_process_alone(together):
    """Else both would drop the same units of different lanes."""
    found = found_by(together, "drop", 0)
    below_BH, above_BH = found["state:carried/0/0"], found["state:carried/1/0"]
    np.testing.assert_array_equal(below_BH[0], below_BH[2])
    assert np.abs(above_BH[0] - above_BH[2]).max() > 1e-3


@pytest.mark.slow
def test_an_overflow_in_one_process_is_skipped_by_both(together):
    for rank in range(2):
        found = found_by(together, "overflow", rank)
        assert not found["finite"]
        assert found["changed"] == 0
        assert found["state:loss_scale/value"] == 2.0**14
        assert found["state:optimizer/step"] == 1
        h_BH = found["state:carried/0/0"]
        assert (h_BH[-1] == 0).all()
        assert np.abs(h_BH[:-1]).min() > 0


@pytest.mark.slow
def test_what_the_chief_restored_reaches_every_process(together):
    start = make_twin(settings())[0]
    names = sorted(start.arrays())
    for rank in range(2):
        found = found_by(together, "spread", rank)
        for name, array in start.weights().items():
            np.testing.assert_array_equal(found[f"weights:{name}"], array + 1)
        for k, name in enumerate(names):
            expected = np.full_like(start.arrays()[name], k)
            if name == "carried/0/0":
                lanes_B = np.arange(B, dtype=np.float32)
                expected += lanes_B[:, None]
                half = slice(rank * B // 2, (rank + 1) * B // 2)
                np.testing.assert_array_equal(found["own_lanes"], k + lanes_B[half])
            np.testing.assert_array_equal(found[f"state:{name}"], expected)
        assert found["updates"] == names.index("optimizer/step")
        assert found["counters"].tolist() == [5, 2.5]


def test_settings_ask_for_one_process_a_device(monkeypatch):
    monkeypatch.setattr(distribution.torch.cuda, "device_count", lambda: 0)
    assert num_processes(DistributionConfig()) == 1
    assert num_processes(DistributionConfig(devices=3)) == 3
    assert num_processes(DistributionConfig(strategy="none")) == 1
    monkeypatch.setattr(distribution.torch.cuda, "device_count", lambda: 2)
    assert num_processes(DistributionConfig()) == 2
    assert num_processes(DistributionConfig(strategy="none")) == 1
    with pytest.raises(ValueError, match=r"distribution.devices is 3.* 2 GPUs"):
        num_processes(DistributionConfig(devices=3))


def test_many_machines_take_torchrun(monkeypatch):
    many = DistributionConfig(strategy="multiworker")
    with pytest.raises(ValueError, match=r"torchrun --nnodes N"):
        num_processes(many)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert num_processes(many) == 3


@pytest.mark.parametrize("config", [{"devices": 3}, {"strategy": "none"}])
def test_torchrun_with_another_number_of_processes_is_refused(config, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match=r"has started 2 processes"):
        Processes(DistributionConfig(**config)).__enter__()


def test_alone_nothing_is_shared_out():
    with Processes() as processes:
        assert processes.is_chief
        assert processes.lanes(5) == slice(0, 5)
        assert processes.share({"a": 1}) == {"a": 1}
        stop = object()
        assert processes.agree(stop) is stop


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("[pair.cc] Connection closed by peer [::1]"), ConnectionError),
        (RuntimeError("shapes do not fit"), RuntimeError),
        (ValueError("no text"), ValueError),
    ],
)
def test_a_process_left_alone_says_so_in_one_line(error, expected):
    with pytest.raises(expected) as caught, Processes():
        raise error
    assert "\n" not in str(caught.value)
