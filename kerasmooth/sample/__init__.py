"""Generated sample data: raw dataset files of a moving person, for a first run, for tests and for measurements."""

from collections.abc import Callable, Iterator
from pathlib import Path

from kerasmooth.sample.brace_files import brace_files
from kerasmooth.sample.climbalong_files import climbalong_files
from kerasmooth.sample.folder import replace_folder
from kerasmooth.sample.penn_action_files import penn_action_files

LAYOUTS: dict[str, Callable[[int, int, int], Iterator[tuple[str, bytes]]]] = {
    "penn_action": penn_action_files,
    "brace": brace_files,
    "climbalong": climbalong_files,
}
"""Dataset name -> (num_videos, frames_per_video, seed) -> (relative path, content) of its files."""

SAMPLE_VIDEOS = {"penn_action": (10, 40), "brace": (10, 44)}
"""What the sample records are made of, by layout: (videos, frames a video)."""


def write_raw(
    raw_dir: Path,
    *,
    dataset: str,
    num_videos: int,
    frames_per_video: int,
    seed: int,
    on_file: Callable[[str], None] | None = None,
) -> None:
    """Writes generated raw files in the layout of a dataset. The same arguments give the same bytes everywhere.

    Args:
      raw_dir: absent, empty, or written by this function before (then replaced); it appears complete or not at all.
      dataset: a key of LAYOUTS.
      num_videos: at least 1.
      frames_per_video: at least 1. Heatmaps of climbalong take 0.31 MB a frame.
      seed: any integer.
      on_file: told the relative path of each file when it is about to be written.

    Raises:
      InputError: `raw_dir` holds files of another origin, or cannot be written.
      ValueError: for an unknown dataset, or counts below 1.
    """
    if dataset not in LAYOUTS:
        raise ValueError(f"dataset must be one of {sorted(LAYOUTS)}. Received: dataset={dataset!r}")
    for name, value in (("num_videos", num_videos), ("frames_per_video", frames_per_video)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1. Received: {name}={value}")

    def files() -> Iterator[tuple[str, bytes]]:
        for path, content in LAYOUTS[dataset](num_videos, frames_per_video, seed):
            if on_file is not None:
                on_file(path)
            yield path, content

    settings = {"dataset": dataset, "num_videos": num_videos, "frames_per_video": frames_per_video, "seed": seed}
    replace_folder(raw_dir, files(), settings)
