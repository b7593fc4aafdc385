"""A model and a text -> a picture of one neuron, or of attention, under the text."""

from tfsent.heat_map.attention import AttentionMap, attention_map
from tfsent.heat_map.colors import SCHEMES
from tfsent.heat_map.heat_map import HeatMap, heatmap, neuron_of

__all__ = [
    "SCHEMES",
    "AttentionMap",
    "HeatMap",
    "attention_map",
    "heatmap",
    "neuron_of",
]
