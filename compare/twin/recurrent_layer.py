"""What all recurrent layers share: weights, their normalisation, masks, states.

Axes: B lanes, T time steps, V rows of a table, E input features, H hidden units, P
columns of an input projection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm as normalize

from compare.twin.recurrence import Equations, recur, recur_states, states

Initializer = Callable[[Tensor], Any]


class Weight(NamedTuple):
    """A weight of a layer: its name and its width in blocks of H."""

    name: str
    blocks: int


class RecurrentLayer(nn.Module):
    """A recurrent layer that reads and gives sequences with lanes first.

    A subclass names its equations and weights. The input projections `wx x + b` are
    one product for all time steps; the loop is `compare.twin.recurrence`. Under
    `torch.autocast` products take its type; state and gate arithmetic stay in the
    type of the weights. There is no second derivative.

    Call arguments: `x_BTE` float[B, T, E]; `state`, one float[B, H] a state tensor,
    h first (default zeros); `reset_BT` bool[B, T], True sets the state of the lane
    to zero before the step; `mask_BT` bool[B, T], False leaves the state as it is
    and repeats the output before.

    Call returns `(h_BTH, state)`, the output of every step and the last state.

    Args:
        input_size: E, the width of the input.
        units: H, the width of the state.
        weight_norm: Whether every matrix is `g * v / |v|`, with a gain a row; the
            gains start as the norms.
        matrix_initializer: Fills each block of H rows of each matrix, by itself.
        recurrent_initializer: The same for the recurrent matrices. Default:
            `matrix_initializer`.
        bias_initializer: The same for the biases.
        go_backwards: Whether to read the input from its end; the outputs stand in the
            order of reading.

    Raises:
        ValueError: If `input_size` or `units` is below 1.
    """

    equations: Equations
    inputs: tuple[Weight, ...]
    recurrent: tuple[Weight, ...]
    biases: tuple[Weight, ...]
    # Added to the product with the state, inside the loop.
    recurrent_biases: tuple[Weight, ...] = ()

    def __init__(
        self,
        input_size: int,
        units: int,
        *,
        weight_norm: bool = True,
        matrix_initializer: Initializer = nn.init.orthogonal_,
        recurrent_initializer: Initializer | None = None,
        bias_initializer: Initializer = nn.init.zeros_,
        go_backwards: bool = False,
    ):
        super().__init__()
        for name, size in (("input_size", input_size), ("units", units)):
            if size < 1:
                raise ValueError(f"{name} is {size}; at least 1 will do.")
        self.units = units
        self.weight_norm = weight_norm
        self.go_backwards = go_backwards
        for weight in self.inputs:
            self._add(weight, (input_size,), matrix_initializer)
        for weight in self.recurrent:
            self._add(weight, (units,), recurrent_initializer or matrix_initializer)
        for weight in self.biases + self.recurrent_biases:
            self._add(weight, (), bias_initializer)
        if weight_norm:
            for weight in self.inputs + self.recurrent:
                normalize(self, weight.name, dim=0)

    def _add(self, weight: Weight, columns: tuple, initializer: Initializer) -> None:
        w_K = torch.empty(weight.blocks * self.units, *columns)
        for block in w_K.chunk(weight.blocks):
            initializer(block)
        setattr(self, weight.name, nn.Parameter(w_K))

    def zero_state(self, batch_size: int) -> tuple[Tensor, ...]:
        """Return a start state of zeros, one float[B, H] a state tensor."""
        like = getattr(self, self.biases[0].name)
        return tuple(
            like.new_zeros((batch_size, self.units))
            for _ in range(self.equations.num_states)
        )

    def project(self, x_E: Tensor) -> list[Tensor]:
        """Return the projections `wx x + b` of the input, a float[.., P] a matrix.

        For a table of embeddings in place of `x` these are the tables of their
        projections: small products, whatever the length of the text.
        """
        biases = [getattr(self, weight.name) for weight in self.biases]
        biases += [None] * (len(self.inputs) - len(biases))
        return [
            functional.linear(x_E, getattr(self, weight.name), b_K)
            for weight, b_K in zip(self.inputs, biases, strict=True)
        ]

    def run(self, inputs, state, index_TB=None, reset_TB=None, mask_TB=None):
        """Return `(h_TBH, state)` from projected inputs; see `recur`."""
        dtype = product_dtype(state[0])
        with torch.autocast(state[0].device.type, enabled=False):
            return recur(
                self.equations,
                inputs,
                self._multipliers(),
                state,
                index_TB,
                reset_TB,
                mask_TB,
                dtype,
            )

    def run_states(self, inputs, state, index_TB=None, mask_TB=None):
        """Return `(sequences, state)` from projected inputs; see `recur_states`."""
        dtype = product_dtype(state[0])
        with torch.autocast(state[0].device.type, enabled=False):
            return recur_states(
                self.equations,
                inputs,
                self._multipliers(),
                state,
                index_TB,
                mask_TB,
                dtype,
            )

    def states(self, inputs, state, index_TB=None, reset_TB=None):
        """Return all state tensors after every step; see `recurrence.states`."""
        dtype = product_dtype(state[0])
        with torch.autocast(state[0].device.type, enabled=False):
            return states(
                self.equations,
                inputs,
                self._multipliers(),
                state,
                index_TB,
                reset_TB,
                dtype,
            )

    def _multipliers(self) -> list[Tensor]:
        """Return what is multiplied in every step."""
        weights = self.recurrent + self.recurrent_biases
        return [getattr(self, weight.name) for weight in weights]

    def forward(self, x_BTE, state=None, reset_BT=None, mask_BT=None):
        """Return the output of every step and the last state."""
        if state is None:
            state = self.zero_state(len(x_BTE))
        if self.go_backwards:
            x_BTE, reset_BT, mask_BT = (
                None if sequence is None else sequence.flip(1)
                for sequence in (x_BTE, reset_BT, mask_BT)
            )
        reset_TB, mask_TB = (
            None if flag is None else flag.to(x_BTE.device).t()
            for flag in (reset_BT, mask_BT)
        )
        inputs = self.project(x_BTE.transpose(0, 1))
        h_TBH, state = self.run(inputs, state, None, reset_TB, mask_TB)
        return h_TBH.transpose(0, 1), state


def product_dtype(like: Tensor) -> torch.dtype:
    """Return the type of products here: that of `torch.autocast`, where it acts."""
    device = like.device.type
    if like.dtype == torch.float32 and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return like.dtype
