import dataclasses
import json

import numpy as np
import pytest

from tests.scripts.command import flip_bit
from tfsent.checkpoint import CheckpointError, expected_shapes
from tfsent.config import ModelConfig
from tfsent.config_encoder import EncoderConfig
from tfsent.config_supervised import WordsConfig
from tfsent.data.words import Tokenizer
from tfsent.supervised.fit import Progress
from tfsent.supervised.language import ByteReader, Language
from tfsent.supervised.reader import WordReader
from tfsent.supervised.store import (
    check_settings,
    read_model,
    read_progress,
    save_progress,
    write_model,
)
from tfsent.supervised.task import Task

SETTINGS = {"seed": 3, "words": {"max_length": None}, "classifier": {"hidden": [2, 5]}}
TASK = Task("multilabel", ("a", "b"), "mcc", (0.25, 0.5))


def tensors(seed):
    rng = np.random.default_rng(seed)
    return {
        "layers/0/wx": rng.random((3, 4), np.float32),
        "count": np.asarray(seed, np.int64),
    }


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.fixture
def run(tmp_path):
    progress = Progress(
        stage=1, update=7, best=0.5, best_loss=0.25, history=[{"x": 1.5}]
    )
    run = tmp_path / "run"
    run.mkdir()
    save_progress(run, SETTINGS, progress, tensors(0), tensors(1), tensors(2))
    tokenizer = Tokenizer.fit(["one two two"], WordsConfig())
    write_model(run, SETTINGS, TASK, tensors(3), WordReader(tokenizer))
    return run


def test_progress_comes_back(run):
    saved = read_progress(run, SETTINGS)
    assert saved.progress.update == 7
    assert saved.progress.history == [{"x": 1.5}]
    for found, seed in ((saved.weights, 0), (saved.best, 1), (saved.optimizer, 2)):
        same(found, tensors(seed))


def test_newer_progress_takes_the_place_of_the_older(run):
    save_progress(run, SETTINGS, Progress(update=9), tensors(4), tensors(5), tensors(6))
    assert read_progress(run, SETTINGS).progress.update == 9
    assert sorted(p.name for p in run.iterdir() if p.is_dir()) == ["checkpoint"]


def test_start_has_no_progress(tmp_path):
    assert read_progress(tmp_path, SETTINGS) is None


def test_model_comes_back(run):
    model = read_model(run)
    assert model.task == TASK
    assert model.settings == SETTINGS
    assert model.reader.tokenizer.words[-2:] == ("two", "one")
    same(model.weights, tensors(3))


@pytest.mark.parametrize("name", ["weights.safetensors", "manifest.json"])
def test_damaged_model_is_refused_by_name(run, name):
    flip_bit(run / name)
    with pytest.raises(CheckpointError, match=name):
        read_model(run)


def test_damaged_progress_is_refused(run):
    flip_bit(run / "checkpoint" / "state.safetensors")
    with pytest.raises(CheckpointError, match=r"state\.safetensors"):
        read_progress(run, SETTINGS)


def test_words_of_another_classifier_are_refused(run):
    Tokenizer.fit(["other"], WordsConfig()).save(run / "words.json")
    with pytest.raises(CheckpointError, match="words of another classifier"):
        read_model(run)


def test_other_settings_are_named(run):
    asked = json.loads(json.dumps(SETTINGS))
    asked["words"]["max_length"] = 9
    with pytest.raises(ValueError, match=r"words\.max_length is 9, but .* None"):
        read_progress(run, asked)
    check_settings(run, SETTINGS, SETTINGS)


def test_a_setting_that_came_later_was_at_its_default(run):
    now = SETTINGS | {"folds": 0, "learner": {"sort_by_length": True}}
    check_settings(run, SETTINGS, now)
    check_settings(run, now, SETTINGS)
    with pytest.raises(ValueError, match="folds is 3, but .* 0;"):
        check_settings(run, SETTINGS, now | {"folds": 3})
    with pytest.raises(ValueError, match=r"sort_by_length is False, but .* True;"):
        check_settings(run, SETTINGS, now | {"learner": {"sort_by_length": False}})


def test_run_of_something_else_is_refused(tmp_path):
    with pytest.raises(CheckpointError):
        read_model(tmp_path)


def test_language_model_of_another_size_than_its_manifest_says_is_refused(
    tmp_path, monkeypatch
):
    model = ModelConfig(cell="tanh", hidden_size=3, embedding_size=2)
    weights = {n: np.ones(s, "f4") for n, s in expected_shapes(model).items()}
    weights["heads/output/weight"] = np.ones((3, 2), "f4")
    settings = SETTINGS | {"encoder": {"feature": "hidden-mean", "max_bytes": 4}}
    reader = ByteReader(
        Language(model, "openai", True), EncoderConfig(feature="hidden", max_bytes=4)
    )
    write_model(tmp_path, settings, TASK, weights, reader)
    found = read_model(tmp_path)
    same(found.weights, weights)
    assert found.reader.language == reader.language
    assert found.reader.feature == "hidden-mean"
    assert found.reader.encode("A film.").tobytes() == b"lm. "
    larger = dataclasses.replace(model, hidden_size=4)
    odd = ByteReader(Language(larger, "openai", True), EncoderConfig(feature="hidden"))
    monkeypatch.setattr(Language, "save", lambda *_: None)
    write_model(tmp_path, settings, TASK, weights, odd)
    with pytest.raises(CheckpointError, match="does not hold the language model"):
        read_model(tmp_path)
