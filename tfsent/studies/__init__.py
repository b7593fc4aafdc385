from tfsent.studies.plan import Run, plan
from tfsent.studies.presets import PRESETS
from tfsent.studies.study import study

__all__ = ["PRESETS", "Run", "plan", "study"]
