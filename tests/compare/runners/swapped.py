"""PyTorch's own layer with two gates swapped while its weights are loaded."""

from compare.runners import torch_layers

RUNNERS = tuple(facts._replace(name="swapped") for facts in torch_layers.RUNNERS)


def open_side(name):
    torch_layers.TORCH_GATES["lstm"] = "ifou"
    return torch_layers.open_side(name)
