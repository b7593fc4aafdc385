"""Files that would run code, take memory, or lie, for the readers to refuse."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import torch


class Call:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class WithState(torch.nn.Module):
    """A module whose own code would run when it is unpickled."""

    trace: Path

    def __init__(self, trace):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))
        self.trace = str(trace)

    def __setstate__(self, state):
        Path(state["trace"]).touch()
        super().__setstate__(state)


def touch(trace: Path) -> tuple:
    return os.system, f"touch {trace}"


def payloads(trace: Path) -> dict:
    """Name to content for torch.save; each leaves `trace` if run."""
    run = f"__import__('pathlib').Path({str(trace)!r}).touch()"
    return {
        "os.system": {"w": Call(*touch(trace))},
        "eval": {"w": Call(eval, run)},
        "exec": {"w": Call(exec, run)},
        "getattr": {"w": Call(getattr, trace, "touch")},
        "nested deep": {"encoder": {"encoder": {"weight": [1, (Call(eval, run),)]}}},
        "as a key": {Call(eval, run): torch.zeros(3)},
        "beside weights": {"w": torch.zeros(3), "optimizer": Call(eval, run)},
        "whole content": Call(*touch(trace)),
        "torch.load inside": {"w": Call(torch.load, str(trace))},
        "numpy.load": {"w": Call(np.load, str(trace))},
        "open": {"w": Call(open, str(trace), "w")},
        "module with code": {"rnn": WithState(trace)},
        "module of torch": {"rnn": torch.nn.Conv1d(2, 3, 1)},
        "module in a module": {"rnn": torch.nn.Sequential(torch.nn.PReLU())},
    }


def tar_archive(path: Path, trace: Path) -> None:
    """The oldest format of torch.save, whose reader unpacks a tar archive."""
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            data = pickle.dumps(Call(*touch(trace)), 2)
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def zip_with(path: Path, members: dict[str, bytes], compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def raw(*parts: bytes) -> bytes:
    """A pickle of protocol 2 by hand."""
    return b"\x80\x02" + b"".join(parts) + b"."
