"""Short texts, how they are prepared in these tests, and what is compared."""

from tfsent.config import DataConfig

COUNT = 900


def lines(count=COUNT):
    return [f"review {number} " + "word " * (number % 37) for number in range(count)]


def settings(source, **changes):
    return DataConfig(**{"source": str(source), "shard_bytes": 16384, **changes})


def prints(splits):
    return {name: split.fingerprint for name, split in splits.items()}
