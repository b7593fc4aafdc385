"""A training step as work: what proves it, and from which weights."""

import numpy as np

from compare.runners.training import Training, training_work


class Recorded(Training):
    """Its loss, logits and gradient are the updates since the start weights."""

    def __init__(self):
        self.updates = 0

    def update(self, k):
        self.updates += 1
        return 10 * k + self.updates

    def nats(self, loss):
        return loss

    def restore(self):
        self.updates = 0

    def logits(self):
        return np.array([self.updates])

    def gradients(self):
        return {"a": np.array([self.updates])}


def test_losses_prove_updates_and_more_is_asked_of_the_start_weights():
    training = Recorded()
    work = training_work(training, 3, {"a": np.zeros((2, 3), np.float32)})
    assert {name: list(values) for name, values in work.answers.items()} == {
        "losses": [1, 12, 23]
    }
    assert training.updates == 3
    more = {name: list(values) for name, values in work.more_answers().items()}
    assert more == {"logits": [0], "gradient/a": [0]}
    assert work.facts["parameters"] == 6
    assert work.facts["weight_bytes"] == 24
