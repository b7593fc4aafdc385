"""Supervised models over words.

Axes: N texts, T words, V words known, E embedding width, H hidden units, G = 4 H gate
columns, C classes.
"""

from __future__ import annotations

import keras
from keras import ops

from tfsent.model.lstm import LSTM
from tfsent.model.pooling import MaskedMean


@keras.saving.register_keras_serializable(package="tfsent")
class WordClassifier(keras.Model):
    """Word ids -> embedding -> LSTM -> mean over the words -> dropout -> logits.

        x_t = W_emb[word_t]
        z_t = x_t wx + h_{t-1} wh + b        four blocks: i, f, o, u
        c_t = m_t (sigmoid(f) c_{t-1} + sigmoid(i) tanh(u)) + (1 - m_t) c_{t-1}
        h_t = m_t sigmoid(o) tanh(c_t) + (1 - m_t) h_{t-1}
        logits = dropout(sum_t m_t h_t / sum_t m_t) w_out + b_out
        probabilities = softmax(logits)

    m_t is 1 for a word and 0 for padding. The output gate does not look at the cell
    state. Start weights as in the source: embedding uniform in [0, 0.01), orthogonal
    blocks, output normal with standard deviation 0.01, biases 0.

    Departures: dropout divides by what it keeps while training, where the source
    multiplies by it afterwards; the same function with another scale of `w_out`
    (`compare.formats.theano` converts it). A text of padding alone gives the logits
    of zeros, not NaN.

    Call arguments: `words_NT` int[N, T]; `mask` bool[N, T], by default every word but
    those of id 0; `training`.

    Call returns the logits, float32[N, C].

    Args:
        num_words: V, ids from 0 to V - 1.
        units: H, the width of the state.
        embedding_size: E. Default: `units`, as in the source.
        num_classes: C.
        dropout: Share of the mean that training sets to zero.
        seed: Seed of the start weights and of dropout.
        **kwargs: As for every Keras model.

    Raises:
        ValueError: If a size is below 1.

    Reference:
        LSTM tutorial of http://deeplearning.net/tutorial/lstm.html (LISA lab 2014),
        `lstm.py`, functions `lstm_layer` and `build_model`.

    Example:
        >>> model = WordClassifier(num_words=11, units=7)
        >>> model(ops.array([[3, 5, 2], [4, 0, 0]])).shape
        TensorShape([2, 2])
    """

    def __init__(
        self,
        num_words: int,
        units: int = 128,
        embedding_size: int | None = None,
        num_classes: int = 2,
        dropout: float = 0.5,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_words = num_words
        self.units = units
        self.embedding_size = units if embedding_size is None else embedding_size
        self.num_classes = num_classes
        self.dropout_rate = dropout
        self.seed = seed
        self.supports_masking = True
        for name in ("num_words", "units", "embedding_size", "num_classes"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; at least 1 will do."
                )
        initializers = keras.initializers
        policy = self.dtype_policy
        self.embedding = keras.layers.Embedding(
            num_words,
            self.embedding_size,
            embeddings_initializer=initializers.RandomUniform(
                0.0, 0.01, seed=1000 * seed + 50
            ),
            dtype=policy,
            name="embedding",
        )
        self.lstm = LSTM(
            units,
            weight_norm=False,
            kernel_initializer=initializers.Orthogonal(seed=1000 * seed),
            recurrent_initializer=initializers.Orthogonal(seed=1000 * seed + 20),
            return_sequences=True,
            dtype=policy,
            name="lstm",
        )
        self.pooling = MaskedMean(dtype=policy, name="pooling")
        self.dropout = keras.layers.Dropout(
            dropout, seed=seed, dtype=policy, name="dropout"
        )
        # float32: the logits decide, and cost nothing.
        self.output_layer = keras.layers.Dense(
            num_classes,
            kernel_initializer=initializers.RandomNormal(
                stddev=0.01, seed=1000 * seed + 60
            ),
            dtype=self.variable_dtype,
            name="output_layer",
        )

    def build(self, input_shape=None):
        """Create the weights."""
        self.embedding.build((None, None))
        self.lstm.build((None, None, self.embedding_size))
        self.output_layer.build((None, self.units))

    def call(self, words_NT, mask=None, training=False):
        """Return the logits."""
        if mask is None:
            mask = ops.not_equal(words_NT, 0)
        mask_NT = ops.cast(mask, "bool")
        h_NTH = self.lstm(self.embedding(words_NT), mask=mask_NT)
        mean_NH = self.pooling(h_NTH, mask=mask_NT)
        return self.output_layer(self.dropout(mean_NH, training=training))

    def probabilities(self, words_NT, mask=None):
        """Return the probability of each class, float32[N, C]; nothing is dropped."""
        return ops.softmax(self(words_NT, mask=mask), axis=-1)

    def named_weights(self) -> dict[str, keras.Variable]:
        """Return every weight under the name it has in conversions."""
        lstm, output = self.lstm, self.output_layer
        return {
            "embedding/weight": self.embedding.embeddings,
            "lstm/wx": lstm.wx,
            "lstm/wh": lstm.wh,
            "lstm/b": lstm.b,
            "output/weight": output.kernel,
            "output/bias": output.bias,
        }

    def compute_mask(self, words_NT, previous_mask=None):
        """Return none: the output has no steps."""
        return None

    def compute_output_shape(self, words_shape, *args, **kwargs):
        """Return the shape of the logits."""
        return (words_shape[0], self.num_classes)

    def get_config(self):
        """Return the arguments."""
        return super().get_config() | {
            "num_words": self.num_words,
            "units": self.units,
            "embedding_size": self.embedding_size,
            "num_classes": self.num_classes,
            "dropout": self.dropout_rate,
            "seed": self.seed,
        }
