"""What is said of a file that is of no known format: what it is and the way out, or what it looks like and lacks."""

from collections.abc import Iterable
from pathlib import Path

from kerasmooth.formats.hdf5_files import is_hdf5, names_in
from kerasmooth.formats.headings import roles_of, split_heading
from kerasmooth.formats.json_files import first_and_keys
from kerasmooth.formats.npz_archive import member_names
from kerasmooth.formats.pose_format import PoseFormat
from kerasmooth.formats.safe_files import head
from kerasmooth.formats.text_table import TABLES, headings_of

_BY_SUFFIX = {
    ".c3d": "a C3D recording: convert it to TRC (Mokka, OpenSim, or the Python packages ezc3d and c3d)",
    ".bvh": "a BVH animation, which holds angles: export the positions of its joints as CSV or TRC",
    ".fbx": "an FBX animation: export the positions of its joints as CSV or TRC",
    **dict.fromkeys(
        (".pkl", ".pickle", ".pt", ".pth"), "a Python pickle, which could run anything: save its keypoints as NPZ"
    ),
    ".mat": "a MATLAB file: save its keypoints as NPZ, such as with scipy.io.loadmat and numpy.savez",
    ".xlsx": "an Excel file: save the sheet as CSV",
    ".xml": "an XML file: of CVAT export COCO keypoints, of ANVIL or ELAN a CSV",
}
_BEGINNINGS = {
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
    b"\x1f\x8b": "a file packed with gzip: unpack it first",
    b"BZh": "a file packed with bzip2: unpack it first",
    b"\xfd7zXZ": "a file packed with xz: unpack it first",
}
_BY_KEYS = (
    ({"bodies", "joints19"}, "CMU Panoptic 3D poses: stack joints19 as an array [frames, 19, 3] and save that as NPY"),
    ({"bodies", "joints15"}, "CMU Panoptic 3D poses: stack joints15 as an array [frames, 15, 3] and save that as NPY"),
    ({"filename", "class", "annotations"}, "AlphaTracker labels: smooth its tracked results (*-forvis-tracked.json)"),
    ({"_via_settings"}, "a VIA project: export the annotations as COCO"),
    ({"project", "attribute", "view"}, "a VIA project: export the annotations as COCO"),
    ({"keypointlabels", "value"}, "Label Studio's own annotations: export them as COCO"),
    ({"region_shape_attributes"}, "VIA annotations: export them as COCO"),
    ({"regions", "file_attributes"}, "VIA annotations: export them as COCO"),
    ({"shapes", "imagePath"}, "Labelme annotations: convert them to COCO (labelme2coco)"),
)


def known_elsewhere(path: Path) -> str:
    """What a file is that is known and not read, and the way out; an empty text for others."""
    if path.is_dir():
        return ""
    if not path.is_file():
        return "neither file nor folder: give a file"
    beginning = head(path, 1 << 12)
    if not beginning:
        return (
            "one that cannot be read: check its permissions" if path.stat().st_size else "an empty file: write it again"
        )
    if path.suffix.lower() in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix.lower()]
    packed = next((words for start, words in _BEGINNINGS.items() if beginning.startswith(start)), "")
    if packed:
        return packed
    if beginning.startswith(b"PK") and not any(name.endswith(".npy") for name in member_names(path)):
        return "a ZIP archive: unpack it first"
    if path.suffix.lower() == ".csv" and b"region_shape_attributes" in beginning:
        return "VIA annotations: export them as COCO"
    keys = first_and_keys(path)[1]
    return next((words for needed, words in _BY_KEYS if needed <= keys), "")


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
        return "array", set(names_in(path))
    members = {name.removesuffix(".npy") for name in member_names(path)}
    return ("array", members) if members else ("field", set(first_and_keys(path)[1]))
