import dataclasses
import json

import pytest

from tfsent.checkpoint import check_resumable
from tfsent.config import RunConfig


def config(**changes):
    settings = dataclasses.asdict(RunConfig()) | {"data_fingerprint": "abc"}
    for name, value in changes.items():
        *section, key = name.split("__")
        (settings[section[0]] if section else settings)[key] = value
    return settings


@pytest.mark.parametrize(
    "change",
    [
        {"log__interval": 7},
        {"log__tensorboard": False},
        {"log__progress": False},
        {"checkpoint__interval": 7},
        {"checkpoint__keep": 5},
        {"training__eval_interval": 7},
        {"training__eval_bytes": 7},
        {"distribution__strategy": "none"},
        {"distribution__devices": 2},
        {"data__root": "/elsewhere"},
        {"data__cache_dir": "/elsewhere"},
        {"fresh": True},
        {"json": True},
        {"out": "elsewhere"},
        {"launcher": "ray"},
        {"plan": True},
        {"training__accumulation_steps": 2},
        {"training__recompute_segment": 16},
        {"training__recompute_layers": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_free_setting_may_change(change):
    check_resumable(config(), config(**change))


FREE = {"log", "checkpoint", "distribution", "fresh", "json", "out"}
FREE |= {"launcher", "workers", "max_restarts", "plan"}
FREE |= {f"training.{name}" for name in ("eval_interval", "eval_bytes", "test_bytes")}
FREE |= {
    f"training.{name}"
    for name in ("accumulation_steps", "recompute_segment", "recompute_layers")
}
FREE |= {"data.root", "data.cache_dir"}


def every_other_setting():
    for section, value in config().items():
        for key in value if isinstance(value, dict) else [None]:
            name = section if key is None else f"{section}.{key}"
            if not {section, name} & FREE:
                yield name


@pytest.mark.parametrize("name", list(every_other_setting()))
def test_every_other_setting_is_refused_by_name_with_both_values(name):
    asked = config()
    section, _, key = name.partition(".")
    old = asked[section][key] if key else asked[section]
    if key:
        asked[section][key] = "changed"
    else:
        asked[section] = "changed"
    with pytest.raises(ValueError, match="--fresh .* another --out") as caught:
        check_resumable(config(), asked)
    assert f"{name} was {old!r}, now 'changed'" in str(caught.value)


def test_all_differing_fields_are_named_in_one_line():
    asked = config(model__hidden_size=9, seed=4, data_fingerprint="def")
    with pytest.raises(ValueError, match="model.hidden_size") as caught:
        check_resumable(config(), asked)
    assert "seed was 0, now 4" in str(caught.value)
    assert "data_fingerprint was 'abc', now 'def'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_configuration_read_back_from_json_is_the_same():
    check_resumable(json.loads(json.dumps(config())), config())


def test_setting_that_is_gone_is_refused():
    asked = config()
    del asked["model"]["dropout"]
    with pytest.raises(ValueError, match="model.dropout was 0.0, now 'absent'"):
        check_resumable(config(), asked)


def test_setting_newer_than_the_run_counts_as_its_default():
    saved, other = config(), config()
    del saved["data"]["shuffle"]
    check_resumable(saved, config())
    other["data"]["shuffle"] = True
    with pytest.raises(ValueError, match="data.shuffle was False, now True"):
        check_resumable(saved, other)


def test_fact_that_is_no_setting_must_be_on_both_sides():
    with pytest.raises(ValueError, match="data_fingerprint was 'absent', now 'a'"):
        check_resumable({}, {"data_fingerprint": "a"})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"training__steps": 10}, {"training__steps": 20}),
        ({"training__epochs": 1.0}, {"training__epochs": 2.5}),
        ({}, {"training__epochs": 2.0}),
        ({}, {"training__epochs": 1.0}),
    ],
)
def test_run_may_grow_only_under_a_constant_rate(old, new):
    constant = {"optimizer__schedule": "constant"}
    check_resumable(config(**old, **constant), config(**new, **constant))
    with pytest.raises(ValueError, match=next(iter(new)).replace("__", ".")):
        check_resumable(config(**old), config(**new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"training__steps": 20}, {"training__steps": 10}),
        ({"training__epochs": 2.0}, {}),
        ({"training__epochs": 2.0}, {"training__steps": 10**6}),
        ({"training__steps": 10}, {"training__epochs": 100.0}),
    ],
)
def test_run_may_neither_shrink_nor_change_its_unit(old, new):
    constant = {"optimizer__schedule": "constant"}
    with pytest.raises(ValueError, match="training"):
        check_resumable(config(**old, **constant), config(**new, **constant))


def test_schedule_itself_may_not_change():
    asked = config(training__steps=20, optimizer__schedule="constant")
    with pytest.raises(ValueError, match="optimizer.schedule.*") as caught:
        check_resumable(config(training__steps=10), asked)
    assert "training.steps" in str(caught.value)
