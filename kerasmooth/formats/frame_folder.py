"""Folders with one file a frame."""

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.building import check_asked
from kerasmooth.formats.frame_names import FrameNames, frame_names, last_number
from kerasmooth.formats.limits import MAX_FRAMES, bad
from kerasmooth.formats.pose_format import PoseFormat
from kerasmooth.pose_table import PoseTable

MAX_FRAME_BYTES = 64 << 20
"""Largest file of one frame."""


class FrameFolder(PoseFormat):
    """A folder of one file a frame; the frame number is the last number in a file's name."""

    suffix = ""
    frame_suffix: ClassVar[str]
    """Of the files."""

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        files, names = self.frames_in(path)
        return self.read_files(path, files, names, names.frames, fps, image_size)

    def frames_in(self, path: Path) -> tuple[list[str], FrameNames]:
        """Names and frame numbers of the files. Raises InputError where there are none, or no numbers."""
        if not path.is_dir():
            raise bad(path, "path", "be the folder of all frames", "one file", "give the folder that holds it")
        files = list_frames(path, self.frame_suffix)
        if not files:
            raise bad(path, "folder", f"hold {self.frame_suffix} files", "none", "give the folder of all frames")
        return files, name_frames(path, files)

    @abstractmethod
    def read_files(
        self,
        path: Path,
        files: list[str],
        names: FrameNames,
        numbers: np.ndarray,
        fps: float | None,
        image_size: Size | None,
    ) -> PoseTable:
        """The table of some files of the folder, with these frame numbers."""


def list_frames(folder: Path, suffix: str) -> list[str]:
    """Sorted names of the files in a folder that end in `suffix`, hidden ones left out; [] for no folder."""
    try:
        return sorted(
            entry.name
            for entry in folder.iterdir()
            # A link to nothing is a frame that is lost: reading it says so.
            if entry.name.lower().endswith(suffix) and not entry.name.startswith(".") and not entry.is_dir()
        )
    except OSError:
        return []


def first_frame(folder: Path, suffix: str) -> Path | None:
    """Some file of a folder that ends in `suffix`, without listing all of them."""
    try:
        entries = folder.iterdir() if folder.is_dir() else iter(())
        named = (entry for entry in entries if entry.name.lower().endswith(suffix) and not entry.name.startswith("."))
        return next((entry for entry in named if entry.is_file()), None)
    except OSError:
        return None


def name_frames(folder: Path, names: list[str]) -> FrameNames:
    """Frame numbers of file names.

    Raises:
      InputError: too many, a name without a number, or a number twice: then it is more than one sequence.
    """
    if len(names) > MAX_FRAMES:
        raise bad(folder, "files", f"be at most {MAX_FRAMES:,}", f"{len(names):,}", "split the folder")
    seen: dict[str, str] = {}
    for name in names:
        parts = last_number(name)
        if parts is None and len(names) > 1:
            raise bad(folder, "file names", "hold a frame number", name, "rename the file, or move it away")
        number = str(int(parts[1])) if parts else ""
        if number in seen:
            received = f"{seen[number]!r} and {name!r}"
            raise bad(folder, "file names", "have a frame number of their own", received, "one sequence a folder")
        seen[number] = name
    return frame_names(folder, "file names", names)
