"""Torch before TensorFlow, two logical CPUs, and a clean slate around every test.

TensorFlow and Keras are set up only where a collected test has imported them, so
that tests of the framework-free rooms start at once.
"""

import importlib
import os
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from tfsent.quiet import quiet

quiet()
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

# What XLA compiled in one process of the tests serves the others and the next run:
# tests/scripts/test_train.py and tests/training/test_step.py take 44 instead of 83
# CPU-seconds. Programs are kept by their content; another TensorFlow has other ones.
_COMPILED = Path(__file__).parents[1] / ".pytest_cache" / f"xla-{version('tensorflow')}"
os.environ["TF_XLA_FLAGS"] = " ".join(
    [
        os.environ.get("TF_XLA_FLAGS", ""),
        f"--tf_xla_persistent_cache_directory={_COMPILED}",
        "--tf_xla_persistent_cache_prefix=tests",
    ]
)


def set_up_tensorflow():
    """Split the CPU in two, once; TensorFlow refuses after its first operation."""
    import tensorflow as tf

    cpus = tf.config.list_physical_devices("CPU")
    if tf.config.get_logical_device_configuration(cpus[0]) is None:
        half = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpus[0], [half, half])
    tf.config.experimental.enable_tensor_float_32_execution(False)


def pytest_configure(config):
    # Tests of the twin need both in one process, and in that order.
    importlib.import_module("torch")


def pytest_collection_finish():
    if "tensorflow" in sys.modules:
        set_up_tensorflow()


@pytest.fixture
def tensorflow():
    """TensorFlow with two logical CPUs, for a test that imports it by itself."""
    set_up_tensorflow()
    return sys.modules["tensorflow"]


@pytest.fixture(autouse=True)
def clean_slate():
    """Reset the dtype policy and every seed, so that no test sees another's."""
    np.random.seed(0)
    if "keras" in sys.modules:
        import keras

        keras.config.set_dtype_policy("float32")
        keras.utils.set_random_seed(0)
    yield
    if "keras" in sys.modules:
        import keras

        keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """Keep tests out of the user's cache, and the user's data sets out of tests."""
    kept = {name: os.environ.get(name) for name in ("TFSENT_CACHE", "TFSENT_DATA")}
    os.environ["TFSENT_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ.pop("TFSENT_DATA", None)
    yield
    for name, value in kept.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
