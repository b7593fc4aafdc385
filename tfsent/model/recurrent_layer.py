"""What all recurrent layers share: weights, masks, states, Keras's conventions.

Axes: B lanes, T time steps, E input features, H hidden units, P columns of the
input projection, I rows and K columns of one weight.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from tfsent.model import unrolled
from tfsent.model.recurrence import Equations, pooled, recur, recur_states
from tfsent.model.weight_norm import fold, normalize


class Weight(NamedTuple):
    """A weight of a layer: its name, its width in blocks of H, its gain's name."""

    name: str
    blocks: int
    gain: str = ""


class RecurrentLayer(keras.layers.Layer):
    """A recurrent layer with the conventions of `keras.layers.LSTM`.

    A subclass names its equations and weights. The input projections `x @ wx + b`
    are one product for all time steps; the loop is `tfsent.model.recurrence`.
    State and gate arithmetic stay float32 under mixed precision. Outside a compiled
    model every new shape of the input is compiled once, which takes a second or
    more, and is kept. There is no second derivative.

    Call arguments: `sequences` float[B, T, E]; `mask` bool[B, T], False leaves
    the state as it is and repeats the output before; `initial_state`, one
    float[B, H] a state tensor; `reset` bool[B, T], True sets the state of the
    lane to zero before the step.

    Args:
        units: H, the width of the state.
        weight_norm: Whether every matrix is `g * v / |v|`, with a gain a column.
        kernel_initializer: Start of the input matrices, block by block.
        recurrent_initializer: Start of the recurrent matrices, block by block.
        bias_initializer: Start of the biases.
        return_sequences: Whether to return the output of every step.
        return_state: Whether to return the last state too.
        go_backwards: Whether to read the input from its end; the outputs stand
            in the order of reading.
        stateful: Whether the last state is the start state of the next call.
            Under a distribution strategy carry states yourself: TensorFlow
            restores the first replica's to all.
        zero_output_for_mask: Whether a masked step gives zeros instead of the
            output before.
        **kwargs: As for every Keras layer.

    Raises:
        ValueError: If `units` is below 1.
    """

    equations: Equations
    inputs: tuple[Weight, ...]
    recurrent: tuple[Weight, ...]
    biases: tuple[Weight, ...]
    # Added to the product with the state, inside the loop.
    recurrent_biases: tuple[Weight, ...] = ()

    def __init__(
        self,
        units: int,
        *,
        weight_norm: bool = True,
        kernel_initializer: Any = "orthogonal",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units is {units}; at least 1 will do.")
        self.units = units
        self.weight_norm = weight_norm
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.states: list | None = None

    def build(self, sequences_shape, *args, **kwargs):
        """Create the weights, and the state of a stateful layer."""
        groups = [
            (self.inputs, sequences_shape[-1], self.kernel_initializer),
            (self.recurrent, self.units, self.recurrent_initializer),
            (self.biases + self.recurrent_biases, None, self.bias_initializer),
        ]
        offset = 0
        for weights, rows, initializer in groups:
            for weight in weights:
                self._add(weight, rows, initializer, offset)
                offset += weight.blocks
        for weight in self.inputs + self.recurrent:
            if self.weight_norm:
                gain = weight._replace(name=weight.gain)
                self._add(gain, None, self._norms_of(weight))
        if self.stateful:
            if sequences_shape[0] is None:
                raise ValueError(
                    "stateful is True but the batch size is unknown; give the input "
                    "a fixed one."
                )
            self.states = [
                self.add_weight(
                    shape=(sequences_shape[0], self.units),
                    initializer="zeros",
                    trainable=False,
                    autocast=False,
                    name=f"state_{k}",
                )
                for k in range(self.equations.num_states)
            ]

    def _add(self, weight: Weight, rows, initializer, offset: int = 0):
        columns = weight.blocks * self.units
        variable = self.add_weight(
            shape=(columns,) if rows is None else (rows, columns),
            initializer=_in_blocks(initializer, weight.blocks, offset),
            # Weight normalisation is computed on the float32 master weights.
            autocast=False,
            name=weight.name,
        )
        setattr(self, weight.name, variable)

    def _norms_of(self, weight: Weight):
        """Return a maker of the gains that leave a matrix as it starts: its norms."""

        def norms(shape, dtype):
            v_IK = ops.convert_to_tensor(getattr(self, weight.name).value)
            return ops.sqrt(ops.sum(ops.square(v_IK), axis=0))

        return norms

    def effective(self) -> dict[str, Any]:
        """Return every matrix and bias as it multiplies: normalised, not cast."""
        weights = {
            w.name: ops.convert_to_tensor(getattr(self, w.name))
            for w in self.inputs + self.recurrent + self.biases + self.recurrent_biases
        }
        if self.weight_norm:
            for w in self.inputs + self.recurrent:
                gain_K = ops.convert_to_tensor(getattr(self, w.gain))
                weights[w.name] = normalize(weights[w.name], gain_K)
        return weights

    def folded(self) -> dict[str, Any]:
        """Return the weights of an equal layer without weight normalisation.

        Returns:
            Names to float32 arrays; computed in float64.
        """
        weights = {
            w.name: ops.convert_to_numpy(getattr(self, w.name))
            for w in self.inputs + self.recurrent + self.biases + self.recurrent_biases
        }
        if self.weight_norm:
            for w in self.inputs + self.recurrent:
                gain_K = ops.convert_to_numpy(getattr(self, w.gain))
                weights[w.name] = fold(weights[w.name], gain_K)
        return weights

    def project(self, x_E, weights: dict[str, Any]):
        """Return `x @ [wx ...] + b`, float[..., P], in the dtype of `x`.

        For a table of embeddings in place of `x` this is the table of their
        projections: one small product a step, whatever the length of the text.
        """
        w_EP = ops.concatenate([weights[w.name] for w in self.inputs], axis=1)
        p_P = ops.matmul(x_E, ops.cast(w_EP, x_E.dtype))
        b_P = ops.concatenate([weights[w.name] for w in self.biases], axis=0)
        columns = w_EP.shape[1] - b_P.shape[0]
        b_P = ops.pad(b_P, ((0, columns),)) if columns else b_P
        return p_P + ops.cast(b_P, p_P.dtype)

    def run(self, p_BTP, weights: dict[str, Any], state, reset_BT=None, mask_BT=None):
        """Return `(h_BTH, state)` from projected inputs; nothing is cast.

        Args:
            p_BTP: float[B, T, P]. What `project` returns.
            weights: What `effective` returns.
            state: One float[B, H] a state tensor; its dtype is the dtype of the
                state arithmetic and of the result.
            reset_BT: bool[B, T]. True: the state is zero before the step.
            mask_BT: bool[B, T]. False: the step changes nothing.
        """
        h_THB, state = recur(
            self.equations,
            ops.transpose(p_BTP, (1, 2, 0)),
            self._multipliers(weights),
            state,
            None if reset_BT is None else ops.transpose(reset_BT),
            None if mask_BT is None else ops.transpose(mask_BT),
        )
        return ops.transpose(h_THB, (2, 0, 1)), state

    def run_unrolled(self, p_TBP, weights: dict[str, Any], state, reset_BT=None):
        """Return `(h_TBH, state)` as `run` does, step by step outside of XLA.

        Args:
            p_TBP: float[T, B, P]. What `project` returns, steps first.
            weights: As for `run`, and so the others.
            state: float[B, H] each.
            reset_BT: bool[B, T].
        """
        return unrolled.recur(
            self.equations, p_TBP, self._multipliers(weights), state, reset_BT
        )

    def run_states(self, p_BTP, weights: dict[str, Any], state, mask_BT):
        """Return `(sequences, state)`: all states at every step, float[T, H, B].

        Arguments as for `run`; the state after the last step is float[B, H].
        """
        return recur_states(
            self.equations,
            ops.transpose(p_BTP, (1, 2, 0)),
            self._multipliers(weights),
            state,
            None,
            ops.transpose(mask_BT),
        )

    def pooled(self, p_BTP, weights: dict[str, Any], state, reset_BT, wanted):
        """Return `(sequences, state)` as `recurrence.pooled` does, from its `wanted`.

        `p_BTP`, `weights` and `state` are what `run` takes.
        """
        sequences, state_HB = pooled(
            self.equations,
            ops.transpose(p_BTP, (1, 2, 0)),
            self._multipliers(weights),
            [ops.transpose(s_BH) for s_BH in state],
            ops.transpose(reset_BT),
            wanted,
        )
        return sequences, tuple(ops.transpose(s_HB) for s_HB in state_HB)

    def _multipliers(self, weights: dict[str, Any]) -> list[Any]:
        """Return what is multiplied in every step, in the type of products."""
        names = [w.name for w in self.recurrent + self.recurrent_biases]
        return [ops.cast(weights[name], self.compute_dtype) for name in names]

    def state_dtype(self) -> str:
        """Return the dtype of states: float32, or float64 in a float64 layer."""
        return self.variable_dtype

    def zero_state(self, batch_size) -> list[Any]:
        """Return a start state of zeros, one float[B, H] a state tensor."""
        return [
            ops.zeros((batch_size, self.units), self.state_dtype())
            for _ in range(self.equations.num_states)
        ]

    def get_initial_state(self, batch_size) -> list[Any]:
        """Return a start state of zeros, as `keras.layers.LSTM` names it."""
        return self.zero_state(batch_size)

    def call(
        self, sequences, initial_state=None, mask=None, training=False, reset=None
    ):
        """Return the output and, with `return_state`, the last state."""
        start = initial_state
        if start is None:
            start = self.states or self.zero_state(ops.shape(sequences)[0])
        elif not isinstance(start, list | tuple):
            start = [start]
        start = [ops.cast(s, self.state_dtype()) for s in start]
        if isinstance(mask, list | tuple):
            mask = mask[0]
        if mask is None and reset is not None:
            # Keras hands a mask on by itself only to a call of one tensor.
            mask = getattr(sequences, "_keras_mask", None)
        if self.go_backwards:
            sequences = ops.flip(sequences, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
            reset = None if reset is None else ops.flip(reset, axis=1)
        weights = self.effective()
        h_BTH, state = self.run(
            self.project(sequences, weights), weights, start, reset, mask
        )
        if self.stateful and self.states is not None:
            for variable, value in zip(self.states, state, strict=True):
                variable.assign(value)
        if mask is not None:
            h_BTH = self._masked(h_BTH, mask)
        output = ops.cast(
            h_BTH if self.return_sequences else h_BTH[:, -1], self.compute_dtype
        )
        if self.return_state:
            return (output, *[ops.cast(s, self.compute_dtype) for s in state])
        return output

    def _masked(self, h_BTH, mask_BT):
        """Return the outputs as Keras shows them at masked steps.

        Zeros until a step of the lane was valid, not the start state; nothing
        else changes, or every masked step is zero.
        """
        if not self.zero_output_for_mask:
            mask_BT = ops.cumsum(ops.cast(mask_BT, "int32"), axis=1) > 0
        return ops.where(ops.expand_dims(mask_BT, -1), h_BTH, ops.zeros_like(h_BTH))

    def compute_output_shape(self, sequences_shape, *args, **kwargs):
        """Return the shape of the output and of the states."""
        batch, steps = sequences_shape[:2]
        output = (
            (batch, steps, self.units) if self.return_sequences else (batch, self.units)
        )
        if self.return_state:
            return (output, *[(batch, self.units)] * self.equations.num_states)
        return output

    def compute_mask(self, sequences, previous_mask=None):
        """Return the mask of the output."""
        mask = previous_mask[0] if isinstance(previous_mask, list) else previous_mask
        output = mask if self.return_sequences else None
        if self.return_state:
            return (output, *[None] * self.equations.num_states)
        return output

    def reset_states(self):
        """Set the state of a stateful layer to zero."""
        for variable in self.states or []:
            variable.assign(ops.zeros_like(variable))

    reset_state = reset_states

    def get_config(self):
        """Return the arguments."""
        serialize = keras.initializers.serialize
        return super().get_config() | {
            "units": self.units,
            "weight_norm": self.weight_norm,
            "kernel_initializer": serialize(self.kernel_initializer),
            "recurrent_initializer": serialize(self.recurrent_initializer),
            "bias_initializer": serialize(self.bias_initializer),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "zero_output_for_mask": self.zero_output_for_mask,
        }


def _in_blocks(initializer, blocks: int, offset: int):
    """Return an initializer that draws every block of H columns by itself.

    A Keras initializer gives the same numbers at every call: without a seed of
    its own each gate, and each matrix of equal shape, would start equal.
    """
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()

    def draw(shape, dtype=None):
        part = (*shape[:-1], shape[-1] // blocks)
        parts = []
        for k in range(blocks):
            if "seed" in config and isinstance(initializer.seed, int):
                seeded = config | {"seed": initializer.seed + offset + k}
                parts.append(type(initializer).from_config(seeded)(part, dtype=dtype))
            else:
                parts.append(initializer(part, dtype=dtype))
        return ops.concatenate(parts, axis=-1)

    return draw
