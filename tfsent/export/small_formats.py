"""A model for small runtimes: LiteRT (`model.tflite`) or ONNX (`step.onnx`, ...).

They have no text operations, so they take bytes as the model reads them
(`model.clean`): `step`, one byte more of each lane, and `features` of one whole text.
Variables are frozen to constants first, without lowering loops: LiteRT converts a
variable inside a loop and then fails to run it. Inputs and outputs have different
names, `h_in` and `h_out`: tf2onnx loses an input whose name an output bears.

Axes: N lanes, T bytes of a text, H hidden units, F columns of the feature.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from tfsent.checkpoint import atomic
from tfsent.export.card import card
from tfsent.export.proof import (
    BATTERY,
    TOLERANCES,
    Call,
    refuse_far,
    relative,
    stream_difference,
)
from tfsent.export.saved_model import (
    refuse_existing,
    shapes_of,
    sync_files,
    write_beside,
)
from tfsent.export.signatures import Served
from tfsent.loading import LanguageModel
from tfsent.path_errors import naming
from tfsent.trained import TrainedModel
from tfsent.transfer.feature import default_feature, parse_feature

OPSET = 15
"""Version of ONNX's operators: the newest of which all that are used convert."""

PACKAGES = {
    "litert": ("ai_edge_litert",),
    "onnx": ("tf2onnx", "onnx", "onnxruntime"),
}
"""Packages that a format needs, as they are imported."""


def export_small(
    model: LanguageModel,
    folder: str | os.PathLike[str],
    kind: str,
    feature: str | None = None,
    reference: TrainedModel | None = None,
) -> dict[str, Any]:
    """Write a model for a small runtime; return what was written and how equal it is.

    `step(byte uint8[N], h_in float32[N, H][, c_in]) -> logits, h_out[, c_out]`, not
    without a decoder; several layers have states [layers, N, H]. In LiteRT N is 1.
    `features(data uint8[T]) -> features float32[1, F]`, T at least 1.

    Args:
        model: What to export.
        folder: Where to; nothing may be there.
        kind: "litert" or "onnx".
        feature: What `features` gives. Default: the model's.
        reference: What the export is compared with. Default: `model`.

    Returns:
        What lies in the folder's `export.json`; see `export_saved_model`.

    Raises:
        ValueError: If a package is missing.
        NotEqual: If it answers otherwise than the model; then nothing is left.
        OSError: If the folder is there, or the disk refuses.
    """
    folder = Path(folder)
    refuse_early(folder, kind)
    feature = feature or default_feature(model.model.config)
    served = Served(model.model, parse_feature(feature, model.model.config))
    with _no_warnings():
        functions = _functions(served, lanes=1 if kind == "litert" else None)
    atomic.make_folder(folder.parent)
    with atomic.new_folder(folder) as draft:
        write = _write_litert if kind == "litert" else _write_onnx
        with naming(folder, always=True), _no_warnings():
            calls = write(functions, draft.folder)
        parity = _prove(
            calls, reference or model, feature, 1 if kind == "litert" else 2
        )
        about = card(kind, model, feature, None, parity)
        about["signatures"] = {
            name: shapes_of(f.get_concrete_function()) for name, f in functions.items()
        }
        write_beside(draft.folder, about)
        sync_files(draft.folder)
    return about


def refuse_early(folder: str | os.PathLike[str], kind: str) -> None:
    """Refuse what needs no model to be seen.

    Args:
        folder: Where to; nothing may be there.
        kind: "savedmodel", "litert" or "onnx", which need packages of their own.

    Raises:
        ValueError: If something is there, or a package is missing; names it.
    """
    refuse_existing(Path(folder))
    missing = [n for n in PACKAGES.get(kind, ()) if not importlib.util.find_spec(n)]
    if missing:
        names = ", ".join(name.replace("_", "-") for name in missing)
        raise ValueError(
            f"format {kind} needs {names}: pip install -r requirements-dev.txt."
        )


def _functions(served: Served, lanes: int | None) -> dict[str, Any]:
    """Return what is exported, by name, with constants for variables."""
    data = tf.TensorSpec([None], tf.uint8, name="data")
    functions: dict[str, tuple[Callable, list]] = {
        "features": (served.features_of_bytes, [data])
    }
    if served.reader.decoder:
        functions["step"] = (served.step, served.step_specs(lanes))
    return {
        name: _frozen(function, specs) for name, (function, specs) in functions.items()
    }


def _frozen(function: Callable, specs: list[tf.TensorSpec]) -> Any:
    """Return a function of the same inputs and outputs, by name, without variables."""
    concrete = tf.function(
        function, input_signature=specs, autograph=False
    ).get_concrete_function()
    names = sorted(concrete.structured_outputs)
    constant = convert_variables_to_constants_v2(concrete, lower_control_flow=False)

    def call(*inputs: Any) -> dict[str, Any]:
        return dict(zip(names, constant(*inputs), strict=True))

    return tf.function(call, input_signature=specs, autograph=False)


def _write_litert(functions: Mapping[str, Any], folder: Path) -> dict[str, Call]:
    from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped]

    saved = folder / "saved_model"
    signatures = {n: f.get_concrete_function() for n, f in functions.items()}
    tf.saved_model.save(tf.Module(), str(saved), signatures=signatures)
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(saved), signature_keys=list(functions)
    )
    try:
        content = converter.convert()
    except Exception as error:  # Its own classes, of a private module.
        raise ValueError(
            f"format litert: the converter refuses this model: {_first_line(error)}"
        ) from error
    shutil.rmtree(saved)
    (folder / "model.tflite").write_bytes(content)

    def caller(name: str) -> Call:
        def call(**inputs: Any) -> Mapping[str, np.ndarray]:
            interpreter = Interpreter(model_path=str(folder / "model.tflite"))
            runner = interpreter.get_signature_runner(name)
            return dict(runner(**inputs))

        return call

    return {name: caller(name) for name in functions}


def _write_onnx(functions: Mapping[str, Any], folder: Path) -> dict[str, Call]:
    import onnxruntime  # type: ignore[import-untyped]
    from tf2onnx.convert import from_function  # type: ignore[import-untyped]

    calls = {}
    for name, function in functions.items():
        path = folder / f"{name}.onnx"
        try:
            from_function(
                function,
                input_signature=function.input_signature,
                opset=OPSET,
                output_path=str(path),
            )
        except Exception as error:  # Whatever its parts raise.
            raise ValueError(
                f"format onnx: the converter refuses this model: {_first_line(error)}"
            ) from error
        session = onnxruntime.InferenceSession(str(path))
        calls[name] = _onnx_call(session)
    return calls


def _onnx_call(session: Any) -> Call:
    names = [output.name for output in session.get_outputs()]

    def call(**inputs: Any) -> Mapping[str, np.ndarray]:
        return dict(zip(names, session.run(None, inputs), strict=True))

    return call


def _prove(
    calls: Mapping[str, Call], model: TrainedModel, feature: str, lanes: int
) -> dict[str, Any]:
    """Return how far an export is from its model, at most; see `proof.prove`."""
    texts = [model.clean(text) for text in BATTERY]
    rows = [
        calls["features"](data=np.frombuffer(text, np.uint8))["features"]
        for text in texts
    ]
    expected = np.asarray(model.features(texts, feature))
    differences = {"features": relative(np.concatenate(rows), expected)}
    if "step" in calls:
        differences["logits"] = stream_difference(calls["step"], model, lanes)
    refuse_far(differences)
    return {
        "texts": len(texts),
        "bytes": sum(map(len, texts)),
        "largest_difference": differences,
        "tolerance": {name: TOLERANCES[name] for name in differences},
    }


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Keep back what TensorFlow warns of at every frozen function: its collections."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
