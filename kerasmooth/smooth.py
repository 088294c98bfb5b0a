"""Gives the poses that an estimator wrote back steadier: python -m kerasmooth.smooth IN --output=OUT.

IN is a pose file, a folder that is one (OpenPose), a folder of pose files, or a glob. Several may be given; then OUT is
a folder. OUT has the format of the input and every frame and field of it; the input is never written to.
"""

from absl import flags

from kerasmooth.command_line import run
from kerasmooth.pose_files.command import smooth_inputs
from kerasmooth.pose_files.options import (
    FORMATS_HELP,
    METHODS_HELP,
    Options,
    parse_columns,
    parse_image_size,
    parse_settings,
)

_OUTPUT = flags.DEFINE_string("output", "", "file to write; a folder where there are several inputs")
_TO = flags.DEFINE_string("to", "", "format to write, of those of --from; default: the input's")
_FROM = flags.DEFINE_string("from", "", f"format of the inputs; default: found by content. {FORMATS_HELP}")
_COLUMNS = flags.DEFINE_string(
    "columns",
    "",
    "for tables whose headings say too little, such as frame=Nr,keypoint=Part,x=U,y=V: the headings of frame, person, "
    "keypoint, group, time, x, y, z, confidence; with a keypoint a line is a keypoint, without one a frame",
)
_SKELETON = flags.DEFINE_string(
    "skeleton",
    "",
    "what the keypoints are, in this order, where the input does not name them: coco, mediapipe, halpe26, "
    "wholebody133, body25, mpii ... Needed to mend exchanged left and right keypoints and for --model",
)
_METHOD = flags.DEFINE_string("method", "auto", f"how keypoints are smoothed. {METHODS_HELP}")
_PARAMETER = flags.DEFINE_multi_string(
    "parameter", [], "NAME=VALUE for the --method; lengths are in person sizes (the torso); may be given again"
)
_MODEL = flags.DEFINE_string(
    "model",
    "",
    "run folder or export of a trained model, or grpc://host:8500/NAME or http://host:8501/NAME of a served one; it "
    "smooths the keypoints it knows, --method the others",
)
_FPS = flags.DEFINE_float(
    "fps", None, "frames per second of the video; needed where neither the file nor --video says it"
)
_IMAGE_SIZE = flags.DEFINE_string(
    "image_size", "", "HEIGHTxWIDTH of the video, where neither the file nor --video says it"
)
_MIN_CONFIDENCE = flags.DEFINE_float(
    "min_confidence",
    0.0,
    "keypoints of less confidence count as missing: they are filled as gaps are, or stay out of the result",
)
_MAX_GAP = flags.DEFINE_float("max_gap", 0.5, "seconds; shorter gaps are filled, longer ones stay open")
_EXTEND = flags.DEFINE_float("extend", 0.0, "seconds by which a keypoint goes on before its first and after its last")
_STRENGTH = flags.DEFINE_float("strength", 1.0, "multiplies the filter's time constant; 0 leaves everything as it is")
_STEADINESS = flags.DEFINE_float("steadiness", 0.0, "0 to 1: less jitter for a loss of fast motion")
_OUTLIERS = flags.DEFINE_boolean("outliers", True, "find and replace positions that the frames around contradict")
_SWAPS = flags.DEFINE_boolean("swaps", True, "find and mend exchanged left and right keypoints")
_PLOT = flags.DEFINE_string("plot", "", "folder for pictures: trajectories, spectra, frames")
_REPORT = flags.DEFINE_string(
    "report", "", "JSON file: by keypoint what was chosen, and the frames that were replaced, filled and exchanged"
)
_VIDEO = flags.DEFINE_string(
    "video",
    "",
    "video that the poses are of: says frame rate and image size, and is drawn on by --overlay",
)
_OVERLAY = flags.DEFINE_string("overlay", "", "MP4 file to draw the poses into, before and after")
_OVERLAY_STYLE = flags.DEFINE_enum(
    "overlay_style", "beside", ["beside", "over"], "before left and after right, or both over each other"
)
_WORKERS = flags.DEFINE_integer("workers", 1, "files at a time, each in a process", lower_bound=1, upper_bound=256)
_OVERWRITE = flags.DEFINE_boolean("overwrite", False, "replace outputs that exist")


def main(words: list[str]) -> None:
    """Smooths as the flags say."""
    settings = parse_settings(
        _PARAMETER.value,
        method=_METHOD.value,
        max_gap=_MAX_GAP.value,
        extend=_EXTEND.value,
        outliers=_OUTLIERS.value,
        swaps=_SWAPS.value,
        strength=_STRENGTH.value,
        steadiness=_STEADINESS.value,
        min_confidence=_MIN_CONFIDENCE.value,
    )
    options = Options(
        output=_OUTPUT.value,
        to=_TO.value,
        input_format=_FROM.value,
        columns=parse_columns(_COLUMNS.value),
        skeleton=_SKELETON.value,
        settings=settings,
        model=_MODEL.value,
        fps=_FPS.value,
        image_size=parse_image_size(_IMAGE_SIZE.value),
        plot=_PLOT.value,
        report=_REPORT.value,
        video=_VIDEO.value,
        overlay=_OVERLAY.value,
        overlay_style=_OVERLAY_STYLE.value,
        workers=_WORKERS.value,
        overwrite=_OVERWRITE.value,
    )
    smooth_inputs(words, options)


def cli() -> None:
    """The console script."""
    run(main, takes_words=True)


if __name__ == "__main__":
    cli()
