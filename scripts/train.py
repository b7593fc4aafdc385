"""Train a byte-level language model on text; the same command again resumes it.

    python scripts/train.py --preset tiny --data.source builtin --out runs/first

Prints one JSON object at the end: run folder, steps, bytes seen, bits per
character (BPC) of training, validation and test text, bytes per second, seconds.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tfsent.cli import parse_config, quiet, run


def main(argv: Sequence[str] | None = None) -> None:
    """Train the model that the command line asks for and print what came of it."""
    config = parse_config(argv, description=__doc__)
    quiet()
    # Here, not above: --help and wrong flags need not wait for TensorFlow.
    from tfsent import checkpoint, data, training

    tell = functools.partial(print, file=sys.stderr, flush=True)
    out = Path(config.out) if config.out else checkpoint.default_out(config)
    if config.fresh and (aside := checkpoint.move_aside(out)):
        tell(f"{out}: moved aside to {aside}")

    with checkpoint.RunLock(out):
        store = checkpoint.StateStore(out, config.checkpoint.keep, announce=tell)
        store.remove_leftovers()
        restored = checkpoint.find_resumable(store, config)

        shards = data.prepare(config.data)
        texts = {split: each.fingerprint for split, each in shards.items()}
        if (result := checkpoint.find_result(store, config, texts)) is not None:
            tell(f"{out}: has ended before; --fresh trains it anew")
            print(json.dumps(result | {"run": str(out)}))
            return

        batches = data.LaneBatches(
            shards["train"],
            batch_size=config.training.batch_size,
            window=config.training.window,
            state_reset=config.data.state_reset,
            seed=config.seed,
        )
        steps = training.total_steps(config, batches)

        state, step = training.build_run(config, steps)
        if restored is not None:
            checkpoint.restore_run(restored, state, config, texts)
            tell(f"{out}: resumed at step {state.step} of {steps}")

        stop = training.StopRequest()
        scores = training.Scores(state.model, shards, config.training, stop)
        save = functools.partial(checkpoint.save_run, store, state, config, texts)
        log = training.RunLog(
            out,
            checkpoint.recorded(config),
            versions=training.versions(),
            tensorboard=config.log.tensorboard,
            progress_bar=config.log.progress and not config.json,
            total_steps=steps,
            first_step=state.step,
        )
        # Only here: what comes before and after has nothing to save, and a signal
        # ends it at once.
        with log, stop:
            outcome = training.train(
                state,
                step,
                batches,
                config,
                log,
                steps=steps,
                validate=scores.validate if "val" in shards else None,
                on_checkpoint=save,
                stop=stop,
            )
        if stop.signal is not None:
            saved = f"saved at step {state.step}" if state.step else "nothing to save"
            tell(f"{out}: {saved} of {steps}; run it again to go on")
            raise SystemExit(stop.exit_code)

        checkpoint.save_weights(out, state.weights(), checkpoint.recorded(config))
        checkpoint.write_model_file(out / "model.keras", state.model.save)
        result = training.summary(out, state, outcome, scores.final())
        checkpoint.save_result(out, result, config, texts)
        print(json.dumps(result))


if __name__ == "__main__":
    run(main)
