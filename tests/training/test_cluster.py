"""What the environment says about the workers of a run."""

import json

import pytest

from tfsent.training.cluster import Cluster, find_cluster


def config(task, **cluster):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def test_tf_config_names_the_workers_and_this_one():
    found = find_cluster(
        environ=config({"type": "worker", "index": 1}, worker=["a:1", "b:2"])
    )
    assert found == Cluster(("a:1", "b:2"), 1)
    assert found.own == "b:2"


def test_a_chief_is_the_first_worker():
    chief = ["a:1"]
    workers = ["b:2", "c:3"]
    found = find_cluster(
        environ=config({"type": "worker", "index": 1}, chief=chief, worker=workers)
    )
    assert found == Cluster(("a:1", "b:2", "c:3"), 2)
    found = find_cluster(
        environ=config({"type": "chief", "index": 0}, chief=chief, worker=workers)
    )
    assert found.number == 0


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, r"finds no cluster: TF_CONFIG is not set"),
        ({"TF_CONFIG": "{worker"}, r"TF_CONFIG is not JSON"),
        ({"TF_CONFIG": "[]"}, r"TF_CONFIG has no object 'cluster'"),
        ({"TF_CONFIG": '{"cluster": {}}'}, r"TF_CONFIG has no object 'task'"),
        (config({"type": "worker", "index": 0}), r"names the workers \(none\)"),
        (
            config({"type": "worker", "index": 2}, worker=["a:1", "b:1"]),
            r"index is 2; with 2 of type worker 0 to 1 will do",
        ),
        (
            config({"type": "worker", "index": -1}, worker=["a:1"]),
            r"index is -1; with 1 of type worker 0 will do",
        ),
        (
            config({"type": "worker", "index": "0"}, worker=["a:1"]),
            r"index is '0'",
        ),
        (
            config({"type": "ps", "index": 0}, worker=["a:1"], ps=["b:1"]),
            r"tasks of type ps",
        ),
        (
            config({"type": "chief", "index": 0}, worker=["a:1"]),
            r"type 'chief'; worker will do",
        ),
        (
            config({"type": "worker", "index": 0}, worker=["a"]),
            r"worker is \['a'\]; a list of HOST:PORT",
        ),
        (
            config({"type": "worker", "index": 0}, worker=["a:99999"]),
            r"a list of HOST:PORT",
        ),
        (
            config({"type": "worker", "index": 0}, worker=["a:1", "a:1"]),
            r"each once",
        ),
    ],
)
def test_a_cluster_that_cannot_work_is_refused(environ, message):
    with pytest.raises(ValueError, match=message):
        find_cluster(environ=environ)


def slurm(monkeypatch, **variables):
    """Set what srun would, since TensorFlow's resolver reads the process's own."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
    given = {
        "SLURM_STEP_NODELIST": "n[9-11]",
        "SLURM_STEP_NUM_TASKS": "6",
        "SLURM_STEP_TASKS_PER_NODE": "2(x3)",
        "SLURM_PROCID": "3",
        "SLURMD_NODENAME": "n10",
    } | variables
    for name, value in given.items():
        monkeypatch.setenv(name, value)


def test_slurm_tasks_are_counted_in_slurm_s_order(monkeypatch):
    """TensorFlow's resolver has n10 before n9."""
    slurm(monkeypatch)
    workers = [f"n{node}:{port}" for node in (9, 10, 11) for port in (8888, 8889)]
    assert find_cluster() == Cluster(tuple(workers), 3)


def test_tasks_that_are_dealt_round_the_nodes_are_refused(monkeypatch):
    slurm(monkeypatch, SLURMD_NODENAME="n9")
    with pytest.raises(ValueError, match=r"srun --distribution=block will do"):
        find_cluster()


def test_half_of_slurm_s_variables_are_refused(monkeypatch):
    slurm(monkeypatch)
    monkeypatch.delenv("SLURM_STEP_TASKS_PER_NODE")
    with pytest.raises(ValueError, match=r"do not describe a job step"):
        find_cluster()
