"""The scripts, called within this process or started in one of their own."""

import importlib.util
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from tfsent.cli import run

ROOT = Path(__file__).parents[2]

TINY = (
    "--model.hidden-size 8 --model.embedding-size 4 --training.batch-size 4 "
    "--training.window 16 --training.steps 30 --training.eval-interval 10 "
    "--checkpoint.interval 10 --checkpoint.keep 3 --log.interval 1 --log.no-progress "
    "--data.split 8 1 1"
).split()
"""Flags of a run of 30 steps, saved and validated every 10."""

CHEAP = [*TINY, "--model.cell", "tanh", "--data.split", "1", "0", "0"]
"""The same, faster to compile, without validation and test."""

WORDS = (
    "the a film plot was great dull loved hated it and story of acting by very not "
    "so well made cast ending music slow funny never again twice"
).split()


def write_text(path, num_lines=300, seed=0):
    """Write lines of words; one line is one sample."""
    words = random.Random(seed)
    lines = [" ".join(words.choices(WORDS, k=12)) for _ in range(num_lines)]
    path.write_text("\n".join(lines) + "\n")
    return path


def load_main(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def call(name, *argv):
    """Run a script within this process; return its exit code."""
    main = load_main(name)
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        run(lambda: main([str(word) for word in argv]))
    except SystemExit as end:
        return end.code
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def start(name, *argv, variables=None, **options):
    """Start a script in a process of its own, its output piped as text.

    `variables` are added to those of this process.
    """
    return subprocess.Popen(
        [sys.executable, ROOT / "scripts" / f"{name}.py", *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **{"cwd": ROOT} | options,
        env={**os.environ, **(variables or {})},
    )


def error_line(captured):
    """Return the one line on standard error, without its 'error: '."""
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("error: "), lines
    return lines[0].removeprefix("error: ")


def contents(folder):
    """Return path -> content of every file below a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def flip_bit(path):
    """Change one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()  # The best checkpoint may be a second link to it.
    path.write_bytes(data)
