"""The hash that places samples in splits."""

from collections import Counter

from tfsent.data.placement import place


def test_shares_are_kept_within_chance():
    counts = Counter(place(index, 0, (90, 5, 5)) for index in range(20_000))
    # Five standard deviations of a binomial count of 1,000.
    assert abs(counts["val"] - 1000) < 155
    assert abs(counts["test"] - 1000) < 155


def test_split_without_a_share_gets_nothing():
    assert {place(index, 3, (1, 0, 1)) for index in range(200)} == {"train", "test"}


def test_seed_changes_the_places():
    first = [place(index, 0, (1, 1, 1)) for index in range(50)]
    assert first != [place(index, 1, (1, 1, 1)) for index in range(50)]
