"""A model and a text -> a picture of one neuron under every character."""

from tfsent.heat_map.colors import SCHEMES
from tfsent.heat_map.heat_map import HeatMap, heatmap, neuron_of

__all__ = ["SCHEMES", "HeatMap", "heatmap", "neuron_of"]
