from pathlib import Path

import numpy as np
import pytest

from compare.containers import Container
from compare.formats import linear, nvidia_tables, openai, registry
from compare.formats.table import Row, Table, to_ours, to_theirs
from tfsent.checkpoint import CheckpointError, expected_shapes
from tfsent.config import ModelConfig

MODEL = ModelConfig(cell="lstm", hidden_size=5, embedding_size=3, weight_norm=False)
TABLE = Table(
    (
        Row("embedding/weight", "VE", "emb", "EV"),
        Row("layers/{k}/wx", "XG", "l{k}.x", "GX"),
        Row("layers/{k}/wh", "HG", ("l{k}.a", "l{k}.b", "l{k}.c", "l{k}.d"), "GH", "G"),
        Row("layers/{k}/b", "G", ("l{k}.p", "l{k}.q"), "1G", "sum"),
        Row("output/weight", "HV", "out", "V1H"),
        Row("output/bias", "V", "bias", "V"),
    ),
    gates="oufi",
)
PATH = Path("some.file")


def _arrays():
    rng = np.random.default_rng(0)
    shapes = {"emb": (3, 256), "l0.x": (20, 3), "out": (256, 1, 5), "bias": (256,)}
    shapes |= {f"l0.{n}": (5, 5) for n in "abcd"}
    shapes |= {f"l0.{n}": (1, 20) for n in "pq"}
    return {n: rng.normal(size=s).astype("f4") for n, s in shapes.items()}


def test_axes_and_gates_say_where_every_number_goes():
    arrays = _arrays()
    weights, extras, dtype = to_ours(TABLE, arrays, MODEL, PATH)
    assert (extras, dtype) == ({}, "float32")
    shapes = expected_shapes(MODEL)
    assert {name: array.shape for name, array in weights.items()} == shapes
    # In the file: o 0-4, u 5-9, f 10-14, i 15-19; here i f o u.
    for ours, theirs in enumerate((3, 2, 0, 1)):
        mine, other = slice(5 * ours, 5 * ours + 5), slice(5 * theirs, 5 * theirs + 5)
        wx, b = weights["layers/0/wx"], weights["layers/0/b"]
        assert np.array_equal(wx[:, mine], arrays["l0.x"][other].T)
        total = arrays["l0.p"][0, other] + arrays["l0.q"][0, other]
        assert np.array_equal(b[mine], total)
        block = arrays["l0." + "abcd"[theirs]]
        assert np.array_equal(weights["layers/0/wh"][:, mine], block.T)
    assert np.array_equal(weights["embedding/weight"], arrays["emb"].T)
    assert np.array_equal(weights["output/weight"], arrays["out"][:, 0].T)


def test_there_and_back_is_bit_exact():
    weights = to_ours(TABLE, _arrays(), MODEL, PATH).weights
    back = to_theirs(TABLE, weights, MODEL)
    for name, array in _arrays().items():
        if name not in ("l0.p", "l0.q"):
            assert back[name].tobytes() == array.tobytes()
    again = to_ours(TABLE, back, MODEL, PATH).weights
    assert all(again[name].tobytes() == weights[name].tobytes() for name in weights)


def test_a_weight_without_a_row_is_refused():
    weights = to_ours(TABLE, _arrays(), MODEL, PATH).weights
    weights["layers/0/gx"] = np.ones(20, "f4")
    with pytest.raises(ValueError, match="no place for the weight 'layers/0/gx'"):
        to_theirs(TABLE, weights, MODEL)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_digits_are_not_dropped_in_silence(dtype):
    weights = to_ours(TABLE, _arrays(), MODEL, PATH).weights
    with pytest.raises(ValueError, match=f"values that {dtype} cannot hold exactly"):
        to_theirs(TABLE, weights, MODEL, dtype)


@pytest.mark.parametrize("name", sorted(_arrays()))
def test_errors_name_the_weight_as_the_file_does(name):
    arrays = _arrays()
    short = {n: a for n, a in arrays.items() if n != name}
    with pytest.raises(CheckpointError, match=f"some.file: misses the weight '{name}'"):
        to_ours(TABLE, short, MODEL, PATH)
    wrong = arrays | {name: arrays[name][..., None]}
    with pytest.raises(CheckpointError, match=f"some.file: '{name}' has shape"):
        to_ours(TABLE, wrong, MODEL, PATH)
    whole = arrays | {name: arrays[name].astype("i8")}
    with pytest.raises(CheckpointError, match=f"some.file: '{name}' has type int64"):
        to_ours(TABLE, whole, MODEL, PATH)


def test_what_is_left_over_is_named():
    more = _arrays() | {"l1.x": np.zeros((20, 5), "f4")}
    with pytest.raises(CheckpointError, match="without a place: .'l1.x'"):
        to_ours(TABLE, more, MODEL, PATH)


def _all_rows():
    yield from openai.TABLE.rows
    for cell in ("mlstm", "lstm", "gru", "tanh"):
        model = ModelConfig(cell=cell)
        for variant in nvidia_tables.VARIANTS.values():
            yield from nvidia_tables.table(model, variant, "").rows
    for names in linear._NAMES.values():
        for cell in ("mlstm", "lstm"):
            yield from linear._table(ModelConfig(cell=cell), names, "").rows


def test_no_row_names_an_axis_twice():
    for row in _all_rows():
        for axes in (row.axes, row.their_axes):
            assert len(set(axes)) == len(axes), row
        assert set(row.axes) == set(row.their_axes) - {"1"}, row


def test_a_missing_format_breaks_no_other(monkeypatch):
    monkeypatch.setattr(registry, "FORMATS", ("not_written_yet", "openai"))
    assert registry.names() == ("openai",)


def test_arrays_of_no_known_layout_are_refused_with_some_names():
    container = Container("torch", {"conv.weight": np.zeros(3, "f4")}, path=PATH)
    with pytest.raises(CheckpointError, match="'conv.weight', ...*no known layout"):
        registry.recognize(container)


def test_every_name_is_written_by_one_format():
    names = registry.names()
    assert len(set(names)) == len(names)
    assert {"openai", "guillitte", "nvidia-2017-12", *nvidia_tables.VARIANTS} <= {
        *names
    }
