"""Training data on disk -> batches: keypoints, rendered or dense records, beside the published array file per frame."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import DetectorNoise
from kerasmooth.quiet import import_tensorflow
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.tfrecord.manifest import Encoding, Manifest
from kerasmooth.tfrecord.parts import PreparedClip

TITLE = "Windows to batches, 5 frames x 25 keypoints, 56 x 56, shuffled, files in the page cache"
LIMIT = (
    "keypoints: Python fetching one batch after another (at 16 windows), then protocol buffer parsing (at 256); "
    "rendered: memory bandwidth, 3.1 MB written a window for input and target; dense and published way: copying 3.1 MB "
    "a window from file to batch. Bars: 25,000 windows/s delivered, 1,000 rendered."
)
WINDOW, SIZE = 5, (56, 56)
BATCH, LARGE_BATCH = 16, 256
WINDOWS: dict[Encoding, int] = {"keypoints": 20_000, "dense": 64}
TURNS = 4
END = 10**9
"""More batches than anybody waits for."""

Fetch = Iterator[int]
"""Gives the number of windows in each batch that it fetched."""


def moving_clip(frames: int) -> PreparedClip:
    """Keypoints that sway; what they do does not matter to the speed."""
    random = np.random.default_rng(0)
    num_keypoints = BOULDERING_25.num_keypoints
    centre, phase = random.uniform(20, 36, (num_keypoints, 2)), random.uniform(0, 6, (num_keypoints, 2))
    keypoints = centre + 8 * np.sin(0.1 * np.arange(frames)[:, None, None] + phase)
    return PreparedClip(
        clip_id="generated/clip",
        video_id="generated/clip",
        official_split="",
        keypoints=keypoints.astype(np.float32),
        visibility=np.ones((frames, num_keypoints), bool),
        boxes=np.tile(np.array([0, 0, 100, 200], np.float32), (frames, 1)),
        frame_numbers=np.arange(1, frames + 1),
        has_box=np.ones(frames, bool),
        size=SIZE,
    )


def write_records(folder: Path, encoding: Encoding) -> None:
    """Four shards of training windows with their manifest."""
    from kerasmooth.tfrecord.writer import RecordMaker, write_shard

    folder.mkdir(parents=True)
    count, shards = WINDOWS[encoding], []
    clip, make = moving_clip(count + WINDOW - 1), RecordMaker(encoding, SIZE, DetectorNoise())
    for index in range(4):
        records = (make(clip, np.arange(start, start + WINDOW)) for start in range(index, count, 4))
        shards.append(write_shard(folder / f"train-{index:05d}-of-00004.tfrecord", "train", records))
    manifest = Manifest(
        dataset=folder.name,
        window=WINDOW,
        frame_step=1,
        stride=1,
        size=SIZE,
        encoding=encoding,
        compression="none",
        heatmaps="simulated" if encoding == "dense" else "none",
        clips={"train": 1},
        frames={"train": count + WINDOW - 1},
        windows={"train": count},
        dropped={},
        dropped_windows={},
        annotated=(),
        shards=tuple(shards),
        flags={},
        licence="",
        citation="",
        tool_version="",
    )
    (folder / "manifest.json").write_text(manifest.to_json())


def delivered(records_dir: Path, dataset: str, batch_size: int) -> Fetch:
    """Batches as training gets them."""
    from kerasmooth.input_pipeline import training_batches
    from kerasmooth.tfrecord.record_sets import RecordSets

    records = RecordSets(records_dir, (dataset,))
    # A stream of some passes at a time: each pass is a piece of its dataset.
    steps = 20 * records.num_windows("train") // batch_size
    for first in range(0, END, steps):
        for _ in training_batches(records, seed=0, batch_size=batch_size, first_step=first, num_steps=steps):
            yield batch_size


def rendered(records_dir: Path, jit: bool) -> Fetch:
    """Batches as a model gets them: noise drawn, input and target heatmaps rendered in a compiled function."""
    import tensorflow as tf

    from kerasmooth.input_pipeline import training_batches
    from kerasmooth.model_inputs import prepare
    from kerasmooth.tfrecord.record_sets import RecordSets

    codec, noise = HeatmapCodec(SIZE), DetectorNoise()
    render = tf.function(lambda batch: prepare(batch, codec, noise, "heatmaps", 1), jit_compile=jit)
    records = RecordSets(records_dir, ("keypoints",))
    for batch in training_batches(records, seed=0, batch_size=BATCH, first_step=0, num_steps=10_000):
        inputs, _ = render({name: tensor[0] for name, tensor in batch.items() if name != "clip_id"})
        inputs["heatmaps"].numpy()
        yield BATCH


def write_files(folder: Path) -> list[tuple[Path, Path]]:
    """The published way: for each frame one array file of input heatmaps, and one of targets, [K, H, W]."""
    folder.mkdir()
    clip, codec, noise = moving_clip(WINDOWS["dense"] + WINDOW - 1), HeatmapCodec(SIZE), DetectorNoise()
    truth, shown = clip.keypoints[None], clip.visibility[None]
    seen = noise.simulate(truth, shown, np.zeros(1, np.uint32), clip.frame_numbers[None], SIZE)
    inputs = codec.encode(seen["keypoints"], shown, seen["sigma_index"])[0]
    targets = codec.encode(truth, shown, 0)[0]
    paths = []
    for frame in range(len(clip.frame_numbers)):
        pair = folder / f"{frame}_x.npy", folder / f"{frame}_y.npy"
        for path, heatmaps in zip(pair, (inputs[frame], targets[frame]), strict=True):
            np.save(path, np.ascontiguousarray(np.moveaxis(heatmaps, -1, 0)))
        paths.append(pair)
    return paths


def loaded(paths: list[tuple[Path, Path]]) -> Fetch:
    """Batches of windows in random order, each frame's files loaded anew for every window that shows it."""
    random = np.random.default_rng(0)
    while True:
        starts = random.permutation(len(paths) - WINDOW + 1)
        for batch in (starts[i : i + BATCH] for i in range(0, len(starts), BATCH)):
            for kind in (0, 1):
                np.stack([np.stack([np.load(paths[start + t][kind]) for t in range(WINDOW)]) for start in batch])
            yield len(batch)


def rates(ways: dict[str, Fetch], seconds: float) -> dict[str, float]:
    """Windows/s of each way, in turns so that all meet the same machine; without the first batches, which are slow."""
    windows, spent = dict.fromkeys(ways, 0), dict.fromkeys(ways, 0.0)
    for fetch in ways.values():
        next(fetch)
    for _ in range(TURNS):
        for name, fetch in ways.items():
            # What was fetched ahead while the others had their turn does not count.
            for _ in range(10):
                next(fetch)
            began = time.perf_counter()
            while time.perf_counter() - began < seconds / TURNS:
                windows[name] += next(fetch)
            spent[name] += time.perf_counter() - began
    return {name: windows[name] / spent[name] for name in ways}


def measure(seconds: float) -> list[dict[str, object]]:
    """Rates of all ways on generated data."""
    import_tensorflow()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for encoding in WINDOWS:
            write_records(folder / encoding, encoding)
        paths = write_files(folder / "files")
        make: dict[str, Callable[[], Fetch]] = {
            f"records, keypoints, batches of {BATCH}": lambda: delivered(folder, "keypoints", BATCH),
            f"records, keypoints, batches of {LARGE_BATCH}": lambda: delivered(folder, "keypoints", LARGE_BATCH),
            f"records, keypoints, rendered in the step, batches of {BATCH}": lambda: rendered(folder, False),
            f"records, keypoints, rendered in the step by XLA, batches of {BATCH}": lambda: rendered(folder, True),
            f"records, dense float32, batches of {BATCH}": lambda: delivered(folder, "dense", BATCH),
            f"published way (np.load per frame and kind), batches of {BATCH}": lambda: loaded(paths),
        }
        measured = rates({name: start() for name, start in make.items()}, seconds)
    return [{"what": name, "rate": rate, "unit": "windows/s"} for name, rate in measured.items()]
