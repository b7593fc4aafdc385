"""The numbers of a small model gate by gate, and published layouts built from them.

Nothing here knows the tables under test: every layout is spelled out once more, as
its own source has it.
"""

from __future__ import annotations

from typing import NamedTuple

import ml_dtypes
import numpy as np

from compare.containers import Container

OURS = {"mlstm": "ifou", "lstm": "ifou", "gru": "zrn", "tanh": "x", "relu": "x"}


class Layer(NamedTuple):
    x: dict[str, np.ndarray]  # gate -> [in, H]
    h: dict[str, np.ndarray]  # gate -> [H, H], [in, out]
    b_in: dict[str, np.ndarray]
    b_rec: dict[str, np.ndarray]
    mx: np.ndarray
    mh: np.ndarray
    gains: dict[str, dict[str, np.ndarray] | np.ndarray]


class Parts(NamedTuple):
    cell: str
    embedding: np.ndarray  # [symbols, E]
    layers: list[Layer]
    output: np.ndarray  # [symbols, H]
    bias: np.ndarray


def draw(
    cell="mlstm",
    hidden=5,
    inputs=3,
    layers=1,
    symbols=256,
    dtype=np.float32,
    seed=0,
    one_bias=False,
) -> Parts:
    rng = np.random.default_rng(seed)
    gates = OURS[cell]

    def some(*shape):
        return rng.normal(size=shape).astype(dtype)

    made = []
    for layer in range(layers):
        width = hidden if layer else inputs
        made.append(
            Layer(
                {g: some(width, hidden) for g in gates},
                {g: some(hidden, hidden) for g in gates},
                {g: some(hidden) for g in gates},
                {g: some(hidden) * (not one_bias) for g in gates},
                some(width, hidden),
                some(hidden, hidden),
                {
                    "gx": {g: some(hidden) for g in gates},
                    "gh": {g: some(hidden) for g in gates},
                    "gmx": some(hidden),
                    "gmh": some(hidden),
                },
            )
        )
    return Parts(
        cell, some(symbols, inputs), made, some(symbols, hidden), some(symbols)
    )


def ours(parts: Parts, weight_norm=False, decoder=True) -> dict[str, np.ndarray]:
    """What this project calls the same numbers."""

    def wide(array):
        return np.asarray(array).astype(np.float32)

    order = OURS[parts.cell]
    weights = {"embedding/weight": wide(parts.embedding[-256:])}
    for k, layer in enumerate(parts.layers):
        name = f"layers/{k}"
        weights[f"{name}/wx"] = wide(np.hstack([layer.x[g] for g in order]))
        weights[f"{name}/wh"] = wide(np.hstack([layer.h[g] for g in order]))
        first = wide(np.hstack([layer.b_in[g] for g in order]))
        second = wide(np.hstack([layer.b_rec[g] for g in order]))
        if parts.cell == "gru":
            weights[f"{name}/b"], weights[f"{name}/bh"] = first, second
        else:
            weights[f"{name}/b"] = first + second
        if parts.cell == "mlstm":
            weights[f"{name}/wmx"] = wide(layer.mx)
            weights[f"{name}/wmh"] = wide(layer.mh)
        if weight_norm:
            for gain in ("gx", "gh"):
                columns = [layer.gains[gain][g] for g in order]
                weights[f"{name}/{gain}"] = wide(np.hstack(columns))
            if parts.cell == "mlstm":
                weights[f"{name}/gmx"] = wide(layer.gains["gmx"])
                weights[f"{name}/gmh"] = wide(layer.gains["gmh"])
    if decoder:
        weights["output/weight"] = wide(parts.output[-256:].T)
        weights["output/bias"] = wide(parts.bias[-256:])
    return weights


def openai(parts: Parts) -> dict[str, np.ndarray]:
    """0 to 14, as `encoder.py` takes them."""
    layer = parts.layers[0]
    arrays = [parts.embedding, np.hstack([layer.x[g] for g in "ifou"])]
    arrays += [layer.h[g] for g in "ifou"]
    arrays += [layer.mx, layer.mh, np.hstack([layer.b_in[g] for g in "ifou"])]
    arrays += [np.hstack([layer.gains[n][g] for g in "ifou"]) for n in ("gx", "gh")]
    arrays += [layer.gains["gmx"], layer.gains["gmh"]]
    arrays += [np.ascontiguousarray(parts.output.T), parts.bias]
    return {str(n): array for n, array in enumerate(arrays)}


def rows(blocks: dict[str, np.ndarray], order: str) -> np.ndarray:
    """[out, in]: blocks [in, H] one below the other."""
    return np.vstack([blocks[g].T for g in order])


def nvidia_rnn(parts: Parts, order: str, weight_norm=False) -> dict[str, np.ndarray]:
    """The state dict of `stackedRNN` in apex."""
    found = {}
    for k, layer in enumerate(parts.layers):
        name = f"rnns.{k}"
        matrices = {
            "w_ih": (rows(layer.x, order), layer.gains["gx"]),
            "w_hh": (rows(layer.h, order), layer.gains["gh"]),
        }
        if parts.cell == "mlstm":
            matrices["w_mih"] = (layer.mx.T, {"": layer.gains["gmx"]})
            matrices["w_mhh"] = (layer.mh.T, {"": layer.gains["gmh"]})
        for key, (matrix, gain) in matrices.items():
            if not weight_norm:
                found[f"{name}.{key}"] = matrix
                continue
            column = np.hstack([gain[g] for g in (order if "" not in gain else [""])])
            found[f"{name}.{key}_g"] = column[:, None]
            found[f"{name}.{key}_v"] = matrix
        found[f"{name}.b_ih"] = np.hstack([layer.b_in[g] for g in order])
        found[f"{name}.b_hh"] = np.hstack([layer.b_rec[g] for g in order])
    return found


def nvidia(parts: Parts, order: str, weight_norm=False, decoder=True) -> dict:
    """The nested state dict of `RNNModel`."""
    content = {
        "encoder": {
            "encoder": {"weight": parts.embedding},
            "rnn": nvidia_rnn(parts, order, weight_norm),
        }
    }
    if decoder:
        content["decoder"] = {"weight": parts.output, "bias": parts.bias}
    return content


def linear(parts: Parts, layer_name="layers.0", weight_norm=False) -> dict:
    """The state dict of a `StackedLSTM` of Linear modules."""
    layer = parts.layers[0]
    if parts.cell == "lstm":
        order = "ifuo"
        matrices = {
            "weight_ih": (rows(layer.x, order), layer.gains["gx"]),
            "weight_hh": (rows(layer.h, order), layer.gains["gh"]),
        }
        biases = {
            "bias_ih": np.hstack([layer.b_in[g] for g in order]),
            "bias_hh": np.hstack([layer.b_rec[g] for g in order]),
        }
    else:
        order = "ifou"
        matrices = {
            "wx.weight": (rows(layer.x, order), layer.gains["gx"]),
            "wh.weight": (rows(layer.h, order), layer.gains["gh"]),
            "wmx.weight": (layer.mx.T, {"": layer.gains["gmx"]}),
            "wmh.weight": (layer.mh.T, {"": layer.gains["gmh"]}),
        }
        biases = {"wh.bias": np.hstack([layer.b_in[g] for g in order])}
    found = {f"{layer_name}.{name}": bias for name, bias in biases.items()}
    for name, (matrix, gain) in matrices.items():
        if weight_norm:
            column = np.hstack([gain[g] for g in (order if "" not in gain else [""])])
            found[f"{layer_name}.{name}_g"] = column[:, None]
            found[f"{layer_name}.{name}_v"] = matrix
        else:
            found[f"{layer_name}.{name}"] = matrix
    return found | {"h2o.weight": parts.output, "h2o.bias": parts.bias}


def tensors(content):
    """The same nesting, of tensors."""
    import torch

    if isinstance(content, dict):
        return {name: tensors(value) for name, value in content.items()}
    if isinstance(content, np.ndarray):
        plain = np.array(content, order="C")
        if plain.dtype == ml_dtypes.bfloat16:
            return torch.from_numpy(plain.view(np.uint16)).view(torch.bfloat16)
        return torch.from_numpy(plain)
    return content


def flat(content, prefix="") -> dict:
    """Names joined by dots."""
    found = {}
    for name, value in content.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    """Whether names, types, shapes and bits are equal."""
    return a.keys() == b.keys() and all(
        a[n].dtype == b[n].dtype
        and a[n].shape == b[n].shape
        and np.asarray(a[n], order="C").tobytes()
        == np.asarray(b[n], order="C").tobytes()
        for n in a
    )


def container(name: str, path):
    """What each kind of NVIDIA's files holds, and its gates."""
    symbols = 257 if "2018-12" in name else 256
    order = "ifou" if "2018-03" in name else "ifuo"
    content = nvidia(draw(symbols=symbols), order)
    head = {"weight": np.ones((1, 5), "f4"), "bias": np.ones(1, "f4")}
    if "classifier" in name:
        content["classifier"] = head
    elif "2018-12-" in name:
        content = {"lm_encoder": content, "classifier": head}
    facts = {}
    if "finetuned" in name:
        content, facts = {"sd": content}, {"args.nhid": 5}
    return Container("torch", flat(content), facts, path), order
