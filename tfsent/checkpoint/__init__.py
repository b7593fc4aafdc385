"""Model and training state on disk, without a framework."""

from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.layout import TFSENT, Layout
from tfsent.checkpoint.result import find_result, save_result
from tfsent.checkpoint.resume import (
    default_out,
    find_resumable,
    restore_run,
    save_run,
    write_model_file,
)
from tfsent.checkpoint.run_lock import RunLock, RunLockedError, move_aside
from tfsent.checkpoint.settings import check_resumable, flat, recorded
from tfsent.checkpoint.shapes import expected_shapes
from tfsent.checkpoint.training_state import Restored, StateStore, read_checkpoint
from tfsent.checkpoint.weights import load_weights, read_config, save_weights
from tfsent.checkpoint.weights_format import check_format, weights_format

__all__ = [
    "TFSENT",
    "CheckpointError",
    "Layout",
    "Restored",
    "RunLock",
    "RunLockedError",
    "StateStore",
    "check_format",
    "check_resumable",
    "default_out",
    "expected_shapes",
    "find_result",
    "find_resumable",
    "flat",
    "load_weights",
    "move_aside",
    "read_checkpoint",
    "read_config",
    "recorded",
    "restore_run",
    "save_result",
    "save_run",
    "save_weights",
    "weights_format",
    "write_model_file",
]
