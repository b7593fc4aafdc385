"""Rounds of runners: what goes wrong in one leaves the others; nothing is lost."""

import contextlib
import json

import pytest

from compare import rounds
from compare.cell_figures import cell_figures
from compare.cells import GridCell
from compare.rounds import ABSENT, FAILED, INVALID, OK, Pool, measure_cell
from compare.runners.facts import runners_of
from compare.runners.process import RunnerError, RunnerProcess
from compare.settings import Timing

PLANTED = runners_of("tests.compare.runners.planted")
CELL = GridCell(cell="lstm", weight_norm=False, hidden_size=4, batch_size=2, window=8)
TIMING = Timing(passes=2, rounds=3, fill_s=0.01, limit_s=20)


def measured(names, timing=TIMING):
    with contextlib.closing(Pool(PLANTED, timing.limit_s)) as pool:
        return measure_cell(CELL, names, pool, timing, 0)["runners"]


def test_a_runner_that_fails_leaves_the_others_their_figures():
    names = ("fine", "refuse", "crash", "no-start", "other", "talk")
    found = measured(names)
    status = {name: found[name]["status"] for name in names}
    assert status == {
        "fine": OK,
        "refuse": FAILED,
        "crash": FAILED,
        "no-start": FAILED,
        "other": INVALID,
        "talk": OK,
    }
    assert found["refuse"]["reason"] == "refuse: ValueError: no such model."
    assert found["no-start"]["reason"] == "no-start: RuntimeError: no device."
    assert found["crash"]["reason"] == "crash: its process was left with code 9."
    assert found["crash"]["stderr"].endswith("last words")
    assert [len(found[n]["turns"]) for n in ("fine", "talk", "other")] == [3, 3, 0]
    assert found["fine"]["peak_resident_bytes"] > 1e6
    assert found["fine"]["gap"]["value"] == 0


def test_other_work_is_named_and_not_timed():
    found = measured(("fine", "other"))["other"]
    assert found["reason"].startswith("not the same work: logits differs by ")
    assert found["gap"]["value"] > found["gap"]["tolerance"] == 1e-5


def test_a_runner_that_hangs_is_killed_after_its_time():
    timing = Timing(passes=1, rounds=2, fill_s=0.01, limit_s=5)
    found = measured(("hang", "fine"), timing)
    assert found["hang"]["status"] == FAILED
    assert found["hang"]["reason"] == "hang: no answer to turn within 5 s; killed."
    assert found["fine"]["status"] == OK
    assert len(found["fine"]["turns"]) == 2


def test_rounds_start_with_another_runner_and_the_first_pass_proves_all(monkeypatch):
    monkeypatch.setattr(rounds, "available_cores", lambda: 2)
    asked, thorough = [], set()

    class Fake:
        def __init__(self, name):
            self.name = name

        def ask(self, do, **arguments):
            if do == "set_up":
                thorough.add(arguments["thorough"])
                rounds.np.savez(arguments["answers"], logits=[1.0])
                return {"call_s": 0.002, "first_s": 0.5}
            if do == "turn":
                asked.append(self.name)
            return {} if do == "tear_down" else 1.0

    pool = {name: Fake(name) for name in "abc"}
    found = measure_cell(CELL, "abc", pool, TIMING, 0)["runners"]
    assert "".join(asked) == "abcbcacab"
    assert thorough == {True}
    assert found["a"]["first_s"] == 0.5
    asked.clear()
    thorough.clear()
    found = measure_cell(CELL, "abc", pool, TIMING, 1)["runners"]
    # Each is timed once more before the rounds: set-ups were side by side.
    assert "".join(asked) == "abc" + "bcacababc"
    assert thorough == {False}
    assert "first_s" not in found["a"]


def test_what_was_measured_is_not_measured_again(tmp_path, monkeypatch):
    runners = {name: PLANTED[name] for name in ("fine", "talk")}
    rounds.measure_passes([CELL], runners, TIMING, tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(files) == {f"{CELL.key}.0.json", f"{CELL.key}.1.json", "runners.json"}
    (tmp_path / f"{CELL.key}.1.json").unlink()
    said = []
    rounds.measure_passes([CELL], runners, TIMING, tmp_path, said.append)
    assert said == [f"pass 2 of 2: {CELL.key}"]
    assert (tmp_path / f"{CELL.key}.0.json").read_bytes() == files[f"{CELL.key}.0.json"]
    starts = json.loads((tmp_path / "runners.json").read_text())
    assert len(starts["fine"]["start_s"]) == 1
    assert starts["fine"]["versions"]["numpy"]


def test_figures_of_all_passes_are_joined(tmp_path):
    names = ("fine", "other", "away")
    runners = {name: PLANTED[name] for name in names}
    present = {name: runners[name] for name in names[:2]}
    rounds.measure_passes([CELL], present, TIMING, tmp_path)
    found = rounds.read_passes(CELL, TIMING.passes, tmp_path)
    absent = {name: runners[name].facts.absent() for name in names}
    figures = cell_figures(CELL, runners, absent, None, found)
    assert figures["reference"] == "fine"
    status = {name: figures["runners"][name]["status"] for name in names}
    assert status == {"fine": OK, "other": INVALID, "away": ABSENT}
    assert "make nothing makes it" in figures["runners"]["away"]["reason"]
    fine = figures["runners"]["fine"]
    assert fine["seconds"]["n"] == 6
    assert fine["first_s"]["n"] == 1
    assert fine["times_reference"]["median"] == 1
    assert figures["runners"]["other"]["seconds"] is None


def test_a_process_that_has_ended_is_told():
    process = RunnerProcess(PLANTED["fine"], 20)
    process.close()
    with pytest.raises(RunnerError, match="fine: its process was"):
        process.ask("gauge", fill_s=0.1)
    process.close()
