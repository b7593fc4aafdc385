import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from tfsent.cli import parse_config, run, to_dict
from tfsent.config import ModelConfig, RunConfig, TrainingConfig
from tfsent.presets import tiny

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A section."""

    ratio: float = 0.5
    """A share."""
    sizes: tuple[int, ...] = ()
    """Any number of sizes."""


@dataclass(frozen=True, kw_only=True)
class Outer:
    """Settings that no command has: the command line knows none by name."""

    model: str
    """A required text."""
    inner: Inner = field(default_factory=Inner)
    split: tuple[int, int] | None = (1, 2)
    """Two numbers or none."""
    kind: Literal["warm", "cold"] | None = None
    """A choice or none."""
    loud: bool = False
    """A switch."""


def refusal(argv, capsys, *arguments):
    """Return the one line of a command line that must leave with 2."""
    with pytest.raises(SystemExit) as stop:
        parse_config(argv, *arguments)
    shown = capsys.readouterr()
    assert stop.value.code == 2
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert shown.err.isascii()
    return shown.err


def test_no_flags_give_the_defaults():
    assert parse_config([]) == RunConfig()


def test_flags_set_nested_settings_of_every_type():
    config = parse_config(
        "--model.hidden-size 7 --model.cell gru --data.split 8 1 1 --data.source - "
        "--training.steps 3 --optimizer.clip-norm 0 --log.no-progress --fresh "
        "--out run --data.label-threshold=-1.5".split()
    )
    assert config.model == ModelConfig(hidden_size=7, cell="gru")
    assert config.data.split == (8, 1, 1)
    assert config.data.source == "-"
    assert config.data.label_threshold == -1.5
    assert config.training == TrainingConfig(steps=3)
    assert config.optimizer.clip_norm == 0.0
    assert config.log.progress is False
    assert config.fresh is True
    assert config.out == "run"


@pytest.mark.parametrize("spelling", [["--preset", "tiny"], ["--preset=tiny"]])
def test_flags_override_a_preset_and_leave_the_rest_of_it(spelling):
    config = parse_config(["--model.layers", "2", *spelling])
    assert config.model.layers == 2
    assert config.model.hidden_size == tiny().model.hidden_size
    assert config.training == tiny().training


@pytest.mark.parametrize(
    "around",
    [
        lambda values: values,
        lambda values: {"format_version": 1, **values},
        lambda values: {"format": "tfsent", "config": values},
    ],
    ids=["bare", "versioned", "enclosed"],
)
def test_flags_override_a_config_file_and_leave_the_rest_of_it(tmp_path, around):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(around(to_dict(tiny()))))
    config = parse_config(["--config", str(path), "--seed", "5"])
    assert config == RunConfig(**{**vars(tiny()), "seed": 5})


def test_preset_and_config_exclude_each_other(capsys):
    line = refusal(["--preset", "tiny", "--config", "x.json"], capsys)
    assert "--preset and --config exclude each other" in line


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("--model.hiden-size 3", ["--model.hiden-size", "mean --model.hidden-size?"]),
        ("--model.hiden_size=3", ["--model.hiden_size", "mean --model.hidden-size?"]),
        ("--hidden-size 3", ["--hidden-size", "mean --model.hidden-size?"]),
        ("--interval 3", ["mean --checkpoint.interval or --log.interval?"]),
        ("--no-log.progress", ["mean --log.no-progress?"]),
        ("--no-progress", ["mean --log.no-progress?"]),
        ("--no-frseh", ["mean --no-fresh?"]),
        ("--qqqqqq", ["--qqqqqq is not a flag", "--help"]),
        ("--tyro-print-completion fish", ["--tyro-print-completion is not a flag"]),
        ("-x", ["-x is not a flag"]),
        ("stray", ["'stray' stands alone"]),
        ("--fresh=3", ["'3' stands alone"]),
        ("--model.hidden-size abc", ["--model.hidden-size", "'abc'", "whole number"]),
        ("--model.hidden_size abc", ["--model.hidden-size", "'abc'", "whole number"]),
        ("--model.hidden-size 1.5", ["'1.5'", "a whole number"]),
        ("--training.steps x", ["'x'", "a whole number or None"]),
        ("--model.cell lstn", ["'lstn'", "one of mlstm, lstm", "mean lstm?"]),
        ("--data.split 1 2", ["--data.split", "'1 2'", "3 values"]),
        ("--data.split 1 2 x", ["--data.split", "'1 2 x'", "3 values"]),
        ("--seed", ["--seed has no value", "a whole number"]),
        ("--seed -3", ["seed is -3"]),
        ("--model.layers 0", ["model.layers is 0; at least 1"]),
        ("--optimizer.learning-rate inf", ["optimizer.learning_rate", "finite"]),
        ("--preset tny", ["--preset is 'tny'", "paper-4096", "mean tiny?"]),
        ("--preset", ["--preset has no value"]),
        ("--config", ["--config has no value"]),
        ("--training.steps 1 --training.epochs 1", ["training.steps", "exclude"]),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_line(argv, words, capsys):
    line = refusal(argv.split(), capsys)
    assert all(word in line for word in words), line


def test_a_missing_required_setting_is_named(capsys):
    assert "--model must be given" in refusal([], capsys, Outer)


def test_any_dataclass_of_settings_has_flags():
    argv = "--model m --inner.ratio 1 --inner.sizes 3 4 --split None --kind warm --loud"
    assert parse_config(argv.split(), Outer) == Outer(
        model="m",
        inner=Inner(ratio=1.0, sizes=(3, 4)),
        split=None,
        kind="warm",
        loud=True,
    )


def placed(argv):
    return parse_config(argv.split(), Outer, by_place=True)


@pytest.mark.parametrize(
    "argv", ["m --loud --kind warm", "--loud m --kind warm", "--loud --kind warm m"]
)
def test_settings_without_a_default_are_given_by_place_where_asked_for(argv):
    config = placed(argv)
    assert type(config) is Outer
    assert config == Outer(model="m", loud=True, kind="warm")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("", ["MODEL must be given"]),
        ("m stray", ["'stray' stands alone; every value but MODEL follows its flag"]),
        ("--model m", ["--model is not a flag", "MODEL is given by its place"]),
        ("m --lout", ["--lout is not a flag", "mean --loud?"]),
        ("m --inner.ratio x", ["--inner.ratio is 'x'", "a finite number"]),
    ],
)
def test_a_wrong_command_line_with_places_is_refused_in_one_line(argv, words, capsys):
    line = refusal(argv.split(), capsys, Outer, None, None, True)
    assert all(word in line for word in words), line


def test_a_place_may_be_left_to_a_file(tmp_path):
    path = tmp_path / "outer.json"
    path.write_text('{"model": "m", "loud": true}')
    assert placed(f"--config {path}") == Outer(model="m", loud=True)
    assert placed(f"n --config {path}") == Outer(model="n", loud=True)


def test_help_shows_places_in_capitals(capsys):
    with pytest.raises(SystemExit):
        placed("--help")
    shown = capsys.readouterr().out
    assert "MODEL" in shown.partition("--")[0]
    assert "--model" not in shown


def test_presets_are_offered_only_where_there_are_any(capsys):
    assert "--preset is not a flag" in refusal(["--preset", "tiny"], capsys, Outer)
    config = parse_config(["--preset", "one"], Outer, {"one": lambda: Outer(model="1")})
    assert config.model == "1"


def test_help_goes_to_standard_output_by_section_and_leaves_with_0(capsys):
    with pytest.raises(SystemExit) as stop:
        parse_config(["--preset", "tiny", "--help"], description="Train a model.")
    shown = capsys.readouterr()
    assert stop.value.code == 0
    assert shown.err == ""
    for text in ("Train a model.", "--preset", "--config FILE", "model options"):
        assert text in shown.out
    assert "units. (default: 64)" in shown.out  # The preset's, not the field's.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"seeed": 1}', ["seeed is not a setting", "mean seed?"]),
        ('{"model": {"hiden_size": 1}}', ["model.hiden_size", "model.hidden_size?"]),
        ('{"hidden_size": 1}', ["hidden_size is not a", "mean model.hidden_size?"]),
        ('{"model": 3}', ["model must be a JSON object"]),
        ("[]", ["must be a JSON object"]),
        ('{"format": 1, "config": null}', ["must be a JSON object"]),
        ('{"seed": 1.0}', ["seed is 1.0", "a whole number"]),
        ('{"seed": true}', ["seed is True"]),
        ('{"seed": null}', ["seed is None"]),
        ('{"fresh": 1}', ["fresh is 1", "true or false"]),
        ('{"model": {"cell": "lstn"}}', ["model.cell", "mean lstm?"]),
        ('{"data": {"split": [1, 2]}}', ["data.split", "3 values"]),
        ('{"data": {"split": [1, 2, "x"]}}', ["data.split", "'x'"]),
        ('{"data": {"source": 3}}', ["data.source is 3", "text"]),
        ('{"training": {"steps": "3"}}', ["training.steps", "a whole number or None"]),
        ('{"optimizer": {"clip_norm": NaN}}', ["optimizer.clip_norm", "finite"]),
        ('{"optimizer": {"clip_norm": 1e999}}', ["optimizer.clip_norm", "finite"]),
        (f'{{"optimizer": {{"clip_norm": 1{"0" * 400}}}}}', ["finite"]),
        ('{"model": {"layers": 0}}', ["model.layers is 0"]),
        ('{"seed": 1, "seed": 2}', ["seed is given twice"]),
        ('{"seed": ', ["Expecting value"]),
        ("[" * 100_000, ["nested too deeply"]),
        ("\x00", ["Expecting value"]),
    ],
)
def test_a_wrong_config_file_is_refused_in_one_line_with_its_path(
    tmp_path, text, words, capsys
):
    path = tmp_path / "config.json"
    path.write_text(text)
    line = refusal(["--config", str(path)], capsys)
    assert str(path) in line
    assert all(word in line for word in words), line


def test_a_config_file_that_cannot_be_read_is_named(tmp_path, capsys):
    assert "nowhere.json" in refusal(["--config", "nowhere.json"], capsys)
    assert str(tmp_path) in refusal(["--config", str(tmp_path)], capsys)
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "utf-8" in refusal(["--config", str(binary)], capsys)


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ValueError("data.source is\nodd"), 1, "error: data.source is odd\n"),
        (OSError(28, "No space left", "a/b"), 1, "error: a/b: No space left\n"),
        (OSError("no path"), 1, "error: no path\n"),
        (MemoryError("2 TiB"), 1, "error: out of memory. 2 TiB\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (SystemExit(143), 143, ""),
        (SystemExit(2), 2, ""),
    ],
)
def test_failures_become_one_line_and_the_documented_code(error, code, line, capsys):
    kept = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as stop:
            run(raising(error))
    finally:
        signal.signal(signal.SIGTERM, kept)
    assert stop.value.code == code
    assert capsys.readouterr().err == line


def test_a_fault_of_our_own_keeps_its_traceback():
    kept = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(ZeroDivisionError):
            run(raising(ZeroDivisionError()))
    finally:
        signal.signal(signal.SIGTERM, kept)


def python(code, **options):
    # Output is buffered as it is for a user, whatever the environment of the tests.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        **{"stdout": subprocess.PIPE, **options},
    )


def test_success_leaves_with_0():
    done = python("from tfsent.cli import run\nrun(lambda: print('done'))")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_sigterm_unwinds_the_script_and_leaves_with_143():
    done = python(
        "import os, signal\nfrom tfsent.cli import run\n"
        "def main():\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    finally:\n        print('unwound')\n"
        "run(main)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (143, "unwound\n", "")


def test_ctrl_c_leaves_with_130():
    done = python(
        "import os, signal\nfrom tfsent.cli import run\n"
        # A shell starts its background jobs with Ctrl-C ignored, and they hand it on.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "run(lambda: os.kill(os.getpid(), signal.SIGINT))"
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_a_full_disk_behind_standard_output_is_one_line():
    if not os.path.exists("/dev/full"):
        pytest.skip("This system has no /dev/full.")
    with open("/dev/full", "w") as full:
        done = python(
            "from tfsent.cli import run\nrun(lambda: print('x'))", stdout=full
        )
    assert done.returncode == 1
    assert done.stderr == "error: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("main", ["lambda: print('x' * 10**6)", "parse_help"])
def test_a_reader_that_leaves_early_is_no_error_to_tell(main):
    code = (
        "from tfsent.cli import parse_config, run\n"
        "def parse_help():\n    parse_config(['--help'] )\n"
        f"run({main})"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = python(code, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_command_line_needs_no_framework():
    done = python(
        "import sys, tfsent.cli, tfsent.presets\n"
        "print({'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules))"
    )
    assert done.stdout == "set()\n", done.stderr
