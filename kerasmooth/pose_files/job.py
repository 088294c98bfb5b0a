"""One input of the smoothing command: read, smoothed, written, drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kerasmooth import formats
from kerasmooth.errors import InputError
from kerasmooth.pose_files.notes import notes_of
from kerasmooth.pose_files.options import Options
from kerasmooth.pose_files.person_report import PersonReport
from kerasmooth.pose_files.plan import Job
from kerasmooth.pose_files.table_smoothing import smooth_table
from kerasmooth.pose_table import PoseTable
from kerasmooth.smoothing.segments import Smoother


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one input: reports, or what is wrong with it."""

    job: Job
    reports: list[PersonReport]
    unit: str = "px"
    jumps: int = 0
    cuts: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""


def run_job(
    job: Job,
    options: Options,
    model: Smoother | None = None,
    on_segment: Callable[..., None] | None = None,
) -> Outcome:
    """Reads, smooths and writes one input, and draws what is asked for. A bad input is an outcome, not an error."""
    try:
        return _run_job(job, options, model, on_segment)
    except InputError as error:
        return Outcome(job, [], error=str(error))
    except MemoryError:
        return Outcome(job, [], error=f"{job.source}: it does not fit into memory: split the file")


def read_table(job: Job, options: Options) -> PoseTable:
    """The table of an input; what the file does not say of its video comes from --video."""
    fps, size = options.fps, None
    if options.video:
        from kerasmooth.pose_files import video

        properties = video.properties(Path(options.video))
        fps, size = fps or properties.fps, properties.size
    table = formats.read(
        job.source,
        fps=fps,
        image_size=options.image_size,
        format_name=job.input_format,
        columns=options.columns,
        skeleton=options.skeleton,
    )
    if table.image_size is None and table.unit in ("px", "normalised") and size is not None:
        table = table.with_(image_size=size)
    return table


def _run_job(job: Job, options: Options, model: Smoother | None, on_segment: Callable[..., None] | None) -> Outcome:
    table = read_table(job, options)
    try:
        done = smooth_table(table, options.settings, name=str(job.source), model=model, on_segment=on_segment)
    except ValueError as error:
        # Parameters that suit no file were found before; these do not suit the frame rate of this one.
        if not options.settings.parameters or isinstance(error, InputError):
            raise
        raise InputError(f"{job.source}: --parameter: {error}") from None
    formats.write(done.table, job.target, to=job.output_format)
    if job.plots:
        from kerasmooth.pose_files import plots

        plots.draw_all(table, done, job.plots)
    if job.overlay:
        from kerasmooth.pose_files import overlay

        film = Path(options.video) if options.video else None
        overlay.draw(table, done, job.overlay, video=film, style=options.overlay_style)
    notes = notes_of(table, done, options.settings)
    return Outcome(job, done.reports, done.unit, done.jumps, done.cuts, notes)
