"""The MATLAB reader against SciPy's, on every type of array and on real files."""

import struct
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from kerasmooth.datasets.mat_file import MAX_VARIABLE_BYTES, read_mat
from kerasmooth.errors import InputError

TYPES = ["float64", "float32", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (1, 2), (2, 3, 4), (0, 0)])
def test_numbers_are_read_as_scipy_reads_them(
    tmp_path: Path, dtype: str, shape: tuple[int, ...], compress: bool
) -> None:
    values = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    path = tmp_path / "numbers.mat"
    scipy.io.savemat(path, {"skipped": np.eye(3), "values": values, "x": 1.5}, do_compression=compress)
    found = read_mat(path, ("values", "x"), "restore it")
    assert set(found) == {"values", "x"}
    np.testing.assert_array_equal(found["values"], scipy.io.loadmat(path)["values"])
    assert found["values"].dtype == dtype
    assert found["x"] == 1.5


@pytest.mark.parametrize("text", ["squat", "x", "", "four", "Å sport 中"])
def test_texts_are_read(tmp_path: Path, text: str) -> None:
    scipy.io.savemat(tmp_path / "text.mat", {"action": text, "after": 2})
    assert read_mat(tmp_path / "text.mat", ("action", "after"), "restore it")["action"] == text


def test_logical_values_are_numbers(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "flags.mat", {"flags": np.array([[True, False]])})
    assert read_mat(tmp_path / "flags.mat", ("flags",), "restore it")["flags"].tolist() == [[1, 0]]


def element(order: str, kind: int, data: bytes) -> bytes:
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_and_numbers_stored_smaller_than_their_class(tmp_path: Path, order: str) -> None:
    # A 2 x 3 array of class double whose data are 16-bit integers, as MATLAB itself stores whole numbers.
    parts = [
        element(order, 6, struct.pack(f"{order}II", 6, 0)),
        element(order, 5, struct.pack(f"{order}ii", 2, 3)),
        element(order, 1, b"wide_name"),
        element(order, 3, struct.pack(f"{order}6h", 1, 2, 3, 4, 5, -6)),
    ]
    mark = b"\x00\x01IM" if order == "<" else b"\x01\x00MI"
    path = tmp_path / "order.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + mark + element(order, 14, b"".join(parts)))
    found = read_mat(path, ("wide_name",), "restore it")["wide_name"]
    assert found.dtype == np.float64
    assert found.tolist() == [[1, 3, 5], [2, 4, -6]]
    np.testing.assert_array_equal(found, scipy.io.loadmat(path)["wide_name"])


def test_a_stream_that_grows_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mat"
    scipy.io.savemat(path, {"x": np.zeros((1000, MAX_VARIABLE_BYTES // 4000))}, do_compression=True)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(InputError, match="content must have at most 16,777,216 bytes a variable, received more"):
        read_mat(path, ("x",), "restore it")


def test_real_files_are_read_as_scipy_reads_them(shared_data: Path) -> None:
    fields = ("action", "pose", "x", "y", "visibility", "train", "bbox", "dimensions", "nframes")
    paths = sorted((shared_data / "penn_action" / "labels").glob("*.mat"))
    streams_without_end = [paths[0].with_name("1605.mat"), paths[0].with_name("1833.mat")]
    for path in (*paths[::25], *streams_without_end):
        expected = scipy.io.loadmat(path)
        for field, found in read_mat(path, fields, "restore it").items():
            if isinstance(found, str):
                assert found == expected[field].item()
            else:
                np.testing.assert_array_equal(found, expected[field])
