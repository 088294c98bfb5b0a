"""A batch of records to what a model takes and what it should give."""

from collections.abc import Mapping
from typing import Any

import keras

from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import DetectorNoise

Batch = Mapping[str, Any]
"""What `tfrecord.reader.parse_batch` gives: keypoints [B, T, K, 2], visibility [B, T, K], boxes [B, T, 4],
frame_numbers [B, T], clip_key [B], clip_id [B], and heatmaps [B, T, H, W, K] where the records hold them; and
constant_shift bool [B], whether the window is of a dataset to which `--constant_shift` applies."""


def prepare(
    batch: Batch,
    codec: HeatmapCodec,
    noise: DetectorNoise,
    takes: str,
    epoch: Any = 0,
    decoder: str = "argmax",
    sub_pixel_targets: bool = False,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A batch -> what the model takes and what it should give; `keras.ops` only, for inside a compiled step.

    Args:
      batch: see `Batch`. A real detector's heatmaps are used where they are there, else detections are simulated.
      codec: renders heatmaps.
      noise: the simulated detector.
      takes: "heatmaps" or "keypoints".
      epoch: int or uint32 scalar, key of fresh noise; 0 in evaluation.
      decoder: how a real detector's heatmaps become keypoints, for models that take these.
      sub_pixel_targets: centre target Gaussians on the true position instead of its rounded cell.

    Returns:
      (inputs, targets): inputs {"heatmaps": [B, T, H, W, K]} or {"keypoints": [B, T, K, 2] in heatmap cells,
      "visibility": float [B, T, K], "boxes": [B, T, 4] in image pixels}; targets {"keypoints",
      "visibility": bool [B, T, K]} and "heatmaps" where the model takes these.
    """
    if takes not in ("heatmaps", "keypoints"):
        raise ValueError(f"takes must be 'heatmaps' or 'keypoints'. Received: takes={takes!r}")
    ops, keypoints, visibility = keras.ops, batch["keypoints"], batch["visibility"]
    targets = {"keypoints": keypoints, "visibility": visibility}
    if takes == "heatmaps":
        targets["heatmaps"] = codec.encode(keypoints, visibility, 0, xp=ops, sub_pixel=sub_pixel_targets)
    if "heatmaps" in batch:
        if takes == "heatmaps":
            return {"heatmaps": batch["heatmaps"]}, targets
        found, confidence = codec.decode(batch["heatmaps"], decoder, xp=ops)
        is_found = confidence > 0
    else:
        constant = batch.get("constant_shift")
        keys = batch["clip_key"], batch["frame_numbers"]
        seen = noise.simulate(keypoints, visibility, *keys, codec.size, epoch, ops, constant)
        found, is_found = seen["keypoints"], seen["visibility"]
        if takes == "heatmaps":
            return {"heatmaps": codec.encode(found, is_found, seen["sigma_index"], xp=ops)}, targets
    return {"keypoints": found, "visibility": ops.cast(is_found, "float32"), "boxes": batch["boxes"]}, targets
