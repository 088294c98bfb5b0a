"""The nearest guess for a file that is of no known format, and what it lacks."""

from collections.abc import Iterable
from pathlib import Path

import h5py

from kerasmooth.formats.hdf5_files import is_hdf5
from kerasmooth.formats.headings import roles_of, split_heading
from kerasmooth.formats.json_files import first_and_keys
from kerasmooth.formats.npz_archive import member_names
from kerasmooth.formats.pose_format import PoseFormat
from kerasmooth.formats.text_table import TABLES, headings_of


def nearest(path: Path, formats: Iterable[PoseFormat]) -> str:
    """Such as "looks like COCO keypoint results, but image_id is missing"; an empty text where nothing is near."""
    what, names = _names(path)
    best: tuple[float, str] = (0.0, "")
    for each in formats:
        needs, kind = set(each.needs.split()), each.suffix
        if not needs or not each.suffix or kind.rpartition(".")[2] != _kind(path):
            continue
        missing = sorted(needs - names)
        score = 1 - len(missing) / len(needs)
        if missing and score > best[0]:
            verb = "is" if len(missing) == 1 else "are"
            best = (score, f"looks like {each.description}, but {what} {' and '.join(missing)} {verb} missing")
    if not best[1] and names:
        return f"its {what}s are {', '.join(sorted(names))[:80]}"
    return best[1]


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    return {".tsv": "csv", ".txt": "csv", ".jsonl": "json", ".hdf5": "h5", ".npy": "npz"}.get(suffix, suffix[1:])


def _names(path: Path) -> tuple[str, set[str]]:
    """What a file calls what it holds: (column, field or array, the names)."""
    if path.suffix.lower() in TABLES:
        headings = headings_of(path)[0]
        found = set(roles_of(headings))
        parts = {part for heading in headings for part in split_heading(heading)[1:]}
        return "column", found | {f"NAME_{part.lower()}" for part in parts if part} or set(headings[:8])
    if is_hdf5(path):
        try:
            with h5py.File(path, "r") as file:
                return "array", set(list(file)[:100])
        except OSError:
            return "array", set()
    members = {name.removesuffix(".npy") for name in member_names(path)}
    return ("array", members) if members else ("field", set(first_and_keys(path)[1]))
