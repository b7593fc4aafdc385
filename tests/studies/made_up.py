"""Results of studies that nobody measured, to hold rules and pictures to."""

ORIGIN = {
    "command": "python scripts/study.py",
    "date": "2020-01-01",
    "cpu": "a processor",
    "threads": 2,
    "versions": {"python": "3"},
}


def run_of(line, x=0.0, val=0.8, curve=((10, 0.8),), **more):
    """Return a run whose validations are pairs of an update and an accuracy."""
    history = [
        {
            "update": update,
            "examples": 4 * update,
            "seconds": 2.0 * update,
            "val_accuracy": accuracy,
            "val_loss": 1.0 - accuracy,
        }
        for update, accuracy in curve
    ]
    return {
        "name": f"{line}-{x}",
        "line": line,
        "x": x,
        "draw": 0,
        "val_accuracy": val,
        "test_accuracy": val,
        "test_majority_accuracy": 0.5,
        "interval": [val - 0.01, val + 0.01],
        "updates": curve[-1][0],
        "seconds": 3.0,
        "history": history,
        **more,
    }


def point(line, x, mean, reach=0.01, **more):
    return {
        "line": line,
        "x": x,
        "draws": 1,
        "mean": mean,
        "low": mean - reach,
        "high": mean + reach,
        "seconds": 1.0,
        **more,
    }


def results(study, runs=(), lines=(), **more):
    return {
        "study": study,
        "runs": list(runs) or [run_of("a")],
        "lines": list(lines),
        "texts": {"train": 10, "test": 5},
        "provenance": ORIGIN,
        **more,
    }


def word(name, sentiment, x, y=0.0, texts=20):
    return {"word": name, "sentiment": sentiment, "x": x, "y": y, "texts": texts}


def words(told=0.7, chance=0.2, names=("awful", "dull", "fine", "lovely")):
    return {
        "mean_label": 0.5,
        "neighbours": 10,
        "correlation": told,
        "correlation_shuffled": chance,
        "shown": [word(name, k / 4, float(k), k / 2) for k, name in enumerate(names)],
    }
