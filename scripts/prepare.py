"""Clean a source once and write its bytes as shards, which train.py reads.

    python scripts/prepare.py --data.source reviews.jsonl.gz --out SHARDS

Constant memory; a run that was killed goes on behind its last closed shard.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from tqdm import tqdm

from tfsent.cli import parse_config, run
from tfsent.config_files import PrepareConfig
from tfsent.data.shards import Workers, prepare
from tfsent.peak_memory import peak_resident_bytes
from tfsent.ray_cluster import require_ray


def main(argv: Sequence[str] | None = None) -> None:
    """Prepare the shards that the command line asks for and print a summary."""
    config = parse_config(argv, PrepareConfig, description=__doc__)
    if config.engine == "ray":
        require_ray("engine")
    start_s = time.perf_counter()
    workers = Workers(config.engine, config.workers)
    with tqdm(unit="B", unit_scale=True, disable=config.json or None) as bar:
        splits = prepare(
            config.data, config.out, lambda _, count: bar.update(count - bar.n), workers
        )
    wall_s = time.perf_counter() - start_s
    num_bytes = sum(shards.num_bytes for shards in splits.values())
    result = {
        "out": config.out,
        "text_rule": config.data.text_rule,
        "splits": {
            name: {
                "samples": shards.num_samples,
                "bytes": shards.num_bytes,
                "dropped_empty": shards.index["dropped_empty"],
                "fingerprint": shards.fingerprint,
            }
            for name, shards in splits.items()
        },
        "wall_s": wall_s,
        "mb_per_s": num_bytes / wall_s / 1e6,
        "peak_resident_bytes": peak_resident_bytes(),
    }
    if config.json:
        print(json.dumps(result))
        return
    for name, shards in splits.items():
        print(f"{name:5}  {shards.num_samples:>12,} samples  {shards.num_bytes:>16,} B")
    print(
        f"{config.out}: {wall_s:.1f} s, {result['mb_per_s']:.1f} MB/s, peak resident "
        f"{result['peak_resident_bytes'] / 1e6:.0f} MB, workers not counted"
    )


if __name__ == "__main__":
    run(main)
