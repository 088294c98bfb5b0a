"""Files of other tools that are known and not read: what they are, and the way out."""

from pathlib import Path

from kerasmooth.formats.bounded_files import head
from kerasmooth.formats.json_files import first_and_keys

_BY_SUFFIX = {
    ".c3d": "a C3D recording: convert it to TRC (Mokka, OpenSim, or the Python packages ezc3d and c3d)",
    ".bvh": "a BVH animation, which holds angles: export the positions of its joints as CSV or TRC",
    ".fbx": "an FBX animation: export the positions of its joints as CSV or TRC",
    ".pkl": "a Python pickle, which could run anything: save its keypoints as NPZ",
    ".pickle": "a Python pickle, which could run anything: save its keypoints as NPZ",
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
    (
        {"filename", "class", "annotations"},
        "AlphaTracker labels: smooth its tracked results (*-forvis-tracked.json) instead",
    ),
    ({"_via_settings"}, "a VIA project: export the annotations as COCO"),
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
        return "an empty or unreadable file: write it again"
    if path.suffix.lower() in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix.lower()]
    packed = next((words for start, words in _BEGINNINGS.items() if beginning.startswith(start)), "")
    if packed:
        return packed
    if path.suffix.lower() == ".csv" and b"region_shape_attributes" in beginning:
        return "VIA annotations: export them as COCO"
    keys = first_and_keys(path)[1]
    return next((words for needed, words in _BY_KEYS if needed <= keys), "")
