"""A seeded order that is stored nowhere."""

import numpy as np
import pytest

from tfsent.data.permutation import Permutation

POWERS = [2**k + near for k in range(1, 15) for near in (-1, 0, 1)]
SIZES = sorted({1, 2, 3, 5, 6, 7, 97, 1009, 10007, *POWERS})


def order(size, seed=0):
    return Permutation(size, seed)(np.arange(size))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_every_number_stands_at_one_place(size, seed):
    permutation = Permutation(size, seed)
    numbers = permutation(np.arange(size))
    assert numbers.dtype == np.int64
    assert np.array_equal(np.sort(numbers), np.arange(size))
    assert np.array_equal(permutation.places(numbers), np.arange(size))


def test_order_is_frozen():
    """Computed in plain Python; another order would make resumed runs other runs."""
    assert order(13).tolist() == [2, 0, 7, 8, 12, 11, 6, 10, 9, 3, 1, 4, 5]
    assert order(13, seed=7).tolist() == [7, 8, 5, 10, 4, 3, 2, 1, 0, 11, 6, 9, 12]
    places = np.asarray([0, 1, 2, 40_000_000, 79_999_999])
    assert Permutation(80_000_000, 3)(places).tolist() == [
        79998425,
        23743510,
        48916364,
        55712140,
        36676833,
    ]


def test_a_number_asked_for_alone_is_the_same():
    permutation = Permutation(1009, 5)
    alone = [int(permutation(np.asarray([place]))[0]) for place in range(1009)]
    assert alone == order(1009, 5).tolist()


def test_what_is_asked_for_is_not_changed():
    places = np.arange(100)
    Permutation(100, 0)(places)
    assert np.array_equal(places, np.arange(100))


def test_numbers_beyond_any_array_are_mixed():
    permutation = Permutation(2**40 - 3, 1)
    places = np.asarray([0, 1, 2**40 - 4])
    numbers = permutation(places)
    assert len(set(numbers.tolist())) == 3
    assert (numbers < 2**40 - 3).all()
    assert permutation.places(numbers).tolist() == places.tolist()


def test_seeds_give_orders_that_have_nothing_in_common():
    """Of 10,000 numbers one is expected at its place by chance; 10: once in 10^7."""
    for seed in range(8):
        assert (order(10_000, seed) == order(10_000, seed + 1)).sum() < 10


@pytest.mark.parametrize("size", [1000, 4096, 100_003])
@pytest.mark.parametrize("seed", range(4))
def test_order_looks_random(size, seed):
    """Bounds of six standard deviations of what a fair shuffle gives."""
    numbers = order(size, seed)
    places = np.arange(size)
    # Mean distance from its place: a third of the size, deviation .21 of it each.
    moved = np.abs(numbers - places).mean() / size
    assert abs(moved - 1 / 3) < 6 * 0.24 / size**0.5
    assert (numbers == places).sum() < 12
    # Neighbours: correlation 0, and next to each other by chance twice.
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 6 / size**0.5
    assert (np.abs(np.diff(numbers)) == 1).sum() < 16
    # Every stretch of the order draws evenly from all parts of the text.
    table = np.histogram2d(places, numbers, bins=8)[0]
    expected = size / 64
    chi_square = ((table - expected) ** 2 / expected).sum()
    # 49 degrees of freedom: mean 49, deviation 10.
    assert chi_square < 49 + 60


def test_all_orders_of_three_are_drawn():
    found = {tuple(order(3, seed).tolist()) for seed in range(200)}
    assert len(found) == 6
