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

__all__ = ["NAN", "SAMPLES", "Expected", "flat", "mmpose", "sleap"]

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
