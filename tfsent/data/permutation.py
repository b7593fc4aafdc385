"""A seeded order of many numbers, computed where it is asked for and stored nowhere."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

# Four rounds of random functions cannot be told from a random order by few looks
# (Luby and Rackoff 1988); two more cost 4 of 39 ns a number and serve small sizes,
# whose tables have few entries.
_ROUNDS = 6


class Permutation:
    """An order of the numbers from 0 to before `size`: which one stands at a place.

    A Feistel network on the smallest power of two that holds `size`: the two halves
    of a number's bits are mixed in turn, each by a table that the other half looks
    up. What falls outside is sent through again until it falls inside (cycle
    walking), fewer than two times on average. Tables come from SHAKE-256 and are the
    only memory: 6 of 2^14 entries for 80 million numbers. NumPy's generators are not
    used, as it does not promise equal integers for ever.

    Args:
        size: How many numbers, at least 1.
        seed: Key of the tables.

    Reference:
        Black and Rogaway, Ciphers with Arbitrary Finite Domains, CT-RSA 2002.

    Example:
        >>> order = Permutation(6, seed=0)
        >>> order(np.arange(6)).tolist()
        [3, 4, 1, 2, 5, 0]
        >>> order.places(order(np.arange(6))).tolist()
        [0, 1, 2, 3, 4, 5]
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        bits = max(2, (size - 1).bit_length())
        self._low_bits = bits // 2
        self._low_mask = (1 << self._low_bits) - 1
        widths = (self._low_bits, bits - self._low_bits)
        # Even rounds change the low half by what the high half finds, odd ones the
        # high half.
        self._tables = [
            _table(f"shuffle/{seed}/{k}", widths[1 - k % 2], widths[k % 2])
            for k in range(_ROUNDS)
        ]

    def __call__(self, places: Numbers) -> Numbers:
        """Return the numbers that stand at some places.

        Args:
            places: int64[any], each from 0 to before `size`.

        Returns:
            int64[any], as many; those of different places differ.
        """
        return self._walk(places, range(_ROUNDS))

    def places(self, numbers: Numbers) -> Numbers:
        """Return the places at which some numbers stand, int64[any]: the inverse."""
        return self._walk(numbers, range(_ROUNDS)[::-1])

    def _walk(self, values: Numbers, rounds: range) -> Numbers:
        found = self._mix(values, rounds)
        outside = np.flatnonzero(found >= self.size)
        while len(outside):
            again = self._mix(found[outside], rounds)
            found[outside] = again
            outside = outside[again >= self.size]
        return found

    def _mix(self, values: Numbers, rounds: range) -> Numbers:
        """Send values once through the rounds; each of them undoes itself."""
        low, high = values & self._low_mask, values >> self._low_bits
        for number in rounds:
            if number % 2:
                high ^= self._tables[number].take(low)
            else:
                low ^= self._tables[number].take(high)
        high <<= self._low_bits
        high |= low
        return high


def _table(key: str, bits: int, entry_bits: int) -> Numbers:
    """Return 2^bits numbers of `entry_bits` bits, hashed from a key."""
    stream = hashlib.shake_256(key.encode()).digest(4 << bits)
    numbers = np.frombuffer(stream, "<u4").astype(np.int64)
    return numbers & ((1 << entry_bits) - 1)
