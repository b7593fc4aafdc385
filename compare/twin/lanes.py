"""What each lane of a batch does at each step: reads, begins anew, stands still.

Axes: B lanes, T time steps, H hidden units, P columns of an input projection, V rows
of a table.
"""

from __future__ import annotations

# Steps whose rows of the tables are gathered at once.
_ROWS_AT_ONCE = 8


class Lanes:
    """What each lane does at each step: which row it reads, whether it begins anew."""

    def __init__(self, index_TB, reset_TB, mask_TB):
        self.index_TB, self.mask_TB = index_TB, mask_TB
        # Steps that every lane reads, most of a batch of like lengths, cost nothing:
        # .79 of the time (LSTM, H=128, 16 texts of 82 to 96 words).
        self.masks = []
        if mask_TB is not None and mask_TB.device.type == "cpu":
            self.masks = (~mask_TB).any(1).tolist()
        elif mask_TB is not None:
            self.masks = [True] * len(mask_TB)
        # Steps without a reset, nearly all of a training text, cost nothing. To ask
        # a GPU would make it wait.
        if reset_TB is not None and reset_TB.device.type == "cpu":
            self.resets = reset_TB.any(1).tolist()
            reset_TB = reset_TB if any(self.resets) else None
        elif reset_TB is not None:
            self.resets = [True] * len(reset_TB)
        self.reset_TB = reset_TB

    def special(self, t: int) -> bool:
        """Return whether step `t` does anything but a plain step."""
        return self.masked(t) or (self.reset_TB is not None and self.resets[t])

    def masked(self, t: int) -> bool:
        """Return whether step `t` may leave the state of a lane as it is."""
        return self.mask_TB is not None and self.masks[t]

    def reset(self, state, t: int):
        """Return the state with the lanes that begin anew at step `t` at zero."""
        if self.reset_TB is None or not self.resets[t]:
            return state
        return [s_BH.masked_fill(self.reset_TB[t, :, None], 0) for s_BH in state]

    def reset_all(self, s_TBH, first: int, last: int):
        """Return states before steps, zero where a lane begins anew."""
        if self.reset_TB is None or not any(self.resets[first:last]):
            return s_TBH
        return s_TBH.masked_fill(self.reset_TB[first:last, :, None], 0)

    def rows(self, inputs):
        """Yield the input projections of each step."""
        if self.index_TB is None:
            yield from zip(*(p_TBP.unbind(0) for p_TBP in inputs), strict=True)
            return
        for index_tB in self.index_TB.split(_ROWS_AT_ONCE):
            rows = [
                table_VP.index_select(0, index_tB.flatten()).unflatten(
                    0, index_tB.shape
                )
                for table_VP in inputs
            ]
            yield from zip(*(p_tBP.unbind(0) for p_tBP in rows), strict=True)
