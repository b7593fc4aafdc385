"""Labelled sources: which texts are what, and what their labels mean."""

import dataclasses

import numpy as np
import pytest

from tests.transfer.planted import write_reviews
from tfsent.config_labelled import LabelledDataConfig
from tfsent.data.named_sets import EMOTIONS
from tfsent.transfer.labelled import (
    LabelledTexts,
    label_names,
    read_labels,
    read_splits,
)


def texts(labels, name="train.csv"):
    labels = np.asarray(labels, float).reshape(len(labels), -1)
    return LabelledTexts(name, ["text"] * len(labels), labels)


def write_sst(root):
    folder = root / "binary_sst"
    folder.mkdir()
    for count, split in enumerate(("train", "val", "test"), 5):
        rows = [f"{row % 2},sentence {row} of {split}" for row in range(count)]
        (folder / f"{split}.csv").write_text("\n".join(["label,sentence", *rows]))
    return str(root)


def write_emotions(root):
    folder = root / "semeval2018"
    folder.mkdir()
    for split in ("train", "val"):
        rows = [f"{n},id,tweet {n}," + ",".join("01"[n % 2] * 11) for n in range(4)]
        header = ",ID,Tweet," + ",".join(EMOTIONS)
        (folder / f"{split}.csv").write_text("\n".join([header, *rows]))
    (folder / "test.csv").write_text(",ID,Tweet\n0,id,a tweet\n")
    return str(root)


def test_a_bare_name_brings_its_own_splits(tmp_path):
    config = LabelledDataConfig(train="sst", root=write_sst(tmp_path))
    splits = read_splits(config)
    found = [(each.name, len(each.texts)) for each in splits[:3]]
    assert found == [("sst:train", 5), ("sst:val", 6), ("sst:test", 7)]
    assert splits.train.texts[1] == "sentence 1 of train"
    assert splits.train.labels.tolist() == [[0.0], [1.0], [0.0], [1.0], [0.0]]
    assert splits.notes == ()


def test_a_chosen_split_brings_no_other(tmp_path):
    config = LabelledDataConfig(train="sst:train", root=write_sst(tmp_path))
    splits = read_splits(config)
    assert (splits.val, splits.test) == (None, None)


def test_no_more_texts_than_asked_for_the_same_ones_every_time(tmp_path):
    root = write_sst(tmp_path)
    every = read_splits(LabelledDataConfig(train="sst", root=root))
    config = LabelledDataConfig(train="sst", root=root, max_texts=6)
    splits = read_splits(config)
    assert [len(each.texts) for each in splits[:3]] == [5, 6, 6]
    assert splits.notes == ("6 of 7 texts of sst:test are read.",)
    places = [every.test.texts.index(text) for text in splits.test.texts]
    assert places == sorted(set(places))
    assert splits.test.labels.tolist() == every.test.labels[places].tolist()
    assert read_splits(config).test.texts == splits.test.texts


def test_few_training_texts_leave_the_other_splits_whole(tmp_path):
    root = write_sst(tmp_path)
    config = LabelledDataConfig(train="sst", root=root, train_texts=3)
    splits = read_splits(config)
    assert [len(each.texts) for each in splits[:3]] == [3, 6, 7]
    assert splits.notes == ("3 of 5 texts of sst:train are trained on.",)
    every = read_splits(LabelledDataConfig(train="sst", root=root)).train
    places = [every.texts.index(text) for text in splits.train.texts]
    assert splits.train.labels.tolist() == every.labels[places].tolist()
    draws = {
        tuple(read_splits(dataclasses.replace(config, draw=k)).train.texts)
        for k in range(6)
    }
    assert len(draws) > 1


def test_folds_test_each_training_text_once_and_never_one_trained_on(tmp_path):
    root = write_sst(tmp_path)
    tested = []
    for number in (1, 2):
        splits = read_splits(
            LabelledDataConfig(train="sst", root=root, fold=(number, 2))
        )
        assert not set(splits.train.texts) & set(splits.test.texts)
        assert [len(splits.train.texts), len(splits.test.texts)] == (
            [2, 3] if number == 1 else [3, 2]
        )
        assert len(splits.val.texts) == 6
        tested += splits.test.texts
    every = read_splits(LabelledDataConfig(train="sst", root=root)).train
    assert sorted(tested) == sorted(every.texts)


def test_texts_are_drawn_of_those_that_a_fold_leaves(tmp_path):
    root = write_sst(tmp_path)
    config = LabelledDataConfig(train="sst", root=root, fold=(1, 2), train_texts=2)
    splits = read_splits(config)
    assert len(splits.train.texts) == 2
    assert not set(splits.train.texts) & set(splits.test.texts)


def test_more_folds_than_texts_are_refused(tmp_path):
    config = LabelledDataConfig(train="sst", root=write_sst(tmp_path), fold=(1, 3))
    with pytest.raises(ValueError, match="fewer folds will do"):
        read_splits(config)


@pytest.mark.parametrize("fold", [(0, 5), (6, 5), (1, 1)])
def test_a_fold_that_is_none_is_refused(fold):
    with pytest.raises(ValueError, match="data.fold is"):
        LabelledDataConfig(train="sst", fold=fold)


def test_given_sources_replace_those_of_the_set(tmp_path):
    own = write_reviews(tmp_path / "own.csv", 9, seed=1)
    config = LabelledDataConfig(train=str(own), test="sst", root=write_sst(tmp_path))
    splits = read_splits(config)
    assert splits.val is None
    assert (splits.test.name, len(splits.test.texts)) == ("sst:test", 7)


def test_a_folder_of_splits_is_like_a_named_set(tmp_path):
    for count, split in enumerate(("train", "dev", "test"), 4):
        write_reviews(tmp_path / f"{split}.csv", count, seed=count)
    splits = read_splits(LabelledDataConfig(train=str(tmp_path)))
    assert [len(each.texts) for each in splits[:3]] == [4, 5, 6]


def test_a_test_without_labels_gives_way_to_the_validation_texts(tmp_path):
    config = LabelledDataConfig(train="semeval2018", root=write_emotions(tmp_path))
    splits = read_splits(config)
    assert splits.val is None
    assert splits.test.name == "semeval2018:val"
    assert "semeval2018:test has no labels" in splits.notes[0]
    assert "semeval2018:val" in splits.notes[1]
    names = label_names(config, splits.train.labels.shape[1])
    labels = read_labels(splits.train, names)
    assert (labels.kind, labels.classes) == ("multilabel", EMOTIONS)


def test_a_test_without_labels_is_refused_where_it_was_asked_for(tmp_path):
    root = write_emotions(tmp_path)
    config = LabelledDataConfig(train="semeval2018", test="semeval2018", root=root)
    with pytest.raises(ValueError, match=r"data.label_key 'anger'.*test.csv"):
        read_splits(config)


def test_two_values_are_two_classes_by_name_or_value():
    labels = read_labels(texts([1, 0, 1]), ("label",))
    assert (labels.kind, labels.classes) == ("binary", ("negative", "positive"))
    assert labels.encode(texts([0, 1]), "data.test").tolist() == [0, 1]
    labels = read_labels(texts([5, -1, 5]), ("label",))
    assert (labels.kind, labels.classes) == ("binary", ("-1", "5"))
    assert labels.outputs(labels.encode(texts([5, -1]), "")).tolist() == [[1], [0]]


def test_few_whole_numbers_are_classes_and_a_threshold_is_pointed_at():
    labels = read_labels(texts([1, 2, 5, 2]), ("label",))
    assert (labels.kind, labels.classes) == ("multiclass", ("1", "2", "5"))
    assert "--data.label-threshold" in labels.notes[0]
    encoded = labels.encode(texts([5, 1]), "data.val")
    assert encoded.tolist() == [2, 0]
    assert labels.outputs(encoded).tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("values", [[0.5, 1.0, 2.0], list(range(21))])
def test_numbers_that_are_no_classes_are_refused_and_a_threshold_suggested(values):
    with pytest.raises(ValueError, match="--data.label-threshold"):
        read_labels(texts(values), ("label",))
    read_labels(texts([1, 2, 3] * 7), ("label",))


def test_one_class_alone_is_refused():
    with pytest.raises(ValueError, match=r"train.csv.* has the label 1; at least two"):
        read_labels(texts([1, 1, 1]), ("label",))


def test_a_label_that_was_not_trained_is_refused():
    labels = read_labels(texts([0, 1]), ("label",))
    with pytest.raises(ValueError, match=r"data.test \(t.csv\) has the label 2, which"):
        labels.encode(texts([0, 2, 1], "t.csv"), "data.test")


def test_several_labels_are_zero_or_one_and_not_always_the_same():
    names = ("anger", "joy")
    labels = read_labels(texts([[0, 1], [1, 0]]), names)
    assert labels.encode(texts([[1, 1]]), "data.test").tolist() == [[1, 1]]
    with pytest.raises(ValueError, match=r"data.test .*'joy' is 2"):
        labels.encode(texts([[1, 2]]), "data.test")
    with pytest.raises(ValueError, match=r"data.train .*'anger' is 3"):
        read_labels(texts([[3, 1], [1, 0]]), names)
    with pytest.raises(ValueError, match="'joy' is 1 in every text"):
        read_labels(texts([[0, 1], [1, 1]]), names)


def test_label_keys_name_the_labels():
    config = LabelledDataConfig(train="x.csv", label_key="good, long")
    assert label_names(config, 2) == ("good", "long")


@pytest.mark.parametrize(
    ("value", "words"), [("nan", "finite number"), ("", "finite number")]
)
def test_a_label_that_is_no_number_is_refused(tmp_path, value, words):
    path = tmp_path / "rows.csv"
    path.write_text(f"text,label\ngood,1\nbad,{value}\n")
    with pytest.raises(ValueError, match=f"line 3.*{words}"):
        read_splits(LabelledDataConfig(train=str(path)))
