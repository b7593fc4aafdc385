"""The environment of a process -> which workers carry out a run, and which it is.

Two sources, the first that is there:

- TF_CONFIG, TensorFlow's own JSON. Ray sets it, and so does the Kubernetes job under
  `deploy/`, from the stable names that an indexed job has.
- Slurm's variables, read by TensorFlow's resolver.

TensorFlow's resolver for Kubernetes is not one of them (2.21): it gives the addresses
of nodes, at which no pod listens, and reads a user's configuration file even where it
runs within the cluster.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

EXAMPLE = (
    '{"cluster": {"worker": ["host0:8888", "host1:8888"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Cluster(NamedTuple):
    """Which processes carry out a run.

    Attributes:
        workers: HOST:PORT of each, the chief first.
        number: Which of them this process is.
    """

    workers: tuple[str, ...]
    number: int

    @property
    def own(self) -> str:
        """HOST:PORT of this process."""
        return self.workers[self.number]


def find_cluster(
    slurm_port: int = 8888, environ: Mapping[str, str] | None = None
) -> Cluster:
    """Return the cluster that the environment describes.

    Args:
        slurm_port: First port of the workers that Slurm starts on a machine.
        environ: Variables. Default: those of this process.

    Raises:
        ValueError: If there is none, or what is there cannot work; names what will do.
    """
    environ = os.environ if environ is None else environ
    if environ.get("TF_CONFIG", "").strip():
        return _from_tf_config(environ["TF_CONFIG"])
    if "SLURM_STEP_NODELIST" in environ and "SLURM_PROCID" in environ:
        return _from_slurm(slurm_port, environ)
    raise ValueError(
        "distribution.strategy multiworker finds no cluster: TF_CONFIG is not set and "
        f"no srun has started this process. TF_CONFIG={EXAMPLE} will do, or "
        "--launcher ray."
    )


def _from_tf_config(text: str) -> Cluster:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"TF_CONFIG is not JSON ({error}); {EXAMPLE} will do."
        ) from None
    cluster = _field(config, "cluster")
    task = _field(config, "task")
    others = sorted(set(cluster) - {"chief", "worker"})
    if others:
        raise ValueError(
            f"TF_CONFIG names tasks of type {', '.join(others)}; all processes of a "
            "run are workers (and at most one chief)."
        )
    groups = {kind: cluster.get(kind, []) for kind in ("chief", "worker")}
    for kind, addresses in groups.items():
        if not isinstance(addresses, list) or not all(map(_is_address, addresses)):
            raise ValueError(
                f"TF_CONFIG's {kind} is {addresses!r}; a list of HOST:PORT will do."
            )
    workers = (*groups["chief"], *groups["worker"])
    if len(set(workers)) < len(workers) or len(groups["chief"]) > 1 or not workers:
        raise ValueError(
            f"TF_CONFIG names the workers {', '.join(workers) or '(none)'}; one or "
            "more, each once, and at most one chief will do."
        )
    own_kind, index = task.get("type"), task.get("index")
    if own_kind not in groups or not groups[own_kind]:
        raise ValueError(
            f"TF_CONFIG's task has the type {own_kind!r}; "
            f"{' or '.join(k for k in groups if groups[k])} will do."
        )
    last = len(groups[own_kind]) - 1
    if type(index) is not int or not 0 <= index <= last:
        raise ValueError(
            f"TF_CONFIG's task index is {index!r}; with {last + 1} of type {own_kind} "
            f"{'0' if not last else f'0 to {last}'} will do."
        )
    return Cluster(
        workers, index + (len(groups["chief"]) if own_kind == "worker" else 0)
    )


def _field(config: Any, name: str) -> dict[str, Any]:
    found = config.get(name) if isinstance(config, dict) else None
    if not isinstance(found, dict):
        raise ValueError(f"TF_CONFIG has no object {name!r}; {EXAMPLE} will do.")
    return found


def _is_address(text: Any) -> bool:
    host, colon, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    return bool(host and colon) and port.isdecimal() and 0 < int(port) < 65536


def _from_slurm(port: int, environ: Mapping[str, str]) -> Cluster:
    from tensorflow.python.distribute.cluster_resolver.slurm_cluster_resolver import (
        SlurmClusterResolver,
        expand_hostlist,
    )

    try:
        # One "GPU" a task, none of which is set: with none at all the resolver takes
        # steps of 0. Which GPUs a task has is for srun to say.
        tasks = SlurmClusterResolver(
            port_base=port, gpus_per_node=10**6, gpus_per_task=1, auto_set_gpu=False
        )
        found = tasks.cluster_spec().as_dict()["worker"]
    except (RuntimeError, KeyError, ValueError) as error:
        raise ValueError(
            f"Slurm's variables do not describe a job step ({error}); start the "
            "workers by srun."
        ) from None
    # The resolver sorts hosts by name, n10 before n2; Slurm counts tasks in its own
    # order, in which hosts stand in its list.
    hosts = expand_hostlist(environ["SLURM_STEP_NODELIST"])
    workers = tuple(sorted(found, key=lambda w: hosts.index(w.rpartition(":")[0])))
    index = int(environ["SLURM_PROCID"])
    if not 0 <= index < len(workers):
        raise ValueError(
            f"SLURM_PROCID is {index}, but the job step has {len(workers)} tasks."
        )
    own, here = workers[index].rpartition(":")[0], environ.get("SLURMD_NODENAME")
    if here not in (None, own):
        raise ValueError(
            f"task {index} runs on {here}, not on {own} as tasks in blocks would; "
            "srun --distribution=block will do."
        )
    return Cluster(workers, index)


def listen(cluster: Cluster) -> socket.socket:
    """Return a socket that listens at this worker's port, on all addresses.

    Raises:
        OSError: If something else does. TensorFlow would not notice: its server shares
            a port with others.
    """
    port = int(cluster.own.rpartition(":")[2])
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # As servers do: a connection that has just ended is no obstacle.
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("", port))
        server.listen(len(cluster.workers))
    except OSError as error:
        server.close()
        raise OSError(
            f"worker {cluster.number} ({cluster.own}) cannot listen at port {port}: "
            f"{error.strerror}; end what does, or give another port."
        ) from None
    return server
