"""Train the PyTorch twin of the language model; the same command resumes it.

    python scripts/train_twin.py --preset tiny --data.source builtin --out runs/twin
    torchrun --nproc-per-node 2 scripts/train_twin.py ... --out runs/twin

Flags, files and result are those of `train.py`. With --distribution.devices N it
starts its N processes itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from tfsent.cli import parse_config, run, tell


def main(argv: Sequence[str] | None = None) -> None:
    """Train the twin that the command line asks for and print what came of it."""
    argv = sys.argv[1:] if argv is None else argv
    config = parse_config(argv, description=__doc__)
    # Here, not above: --help and wrong flags need not wait for PyTorch.
    from compare.twin.distribution import Processes, is_started, num_processes
    from compare.twin_session import TorchFramework
    from tfsent.session import train_run

    if not is_started() and (num := num_processes(config.distribution)) > 1:
        from compare.twin.launch import launch, leave

        leave(launch(num, __file__, argv))
    with Processes(config.distribution) as processes:
        result = train_run(config, TorchFramework(processes), tell)
    if processes.is_chief:
        print(json.dumps(result))


if __name__ == "__main__":
    run(main)
