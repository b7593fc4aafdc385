import keras
import numpy as np

from tests.tolerances import POOLING_F32
from tfsent.model.pooling import MaskedMean

N, T, H = 3, 5, 7
LENGTHS = (5, 2, 1)


def sequences():
    rng = np.random.default_rng(0)
    h_NTH = rng.standard_normal((N, T, H)).astype("f4")
    mask_NT = np.arange(T) < np.array(LENGTHS)[:, None]
    return h_NTH, mask_NT


def test_mean_reads_valid_steps_only():
    h_NTH, mask_NT = sequences()
    found = np.array(MaskedMean()(h_NTH, mask=mask_NT))
    expected = [h_NTH[n, :k].astype("f8").mean(0) for n, k in enumerate(LENGTHS)]
    assert np.abs(found - expected).max() < POOLING_F32.value


def test_mean_without_mask_reads_every_step():
    h_NTH, _ = sequences()
    found = np.array(MaskedMean()(h_NTH))
    assert np.abs(found - h_NTH.astype("f8").mean(1)).max() < POOLING_F32.value


def test_no_valid_step_gives_zeros_and_nan_behind_the_mask_does_not_count():
    h_NTH, mask_NT = sequences()
    h_NTH[1, 3] = np.nan
    mask_NT[2] = False
    found = np.array(MaskedMean()(h_NTH, mask=mask_NT))
    assert np.isfinite(found).all()
    assert not found[2].any()


def test_mask_of_the_layer_before_is_used_and_ends_here():
    words = np.array([[3, 5, 0], [4, 0, 0]])
    embedding = keras.layers.Embedding(7, H, mask_zero=True)
    rows_NTH = embedding(words)
    pooled = MaskedMean()(rows_NTH)
    expected = np.array(rows_NTH)[1, 0]
    np.testing.assert_array_equal(np.array(pooled)[1], expected)
    assert getattr(pooled, "_keras_mask", None) is None


def test_float16_sums_do_not_overflow():
    h_NTH = np.full((1, 2000, 1), 60.0, "f2")
    pooled = MaskedMean(dtype="mixed_float16")(h_NTH, mask=np.ones((1, 2000)))
    assert pooled.dtype == "float16"
    assert float(pooled[0, 0]) == 60.0


def test_layer_survives_its_config():
    layer = MaskedMean(name="mean")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(again, MaskedMean)
    assert again.name == "mean"
    assert layer.compute_output_shape((N, T, H)) == (N, H)
