"""Train the PyTorch twin of the language model; the same command resumes it.

    python scripts/train_twin.py --preset tiny --data.source builtin --out runs/twin
    torchrun --nproc-per-node 2 scripts/train_twin.py ... --out runs/twin

    python scripts/train_twin.py ... --launcher ray --workers 4

Flags, files and result are those of `train.py`. With --distribution.devices N it
starts its N processes itself; on many machines torchrun starts them on each.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from tfsent.cli import parse_config, run, tell


def main(argv: Sequence[str] | None = None) -> None:
    """Train the twin that the command line asks for and print what came of it."""
    argv = sys.argv[1:] if argv is None else argv
    config = parse_config(argv, description=__doc__)
    # Here, not above: --help and wrong flags need not wait for PyTorch.
    from compare.twin.distribution import is_started, leave, num_processes
    from compare.twin_session import plan_run, train_twin

    if config.plan:
        from tfsent.memory_plan import shown

        print(shown(plan_run(config), config.json))
        return
    from compare.loading import load

    train = partial(train_twin, tell=tell, load_model=partial(load, device="cpu"))
    if config.launcher == "ray":
        from tfsent.ray_cluster import require_ray
        from tfsent.ray_launcher import launch as launch_on_ray

        require_ray("launcher")
        from compare.twin.ray_trainer import make_trainer

        result = launch_on_ray(config, train, make_trainer, "-twin", tell)
    elif not is_started() and (num := num_processes(config.distribution)) > 1:
        from compare.twin.launch import launch

        leave(launch(num, __file__, argv))
    else:
        result = train(config)
    if result is not None:
        print(json.dumps(result))


def run_and_leave() -> NoReturn:
    """Run as every script, and end as a process among others has to."""
    try:
        run(main)
    except SystemExit as end:
        from compare.twin.distribution import is_started, leave

        if is_started() and isinstance(end.code, int):
            leave(end.code)
        raise


if __name__ == "__main__":
    run_and_leave()
