"""Files that pickled whole modules, as the port by guillitte does."""

import argparse
import importlib.util
import sys

import numpy as np
import pytest
import torch

from compare import containers
from compare.formats import guillitte
from tests.compare.containers import hostile
from tests.compare.formats import parts as made
from tfsent.checkpoint import CheckpointError

SOURCE = """
import pathlib

import torch

TRACE = pathlib.Path({trace!r})


class mLSTM(torch.nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.wx = torch.nn.Linear(inputs, 4 * hidden, bias=False)
        self.wh = torch.nn.Linear(hidden, 4 * hidden)
        self.wmx = torch.nn.Linear(inputs, hidden, bias=False)
        self.wmh = torch.nn.Linear(hidden, hidden, bias=False)

    def __setstate__(self, state):
        TRACE.touch()
        super().__setstate__(state)


class StackedLSTM(torch.nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.dropout = torch.nn.Dropout(0.1)
        self.h2o = torch.nn.Linear(hidden, 256)
        self.layers = [mLSTM(inputs, hidden)]
        self.add_module("layer_0", self.layers[0])


class Backend:
    def __reduce__(self):
        return _get_thnn_function_backend, ()


def _get_thnn_function_backend():
    TRACE.touch()
    return Backend()
"""


@pytest.fixture
def saved(tmp_path):
    """A function that saves modules whose classes are gone afterwards."""
    trace = tmp_path / "trace"
    (tmp_path / "models.py").write_text(SOURCE.format(trace=str(trace)))

    def save(path, zipped, old=False):
        spec = importlib.util.spec_from_file_location("models", tmp_path / "models.py")
        models = importlib.util.module_from_spec(spec)
        sys.modules["models"] = models
        backends = "torch.nn.backends.thnn"
        try:
            spec.loader.exec_module(models)
            rnn, embed = models.StackedLSTM(3, 5), torch.nn.Embedding(256, 3)
            if old:
                sys.modules[backends] = models
                models._get_thnn_function_backend.__module__ = backends
                for module in (*rnn.modules(), embed):
                    module.__dict__["_backend"] = models.Backend()
            content = {"rnn": rnn, "embed": embed, "epoch": 2}
            content["opt"] = argparse.Namespace(rnn_size=5, cuda=False)
            torch.save(content, path, _use_new_zipfile_serialization=zipped)
        finally:
            del sys.modules["models"]
            sys.modules.pop(backends, None)
        weights = {f"rnn.{n}": t for n, t in rnn.state_dict().items()}
        return weights | {"embed.weight": embed.weight.detach()}

    return save


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_pickled_modules_become_their_parameters(tmp_path, saved, zipped, old):
    path = tmp_path / "m.pt"
    weights = saved(path, zipped, old)
    found = containers.read(path)
    assert found.arrays.keys() == weights.keys()
    for name, tensor in weights.items():
        assert found.arrays[name].tobytes() == tensor.numpy().tobytes()
    assert found.facts == {"epoch": 2, "opt.rnn_size": 5, "opt.cuda": False}
    assert not (tmp_path / "trace").exists()
    assert "models" not in sys.modules


def test_the_old_stream_names_classes_by_persistent_ids(tmp_path, saved):
    # Else the test above would not need `module_stream`.
    saved(tmp_path / "m.pt", zipped=False)
    data = (tmp_path / "m.pt").read_bytes()
    assert b"X\x06\x00\x00\x00module" in data
    assert b"class StackedLSTM(torch.nn.Module)" in data
    with pytest.raises(Exception, match="persistent_load of storage|weights_only"):
        torch.load(tmp_path / "m.pt", weights_only=True)


@pytest.mark.parametrize("zipped", [False, True])
def test_such_a_file_is_the_model_of_its_parameters(tmp_path, saved, zipped):
    saved(tmp_path / "m.pt", zipped)
    source = containers.read(tmp_path / "m.pt")
    checkpoint = guillitte.read(source)
    containers.write(tmp_path / "n.pt", guillitte.write(checkpoint, "guillitte"))
    back = containers.read(tmp_path / "n.pt")
    assert made.same(back.arrays, source.arrays)
    assert back.facts == source.facts
    with torch.serialization.safe_globals([argparse.Namespace]):
        content = torch.load(tmp_path / "n.pt", weights_only=True)
    assert content.keys() == {"rnn", "embed", "opt", "epoch"}


def test_parameters_as_pytorch_0_1_made_them_are_read(tmp_path):
    # Then a Parameter was a call with its data, and a state of three.
    class Old:
        def __reduce__(self):
            return torch.nn.Parameter, (torch.ones(3),), (True, False, None)

    torch.save({"w": Old()}, tmp_path / "m.pt", _use_new_zipfile_serialization=False)
    assert containers.read(tmp_path / "m.pt").arrays["w"].tolist() == [1, 1, 1]


def test_other_modules_are_refused_in_the_old_stream_too(tmp_path):
    content = {"rnn": torch.nn.Conv1d(2, 3, 1)}
    torch.save(content, tmp_path / "m.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError, match="torch.nn.modules.conv.Conv1d"):
        containers.read(tmp_path / "m.pt")


def test_calls_beside_modules_are_refused_in_the_old_stream_too(tmp_path, saved):
    trace = tmp_path / "trace"
    content = {
        "embed": torch.nn.Embedding(3, 2),
        "x": hostile.Call(*hostile.touch(trace)),
    }
    torch.save(content, tmp_path / "m.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError, match="posix.system"):
        containers.read(tmp_path / "m.pt")
    assert not trace.exists()


@pytest.mark.parametrize(
    "identity",
    [
        (b"X\x06\x00\x00\x00module", b"cbuiltins\neval\n"),
        (b"X\x06\x00\x00\x00module", b"cargparse\nNamespace\n"),
        (b"X\x06\x00\x00\x00module", b"K\x07"),
        (b"X\x06\x00\x00\x00module",),
    ],
)
def test_persistent_ids_of_anything_else_are_refused(tmp_path, identity):
    # Magic number, version and machine of the old stream, then the content.
    torch.save({}, tmp_path / "m.pt", _use_new_zipfile_serialization=False)
    data = (tmp_path / "m.pt").read_bytes()
    head = data[: data.rindex(b"\x80\x02}")]
    content = b"(" + b"".join(identity) + b"tQ"
    (tmp_path / "m.pt").write_bytes(
        head + hostile.raw(b"}X\x01\x00\x00\x00w", content, b"s") + hostile.raw(b"]")
    )
    with pytest.raises(CheckpointError, match="m.pt"):
        containers.read(tmp_path / "m.pt")


def test_a_stream_of_modules_cut_off_anywhere_is_refused(tmp_path, saved):
    saved(tmp_path / "m.pt", zipped=False)
    data = (tmp_path / "m.pt").read_bytes()
    cut = tmp_path / "cut.pt"
    rng = np.random.default_rng(0)
    for end in [*range(0, 600, 7), *rng.integers(0, len(data), 60), len(data) - 1]:
        cut.write_bytes(data[:end])
        with pytest.raises(CheckpointError, match="cut.pt"):
            containers.read(cut)
    assert not (tmp_path / "trace").exists()
