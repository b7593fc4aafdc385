"""The ways to featurize: equal work, or nothing is timed."""

import numpy as np
import pytest

from benchmarks import featurize
from tests.transfer.test_features import read, zero_state
from tfsent.transfer.features import feature_rows


class Model:
    """The recurrent cell of the tests of features, as a model."""

    _read = staticmethod(
        lambda bytes_BT, reset_BT, state, parts, pieces: read(
            bytes_BT, reset_BT, state, parts, pieces
        )
    )
    _zero_state = staticmethod(zero_state)

    def features(self, texts, feature):
        return np.array(
            list(feature_rows(self._read, zero_state, texts, [featurize._PART]))
        )


@pytest.mark.parametrize("kind", featurize.LENGTHS)
def test_texts_have_the_bytes_and_lengths_that_are_said(kind):
    texts = featurize.some_texts(kind, 400_000)
    assert sum(map(len, texts)) == 400_000
    mean = {"sst": 100, "imdb": 1300}[kind]
    assert np.mean([len(text) for text in texts]) == pytest.approx(mean, rel=0.15)
    assert featurize.some_texts(kind, 400_000) == texts


def test_all_ways_give_the_same_features(monkeypatch):
    monkeypatch.setattr(featurize, "_BATCH", 5)
    texts = featurize.some_texts("sst", 2000)
    found = featurize.ways(Model())
    assert set(found) == {"own", "padded", "loop"}
    assert 0 < featurize.check_equal(found, texts) < 2e-6


def test_other_work_is_not_timed():
    found = featurize.ways(Model())
    found["loop"] = lambda texts: found["own"](texts) * (1 + 1e-4)
    with pytest.raises(ValueError, match="equal work"):
        featurize.check_equal(found, [b"some text", b"more"])
