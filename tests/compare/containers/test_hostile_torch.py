"""PyTorch files made to run code, take memory or lie; and files that are damaged."""

import collections
import os
import pickle
import re
import zipfile

import numpy as np
import pytest
import torch

from compare import containers
from compare.containers import tensor_tree
from tests.compare.containers import hostile
from tests.compare.containers.test_torch_file import CONTENT, save
from tfsent.checkpoint import CheckpointError


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", hostile.payloads(hostile.Path()))
def test_nothing_in_a_hostile_file_is_run(tmp_path, name, zipped):
    trace = tmp_path / "trace"
    save(tmp_path / "m.pt", hostile.payloads(trace)[name], zipped)
    with pytest.raises(CheckpointError, match=re.escape(str(tmp_path / "m.pt"))):
        containers.read(tmp_path / "m.pt")
    assert os.listdir(tmp_path) == ["m.pt"]


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("os.system", "posix.system"),
        ("eval", "eval"),
        ("nested deep", "eval"),
        ("numpy.load", "numpy.load"),
        ("module of torch", "torch.nn.modules.conv.Conv1d"),
        ("module with code", "tests.compar.*WithState"),
    ],
)
def test_the_refused_name_is_told(tmp_path, name, named):
    save(tmp_path / "m.pt", hostile.payloads(tmp_path / "trace")[name])
    with pytest.raises(CheckpointError, match=rf"names '.*{named}'"):
        containers.read(tmp_path / "m.pt")


@pytest.mark.parametrize("protocol", range(5 + 1))
def test_a_bare_pickle_is_not_run(tmp_path, protocol):
    trace = tmp_path / "trace"
    data = pickle.dumps(hostile.Call(*hostile.touch(trace)), protocol)
    (tmp_path / "m.pt").write_bytes(data)
    with pytest.raises(CheckpointError):
        containers.read(tmp_path / "m.pt")
    assert not trace.exists()


def test_a_tar_archive_is_not_unpacked(tmp_path):
    hostile.tar_archive(tmp_path / "m.pt", tmp_path / "trace")
    with pytest.raises(CheckpointError, match="tar archive"):
        containers.read(tmp_path / "m.pt")
    assert os.listdir(tmp_path) == ["m.pt"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_torchscript_program_is_not_run(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 3)).save(str(tmp_path / "m.pt"))
    with pytest.raises(CheckpointError, match="TorchScript program"):
        containers.read(tmp_path / "m.pt")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_nan_and_infinity_are_refused_by_name(tmp_path, value, dtype):
    content = {"encoder": {"w": torch.tensor([0, value]).to(dtype)}}
    with pytest.raises(CheckpointError, match="'encoder.w' holds NaN or infinity"):
        containers.read(save(tmp_path / "m.pt", content))


def test_a_link_is_refused(tmp_path):
    save(tmp_path / "m.pt", {"w": torch.zeros(3)})
    (tmp_path / "link.pt").symlink_to(tmp_path / "m.pt")
    with pytest.raises(CheckpointError, match="is a link"):
        containers.read(tmp_path / "link.pt")


@pytest.mark.parametrize("content", [torch.zeros(1_000_000), torch.rand(300)])
def test_a_compressed_member_is_refused_before_it_is_unpacked(tmp_path, content):
    save(tmp_path / "m.pt", {"w": content})
    with zipfile.ZipFile(tmp_path / "m.pt") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    hostile.zip_with(tmp_path / "bomb.pt", members, zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="compressed members"):
        containers.read(tmp_path / "bomb.pt")


def test_a_member_given_twice_is_refused(tmp_path):
    save(tmp_path / "m.pt", {"w": torch.zeros(3)})
    with zipfile.ZipFile(tmp_path / "m.pt", "a") as archive:
        archive.writestr("m/more", bytes(12))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("m/more", bytes(12))
    with pytest.raises(CheckpointError, match="a member twice"):
        containers.read(tmp_path / "m.pt")


def test_a_flipped_bit_in_a_tensor_is_noticed(tmp_path):
    path = save(tmp_path / "m.pt", {"w": torch.full((64,), 1.5)})
    data = bytearray(path.read_bytes())
    place = data.index(np.full(64, 1.5, "f4").tobytes())
    data[place + 9] ^= 4
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="data/0' is damaged"):
        containers.read(path)


def test_a_tensor_larger_than_the_file_is_refused(tmp_path):
    # A stride of zero: 4 bytes that would become 4 GB.
    content = {"w": torch.zeros(1).expand(2**30)}
    with pytest.raises(CheckpointError, match="'w' has shape .*more than the file"):
        containers.read(save(tmp_path / "m.pt", content))


def test_many_names_for_one_tensor_are_refused(tmp_path):
    content = {str(n): torch.zeros(1) for n in range(3)}
    base = torch.zeros(10_000)
    content |= {f"w{n}": base for n in range(50)}
    with pytest.raises(CheckpointError, match="more than the file"):
        containers.read(save(tmp_path / "m.pt", content))


def test_lists_of_lists_of_lists_are_counted(tmp_path):
    many = [0]
    for _ in range(12):
        many = [many] * 100
    with pytest.raises(CheckpointError, match="no tensor and no plain value"):
        containers.read(save(tmp_path / "m.pt", {"w": many}))


def test_dictionaries_of_dictionaries_are_counted(tmp_path):
    inner = {}
    for _ in range(12):
        inner = {str(n): inner for n in range(10)}
    with pytest.raises(CheckpointError, match="too deep, or holds too much"):
        containers.read(save(tmp_path / "m.pt", inner))


def test_a_dictionary_inside_itself_is_refused(tmp_path):
    loop = {}
    loop["again"] = loop
    with pytest.raises(CheckpointError, match="too deep"):
        containers.read(save(tmp_path / "m.pt", {"a": loop}))


TENSORS = {
    "sparse": lambda: torch.sparse_coo_tensor([[0]], [1.0], (3,)),
    "complex": lambda: torch.zeros(3, dtype=torch.complex64),
    "meta": lambda: torch.zeros(3, device="meta"),
    "quantized": lambda: torch.quantize_per_tensor(torch.zeros(3), 1, 0, torch.qint8),
}


@pytest.mark.parametrize("kind", TENSORS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensors_of_other_kinds_are_refused(tmp_path, kind):
    tensor = TENSORS[kind]()
    with pytest.raises(CheckpointError, match="m.pt: (names|'w' is a tensor of type)"):
        containers.read(save(tmp_path / "m.pt", {"w": tensor}))
    # Were it admitted by name, it would still be no array.
    with pytest.raises(CheckpointError, match="'w' is a tensor of type"):
        tensor_tree.flatten({"w": tensor}, 1000, tmp_path)


@pytest.mark.parametrize(
    "content",
    [torch.zeros(3), [torch.zeros(3)], 7, None, {3: torch.zeros(3)}, {"": 1}],
    ids=["tensor", "list", "number", "none", "number as key", "empty key"],
)
def test_what_is_no_dictionary_by_name_is_refused(tmp_path, content):
    with pytest.raises(CheckpointError, match="no dictionary of weights|no name"):
        containers.read(save(tmp_path / "m.pt", content))


@pytest.mark.parametrize(
    "value",
    [b"bytes", set(), float("inf"), torch.device("cpu"), [torch.zeros(3)]],
    ids=["bytes", "set", "infinity", "device", "list of tensors"],
)
def test_values_beyond_json_are_refused_by_name(tmp_path, value):
    with pytest.raises(CheckpointError, match="'w' is a .*no tensor and no plain"):
        containers.read(save(tmp_path / "m.pt", {"w": value}))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("value", "named"),
    [
        (1j, "complex"),
        (bytearray(3), "bytearray"),
        (collections.Counter("ab"), "Counter"),
        (torch.float32, "torch.float32"),
        (frozenset(), "frozenset"),
    ],
)
def test_names_that_weights_do_not_need_are_refused(tmp_path, value, named, zipped):
    with pytest.raises(CheckpointError, match=f"names '.*{named}', which"):
        containers.read(save(tmp_path / "m.pt", {"w": value}, zipped))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("where", ["key", "only key", "set", "ordered"])
def test_keys_that_take_years_to_hash_are_refused(tmp_path, where, zipped):
    # A pair of twice the same pair of twice the same pair, 60 deep.
    doubling = (b"q%ch%c\x86" % (n, n) for n in range(60))
    pair = b"K\x01" + b"".join(doubling)
    value = {
        "key": b"}(" + pair + b"K\x01X\x01\x00\x00\x00aK\x01u",
        "only key": b"}" + pair + b"K\x01s",
        "set": b"c__builtin__\nset\n]q\x64" + pair + b"a\x85R",
        "ordered": b"ccollections\nOrderedDict\n]]" + pair + b"aK\x01aa\x85R",
    }[where]
    content = hostile.raw(b"}X\x01\x00\x00\x00w", value, b"s")
    path = tmp_path / "m.pt"
    if zipped:
        hostile.zip_with(path, {"m/data.pkl": content, "m/version": b"3"})
    else:
        torch.save({}, path, _use_new_zipfile_serialization=False)
        data = path.read_bytes()
        head = data[: data.rindex(b"\x80\x02}")]
        path.write_bytes(head + content + hostile.raw(b"]"))
    with pytest.raises(CheckpointError, match="tuples as keys|of unknown keys"):
        containers.read(path)


@pytest.mark.parametrize(
    "content",
    [
        {"a.b": torch.zeros(3), "a": {"b": torch.ones(3)}},
        {"a": {"b": 1}, "a.b": 2},
        {"left_out": 1},
    ],
)
def test_a_name_given_twice_is_refused(tmp_path, content):
    with pytest.raises(CheckpointError, match="given twice"):
        containers.read(save(tmp_path / "m.pt", content))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_off_anywhere_is_refused(tmp_path, zipped):
    data = save(tmp_path / "m.pt", CONTENT, zipped).read_bytes()
    cut = tmp_path / "cut.pt"
    for end in {*range(0, len(data), max(1, len(data) // 60)), len(data) - 1}:
        cut.write_bytes(data[:end])
        with pytest.raises(CheckpointError, match="cut.pt"):
            containers.read(cut)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_damaged_file_is_refused_or_reads_as_arrays(tmp_path, zipped):
    # The stream has no checksums: damage inside its tensors goes unnoticed.
    data = save(tmp_path / "m.pt", CONTENT, zipped).read_bytes()
    rng = np.random.default_rng(0)
    bad = tmp_path / "bad.pt"
    refused = 0
    for _ in range(120):
        broken = bytearray(data)
        broken[rng.integers(len(data))] ^= 1 << rng.integers(8)
        bad.write_bytes(broken)
        try:
            containers.read(bad)
        except CheckpointError:
            refused += 1
    assert refused > 30
    assert sorted(os.listdir(tmp_path)) == ["bad.pt", "m.pt"]
