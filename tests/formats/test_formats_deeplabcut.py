"""DeepLabCut's tables, text and HDF5, as its versions write them."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from pose_files import moved

import kerasmooth
from kerasmooth import formats


def deeplabcut(index: list[str], folder: Path) -> Path:
    width = len(index[0].split(","))
    blank = "," * (width - 1)
    head = [f"scorer{blank},net,net,net", f"bodyparts{blank},paw,paw,paw", f"coords{blank},x,y,likelihood"]
    path = folder / "CollectedData.csv"
    path.write_text("\n".join([*head, *(f"{each},{i}.5,2.5,0.75" for i, each in enumerate(index))]) + "\n")
    return path


@pytest.mark.parametrize("columns", [1, 3])
def test_deeplabcut_with_names_of_images(columns: int, tmp_path: Path) -> None:
    names = [f"labeled-data{'/,'[columns // 2]}clip{'/,'[columns // 2]}img{i:04d}.png" for i in (3, 4, 10)]
    path = deeplabcut(names, tmp_path)
    table = moved(path, tmp_path / "out.csv", by=1)
    assert table.frames.tolist() == [3, 4, 10]
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[:3] == path.read_text().splitlines()[:3]
    assert lines[4] == f"{names[1]},2.5,3.5,0.75"


def test_deeplabcut_in_three_dimensions(tmp_path: Path) -> None:
    text = "scorer,net,net,net\nbodyparts,paw,paw,paw\ncoords,x,y,z\n0,1.5,2.5,3.5\n1,1.25,2.25,3.25\n"
    (tmp_path / "a.csv").write_text(text)
    table = formats.read(tmp_path / "a.csv")
    assert table.depth is not None
    assert table.depth.tolist() == [[3.5], [3.25]]
    formats.write(table.with_(depth=table.depth + 1), tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == text.replace("3.5", "4.5").replace("3.25", "4.25")
    formats.write(table, tmp_path / "c.csv", "lightning_pose")
    np.testing.assert_array_equal(formats.read(tmp_path / "c.csv").depth, table.depth)


def test_deeplabcut_hdf5_of_pandas_keeps_names_that_fill_their_width(tmp_path: Path) -> None:
    pytest.importorskip("tables")
    columns = pd.MultiIndex.from_product([["net"], ["paw"], ["x", "y"]], names=["scorer", "bodyparts", "coords"])
    names = ["labeled-data/a/img00.png", "labeled-data/a/img01.png"]
    frame = pd.DataFrame([[1.5, 2.5], [3.5, 4.5]], index=names, columns=columns)
    frame.to_hdf(tmp_path / "a.h5", key="df_with_missing", format="table")
    moved(tmp_path / "a.h5", tmp_path / "b.h5", by=1)
    after = pd.read_hdf(tmp_path / "b.h5")
    assert after.index.tolist() == names
    assert after.to_numpy().tolist() == [[2.5, 3.5], [4.5, 5.5]]


def test_deeplabcut_hdf5_with_names_of_images(tmp_path: Path) -> None:
    from pose_files import SAMPLES

    path, _ = SAMPLES["deeplabcut_h5"](tmp_path)
    with h5py.File(path, "r+") as file:
        old = file["df_with_missing/table"]
        block = old["values_block_0"]
        kind = [("index", "S12"), ("values_block_0", "<f8", (6,))]
        rows = np.array([(f"img{i}.png".encode(), each) for i, each in zip((3, 4, 10), block, strict=True)], kind)
        attributes = dict(old.attrs)
        del file["df_with_missing/table"]
        table = file.create_dataset("df_with_missing/table", data=rows)
        for name, value in attributes.items():
            table.attrs[name] = value
    assert moved(path, tmp_path / "out.h5").frames.tolist() == [3, 10]
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["df_with_missing/table"]["index"].tolist() == [b"img3.png", b"img4.png", b"img10.png"]


def test_reading_and_writing_are_public_and_a_table_is_a_data_frame(tmp_path: Path) -> None:
    path = deeplabcut(["0", "1", "3"], tmp_path)
    table = kerasmooth.read_poses(str(path), fps=25)
    frame = table.to_pandas()
    assert frame[["frame", "person", "keypoint", "x", "y"]].to_numpy().tolist()[2] == [3, 0, "paw", 2.5, 2.5]
    assert list(frame.columns[5:]) == ["confidence", "provenance", "deviation"]
    assert str(frame["provenance"][0]) == "measured"
    kerasmooth.write_poses(table, str(tmp_path / "o.csv"))
    assert (tmp_path / "o.csv").read_text() == path.read_text()
    frame.to_csv(tmp_path / "tidy.csv", index=False)
    tidy = kerasmooth.read_poses(tmp_path / "tidy.csv")
    kerasmooth.write_poses(tidy.with_(provenance=tidy.provenance + 1), tmp_path / "replaced.csv")
    assert (tmp_path / "replaced.csv").read_text() == (tmp_path / "tidy.csv").read_text().replace(
        "measured", "replaced"
    )
    kerasmooth.write_poses(table, str(tmp_path / "o.json"), to="coco")
    assert json.loads((tmp_path / "o.json").read_text())[2]["keypoints"] == [2.5, 2.5, 0.75]
