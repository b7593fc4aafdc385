"""Studies as lists of trainings."""

import dataclasses

import pytest

from tfsent.config_studies import StudyConfig
from tfsent.studies.plan import RATES, plan
from tfsent.studies.presets import PRESETS


def flat(config, prefix=""):
    found = {}
    for name, value in dataclasses.asdict(config).items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": each for key, each in value.items()}
        else:
            found[name] = value
    return found


def changed(one, other):
    first, second = flat(one.config), flat(other.config)
    return {name for name in first if first[name] != second[name]}


def test_every_optimizer_runs_at_every_rate_and_nothing_else_differs():
    runs = plan(PRESETS["optimizers"](), 100)
    assert [run.line for run in runs] == [name for name in RATES for _ in range(3)]
    for run in runs[1:]:
        assert changed(runs[0], run) <= {"learner.optimizer", "learner.learning_rate"}
    assert runs[1].config.learner.learning_rate == RATES["sgd"]
    assert len({run.name for run in runs}) == len(runs)


def test_each_trick_adds_one_thing_and_the_last_network_has_all():
    config = PRESETS["tricks"]()
    runs = plan(config, 100)
    steps = [changed(*pair) for pair in zip(runs, runs[1:], strict=False)]
    assert steps == [
        {"classifier.cell"},
        {"classifier.initialization", "classifier.initialization_gain"},
        {"classifier.gate_activation"},
        {"learner.optimizer", "learner.learning_rate"},
        {"learner.sort_by_length"},
        {"learner.max_norm"},
    ]
    assert runs[-1].config.classifier == config.classifier
    full = dataclasses.replace(
        runs[-1].config.learner, patience=config.learner.patience
    )
    assert full == config.learner


def test_depths_of_each_cell():
    config = StudyConfig(study="depth", cells=("gru", "tanh"), depths=(1, 3))
    runs = plan(config, 9)
    assert [(run.line, run.x) for run in runs] == [
        ("gru", 1), ("gru", 3), ("tanh", 1), ("tanh", 3),
    ]  # fmt: skip
    assert [run.config.classifier.layers for run in runs] == [1, 3, 1, 3]


def test_crossover_asks_every_line_the_same_texts():
    config = StudyConfig(
        study="crossover", sizes=(20, 50, 900), draws=2, model="M", least_updates=0
    )
    runs = plan(config, 50)
    assert [run.name for run in runs] == [
        f"{line}-{size}-{draw}"
        for size, draw in ((20, 0), (20, 1), (50, 0))
        for line in ("linear", "network", "transfer")
    ]
    for run in runs:
        line, size, draw = run.name.split("-")
        assert run.config.data.train_texts == int(size)
        assert run.config.data.draw == int(draw)
        assert run.what == ("transfer" if line == "transfer" else "finetune")
    assert [run.config.system for run in runs[:2]] == ["linear", "words"]


def test_few_texts_are_read_again_until_there_are_updates_enough():
    config = StudyConfig(study="crossover", sizes=(100,), least_updates=60)
    (network,) = [run for run in plan(config, 500) if run.line == "network"][:1]
    # 90 of 100 texts in batches of 32: 3 updates an epoch.
    assert network.config.learner.epochs == 20
    assert network.config.learner.eval_interval == 25


def test_without_a_model_nothing_is_transferred():
    assert StudyConfig(study="crossover").compared() == ("linear", "network")
    with pytest.raises(ValueError, match="--model"):
        StudyConfig(study="crossover", lines=("transfer",))


def test_fewer_texts_than_any_number_asked_for_is_refused():
    with pytest.raises(ValueError, match="has 50 texts"):
        plan(StudyConfig(study="crossover", sizes=(100, 300)), 50)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"sizes": (5,)}, "sizes"),
        ({"rates": ()}, "rates"),
        ({"depths": (0, 1)}, "depths"),
        ({"system": "linear"}, "system words"),
        ({"folds": 3}, "folds"),
    ],
)
def test_what_no_study_can_be_made_of_is_refused(settings, word):
    with pytest.raises(ValueError, match=word):
        StudyConfig(**settings)
