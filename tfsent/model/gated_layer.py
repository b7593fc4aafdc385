"""What the recurrent layers with gates share: what their gates pass through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfsent.model.recurrence import Equations
from tfsent.model.recurrent_layer import RecurrentLayer


class GatedLayer(RecurrentLayer):
    """A recurrent layer whose gates pass through an activation of choice.

    Args:
        units: H, the width of the state.
        gate_activation: "sigmoid", "hard_sigmoid" or "steep_sigmoid", see
            `tfsent.model.activations`. Candidate and output stay tanh.
        **kwargs: As for `RecurrentLayer`.

    Raises:
        ValueError: If `units` is below 1 or `gate_activation` unknown.
    """

    # Equal equations at every call for one activation: they are compiled once.
    equations_of: Callable[[str], Equations]

    def __init__(self, units: int, *, gate_activation: str = "sigmoid", **kwargs: Any):
        super().__init__(units, **kwargs)
        self.gate_activation = gate_activation
        if gate_activation != "sigmoid":
            self.equations = self.equations_of(gate_activation)

    def get_config(self):
        """Return the arguments."""
        return super().get_config() | {"gate_activation": self.gate_activation}
