"""What only TensorFlow does: strategies, the compiled update, the loop."""

from tfsent.training.build import build_run
from tfsent.training.distribution import make_strategy
from tfsent.training.evaluate import Evaluator, Score
from tfsent.training.loop import DivergedError, Outcome, total_steps, train
from tfsent.training.optimizer import make_optimizer
from tfsent.training.precision import set_precision
from tfsent.training.run_log import RunLog
from tfsent.training.run_state import RunState
from tfsent.training.step import TrainStep
from tfsent.training.stop import StopRequest
from tfsent.training.summary import Scores, summary, versions

__all__ = [
    "DivergedError",
    "Evaluator",
    "Outcome",
    "RunLog",
    "RunState",
    "Score",
    "Scores",
    "StopRequest",
    "TrainStep",
    "build_run",
    "make_optimizer",
    "make_strategy",
    "set_precision",
    "summary",
    "total_steps",
    "train",
    "versions",
]
