"""Figures of a study, made up: no figure was measured."""

SYSTEMS = ("keras", "torch", "keras-layers", "torch-layers")


def interval(median, width=0.03, n=12):
    return {
        "median": median,
        "low": median * (1 - width),
        "high": median * (1 + width),
        "n": n,
    }


def system_of(epoch_s, accuracy=0.83, **changed):
    """Return the figures of a system that is ok."""
    run = {
        "seed": 0,
        "accuracy": accuracy,
        "interval": [accuracy - 0.005, accuracy + 0.005],
        "losses": [0.6, 0.4, 0.31],
    }
    return {
        "status": "ok",
        "reason": None,
        "stderr": "",
        "gap": {"value": 1.2e-7, "tolerance": 1e-5, "what": "losses"},
        "peak_resident_bytes": 900_000_000,
        "epoch_s": interval(epoch_s),
        "test_s": interval(2 * epoch_s),
        "single_s": interval(epoch_s / 1000),
        "start_s": interval(7.5, n=1),
        "import_s": interval(4.5, n=1),
        "compile_s": interval(20.5, n=1),
        "runs": [run],
    } | changed


def left_out(status, reason, stderr=""):
    """Return the figures of a system that is not ok."""
    return dict.fromkeys(system_of(1.0)) | {
        "status": status,
        "reason": reason,
        "stderr": stderr,
        "runs": [],
    }


def network_of(cell, depth, width, seconds, ratios=None, **changed):
    """Return a network.

    Args:
        seconds: System to seconds of an epoch, or to whole figures.
        ratios: (one, other) to the ratio of training; the others are the same.
    """
    systems = {
        name: given if isinstance(given, dict) else system_of(given)
        for name, given in seconds.items()
    }
    speed = [
        {"one": one, "other": other, "train": ratio, "test": ratio, "single": ratio}
        for (one, other), ratio in (ratios or {}).items()
    ]
    return {
        "key": f"{cell}-d{depth}-w{width}",
        "cell": cell,
        "depth": depth,
        "width": width,
        "parameters": 650_000 + depth * width,
        "systems": systems,
        "speed": speed,
    } | changed


def compared(kind, key, difference, holm_p, one="keras", other="torch"):
    return {
        "kind": kind,
        "key": key,
        "seed": 0,
        "one": one,
        "other": other,
        "difference": difference,
        "interval": [difference - 0.002, difference + 0.002],
        "only_one": 310,
        "only_other": 290,
        "p": holm_p / 2,
        "holm_p": holm_p,
    }


def study_of():
    """Return a sound study: two networks, and one with every state in it."""
    pair, own = ("keras", "torch"), ("keras-layers", "torch-layers")
    ratios = {pair: interval(1.25), own: interval(0.8)}
    four = dict(zip(SYSTEMS, (8.5, 10.5, 12.25, 9.75), strict=True))
    broken = {
        "keras": 14.5,
        "torch": left_out("invalid", "not the same work: 0.3 apart"),
        "keras-layers": left_out("absent", "it has no layer of the kind mlstm"),
        "torch-layers": left_out("failed", "<b>gone</b> | at once", "Trace\n<i>x"),
    }
    return {
        "texts": {
            "train": "imdb:train",
            "test": "imdb:test",
            "train_texts": 6250,
            "short_texts": 10_020,
            "train_words": 812_345,
            "test_texts": 25_000,
            "test_words": 4_123_456,
            "test_texts_cut": 14_321,
            "vocabulary": 10_000,
            "fingerprint": "ab" * 32,
        },
        "epochs": 3,
        "batch_size": 32,
        "lengths": [100, 150, 200],
        "latency_words": 100,
        "threads": 2,
        "wall_s": 4321.5,
        "systems": {
            name: {"what": f"what {name} is", "versions": {"numpy": "2.4.6"}}
            for name in SYSTEMS
        },
        "networks": [
            network_of("lstm", 1, 64, four, ratios),
            network_of("lstm", 2, 64, four, {pair: interval(1.01)}),
            network_of("mlstm", 1, 64, broken),
        ],
        "comparisons": [
            compared("between frameworks", "lstm-d1-w64", 0.001, 0.6),
            compared("more layers", "lstm-d2-w64", 0.011, 0.001, other="keras, d1"),
        ],
        "findings": [{"rule": "speed", "sentence": "One is *faster* <here>."}],
    }
