"""A whole comparison with runners that need no framework: folder, resume, results."""

import dataclasses

import pytest

from compare import comparison
from compare.presets import PRESETS
from compare.report import check_results, short_table
from compare.runners.facts import runners_of
from compare.settings import CompareConfig, QualityConfig, Timing
from tfsent.config import ModelConfig

PLANTED = runners_of("tests.compare.runners.planted")
CONFIG = CompareConfig(
    out="unused",
    cells="train-lstm-h4-b2-t8,train-mlstm-h4-b2-t8,train-lstm-h100000-b2-t8",
    timing=Timing(passes=2, rounds=2, fill_s=0.01, limit_s=20),
    parity=False,
    measure_quality=False,
)


@pytest.fixture
def planted(monkeypatch):
    found = {name: PLANTED[name] for name in ("fine", "other", "refuse", "away")}
    monkeypatch.setattr(comparison, "find_runners", lambda: found)


def compared(folder, config=CONFIG, tell=lambda line: None):
    comparison.claim_folder(config, folder)
    return comparison.compare(config, folder, "the command", tell)


def test_results_hold_every_cell_and_every_runner(planted, tmp_path):
    found = compared(tmp_path / "a")
    small, other, large = found["speed"]
    status = {name: each["status"] for name, each in small["runners"].items()}
    assert status == {
        "fine": "ok",
        "other": "invalid",
        "refuse": "failed",
        "away": "absent",
    }
    assert small["skipped"] is None
    assert small["reference"] == "fine"
    assert small["bytes"] == 16
    assert other["skipped"] == "no runner that is here computes it"
    assert "GiB at once" in large["skipped"]
    assert found["runners"]["fine"]["start_s"]["n"] == 1
    assert found["notes"] == [
        "Runner away is absent: its environment .venv-that-is-not-there is missing; "
        "make nothing makes it."
    ]
    assert found["settings"]["timing"]["passes"] == 2
    check_results(found)
    lines = short_table(found).splitlines()
    assert [line.split()[0] for line in lines if "absent" in line] == ["away"]
    assert any("fine" in line and "1.00 [1.00-1.00]" in line for line in lines)
    assert sum("skipped, " in line for line in lines) == 2


def test_where_a_gpu_is_asked_for_runners_without_one_are_absent(planted, tmp_path):
    config = dataclasses.replace(CONFIG, runners="fine,away", gpu=True)
    found = compared(tmp_path / "a", config)
    assert found["runners"]["fine"]["absent"] == "it finds no GPU"
    assert "make nothing" in found["runners"]["away"]["absent"]
    assert {cell["skipped"] for cell in found["speed"]} == {
        "no runner that is here computes it"
    }
    assert found["speed"][0]["runners"]["fine"]["status"] == "absent"
    check_results(found)


def test_a_stopped_comparison_goes_on(planted, tmp_path):
    first = compared(tmp_path / "a")
    said = []
    again = compared(tmp_path / "a", tell=said.append)
    assert said == []
    assert again["speed"] == first["speed"]


def test_other_settings_need_another_folder(planted, tmp_path):
    comparison.claim_folder(CONFIG, tmp_path / "a")
    more = dataclasses.replace(CONFIG, timing=Timing(passes=3), json=True)
    with pytest.raises(ValueError, match=r"other settings \(timing\); .*--fresh"):
        comparison.claim_folder(more, tmp_path / "a")
    comparison.claim_folder(dataclasses.replace(CONFIG, json=True), tmp_path / "a")


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds no comparison"):
        comparison.claim_folder(CONFIG, tmp_path)


def test_unknown_runners_are_refused(planted):
    config = dataclasses.replace(CONFIG, runners="fine,swift")
    with pytest.raises(ValueError, match="'swift'; fine, other, refuse, away will do"):
        comparison.chosen_runners(config)
    config = dataclasses.replace(CONFIG, runners="other, fine")
    assert list(comparison.chosen_runners(config)) == ["other", "fine"]


def test_this_project_is_what_others_are_held_against():
    assert next(iter(comparison.chosen_runners(CONFIG))) == "keras-tensorflow"


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_settings(preset):
    config = PRESETS[preset]()
    assert len(config.quality.seed_list()) >= 2
    assert config.quality.run(1).seed == 1


def test_bad_settings_are_refused():
    for wrong in ({"seeds": "1,1"}, {"seeds": "a"}, {"seeds": ""}, {"steps": 0}):
        with pytest.raises(ValueError, match="^quality"):
            QualityConfig(**wrong)
    with pytest.raises(ValueError, match=r"^quality.feature is 'cell-mean', but gru"):
        QualityConfig(model=ModelConfig(cell="gru"))
    QualityConfig(model=ModelConfig(cell="gru"), transfers="")
    with pytest.raises(ValueError, match="timing.fill_s"):
        Timing(fill_s=0)
    sources = QualityConfig(transfers="sst, builtin:val/builtin:test").transfer_list()
    assert sources == {"sst": ("sst", None), "builtin": ("builtin:val", "builtin:test")}
