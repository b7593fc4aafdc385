"""The update of a model, the loop around it, and what a run tells.

`loop`, `results`, `counters`, `schedule`, `summary`, `run_log` and `stop` import
no framework; the rest is what only TensorFlow does. Importing loads nothing: a
public name fetches its module on first use.
"""

_HOMES = {
    "DivergedError": "loop",
    "Evaluator": "evaluate",
    "Outcome": "results",
    "RunCounters": "counters",
    "RunLog": "run_log",
    "RunState": "run_state",
    "Score": "results",
    "Scores": "summary",
    "StepResult": "results",
    "StopRequest": "stop",
    "TrainStep": "step",
    "build_run": "build",
    "make_optimizer": "optimizer",
    "make_strategy": "distribution",
    "set_precision": "precision",
    "total_steps": "loop",
    "train": "loop",
    "unrolls": "precision",
    "versions": "summary",
}
"""Module of every public name."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tfsent.training' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"tfsent.training.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
