"""Named settings of `scripts/compare.py`, one function each; flags override them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compare.settings import CompareConfig, QualityConfig, Timing
from compare.study.settings import StudyConfig
from tfsent.config import ModelConfig
from tfsent.config_labelled import LabelledDataConfig

_OUT = "reports/comparison"


def cpu_quick() -> CompareConfig:
    """Return a comparison of minutes.

    Speed of one size of each cell, parity, and quality on the built-in reviews. Keras
    without XLA stays out, 28 s of the first pass on two cores, and the SavedModel, 16 s
    of every pass: the two are in `cpu-full`.
    """
    return CompareConfig(
        name="cpu-quick",
        out=_OUT,
        runners=(
            "keras-tensorflow,keras-jax,torch,torch-compiled,addons,keras-layers,"
            "torch-layers"
        ),
        cells=(
            "train-mlstm+norm-h256-b32-t16,train-lstm-h256-b32-t16,"
            "train-gru-h256-b32-t16,featurize-mlstm+norm-h256-sst-n20000,"
            "generate-mlstm+norm-h256-n128"
        ),
        timing=Timing(passes=3, rounds=3, fill_s=0.2, limit_s=180.0),
        quality=QualityConfig(
            steps=200,
            evaluations=4,
            eval_bytes=30_000,
            test_bytes=100_000,
            transfer_texts=300,
        ),
    )


def cpu_full() -> CompareConfig:
    """Return the whole grid of a CPU, and quality on IMDB reviews: hours, resumable."""
    train = [
        f"train-{model}-h{units}-b{lanes}-t64"
        for units, lanes in ((512, 32), (1024, 32), (1024, 128), (2048, 128))
        for model in ("mlstm+norm", "lstm", "gru")
    ]
    more = [
        "train-mlstm+norm-h512-l2-b32-t64",
        "train-mlstm+norm-h4096-b128-t16",
        "train-mlstm+norm-h512-b32-t64-mixed_bfloat16",
        "train-mlstm+norm-h1024-b128-t64-mixed_bfloat16",
    ]
    use = [
        f"{task}-mlstm+norm-h{units}{sizes}"
        for units in (512, 1024)
        for task, sizes in (
            ("featurize", "-sst"),
            ("featurize", "-imdb"),
            ("generate", ""),
        )
    ]
    return CompareConfig(
        name="cpu-full",
        out=_OUT,
        cells=",".join([*train, *more, *use]),
        timing=Timing(passes=3, rounds=5, fill_s=1.0, limit_s=1800.0),
        quality=QualityConfig(
            source="imdb",
            model=ModelConfig(hidden_size=256),
            learning_rate=2e-3,
            batch_size=64,
            window=128,
            steps=1000,
            evaluations=10,
            eval_bytes=200_000,
            seeds="0,1,2",
            transfers="sst,imdb",
        ),
    )


def gpu() -> CompareConfig:
    """Return the grid of a GPU; where there is none, that is told."""
    train = [
        f"train-mlstm+norm-h{units}-b{lanes}-t128-{precision}"
        for units, lanes in ((1024, 128), (4096, 128), (4096, 256))
        for precision in ("float32", "mixed_float16", "mixed_bfloat16")
    ]
    layers = [f"train-{cell}-h1024-b128-t128" for cell in ("lstm", "gru")]
    use = ["featurize-mlstm+norm-h4096-imdb-n1000000", "generate-mlstm+norm-h4096"]
    return CompareConfig(
        name="gpu",
        out=_OUT,
        cells=",".join([*train, *layers, *use]),
        timing=Timing(passes=3, rounds=7, fill_s=2.0, limit_s=1800.0),
        gpu=True,
        measure_quality=False,
    )


def cpu_study() -> CompareConfig:
    """Return the study of one classifier in two frameworks: hours, resumable.

    The comparison of TensorFlow and PyTorch on IMDB on a commodity CPU that was
    announced in 2017: cells, depths and widths, accuracy and time.
    """
    return CompareConfig(
        name="cpu-study",
        out=_OUT,
        cells="",
        parity=False,
        measure_quality=False,
        measure_study=True,
        study=StudyConfig(data=LabelledDataConfig(train="imdb")),
    )


PRESETS: Mapping[str, Callable[[], CompareConfig]] = {
    "cpu-quick": cpu_quick,
    "cpu-full": cpu_full,
    "cpu-study": cpu_study,
    "gpu": gpu,
}
