"""Train on the IMDB reviews under TFSENT_DATA: it learns, and resumes bit for bit.

    TFSENT_DATA=FOLDER python tests/smoke_imdb.py

Not a test of pytest: it needs the data set. Exits with 0, or 1 and what was wrong.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
STEPS = 60
HALF = STEPS // 2
LIMIT_S = 600
ATTEMPTS = 5


def start(run_dir):
    flags = f"--preset tiny --data.source imdb --training.steps {STEPS} --seed 7"
    # Small sets to score at the end: the 32 MB of imdb:test would take minutes.
    flags += " --data.val sst:val --data.test sst:test"
    flags += " --log.interval 1 --checkpoint.interval 10 --log.no-tensorboard"
    return subprocess.Popen(
        [sys.executable, "scripts/train.py", *flags.split(), "--out", run_dir],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )


def finish(run_dir):
    code = start(run_dir).wait(LIMIT_S)
    if code != 0:
        raise SystemExit(f"error: training into {run_dir} left with {code}.")


def bpc_by_step(run_dir):
    """Return the bits per character of every training step that is logged."""
    path = Path(run_dir) / "metrics.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    points = [json.loads(line) for line in lines]
    return {p["step"]: p["bpc"] for p in points if p["type"] == "train"}


def interrupt(run_dir):
    """Stop a run with SIGTERM half-way; False if it was over before."""
    process = start(run_dir)
    deadline_s = time.monotonic() + LIMIT_S
    while process.poll() is None and max(bpc_by_step(run_dir), default=0) < HALF:
        if time.monotonic() > deadline_s:
            process.kill()
            raise SystemExit(f"error: {run_dir} did not reach step {HALF}.")
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    code = process.wait(LIMIT_S)
    if code not in (0, 128 + signal.SIGTERM):
        raise SystemExit(f"error: a stopped run left with {code}, not 143.")
    return code != 0 and max(bpc_by_step(run_dir)) < STEPS


def main():
    if not os.environ.get("TFSENT_DATA"):
        raise SystemExit("error: TFSENT_DATA is not set; name the folder of the data.")
    with tempfile.TemporaryDirectory() as folder:
        whole = f"{folder}/whole"
        finish(whole)
        bpc = bpc_by_step(whole)
        if sorted(bpc) != list(range(1, STEPS + 1)):
            raise SystemExit(f"error: the log holds the steps {sorted(bpc)}.")
        first = sum(bpc[step] for step in range(1, 11)) / 10
        last = sum(bpc[step] for step in range(STEPS - 9, STEPS + 1)) / 10
        print(f"train bpc {first:.3f} (steps 1 to 10), {last:.3f} (last 10)")
        if not last < first - 0.5:
            raise SystemExit("error: it learned less than half a bit.")

        halves = (f"{folder}/halves-{k}" for k in range(ATTEMPTS))
        stopped = next((run_dir for run_dir in halves if interrupt(run_dir)), None)
        if stopped is None:
            raise SystemExit(f"error: none of {ATTEMPTS} runs was stopped half-way.")
        print(f"stopped after step {max(bpc_by_step(stopped))}")
        finish(stopped)
        if bpc_by_step(stopped) != bpc:
            raise SystemExit("error: the resumed run logged other losses.")
        weights = [
            Path(d, "weights.safetensors").read_bytes() for d in (whole, stopped)
        ]
        if weights[0] != weights[1]:
            raise SystemExit("error: the resumed run has other weights.")
        print(f"resumed to the same {len(weights[0])} bytes of weights")


if __name__ == "__main__":
    main()
