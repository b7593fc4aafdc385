"""Two workers on this machine: the weights of one process, and what ends a run.

Equal global batch, equal result; a worker that is killed stops the other, and the
run that is started again ends as if nothing had happened.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from tests.scripts.command import ROOT, start, write_text
from tests.tolerances import TWO_WORKERS_ADAM, TWO_WORKERS_SGD

pytestmark = pytest.mark.slow

FLAGS = (
    "--model.hidden-size 16 --model.embedding-size 4 --training.batch-size 8 "
    "--training.window 16 --training.steps 50 --training.eval-interval 20 "
    "--checkpoint.interval 5 --log.interval 1 --log.no-progress --data.split 8 1 1"
).split()
OPTIMIZERS = {
    "sgd": "--optimizer.name sgd --optimizer.learning-rate 0.5".split(),
    "adam": "--optimizer.name adam --optimizer.learning-rate 0.005".split(),
}
TOLERANCES = {"sgd": TWO_WORKERS_SGD, "adam": TWO_WORKERS_ADAM}


def free_ports(number):
    """Return ports that nothing listens at, each another one."""
    held = [socket.socket() for _ in range(number)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def tf_config(ports, index):
    workers = [f"127.0.0.1:{port}" for port in ports]
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": workers}, "task": task})


def start_worker(argv, config, **options):
    """Start train.py under TF_CONFIG; `variables` of `start` may be among them."""
    own = {"OMP_NUM_THREADS": "1", "TF_CONFIG": config}
    return start(
        "train", *argv, variables=own | options.pop("variables", {}), **options
    )


def start_workers(argv, others=None, ports=None):
    """Start two workers; `others` are further flags of the second."""
    ports = ports or free_ports(2)
    argv = [*argv, "--distribution.strategy", "multiworker"]
    return [
        start_worker([*argv, *(others or [] if index else [])], tf_config(ports, index))
        for index in range(2)
    ]


def finish(workers, timeout_s=150):
    """Return exit codes, outputs and errors of workers; kill those that hang."""
    try:
        texts = [worker.communicate(timeout=timeout_s) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    return [worker.returncode for worker in workers], texts


def start_twin(argv, devices):
    """Start the twin in as many processes, by torchrun."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", str(devices), "scripts/train_twin.py"),
            *map(str, argv),
            *("--distribution.strategy", "multiworker"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def twin(argv, devices):
    """Run the twin in as many processes."""
    (code,), ((out, errors),) = finish([start_twin(argv, devices)])
    assert code == 0, errors
    return json.loads(out)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_text(tmp_path_factory.mktemp("text") / "reviews.txt")


def flags(text, out, name):
    return [*FLAGS, *OPTIMIZERS[name], "--data.source", text, "--out", out]


@pytest.fixture(scope="module")
def unbroken(text, tmp_path_factory):
    """Folder of runs of 50 steps by one process and by two, of each optimizer."""
    folder = tmp_path_factory.mktemp("unbroken")
    for name in OPTIMIZERS:
        alone = start_worker(flags(text, folder / f"{name}1", name), "")
        together = start_workers(flags(text, folder / f"{name}2", name))
        codes, texts = finish([alone, *together])
        assert codes == [0, 0, 0], texts
        results = [json.loads(out) for out, _ in texts[:2]]
        assert results[0]["val_bpc"] == pytest.approx(results[1]["val_bpc"], abs=1e-4)
        assert results[0]["val_scored_bytes"] == results[1]["val_scored_bytes"]
        assert texts[2][0] == ""  # The chief alone tells the result.
    return folder


def weights(run):
    return load_file(run / "weights.safetensors")


def distance(one, other):
    """Return the largest difference of any weight over the largest weight."""
    assert one.keys() == other.keys()
    largest = np.max([np.abs(array).max() for array in other.values()])
    return np.max([np.abs(one[name] - other[name]).max() for name in one]) / largest


@pytest.mark.parametrize("name", [*OPTIMIZERS])
def test_two_workers_train_to_the_weights_of_one_process(unbroken, name):
    found = distance(weights(unbroken / f"{name}2"), weights(unbroken / f"{name}1"))
    assert 0 < found <= TOLERANCES[name].value


@pytest.mark.parametrize("name", [*OPTIMIZERS])
def test_two_processes_of_the_twin_train_to_the_weights_of_one(text, tmp_path, name):
    for devices in (1, 2):
        twin(flags(text, tmp_path / str(devices), name), devices)
    found = distance(weights(tmp_path / "2"), weights(tmp_path / "1"))
    assert 0 < found <= TOLERANCES[name].value


def test_processes_of_the_twin_may_read_in_portions_and_segments(text, tmp_path):
    """Each adds up its own gradients; they talk once an update."""
    less = "--training.accumulation-steps 2 --training.recompute-segment 4".split()
    less += ["--training.recompute-layers"]
    argv = ["--model.layers", "2"]
    twin([*flags(text, tmp_path / "one", "sgd"), *argv], 1)
    twin([*flags(text, tmp_path / "two", "sgd"), *argv, *less], 2)
    found = distance(weights(tmp_path / "two"), weights(tmp_path / "one"))
    assert 0 < found <= TOLERANCES["sgd"].value


def test_either_worker_may_be_killed_at_any_moment(unbroken, text, tmp_path):
    moments = random.Random(7)
    out = tmp_path / "run"
    for trial in range(5):
        workers = start_workers(flags(text, out, "adam"))
        log = out / "metrics.jsonl"
        begun = steps_of(log)
        until = begun + moments.randrange(1, 10)
        while steps_of(log) < until and workers[0].poll() is None:
            time.sleep(0.01)
        victim = trial % 2
        workers[victim].send_signal(signal.SIGKILL)
        # TensorFlow misses heartbeats for 10 s before it gives a worker up.
        codes, texts = finish(workers, 60)
        assert codes[victim] == -signal.SIGKILL
        assert codes[1 - victim] == 1
        last = texts[1 - victim][1].splitlines()[-1]
        assert "of this run has ended" in last
        assert "Traceback" not in texts[1 - victim][1]
    codes, texts = finish(start_workers(flags(text, out, "adam")))
    assert codes == [0, 0], texts
    assert "resumed at step" in texts[0][1]
    assert distance(weights(out), weights(unbroken / "adam2")) == 0


def test_either_process_of_the_twin_may_be_killed_at_any_moment(text, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "run"
    twin(flags(text, whole, "adam"), 2)
    moments = random.Random(11)
    log = out / "metrics.jsonl"
    for trial in range(5):
        begun = steps_of(log)
        until = begun + moments.randrange(1, 9)
        running = start_twin(flags(text, out, "adam"), 2)
        while steps_of(log) < until and running.poll() is None:
            time.sleep(0.002)
        victims = {
            child.environ()["RANK"]: child
            for child in psutil.Process(running.pid).children()
            if "train_twin.py" in " ".join(child.cmdline())
        }
        victims[str(trial % 2)].send_signal(signal.SIGKILL)
        codes, texts = finish([running], 60)
        assert codes == [1], texts
        assert steps_of(log) < 50
    told = twin(flags(text, out, "adam"), 2)
    assert told["steps"] == 50
    assert distance(weights(out), weights(whole)) == 0


def steps_of(log):
    """Return the step of the last line of a run's log; 0 before the first."""
    try:
        lines = log.read_text().splitlines()
    except FileNotFoundError:
        return 0
    steps = [json.loads(line).get("step", 0) for line in lines if line.endswith("}")]
    return max(steps, default=0)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (["--training.window", "8"], "training.window is 8 in process 1 and 16 in"),
        (["--seed", "1"], "seed is 1 in process 1 and 0 in process 0"),
    ],
)
def test_workers_with_other_settings_are_refused(text, tmp_path, others, said):
    workers = start_workers(flags(text, tmp_path / "run", "sgd"), others)
    codes, texts = finish(workers)
    assert codes == [1, 1]
    for _, errors in texts:
        assert said in errors.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_workers_that_read_other_text_are_refused(text, tmp_path):
    """The same name of a file, as on two machines, and not the same words in it."""
    other = tmp_path / "elsewhere"
    other.mkdir()
    write_text(other / text.name, seed=1)
    argv = [*FLAGS, "--data.source", text.name, "--out", str(tmp_path / "run")]
    argv += ["--distribution.strategy", "multiworker"]
    ports = free_ports(2)
    workers = [
        start_worker(
            argv,
            tf_config(ports, index),
            variables={"PYTHONPATH": str(ROOT)},
            cwd=folder,
        )
        for index, folder in enumerate((text.parent, other))
    ]
    codes, texts = finish(workers)
    assert codes == [1, 1]
    assert "the text of train is" in texts[0][1].splitlines()[-1]


def test_a_port_in_use_is_refused(text, tmp_path):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        ports = [taken.getsockname()[1], *free_ports(1)]
        argv = [*flags(text, tmp_path, "sgd"), "--distribution.strategy", "multiworker"]
        codes, texts = finish([start_worker(argv, tf_config(ports, 0))])
    assert codes == [1]
    assert f"cannot listen at port {ports[0]}" in texts[0][1].splitlines()[-1]


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (0, "did not meet within 2 s: worker 1 (127.0.0.1:{1}) did not come"),
        (1, "worker 0 (127.0.0.1:{0}) did not answer: Connection refused"),
    ],
)
def test_a_worker_that_never_comes_is_named(text, tmp_path, index, said):
    ports = free_ports(2)
    argv = [*flags(text, tmp_path, "sgd"), "--distribution.strategy", "multiworker"]
    argv += ["--distribution.join-timeout-s", "2"]
    codes, texts = finish([start_worker(argv, tf_config(ports, index))])
    assert codes == [1]
    assert said.format(*ports) in texts[0][1].splitlines()[-1]


def test_sigterm_to_one_worker_saves_and_stops_both(text, tmp_path):
    out = tmp_path / "run"
    argv = [*flags(text, out, "adam"), "--training.steps", "100000"]
    workers = start_workers(argv)
    while steps_of(out / "metrics.jsonl") < 3 and workers[0].poll() is None:
        time.sleep(0.05)
    workers[1].send_signal(signal.SIGTERM)
    codes, texts = finish(workers)
    assert codes == [143, 143], texts
    assert "saved at step" in texts[0][1]


def test_slurm_starts_workers(text, tmp_path):
    """Under the variables that srun sets on two tasks of one machine."""
    argv = [*flags(text, tmp_path / "run", "sgd"), "--training.steps", "3"]
    argv += ["--distribution.strategy", "multiworker"]
    slurm = {
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURM_STEP_TASKS_PER_NODE": "2",
        "SLURMD_NODENAME": "localhost",
    }
    workers = [
        start_worker(argv, "", variables=slurm | {"SLURM_PROCID": str(index)})
        for index in range(2)
    ]
    codes, texts = finish(workers)
    assert codes == [0, 0], texts
    assert json.loads(texts[0][0])["steps"] == 3
