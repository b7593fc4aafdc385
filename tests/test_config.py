import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsent import config
from tfsent.cli import parse_config
from tfsent.settings_json import setting_types

SECTIONS = (
    config.DataConfig,
    config.ModelConfig,
    config.TrainingConfig,
    config.OptimizerConfig,
    config.DistributionConfig,
    config.CheckpointConfig,
    config.LogConfig,
    config.RunConfig,
)


@pytest.mark.parametrize(
    ("section", "settings", "named"),
    [
        (config.DataConfig, {"source": ""}, "data.source"),
        (config.DataConfig, {"split": (0, 1, 1)}, "data.split"),
        (config.DataConfig, {"split": (98, 1, -1)}, "data.split"),
        (config.DataConfig, {"shard_bytes": 1023}, "data.shard_bytes"),
        (config.DataConfig, {"shuffle": True}, "data.state_reset is shard"),
        (config.ModelConfig, {"hidden_size": 0}, "model.hidden_size"),
        (config.ModelConfig, {"layers": 0}, "model.layers"),
        (config.ModelConfig, {"embedding_size": 0}, "model.embedding_size"),
        (config.ModelConfig, {"dropout": 1.0}, "model.dropout"),
        (config.ModelConfig, {"dropout": float("nan")}, "model.dropout"),
        (config.ModelConfig, {"tied_embedding": True}, "model.tied_embedding"),
        (config.OptimizerConfig, {"learning_rate": 0.0}, "optimizer.learning_rate"),
        (config.OptimizerConfig, {"warmup_steps": -1}, "optimizer.warmup_steps"),
        (config.OptimizerConfig, {"clip_norm": -1.0}, "optimizer.clip_norm"),
        (config.OptimizerConfig, {"initial_loss_scale": 2.0**25}, "initial_loss_scale"),
        (config.OptimizerConfig, {"loss_scale_growth_steps": 0}, "growth_steps"),
        (config.TrainingConfig, {"steps": 1, "epochs": 1.0}, "training.steps"),
        (config.TrainingConfig, {"steps": 0}, "training.steps"),
        (config.TrainingConfig, {"epochs": 0.0}, "training.epochs"),
        (config.TrainingConfig, {"batch_size": 0}, "training.batch_size"),
        (config.TrainingConfig, {"eval_interval": -1}, "training.eval_interval"),
        (config.DistributionConfig, {"devices": 0}, "distribution.devices"),
        (config.DistributionConfig, {"strategy": "none", "devices": 2}, "devices"),
        (config.CheckpointConfig, {"interval": -1}, "checkpoint.interval"),
        (config.CheckpointConfig, {"keep": 1}, "checkpoint.keep"),
        (config.LogConfig, {"interval": 0}, "log.interval"),
        (config.RunConfig, {"seed": 2**31}, "seed"),
    ],
)
def test_what_cannot_work_is_refused_by_name(section, settings, named):
    with pytest.raises(ValueError, match=named):
        section(**settings)


@pytest.mark.parametrize("section", SECTIONS)
def test_settings_cannot_be_changed_once_made(section):
    name = dataclasses.fields(section)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(section(), name, None)


@given(size=st.integers(1, 8192))
def test_tied_embedding_needs_equal_sizes_and_nothing_else(size):
    config.ModelConfig(hidden_size=size, embedding_size=size, tied_embedding=True)
    with pytest.raises(ValueError, match="tied_embedding"):
        config.ModelConfig(
            hidden_size=size, embedding_size=size + 1, tied_embedding=True
        )


def test_every_setting_is_explained_by_the_help_with_its_default(capsys):
    with pytest.raises(SystemExit) as stop:
        parse_config(["--help"])
    assert stop.value.code == 0
    _, *entries = re.split(r"\n\W*(?=--)", capsys.readouterr().out)
    explained = {}
    for entry in entries:
        head, _, body = entry.partition("\n")
        explained[re.split(r"[ ,]", head)[0]] = body
    for path in setting_types(config.RunConfig):
        body = explained["--" + path.replace("_", "-")]
        words = re.findall(r"\w+", body.split("(default")[0])
        assert len(words) >= 3, f"{path} is not explained"
        assert "(default:" in body, f"{path} has no default"
