"""A whole study with systems that need no framework: states, figures, resume."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from compare import comparison
from compare.report import check_results, write_report
from compare.runners.facts import runners_of
from compare.settings import CompareConfig
from compare.study import measure, study
from compare.study.measure import packed, unpacked
from compare.study.settings import StudyConfig
from tests.compare.study.planted import STOP
from tfsent.config_labelled import LabelledDataConfig
from tfsent.data.corpus import reviews

PLANTED = runners_of("tests.compare.study.planted")
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Two small files of labelled texts: quicker to read than the built-in set."""
    folder = tmp_path_factory.mktemp("texts")
    every = list(reviews(300))
    for name, part in (("train", every[:240]), ("test", every[240:])):
        rows = [json.dumps({"text": r.text, "label": r.label}) for r in part]
        (folder / f"{name}.jsonl").write_text("\n".join(rows))
    return folder


@pytest.fixture
def planted(monkeypatch):
    monkeypatch.setattr(study, "find_systems", lambda: PLANTED)


def settings(texts, **changed):
    given = {
        "data": LabelledDataConfig(
            train=str(texts / "train.jsonl"), test=str(texts / "test.jsonl")
        ),
        "cells": "rnn,gru",
        "depths": "1",
        "widths": "5",
        "train_texts": 67,
        "max_words": 60,
        "lengths": "30",
        "vocabulary": 90,
        "epochs": 2,
        "batch_size": 8,
        "test_batch_size": 16,
        "turns": 3,
        "latency_words": 7,
        "latency_calls": 4,
        "threads": 1,
        "limit_s": 60,
    }
    return StudyConfig(**given | changed)


def compared(texts, folder, tell=lambda line: None, **changed):
    config = CompareConfig(
        cells="",
        parity=False,
        measure_quality=False,
        measure_study=True,
        study=settings(texts, **changed),
    )
    comparison.claim_folder(config, folder)
    return comparison.compare(config, folder, "the command", tell)


@pytest.fixture(scope="module")
def whole(texts, tmp_path_factory):
    """Folder and results of a study of all planted systems."""
    folder = tmp_path_factory.mktemp("study") / "report"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "find_systems", lambda: PLANTED)
        return folder, compared(texts, folder)


def network_of(results, key):
    return next(n for n in results["study"]["networks"] if n["key"] == key)


def test_a_study_is_a_sound_report(whole, tmp_path):
    folder, results = whole
    check_results(results)
    write_report(tmp_path, results)
    assert results["runners"] == {}
    assert results["speed"] == []
    assert [n["key"] for n in results["study"]["networks"]] == [
        "rnn-d1-w5",
        "gru-d1-w5",
    ]
    assert sorted(path.name for path in (folder / "study").iterdir()) == [
        "gru-d1-w5-s0.json",
        "rnn-d1-w5-s0.json",
    ]


def test_a_system_that_fails_or_differs_is_told_and_leaves_the_others(whole):
    systems = network_of(whole[1], "gru-d1-w5")["systems"]
    assert {name: each["status"] for name, each in systems.items()} == {
        "keras": "ok",
        "torch": "ok",
        "keras-layers": "invalid",
        "torch-layers": "failed",
    }
    assert systems["keras-layers"]["reason"].startswith(
        "not the same work: one of the first 3 losses differs by "
    )
    assert systems["torch-layers"]["reason"].endswith("was left with code 9.")
    assert systems["torch-layers"]["stderr"].endswith("last words")
    assert systems["torch-layers"]["runs"] == []
    said = [each["sentence"] for each in whole[1]["study"]["findings"]]
    begin = "Keras with its own layers, gru-d1-w5, invalid: not the same work: "
    assert any(s.startswith(begin) for s in said)
    failed = [s for s in said if "gru-d1-w5, failed" in s]
    assert len(failed) == 1
    assert failed[0].endswith("was left with code 9.")


def test_every_update_and_every_text_is_in_the_file_of_a_network(whole, texts):
    found = json.loads((whole[0] / "study/rnn-d1-w5-s0.json").read_text())
    for entry in found["systems"].values():
        counts = [sum(len(t["losses"]) for t in epoch) for epoch in entry["epochs"]]
        assert counts == [9, 9]  # 67 texts in batches of 8.
        assert entry["right"]["count"] == 60
        assert sum(len(turn["seconds"]) for turn in entry["single"]) == 3 * 4
    assert len(found["train_lengths"]) == 18
    assert {*found["train_lengths"]} <= {30, 60}
    rounds = [
        turn["round"]
        for epoch in found["systems"]["torch"]["epochs"]
        for turn in epoch
        if turn["round"] is not None
    ]
    assert rounds == [0, 1, 2, 3, 4, 5]


def test_which_texts_are_right_is_kept_in_the_order_of_the_texts(whole, texts):
    found = json.loads((whole[0] / "study/rnn-d1-w5-s0.json").read_text())
    read = study.read_texts(settings(texts))
    expected = [5 not in ids for ids in read.test]
    assert len(set(expected)) == 2
    assert unpacked(found["systems"]["keras"]["right"]).tolist() == expected


def test_accuracies_are_those_of_the_answers(whole):
    systems = network_of(whole[1], "rnn-d1-w5")["systems"]
    first, second = (systems[n]["runs"][0]["accuracy"] for n in ("keras", "torch"))
    assert 0 < second < first < 1
    pair = [
        each
        for each in whole[1]["study"]["comparisons"]
        if (each["kind"], each["key"]) == ("between frameworks", "rnn-d1-w5")
    ]
    assert pair[0]["difference"] == pytest.approx(first - second)
    assert pair[0]["only_other"] == 0
    assert pair[0]["only_one"] == round(60 * (first - second))


def test_what_was_measured_is_not_measured_again(whole, texts, planted):
    folder, results = whole
    before = {path: path.read_bytes() for path in (folder / "study").iterdir()}
    gone = folder / "study/gru-d1-w5-s0.json"
    gone.unlink()
    said = []
    again = compared(texts, folder, said.append)
    assert said == ["network 2 of 2: gru-d1-w5-s0"]
    for path, content in before.items():
        if path != gone:
            assert path.read_bytes() == content
    assert again["study"]["networks"][:1] == results["study"]["networks"][:1]


def test_other_texts_under_the_same_name_are_refused(texts, planted, tmp_path):
    config = settings(texts, cells="rnn", systems="keras", epochs=1)
    study.measure_study(config, tmp_path)
    moved = tmp_path / "moved.jsonl"
    lines = (texts / "train.jsonl").read_text().splitlines()
    moved.write_text("\n".join(lines[20:]))
    data = dataclasses.replace(config.data, train=str(moved))
    other = dataclasses.replace(config, data=data)
    with pytest.raises(ValueError, match="was measured on other texts than those that"):
        study.measure_study(other, tmp_path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("refuse", "refuse: ValueError: no such network."),
        ("nan", "nan: the loss is not finite."),
    ],
)
def test_a_reason_is_given(texts, name, reason):
    config = settings(texts, epochs=1)
    inputs = measure.Inputs(study.read_texts(config), config)
    network = config.networks()[0]
    systems = {"torch": PLANTED["torch"], name: PLANTED[name]}
    found = measure.measure_network(network, systems, inputs, config)["systems"]
    inputs.close()
    assert found["torch"]["status"] == "ok"
    assert (found[name]["status"], found[name]["reason"]) == ("failed", reason)


def test_systems_take_turns_that_begin_with_another_one(texts, monkeypatch):
    asked = []

    class Fake:
        start_s = 1.0

        def __init__(self, found, *_):
            self.name = found.facts.name[0]
            self.facts = {"import_s": 0.5}

        def ask(self, do, **given):
            if do == "start":
                return {"build_s": 0.1, "first_s": 0.1, "loss": 1.0}
            if do == "finish":
                return {}
            if given.get("first") != 1:
                asked.append(self.name)
            if do == "single":
                return [0.1] * given["calls"]
            count = given["last"] - given["first"]
            return {
                "seconds": [0.1] * count,
                "losses": [1.0] * count,
                "said": [[0] * 16] * count,
            }

        def hang_up(self):
            pass

        close = hang_up

    monkeypatch.setattr(measure, "RunnerProcess", Fake)
    config = settings(texts, epochs=1, turns=2)
    inputs = measure.Inputs(study.read_texts(config), config)
    systems = {name: PLANTED[name] for name in ("keras", "torch", "nan")}
    measure.measure_network(config.networks()[0], systems, inputs, config)
    inputs.close()
    # Two turns of training, of test batches, of calls with one text.
    assert "".join(asked) == "ktn" + "tnk" + "nkt" + "ktn" + "tnk" + "nkt"


def test_answers_are_kept_bit_for_bit():
    right = np.random.default_rng(0).random(61) < 0.5
    assert (unpacked(json.loads(json.dumps(packed(right)))) == right).all()


CODE = """
import json, sys
from compare import comparison
from compare.study import study
from tests.compare.study import test_study
study.find_systems = lambda: test_study.PLANTED
texts, folder = map(test_study.Path, sys.argv[1:])
more = {"systems": "keras,torch"}
found = test_study.compared(texts, folder, lambda line: print(line, flush=True), **more)
print(json.dumps([n["key"] for n in found["study"]["networks"]]))
"""


def test_a_study_killed_in_a_network_goes_on_with_it(texts, tmp_path):
    folder, stop = tmp_path / "report", tmp_path / "stop"
    words = [sys.executable, "-c", CODE, str(texts), str(folder)]
    given = {"cwd": ROOT, "text": True, "stdout": subprocess.PIPE}
    environment = os.environ | {STOP: str(stop)}
    process = subprocess.Popen(words, env=environment, **given)
    first = folder / "study/rnn-d1-w5-s0.json"
    while process.poll() is None and not first.exists():
        time.sleep(0.01)
    stop.touch()  # The second network cannot end.
    assert process.stdout.readline() == "network 1 of 2: rnn-d1-w5-s0\n"
    assert process.stdout.readline() == "network 2 of 2: gru-d1-w5-s0\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    stop.unlink()
    assert [path.name for path in (folder / "study").iterdir()] == [first.name]
    before = first.read_bytes()
    done = subprocess.run(words, check=True, **given)
    said = done.stdout.splitlines()
    assert said[0] == "network 2 of 2: gru-d1-w5-s0"
    assert json.loads(said[1]) == ["rnn-d1-w5", "gru-d1-w5"]
    assert first.read_bytes() == before
