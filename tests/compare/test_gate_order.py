"""The gate order of a file is found by asking the model, or the file is refused."""

import dataclasses
import functools
import itertools
import re

import numpy as np
import pytest

from compare import gate_order
from compare.formats.blocks import OUR_GATES, reorder
from compare.gate_order import (
    PUBLISHED,
    GateOrder,
    find_gates,
    probe_of,
    score_orders,
)
from compare.reading import read_model
from tests.compare.bigram_model import bigram_model
from tests.scripts.command import call
from tfsent.checkpoint import CheckpointError, expected_shapes

IN_BLOCKS = ("wx", "wh", "b", "bh", "gx", "gh")


def reader(model, written):
    """Return what reads a file written in the order `written` in any order."""
    ours = OUR_GATES[model.model.cell]

    def read(order):
        weights = dict(model.weights)
        for name, weight in weights.items():
            if name.rpartition("/")[2] in IN_BLOCKS:
                in_file = reorder(weight, -1, ours, written)
                weights[name] = reorder(in_file, -1, order, ours)
        return dataclasses.replace(model, weights=weights)

    return read


def start_weights(decoder=True):
    model = bigram_model(decoder=decoder)
    draw = np.random.default_rng(1)
    weights = {
        name: (draw.uniform(-1, 1, shape) / 16).astype(np.float32)
        for name, shape in expected_shapes(model.model, decoder).items()
    }
    return dataclasses.replace(model, weights=weights)


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
@pytest.mark.parametrize("decoder", [True, False], ids=["decoder", "none"])
@pytest.mark.parametrize(
    ("cell", "written", "candidates"),
    [
        ("mlstm", "ifou", ("ifuo", "ifou")),
        ("mlstm", "ifuo", ("ifuo", "ifou")),
        ("lstm", "iufo", ("ifou", "ifuo", "iofu", "iufo")),
        ("gru", "rzn", ("zrn", "rzn")),
    ],
)
def test_the_order_that_predicts_text_is_the_one_it_was_written_in(
    cell, written, candidates, decoder, half
):
    model = bigram_model(cell, decoder, half=half)
    found = find_gates("a.pt", reader(model, written), candidates)
    assert (found.gates, found.decided_by) == (written, "probe")
    assert found.measured == ("logits" if decoder else "readout")
    assert next(iter(found.bpc)) == written
    assert found.contradicted_by() is None


@pytest.mark.parametrize("decoder", [True, False])
def test_start_weights_are_refused_with_the_candidates_and_their_scores(decoder):
    read = reader(start_weights(decoder), "ifou")
    with pytest.raises(CheckpointError) as refused:
        find_gates("dir/a.pt", read, ("ifuo", "ifou"))
    line = str(refused.value)
    assert line.startswith("dir/a.pt: ")
    assert re.search(r"ifuo \d\.\d{3}, ifou \d\.\d{3}", line)
    assert "--gates" in line
    assert "--probe" in line


@pytest.mark.parametrize(
    ("distance", "decided"), [(0.99, False), (1.01, True)], ids=["closer", "apart"]
)
@pytest.mark.parametrize("decoder", [True, False])
def test_candidates_closer_than_the_margin_are_refused(
    distance, decided, decoder, monkeypatch
):
    margin = gate_order.MARGINS["logits" if decoder else "readout"]
    scores = {"ifou": 3.0, "ifuo": 3.0 + distance * margin.bpc}
    monkeypatch.setattr(gate_order, "score_orders", lambda *given: scores)
    read = reader(bigram_model(decoder=decoder), "ifou")
    find = functools.partial(find_gates, "a", read, ("ifuo", "ifou"))
    if decided:
        assert find().gates == "ifou"
    else:
        with pytest.raises(CheckpointError, match="about as well"):
            find()


def test_a_model_that_knows_nothing_decides_nothing(monkeypatch):
    scores = {"ifou": 7.6, "ifuo": 9.9}
    monkeypatch.setattr(gate_order, "score_orders", lambda *given: scores)
    read = reader(bigram_model(), "ifou")
    with pytest.raises(CheckpointError, match="in none of them"):
        find_gates("a", read, ("ifuo", "ifou"))


def test_the_word_of_the_user_is_obeyed_and_contradicted():
    read = reader(bigram_model(), "ifou")
    wrong = find_gates("a", read, ("ifuo", "ifou"), given="ifuo")
    right = find_gates("a", read, ("ifuo", "ifou"), given="ifou")
    assert (wrong.gates, wrong.decided_by) == ("ifuo", "flag")
    assert wrong.contradicted_by() == "ifou"
    assert (right.gates, right.contradicted_by()) == ("ifou", None)


def test_the_word_of_the_user_stands_where_the_model_knows_nothing():
    read = reader(start_weights(), "ifou")
    for order in ("ifuo", "ifou"):
        found = find_gates("a", read, ("ifuo", "ifou"), given=order)
        assert (found.gates, found.contradicted_by()) == (order, None)


@pytest.mark.parametrize("written", ["ifuo", "iofu", "iufo"])
def test_a_file_in_an_order_that_its_format_has_not_is_refused(written):
    read = reader(bigram_model(), written)
    with pytest.raises(CheckpointError, match=f"--gates {written}"):
        find_gates("a", read, ("ifou",))


def test_a_format_of_one_order_needs_no_trained_model():
    found = find_gates("a", reader(start_weights(), "ifou"), ("ifou",))
    assert (found.gates, found.decided_by) == ("ifou", "format")


def test_a_file_that_says_its_order_is_not_scored():
    def read(order):
        raise AssertionError

    assert find_gates("a", read, ("ifou",), trusted=True) == GateOrder("ifou", "format")


def test_a_cell_of_one_block_has_no_order():
    assert find_gates("a", lambda order: None, ("",)) == GateOrder("", "format")


def test_the_probe_is_cleaned_by_the_rule_of_the_model(tmp_path):
    file = tmp_path / "probe.txt"
    file.write_text("caf\u00e9 <br> au lait\n" * 1000, encoding="utf-8")
    model = bigram_model()
    nvidia = dataclasses.replace(model, config={"data": {"text_rule": "nvidia"}})
    assert b"<br>" in probe_of(model, file).tobytes()
    assert b"\n cafe au lait " in probe_of(nvidia, file).tobytes()


def test_the_probe_is_of_the_same_size_whatever_is_given(tmp_path):
    file = tmp_path / "probe.txt"
    file.write_text("so good\n" * 20000)
    assert probe_of(bigram_model(), file).shape == (64, 129)
    assert probe_of(bigram_model()).shape == (64, 129)


def test_a_probe_that_is_too_short_is_refused(tmp_path):
    file = tmp_path / "probe.txt"
    file.write_text("so good\n" * 200)
    with pytest.raises(ValueError, match="at least 8256"):
        probe_of(bigram_model(), file)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["mlstm", "lstm", "gru"])
def test_no_other_of_all_orders_comes_near_the_right_one_of_a_trained_model(
    cell, tmp_path
):
    flags = "--preset tiny --training.steps 300 --training.eval-interval 0"
    quiet = "--checkpoint.interval 0 --log.no-progress --log.no-tensorboard"
    argv = [*flags.split(), *quiet.split(), "--training.test-bytes", "0"]
    run = tmp_path / "run"
    assert call("train", "--out", run, "--model.cell", cell, *argv) == 0
    model = read_model(run).checkpoint
    bare = {n: w for n, w in model.weights.items() if not n.startswith("output")}
    for checkpoint, margin in (
        (model, gate_order.MARGINS["logits"]),
        (
            dataclasses.replace(model, weights=bare, decoder=False),
            gate_order.MARGINS["readout"],
        ),
    ):
        ours = OUR_GATES[cell]
        orders = ["".join(order) for order in itertools.permutations(ours)]
        if not checkpoint.decoder:  # 15 s for all of them.
            orders = PUBLISHED[ours]
        read = reader(checkpoint, ours)
        scores = score_orders(read, orders, probe_of(checkpoint))
        (best, bpc), (_, second) = list(scores.items())[:2]
        assert best == ours
        assert bpc < margin.most
        assert second - bpc > margin.bpc
