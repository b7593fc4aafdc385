"""Start the processes of a run, as `torchrun` would, and hand on how they ended."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Sequence

from torch.distributed import run
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

_SHUTDOWN_S = 600
"""Seconds in which processes may save after a signal; then they are killed."""


def launch(num: int, script: str, argv: Sequence[str]) -> int:
    """Run `script` in `num` processes on this machine and return its exit code.

    Cores are shared out among them, unless OMP_NUM_THREADS is set.

    Raises:
        ChildProcessError: If a process was killed and could not tell why.
    """
    cores = len(os.sched_getaffinity(0))
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // num)))
    flags = ["--standalone", "--nproc-per-node", str(num)]
    flags += ["--shutdown-timeout", str(_SHUTDOWN_S)]
    # What goes wrong, the processes tell themselves, in one line.
    logging.disable(logging.CRITICAL)
    try:
        run.run(run.parse_args([*flags, script, *argv]))
    except SignalException as end:
        return 128 + end.sigval
    except ChildFailedError as end:
        rank, failure = end.get_first_failure()
        if failure.exitcode < 0:
            raise ChildProcessError(
                f"process {rank} of {num} was ended by "
                f"{signal.Signals(-failure.exitcode).name}; the same command goes on "
                "from the last checkpoint."
            ) from None
        return failure.exitcode
    finally:
        logging.disable(logging.NOTSET)
    return 0
