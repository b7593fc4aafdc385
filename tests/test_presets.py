import pytest

from tfsent.config import RunConfig, TrainingConfig
from tfsent.presets import PRESETS, nvidia_8192, paper_4096, small
from tfsent.settings_json import from_dict, to_dict


def test_presets_are_named_as_promised():
    assert list(PRESETS) == ["tiny", "small", "paper-4096", "nvidia-8192"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_its_own_config_file(name):
    config = PRESETS[name]()
    assert from_dict(RunConfig, to_dict(config)) == config


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_leaves_the_length_of_a_run_to_steps_or_epochs(name):
    training = PRESETS[name]().training
    assert training.steps is None
    assert training.epochs is None


def test_presets_are_different_settings():
    assert len({repr(make()) for make in PRESETS.values()} | {repr(RunConfig())}) == 5


def test_small_is_the_measured_recipe():
    config = small()
    assert config.model.hidden_size == 512
    assert (config.training.batch_size, config.training.window) == (64, 128)
    assert (config.optimizer.name, config.optimizer.schedule) == ("adam", "linear")
    assert config.optimizer.learning_rate == 2e-3


def test_paper_4096_is_the_published_recipe():
    config = paper_4096()
    assert config.model.cell == "mlstm"
    assert (config.model.hidden_size, config.model.embedding_size) == (4096, 64)
    assert config.model.weight_norm
    assert config.training == TrainingConfig(batch_size=128, window=256)
    assert (config.optimizer.name, config.optimizer.schedule) == ("adam", "linear")
    assert config.optimizer.learning_rate == 5e-4
    assert config.data.text_rule == "openai"
    assert config.precision == "float32"


def test_nvidia_8192_is_the_published_recipe():
    config = nvidia_8192()
    assert config.model.hidden_size == 8192
    assert config.model.initialization == "nvidia"
    assert config.data.text_rule == "nvidia"
    assert config.precision == "mixed_float16"
    assert config.optimizer.scale_with_batch
    assert config.optimizer.learning_rate == 5e-4
    assert config.optimizer.max_learning_rate == 3e-3
    assert config.optimizer.clip_norm == 1.0
    assert config.optimizer.loss_scale_growth_steps == 1000
