import argparse
import os
from collections import OrderedDict

import ml_dtypes
import numpy as np
import pytest
import torch

from compare import containers
from compare.containers import Container, tensor_tree, torch_file
from compare.containers.stand_ins import NumpyScalar, NumpyType
from tfsent.checkpoint import CheckpointError


def _number(code, order):
    made = NumpyType(code, False, True)
    made.__setstate__((3, order, None, None, None, -1, -1, 0))
    return made


CONTENT = {
    "encoder": OrderedDict(
        {
            "weight": torch.arange(6.0).reshape(2, 3),
            "rnns.0.w": torch.ones(2, 3).half(),
            "rnns.0.b": torch.ones(4).bfloat16(),
        }
    ),
    "neurons": torch.tensor([3, 1]),
    "mask": torch.tensor([True, False]),
    "scalar": torch.tensor(2.5, dtype=torch.float64),
    "none": None,
    "thresholds": [0.5, (1, 2)],
    "args": argparse.Namespace(nhid=5, name="x", many=(1, 2)),
}


def save(path, content, zipped=True):
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.mark.parametrize("zipped", [True, False])
def test_nested_names_are_joined_and_values_kept(tmp_path, zipped):
    found = containers.read(save(tmp_path / "m.pt", CONTENT, zipped))
    assert found.kind == "torch"
    assert {n: (a.dtype.name, a.shape) for n, a in found.arrays.items()} == {
        "encoder.weight": ("float32", (2, 3)),
        "encoder.rnns.0.w": ("float16", (2, 3)),
        "encoder.rnns.0.b": ("bfloat16", (4,)),
        "neurons": ("int64", (2,)),
        "mask": ("bool", (2,)),
        "scalar": ("float64", ()),
    }
    assert found.arrays["encoder.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found.facts == {
        "none": None,
        "thresholds": [0.5, [1, 2]],
        "args.nhid": 5,
        "args.name": "x",
        "args.many": [1, 2],
    }
    assert found.nesting == ("encoder", "args")
    assert found.namespaces == ("args",)


@pytest.mark.parametrize("zipped", [True, False])
def test_what_was_read_is_written_as_it_was(tmp_path, zipped):
    first = containers.read(save(tmp_path / "m.pt", CONTENT, zipped))
    containers.write(tmp_path / "n.pt", first)
    second = containers.read(tmp_path / "n.pt")
    assert second.facts == first.facts
    assert second.nesting == first.nesting
    for name, array in first.arrays.items():
        assert second.arrays[name].dtype == array.dtype
        assert second.arrays[name].tobytes() == array.tobytes()
    with torch.serialization.safe_globals([argparse.Namespace]):
        content = torch.load(tmp_path / "n.pt", weights_only=True)
    assert content["args"] == argparse.Namespace(nhid=5, name="x", many=[1, 2])
    assert list(content["encoder"]) == list(CONTENT["encoder"])
    assert sorted(os.listdir(tmp_path)) == ["m.pt", "n.pt"]


def test_the_ending_does_not_matter(tmp_path):
    save(tmp_path / "m.npz", {"w": torch.zeros(3)})
    assert containers.read(tmp_path / "m.npz").kind == "torch"


def test_tied_and_transposed_tensors_have_their_own_values(tmp_path):
    base = torch.arange(6.0).reshape(2, 3)
    content = {"a": base, "b": base.T, "c": base[1], "p": torch.nn.Parameter(base)}
    found = containers.read(save(tmp_path / "m.pt", content)).arrays
    assert np.array_equal(found["b"], found["a"].T)
    assert found["c"].tolist() == [3, 4, 5]
    assert np.array_equal(found["p"], found["a"])


@pytest.mark.filterwarnings("ignore:TypedStorage:UserWarning")
@pytest.mark.parametrize("by_state", [True, False])
def test_tensors_of_pytorch_0_1_are_read(tmp_path, by_state):
    # Older files call `_rebuild_tensor`, without gradients and hooks; the oldest make
    # an empty tensor and give it a state.
    class Old:
        def __reduce__(self):
            arguments = (torch.arange(6.0).storage(), 1, (2, 2), (2, 1))
            if by_state:
                return torch.FloatTensor, (), arguments
            return torch._utils._rebuild_tensor, arguments

    found = containers.read(save(tmp_path / "m.pt", {"w": Old()}, zipped=False))
    assert found.arrays["w"].tolist() == [[1, 2], [3, 4]]


def test_an_array_that_pytorch_does_not_know_is_not_written(tmp_path):
    container = Container("torch", {"w": np.array(["text"])})
    with pytest.raises(CheckpointError, match="w has type <U4"):
        containers.write(tmp_path / "m.pt", container)
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    container = Container("torch", {"w": np.zeros(3, "f4")})
    containers.write(tmp_path / "m.pt", container)
    before = (tmp_path / "m.pt").read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch_file.torch, "save", fail)
    with pytest.raises(OSError, match="No space left.*m.pt"):
        containers.write(tmp_path / "m.pt", container)
    assert (tmp_path / "m.pt").read_bytes() == before
    assert os.listdir(tmp_path) == ["m.pt"]


def test_numpy_scalars_are_numbers_and_nothing_else(tmp_path):
    args = argparse.Namespace(a=np.float64(0.5), b=np.int32(-7), c=np.bool_(True))
    args.d = np.complex128(1)
    found = containers.read(save(tmp_path / "m.pt", {"args": args}))
    assert found.facts == {
        "args.a": 0.5,
        "args.b": -7,
        "args.c": True,
        tensor_tree.LEFT_OUT: ["args.d"],
    }


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (7,),
        (NumpyType(), bytes(8)),
        (NumpyType([]), bytes(8)),
        (NumpyType("O8"), bytes(8)),
        (NumpyType("f8"), bytes(8)),
        (_number("f8", "!"), bytes(8)),
        (_number("f8", "<"), bytes(7)),
        (_number("f8", "<"), "text"),
    ],
)
def test_numpy_scalars_of_a_strange_form_are_none(arguments):
    assert NumpyScalar(*arguments).value() is None


@pytest.mark.parametrize("order", "<>")
def test_numpy_scalars_have_their_byte_order(order):
    data = np.array(2.5, f"{order}f8").tobytes()
    assert NumpyScalar(_number("f8", order), data).value() == 2.5


def test_bfloat16_keeps_its_bits(tmp_path):
    bits = np.arange(0, 0x7F80, 7, dtype=np.uint16)
    container = Container("torch", {"w": bits.view(ml_dtypes.bfloat16)})
    containers.write(tmp_path / "m.pt", container)
    found = containers.read(tmp_path / "m.pt").arrays["w"]
    assert found.view(np.uint16).tolist() == bits.tolist()
