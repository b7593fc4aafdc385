"""How long until something happens: the first step, the first classified text?

    python -m benchmarks.startup --model models/imdb-small --classifier runs/sst

Every way is a command in a process of its own, from its start to its end, and they take
turns: what cannot be avoided (Python alone, importing TensorFlow) stands beside what a
user waits for, and each is divided by the import of TensorFlow in the same round.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.result import begin, finish, span
from benchmarks.timing import spread
from tfsent.cli import parse_config, run, tell

_ROOT = Path(__file__).parents[1]
_YARDSTICK = "import tensorflow"
_TEXT = "A warm and funny film with a cast that I would watch in anything.\n"


@dataclass(frozen=True, kw_only=True)
class StartupConfig:
    """What is started, and how often."""

    model: str = "models/imdb-small"
    """Model that classifies and writes."""
    classifier: str | None = None
    """Folder of a classifier for it. Default: nothing is classified."""
    hidden_size: int = 512
    """Units of the model that is trained."""
    repeats: int = 5
    """Rounds."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("repeats", "hidden_size"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} is {value}; at least 1 will do.")


def main(argv: Sequence[str] | None = None) -> None:
    """Start every way in turns and print how long each took."""
    config = parse_config(argv, StartupConfig, description=__doc__)
    result = begin("benchmarks.startup", argv, config)
    result["ways"] = measure(config)
    finish(result, config, table(result))


def ways(config: StartupConfig, folder: Path) -> dict[str, list[str]]:
    """Return the commands by name; `{}` in an argument stands for the round."""
    python, scripts = sys.executable, _ROOT / "scripts"
    text = folder / "text.txt"
    text.write_text(_TEXT)
    # Text of its own, small and without a split to be scored.
    corpus = folder / "corpus.txt"
    corpus.write_text(_TEXT * 2000)
    train = [
        *("--data.source", str(corpus), "--model.hidden-size", str(config.hidden_size)),
        *("--training.batch-size", "32", "--training.window", "64"),
        *("--training.steps", "1", "--training.test-bytes", "0"),
        *("--data.split", "1", "0", "0", "--log.no-tensorboard", "--json"),
    ]
    found = {
        "python": [python, "-c", "pass"],
        "import torch": [python, "-c", "import torch"],
        _YARDSTICK: [python, "-c", "import tensorflow, keras"],
        "train.py --help": [python, str(scripts / "train.py"), "--help"],
        "train.py, one step": [
            *(python, str(scripts / "train.py"), *train),
            *("--out", str(folder / "keras-{}")),
        ],
        "train_twin.py, one step": [
            *(python, str(scripts / "train_twin.py"), *train),
            *("--out", str(folder / "torch-{}")),
        ],
        "featurize.py, one text": [
            *(python, str(scripts / "featurize.py"), "--model", config.model),
            *("--data.source", str(text), "--out", str(folder / "f-{}.npy")),
        ],
        "generate.py, 100 bytes": [
            *(python, str(scripts / "generate.py"), "--model", config.model),
            *("--prompt", "The film", "--length", "100"),
        ],
    }
    if config.classifier is not None:
        found["classify.py, one text"] = [
            *(python, str(scripts / "classify.py"), "--model", config.model),
            *("--classifier", config.classifier, "--data.source", str(text)),
        ]
    return found


def measure(config: StartupConfig) -> dict[str, Any]:
    """Return for every way its seconds, and those over the import of TensorFlow.

    Raises:
        ChildProcessError: If a command fails; told with its last line of errors.
    """
    with tempfile.TemporaryDirectory() as folder:
        commands = ways(config, Path(folder))
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for k in range(config.repeats):
            tell(f"round {k + 1} of {config.repeats} ...")
            for name, command in commands.items():
                words = [word.replace("{}", str(k)) for word in command]
                seconds[name].append(_seconds(name, words))
    return {
        name: {
            "seconds": spread(each)._asdict(),
            "of_import": spread(
                s / y for s, y in zip(each, seconds[_YARDSTICK], strict=True)
            )._asdict(),
        }
        for name, each in seconds.items()
    }


def _seconds(name: str, command: Sequence[str]) -> float:
    start_s = time.perf_counter()
    done = subprocess.run(
        command, cwd=_ROOT, capture_output=True, encoding="utf-8", errors="replace"
    )
    taken_s = time.perf_counter() - start_s
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no words"]
        raise ChildProcessError(
            f"{name} failed with code {done.returncode}: {lines[-1]}"
        )
    return taken_s


def table(result: Mapping[str, Any]) -> str:
    """Return the result as Markdown."""
    rows = [
        f"| {name} | {span(each['seconds'])} | {span(each['of_import'])} |"
        for name, each in result["ways"].items()
    ]
    return "\n".join(
        [
            f"    {result['command']}",
            "",
            f"{result['date']}. {result['cpu']}, {result['threads']} threads.",
            "",
            "| from start to end | seconds | of importing TensorFlow |",
            "|---|---|---|",
            *rows,
        ]
    )


if __name__ == "__main__":
    run(main)
