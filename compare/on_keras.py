"""A trained model on PyTorch -> the same weights on Keras, in memory."""

from __future__ import annotations

from typing import Any


def on_keras(model: Any) -> Any:
    """Return a trained model on Keras: itself, or its weights there.

    Args:
        model: What `compare.resolve.resolve` gives.

    Returns:
        `tfsent.loading.LanguageModel`.
    """
    from tfsent.loading import LanguageModel
    from tfsent.model import ByteLanguageModel

    if isinstance(model, LanguageModel):
        return model
    # Here, not above: a run of Keras needs no PyTorch.
    from compare.models import our_arrays

    twin = model.model
    copy = ByteLanguageModel(
        twin.config, seed=None, text_rule=model.text_rule, decoder=twin.decoder
    )
    copy.build(None)
    arrays = {
        name: parameter.detach().float().cpu().numpy()
        for name, parameter in twin.named_parameters()
    }
    copy.set_named_weights(our_arrays(arrays, twin.config))
    return LanguageModel(copy)
