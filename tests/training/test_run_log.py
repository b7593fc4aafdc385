import errno
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfsent.training.run_log import RunLog, truncate_after

CONFIG = {"model": {"hidden_size": 7}, "seed": 0}
VERSIONS = {"python": "3", "numpy": "2"}


def open_log(run, first_step=0, tensorboard=False, progress_bar=False, **more):
    return RunLog(
        run,
        CONFIG,
        versions=VERSIONS,
        tensorboard=tensorboard,
        progress_bar=progress_bar,
        total_steps=100,
        first_step=first_step,
        **more,
    )


def point(log, step, bpc=2.0):
    log.train(
        step,
        bpc=bpc,
        loss_scale=32768.0,
        learning_rate=5e-4,
        bytes_per_s=1e6,
        bytes_seen=step * 100,
        wall_s=step / 10,
    )


def lines(run):
    return [
        json.loads(line)
        for line in (run / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
    ]


def test_first_line_is_the_configuration_and_then_one_line_a_point(tmp_path):
    with open_log(tmp_path / "run") as log:
        point(log, 10)
        log.val(10, bpc=1.5, bytes=1000)
    assert lines(tmp_path / "run") == [
        {"type": "config", "first_step": 0, "config": CONFIG, "versions": VERSIONS},
        {
            "type": "train",
            "step": 10,
            "bpc": 2.0,
            "loss_scale": 32768.0,
            "learning_rate": 5e-4,
            "bytes_per_s": 1e6,
            "bytes_seen": 1000,
            "wall_s": 1.0,
        },
        {"type": "val", "step": 10, "bpc": 1.5, "bytes": 1000},
    ]


def test_line_is_on_disk_as_soon_as_it_is_logged(tmp_path):
    with open_log(tmp_path) as log:
        point(log, 10)
        assert len(lines(tmp_path)) == 2


def test_resumed_log_has_each_step_once_and_a_configuration_each_start(tmp_path):
    with open_log(tmp_path) as log:
        for step in range(10, 60, 10):
            point(log, step)
            log.val(step, bpc=1.0)
    with open_log(tmp_path, first_step=30) as log:
        for step in range(40, 80, 10):
            point(log, step)
            log.val(step, bpc=1.0)
    found = lines(tmp_path)
    for kind in ("train", "val"):
        steps = [line["step"] for line in found if line["type"] == kind]
        assert steps == list(range(10, 80, 10))
    starts = [line["first_step"] for line in found if line["type"] == "config"]
    assert starts == [0, 30]


def test_truncation_leaves_what_comes_before_byte_for_byte(tmp_path):
    with open_log(tmp_path) as log:
        for step in (10, 20, 30):
            point(log, step)
    path = tmp_path / "metrics.jsonl"
    before = path.read_bytes()
    truncate_after(tmp_path, 30)
    assert path.read_bytes() == before
    truncate_after(tmp_path, 25)
    assert path.read_bytes() == b"".join(before.splitlines(keepends=True)[:3])
    truncate_after(tmp_path / "nowhere", 1)


def test_torn_last_line_is_repaired_at_the_next_start(tmp_path):
    with open_log(tmp_path) as log:
        point(log, 10)
        point(log, 20)
    path = tmp_path / "metrics.jsonl"
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for length in range(start + 1, len(whole)):
        path.write_bytes(whole[:length])
        with open_log(tmp_path, first_step=20) as log:
            point(log, 30)
        steps = [line.get("step") for line in lines(tmp_path)]
        assert steps == [None, 10, None, 30]


def test_line_that_cannot_be_read_stops_nothing(tmp_path):
    path = tmp_path / "metrics.jsonl"
    strange = b'\xff\0\n[1]\n{"step": "x"}\n' + b"[" * 10**5 + b"\n"
    path.write_bytes(strange)
    truncate_after(tmp_path, 5)
    assert path.read_bytes() == strange


def test_numpy_numbers_are_logged_and_what_is_no_number_becomes_null(tmp_path):
    with open_log(tmp_path, tensorboard=True) as log:
        point(log, np.int64(10), bpc=np.float32(0.5))
        point(log, 20, bpc=np.float32("nan"))
        point(log, 30, bpc=float("inf"))
    assert [line.get("bpc") for line in lines(tmp_path)[1:]] == [0.5, None, None]


def events(run):
    accumulator = EventAccumulator(str(run / "tensorboard"))
    accumulator.Reload()
    return accumulator


def test_tensorboard_shows_the_same_names_and_values(tmp_path):
    with open_log(tmp_path, tensorboard=True) as log:
        point(log, 10, bpc=2.5)
        log.val(10, bpc=1.5)
    found = events(tmp_path)
    figures = ["bpc", "loss_scale", "learning_rate", "bytes_per_s", "bytes_seen"]
    names = [f"train/{name}" for name in [*figures, "wall_s"]] + ["val/bpc"]
    assert sorted(found.Tags()["scalars"]) == sorted(names)
    assert [(e.step, e.value) for e in found.Scalars("train/bpc")] == [(10, 2.5)]
    assert [(e.step, e.value) for e in found.Scalars("val/bpc")] == [(10, 1.5)]


def test_tensorboard_of_a_resumed_run_shows_each_step_once(tmp_path):
    with open_log(tmp_path, tensorboard=True) as log:
        for step in (10, 20, 30):
            point(log, step, bpc=step)
    with open_log(tmp_path, first_step=20, tensorboard=True) as log:
        for step in (30, 40):
            point(log, step, bpc=step + 1)
    scalars = events(tmp_path).Scalars("train/bpc")
    assert [(e.step, e.value) for e in scalars] == [
        (10, 10),
        (20, 20),
        (30, 31),
        (40, 41),
    ]


def test_no_tensorboard_file_unless_asked_for(tmp_path):
    with open_log(tmp_path):
        pass
    assert os.listdir(tmp_path) == ["metrics.jsonl"]


def test_full_disk_is_an_error_that_names_the_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_log(tmp_path) as log:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left.*metrics.jsonl"):
            point(log, 10)
        monkeypatch.undo()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_bar_on_a_terminal_tells_bpc_speed_rate_scale_and_time_left(tmp_path):
    stream = Terminal()
    with open_log(tmp_path, progress_bar=True, stream=stream, first_step=5) as log:
        point(log, 10)
        log.val(10, bpc=1.5)
    told = stream.getvalue()
    for part in ("10/100", "<", "bpc 2.0000", "1,000,000 bytes/s", "0.0005", "32768"):
        assert part in told
    assert "step 10/100, validation bpc 1.5000\n" in told


def test_without_a_terminal_a_line_is_told_now_and_then(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("tfsent.training.run_log.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    with open_log(tmp_path, progress_bar=True, stream=stream) as log:
        for step in range(1, 8):
            now[0] += 10
            point(log, step)
        log.val(7, bpc=1.5)
        point(log, 100)
    told = stream.getvalue().splitlines()
    assert "\r" not in stream.getvalue()
    assert [line.split(",")[0] for line in told] == [
        "step 3/100",
        "step 6/100",
        "step 7/100",
        "step 100/100",
    ]
    assert told[0].endswith("16:10 left")
    assert "bpc 2.0000, 1,000,000 bytes/s, learning rate 0.0005" in told[0]
    assert "validation bpc 1.5000" in told[2]


def test_quiet_log_writes_nothing_to_the_stream(tmp_path):
    stream = Terminal()
    with open_log(tmp_path, stream=stream) as log:
        point(log, 10)
        log.val(10, bpc=1.5)
    assert stream.getvalue() == ""


def test_log_of_a_killed_process_has_whole_lines(tmp_path):
    code = """
import sys
from tests.training.test_run_log import open_log, point
from pathlib import Path
log = open_log(Path(sys.argv[1]), tensorboard=True)
step = 0
while True:
    step += 1
    point(log, step)
    print(step, flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
    )
    for _ in range(50):
        process.stdout.readline()
    process.kill()
    told = process.stdout.read().split()
    process.wait()
    truncate_after(tmp_path, 10**9)
    steps = [line["step"] for line in lines(tmp_path)[1:]]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= int(told[-1]) if told else len(steps) >= 50
    assert len(events(tmp_path).Scalars("train/bpc")) >= len(steps) - 1


def test_module_and_a_whole_log_load_no_framework(tmp_path):
    code = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("run_log", sys.argv[1])
module = module_from_spec(spec)
spec.loader.exec_module(module)
with module.RunLog(sys.argv[2], {}, versions={}, tensorboard=True, progress_bar=True,
                   total_steps=2, first_step=0) as log:
    log.val(1, bpc=1.0)
print(sorted({"tensorflow", "keras", "torch"} & set(sys.modules)))
"""
    from tfsent.training import run_log

    command = [sys.executable, "-c", code, run_log.__file__, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "[]\n"
