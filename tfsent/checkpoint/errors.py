"""The one error for files that hold no sound model or training state."""

from __future__ import annotations

from os import PathLike


class CheckpointError(ValueError):
    """A file or folder holds no sound model, or a state that may not be saved.

    Args:
        path: What was read or written; always part of the message.
        reason: What is wrong with it, without the path.
    """

    def __init__(self, path: str | PathLike[str], reason: str) -> None:
        # Both in `args`: the error then survives pickling between processes.
        super().__init__(str(path), reason)

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.args[1]}"
