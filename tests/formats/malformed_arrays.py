"""Bad NPZ and HDF5 files."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from malformed_parts import Maker, bytes_file, case, cut, damaged
from pose_files import NAN, SAMPLES


def npz(**arrays: Any) -> Maker:
    def make(folder: Path) -> Path:
        np.savez(folder / "bad.npz", **arrays)
        return folder / "bad.npz"

    return make


def claiming(name: str, shape: tuple[int, ...], dtype: str = "<f4", size: int = 0) -> Maker:
    """An archive whose array claims to be far larger than it is; `size` is what the archive's directory claims."""

    def make(folder: Path) -> Path:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
        with zipfile.ZipFile(folder / "bad.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}.npy", header.getvalue() + bytes(1000))
            archive.getinfo(f"{name}.npy").file_size = size or len(header.getvalue()) + 1000
        return folder / "bad.npz"

    return make


GOOD = np.ones((4, 5, 2))
case("bomb", "arrays", "unpack to at most", claiming("keypoints", (1, 100_000_000, 3), "|u1", 300_000_000))
case("claims terabytes", "arrays", "readable array", claiming("keypoints", (1 << 40, 5, 2)))
case("negative shape", "arrays", "readable array", claiming("keypoints", (-4, 5, 2)))
case("objects", "arrays", "readable array", npz(keypoints=np.full((1, 1, 2), None, object)))
case("texts", "arrays", "hold numbers", npz(keypoints=np.full((4, 5, 2), "1.0")))
case("complex", "arrays", "hold numbers", npz(keypoints=GOOD * 1j))
case("two axes", "arrays", "3 or 4 axes", npz(keypoints=np.ones((4, 2))))
case("five coordinates", "arrays", "the last of 2 to 4", npz(keypoints=np.ones((4, 5, 5))))
case("no keypoints of a person", "arrays", "3 or 4 axes", npz(keypoints=np.ones((4, 0, 2))))
case(
    "million people",
    "arrays",
    "at most 1,000 people",
    npz(keypoints=np.ones((5000, 2, 1, 2), np.int8), frame_numbers=np.arange(2)),
)
case("huge", "arrays", "within 1e", npz(keypoints=GOOD * 1e300))
case("infinite", "arrays", "within 1e", npz(keypoints=GOOD * np.inf))
case(
    "confidence of other shape", "arrays", "confidence must have shape", npz(keypoints=GOOD, confidence=np.ones((5, 4)))
)
case("rate of two", "arrays", "fps must be one number", npz(keypoints=GOOD, fps=np.ones(2)))
case("rate of text", "arrays", "fps must hold numbers", npz(keypoints=GOOD, fps=np.array("30")))
case(
    "frames out of order",
    "arrays",
    "frame_numbers must increase",
    npz(keypoints=GOOD, frame_numbers=np.array([3, 2, 1, 0])),
)
case(
    "frames of other length", "arrays", "frame_numbers must have shape", npz(keypoints=GOOD, frame_numbers=np.arange(3))
)
case("without keypoints", "arrays", "keypoints must be in the file", npz(numbers=GOOD))
case("truncated", "arrays", "NPZ", cut("arrays", 0.7))
case("damaged", "arrays", "must", damaged("arrays", 0.2))
case("truncated npy", "arrays", "readable array", cut("array", 0.7))
case(
    "npy of objects",
    "arrays",
    "readable array",
    lambda folder: [np.save(folder / "bad.npy", np.array([{}]), allow_pickle=True), folder / "bad.npy"][1],
)  # type: ignore[func-returns-value]

case("boxes of other length", "climbalong", "bboxes", npz(heatmaps=np.ones((2, 3, 4, 4), "f4"), bboxes=np.ones((3, 4))))
case("no boxes", "climbalong", "bboxes", npz(heatmaps=np.ones((2, 3, 4, 4), "f4")))
case("three axes", "climbalong", "heatmaps", npz(heatmaps=np.ones((2, 4, 4), "f4"), bboxes=np.ones((2, 4))))
case("texts", "climbalong", "hold numbers", npz(heatmaps=np.full((2, 3, 4, 4), "a"), bboxes=np.ones((2, 4))))
case("huge box", "climbalong", "bboxes", npz(heatmaps=np.ones((2, 3, 4, 4), "f4"), bboxes=np.full((2, 4), 1e30)))
case("bomb", "climbalong", "unpack to at most", claiming("heatmaps", (9, 25, 560, 560), "<f4", 300_000_000))


def ours(**changes: Any) -> Maker:
    """Our own NPZ with some arrays changed, or left out where None."""

    def make(folder: Path) -> Path:
        skeleton = '{"name": "two", "keypoints": ["a", "b"], "limbs": [[0, 1]]}'
        arrays: dict[str, Any] = {
            "schema_version": 1, "frames": [1, 3], "people": [0, 0], "keypoints": np.ones((2, 2, 2)),
            "confidence": np.ones((2, 2)), "frame_numbers": [1, 2, 3], "provenance": np.zeros((2, 2), np.uint8),
            "deviation": np.full((2, 2), NAN), "fps": NAN, "image_size": [0, 0], "unit": "px", "y_up": False,
            "skeleton": skeleton, **changes,
        }  # fmt: skip
        np.savez(folder / "bad.npz", **{name: value for name, value in arrays.items() if value is not None})
        return folder / "bad.npz"

    return make


for name_ in ("frames", "people", "keypoints", "confidence", "frame_numbers", "provenance", "fps", "skeleton"):
    case(f"without {name_}", "npz", f"{name_} must be in the file", ours(**{name_: None}))
case("newer", "npz", "update kerasmooth", ours(schema_version=2))
case("people of another number", "npz", "people", ours(people=[0]))
case("keypoints of another number", "npz", "keypoints", ours(keypoints=np.ones((2, 3, 2))))
case("frames of half", "npz", "frames", ours(frames=[1.5, 3.0]))
case("frame numbers without a frame", "npz", "frame_numbers", ours(frame_numbers=[1, 2]))
case("frame numbers out of order", "npz", "frame_numbers", ours(frame_numbers=[3, 2, 1]))
case("unknown provenance", "npz", "provenance", ours(provenance=np.full((2, 2), 9)))
case("skeleton of numbers", "npz", "skeleton", ours(skeleton=5))
case("skeleton that is no JSON", "npz", "skeleton", ours(skeleton="{"))
case("skeleton of deep nesting", "npz", "skeleton", ours(skeleton="[" * 100_000))
case(
    "skeleton with a name twice",
    "npz",
    "skeleton",
    ours(skeleton='{"name": "x", "keypoints": ["a", "a"], "limbs": []}'),
)
case("limbs to nowhere", "npz", "skeleton", ours(skeleton='{"name": "x", "keypoints": ["a", "b"], "limbs": [[0, 7]]}'))
case("huge", "npz", "within 1e", ours(keypoints=np.full((2, 2, 2), 1e300)))
case("negative image size", "npz", "image_size", ours(image_size=[-1, 5]))


def hdf5(change: Callable[[h5py.File], object], sample: str = "sleap") -> Maker:
    def make(folder: Path) -> Path:
        path, _ = SAMPLES[sample](folder)
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    return make


def replaced(name: str, **new: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if name in file:
            del file[name]
        if new:
            file.create_dataset(name, **new)

    return change


def linked(file: h5py.File) -> None:
    del file["tracks"]
    file["tracks"] = h5py.ExternalLink("/etc/other.h5", "/tracks")


case("without tracks", "sleap", "tracks", hdf5(replaced("tracks")))
case("without names", "sleap", "node_names", hdf5(replaced("node_names")))
case("linked elsewhere", "sleap", "tracks must be an array in the file", hdf5(linked))
case(
    "claims terabytes",
    "sleap",
    "bytes",
    hdf5(replaced("tracks", shape=(2, 2, 3, 1 << 40), dtype="f8", chunks=(2, 2, 3, 64))),
)
case(
    "claims gigabytes",
    "sleap",
    "fit the size",
    hdf5(replaced("tracks", shape=(2, 2, 3, 1 << 24), dtype="f8", chunks=(2, 2, 3, 64))),
)
case(
    "million tracks",
    "sleap",
    "at most 1,000",
    hdf5(replaced("tracks", shape=(10**6, 2, 3, 2), dtype="f8", chunks=(64, 2, 3, 2))),
)
case("three axes", "sleap", "have shape", hdf5(replaced("tracks", data=np.ones((2, 3, 4)))))
case("other nodes", "sleap", "have shape", hdf5(replaced("tracks", data=np.ones((2, 2, 7, 4)))))
case("tracks of text", "sleap", "hold numbers", hdf5(replaced("tracks", data=np.full((2, 2, 3, 4), b"x"))))
case("scores of other shape", "sleap", "point_scores", hdf5(replaced("point_scores", data=np.ones((2, 3)))))
case("names of numbers", "sleap", "names", hdf5(replaced("node_names", data=np.arange(3))))
case("name twice", "sleap", "differ", hdf5(replaced("node_names", data=np.array([b"a", b"a", b"b"]))))
case("huge", "sleap", "within 1e", hdf5(replaced("tracks", data=np.full((2, 2, 3, 4), 1e200))))
case("truncated", "sleap", "HDF5", cut("sleap", 0.5))
case("signature only", "sleap", "HDF5", bytes_file("sleap", b"\x89HDF\r\n\x1a\n" + bytes(64)))


def labels(data: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file["df_with_missing/table"].attrs["values_block_0_kind"] = np.bytes_(data)

    return change


CALLS = b"cos\nsystem\n(S'touch /tmp/kerasmooth_was_here'\ntR."
case("pickle that calls", "deeplabcut_h5", "asks for", hdf5(labels(CALLS), "deeplabcut_h5"))
case("pickle that is none", "deeplabcut_h5", "plain values", hdf5(labels(b"hello"), "deeplabcut_h5"))
case("pickle of a number", "deeplabcut_h5", "hold numbers under", hdf5(labels(b"I5\n."), "deeplabcut_h5"))
case(
    "too few labels",
    "deeplabcut_h5",
    "hold numbers under",
    hdf5(labels(b"(lp0\n(VA\nVb\nVx\ntp1\na."), "deeplabcut_h5"),
)
case(
    "fixed layout",
    "deeplabcut_h5",
    "as a table",
    hdf5(lambda file: file["df_with_missing"].attrs.__setitem__("pandas_type", np.bytes_(b"frame")), "deeplabcut_h5"),
)
case(
    "without frame",
    "deeplabcut_h5",
    "data frame",
    hdf5(lambda file: file.__delitem__("df_with_missing"), "deeplabcut_h5"),
)
case(
    "without table",
    "deeplabcut_h5",
    "array in the file",
    hdf5(lambda file: file.__delitem__("df_with_missing/table"), "deeplabcut_h5"),
)
case(
    "table of numbers",
    "deeplabcut_h5",
    "fields",
    hdf5(replaced("df_with_missing/table", data=np.ones(3)), "deeplabcut_h5"),
)
case("truncated", "deeplabcut_h5", "HDF5", cut("deeplabcut_h5", 0.5))


def points(**fields: Any) -> Callable[[h5py.File], None]:
    """Sets fields of the first instance."""

    def change(file: h5py.File) -> None:
        rows = file["instances"][()]
        for name, value in fields.items():
            rows[name][0] = value
        file["instances"][...] = rows

    return change


def described(text: str) -> Callable[[h5py.File], None]:
    return lambda file: file["metadata"].attrs.__setitem__("json", np.bytes_(text))


case("truncated", "sleap_slp", "HDF5", cut("sleap_slp", 0.5))
case("without points", "sleap_slp", "pred_points", hdf5(replaced("pred_points"), "sleap_slp"))
case("points of numbers", "sleap_slp", "table of", hdf5(replaced("pred_points", data=np.ones(6)), "sleap_slp"))
case(
    "points beyond the end", "sleap_slp", "points each", hdf5(points(point_id_start=98, point_id_end=100), "sleap_slp")
)
case("points before the start", "sleap_slp", "points each", hdf5(points(point_id_start=2**64 - 2), "sleap_slp"))
case("too many points", "sleap_slp", "points each", hdf5(points(point_id_end=6), "sleap_slp"))
case("in no frame", "sleap_slp", "one of the frames", hdf5(points(frame_id=77), "sleap_slp"))
case("without a skeleton", "sleap_slp", "describe a skeleton", hdf5(described("{}"), "sleap_slp"))
case("skeleton of deep nesting", "sleap_slp", "describe a skeleton", hdf5(described("[" * 60_000), "sleap_slp"))
TWICE = '{"skeletons": [{"nodes": [0, 1], "links": []}], "nodes": [{"name": "a"}, {"name": "a"}]}'
case("name twice", "sleap_slp", "different names", hdf5(described(TWICE), "sleap_slp"))
BODY = "processing/behavior/PoseEstimation/body/data"
case("truncated", "nwb", "HDF5", cut("nwb", 0.5))
case("other length", "nwb", "have 2 values", hdf5(replaced(BODY, data=np.ones((2, 2))), "nwb"))
case("four coordinates", "nwb", "have shape", hdf5(replaced(BODY, data=np.ones((3, 4))), "nwb"))
case("positions of text", "nwb", "hold numbers", hdf5(replaced(BODY, data=np.full((3, 2), b"x")), "nwb"))
case("huge", "nwb", "within 1e", hdf5(replaced(BODY, data=np.full((3, 2), 1e200)), "nwb"))
case("claims terabytes", "nwb", "bytes", hdf5(replaced(BODY, shape=(1 << 40, 2), dtype="f8", chunks=(64, 2)), "nwb"))
case("without poses", "nwb", "PoseEstimation", hdf5(replaced("processing"), "nwb"))
