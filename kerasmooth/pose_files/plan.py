"""Which files the smoothing command reads and writes: found and checked before the first is opened."""

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from kerasmooth import formats
from kerasmooth.errors import InputError
from kerasmooth.pose_files.options import Options

MAX_INPUTS = 100_000


@dataclass(frozen=True)
class Job:
    """One input and what is written for it.

    Attributes:
      source: pose file or folder.
      target: pose file or folder.
      input_format, output_format: names in formats.FORMATS.
      plots: folder for pictures, or None.
      overlay: film, or None.
    """

    source: Path
    target: Path
    input_format: str
    output_format: str
    plots: Path | None = None
    overlay: Path | None = None


def plan(words: list[str], options: Options) -> list[Job]:
    """A job for each input.

    Raises:
      InputError: no inputs, unreadable ones, outputs that would overwrite something, or one that two inputs share.
    """
    try:
        sources = [source for word in words for source in _expand(word, options)]
        if len(sources) > MAX_INPUTS:
            raise InputError(f"inputs must be at most {MAX_INPUTS:,}, received {len(sources):,}: give fewer at a time")
        several = len(sources) > 1 or (Path(words[0]).is_dir() and sources[0][0] != Path(words[0]))
        jobs = [_job(source, name, options, several) for source, name in sources]
        _check_targets(jobs, options)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot use these paths: {' '.join(str(error).split())[:200]}: check them") from None
    if several and options.overlay:
        raise InputError(f"--overlay is for one input, received {len(sources)}")
    return jobs


def _expand(word: str, options: Options) -> list[tuple[Path, str]]:
    """(path, format) of each pose file that a word means."""
    path = Path(word)
    if not word or "\0" in word:
        raise InputError("an input is empty: name a pose file, a folder or a glob")
    if not path.exists():
        found = sorted(glob.glob(word)) if glob.has_magic(word) else []
        if not found:
            raise InputError(f"{word}: there is no such file: check the name")
        return [one for name in found for one in _expand(name, options)]
    if not path.is_dir():
        return [(path, options.input_format or formats.detect(path, options.columns).name)]
    if name := _format_of(path, options.input_format):
        return [(path, name)]
    inside = [child for child in sorted(path.iterdir()) if not child.name.startswith(".")]
    known = [(child, name) for child in inside if (name := _format_of(child, options.input_format))]
    if not known:
        names = ", ".join(formats.FORMATS)
        raise InputError(f"{path}: no pose file is in this folder: known formats are {names}")
    return known


def _format_of(path: Path, input_format: str) -> str:
    """The name of a path's format, "" for none."""
    candidates = [input_format] if input_format else list(formats.FORMATS)
    return next((name for name in candidates if formats.FORMATS[name].detect(path)), "")


def _job(source: Path, input_format: str, options: Options, several: bool) -> Job:
    output = Path(options.output)
    to = options.to or input_format
    suffix = formats.FORMATS[to].suffix
    name = source.name if to == input_format else source.stem + suffix
    inside = several or options.output.endswith(("/", os.sep)) or (output.is_dir() and suffix != "")
    target = output / name if inside else output
    _check_suffix(output, source, to, inside)
    plots = Path(options.plot) if options.plot else None
    if plots and several:
        plots = plots / (source.name if source.is_dir() else source.name.replace(".", "_"))
    return Job(source, target, input_format, to, plots, Path(options.overlay) if options.overlay else None)


def _check_suffix(output: Path, source: Path, to: str, inside: bool) -> None:
    """Raises InputError for a folder that is called as a pose file is, or a file called as another format's is."""
    known = {each.suffix for each in formats.FORMATS.values()} - {""} | {".npy"}
    asked, right = output.suffix.lower(), formats.FORMATS[to].suffix
    if asked not in known or output.is_dir():
        return
    if inside:
        raise InputError(f"--output={output}: it must be a folder here, received the name of a file: name a folder")
    if right == "":
        raise InputError(f"--output={output}: {to} is a folder of files, received the name of a file: name a folder")
    fits = output.name.lower().endswith(right) or asked in (source.suffix.lower(), ".npy" if to == "arrays" else right)
    if not fits:
        others = " or ".join(name for name, each in formats.FORMATS.items() if each.suffix == asked)
        remedy = f"end it in {right}" + (f", or choose the format with --to={others}" if others else "")
        raise InputError(f"--output={output}: it would hold {to}, received the name of another format's file: {remedy}")


def _check_targets(jobs: list[Job], options: Options) -> None:
    seen: dict[Path, Path] = {}
    sources = [job.source.resolve() for job in jobs]
    places, around = {_place(path) for path in sources}, {parent for path in sources for parent in path.parents}
    for job in jobs:
        extra = [job.overlay, Path(options.report) if options.report else None]
        written = [job.target, *(path for path in extra if path is not None)]
        if len({path.resolve() for path in written}) < len(written):
            raise InputError(f"{job.target}: --output, --report and --overlay must be different files: rename one")
        for target in written:
            _check_writable(target, options.overwrite)
            _check_apart(target, places, around)
        if job.plots:
            _check_folder(job.plots)
        key = job.target.resolve()
        if key in seen:
            raise InputError(f"{job.target}: {seen[key]} and {job.source} would both be written there: rename one")
        seen[key] = job.source
        if formats.FORMATS[job.output_format].suffix and job.target.is_dir():
            raise InputError(
                f"--output={job.target}: {job.output_format} is a file, received a folder: name a file in it"
            )


def _check_apart(target: Path, places: set[tuple[int, int]], around: set[Path]) -> None:
    """Raises InputError for an output that would change an input: onto it, into it or around it."""
    path = target.resolve()
    if target.exists() and _place(path) in places:
        raise InputError(f"{target}: output must not be the input, received the same path: choose another --output")
    if any(parent.exists() and _place(parent) in places for parent in path.parents):
        raise InputError(f"{target}: output must not lie in an input folder: choose another --output")
    if path in around:
        raise InputError(f"{target}: output must not be a folder that holds an input: choose another --output")


def _place(path: Path) -> tuple[int, int]:
    """The same for every name of a file."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _check_writable(target: Path, overwrite: bool) -> None:
    if not target.name:
        raise InputError(f"{target}: output must be a file or folder with a name")
    there = target.exists() and not (target.is_dir() and not any(target.iterdir()))
    if there and not overwrite:
        raise InputError(f"{target}: output exists: choose another one, or replace it with --overwrite")
    _check_folder(target.parent)


def _check_folder(folder: Path) -> None:
    """Raises InputError unless it is a folder that can be written to, or can be made."""
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise InputError(f"{folder}: it must be a folder to write into, received a file: choose another output")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: this folder cannot be written to: choose another output")
