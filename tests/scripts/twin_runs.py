"""What runs of the twin left, held against each other."""

import json

import numpy as np

from compare.formats.twin import LAYOUT
from tfsent.checkpoint import StateStore, load_weights

SAME = ("weights.safetensors", "checkpoints/best/weights.safetensors")


def result_of(run_dir):
    return json.loads((run_dir / "result.json").read_bytes())["result"]


def points(run_dir, kind):
    """Return (step, bpc) of every line of the log of a kind."""
    lines = map(json.loads, (run_dir / "metrics.jsonl").read_text().splitlines())
    return [(line["step"], line["bpc"]) for line in lines if line["type"] == kind]


def assert_same_end(run_dir, unbroken):
    """Compare weights, training state and log bit for bit."""
    for name in SAME:
        assert (run_dir / name).read_bytes() == (unbroken / name).read_bytes(), name
    for kind in ("train", "val"):
        assert points(run_dir, kind) == points(unbroken, kind)
    ends = [StateStore(each, 2, layout=LAYOUT).latest() for each in (run_dir, unbroken)]
    assert ends[0].state.keys() == ends[1].state.keys()
    for name, array in ends[1].state.items():
        assert ends[0].state[name].tobytes() == array.tobytes(), name
    for key in ("steps", "bytes_seen", "train_bpc", "val_bpc", "test_bpc"):
        assert result_of(run_dir)[key] == result_of(unbroken)[key]


def largest_difference(run_dir, other):
    """Return the largest difference of a final weight."""
    (ours, _), (theirs, _) = (load_weights(each, LAYOUT) for each in (run_dir, other))
    return max(np.abs(ours[name] - theirs[name]).max() for name in theirs)
