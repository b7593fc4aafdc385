"""Draws and folds of labelled texts."""

import numpy as np
import pytest

from tfsent.transfer.parts import draw, fold

LABELS = np.repeat([0.0, 1.0, 2.0], [40, 13, 7])[
    np.random.default_rng(5).permutation(60)
]


def counts(labels):
    return [int((labels == label).sum()) for label in (0.0, 1.0, 2.0)]


@pytest.mark.parametrize("number", [0, 1, 7])
def test_a_draw_holds_each_label_with_its_share(number):
    rows = draw(LABELS[:, None], 20, number)
    assert rows.tolist() == sorted(set(rows.tolist()))
    for found, share in zip(counts(LABELS[rows]), (40 / 3, 13 / 3, 7 / 3), strict=True):
        assert abs(found - share) < 1


def test_draws_of_other_numbers_hold_other_texts_and_the_same_number_the_same():
    first, again, other = (draw(LABELS[:, None], 20, k).tolist() for k in (0, 0, 1))
    assert first == again
    assert len(set(first) & set(other)) < 15


def test_no_more_are_drawn_than_there_are():
    assert draw(LABELS[:, None], 61, 0).tolist() == list(range(60))


def test_each_text_is_in_one_fold_and_each_fold_has_its_share_of_each_label():
    masks = [fold(LABELS[:, None], k, 4) for k in (1, 2, 3, 4)]
    assert np.sum(masks, axis=0).tolist() == [1] * 60
    for mask in masks:
        assert mask.sum() == 15
        for found, share in zip(counts(LABELS[mask]), (10, 13 / 4, 7 / 4), strict=True):
            assert abs(found - share) < 1


def test_another_seed_cuts_other_folds():
    first, other = (fold(LABELS[:, None], 1, 4, seed) for seed in (0, 1))
    assert (first != other).any()


def test_numbers_without_end_and_several_labels_are_drawn_at_random():
    values = np.arange(50.0)[:, None]
    rows = draw(values, 10, 0)
    assert len(set(rows.tolist())) == 10
    assert len(set(np.diff(rows))) > 1
    several = np.stack([LABELS, LABELS == 1], axis=1)
    assert fold(several, 2, 3).sum() == 20
