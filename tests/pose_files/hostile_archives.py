"""Hostile NPZ, NPY and HDF5 files."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hostile_parts import REFUSED, Maker, data

# --- archives

_PRELUDE = b"\x93NUMPY\x01\x00"


def npy(descr: str, shape: str, body: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return _PRELUDE + struct.pack("<H", len(header)) + header.encode() + body


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return buffer.getvalue()


def nested_zip(levels: int) -> bytes:
    content = b"0" * 1_000_000
    for _ in range(levels):
        content = zipped({"keypoints.npy": content})
    return content


def bomb(megabytes: int) -> bytes:
    """Zeros packed a thousandfold, with an honest header."""
    shape = f"({megabytes}, 32768, 8, 2)"
    return zipped({"keypoints.npy": npy("'<f2'", shape, bytes(megabytes << 20))})


def lying_zip() -> bytes:
    """An archive whose directory says that a bomb is small."""
    honest = bomb(300)
    return honest.replace(struct.pack("<I", (300 << 20) + 128), struct.pack("<I", 1000))


def overlapping_zip() -> bytes:
    """Many names for the same packed bytes."""
    content = zipped({"keypoints.npy": npy("'<f8'", "(1000, 17, 2)", bytes(8 * 1000 * 34))})
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        first = archive.infolist()[0]
        for i in range(5000):
            other = zipfile.ZipInfo(f"a{i}.npy")
            for name in ("header_offset", "CRC", "compress_size", "file_size", "compress_type"):
                setattr(other, name, getattr(first, name))
            archive.filelist.append(other)
            archive.NameToInfo[other.filename] = other
        archive._didModify = True
    return buffer.getvalue()


for _title, _content in {
    "zip in zip, 50 deep": lambda: nested_zip(50),
    "bomb": lambda: bomb(300),
    "bomb that says that it is small": lying_zip,
    "5,000 names of the same bytes": overlapping_zip,
    "20,000 members": lambda: zipped({f"{i}.npy": b"" for i in range(20_000)}, zipfile.ZIP_STORED),
    "name that climbs": lambda: zipped({"../../keypoints.npy": npy("'<f8'", "(2, 3, 2)", bytes(96))}),
    "no array inside": lambda: zipped({"keypoints.npy": b"keypoints"}),
    "pickle inside": lambda: zipped({"keypoints.npy": npy("'|O'", "(1,)", b"cos\nsystem\n(S'true'\ntR.")}),
    "shape of 10^18": lambda: zipped({"keypoints.npy": npy("'<f8'", "(1000000000000000000, 17, 2)", bytes(64))}),
    "shape that overflows": lambda: zipped({"keypoints.npy": npy("'<f8'", "(4294967296, 4294967296, 2)", b"")}),
    "shape of text": lambda: zipped({"keypoints.npy": npy("'<f8'", "('a', 2)", bytes(64))}),
    "header that is a program": lambda: zipped({"keypoints.npy": npy("__import__('os')", "(1, 1, 2)", bytes(16))}),
    "header of a million brackets": lambda: zipped({"keypoints.npy": npy("(" * 60_000, "(1, 1, 2)")}),
    "type of a gigabyte": lambda: zipped({"keypoints.npy": npy("'|V1000000000'", "(1, 1, 2)")}),
    "text of a gigabyte": lambda: zipped({"keypoints.npy": npy("'<U250000000'", "(1, 1, 2)")}),
    "wrong checksum": lambda: zipped({"keypoints.npy": npy("'<f8'", "(2, 3, 2)", bytes(96))}, 0).replace(
        bytes(32), b"\1" * 32, 1
    ),
    "skeleton of a million brackets": lambda: zipped(
        {
            "skeleton.npy": npy("'<U20000'", "()", "[".encode("utf-32-le") * 20_000),
            "keypoints.npy": b"",
            "people.npy": b"",
        }
    ),
}.items():
    REFUSED[f"npz {_title}"] = data("bad.npz", _content)
REFUSED["npy of 10^18"] = data("bad.npy", npy("'<f8'", "(1000000000000000000, 17, 2)", bytes(64)))
REFUSED["npy of dates"] = data("bad.npy", npy("'<M8[s]'", "(2, 3, 2)", bytes(96)))
REFUSED["npy of records"] = data("bad.npy", npy("[('x', '<f8')]", "(2, 3, 2)", bytes(96)))
REFUSED["npy pickle"] = data("bad.npy", npy("'|O'", "(1,)", b"cos\nsystem\n(S'true'\ntR."))
REFUSED["gzip bomb as JSON"] = data("bad.json", lambda: gzip.compress(bytes(100 << 20), mtime=0))
REFUSED["zlib bomb"] = data("bad.npz", lambda: zlib.compress(bytes(100 << 20)))


def hdf5(fill: Callable[[h5py.File], object]) -> Maker:
    def make(folder: Path) -> Path:
        with h5py.File(folder / "bad.h5", "w") as file:
            fill(file)
        return folder / "bad.h5"

    return make


def _deep(file: h5py.File) -> None:
    group = file
    for _ in range(3000):
        group = group.create_group("tracks")


def with_tracks(file: h5py.File, **tracks: Any) -> None:
    file["node_names"] = np.array([b"a", b"b", b"c"])
    file["track_names"] = np.array([b"1"])
    file["track_occupancy"] = np.ones((4, 1), np.uint8)
    file.create_dataset("tracks", **tracks)


def _loop(file: h5py.File) -> None:
    file["node_names"] = np.array([b"a"])
    file["tracks"] = h5py.SoftLink("/tracks")


def _elsewhere(file: h5py.File) -> None:
    file["node_names"] = np.array([b"a"])
    file["tracks"] = h5py.ExternalLink("/dev/zero", "/tracks")


for _title, _fill in {
    "groups 3,000 deep": _deep,
    "bomb of zeros": lambda file: with_tracks(file, shape=(1, 2, 3, 1 << 26), dtype="f8", chunks=(1, 2, 3, 1 << 12)),
    "link to itself": _loop,
    "link to a device": _elsewhere,
    "infinities": lambda file: with_tracks(file, data=np.full((1, 2, 3, 4), np.inf)),
    "huge numbers": lambda file: with_tracks(file, data=np.full((1, 2, 3, 4), 1e308)),
    "a scalar": lambda file: with_tracks(file, data=1.0),
    "complex numbers": lambda file: with_tracks(file, data=np.ones((1, 2, 3, 4), complex)),
    "texts of any length": lambda file: with_tracks(file, data=np.array([["x"]], object), dtype=h5py.string_dtype()),
    "2,000 arrays": lambda file: [file.create_dataset(str(i), data=i) for i in range(2000)],
    "nothing": lambda file: None,
}.items():
    REFUSED[f"hdf5 {_title}"] = hdf5(_fill)
