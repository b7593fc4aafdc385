"""A function whose activations are computed anew on the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable


def recomputed(
    function: Callable[..., Sequence[Any]],
    arguments: Sequence[Any],
    parameters: Sequence[torch.nn.Parameter],
):
    """Return `function(*arguments)`, of which only the arguments are kept.

    Not `torch.utils.checkpoint`: without reentry it drops what was saved for the way
    back and keeps what `compare.twin.recurrence` holds besides, two states a step;
    with reentry it gives each parameter its gradient by itself, which
    `DistributedDataParallel` takes for one that is used twice.

    Args:
        function: Tensors in, tensors out; draws no random numbers.
        arguments: Its tensors.
        parameters: What else of it has a gradient: parameters that it uses.
    """
    return _Recomputed.apply(function, len(arguments), *arguments, *parameters)


class _Recomputed(torch.autograd.Function):
    """See `recomputed`."""

    @staticmethod
    def forward(ctx, function, num_arguments, *tensors):
        ctx.function, ctx.num_arguments = function, num_arguments
        device = tensors[0].device.type
        ctx.autocast = (
            device,
            torch.get_autocast_dtype(device),
            torch.is_autocast_enabled(device),
        )
        ctx.save_for_backward(*tensors)
        return tuple(function(*tensors[:num_arguments]))

    @staticmethod
    @once_differentiable
    def backward(ctx, *upstream):
        arguments, parameters = (
            ctx.saved_tensors[: ctx.num_arguments],
            ctx.saved_tensors[ctx.num_arguments :],
        )
        asked = ctx.needs_input_grad[2:]
        device, dtype, enabled = ctx.autocast
        with torch.enable_grad(), torch.autocast(device, dtype, enabled):
            arguments = [
                argument.detach().requires_grad_(needs)
                for argument, needs in zip(arguments, asked, strict=False)
            ]
            outputs = ctx.function(*arguments)
        sources = [*arguments, *parameters]
        found = iter(
            torch.autograd.grad(
                outputs,
                [s for s, needs in zip(sources, asked, strict=True) if needs],
                upstream,
                allow_unused=True,
            )
        )
        return None, None, *[next(found) if needs else None for needs in asked]
