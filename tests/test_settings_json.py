"""Settings survive a file."""

import json

import pytest

from tests.test_cli import Inner, Outer
from tfsent.config import RunConfig
from tfsent.presets import PRESETS
from tfsent.settings_json import from_dict, read_config, to_dict


@pytest.mark.parametrize("name", PRESETS)
def test_settings_survive_a_file(tmp_path, name):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(to_dict(PRESETS[name]())))
    assert read_config(path, RunConfig) == PRESETS[name]()


def test_optional_tuples_and_choices_survive_a_file():
    for config in (
        Outer(model="m", split=None, kind="cold", inner=Inner(sizes=(1, 2, 3))),
        Outer(model="", split=(3, 4), kind=None, loud=True),
    ):
        values = json.loads(json.dumps(to_dict(config)))
        assert from_dict(Outer, values) == config


def test_settings_left_out_of_a_file_keep_their_default():
    assert from_dict(RunConfig, {"seed": 3}) == RunConfig(seed=3)


def test_a_required_setting_left_out_of_a_file_is_named():
    with pytest.raises(ValueError, match="model must be given"):
        from_dict(Outer, {})


def test_whole_numbers_do_for_a_setting_with_a_point():
    ratio = from_dict(Outer, {"model": "m", "inner": {"ratio": 1}}).inner.ratio
    assert type(ratio) is float
