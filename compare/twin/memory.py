"""Memory that one step frees and the next one takes again.

By default glibc returns every large block to the system when it is freed. A training
step then takes its hundreds of megabytes anew, page by page, each zeroed by the
kernel first. Kept, a training step of the mLSTM on one core reached .84 instead of
.79 of the rate of a large product, in each of two runs (B=32, H=1024); at B=128 the
spread hid the gain. Transparent huge pages in its place gained nothing.
"""

from __future__ import annotations

import ctypes
import functools
import sys

# From malloc.h of glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


@functools.cache
def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees; return whether that worked.

    It acts on the whole process from the first call on, and only with glibc. Memory
    in use at its peak is not given back before the process ends.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # -1: as an unsigned size the largest there is, so that nothing is trimmed.
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, -1))
