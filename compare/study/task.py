"""What every network of the study learns, and the rule of its updates."""

from __future__ import annotations

from tfsent.config_supervised import LearnerConfig
from tfsent.supervised.task import Task

TASK = Task("binary", ("negative", "positive"))
LEARNER = LearnerConfig(optimizer="adam")
