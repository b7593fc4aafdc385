"""benchmarks.generate and its brother: equal texts first, figures, one JSON object."""

import json

import pytest

torch = pytest.importorskip("torch")

from benchmarks import generate, plain_generation  # noqa: E402
from compare import generate_speed  # noqa: E402
from tfsent.config import ModelConfig  # noqa: E402

TINY = "--cells 2x8 --length 20 --eager-length 5 --repeats 2".split()
BOTH = pytest.mark.parametrize(
    "make", [plain_generation.contestants, generate_speed.contestants]
)


def writers(own=b"abc", folded=b"abc"):
    texts = (own, b"abc", folded)
    return generate.Contestants(*(lambda n, text=text: [text[:n]] for text in texts))


@BOTH
def test_all_ways_write_the_same_text(make):
    shape = ModelConfig(hidden_size=8)
    own, eager, folded = make(shape, generate.random_weights(shape), 2)
    assert own(20) == eager(20) == folded(20)
    assert [len(text) for text in own(20)] == [20, 20]
    assert len(set(own(20)[0])) > 2


def test_both_frameworks_write_the_same_text():
    shape = ModelConfig(hidden_size=8)
    weights = generate.random_weights(shape)
    keras = plain_generation.contestants(shape, weights, 1)
    twin = generate_speed.contestants(shape, weights, 1)
    assert keras.own(20) == twin.own(20)


def test_different_texts_are_not_timed():
    generate.check_equal(writers(), 3)
    with pytest.raises(ValueError, match="own and folded write different texts"):
        generate.check_equal(writers(folded=b"abd"), 3)


def test_a_ratio_is_taken_within_a_round(monkeypatch):
    seconds = iter([8.0, 4.0, 2.0, 16.0, 8.0, 1.0])
    monkeypatch.setattr(generate, "seconds_per_call", lambda call: next(seconds))
    config = generate.GenerateSpeedConfig(repeats=2, length=4, eager_length=2)
    found = generate.figures(writers(), 1, config)
    # Rounds: own, eager, folded; then eager, folded, own.
    assert found["own"]["bytes_per_s"]["high"] == 4.0
    assert found["eager"]["bytes_per_s"]["low"] == 0.125
    assert found["eager"]["own_times_this"] == {"median": 16.5, "low": 1, "high": 32}
    assert found["folded"]["own_times_this"] == {"median": 8.25, "low": 0.5, "high": 16}


@pytest.mark.parametrize("module", [generate, generate_speed])
def test_json_is_one_object_with_versions_and_command(module, capsys, tmp_path):
    out = tmp_path / "result.json"
    module.main([*TINY, "--json", "--out", str(out)])
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert json.loads(out.read_text()) == found
    assert module.__name__ in found["command"]
    assert "keras" in found["versions"]
    [cell] = found["cells"]
    assert (cell["samples"], cell["hidden_size"]) == (2, 8)
    for name in ("own", "eager", "folded"):
        assert cell[name]["bytes_per_s"]["low"] > 0


def test_without_json_there_is_a_table(capsys):
    generate_speed.main(TINY)
    *_, line = capsys.readouterr().out.splitlines()
    assert line.startswith("| 2 | 8 |")
    assert line.count("|") == 8


@pytest.mark.parametrize(
    "flags", ["--cells 0x8", "--length 0", "--eager-length 0", "--repeats 0"]
)
def test_what_cannot_be_measured_is_refused(flags, capsys):
    with pytest.raises(SystemExit) as left:
        generate.main(flags.split())
    assert left.value.code == 2
    assert "will do" in capsys.readouterr().err
