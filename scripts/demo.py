"""Show the whole way on the built-in reviews, on a CPU, in a few minutes.

    make demo

Each part is a command that can be typed by hand; it is printed before it runs.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

from tfsent.cli import run

HERE = Path(__file__).parent
RUN = "runs/demo"
TWIN = f"{RUN}/twin"  # Inside: --fresh moves it aside too.
COMMANDS = {
    "Train a small language model on generated reviews": (
        "train.py --data.source builtin --model.hidden-size 128 "
        "--training.batch-size 32 --training.window 64 --training.steps 1500 "
        "--training.eval-interval 250 --optimizer.learning-rate 4e-3 "
        f"--checkpoint.interval 250 --log.interval 25 --out {RUN} --fresh"
    ),
    "Score the best of its checkpoints on text it has never seen": (
        f"evaluate.py --model {RUN}/checkpoints/best --data.source builtin "
        "--splits val test"
    ),
    "Move it to PyTorch, with proof: both frameworks compute it, step by step": (
        f"convert.py {RUN}/checkpoints/best {TWIN} --to twin --verify"
    ),
}


def main() -> None:
    """Run every command and show how the bits per character fell."""
    for title, command in COMMANDS.items():
        print(f"\n== {title}\n$ python scripts/{command}", flush=True)
        script, *flags = shlex.split(command)
        done = subprocess.run([sys.executable, HERE / script, *flags])
        if done.returncode:  # It has said why.
            raise SystemExit(done.returncode)

    print("\n== How the bits per character fell (train: mean of 25 steps)")
    lines = (Path(RUN) / "metrics.jsonl").read_text().splitlines()
    points = [json.loads(line) for line in lines]
    train = {p["step"]: p for p in points if p["type"] == "train"}
    print(f"{'step':>6} {'bytes':>10} {'train':>7} {'val':>7} {'bytes/s':>9}")
    for val in (p for p in points if p["type"] == "val"):
        beside = train[val["step"]]
        print(
            f"{val['step']:>6} {beside['bytes_seen']:>10,} {beside['bpc']:>7.3f} "
            f"{val['bpc']:>7.3f} {beside['bytes_per_s']:>9,.0f}"
        )
    proof = json.loads(Path(f"{TWIN}.certificate.json").read_text())
    largest = max(
        (check for check in proof["checks"] if check["unit"] == "of the largest"),
        key=lambda check: check["value"],
    )
    print(
        f"\nKeras and PyTorch differ by at most {largest['value']:.1e} of the largest "
        f"value ({largest['name']}); {TWIN}.certificate.md has the rest."
    )
    print(f"The run lies in {RUN}; python scripts/train.py --help shows what else.")


if __name__ == "__main__":
    run(main)
