"""The list of a folder's files with their hashes, and the version of their format.

Neither safetensors nor JSON notices damaged content: a flipped bit in a weight
is another weight. Only a hash of the whole file catches it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from os import PathLike
from typing import Any, NamedTuple

from tfsent.checkpoint.atomic import FileRecord
from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.snapshot import OpenFile
from tfsent.checkpoint.strict_json import brief, json_bytes, parse_object

FORMAT_VERSION = 1
"""Version of the checkpoint format that this code writes; it reads all up to it."""

MANIFEST = "manifest.json"
_MAX_MANIFEST_BYTES = 2**20


def manifest_bytes(files: Mapping[str, FileRecord], **facts: Any) -> bytes:
    """Return a manifest of `files`, with further `facts`, itself under a hash."""
    body: dict[str, Any] = {"format_version": FORMAT_VERSION, **facts}
    body["files"] = {
        name: {"sha256": files[name].sha256, "bytes": files[name].size}
        for name in sorted(files)
    }
    return json_bytes({**body, "sha256": _own_hash(body)})


class Manifest(NamedTuple):
    """A manifest that was found sound: hash and size of each file, and other facts."""

    files: dict[str, FileRecord]
    facts: dict[str, Any]


def read_manifest(file: OpenFile) -> Manifest:
    """Return the manifest that `file` holds, checked.

    Raises:
        CheckpointError: If it is damaged or of a newer version.
    """
    body = parse_object(file.read_whole(_MAX_MANIFEST_BYTES), file.path)
    # The version first: a newer one may seal itself in another way.
    check_version(body.get("format_version"), file.path)
    if body.pop("sha256", None) != _own_hash(body):
        raise CheckpointError(file.path, "is damaged: it differs from its own hash.")
    table = body.pop("files", None)
    if not isinstance(table, dict):
        raise CheckpointError(file.path, "lists no files.")
    files = {}
    for name, entry in table.items():
        if not isinstance(entry, dict) or set(entry) != {"sha256", "bytes"}:
            reason = f"{brief(name)} has not just sha256 and bytes."
            raise CheckpointError(file.path, reason)
        files[name] = FileRecord(entry["sha256"], entry["bytes"])
    return Manifest(files, body)


def check_size(file: OpenFile, manifest: Manifest) -> None:
    """Refuse a file that the manifest does not list with its present size."""
    record = manifest.files.get(file.path.name)
    if record is None:
        raise CheckpointError(file.path, f"is not listed in the {MANIFEST} beside it.")
    if record.size != file.size:
        raise CheckpointError(
            file.path,
            f"is damaged: it has {file.size} bytes, its {MANIFEST} says "
            f"{brief(record.size)}.",
        )


def check_hash(file: OpenFile, manifest: Manifest) -> None:
    """Read `file` to its end; refuse it if its content is not as the manifest says."""
    check_size(file, manifest)
    file.skip_rest()
    if file.sha256() != manifest.files[file.path.name].sha256:
        reason = f"is damaged: its content differs from the hash in its {MANIFEST}."
        raise CheckpointError(file.path, reason)


def check_version(version: object, path: str | PathLike[str]) -> None:
    """Refuse a format version that is none, or newer than this code."""
    if type(version) is not int or version < 1:
        raise CheckpointError(path, f"format version {brief(version)} is none.")
    if version > FORMAT_VERSION:
        raise CheckpointError(
            path,
            f"has format version {brief(version)}, newer than {FORMAT_VERSION}, the "
            "newest this version of tfsent reads; update tfsent.",
        )


def _own_hash(body: Mapping[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
