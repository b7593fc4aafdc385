"""Workers that Ray starts: the weights of one process, also after one was killed."""

import json
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytest.importorskip("ray", reason="requirements-ray.txt is not installed")

from tests.scripts.command import ROOT, start, write_text
from tests.scripts.test_multiworker import (
    TOLERANCES,
    distance,
    flags,
    steps_of,
    weights,
)

pytestmark = pytest.mark.slow
NAMES = {"keras": "train", "torch": "train_twin"}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_text(tmp_path_factory.mktemp("text") / "reviews.txt")


def start_on_ray(script, argv):
    own = {"OMP_NUM_THREADS": "1", "RAY_ADDRESS": "local"}
    return start(script, *argv, variables=own, start_new_session=True)


def finish(process, timeout_s=240):
    try:
        out, errors = process.communicate(timeout=timeout_s)
    finally:
        process.kill()
    return process.returncode, out, errors


ON_RAY = ["--launcher", "ray", "--workers", "2", "--json"]


@pytest.mark.parametrize("framework", [*NAMES])
def test_workers_of_ray_train_to_the_weights_of_one_process(framework, text, tmp_path):
    """One of them is killed on the way; Ray starts all again."""
    script = NAMES[framework]
    code, _, errors = finish(start_on_ray(script, flags(text, tmp_path / "one", "sgd")))
    assert code == 0, errors
    out = tmp_path / "two"
    running = start_on_ray(script, [*flags(text, out, "sgd"), *ON_RAY])
    while steps_of(out / "metrics.jsonl") < 12 and running.poll() is None:
        time.sleep(0.02)
    victims = workers_of(running.pid)
    assert len(victims) == 2
    victims[1].send_signal(signal.SIGKILL)
    code, told, errors = finish(running)
    assert code == 0, errors
    result = json.loads(told.splitlines()[-1])
    assert (result["run"], result["steps"]) == (str(out), 50)
    found = distance(weights(out), weights(tmp_path / "one"))
    assert 0 < found <= TOLERANCES["sgd"].value
    begins = [
        line
        for line in (out / "metrics.jsonl").read_text().splitlines()
        if '"config"' in line
    ]
    assert len(begins) > 1


def workers_of(pid):
    """Return the processes that train, in a cluster started by `pid`."""
    return [
        child
        for child in psutil.Process(pid).children(recursive=True)
        if any("RayTrainWorker" in word for word in child.cmdline())
    ]


def test_what_a_worker_refuses_is_told_at_once(text, tmp_path):
    argv = [*flags(text, tmp_path / "run", "sgd"), *ON_RAY, "--optimizer.name", "adamm"]
    code, _, errors = finish(start_on_ray("train", argv))
    assert code == 1
    assert "optimizer.name is 'adamm'" in errors.splitlines()[-1]


def test_without_ray_the_launcher_says_what_to_install(tmp_path):
    """As where it is not installed: the interpreter is told so."""
    code = (
        "import importlib.util as util, runpy, sys\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'ray' else "
        "find(name, *rest)\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = sys.argv[1:]\n{code}",
         str(ROOT / "scripts" / "train.py"), "--launcher", "ray", "--out",
         str(tmp_path / "run")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pip install -r requirements-ray.txt" in done.stderr.splitlines()[-1]
