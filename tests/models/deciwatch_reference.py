"""DeciWatch's equations in NumPy, float64, one window at a time, written from the papers.

Zeng et al., "DeciWatch", ECCV 2022, sections 3.2 and 3.3; attention and positions from Vaswani et al., 2017; where
positions are added from Carion et al., "DETR", 2020, appendix A.4. Weights are read by layer name.
"""

import math
from typing import Any

import numpy as np

Array = np.ndarray


class Reference:
    """Smooths one window as the Keras model `model` should."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.scale = np.array([model.size[1], model.size[0]]) / 2

    def weights(self, name: str) -> list[Array]:
        return [w.astype(np.float64) for w in self.model.get_layer(name).get_weights()]

    def __call__(self, keypoints: Array, visibility: Array) -> tuple[Array, Array]:
        """keypoints [T, K, 2], visibility [T, K] -> recovered and denoised keypoints [T, K, 2]."""
        num_frames, num_keypoints, _ = keypoints.shape
        # A cell's centre is a whole number, so the grid spans -0.5 ... size - 0.5, which becomes -1 ... 1.
        unit = (keypoints + 0.5) / self.scale - 1
        kept = [t for t in range(num_frames) if t % self.model.sample_interval == 0 or t == num_frames - 1]
        poses = np.zeros((len(kept), num_keypoints, 2))
        for k in range(num_keypoints):
            seen = [t for t in kept if visibility[t, k]]
            for axis in range(2):
                if seen:
                    poses[:, k, axis] = np.interp(kept, seen, unit[seen, k, axis])
        poses = poses.reshape(len(kept), -1)

        memory, kept_position = self.encode(poses, kept)
        denoised = poses + self.linear(memory, "denoise_head")
        interpolated = np.stack([np.interp(range(num_frames), kept, column) for column in denoised.T], axis=1)
        tokens = self.decode(interpolated, memory, kept_position)
        recovered = interpolated + self.linear(tokens, "recover_head")
        return tuple((p.reshape(num_frames, -1, 2) + 1) * self.scale - 0.5 for p in (recovered, interpolated))

    def encode(self, poses: Array, frames: list[int]) -> tuple[Array, Array]:
        position = self.positions(frames)
        x = self.linear(poses, "denoise_embedding")
        for i in range(1, self.model.num_layers + 1):
            name = f"encoder_{i}"
            x = self.norm(x + self.attention(x + position, x + position, x, f"{name}_attention"), f"{name}_norm_1")
            x = self.norm(x + self.feed_forward(x, name), f"{name}_norm_2")
        return (self.norm(x, "encoder_norm") if self.model.encoder_norm else x), position

    def decode(self, poses: Array, memory: Array, memory_position: Array) -> Array:
        position = self.positions(list(range(len(poses))))
        kernel, bias = self.weights("recover_embedding")
        padded = np.pad(poses, ((2, 2), (0, 0)))
        x = np.stack([sum(padded[t + j] @ kernel[j] for j in range(5)) + bias for t in range(len(poses))])
        for i in range(1, self.model.num_layers + 1):
            name = f"decoder_{i}"
            x = self.norm(x + self.attention(x + position, x + position, x, f"{name}_attention"), f"{name}_norm_1")
            seen = self.attention(x + position, memory + memory_position, memory, f"{name}_memory_attention")
            x = self.norm(x + seen, f"{name}_norm_2")
            x = self.norm(x + self.feed_forward(x, name), f"{name}_norm_3")
        return self.norm(x, "decoder_norm")

    def positions(self, frames: list[int]) -> Array:
        dim = self.model.hidden_dim
        table = np.zeros((len(frames), dim))
        for row, t in enumerate(frames):
            for i in range(dim // 2):
                angle = t / 10000 ** (2 * i / dim)
                table[row, 2 * i], table[row, 2 * i + 1] = math.sin(angle), math.cos(angle)
        return table

    def linear(self, x: Array, name: str) -> Array:
        kernel, bias = self.weights(name)
        return x @ kernel + bias

    def norm(self, x: Array, name: str) -> Array:
        gamma, beta = self.weights(name)
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * gamma + beta

    def feed_forward(self, x: Array, name: str) -> Array:
        inner = self.linear(x, f"{name}_feed_forward_1")
        return self.linear(np.where(inner > 0, inner, 0.01 * inner), f"{name}_feed_forward_2")

    def attention(self, query: Array, key: Array, value: Array, name: str) -> Array:
        wq, bq, wk, bk, wv, bv, wo, bo = self.weights(name)
        result = np.zeros_like(query)
        for head in range(4):
            q, k, v = (x @ w[:, head] + b[head] for x, w, b in ((query, wq, bq), (key, wk, bk), (value, wv, bv)))
            scores = np.exp(q @ k.T / math.sqrt(q.shape[-1]))
            result += scores / scores.sum(-1, keepdims=True) @ v @ wo[head]
        return result + bo
