"""The pickles in a PyTorch file, walked before the safe reader executes them.

Nothing is executed here: operations move marks of what is what on a stack. Two
things are refused that `torch.load(weights_only=True)` lets through:

- names that no file of weights needs, such as `bytearray` of any size, or sparse and
  quantized tensors;
- tuples as keys, and sets that are not empty: the hash of a pair of twice the same pair
  of twice the same pair, 60 deep, takes few bytes to write and years to compute.

One thing is changed. In the older stream, the usual one before PyTorch 1.6, torch.save
wrote the class of a module as a "persistent id", the tuple ("module", class, file,
source), which the safe reader refuses, whatever class it is. Each becomes a call of an
inert stand-in with the same tuple, which gives back the class: a stand-in too, or
refused as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from compare.containers.stand_ins import ADMITTED, MODULE_CLASS
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief

_KINDS = (
    *("Double", "Float", "Half", "BFloat16"),
    *("Long", "Int", "Short", "Char", "Byte", "Bool"),
)
_NAMES = {
    *(f"torch.{kind}Storage" for kind in _KINDS),
    *(f"torch.{kind}Tensor" for kind in _KINDS),
    *(f"torch._utils._rebuild_{what}" for what in ("tensor", "tensor_v2", "parameter")),
    *("torch.nn.parameter.Parameter", "torch.Size", "torch.device", "_codecs.encode"),
    *(name for _, name in ADMITTED),
}
_CUDA = "torch.cuda."

_PLAIN, _WORD, _TUPLE, _NO_ITEMS, _EMPTY_LIST, _DICTIONARY, _SET = range(7)
"""What is on the stack: nothing special, the word "module", a tuple, the empty tuple,
an empty list, the class OrderedDict, the class set."""

_CLASSES = {
    "collections.OrderedDict": _DICTIONARY,
    "builtins.set": _SET,
    "__builtin__.set": _SET,
}
"""Names of classes that are called without arguments, or with an empty list."""

_ARGUMENT = {
    **dict.fromkeys(b"\x81Rbaesu(t\x85\x86\x87N\x89\x88)]}Q.", 0),
    **dict.fromkeys(b"Khq\x80", 1),
    **dict.fromkeys(b"M", 2),
    **dict.fromkeys(b"Jjr", 4),
    **dict.fromkeys(b"G", 8),
}
"""Operation to the length of its argument in bytes."""

_COUNT = {ord("X"): 4, ord("U"): 1, 0x8A: 1}
"""Operation to the length of the count before its argument."""

_PUSHES = {
    **dict.fromkeys(b"N\x89\x88KMJG\x8aXU}", _PLAIN),
    ord(")"): _NO_ITEMS,
    ord("]"): _EMPTY_LIST,
}
_TUPLES = {0x85: 1, 0x86: 2, 0x87: 3}
_MODULE = b"module"


class Walked(NamedTuple):
    """Where a pickle ends, and where it is to be changed.

    Attributes:
        end: The first byte after it.
        edits: Start and end of the tuple of each persistent id that names a module.
    """

    end: int
    edits: list[tuple[int, int]]


def checked(data: bytes, pickles: int, path: Path) -> bytes | None:
    """Return the changed bytes of a stream of pickles, or None if none are.

    Args:
        data: The stream, as far as its pickles reach or further.
        pickles: How many there are.
        path: For messages.

    Raises:
        CheckpointError: If one of them is refused, or no pickle of PyTorch.
    """
    edits: list[tuple[int, int]] = []
    place = 0
    for _ in range(pickles):
        try:
            walked = _Walk(data, place, path).run()
        except (IndexError, KeyError, ValueError) as error:
            if isinstance(error, CheckpointError):
                raise
            reason = "is no sound PyTorch file (its pickle is broken)."
            raise CheckpointError(path, reason) from error
        place = walked.end
        edits += walked.edits
    if not edits:
        return None
    pieces, done = [], 0
    for start, end in sorted(edits):
        pieces += [data[done:start], MODULE_CLASS, data[start:end], b"R"]
        done = end + 1
    return b"".join([*pieces, data[done:]])


class _Item:
    """One thing on the stack; two places can hold the same, as in a pickle's reader."""

    def __init__(self, kind: int, first: _Item | None = None) -> None:
        self.kind = kind
        self.first = first


class _Walk:
    """One pickle: a stack of what is what, and the same behind every mark."""

    def __init__(self, data: bytes, place: int, path: Path) -> None:
        self.data, self.place, self.path = data, place, path
        self.stack: list[_Item] = []
        self.marks: list[tuple[list[_Item], int]] = []
        self.memo: dict[int, _Item] = {}
        self.opened = place
        self.edits: list[tuple[int, int]] = []
        self.steps: dict[int, Callable[[int, bytes, int], None]] = {
            **dict.fromkeys(_PUSHES, self._push),
            **dict.fromkeys(_TUPLES, self._tuple),
            **dict.fromkeys(b"teu", self._close),
            **dict.fromkeys(b"\x81R", self._call),
            **dict.fromkeys(b"asb", self._put),
            **dict.fromkeys(b"qr", self._keep),
            **dict.fromkeys(b"hj", self._get),
            ord("c"): self._name,
            ord("("): self._mark,
            ord("Q"): self._persistent,
            0x80: lambda *_: None,
        }

    def run(self) -> Walked:
        """Walk to the end."""
        while True:
            start = self.place
            operation = self.data[start]
            argument = self._argument(operation)
            if operation == ord("."):
                return Walked(self.place, self.edits)
            self.steps[operation](operation, argument, start)

    def _argument(self, operation: int) -> bytes:
        first = self.place + 1
        if operation == ord("c"):
            end = self.data.index(b"\n", self.data.index(b"\n", first) + 1) + 1
        elif operation in _COUNT:
            width = _COUNT[operation]
            count = int.from_bytes(self.data[first : first + width], "little")
            first += width
            end = first + count
        else:
            end = first + _ARGUMENT[operation]
        if end > len(self.data):
            raise IndexError
        self.place = end
        return self.data[first:end]

    def _push(self, operation: int, argument: bytes, _: int) -> None:
        word = operation in b"XU" and argument == _MODULE
        self.stack.append(_Item(_WORD if word else _PUSHES[operation]))

    def _name(self, _: int, argument: bytes, __: int) -> None:
        name = argument.decode("utf-8")[:-1].replace("\n", ".")
        bare = name.replace(_CUDA, "torch.", 1) if name.endswith("Storage") else name
        if bare not in _NAMES and bare not in _CLASSES:
            shown = brief(name)
            reason = f"names {shown}, which a file of weights needs not."
            raise CheckpointError(self.path, reason)
        self.stack.append(_Item(_CLASSES.get(name, _PLAIN)))

    def _mark(self, _: int, __: bytes, start: int) -> None:
        self.marks.append((self.stack, start))
        self.stack = []

    def _tuple(self, operation: int, _: bytes, __: int) -> None:
        count = _TUPLES[operation]
        if len(self.stack) < count:
            raise IndexError
        self.stack[-count:] = [_Item(_TUPLE, self.stack[-count])]

    def _close(self, operation: int, _: bytes, __: int) -> None:
        items = self.stack
        self.stack, self.opened = self.marks.pop()
        if operation == ord("t"):
            first = items[0] if items else None
            self.stack.append(_Item(_TUPLE, first))
            return
        self.stack[-1].kind = _PLAIN
        if operation == ord("u"):
            for key in items[::2]:
                self._key(key)

    def _put(self, operation: int, _: bytes, __: int) -> None:
        self.stack.pop()
        if operation == ord("s"):
            self._key(self.stack.pop())
        if operation != ord("b"):
            self.stack[-1].kind = _PLAIN

    def _call(self, _: int, __: bytes, ___: int) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        inner = arguments.first
        empty = arguments.kind == _NO_ITEMS or (
            called.kind == _SET and inner is not None and inner.kind == _EMPTY_LIST
        )
        if called.kind in (_DICTIONARY, _SET) and not empty:
            reason = "makes a set or dictionary of unknown keys by a call."
            raise CheckpointError(self.path, reason)
        self.stack.append(_Item(_PLAIN))

    def _keep(self, _: int, argument: bytes, __: int) -> None:
        self.memo[int.from_bytes(argument, "little")] = self.stack[-1]

    def _get(self, _: int, argument: bytes, __: int) -> None:
        self.stack.append(self.memo[int.from_bytes(argument, "little")])

    def _persistent(self, _: int, __: bytes, start: int) -> None:
        first = self.stack.pop().first
        if first is not None and first.kind == _WORD:
            self.edits.append((self.opened, start))
        self.stack.append(_Item(_PLAIN))

    def _key(self, item: _Item) -> None:
        if item.kind == _TUPLE:
            reason = "has tuples as keys, which no file of weights has."
            raise CheckpointError(self.path, reason)
