import pytest

from tfsent.config_supervised import LearnerConfig
from tfsent.supervised.stages import learning_rate, stages

NAMES = (
    "embedding/weight",
    "layers/0/forward/wx",
    "layers/0/backward/wx",
    "layers/1/forward/wx",
    "attention/weight",
    "output/weight",
    "output/bias",
)


def test_full_training_has_one_stage_of_all_weights():
    (only,) = stages(LearnerConfig(thaw="full", learning_rate=0.5), NAMES)
    assert only.trained == NAMES
    assert only.learning_rate == 0.5


def test_last_trains_the_output_alone():
    (only,) = stages(LearnerConfig(thaw="last"), NAMES)
    assert only.trained == ("output/weight", "output/bias")


def test_chain_thaw_trains_the_output_then_each_layer_alone_then_all():
    config = LearnerConfig(
        thaw="chain-thaw", learning_rate=1e-3, chain_learning_rate=1e-4
    )
    found = stages(config, NAMES)
    assert [stage.name for stage in found] == [
        "output",
        "embedding",
        "layers/0",
        "layers/1",
        "attention",
        "all",
    ]
    assert found[2].trained == NAMES[1:3]
    assert [stage.learning_rate for stage in found] == [1e-3] + 5 * [1e-4]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [2, 2, 2]),
        ("linear", [2, 1, 2 / 100]),
        ("cosine", [2, 1, 2 * 0.0002467]),
        (
            "slanted",
            [2 / 32, 2 * (1 + 31 * (1 - 40 / 90)) / 32, 2 * (1 + 31 / 90) / 32],
        ),
    ],
)
def test_schedule_runs_its_course(schedule, expected):
    found = [learning_rate(schedule, 2.0, k, 100) for k in (0, 50, 99)]
    assert found == pytest.approx(expected, rel=1e-3)


def test_slanted_schedule_peaks_after_a_tenth():
    rates = [learning_rate("slanted", 1.0, k, 100) for k in range(100)]
    assert rates.index(max(rates)) == 10
    assert max(rates) == 1.0


def test_single_update_has_the_peak_rate():
    assert learning_rate("linear", 3.0, 0, 1) == 3.0


def test_language_model_is_thawed_from_its_heads_down():
    names = [
        "embedding/weight",
        "layers/0/wx",
        "layers/1/wx",
        "layers/1/gx",
        "output/weight",
        "heads/hidden/0/weight",
        "heads/output/weight",
    ]
    config = LearnerConfig(thaw="chain-thaw", chain_learning_rate=0.5)
    found = stages(config, names)
    assert [stage.trained for stage in found] == [
        ("heads/hidden/0/weight", "heads/output/weight"),
        ("layers/1/wx", "layers/1/gx"),
        ("layers/0/wx",),
        ("embedding/weight",),
        tuple(names),
    ]
    (last,) = stages(LearnerConfig(thaw="last"), names)
    assert last.trained == found[0].trained
    (full,) = stages(LearnerConfig(), names)
    assert full.trained == tuple(names)
