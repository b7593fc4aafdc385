"""A learner small enough to be understood: one weight a word, gradient descent."""

import numpy as np


class LinearLearner:
    """Logits are the mean over the words of a weight; the loss that of two classes."""

    names = ("embedding/weight", "output/weight")

    def __init__(self, num_words=7):
        self.values = {
            "embedding/weight": np.zeros((num_words, 2), np.float32),
            "output/weight": np.zeros(2, np.float32),
        }
        self.calls = []

    def begin(self, trained):
        self.trained = tuple(trained)
        self.momentum = np.zeros(2, np.float32)
        self.calls.append(("begin", self.trained))

    def update(self, batch, rate, number):
        said = self.outputs(batch)
        odds = np.exp(said - said.max(1, keepdims=True))
        odds /= odds.sum(1, keepdims=True)
        labels = batch.labels
        weight = batch.weight_N / batch.weight_N.sum()
        loss = -(weight * np.log(odds[np.arange(len(labels)), labels])).sum()
        slope = (odds - np.eye(2)[labels]) * weight[:, None]
        if "embedding/weight" in self.trained:
            for n, row in enumerate(batch.words_NT):
                words = row[batch.mask_NT[n]]
                for word in words:
                    self.values["embedding/weight"][word] -= (
                        rate * slope[n] / len(words)
                    )
        if "output/weight" in self.trained:
            self.momentum = (0.5 * self.momentum + slope.sum(0)).astype(np.float32)
            self.values["output/weight"] -= rate * self.momentum
        self.calls.append(("update", rate, number, tuple(batch.rows)))
        return float(loss)

    def outputs(self, batch):
        mask = batch.mask_NT[:, :, None]
        each = self.values["embedding/weight"][batch.words_NT] * mask
        mean = each.sum(1) / np.maximum(mask.sum(1), 1)
        return (mean + self.values["output/weight"]).astype(np.float32)

    def weights(self):
        return {name: value.copy() for name, value in self.values.items()}

    def set_weights(self, weights):
        self.values = {name: value.copy() for name, value in weights.items()}

    def state(self):
        return {"momentum": self.momentum.copy()}

    def set_state(self, state):
        self.momentum = state["momentum"].copy()
