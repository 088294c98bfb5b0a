"""A step of training, on one and on two logical devices, beside the same network in torch in the same run."""

import functools
import importlib.util
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasmooth.quiet import import_tensorflow

TITLE = "A step of training, full-size models, batches of 16 windows of 5 frames, 56 x 56 cells, milliseconds (median)"
LIMIT = (
    "Conv3D and bi-ConvLSTM: the convolutions, of oneDNN in both; DeciWatch: many small operations, and Adam over 222 "
    "variables. Ours is the step of a long run (--jit=auto): noise is drawn and heatmaps are rendered in it, which "
    "torch finds ready in memory. Two logical processors share the cores of one: their column is what sharing costs. "
    "Before torch is timed its network gets the weights of ours and has to give the same output."
)
BATCH, WINDOW, SIZE, KEYPOINTS = 16, 5, (56, 56), 25
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "Conv3D": ("conv3d", {}),
    "bi-ConvLSTM S": ("bi_conv_lstm", {"merge_mode": "sum"}),
    "bi-ConvLSTM C": ("bi_conv_lstm", {"merge_mode": "concat"}),
    "DeciWatch": ("deciwatch", {}),
}
PRECISIONS = ("float32", "mixed_bfloat16")
LEAST_STEPS = 3
"""Timed steps of each way; the large models take seconds for one."""
LONG = 100_000
"""Steps of a run that is worth compiling."""

Step = Callable[[], None]


def parsed_batch() -> dict[str, np.ndarray]:
    """A batch as records give it: people who sway, all of whose keypoints are seen."""
    random, time_axis = np.random.default_rng(0), np.arange(WINDOW)[:, None, None]
    phase, centre = random.uniform(0, 6, (BATCH, 1, KEYPOINTS, 2)), random.uniform(20, 36, (BATCH, 1, KEYPOINTS, 2))
    return {
        "keypoints": (centre + 8 * np.sin(0.1 * time_axis + phase)).astype(np.float32),
        "visibility": np.ones((BATCH, WINDOW, KEYPOINTS), bool),
        "boxes": np.tile(np.array([0, 0, 100, 200], np.float32), (BATCH, WINDOW, 1)),
        "frame_numbers": np.tile(np.arange(1, WINDOW + 1, dtype=np.int32), (BATCH, 1)),
        "clip_key": np.arange(BATCH, dtype=np.uint32),
        "constant_shift": np.zeros(BATCH, bool),
    }


def our_step(model: str, options: dict[str, Any], precision: str, strategy: str) -> tuple[Any, Step]:
    """(the Keras model, a step of its training) as `kerasmooth.train` makes it; a step waits for its loss."""
    import tensorflow as tf

    from kerasmooth.training.config import TrainingConfig
    from kerasmooth.training.learner import Learner, uses_xla

    cluster = cluster_of(strategy)
    config = TrainingConfig(model=model, model_options=options, precision=precision, batch_size=BATCH)
    config = config.replace(window=WINDOW, size=SIZE, xla=uses_xla(config, cluster, LONG))
    learner, rows = Learner(config, cluster), np.array_split(np.arange(BATCH), cluster.local_replicas)
    parts = [{name: tf.constant(values[part]) for name, values in parsed_batch().items()} for part in rows]
    batch = cluster.distribute(parts)
    return learner.model, lambda: learner.train_step(batch, 1).numpy()


@functools.cache
def cluster_of(strategy: str) -> Any:
    """One for all models: a second strategy of the same devices would take the first one's collectives for its own."""
    from kerasmooth.training import devices

    return devices.build(strategy)


def torch_step(model: Any, kind: str, precision: str) -> Step:
    """A step of the same network in torch: forward, masked loss, backward, Adam.

    Raises ValueError where it does not give what the Keras model gives.
    """
    import torch
    from benchmarks import _torch_networks as networks

    torch.set_num_threads(os.cpu_count() or 1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = networks.like(model, kind).to(device)
    random = np.random.default_rng(0)
    shape = (BATCH, WINDOW, KEYPOINTS, 2) if kind == "deciwatch" else (BATCH, WINDOW, *SIZE, KEYPOINTS)
    values = random.uniform(0, 50 if kind == "deciwatch" else 1, shape).astype(np.float32)
    # Frames or channels first, as torch wants heatmaps.
    order = {"deciwatch": (0, 1, 2, 3), "conv3d": (0, 4, 1, 2, 3), "bi_conv_lstm": (0, 1, 4, 2, 3)}[kind]
    inputs = torch.tensor(values.transpose(order)).contiguous().to(device)
    agree(model, network, values, inputs, np.argsort(order), kind)
    network.train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    shown = torch.ones_like(inputs)
    kept = shown[:, network.kept] if kind == "deciwatch" else shown

    def loss() -> Any:
        given = network(inputs)
        if kind != "deciwatch":
            return ((given.float() - inputs) ** 2 * shown).sum() / shown.sum()
        recovered, denoised = ((one.float() - inputs).abs() for one in given)
        return 5 * (recovered * shown).sum() / shown.sum() + (denoised[:, network.kept] * kept).sum() / kept.sum()

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=precision != "float32"):
            value = loss()
        value.backward()
        optimizer.step()
        value.item()

    return step


def agree(model: Any, network: Any, values: np.ndarray, inputs: Any, back: np.ndarray, kind: str) -> None:
    """Raises ValueError where the two networks do not give the same for the first windows."""
    import torch

    with torch.no_grad():
        given = network.eval()(inputs[:2])
    theirs = (given[0] if kind == "deciwatch" else given.permute(*(int(axis) for axis in back))).cpu().numpy()
    if kind == "deciwatch":
        ours = model({"keypoints": values[:2], "visibility": np.ones(values.shape[:3], np.float32)[:2]})["keypoints"]
    else:
        ours = model({"heatmaps": values[:2]})["heatmaps"]
    ours = np.asarray(ours)
    low = any(layer.compute_dtype != "float32" for layer in model.layers)
    apart = np.abs(theirs - ours).max() / np.abs(ours).max()
    if not apart < (0.1 if low else 1e-4):
        raise ValueError(f"{kind} in torch must give what Keras's gives. Received: relative difference={apart:.2g}")


def in_turns(ways: dict[str, Step], seconds: float) -> dict[str, float]:
    """Median milliseconds of a step of each way, one step of each in turn."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for step in ways.values():  # compiles, and allocates
        step()
        step()
    while min(map(len, times.values())) < LEAST_STEPS or min(map(sum, times.values())) < seconds:
        for name, step in ways.items():
            began = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - began)
    return {name: 1e3 * statistics.median(spent) for name, spent in times.items()}


def devices_in_use() -> tuple[str, bool]:
    """(what computes, whether the strategy of several devices can be measured); the processor counts as two."""
    import tensorflow as tf

    if gpus := tf.config.list_physical_devices("GPU"):
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
        return name, len(gpus) > 1
    processor = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(processor) or []) < 2:
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    return "CPU", True


def measure(seconds: float) -> list[dict[str, object]]:
    """Times of all models; torch's are missing where it is not installed."""
    if with_torch := importlib.util.find_spec("torch") is not None:
        import torch._dynamo  # noqa: F401  (after TensorFlow its import ends the process)
    import_tensorflow()
    device, several = devices_in_use()
    rows = list[dict[str, object]]()
    for name, (kind, options) in MODELS.items():
        for precision in PRECISIONS:
            model, one = our_step(kind, options, precision, "single")
            ways = {"one": one}
            if several:
                ways["two"] = our_step(kind, options, precision, "mirrored")[1]
            if with_torch:
                ways["torch"] = torch_step(model, kind, precision)
            spent = in_turns(ways, seconds)
            ratio = spent["torch"] / spent["one"] if with_torch else "-"
            row: dict[str, object] = {"model": name, "precision": precision, "device": device, "step": spent["one"]}
            row["step on two devices"] = spent.get("two", "-")
            rows.append(row | {"torch": spent.get("torch", "missing: pip install torch"), "torch / ours": ratio})
    return rows
