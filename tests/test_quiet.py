import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def start(code, *folders, **variables):
    """Return standard error of a process that runs `code`."""
    kept = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    path = os.pathsep.join(map(str, [*folders, ROOT]))
    return subprocess.run(
        [sys.executable, "-c", code],
        env=kept | {"PYTHONPATH": path} | variables,
        stderr=subprocess.PIPE,
        text=True,
    ).stderr


@pytest.fixture
def noisy(tmp_path):
    """A TensorFlow that writes below Python while it loads, and fails if told to."""
    (tmp_path / "tensorflow.py").write_text(
        "import os\nos.write(2, b'noise')\nassert 'FAIL' not in os.environ\n"
    )
    return tmp_path


def test_what_tensorflow_says_while_it_loads_is_held_back(noisy):
    code = "from tfsent.quiet import quiet\nquiet()\nimport tensorflow\n"
    assert start("import tensorflow", noisy) == "noise"
    assert start(code, noisy) == ""


def test_standard_error_is_itself_again_after_the_import(noisy):
    code = "from tfsent.quiet import quiet\nquiet()\nimport tensorflow, sys, os\n"
    code += "print('python', file=sys.stderr, flush=True)\nos.write(2, b'below')"
    assert start(code, noisy) == "python\nbelow"


def test_a_failing_import_lets_everything_out(noisy):
    code = "from tfsent.quiet import quiet\nquiet()\nimport tensorflow\n"
    told = start(code, noisy, FAIL="1")
    assert "noise" in told
    assert "AssertionError" in told


def test_a_user_who_wants_every_message_gets_it(noisy):
    code = "from tfsent.quiet import quiet\nquiet()\nimport tensorflow\n"
    assert start(code, noisy, TF_CPP_MIN_LOG_LEVEL="0") == "noise"


def test_no_other_import_is_touched(tmp_path):
    (tmp_path / "other.py").write_text("import os\nos.write(2, b'heard')")
    code = "from tfsent.quiet import quiet\nquiet()\nimport other"
    assert start(code, tmp_path) == "heard"


@pytest.mark.slow
def test_tensorflow_starts_without_a_word():
    code = "from tfsent.quiet import quiet\nquiet()\nimport tensorflow as tf\n"
    assert start(code + "tf.config.list_logical_devices()") == ""
