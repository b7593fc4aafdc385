"""The job files under deploy/: sound for their engines, true to what they say."""

import copy
import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import jsonschema
import pytest

from tests.scripts.command import ROOT
from tfsent.cli import parse_config
from tfsent.training.cluster import find_cluster

yaml = pytest.importorskip("yaml", reason="requirements-dev.txt is not installed")

SLURM = sorted((ROOT / "deploy" / "slurm").glob("*.sh"))
MANIFEST = ROOT / "deploy" / "kubernetes" / "train.yaml"
SCHEMA = json.loads((Path(__file__).parent / "kubernetes.schema.json").read_text())


def documents():
    return list(yaml.safe_load_all(MANIFEST.read_text()))


def job_and_service():
    found = {document["kind"]: document for document in documents()}
    return found["Job"], found["Service"]


def container():
    job, _ = job_and_service()
    (only,) = job["spec"]["template"]["spec"]["containers"]
    return only


@pytest.mark.parametrize("script", SLURM, ids=lambda path: path.name)
def test_slurm_scripts_are_sound_bash(script):
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def fake(folder, name, text):
    path = folder / name
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


@pytest.fixture
def slurm(tmp_path):
    """Return a starter of a script under commands that say how they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    log = tmp_path / "calls"
    fake(folder, "srun", f'echo "srun $*" >> {log}; exit ${{SRUN_STATUS:-0}}')
    fake(
        folder,
        "scontrol",
        f'echo "scontrol $*" >> {log}; [[ $1 != show ]] || printf "n1\\nn2\\n"',
    )

    def start(script, *argv, **variables):
        given = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "SLURM_SUBMIT_DIR": str(ROOT),
            "SLURM_JOB_ID": "7",
            "SLURM_JOB_NODELIST": "n[1-2]",
            "SLURM_JOB_NUM_NODES": "2",
        }
        code = subprocess.run(
            [shutil.which("bash"), script, *argv], env=given | variables
        ).returncode
        return code, log.read_text().splitlines()

    return start


def test_slurm_starts_a_worker_a_machine(slurm):
    code, calls = slurm(SLURM[0], "--out", "RUN")
    assert code == 0
    assert calls == [
        "srun --distribution=block --kill-on-bad-exit=1 python scripts/train.py "
        "--out RUN --distribution.strategy multiworker"
    ]


def test_slurm_starts_torchrun_on_every_machine(slurm):
    code, calls = slurm(SLURM[1], "--out", "RUN", SLURM_GPUS_ON_NODE="8")
    assert code == 0
    assert calls[-1] == (
        "srun --kill-on-bad-exit=1 torchrun --nnodes 2 --nproc-per-node 8 --rdzv-id 7 "
        "--rdzv-backend c10d --rdzv-endpoint n1:29400 scripts/train_twin.py --out RUN "
        "--distribution.strategy multiworker"
    )


@pytest.mark.parametrize("script", SLURM, ids=lambda path: path.name)
def test_a_job_that_was_stopped_in_time_is_queued_again(slurm, script):
    code, calls = slurm(script, SRUN_STATUS="143")
    assert (code, calls[-1]) == (0, "scontrol requeue 7")


@pytest.mark.parametrize("script", SLURM, ids=lambda path: path.name)
def test_a_job_that_failed_says_so(slurm, script):
    code, calls = slurm(script, SRUN_STATUS="2")
    assert code == 2
    assert "requeue" not in calls[-1]


def test_kubernetes_objects_are_sound():
    for document in documents():
        jsonschema.validate(document, SCHEMA)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "completions"), "4"),
        (("spec", "parallelsim"), 4),
        (("spec", "template", "spec", "restartPolicy"), "OnFailure"),
    ],
)
def test_the_schema_notices_a_fault(path, value):
    job = copy.deepcopy(job_and_service()[0])
    at = job
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(job, SCHEMA)


def test_every_pod_finds_itself_among_the_workers():
    job, service = job_and_service()
    variables = {one["name"]: one for one in container()["env"]}
    names = list(variables)
    # A variable can only be put into those behind it.
    assert names.index("WORKER_INDEX") < names.index("TF_CONFIG")
    name, number = job["metadata"]["name"], job["spec"]["completions"]
    assert job["spec"]["parallelism"] == number
    for index in range(number):
        text = variables["TF_CONFIG"]["value"].replace("$(WORKER_INDEX)", str(index))
        found = find_cluster(environ={"TF_CONFIG": text})
        (port,) = (one["port"] for one in service["spec"]["ports"])
        subdomain = job["spec"]["template"]["spec"]["subdomain"]
        assert found.own == f"{name}-{index}.{subdomain}:{port}"
        assert len(found.workers) == number
    assert service["metadata"]["name"] == subdomain
    assert service["spec"]["selector"] == {"job-name": name}
    assert service["spec"]["clusterIP"] == "None"


def test_the_container_s_flags_are_known():
    words = [word for flag in container()["args"] for word in flag.split("=")]
    config = parse_config(words)
    assert config.distribution.strategy == "multiworker"
    assert re.fullmatch("/data/.*", config.out)
