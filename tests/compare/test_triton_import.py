"""Triton behind TensorFlow: refused, as loading it would end the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADAM = "import torch\ntorch.optim.Adam([torch.nn.Parameter(torch.ones(2))])\n"


@pytest.fixture
def fakes(tmp_path):
    """A TensorFlow, and a Triton that ends the process if it finds it loaded."""
    (tmp_path / "tensorflow.py").write_text("")
    (tmp_path / "triton.py").write_text(
        "import os, sys\n"
        "if 'tensorflow' in sys.modules:\n    os._exit(99)\n"
        "__version__ = '3.7.1'\n"
    )
    return tmp_path


def code_of(code, folder):
    path = os.pathsep.join(map(str, (folder, ROOT)))
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}
    ).returncode


def test_the_fake_ends_the_process_without_our_package(fakes):
    assert code_of("import tensorflow, triton", fakes) == 99


def test_an_optimizer_of_torch_is_made_behind_tensorflow(fakes):
    assert code_of(f"import compare, tensorflow\n{ADAM}", fakes) == 0
    assert code_of(f"import tensorflow, compare\n{ADAM}", fakes) == 0


def test_who_asks_for_triton_is_told(fakes):
    code = "import compare, tensorflow\ntry:\n    import triton\n"
    code += (
        "except ImportError as error:\n    assert 'import it before' in str(error)\n"
    )
    code += "else:\n    raise SystemExit(5)\n"
    assert code_of(code, fakes) == 0


def test_triton_in_front_of_tensorflow_stays(fakes):
    code = "import compare, triton, tensorflow, triton\nassert triton.__version__\n"
    assert code_of(code, fakes) == 0


def test_it_is_put_in_place_once():
    from compare.triton_import import _Finder, refuse_triton_behind_tensorflow

    refuse_triton_behind_tensorflow()
    assert sum(isinstance(finder, _Finder) for finder in sys.meta_path) == 1
