"""Which inputs of the smoothing command are smoothed out of core."""

from kerasmooth import formats
from kerasmooth.errors import InputError
from kerasmooth.formats import blocks
from kerasmooth.formats.block_file import WholeOnly
from kerasmooth.pose_files.long_files import LongResult, OnFrames, smooth_long
from kerasmooth.pose_files.options import Options
from kerasmooth.pose_files.plan import Job
from kerasmooth.pose_table import PoseTable
from kerasmooth.smoothing.stretch import Smoother


def run(job: Job, options: Options, model: Smoother | None, on_frames: OnFrames | None) -> LongResult | None:
    """Smooths an input in blocks; None for one that is to be read as a whole, of which nothing is written then.

    Raises:
      InputError: it is damaged, or blocks were asked for and cannot be had.
    """
    asked = options.block_seconds > 0
    if not _in_blocks(job, options):
        return None
    try:
        file = blocks.open_blocks(job.source, job.input_format, fps=options.fps, image_size=options.image_size)
        if file is None or not blocks.can_write(job.input_format, job.output_format):
            raise WholeOnly(f"{job.input_format} to {job.output_format} is not written in blocks")
        return smooth_long(
            file,
            lambda: blocks.writer_of(file, job.input_format, job.output_format, job.target),
            options.settings,
            block_seconds=options.block_seconds,
            model=model,
            keep_parts=bool(options.report),
            on_frames=on_frames,
        )
    except WholeOnly as reason:
        if asked:
            told = f"--block_seconds={options.block_seconds:g} must be for a file that can be read in blocks"
            raise InputError(f"{job.source}: {told}, received one that cannot ({reason}): leave it out") from None
        return None


def _in_blocks(job: Job, options: Options) -> bool:
    if job.plots or job.overlay:
        return False
    return options.block_seconds > 0 or blocks.is_long(job.source, job.input_format)


def glance(job: Job, options: Options) -> PoseTable:
    """A table with the skeleton and the frame rate of an input. Raises InputError where it cannot be read."""
    if _in_blocks(job, options):
        file = blocks.open_blocks(job.source, job.input_format, fps=options.fps, image_size=options.image_size)
        table = next(file.raw_blocks(64), None) if file else None
        if table is not None:
            return table
    return formats.read(job.source, fps=options.fps, format_name=job.input_format)
