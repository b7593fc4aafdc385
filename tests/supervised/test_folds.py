"""Cross-validation over runs that are made up."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tfsent.checkpoint import atomic
from tfsent.config_labelled import LabelledDataConfig
from tfsent.config_supervised import FinetuneConfig
from tfsent.supervised.folds import cross_validate
from tfsent.transfer.scores import bootstrap_interval


class Runs:
    """Answers as a run does, with a given test for each fold, and notes what it got."""

    def __init__(self, tests):
        self.tests, self.asked = tests, []

    def __call__(self, config):
        self.asked.append(config)
        test = self.tests[config.data.fold[0] - 1]
        text = json.dumps({"test": test}).encode()
        folder = Path(config.out)
        atomic.make_folder(folder)
        atomic.replace_file(folder / "metrics.json", [text])
        number = config.data.fold[0]
        return {
            "system": "linear",
            "framework": "scikit-learn",
            "seconds": 1.5 * number,
            "wall_seconds": 2.0,
            "parameters": 10 + number,
            "peak_memory_bytes": 100 - number,
        }


def config_for(out, **settings):
    data = LabelledDataConfig(train="builtin")
    return FinetuneConfig(system="linear", data=data, out=str(out), **settings)


def test_accuracy_is_over_all_texts_however_unequal_the_folds(tmp_path):
    tests = [
        {"texts": 30, "accuracy": 0.9, "confusion": [[15, 1], [2, 12]], "mcc": 0.8},
        {"texts": 10, "accuracy": 0.5, "confusion": [[3, 2], [3, 2]], "mcc": 0.0},
    ]
    runs = Runs(tests)
    result = cross_validate(config_for(tmp_path, folds=2), runs, lambda line: None)
    assert result["test_accuracy"] == pytest.approx(32 / 40)
    assert result["interval"] == list(bootstrap_interval(np.arange(40) < 32, 0))
    assert result["test_mcc"] == pytest.approx(0.6)
    assert result["fold_accuracies"] == [0.9, 0.5]
    assert (result["seconds"], result["parameters"]) == (4.5, 12)
    assert result["peak_memory_bytes"] == 99
    kept = json.loads((tmp_path / "metrics.json").read_bytes())
    assert kept["result"] == result
    assert kept["folds"] == tests


def test_each_fold_is_a_run_of_its_own(tmp_path):
    runs = Runs([{"texts": 4, "accuracy": 1.0}] * 3)
    cross_validate(config_for(tmp_path, folds=3), runs, lambda line: None)
    assert [one.data.fold for one in runs.asked] == [(1, 3), (2, 3), (3, 3)]
    assert len({one.out for one in runs.asked}) == 3
    assert {one.folds for one in runs.asked} == {0}


def test_errors_of_numbers_are_joined_as_squares(tmp_path):
    tests = [{"texts": 1, "rmse": 1.0}, {"texts": 3, "rmse": 3.0}]
    result = cross_validate(
        config_for(tmp_path, folds=2), Runs(tests), lambda line: None
    )
    assert result["test_rmse"] == pytest.approx(7.0**0.5)


def test_a_folder_of_other_settings_is_refused(tmp_path):
    tests = [{"texts": 4, "accuracy": 1.0}] * 3
    cross_validate(config_for(tmp_path, folds=2), Runs(tests), lambda line: None)
    other = config_for(tmp_path, folds=3)
    with pytest.raises(ValueError, match="folds is 3"):
        cross_validate(other, Runs(tests), lambda line: None)
    fresh = dataclasses.replace(other, fresh=True)
    result = cross_validate(fresh, Runs(tests), lambda line: None)
    assert result["folds"] == 3


@pytest.mark.parametrize("folds", [1, -2])
def test_one_fold_is_none(folds):
    with pytest.raises(ValueError, match="folds is"):
        FinetuneConfig(folds=folds)


def test_folds_and_test_texts_exclude_each_other():
    data = LabelledDataConfig(train="builtin", test="builtin:test")
    with pytest.raises(ValueError, match="Give one"):
        FinetuneConfig(data=data, folds=3)
