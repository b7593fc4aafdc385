"""What two processes of a run do together; each writes what it found.

    RANK=0 WORLD_SIZE=2 MASTER_ADDR=localhost MASTER_PORT=29511 \
        python -m tests.compare.twin.two_processes OUT
"""

import json
import math
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
import torch.distributed as c10d

from compare.twin.build import build_run
from compare.twin.distribution import Processes
from compare.twin.evaluate import Evaluator
from tests.compare.twin.pair import advance, batch_of, settings
from tfsent.data.batches import Batch, ScoreBatches
from tfsent.training.stop import StopRequest

STEPS = 20
TEXTS = [b"\n A film to see twice. ", b"\n Dull ", b"x", b"\n Not bad at all! " * 3]


class Texts:
    """Samples in memory, read like shards."""

    def sample_bounds(self):
        return np.cumsum([0, *map(len, TEXTS)])

    def read(self, start, stop):
        return np.frombuffer(b"".join(TEXTS), np.uint8)[start:stop]


def talk(processes):
    """Return what the collectives give, as JSON."""
    rank = processes.rank
    own = np.arange(6.0).reshape(2, 3) + 10 * rank
    stop = StopRequest()
    agreed = processes.agree(stop)
    before = agreed.signal
    stop.signal = None if rank == 0 else int(signal.SIGTERM)
    return {
        "rank": rank,
        "lanes": [processes.lanes(8).start, processes.lanes(8).stop],
        "uneven": [processes.lanes(3).start, processes.lanes(3).stop],
        "mean": float(processes.mean(torch.tensor(1.0 + rank))),
        "sum": float(processes.sum(torch.tensor(1.0 + rank))),
        "joined": processes.join_lanes(own).tolist(),
        "shared": processes.share({"of": rank, "none": None, "text": "\u00e9"}),
        "number": processes.broadcast(np.asarray(7 + rank, np.int64)).tolist(),
        "signals": [before, agreed.signal, agreed.exit_code],
        "silent": sys.stderr.name == os.devnull,
    }


def train(processes, **options):
    """Return losses and norms of a run, its score, weights and state."""
    run, step = build_run(settings(**options), 100, processes)
    processes.spread(run)
    results = [advance(run, step) for _ in range(STEPS)]
    run.gather()
    score = Evaluator(run.model, "float32", processes).score(
        ScoreBatches(Texts(), batch_size=4, window=7)
    )
    values = {"bpc": np.array([float(r.bpc) for r in results])}
    values["norm"] = np.array([float(r.gradient_norm) for r in results])
    values["score"] = np.array([score.bpc, score.scored_bytes])
    values |= _named("weights", run.weights())
    return values | _named("state", run.arrays())


def drop(processes):
    """Return what is carried after a step whose lanes all read the same."""
    run, step = build_run(settings(model={"dropout": 0.5}), 100, processes)
    bytes_BT1 = np.tile(batch_of(0).bytes_BT1[:1], (4, 1))
    advance(run, step, Batch(bytes_BT1, np.ones((4, bytes_BT1.shape[1] - 1), bool)))
    run.gather()
    return _named("state", run.arrays())


def overflow(processes):
    """Return what an overflow in the lanes of the second process leaves in each."""
    run, step = build_run(settings("mixed_float16"), 100, processes)
    advance(run, step)
    before = run.weights()
    if processes.rank == processes.size - 1:
        run.carried[0][0][-1] = math.inf
    batch = batch_of(1)
    calm = Batch(batch.bytes_BT1, np.zeros_like(batch.reset_BT))
    result = advance(run, step, calm)
    run.gather()
    changed = sum((run.weights()[name] != before[name]).sum() for name in before)
    return {
        "finite": np.array(bool(result.finite)),
        "changed": np.array(changed),
    } | _named("state", run.arrays())


def spread(processes):
    """Return the start of each process after the chief alone was restored."""
    run, step = build_run(settings(), 100, processes)
    if processes.is_chief:
        state = run.arrays()
        for k, name in enumerate(sorted(state)):
            state[name] = np.full_like(state[name], k)
        state["carried/0/0"] += np.arange(4, dtype=np.float32)[:, None]
        weights = {name: array + 1 for name, array in run.weights().items()}
        run.restore(weights, state, run.progress() | {"step": 5, "best_val_bpc": 2.5})
    processes.spread(run)
    values = _named("weights", run.weights())
    values["own_lanes"] = run.carried[0][0][:, 0].numpy()
    values["updates"] = np.array(run.optimizer.updates)
    values["counters"] = np.array([run.step, run.best_val_bpc])
    run.gather()
    return values | _named("state", run.arrays())


def _named(prefix, arrays):
    return {f"{prefix}:{name}": array for name, array in arrays.items()}


def refuse(*_):
    raise AssertionError("a collective that pickles.")


def main(out):
    c10d.distributed_c10d._object_to_tensor = refuse
    c10d.distributed_c10d._tensor_to_object = refuse
    with Processes() as processes:
        told = talk(processes)
        (out / f"talk{processes.rank}.json").write_text(json.dumps(told))
        found = train(processes, learning_rate=5e-3, clip_norm=0.3)
        np.savez(out / f"adam{processes.rank}.npz", **found)
        found = train(processes, name="sgd", learning_rate=0.3, clip_norm=0.3)
        np.savez(out / f"sgd{processes.rank}.npz", **found)
        np.savez(out / f"drop{processes.rank}.npz", **drop(processes))
        np.savez(out / f"overflow{processes.rank}.npz", **overflow(processes))
        np.savez(out / f"spread{processes.rank}.npz", **spread(processes))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
