"""Arrays in NumPy's .npy form, judged by their header before data is read.

Read and written by hand: `numpy.load` takes memory for whatever the header says,
and `numpy.save` pads its header otherwise than NumPy before 1.14 did (to 64 bytes,
then 16), so that published files would not come back byte for byte.

Reference:
    https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib import format as npy

from compare.containers.values import require_finite
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief

MAX_HEADER_BYTES = 10_000
"""Longest header read, as in NumPy itself."""

_STARTS = (npy.magic(1, 0)[:7], npy.magic(2, 0)[:7])
_KINDS = "biuf"

# Not through NumPy's reader, which evaluates the header as a Python literal and lets
# errors of Python's tokenizer out where it is damaged. Python 2 wrote numbers as 3L.
_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?[A-Za-z][0-9]{0,2})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:[0-9]{1,15}L?, ?)*(?:[0-9]{1,15}L?)?)\), ?\} *\n?"
)

Read = Callable[[int], bytes]


class Array(NamedTuple):
    """An array, and the bytes that stood before its data."""

    values: np.ndarray
    header: bytes


def read_array(read: Read, size: int, name: str, path: Path) -> Array:
    """Return the one array of a file or archive member.

    Args:
        read: Gives the next bytes, fewer only at the end.
        size: Bytes of the whole member.
        name: What to call it in messages.
        path: The file, for messages.

    Raises:
        CheckpointError: If it holds objects, other bytes than its header says, NaN
            or infinity, or is no .npy at all.
    """

    def refuse(reason: str) -> CheckpointError:
        return CheckpointError(path, f"{brief(name)} {reason}.")

    start = read(8)
    if start[:7] not in _STARTS or len(start) < 8:
        raise refuse("is no .npy of version 1 or 2")
    wide = 2 if start[6] == 1 else 4
    length_bytes = read(wide)
    length = int.from_bytes(length_bytes, "little")
    if len(length_bytes) < wide or length > min(MAX_HEADER_BYTES, size):
        raise refuse(f"has a header of {length} bytes")
    header = start + length_bytes + read(length)
    shape, fortran, dtype = _parsed(header, refuse)
    if dtype.kind not in _KINDS or dtype.itemsize > 8:
        raise refuse(f"has type {dtype}, which no weight has")
    wanted = math.prod(shape) * dtype.itemsize
    if len(header) + wanted != size:
        shown, held = brief(shape), size - len(header)
        raise refuse(f"has shape {shown}, {brief(wanted)} bytes, but holds {held}")
    data = bytearray(wanted)
    view = memoryview(data)
    while len(view) > 0:
        part = read(min(len(view), 2**23))
        if not part:
            raise refuse("ends too early")
        view[: len(part)] = part
        view = view[len(part) :]
    flat = np.frombuffer(data, dtype)
    values = flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    require_finite(values, name, path)
    return Array(values, header)


def array_bytes(values: np.ndarray, header: bytes | None = None) -> list[bytes]:
    """Return the .npy form of an array: header and data.

    Args:
        values: The array.
        header: One read before; used again where it fits the array.
    """
    if header is not None:
        try:
            shape, fortran, dtype = _parsed(header, ValueError)
        except ValueError:
            header = None
        else:
            if shape == values.shape and dtype == values.dtype:
                return [header, values.tobytes("F" if fortran else "C")]
    made = io.BytesIO()
    plain = np.asarray(values, order="C")
    npy.write_array_header_1_0(made, npy.header_data_from_array_1_0(plain))
    return [made.getvalue(), plain.tobytes()]


def _parsed(
    header: bytes, refuse: Callable[[str], Exception]
) -> tuple[tuple[int, ...], bool, np.dtype]:
    text = header[header.index(b"{") :] if b"{" in header else b""
    found = _HEADER.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        dtype = np.dtype(found[1].decode("ascii"))
    except (TypeError, ValueError) as error:
        raise refuse("has no sound .npy header") from error
    shape = tuple(int(n.rstrip(b"L")) for n in found[3].replace(b",", b" ").split())
    return shape, found[2] == b"True", dtype
