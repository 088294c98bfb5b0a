"""The networks of `kerasmooth.models` in torch, as one writes them there, with weights taken from the Keras models.

Layers have the names of the Keras layers, by which the weights find them. DeciWatch is without what it does for missing
keypoints.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import nn

Weights = list[np.ndarray]


class Conv3D(nn.Module):
    """Heatmaps [B, K, T, H, W] -> the same."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        kernel = (model.window, model.kernel, model.kernel)
        self.layers = nn.ModuleDict(
            {"convolution": nn.Conv3d(model.num_keypoints, model.num_keypoints, kernel, padding="same")}
        )

    def forward(self, heatmaps: torch.Tensor) -> torch.Tensor:
        smoothed: torch.Tensor = self.layers["convolution"](heatmaps).relu()
        return smoothed


class ConvLSTM(nn.Module):
    """[B, T, K, H, W] -> the same; gates in Keras's order: input, forget, cell, output."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inputs = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.state = nn.Conv2d(channels, 4 * channels, 3, padding=1, bias=False)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        gates = self.inputs(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        hidden = cell = torch.zeros_like(frames[:, 0])
        outputs = []
        for t in range(frames.shape[1]):
            enter, forget, new, leave = (gates[:, t] + self.state(hidden)).chunk(4, 1)
            cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
            hidden = leave.sigmoid() * cell.tanh()
            outputs.append(hidden)
        return torch.stack(outputs, 1)


class BiConvLSTM(nn.Module):
    """Heatmaps [B, T, K, H, W] -> the same."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.sums = model.merge_mode == "sum"
        channels, filters = model.num_keypoints, model.filters
        tail = [(filters, filters if self.sums else 2 * filters, 1), (channels, filters, 1)]
        branch = [(filters, channels, 3)] + [(filters, filters, 3)] * 2
        layers: dict[str, nn.Module] = {}
        for side in ("forward", "backward"):
            layers[f"{side}_lstm"] = ConvLSTM(channels)
            layers |= _convolutions(side, branch + tail * self.sums)
        self.layers = nn.ModuleDict(layers | ({} if self.sums else _convolutions("combiner", tail)))

    def forward(self, heatmaps: torch.Tensor) -> torch.Tensor:
        forward = self._per_frame("forward", self.layers["forward_lstm"](heatmaps))
        backward = self._per_frame("backward", self.layers["backward_lstm"](heatmaps.flip(1)).flip(1))
        merged = forward + backward if self.sums else self._combined(torch.cat([forward, backward], 1))
        return merged.unflatten(0, heatmaps.shape[:2])

    def _per_frame(self, side: str, frames: torch.Tensor) -> torch.Tensor:
        values = frames.flatten(0, 1)
        for number in range(1, 6 if self.sums else 4):
            values = self.layers[f"{side}_{number}"](values).relu()
        return values

    def _combined(self, values: torch.Tensor) -> torch.Tensor:
        combined: torch.Tensor = self.layers["combiner_2"](self.layers["combiner_1"](values))
        return combined


def _convolutions(name: str, shapes: list[tuple[int, int, int]]) -> dict[str, nn.Module]:
    """`<name>_1`, ... of (filters, channels, kernel size)."""
    return {
        f"{name}_{number}": nn.Conv2d(channels, filters, kernel, padding="same")
        for number, (filters, channels, kernel) in enumerate(shapes, start=1)
    }


class DeciWatch(nn.Module):
    """Keypoints [B, T, K, 2] in cells -> recovered and denoised ones."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.depth, self.has_norm = model.num_layers, model.encoder_norm
        dim, poses = model.hidden_dim, 2 * model.num_keypoints
        layers: dict[str, nn.Module] = {
            "denoise_embedding": nn.Linear(poses, dim),
            "denoise_head": nn.Linear(dim, poses),
        }
        layers |= {"recover_embedding": nn.Conv1d(poses, dim, 5, padding=2), "recover_head": nn.Linear(dim, poses)}
        layers |= {"decoder_norm": nn.LayerNorm(dim)} | ({"encoder_norm": nn.LayerNorm(dim)} if self.has_norm else {})
        for name in [f"{part}_{number + 1}" for part in ("encoder", "decoder") for number in range(self.depth)]:
            kinds = ["attention"] + ["memory_attention"] * name.startswith("decoder")
            for kind in kinds:
                layers[f"{name}_{kind}"] = nn.MultiheadAttention(dim, 4, model.dropout, batch_first=True)
            layers |= {f"{name}_norm_{number + 1}": nn.LayerNorm(dim) for number in range(len(kinds) + 1)}
            layers[f"{name}_feed_forward_1"] = nn.Linear(dim, 2 * dim)
            layers[f"{name}_feed_forward_2"] = nn.Linear(2 * dim, dim)
        self.layers, self.dropout = nn.ModuleDict(layers), nn.Dropout(model.dropout)
        step, last = model.sample_interval, model.window - 1
        self.kept = [*range(0, last, step), last]
        between = [np.interp(range(model.window), self.kept, row) for row in np.eye(len(self.kept))]
        self.register_buffer("between", torch.tensor(np.array(between).T, dtype=torch.float32))
        self.register_buffer("position", torch.tensor(_positions(model.window, dim), dtype=torch.float32))
        self.register_buffer("cells", torch.tensor([model.size[1] / 2, model.size[0] / 2]))

    def forward(self, keypoints: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        kept = ((keypoints[:, self.kept] + 0.5) / self.cells - 1).flatten(2)
        position = self.position[self.kept]
        tokens = self.layers["denoise_embedding"](kept)
        for number in range(1, self.depth + 1):
            tokens = self._attend(f"encoder_{number}", "attention", 1, tokens, position, tokens, position)
            tokens = self._feed_forward(f"encoder_{number}", 2, tokens)
        memory = self.layers["encoder_norm"](tokens) if self.has_norm else tokens
        denoised = self.between @ (kept + self.layers["denoise_head"](memory))
        tokens = self.layers["recover_embedding"](denoised.transpose(1, 2)).transpose(1, 2)
        for number in range(1, self.depth + 1):
            name = f"decoder_{number}"
            tokens = self._attend(name, "attention", 1, tokens, self.position, tokens, self.position)
            tokens = self._attend(name, "memory_attention", 2, tokens, self.position, memory, position)
            tokens = self._feed_forward(name, 3, tokens)
        recovered = denoised + self.layers["recover_head"](self.layers["decoder_norm"](tokens))
        return self._in_cells(recovered), self._in_cells(denoised)

    def _in_cells(self, poses: torch.Tensor) -> torch.Tensor:
        return (poses.unflatten(2, (-1, 2)) + 1) * self.cells - 0.5

    def _attend(self, name: str, kind: str, norm: int, tokens: Any, position: Any, values: Any, placed: Any) -> Any:
        attention = self.layers[f"{name}_{kind}"]
        attended, _ = attention(tokens + position, values + placed, values, need_weights=False)
        return self.layers[f"{name}_norm_{norm}"](tokens + self.dropout(attended))

    def _feed_forward(self, name: str, norm: int, tokens: Any) -> Any:
        inner = nn.functional.leaky_relu(self.layers[f"{name}_feed_forward_1"](tokens), 0.01)
        change = self.dropout(self.layers[f"{name}_feed_forward_2"](self.dropout(inner)))
        return self.layers[f"{name}_norm_{norm}"](tokens + change)


def _positions(window: int, dim: int) -> np.ndarray:
    """Sines and cosines [T, dim] of a frame's number, in turns."""
    angles = np.arange(window)[:, None] * np.exp(-math.log(10_000) * np.arange(0, dim, 2) / dim)
    return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(window, dim)


NETWORKS: dict[str, Any] = {"conv3d": Conv3D, "bi_conv_lstm": BiConvLSTM, "deciwatch": DeciWatch}


def like(model: Any, name: str) -> nn.Module:
    """The network of a Keras model in torch, with its weights."""
    network = NETWORKS[name](model)
    with torch.no_grad():
        for layer, module in network.layers.items():
            _fill(module, model.get_layer(layer).get_weights())
    return network


def _fill(module: nn.Module, weights: Weights) -> None:
    tensors = [torch.as_tensor(weight) for weight in weights]
    if isinstance(module, nn.MultiheadAttention):
        dim = module.embed_dim
        query, query_bias, key, key_bias, value, value_bias, out, out_bias = tensors
        module.in_proj_weight.copy_(torch.cat([one.reshape(dim, dim).T for one in (query, key, value)]))
        module.in_proj_bias.copy_(torch.cat([one.reshape(dim) for one in (query_bias, key_bias, value_bias)]))
        module.out_proj.weight.copy_(out.reshape(dim, dim).T)
        module.out_proj.bias.copy_(out_bias)
    elif isinstance(module, ConvLSTM):
        kernel, recurrent, bias = tensors
        _fill(module.inputs, [kernel, bias])
        _fill(module.state, [recurrent])
    else:
        kernel = tensors[0]
        if kernel.ndim > 1:  # Keras: [..., in, out]; torch: [out, in, ...]
            kernel = kernel.permute(-1, -2, *range(kernel.ndim - 2)).reshape(module.weight.shape)
        module.weight.copy_(kernel)
        if len(tensors) > 1:
            module.bias.copy_(tensors[1])
