"""Reads the newest and the best checkpoint until its standard input ends.

Run as a module with a run folder. Each must be whole, bit for bit, and the steps
must not go back. Prints how often it read, and how many different steps.
"""

import select
import sys

from tests.checkpoint.small_model import assert_is_step, assert_same, small_weights
from tfsent.checkpoint import StateStore, load_weights


def main(run_dir: str) -> None:
    def refuse(line: str) -> None:
        raise AssertionError(line)

    store = StateStore(run_dir, keep=2, announce=refuse)
    best = store.folder / "best"
    seen = [0]
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        found = store.latest()
        assert found is not None
        assert found.step >= seen[-1]
        assert_is_step(found, found.step)
        seen.append(found.step)
        if best.exists():
            weights, _ = load_weights(best)
            near = range(max(0, found.step - 5), found.step + 50)
            bias = weights["output/bias"].tobytes()
            steps = [
                s for s in near if small_weights(s)["output/bias"].tobytes() == bias
            ]
            assert_same(weights, small_weights(steps[0]))
    print(len(seen), len(set(seen)))


if __name__ == "__main__":
    main(sys.argv[1])
