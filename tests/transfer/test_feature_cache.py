"""Features kept on disk: computed once for one content, and never otherwise."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfsent.config import ModelConfig
from tfsent.transfer.feature_cache import FeatureCache, features_folder

TEXTS = ["one", "three", "fifteen", ""]
H = 2


class Model:
    """Rows made of the lengths of texts; counts what it computes."""

    def __init__(self, fingerprint="a", arithmetic="keras-float32"):
        self.fingerprint, self.arithmetic = fingerprint, arithmetic
        self.model = SimpleNamespace(config=ModelConfig(hidden_size=H))
        self.computed = []

    def clean(self, text):
        return text.encode()

    def part_rows(self, texts, parts):
        self.computed.append([f"{part.state}-{part.pooling}" for part in parts])
        for text in texts:
            values = [len(text) + len(part.pooling) / 8 for part in parts]
            yield np.repeat(np.float32(values), H)


def expected(*poolings):
    return np.float32(
        [np.repeat([len(t) + len(p) / 8 for p in poolings], H) for t in TEXTS]
    )


def test_what_was_computed_is_not_computed_again(tmp_path):
    model, cache = Model(), FeatureCache(tmp_path)
    for computed in (1, 0):
        kept, number = cache.features(model, TEXTS, "cell-mean")
        assert number == computed
        np.testing.assert_array_equal(kept.array(), expected("mean"))
    assert kept.array().feature == kept.feature == "cell-mean"
    assert len(model.computed) == 1


def test_a_part_serves_every_feature_that_has_it(tmp_path):
    model, cache = Model(), FeatureCache(tmp_path)
    cache.features(model, TEXTS, "cell-mean")
    kept, number = cache.features(model, TEXTS, "cell+cell-mean+cell-max")
    assert number == 2
    np.testing.assert_array_equal(kept.array(), expected("last", "mean", "max"))
    assert model.computed == [["cell-mean"], ["cell-last", "cell-max"]]


def test_chunks_are_the_rows(tmp_path):
    kept, _ = FeatureCache(tmp_path).features(Model(), TEXTS * 700, "cell+cell-max")
    assert kept.shape == (2800, 4)
    sizes = [len(chunk) for chunk in kept.chunks()]
    assert len(sizes) > 1
    np.testing.assert_array_equal(np.concatenate(list(kept.chunks())), kept.array())


@pytest.mark.parametrize(
    ("model", "texts"),
    [
        (Model(fingerprint="b"), TEXTS),
        (Model(arithmetic="torch-float32"), TEXTS),
        (Model(), TEXTS[::-1]),
        (Model(), [*TEXTS[:2], "fifteen", "x"]),
        (Model(), ["onet", "hree", "fifteen", ""]),
    ],
)
def test_other_models_and_texts_have_rows_of_their_own(model, texts, tmp_path):
    cache = FeatureCache(tmp_path)
    cache.features(Model(), TEXTS, "cell")
    _, number = cache.features(model, texts, "cell")
    assert number == 1


@pytest.mark.parametrize("damage", ["bit", "short", "gone"])
def test_a_damaged_file_is_computed_anew(damage, tmp_path):
    cache = FeatureCache(tmp_path)
    cache.features(Model(), TEXTS, "cell")
    [path] = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data if damage == "bit" else data[:-5])
    kept, number = cache.features(Model(), TEXTS, "cell")
    assert number == 1
    np.testing.assert_array_equal(kept.array(), expected("last"))


def test_what_fails_leaves_nothing(tmp_path):
    class Failing(Model):
        def part_rows(self, texts, parts):
            yield np.zeros(H, np.float32)
            raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        FeatureCache(tmp_path).features(Failing(), TEXTS, "cell")
    assert list(tmp_path.iterdir()) == []


def test_texts_that_change_between_two_readings_are_refused(tmp_path):
    class Shrinking:
        left = 5

        def __iter__(self):
            self.left -= 1
            return iter(TEXTS[: self.left])

    with pytest.raises(ValueError, match="gave 4 texts, then 3"):
        FeatureCache(tmp_path).features(Model(), Shrinking(), "cell")
    assert list(tmp_path.iterdir()) == []


def test_without_keeping_the_folder_goes(tmp_path):
    with features_folder(True, tmp_path) as folder:
        assert folder == tmp_path / "features"
    with features_folder(False, tmp_path) as folder:
        FeatureCache(folder).features(Model(), TEXTS, "cell")
    assert not folder.exists()
