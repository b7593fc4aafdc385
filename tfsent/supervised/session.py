"""One supervised run from its settings to its result, on either framework."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.checkpoint import RunLock, atomic, move_aside
from tfsent.checkpoint.strict_json import json_bytes
from tfsent.config import ModelConfig
from tfsent.config_supervised import FinetuneConfig
from tfsent.data.words import Tokenizer
from tfsent.peak_memory import peak_resident_bytes
from tfsent.supervised.fit import Encoded, Fitting, Learner, Progress, Weights
from tfsent.supervised.language import (
    HEADS,
    ByteReader,
    Language,
    check_settings_of,
    update_bytes,
)
from tfsent.supervised.output import (
    CONFIG,
    METRICS,
    PREDICTIONS,
    default_out,
    predictions_csv,
    recorded,
    result_of,
)
from tfsent.supervised.reader import WordReader
from tfsent.supervised.store import (
    Model,
    check_settings,
    read_model,
    read_progress,
    save_progress,
    write_model,
)
from tfsent.supervised.task import Task
from tfsent.training.stop import StopRequest
from tfsent.transfer.labelled import (
    LabelledTexts,
    label_names,
    read_labels,
    read_splits,
)
from tfsent.transfer.scores import matthews

Tell = Callable[[str], None]
MakeLearner = Callable[[Any, Task, FinetuneConfig], Learner]
"""Reader, task and settings to a learner with start weights."""
Load = Callable[[str], Any]
"""Path of a language model to a `tfsent.trained.TrainedModel`."""


class Texts:
    """The texts of a run: labelled, encoded, with what their labels stand for."""

    def __init__(
        self,
        config: FinetuneConfig,
        begun: Model | None,
        language: Language | None,
        tell: Tell,
    ):
        splits = read_splits(config.data)
        for note in splits.notes:
            tell(f"note: {note}")
        self.task, self._encode = _task(config, splits.train, tell)
        _check_task(config, self.task)
        train, val = splits.train, splits.val
        if val is None:
            train, val = _apart(train, config)
            tell(
                f"note: {len(val.texts):,} of the training texts are set apart as "
                "validation texts."
            )
        test = splits.test
        self.reader = _reader(config, begun, language, train.texts)
        self.counts = {
            name: len(each.texts)
            for name, each in (("train", train), ("val", val), ("test", test))
            if each is not None
        }
        self.train = self._encoded(train, "data.train")
        rows = self.reader.kept(self.train.ids)
        self.train = Encoded([self.train.ids[k] for k in rows], self.train.labels[rows])
        self.counts["train_kept"] = len(rows)
        self.val = self._encoded(val, "data.val")
        self.test = None if test is None else self._encoded(test, "data.test")

    def _encoded(self, texts: LabelledTexts, setting: str) -> Encoded:
        labels = self._encode(texts, setting)
        return Encoded([self.reader.encode(text) for text in texts.texts], labels)


def _reader(
    config: FinetuneConfig,
    begun: Model | None,
    language: Language | None,
    texts: list[str],
) -> WordReader | ByteReader:
    if language is not None:
        return ByteReader(language, config.encoder)
    if begun is None:
        return WordReader(Tokenizer.fit(texts, config.words))
    if begun.reader is None:
        raise ValueError(
            f"start {config.start} was converted without the words of its numbers; "
            "convert it again with vocabulary.json, word to number, beside the file."
        )
    if not isinstance(begun.reader, WordReader):
        raise ValueError(
            f"start is {config.start!r}, which fine-tunes a language model; "
            "--system language goes on from it."
        )
    return WordReader(Tokenizer(config.words, begun.reader.tokenizer.words))


def _task(
    config: FinetuneConfig, train: LabelledTexts, tell: Tell
) -> tuple[Task, Callable[[LabelledTexts, str], np.ndarray]]:
    """Return what is to be told, and what makes its numbers of a split."""
    names = label_names(config.data, train.labels.shape[1])
    if config.regression:
        if len(names) != 1:
            raise ValueError(
                f"data.label_key is {config.data.label_key!r}; a regression learns "
                "one number: one name will do."
            )
        return Task.regression(
            names[0], train.labels[:, 0]
        ), lambda texts, _: texts.labels[:, 0]
    labels = read_labels(train, names)
    for note in labels.notes:
        tell(f"note: {note}")
    return Task.of(labels, config.metric), labels.encode


def _check_task(config: FinetuneConfig, task: Task) -> None:
    """Refuse weights of classes where there are none, and a zone between two."""
    if config.neutral_share and task.kind != "binary":
        raise ValueError(
            f"neutral_share is {config.neutral_share}, a share of texts between two "
            f"classes; these labels are {task.kind}, for which 0 will do."
        )
    if task.kind in ("binary", "multiclass"):
        return
    given = "balanced" if config.learner.balanced else "class_weights"
    if config.learner.balanced or config.learner.class_weights != "none":
        raise ValueError(
            f"learner.{given} needs one class a text; these labels are "
            f"{'several' if task.kind == 'multilabel' else 'numbers'}."
        )


def _apart(
    train: LabelledTexts, config: FinetuneConfig
) -> tuple[LabelledTexts, LabelledTexts]:
    """Return the training texts in two parts; each class keeps its share."""
    rng = np.random.default_rng(config.seed)
    _, groups = np.unique(train.labels, axis=0, return_inverse=True)
    groups = groups.reshape(-1)
    if config.regression or train.labels.shape[1] > 1:
        groups = np.zeros(len(groups), np.int64)
    chosen = np.zeros(len(groups), bool)
    for group in np.unique(groups):
        rows = rng.permutation(np.flatnonzero(groups == group))
        chosen[rows[: round(config.learner.val_share * len(rows))]] = True
    if not chosen.any() or chosen.all():
        raise ValueError(
            f"data.train has {len(chosen)} texts, too few to set "
            f"{config.learner.val_share:.0%} apart; give data.val."
        )
    return train.take(np.flatnonzero(~chosen)), train.take(np.flatnonzero(chosen))


def finetune(
    config: FinetuneConfig, make: MakeLearner, tell: Tell, load: Load | None = None
) -> dict[str, Any]:
    """Train a network as `config` says, and return the result.

    Goes on where an earlier call with the same settings stopped; one that has ended
    gives the result it had.

    Args:
        config: All settings.
        make: Makes model and optimizer.
        tell: Takes lines on how far it is.
        load: Loads the language model (system language).

    Raises:
        ValueError: If a setting, the texts or the run folder make it impossible.
        OSError: If the disk refuses; names the file.
        SystemExit: With 128 + its number after a signal, the run being saved.
    """
    if config.system == "language":
        check_settings_of(config)
    settings = recorded(config)
    out = Path(config.out or default_out(config)).expanduser()
    if config.fresh and (aside := move_aside(out)):
        tell(f"{out}: moved aside to {aside}")
    with RunLock(out):
        if (result := _ended(out, settings)) is not None:
            tell(f"{out}: has ended before; --fresh trains it anew")
            return result
        return _train(config, settings, out, make, tell, load)


def _ended(out: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    if not (out / METRICS).exists():
        return None
    check_settings(out, read_model(out).settings, settings)
    found: dict[str, Any] = json.loads((out / METRICS).read_bytes())["result"]
    return found | {"run": str(out)}


def _train(
    config: FinetuneConfig,
    settings: dict[str, Any],
    out: Path,
    make: MakeLearner,
    tell: Tell,
    load: Load | None,
) -> dict[str, Any]:
    started = time.perf_counter()
    saved = read_progress(out, settings)
    begun = read_model(Path(config.start)) if config.start else None
    language, given = _language(config, begun, load)
    texts = Texts(config, begun, language, tell)
    learner = make(texts.reader, texts.task, config)
    if given:
        learner.set_weights(learner.weights() | given)
    if language is not None:
        tell(_memory_note(config, language.model, texts.train))
    if begun is not None and saved is None and config.learner.thaw != "new":
        tell(_start_from(learner, begun, texts.reader))
    if language is not None and saved is None and config.encoder.standardize:
        if begun is None or _other_feature(begun, texts.reader):
            tell("reads the training texts to bring their features to one size")
            learner.standardize(texts.train.ids)  # type: ignore[attr-defined]
    atomic.replace_file(out / CONFIG, [json_bytes(settings)])
    stop = StopRequest()

    def save(
        progress: Progress, weights: Weights, best: Weights, optimizer: Weights
    ) -> None:
        save_progress(out, settings, progress, weights, best, optimizer)

    fitting = Fitting(
        learner,
        texts.task,
        texts.train,
        texts.val,
        config.learner,
        texts.reader.padding,
        config.seed,
        save,
        tell,
        stop,
        texts.reader.texts_at_once,
    )
    with stop:
        progress = fitting.run(saved)
    said = texts.task.predictions(fitting.outputs(texts.val))
    task = texts.task.tuned(said, texts.val.labels)
    task = task.with_neutral(said, texts.val.labels, config.neutral_share)
    figures: dict[str, Any] = {
        "format": "tfsent-supervised",
        "format_version": 1,
        "texts": texts.counts,
        "words": texts.reader.num_symbols,
        "parameters": sum(array.size for array in learner.weights().values()),
        "task": dataclasses.asdict(task),
        f"val_{task.measure}": progress.best,
        "updates": progress.updates,
        "best_update": progress.best_update,
        "epochs": progress.epoch + 1,
        "seconds": progress.seconds,
        "validation_seconds": progress.validation_seconds,
        "history": progress.history,
        "test": None,
    }
    write_model(out, settings, task, learner.weights(), texts.reader)
    if texts.test is not None:
        figures["test"] = _measure(
            fitting, task, texts.test, texts.train.labels, config, out
        )
    figures["peak_memory_bytes"] = peak_resident_bytes()
    figures["wall_seconds"] = time.perf_counter() - started
    figures["result"] = result_of(figures, config)
    atomic.replace_file(out / METRICS, [json_bytes(figures)])
    if (out / "checkpoint").exists():
        atomic.discard_folder(out / "checkpoint")
    return figures["result"] | {"run": str(out)}


def _language(
    config: FinetuneConfig, begun: Model | None, load: Load | None
) -> tuple[Language | None, Weights]:
    """Return the language model that is fine-tuned, and the weights it brings."""
    if config.system != "language":
        return None, {}
    if begun is not None:
        if isinstance(begun.reader, ByteReader):
            return begun.reader.language, {}
        raise ValueError(
            f"start is {config.start!r}, a classifier of words; a run of system "
            "language will do."
        )
    assert load is not None
    trained = load(str(config.encoder.model))
    return Language.of(trained), trained.named_weights()


def _memory_note(config: FinetuneConfig, model: ModelConfig, train: Encoded) -> str:
    longest = max(len(text) for text in train.ids)
    size = config.learner.batch_size
    amount = update_bytes(model, size, longest) / 2**30
    return (
        f"an update of {size} texts of {longest:,} bytes, the longest, takes about "
        f"{amount:.1f} GiB; encoder.max_bytes and learner.batch_size make it less"
    )


def _other_feature(begun: Model, reader: Any) -> bool:
    """Return whether a run was begun with another feature of its language model."""
    before = getattr(begun.reader, "feature", None)
    return bool(before != getattr(reader, "feature", None))


def _start_from(learner: Learner, begun: Model, reader: Any) -> str:
    """Give a learner the weights of an earlier run; return what was left new."""
    weights, new = learner.weights(), []
    # Heads of another feature say nothing about this one, whatever their shape.
    heads = (HEADS,) if _other_feature(begun, reader) else ()
    loose = HEADS if isinstance(reader, ByteReader) else "output/"
    for name, array in weights.items():
        given = None if name.startswith(heads) else begun.weights.get(name)
        if given is not None and given.shape == array.shape:
            weights[name] = given
        elif name.startswith(loose):
            new.append(name)
        else:
            shape = None if given is None else list(given.shape)
            raise ValueError(
                f"start has {name} {shape}, not {list(array.shape)}; the same "
                "settings of the classifier will do."
            )
    learner.set_weights(weights)
    return f"begins with {len(weights) - len(new)} weights of start" + (
        f"; new: {', '.join(new)}" if new else ""
    )


def _measure(
    fitting: Fitting,
    task: Task,
    test: Encoded,
    train_labels: np.ndarray,
    config: FinetuneConfig,
    out: Path,
) -> dict[str, Any]:
    started = time.perf_counter()
    predicted = task.predictions(fitting.outputs(test))
    seconds = time.perf_counter() - started
    atomic.replace_file(
        out / PREDICTIONS, predictions_csv(task, predicted, test.labels)
    )
    quality = task.quality(predicted, test.labels, train_labels, config.seed)
    if task.kind == "binary":
        quality["mcc"] = matthews(task.decisions(predicted), test.labels)
    return quality | {"seconds": seconds}
