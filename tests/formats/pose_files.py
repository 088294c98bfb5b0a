"""All small pose files by name, each with what a reader must find in it."""

from collections.abc import Callable
from pathlib import Path

from pose_json_files import (
    NAN,
    Expected,
    alphapose,
    coco,
    flat,
    mmpose,
    openpifpaf,
    openpifpaf_video,
    openpose,
    ultralytics,
    ultralytics_txt,
)
from pose_more_files import MORE
from pose_table_files import (
    array,
    arrays,
    climbalong,
    deeplabcut,
    deeplabcut_h5,
    deeplabcut_multi,
    lightning_pose,
    mediapipe,
    mediapipe_long,
    sleap,
    speed21,
    trc,
)

from kerasmooth import formats
from kerasmooth.pose_table import PoseTable

__all__ = ["NAN", "SAMPLES", "Expected", "flat", "mmpose", "moved", "sleap"]

SAMPLES: dict[str, Callable[[Path], tuple[Path, Expected]]] = {
    make.__name__: make
    for make in (
        coco,
        alphapose,
        openpose,
        mmpose,
        openpifpaf,
        openpifpaf_video,
        ultralytics,
        ultralytics_txt,
        deeplabcut,
        deeplabcut_multi,
        lightning_pose,
        deeplabcut_h5,
        sleap,
        trc,
        mediapipe,
        mediapipe_long,
        speed21,
        arrays,
        array,
        climbalong,
        *MORE,
    )
}


def moved(path: Path, out: Path, by: float = 0.001) -> PoseTable:
    """The table of a file, written to `out` with every keypoint moved."""
    table = formats.read(path)
    formats.write(table.with_(keypoints=table.keypoints + by), out)
    return table
