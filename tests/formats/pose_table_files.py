"""Small CSV, TRC, HDF5 and array pose files, written by hand, with the numbers that a reader must find."""

from pathlib import Path

import h5py
import numpy as np
from pose_json_files import NAN, Expected

from kerasmooth.skeletons import BOULDERING_25


def deeplabcut(folder: Path) -> tuple[Path, Expected]:
    path = folder / "mouse.csv"
    path.write_text(
        "scorer,DLC_net,DLC_net,DLC_net,DLC_net,DLC_net,DLC_net\nbodyparts,leftear,leftear,leftear,rightear,rightear,rightear\n"
        "coords,x,y,likelihood,x,y,likelihood\n0,1.50,2.25,0.990,3,4,0.5\n1,,,,,,\n2,5.0,6.0,1.0,,,0.1\n"
    )
    points = {(0, 0): (1.5, 2.25, 0.99), (0, 1): (3, 4, 0.5), (1, 0): (5, 6, 1), (1, 1): (NAN, NAN, 0.1)}
    return path, Expected("deeplabcut", [0, 2], [0, 0], 2, points, [0, 1, 2])


def deeplabcut_multi(folder: Path) -> tuple[Path, Expected]:
    path = folder / "mice.csv"
    path.write_bytes(
        b"scorer,s,s,s,s,s,s\r\nindividuals,a,a,a,b,b,b\r\nbodyparts,nose,nose,nose,nose,nose,nose\r\n"
        b"coords,x,y,likelihood,x,y,likelihood\r\n0,1,2,0.5,3,4,0.25\r\n1,,,,5,6,0.125\r\n"
    )
    points = {(0, 0): (1, 2, 0.5), (1, 0): (3, 4, 0.25), (2, 0): (5, 6, 0.125)}
    return path, Expected("deeplabcut", [0, 0, 1], [0, 1, 1], 1, points, [0, 1])


def lightning_pose(folder: Path) -> tuple[Path, Expected]:
    path = folder / "predictions.csv"
    path.write_text(
        "scorer,heatmap_tracker,heatmap_tracker,heatmap_tracker\nbodyparts,paw,paw,paw\n"
        "coords,x,y,likelihood\n0,1.5,2.5,0.9\n1,2.5,3.5,0.8\n"
    )
    points = {(0, 0): (1.5, 2.5, 0.9), (1, 0): (2.5, 3.5, 0.8)}
    return path, Expected("lightning_pose", [0, 1], [0, 0], 1, points, [0, 1])


def deeplabcut_h5(folder: Path) -> tuple[Path, Expected]:
    """As pandas and PyTables write it, by hand."""
    path = folder / "mouse.h5"
    labels = (
        b"(lp0\n(VDLC\np1\nVleftear\np2\nVx\np3\ntp4\na(g1\ng2\nVy\np5\ntp6\na(g1\ng2\nVlikelihood\np7\ntp8\na"
        b"(g1\nVrightear\np9\ng3\ntp10\na(g1\ng9\ng5\ntp11\na(g1\ng9\ng7\ntp12\na."
    )
    rows = np.zeros(3, [("index", "<i8"), ("values_block_0", "<f8", (6,))])
    rows["index"] = [0, 1, 5]
    rows["values_block_0"] = [[1.5, 2.5, 0.9, 3, 4, 0.5], [NAN] * 6, [5, 6, 1.0, NAN, NAN, 0.1]]
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_(b"frame_table")
        group.attrs["mine"] = "kept"
        table = group.create_dataset("table", data=rows, maxshape=(None,), chunks=(8,))
        table.attrs["values_block_0_kind"] = np.bytes_(labels)
        table.attrs["NROWS"] = np.int64(3)
    points = {(0, 0): (1.5, 2.5, 0.9), (0, 1): (3, 4, 0.5), (1, 0): (5, 6, 1), (1, 1): (NAN, NAN, 0.1)}
    return path, Expected("deeplabcut_h5", [0, 5], [0, 0], 2, points, [0, 1, 5])


def sleap(folder: Path) -> tuple[Path, Expected]:
    path = folder / "predictions.analysis.h5"
    tracks = np.full((2, 2, 3, 4), NAN)
    tracks[0, :, 0, 0], tracks[0, :, 1, 0], tracks[1, :, 2, 3] = (1, 2), (3, 4), (5, 6)
    with h5py.File(path, "w") as file:
        file["tracks"] = tracks
        file["node_names"] = np.array([b"head", b"wingL", b"wingR"])
        file["track_names"] = np.array([b"t0", b"t1"])
        file["edge_inds"] = np.array([[0, 1], [0, 2]])
        file["track_occupancy"] = (~np.isnan(tracks).all(axis=(1, 2))).T.astype(np.uint8)
        file["mine"] = np.arange(3)
    points = {(0, 0): (1, 2, NAN), (0, 1): (3, 4, NAN), (0, 2): (NAN, NAN, NAN), (1, 2): (5, 6, NAN)}
    return path, Expected("sleap", [0, 3], [0, 1], 3, points, [0, 1, 2, 3])


def trc(folder: Path) -> tuple[Path, Expected]:
    path = folder / "markers.trc"
    path.write_text(
        "PathFileType\t4\t(X/Y/Z)\tmarkers.trc\n"
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n"
        "60\t60\t3\t2\tm\t60\t0\t3\nFrame#\tTime\tHead\t\t\tRKnee\t\t\t\n\t\tX1\tY1\tZ1\tX2\tY2\tZ2\n"
        "1\t0.0166\t0.10\t1.5\t-1.0\t0.2\t0.5\t-2.0\n2\t0.0333\t0.12\t1.6\t-1.5\t\t\t\n4\t0.0666\t0.14\t1.7\t-2.0\t0.3\t0.6\t-2.5\n"
    )
    points = {(0, 0): (0.1, 1.5, NAN), (1, 1): (NAN, NAN, NAN), (2, 1): (0.3, 0.6, NAN)}
    return path, Expected("trc", [1, 2, 4], [0, 0, 0], 2, points, [1, 2, 4], {"fps": 60.0, "unit": "m", "y_up": True})


def mediapipe(folder: Path) -> tuple[Path, Expected]:
    path = folder / "pose.csv"
    header = ["frame", *(f"L{k}_{c}" for k in range(33) for c in ("x", "y", "z", "visibility"))]
    lines = [",".join(header)]
    for frame, offset in ((1, 0.1), (2, 0.2), (5, 0.3)):
        cells = [f"{value:.4f}" for k in range(33) for value in (offset + k / 100, 0.5 + k / 100, -0.1, 0.9)]
        lines.append(",".join([str(frame), *cells]))
    path.write_text("\n".join(lines) + "\n")
    points = {(0, 0): (0.1, 0.5, 0.9), (2, 32): (0.62, 0.82, 0.9)}
    return path, Expected("wide_csv", [1, 2, 5], [0] * 3, 33, points, [1, 2, 5], {"unit": "normalised", "y_up": False})


def mediapipe_long(folder: Path) -> tuple[Path, Expected]:
    path = folder / "landmarks.csv"
    lines = ["Frame,Landmark_ID,Landmark_X,Landmark_Y,Landmark_Z"]
    lines += [
        f"{frame},{k},{200 + k}.50,{500 - 10 * k + frame},{k}"
        for frame in (0, 3)
        for k in range(33)
        if (frame, k) != (3, 7)
    ]
    path.write_text("\n".join(lines) + "\n")
    points = {(0, 0): (200.5, 500, NAN), (1, 7): (NAN, NAN, NAN), (1, 32): (232.5, 183, NAN)}
    return path, Expected("tidy_csv", [0, 3], [0, 0], 33, points, [0, 3], {"unit": "px", "y_up": True})


def speed21(folder: Path) -> tuple[Path, Expected]:
    path = folder / "skeletons" / "10_2020-11-21_1.data"
    path.parent.mkdir()
    (folder / "metadata.txt").write_text("10_2020-11-21_1;10;2020-11-21;1;url;0;6;5.9;148;1;l;30\n")
    first = ";".join(f"{100 + k}.5,{200 + k}" for k in range(16))
    path.write_text(f"1#{first}\n2#NULL\n4#{first}")
    return path, Expected("speed21", [1, 4], [0, 0], 16, {(0, 0): (100.5, 200, NAN)}, [1, 2, 4], {"fps": 30.0})


def arrays(folder: Path) -> tuple[Path, Expected]:
    path = folder / "mine.npz"
    keypoints = np.arange(2 * 3 * 4 * 2, dtype=np.float32).reshape(2, 3, 4, 2)
    keypoints[1, 0] = NAN
    confidence = np.full((2, 3, 4), 0.5)
    confidence[0, 0, 0] = 0
    np.savez_compressed(path, keypoints=keypoints, confidence=confidence, fps=50.0, mine=np.array(["a"]))
    points = {(0, 0): (NAN, NAN, 0), (0, 1): (2, 3, 0.5), (2, 3): (8 + 24 + 6, 8 + 24 + 7, 0.5)}
    return path, Expected("arrays", [0, 1, 1, 2, 2], [0, 0, 1, 0, 1], 4, points, [0, 1, 2], {"fps": 50.0})


def array(folder: Path) -> tuple[Path, Expected]:
    path = folder / "mine.npy"
    values = np.arange(1, 2 * 3 * 3 + 1, dtype=np.float64).reshape(2, 3, 3)
    values[..., 2] = 0.25
    np.save(path, values)
    return path, Expected("arrays", [0, 1], [0, 0], 3, {(1, 2): (16, 17, 0.25)}, [0, 1])


def climbalong(folder: Path) -> tuple[Path, Expected]:
    """Gaussians of sigma 1 at cell (20, 30), in a box of 112 x 560 pixels: cells of 2 x 10."""
    path = folder / "climb.npz"
    rows, columns = np.mgrid[:56, :56]
    gaussian = np.exp(-((columns - 20) ** 2 + (rows - 30) ** 2) / 2).astype(np.float32)
    heatmaps = np.tile(gaussian, (3, 25, 1, 1))
    heatmaps[0, 5] = -1
    boxes = np.array([[100, 200, 212, 760], [0, 0, 0, 0], [100, 200, 212, 760]], float)
    np.savez(path, bboxes=boxes, heatmaps=heatmaps)
    points = {(0, 0): (100 + 20.5 * 2, 200 + 30.5 * 10, 1.0), (0, 5): (NAN, NAN, 0)}
    return path, Expected("climbalong", [0, 2], [0, 0], BOULDERING_25.num_keypoints, points, [0, 1, 2])
