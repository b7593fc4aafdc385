"""What is read, drawn, pinned and shown, apart from any framework; its arguments."""

import numpy as np
import pytest

from tfsent.config import ModelConfig
from tfsent.config_commands import GenerateConfig
from tfsent.generate import (
    STEPS_AT_ONCE,
    continued,
    decoded,
    held,
    make_draw,
    make_pin,
    plain_neuron,
    printable,
    read_prompt,
)

CONFIG = ModelConfig(hidden_size=7, embedding_size=3, layers=2)


class Echo:
    """Draws the noise as a byte, and keeps what it was given."""

    def __init__(self, first_byte):
        self.read = [first_byte]
        self.calls = []

    def advance(self, given_N, noise_SN):
        assert given_N.shape == noise_SN.shape[1:]
        self.calls.append(len(given_N))
        drawn_SN = np.where(given_N < 0, (noise_SN * 256).astype(np.int32), given_N)
        self.read += drawn_SN[0].tolist()
        return drawn_SN


def write(prompt=b"ab", length=10, seed=3, samples=1):
    made = []

    def start(first_byte):
        made.append(Echo(first_byte))
        return made[-1]

    return continued(start, prompt, length, seed, samples), made[0]


def noise_bytes(seed, length):
    noise = np.random.Generator(np.random.PCG64(seed)).random(length, np.float32)
    return (noise * 256).astype(np.uint8).tobytes()


@pytest.mark.parametrize("prompt", [b"a", b"ab", b"x" * 64, b"x" * 65, b"x" * 200])
@pytest.mark.parametrize("length", [1, 64, 65, 150])
def test_prompt_is_read_first_and_takes_no_noise(prompt, length):
    [drawn], echo = write(prompt, length)
    assert drawn == noise_bytes(3, length)
    assert bytes(echo.read) == prompt + drawn
    assert max(echo.calls) <= STEPS_AT_ONCE
    assert sum(echo.calls) == len(prompt) - 1 + length


def test_sample_k_has_the_noise_of_seed_plus_k():
    drawn, _ = write(length=100, samples=4)
    assert drawn == [noise_bytes(3 + k, 100) for k in range(4)]


def test_a_shorter_text_is_the_start_of_a_longer_one():
    [long], _ = write(length=150)
    [short], _ = write(length=99)
    assert long.startswith(short)


@pytest.mark.parametrize(
    ("name", "value"), [("length", 0), ("samples", 0), ("seed", -1), ("length", -5)]
)
def test_numbers_that_are_too_small_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}; at least"):
        write(**{name: value})


def test_a_str_begins_a_text_as_the_model_saw_them():
    read = read_prompt("  Fish &amp;\nchips caf\xe9 ", "openai")
    assert read == (b"\n Fish & chips caf\xc3\xa9", b"Fish & chips caf\xc3\xa9")
    assert read_prompt("<b>caf\xe9</b> x", "nvidia") == (b"\n cafe x", b"cafe x")
    assert read_prompt("", "openai") == (b"\n ", b"")
    assert read_prompt(" \n", "nvidia") == (b"\n ", b"")


def test_bytes_are_read_as_they_are():
    assert read_prompt(b" x &amp; ", "nvidia") == (b" x &amp; ", b" x &amp; ")
    with pytest.raises(ValueError, match="at least one byte"):
        read_prompt(b"", "openai")


def test_temperature_zero_takes_the_likeliest():
    assert make_draw(0.0, None) == make_draw(0, 7) == (1.0, 1)
    assert make_draw(1e-300, None) == (1.0, 1)
    assert make_draw(0.7, None) == (0.7, 256)
    assert make_draw(1e300, 5).top_k == 5
    assert np.isfinite(np.float32(make_draw(1e300, 5).temperature))


@pytest.mark.parametrize("temperature", [-1.0, float("nan"), float("inf")])
def test_what_is_no_temperature_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature is"):
        make_draw(temperature, None)


@pytest.mark.parametrize("top_k", [0, -1, 257])
def test_what_is_no_number_of_bytes_is_refused(top_k):
    with pytest.raises(ValueError, match="top_k is"):
        make_draw(1.0, top_k)


def test_neuron_zero_and_zero_itself_are_pinned():
    assert make_pin({0: 0.0}, "cell", -1, CONFIG) == (1, 1, (0,), (0.0,))
    assert make_pin({6: -2, 0: 1}, "hidden", 0, CONFIG) == (0, 0, (6, 0), (-2.0, 1.0))
    assert make_pin(None, "cell", -1, CONFIG) is None
    assert make_pin({}, "cell", -1, CONFIG) is None


@pytest.mark.parametrize(
    ("overwrite", "state", "layer", "words"),
    [
        ({7: 1.0}, "cell", -1, "unit is 7; 0 to 6"),
        ({-1: 1.0}, "cell", -1, "unit is -1"),
        ({1: float("nan")}, "cell", -1, "unit 1 is to be nan; a finite"),
        ({1: float("-inf")}, "cell", -1, "finite"),
        ({1: 1e39}, "cell", -1, "finite"),
        ({1: 1.0}, "cell", 2, "layer is 2; 0 to 1"),
        ({1: 1.0}, "cell", -3, "layer is -3"),
        ({1: 1.0}, "output", -1, "state is 'output'; hidden or cell"),
    ],
)
def test_what_cannot_be_pinned_is_refused(overwrite, state, layer, words):
    with pytest.raises(ValueError, match=words):
        make_pin(overwrite, state, layer, CONFIG)


@pytest.mark.parametrize("cell", ["gru", "tanh", "relu"])
def test_a_model_without_cell_state_says_what_would_do(cell):
    config = ModelConfig(cell=cell, hidden_size=7)
    with pytest.raises(ValueError, match=f"{cell} keeps no cell state; 'hidden'"):
        make_pin({1: 1.0}, "cell", -1, config)
    assert make_pin({1: 1.0}, "hidden", -1, config).number == 0
    assert make_pin(None, "cell", -1, config) is None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_strength_is_counted_towards_positive_from_the_threshold(sign):
    neuron = plain_neuron(3, 1, "hidden")._replace(sign=sign, threshold=0.5, limit=2.0)
    found = held(neuron, 1.5)
    assert found.pop("overwrite") == {3: 0.5 + sign * 3.0}
    assert found == {"overwrite_state": "hidden", "overwrite_layer": 1}
    assert held(neuron, 0.0)["overwrite"] == {3: 0.5}


def test_strength_of_a_plain_neuron_is_its_value():
    for value in (0.0, -1.25, 0.1):
        assert held(plain_neuron(0, -1, "cell"), value)["overwrite"] == {0: value}


def test_broken_utf8_is_replaced_and_a_cut_end_left_out():
    assert decoded(b"a\xff\xc3(b") == "a\ufffd\ufffd(b"
    for end in range(1, 4):
        assert decoded(b"ab" + "\U0001f600".encode()[:end]) == "ab"
    assert decoded(b"ab" + "\U0001f600".encode()) == "ab\U0001f600"


def test_nothing_that_a_terminal_obeys_is_printed():
    everything = "".join(map(chr, range(0x3000)))
    shown = printable(everything)
    assert "\n" in shown
    assert "\t" in shown
    assert len(shown) == len(everything)
    for code in (*range(9), *range(11, 32), *range(0x7F, 0xA0), 0x202E, 0x2066):
        assert chr(code) not in shown, hex(code)
    assert printable("caf\xe9 \u4e2d\n") == "caf\xe9 \u4e2d\n"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"length": 0}, "length is 0; at least 1"),
        ({"samples": 0}, "samples is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"temperature": -0.5}, "temperature is -0.5"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0"),
        ({"overwrite": float("nan"), "neuron": 1}, "overwrite is nan"),
        ({"overwrite": float("inf"), "neuron": 1}, "overwrite is inf"),
        ({"overwrite": 1.0, "neuron": -1}, "neuron is -1"),
        ({"overwrite": 1.0, "neuron": 1, "classifier": "x"}, "exclude each other"),
        ({"neuron": 1}, "go with --overwrite, --heatmap"),
        ({"classifier": "x"}, "go with --overwrite, --heatmap"),
        ({"negate": True}, "--negate turns"),
        ({"overwrite": 1.0, "layer": 0}, "go with --neuron"),
        ({"overwrite": 1.0, "state": "cell"}, "go with --neuron"),
        ({"prompt": "a\udcff"}, "prompt is not UTF-8"),
        ({"model": ""}, "model is empty"),
    ],
)
def test_flags_that_cannot_work_are_refused(flags, words):
    with pytest.raises(ValueError, match=words):
        GenerateConfig(**({"model": "run"} | flags))


def test_flags_that_go_together_are_taken():
    for flags in (
        {"overwrite": 0.0, "neuron": 0, "negate": True, "state": "hidden", "layer": 0},
        {"overwrite": 1.0},
        {"heatmap": True, "neuron": 0},
        {"temperature": 0.0, "top_k": 256},
    ):
        GenerateConfig(model="run", **flags)
