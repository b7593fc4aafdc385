"""Saves checkpoint after checkpoint until killed; run as a module with a run folder.

Prints the step it starts from, then each step once it is saved.
"""

import sys

from tests.checkpoint.small_model import assert_is_step, save
from tfsent.checkpoint import RunLock, StateStore


def main(run_dir: str, most: int) -> None:
    with RunLock(run_dir):
        store = StateStore(run_dir, keep=2)
        store.remove_leftovers()
        found = store.latest()
        first = found.step if found else 0
        if found:
            assert_is_step(found, first)
        print(first, flush=True)
        for step in range(first + 1, first + 1 + most):
            path = save(store, step)
            print(step, flush=True)
            if step % 3 == 0:
                store.save_best(path, 1 / step)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
