"""The proof that two files hold one model: JSON to compare, one page to read.

But for date, versions and machine it follows from the two files and the probe.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import math
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compare.checks import Parity
from compare.convert import left_behind
from compare.parity import measure_parity
from compare.reading import ReadModel
from tfsent.checkpoint import atomic
from tfsent.checkpoint.strict_json import json_bytes

FORMAT, FORMAT_VERSION = "tfsent-certificate", 1
PACKAGES = ("tfsent", "numpy", "keras", "tensorflow", "torch")


@dataclass(frozen=True)
class Certificate:
    """What was compared, how, and what came of it.

    Attributes:
        date: When, UTC, to the second.
        source: What `ReadModel.facts` says, with "sha256" of every file.
        target: The same of the other.
        left_behind: What the format written has no place for.
        parity: The comparison.
        versions: Package to version, with "python" and "machine".
    """

    date: str
    source: dict[str, Any]
    target: dict[str, Any]
    left_behind: tuple[str, ...]
    parity: Parity
    versions: dict[str, str]

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return self.parity.passed

    def failure(self) -> str:
        """Return the first check that fails, in one line."""
        check = next(check for check in self.parity.checks if not check.passed)
        where = f" ({check.where})" if check.where else ""
        return (
            f"{check.name}: {check.value:.2e} {check.unit} apart{where}, "
            f"{check.tolerance:g} is allowed"
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; a difference that is no number becomes null."""
        compared = self.parity
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "date": self.date,
            "passed": self.passed,
            "source": self.source,
            "target": self.target,
            "computed_with_keras": compared.keras,
            "left_behind": list(self.left_behind),
            "notes": list(compared.notes),
            "checks": [
                {
                    "name": check.name,
                    "value": _number(check.value),
                    "tolerance": check.tolerance,
                    "unit": check.unit,
                    "where": check.where,
                    "passed": check.passed,
                }
                for check in compared.checks
            ],
            "largest_difference_by_step": {
                start: {name: list(map(_number, gaps)) for name, gaps in each.items()}
                for start, each in compared.traces.items()
            },
            "gradients": {
                name: {"largest_difference": _number(gap), "largest": _number(largest)}
                for name, (gap, largest) in compared.gradients.items()
            },
            "losses": {
                name: list(map(_number, values))
                for name, values in compared.losses.items()
            },
            "versions": self.versions,
        }

    def to_markdown(self) -> str:
        """Return it as one page."""
        return "\n".join(_page(self)) + "\n"


def certify(
    source: ReadModel, target: ReadModel, *, name: Path, target_name: Path
) -> Certificate:
    """Compare two models in both frameworks and write what came of it.

    Args:
        source: One model.
        target: The other.
        name: Of the certificate, to which .json and .md are added.
        target_name: What the target is, or will be, called.

    Raises:
        ValueError: If the models cannot be compared.
        OSError: If the disk refuses.
    """
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    one = source.facts() | {"sha256": file_hashes(source.path)}
    hashes = file_hashes(target.path, target_name.name)
    other = target.facts() | {"path": str(target_name), "sha256": hashes}
    certificate = Certificate(
        now.isoformat(),
        one,
        other,
        tuple(left_behind(source.checkpoint, target.checkpoint)),
        measure_parity(source, target),
        _versions(),
    )
    save_certificate(certificate, name)
    return certificate


def save_certificate(certificate: Certificate, name: Path) -> tuple[Path, Path]:
    """Write `name`.json and `name`.md, replacing what is there; return both paths.

    Raises:
        OSError: If the disk refuses.
    """
    paths = tuple(name.with_name(name.name + end) for end in (".json", ".md"))
    atomic.make_folder(name.parent)
    atomic.replace_file(paths[0], [json_bytes(certificate.to_json())])
    atomic.replace_file(paths[1], [certificate.to_markdown().encode("utf-8")])
    return paths[0], paths[1]


def file_hashes(path: Path, called: str | None = None) -> dict[str, str]:
    """Return the SHA-256 of each file by its name, relative to a folder.

    Of a TensorFlow checkpoint, whose path is the beginning of its files' names or
    one of them, all its files; of a run, all files that say what the model is.

    Args:
        path: The model.
        called: The name that a single file will have, if it has another one now.
    """
    if path.is_dir():
        inside = {p.relative_to(path).as_posix(): p for p in sorted(path.rglob("*"))}
        files = {name: p for name, p in inside.items() if not _is_log(name)}
    elif path.is_file() and path.suffix != ".index":
        files = {called or path.name: path}
    else:
        stem = path.name.removesuffix(".index")
        files = {p.name: p for p in sorted(path.parent.glob(f"{stem}.*"))}
    return {name: _sha256(file) for name, file in files.items() if file.is_file()}


def _is_log(name: str) -> bool:
    """Return whether a file of a run folder tells of the run and not of the model."""
    return name.startswith(("tensorboard/", ".")) or name in ("metrics.jsonl", "lock")


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "machine": platform.machine()} | found


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _page(c: Certificate) -> Iterator[str]:
    compared = c.parity
    yield f"# {'Equal' if c.passed else 'NOT EQUAL'}: two files, one model\n"
    held = sum(check.passed for check in compared.checks)
    yield (
        f"{held} of {len(compared.checks)} checks hold. One file was computed with "
        "Keras on TensorFlow, the other with the PyTorch twin, on the same "
        f"{'texts' if 'pooling' in c.source else 'bytes'}, in float32. {c.date}.\n"
    )
    yield "| | source | target |\n|---|---|---|"
    rows = {
        "file": "path",
        "recognized as": "found",
        "cell": "cell",
        "layers": "layers",
        "hidden units": "hidden_size",
        "embedding": "embedding_size",
        "weight normalisation": "weight_norm",
        "decoder": "decoder",
        "stored as": "dtype",
        "symbols": "symbols",
        "gates in the file": "gates",
        "decided by": "gates_decided_by",
        "training state of step": "training_step",
        "directions": "direction",
        "gates through": "gate_activation",
        "pooling": "pooling",
        "words": "words",
        "outputs": "outputs",
    }
    for title, key in rows.items():
        # A language model and a classifier over words have rows of their own.
        if key not in c.source or key not in c.target:
            continue
        yield f"| {title} | {_cell(c.source[key])} | {_cell(c.target[key])} |"
    sides = ("Keras", "twin") if compared.keras == "source" else ("twin", "Keras")
    yield f"| computed with | {sides[0]} | {sides[1]} |\n"
    yield "| check | largest difference | tolerance | | where |\n|---|---|---|---|---|"
    for k in compared.checks:
        yield (
            f"| {k.name} | {k.value:.2e} {k.unit} | {k.tolerance:g} | "
            f"{'holds' if k.passed else '**FAILS**'} | {k.where} |"
        )
    yield "\n| gradient of | largest difference | largest value |\n|---|---|---|"
    for name, (gap, largest) in compared.gradients.items():
        yield f"| {name} | {gap:.2e} | {largest:.2e} |"
    yield "\n| update | Keras, nats | twin, nats | difference |\n|---|---|---|---|"
    pairs = zip(compared.losses["keras"], compared.losses["twin"], strict=True)
    for step, (one, other) in enumerate(pairs, 1):
        yield f"| {step} | {one:.7f} | {other:.7f} | {abs(one - other):.1e} |"
    yield ""
    for line in c.left_behind:
        yield f"- Left behind: {line}."
    for line in compared.notes:
        yield f"- {line}"
    yield "- " + ", ".join(f"{n} {v}" for n, v in c.versions.items()) + "."
    yield "\n## SHA-256\n"
    for title, facts in (("source", c.source), ("target", c.target)):
        for name, digest in facts["sha256"].items():
            yield f"- {title} `{name}` {digest}"


def _cell(value: object) -> str:
    if value is None or value == "":
        return "none"
    if type(value) is bool:
        return "yes" if value else "no"
    return str(value).replace("|", "\\|")
