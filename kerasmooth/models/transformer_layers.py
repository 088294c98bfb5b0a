"""Transformer layers as DeciWatch has them, built of Keras layers.

Post-norm residual layers after DETR (Carion et al., ECCV 2020): positions are added to queries and keys of every
attention and never to values.
"""

import itertools
import math
from typing import Any

import keras

NUM_HEADS = 4
LEAKY_SLOPE = 0.01
NORM_EPSILON = 1e-5


class TransformerLayers:
    """Makes encoder and decoder layers of one width.

    Every tensor is [B, frames, hidden_dim], positions [1, frames, hidden_dim]. Layers are named
    `<name>_attention`, `<name>_norm_1`, ... Each dropout has a seed of its own, counted from `seed`. `dtype` is theirs.
    """

    def __init__(self, hidden_dim: int, dropout: float, seed: int, dtype: Any = None) -> None:
        self.hidden_dim, self.dtype = hidden_dim, dtype
        self._dropout = dropout
        self._seeds = itertools.count(seed)

    def encoder(self, tokens: Any, position: Any, name: str) -> Any:
        """Self-attention over the tokens, feed-forward."""
        placed = tokens + position
        attended = self._attention(placed, placed, tokens, f"{name}_attention")
        tokens = self._add_and_norm(tokens, attended, f"{name}_norm_1")
        return self._add_and_norm(tokens, self._feed_forward(tokens, name), f"{name}_norm_2")

    def decoder(self, tokens: Any, position: Any, memory: Any, memory_position: Any, name: str) -> Any:
        """Self-attention over the tokens, attention from the tokens to the memory, feed-forward."""
        placed = tokens + position
        attended = self._attention(placed, placed, tokens, f"{name}_attention")
        tokens = self._add_and_norm(tokens, attended, f"{name}_norm_1")
        attended = self._attention(tokens + position, memory + memory_position, memory, f"{name}_memory_attention")
        tokens = self._add_and_norm(tokens, attended, f"{name}_norm_2")
        return self._add_and_norm(tokens, self._feed_forward(tokens, name), f"{name}_norm_3")

    def norm(self, tokens: Any, name: str) -> Any:
        """Layer normalisation."""
        return keras.layers.LayerNormalization(epsilon=NORM_EPSILON, dtype=self.dtype, name=name)(tokens)

    def _attention(self, query: Any, key: Any, value: Any, name: str) -> Any:
        # Keras takes the [dim, heads, dim / heads] kernels for convolutions when it counts fans; this is Glorot uniform
        # of the dim x dim matrices that they are.
        limit = math.sqrt(6 / (self.hidden_dim + self.hidden_dim))
        layer = keras.layers.MultiHeadAttention(
            num_heads=NUM_HEADS,
            key_dim=self.hidden_dim // NUM_HEADS,
            dropout=self._dropout,
            kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
            seed=next(self._seeds),
            dtype=self.dtype,
            name=name,
        )
        return layer(query, value, key=key)

    def _feed_forward(self, tokens: Any, name: str) -> Any:
        inner = self._linear(2 * self.hidden_dim, f"{name}_feed_forward_1")(tokens)
        inner = keras.layers.LeakyReLU(LEAKY_SLOPE, dtype=self.dtype, name=f"{name}_leaky_relu")(inner)
        return self._linear(self.hidden_dim, f"{name}_feed_forward_2")(self._dropped(inner, name))

    def _add_and_norm(self, tokens: Any, change: Any, name: str) -> Any:
        total = keras.layers.Add(dtype=self.dtype, name=f"{name}_add")([tokens, self._dropped(change, name)])
        return self.norm(total, name)

    def _linear(self, units: int, name: str) -> Any:
        return keras.layers.Dense(units, dtype=self.dtype, name=name)

    def _dropped(self, values: Any, name: str) -> Any:
        seed = next(self._seeds)
        return keras.layers.Dropout(self._dropout, seed=seed, dtype=self.dtype, name=f"{name}_dropout")(values)
