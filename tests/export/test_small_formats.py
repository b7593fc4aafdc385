"""LiteRT and ONNX answer as the model does, or are not kept."""

import numpy as np
import pytest

from tests.export.cases import BOTH, HIDDEN, SHAPES, make
from tests.tolerances import EXPORTED_F32
from tfsent.export import (
    NotEqual,
    export_small,
    small_formats,
)


@pytest.mark.parametrize("kind", ["litert", "onnx"])
def test_a_missing_package_is_named(model, tmp_path, monkeypatch, kind):
    package = small_formats.PACKAGES[kind][-1]
    find = small_formats.importlib.util.find_spec
    monkeypatch.setattr(
        small_formats.importlib.util,
        "find_spec",
        lambda name: None if name == package else find(name),
    )
    with pytest.raises(ValueError, match=package.replace("_", "-")):
        export_small(model, tmp_path / "model", kind)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["litert", "onnx"])
@pytest.mark.parametrize("cell", SHAPES)
def test_small_formats_answer_as_the_model_does(tmp_path, kind, cell):
    pytest.importorskip(small_formats.PACKAGES[kind][0], reason="requirements-dev.txt")
    model = make(cell)
    feature = BOTH if cell in ("mlstm", "lstm") else HIDDEN
    about = export_small(model, tmp_path / "model", kind, feature)
    differences = about["parity"]["largest_difference"]
    assert set(differences) == {"features", "logits"}
    assert max(differences.values()) <= EXPORTED_F32.value
    files = {path.name for path in (tmp_path / "model").iterdir()}
    weights = {"model.tflite"} if kind == "litert" else {"step.onnx", "features.onnx"}
    assert files == {"export.json", "README.md", *weights}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["litert", "onnx"])
def test_a_small_format_that_answers_otherwise_is_not_kept(tmp_path, model, kind):
    pytest.importorskip(small_formats.PACKAGES[kind][0], reason="requirements-dev.txt")
    other = make(hidden_size=7)
    other.model.output_bias.assign_add(np.eye(1, 256, dtype="f4")[0])
    with pytest.raises(NotEqual, match="logits"):
        export_small(model, tmp_path / "model", kind, reference=other)
    assert list(tmp_path.iterdir()) == []
