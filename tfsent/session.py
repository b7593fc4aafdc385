"""One training run from its settings to its result, on whatever framework.

Lock the folder, find where to go on, prepare the text, train, save, score. The
Keras model and its PyTorch twin differ in what a `Framework` gives; the order of
things, the files and the messages are the same by construction.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tfsent import checkpoint
from tfsent.config import RunConfig
from tfsent.data.batches import LaneBatches
from tfsent.data.byte_shards import ByteShards
from tfsent.data.shards import prepare
from tfsent.data.shuffled_shards import shuffled_if_asked
from tfsent.training.loop import total_steps, train
from tfsent.training.processes import Processes
from tfsent.training.run_log import NoLog, RunLog
from tfsent.training.start import LoadModel, start_weights
from tfsent.training.stop import StopRequest
from tfsent.training.summary import Scores, summary, versions

Tell = Callable[[str], None]


_LOCAL = ("data.root", "data.cache_dir")
"""Settings in which processes may differ: where the text lies on a machine."""


class Framework(Protocol):
    """What a framework gives to a run."""

    layout: checkpoint.Layout
    """How weights lie in its files."""
    packages: tuple[str, ...]
    """Installed packages whose versions the log names."""
    suffix: str
    """End of a default run folder's name."""
    processes: Processes
    """Who carries out the run."""

    def build(self, config: RunConfig, steps: int) -> tuple[Any, Any]:
        """Return the state of a new run (a `RunCounters`) and its update."""

    def set_weights(self, state: Any, weights: Mapping[str, np.ndarray]) -> None:
        """Give a new run its weights, by their names in a file of this project."""

    def evaluator(self, state: Any) -> Any:
        """Return what scores the model: `score(batches) -> Score`."""

    def save_model(self, state: Any, path: str) -> None:
        """Write the model in the framework's own format."""


def train_run(
    config: RunConfig, framework: Framework, tell: Tell, load_model: LoadModel
) -> dict[str, Any]:
    """Train as `config` says, from where the run stands, and return its result.

    Args:
        config: All settings.
        framework: What computes.
        tell: Called with one line about what a user should know.
        load_model: Opens the model that a run starts from.

    Returns:
        JSON values: run folder, steps, bytes, scores, speed. A run that has ended
        before gives the result it had.

    Raises:
        ValueError: If a setting, the text or the run folder makes it impossible.
        OSError: If the disk refuses; names the file.
        SystemExit: With 128 + its number after a signal, the run being saved.
    """
    chief = framework.processes.is_chief
    _require_equal(
        framework.processes,
        {**dict(checkpoint.flat(checkpoint.recorded(config))), **_software(framework)},
    )
    out = Path(config.out or checkpoint.default_out(config, framework.suffix))
    if chief and config.fresh and (aside := checkpoint.move_aside(out)):
        tell(f"{out}: moved aside to {aside}")

    with checkpoint.RunLock(out) if chief else contextlib.nullcontext():
        store = checkpoint.StateStore(
            out, config.checkpoint.keep, tell, framework.layout
        )
        restored, shards = _open(store, config, framework.processes)
        texts = {split: each.fingerprint for split, each in shards.items()}
        _require_equal(
            framework.processes,
            {f"the text of {split}": text for split, text in texts.items()},
        )
        result = checkpoint.find_result(store, config, texts) if chief else None
        if (result := framework.processes.share(result)) is not None:
            tell(f"{out}: has ended before; --fresh trains it anew")
            return result | {"run": str(out)}
        return _carry_out(
            config, framework, tell, load_model, store, restored, shards, texts
        )


def _software(framework: Framework) -> dict[str, Any]:
    found = versions(framework.packages)
    return {f"the version of {name}": number for name, number in found.items()}


def _require_equal(processes: Processes, facts: dict[str, Any]) -> None:
    """Refuse to begin unless every process has the chief's settings, text, software.

    Raises:
        ValueError: In every process; names what differs where.
    """
    if processes.size == 1:
        return
    first, *others = processes.gather(facts)
    differing = [
        f"{name} is {other.get(name)!r} in process {rank} and {first.get(name)!r} in "
        "process 0"
        for rank, other in enumerate(others, 1)
        for name in dict.fromkeys((*first, *other))
        if first.get(name) != other.get(name) and name not in _LOCAL
    ]
    if differing:
        raise ValueError(f"all processes must be alike: {'; '.join(differing[:5])}.")


def _open(
    store: checkpoint.StateStore, config: RunConfig, processes: Processes
) -> tuple[checkpoint.Restored | None, dict[str, ByteShards]]:
    """Return where to go on, in the chief alone, and the text."""
    if processes.size > 1 and "-" in config.data.sources():
        raise ValueError(
            f"data.source is standard input, which {processes.size} processes cannot "
            "share; prepare.py makes shards of it first."
        )
    restored = None
    if processes.is_chief:
        checkpoint.check_format(store)
        store.remove_leftovers()
        restored = checkpoint.find_resumable(store, config)
        # The chief first: the others then find the shards prepared.
        shards = prepare(config.data)
    processes.share(None)
    return restored, shards if processes.is_chief else prepare(config.data)


def _carry_out(
    config: RunConfig,
    framework: Framework,
    tell: Tell,
    load_model: LoadModel,
    store: checkpoint.StateStore,
    restored: checkpoint.Restored | None,
    shards: dict[str, ByteShards],
    texts: dict[str, str],
) -> dict[str, Any]:
    processes, out = framework.processes, store.run_dir
    batches = LaneBatches(
        shuffled_if_asked(shards["train"], config.data, config.seed),
        batch_size=config.training.batch_size,
        window=config.training.window,
        state_reset=config.data.state_reset,
        seed=config.seed,
        lanes=processes.lanes(config.training.batch_size),
    )
    steps = total_steps(config, batches)
    state, step = framework.build(config, steps)
    if restored is not None:
        checkpoint.restore_run(restored, state, config, texts)
        tell(f"{out}: resumed at step {state.step} of {steps}")
    elif processes.is_chief and config.training.start_from is not None:
        framework.set_weights(state, start_weights(config, load_model))
        tell(f"{out}: starts from {config.training.start_from}")
    processes.spread(state)

    stop = StopRequest()
    agreed = processes.agree(stop)
    scores = Scores(framework.evaluator(state), shards, config.training, stop)

    def save(best: bool) -> None:
        state.gather()
        if processes.is_chief:
            checkpoint.save_run(store, state, config, texts, best)

    # Only here: what comes before and after has nothing to save, and a signal
    # ends it at once.
    with _log(config, framework, out, steps, state.step) as log, stop:
        outcome = train(
            state,
            functools.partial(state.update, step),
            batches,
            config,
            log,
            steps=steps,
            validate=scores.validate if "val" in shards else None,
            on_checkpoint=save,
            stop=agreed,
        )
    if agreed.signal is not None:
        saved = f"saved at step {state.step}" if state.step else "nothing to save"
        tell(f"{out}: {saved} of {steps}; run it again to go on")
        # An engine may end all processes with the first: not while the chief saves.
        processes.share(None)
        raise SystemExit(agreed.exit_code)

    layout = framework.layout
    if processes.is_chief:
        settings = checkpoint.recorded(config)
        checkpoint.save_weights(out, state.weights(), settings, layout)
        checkpoint.write_model_file(
            out / layout.model_file, functools.partial(framework.save_model, state)
        )
    result = summary(out, state, outcome, scores.final())
    if processes.is_chief:
        checkpoint.save_result(out, result, config, texts, layout)
    # Nobody leaves before the result is written: the others' leaving ends a process.
    processes.share(None)
    return result


def _log(
    config: RunConfig, framework: Framework, out: Path, steps: int, first_step: int
) -> RunLog | NoLog:
    if not framework.processes.is_chief:
        return NoLog()
    return RunLog(
        out,
        checkpoint.recorded(config),
        versions=versions(framework.packages),
        tensorboard=config.log.tensorboard,
        progress_bar=config.log.progress and not config.json,
        total_steps=steps,
        first_step=first_step,
    )
