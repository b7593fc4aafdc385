"""What a command asks to be painted -> the heat map, of a neuron or of attention."""

from __future__ import annotations

from compare.resolve import resolve, resolve_judge
from tfsent.config_commands import HeatmapConfig
from tfsent.heat_map import AttentionMap, HeatMap, attention_map, heatmap
from tfsent.transfer.classifier import has_classifier, load_classifier


def paint(config: HeatmapConfig, text: str) -> HeatMap | AttentionMap:
    """Return the heat map of a text.

    Raises:
        CheckpointError: If there is no sound model; names the path.
        ValueError: If the model brings nothing to paint, or settings do not go with it.
    """
    judge = None
    if config.neuron is None:
        judge = resolve_judge(config.model, config.classifier, config.precision)
    if judge is not None:
        if config.center is not None:
            raise ValueError(
                f"center is {config.center}; attention has no neuron whose value could "
                "be counted from there: leave it."
            )
        return attention_map(judge, text, limit=config.limit, colors=config.colors)
    classifier, folder = None, config.classifier
    if config.neuron is None:
        folder = config.model if folder is None else folder
        if config.classifier is None and not has_classifier(folder):
            raise ValueError(
                f"{config.model} brings no classifier; --neuron or --classifier will "
                "say what to paint."
            )
        classifier = load_classifier(folder)
    return heatmap(
        resolve(config.model, precision=config.precision),
        text,
        config.neuron,
        classifier=classifier,
        layer=config.layer,
        state=config.state,
        center=config.center,
        limit=config.limit,
        colors=config.colors,
        any_model=config.any_model,
    )
