"""What the recurrent layers with gates share: what their gates pass through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compare.twin.recurrence import Equations
from compare.twin.recurrent_layer import RecurrentLayer


class GatedLayer(RecurrentLayer):
    """A recurrent layer whose gates pass through an activation of choice.

    Args:
        input_size: E, the width of the input.
        units: H, the width of the state.
        gate_activation: "sigmoid", "hard_sigmoid" or "steep_sigmoid", see
            `compare.twin.activations`. Candidate and output stay tanh.
        **kwargs: As for `RecurrentLayer`.

    Raises:
        ValueError: If a size is below 1 or `gate_activation` unknown.
    """

    equations_of: Callable[[str], Equations]

    def __init__(
        self,
        input_size: int,
        units: int,
        *,
        gate_activation: str = "sigmoid",
        **kwargs: Any,
    ):
        super().__init__(input_size, units, **kwargs)
        self.gate_activation = gate_activation
        if gate_activation != "sigmoid":
            self.equations = self.equations_of(gate_activation)
