"""Show the whole way on the built-in reviews, on a CPU, in a few minutes.

    make demo

Each part is a command that can be typed by hand; it is printed before it runs.
"""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
import sys
from pathlib import Path

from tfsent.cli import run

HERE = Path(__file__).parent
RUN = "runs/demo"  # Everything else inside: --fresh moves it aside too.
BEST = f"{RUN}/checkpoints/best"
TWIN = f"{RUN}/twin"
SENTIMENT = f"{RUN}/sentiment"
HEAT_MAP = f"{RUN}/heatmap.html"
EXPORTED = f"{RUN}/savedmodel"
COMPARED = f"{RUN}/comparison"
REVIEW = (
    "The first half is wonderful, with a cast that makes it shine. Then it falls "
    "apart: the ending is dull, cheap and a waste of two hours."
)
REVIEWS = [REVIEW, "A joy from start to end.", "Broken after a week. Avoid."]
CLASSIFY = f"--model {BEST} --classifier {SENTIMENT}"
WRITE = f"generate.py {CLASSIFY} --length 160 --temperature 0.6 --seed 3"
COMMANDS = {
    "Train a small language model on generated reviews": (
        "train.py --data.source builtin --model.hidden-size 128 "
        "--training.batch-size 32 --training.window 64 --training.steps 1500 "
        "--training.eval-interval 250 --optimizer.learning-rate 4e-3 "
        f"--checkpoint.interval 250 --log.interval 25 --out {RUN} --fresh"
    ),
    "Score the best of its checkpoints on text it has never seen": (
        f"evaluate.py --model {BEST} --data.source builtin --splits val test"
    ),
    "Move it to PyTorch, with proof: both frameworks compute it, step by step": (
        f"convert.py {BEST} {TWIN} --to twin --verify"
    ),
    "Learn sentiment from 1,200 labelled reviews, measure it on as many others": (
        f"transfer.py --model {BEST} --data.train builtin:val "
        f"--data.test builtin:test --out {SENTIMENT}"
    ),
    "Paint the neuron over a review": (
        f"heatmap.py {CLASSIFY} --text {shlex.quote(REVIEW)}"
    ),
    "The same as a page": (
        f"heatmap.py {CLASSIFY} --text {shlex.quote(REVIEW)} --out {HEAT_MAP}"
    ),
    "Write with the neuron held positive": f"{WRITE} --overwrite 1",
    "Write with the neuron held negative": f"{WRITE} --overwrite -1",
    "Export it all as one SavedModel, compared with the model": (
        f"export.py {CLASSIFY} --out {EXPORTED}"
    ),
}
COMPARE = (
    f"compare.py --out {COMPARED} --runners keras-tensorflow,torch,keras-graph "
    "--cells train-mlstm+norm-h128-b32-t64 --no-parity --no-measure-quality "
    "--timing.passes 1"
)
BARE = """
import json, sys
import tensorflow as tf
signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
answer = signature(text=tf.constant(json.loads(sys.argv[2])))
own = [name for name in sys.modules if name.split(".")[0] in ("tfsent", "compare")]
print(json.dumps({"probability": answer["probability"].numpy().tolist(), "own": own}))
"""


def main() -> None:
    """Run every command, then show what came of them."""
    for title, command in COMMANDS.items():
        call(title, command)

    print("\n== Run the SavedModel in a process without this project, and compare")
    bare = [sys.executable, "-I", "-c", BARE, EXPORTED, json.dumps(REVIEWS)]
    done = subprocess.run(bare, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    answer = json.loads(done.stdout)
    classify = [sys.executable, HERE / "classify.py", *shlex.split(CLASSIFY)]
    ours = subprocess.run(
        [*classify, "--data.source", "-"],
        input="\n".join(REVIEWS).encode(),
        stdout=subprocess.PIPE,
    )
    rows = list(csv.DictReader(ours.stdout.decode().splitlines()))
    gaps = []
    for review, row, p in zip(REVIEWS, rows, answer["probability"], strict=True):
        gaps.append(abs(float(row["probability"]) - p))
        print(f"{row['label']:8}  {p:.3f}  {review}")
    print(f"They differ by at most {max(gaps):.1e}.")

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
    found = json.loads((Path(SENTIMENT) / "metrics.json").read_text())
    test, alone = found["test"], found["neuron"]["test_accuracy"]
    print(
        f"Test accuracy {test['accuracy']:.1%} with {found['features_used']} features "
        f"of {found['feature']}, {alone:.1%} with one neuron, "
        f"{test['majority_accuracy']:.1%} for always the majority."
    )
    print(
        f"{SENTIMENT}/histogram.png and {HEAT_MAP} show it. The run lies in {RUN}; "
        "python scripts/train.py --help shows what else."
    )
    call("A training step on both frameworks, proved equal, then timed", COMPARE)


def call(title: str, command: str) -> None:
    """Show a command and run it; leave with its code if it fails."""
    print(f"\n== {title}\n$ python scripts/{command}", flush=True)
    script, *flags = shlex.split(command)
    done = subprocess.run([sys.executable, HERE / script, *flags])
    if done.returncode:  # It has said why.
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    run(main)
