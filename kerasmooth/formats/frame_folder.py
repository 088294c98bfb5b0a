"""Folders with one file a frame."""

from pathlib import Path

from kerasmooth.formats.frame_names import FrameNames, frame_names, last_number
from kerasmooth.formats.limits import MAX_FRAMES, bad

MAX_FRAME_BYTES = 64 << 20
"""Largest file of one frame."""


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
