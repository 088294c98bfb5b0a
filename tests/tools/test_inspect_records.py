import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgba_array
from matplotlib.image import imread
from small_records import SIZE, prepared_clip, write_records
from tool_runner import Tool, loaded_tool

from kerasmooth.files import save_figure
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import DetectorNoise, clip_key
from kerasmooth.reporting import record_page
from kerasmooth.reporting.record_page import draw_page
from kerasmooth.skeletons import BOULDERING_25


@pytest.fixture(scope="module")
def tool() -> Iterator[Tool]:
    with loaded_tool("inspect_records") as tool:
        yield tool


def window(start: int = 0, frames: int = 5) -> dict[str, np.ndarray]:
    clip = prepared_clip("clip", 30, seed=0)
    part = slice(start, start + frames)
    return {
        "keypoints": clip.keypoints[part],
        "visibility": clip.visibility[part],
        "boxes": clip.boxes[part],
        "frame_numbers": clip.frame_numbers[part],
        "clip_key": np.uint32(clip_key(clip.clip_id)),
    }


def test_it_prints_the_counts_of_the_manifest_and_draws_a_page(tool: Tool, tmp_path: Path) -> None:
    folder = write_records(tmp_path, windows=(1150, 20))
    outcome = tool(f"--records_dir={tmp_path}", "--windows=3", "--verify")
    assert outcome.code == 0, outcome.err
    for expected in ("1,170 windows", "1,150", "98.3%", "visibility", "12 x 16 (height x width)", "licence: none"):
        assert expected in outcome.out
    assert imread(folder / "page.png").shape[2] == 4


def test_every_dataset_is_shown_or_the_one_that_is_named(tool: Tool, tmp_path: Path) -> None:
    for name in ("brace", "sample"):
        write_records(tmp_path, dataset=name)
    outcome = tool(f"--records_dir={tmp_path}", "--windows=2")
    assert outcome.out.count("drawn: ") == 2
    output = tmp_path / "out.png"
    outcome = tool(f"--records_dir={tmp_path}", "--dataset=brace", f"--output={output}", "--windows=1")
    assert "sample:" not in outcome.out
    assert output.is_file()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--records_dir=/no/such"], "holds no finished records"),
        (["--dataset=penn_action"], "penn_action/manifest.json: no such file"),
        (["--output=page.png"], "say which, --dataset=NAME"),
        (
            ["--dataset=brace", "--output=/no/such/page.png", "--windows=1"],
            "--output=/no/such/page.png: cannot be written",
        ),
        (["--windows=0"], "windows"),
        (["--dataset=../brace", "--verify"], "truncated or replaced"),
        (["--widows=1"], "widows"),
    ],
)
def test_what_cannot_be_shown_is_one_line(tool: Tool, tmp_path: Path, words: list[str], expected: str) -> None:
    for name in ("brace", "sample"):
        write_records(tmp_path / "records", dataset=name)
    damaged = write_records(tmp_path, dataset="brace")
    (damaged / "train-00000-of-00003.tfrecord").write_bytes(b"")
    outcome = tool(f"--records_dir={tmp_path / 'records'}", *words)
    assert outcome.code == 2
    assert outcome.error.startswith("error: ")
    assert expected in outcome.error


def test_the_page_marks_what_is_visible_and_nothing_else() -> None:
    windows = [window(), window(9)]
    figure = draw_page(windows, ["first", "second"], "title", HeatmapCodec(SIZE))
    assert len(figure.axes) == 2 * 2 * 5
    assert [line.get_suptitle() for line in figure.subfigs] == ["first", "second"]
    for line, shown in zip(figure.subfigs, windows, strict=True):
        truths = line.subfigs[0].axes
        for frame, axes in enumerate(truths):
            points = axes.collections[-1].get_offsets()
            np.testing.assert_allclose(points, shown["keypoints"][frame][shown["visibility"][frame]])
            names = np.array(BOULDERING_25.keypoints)
            limbs = [names[[*limb]] for limb in BOULDERING_25.limbs if shown["visibility"][frame][[*limb]].all()]
            sides = [{name.partition("_")[0] for name in limb} for limb in limbs]
            colours = [record_page.SIDES.get(*side, "white") if len(side) == 1 else "white" for side in sides]
            np.testing.assert_allclose(axes.collections[0].get_colors(), to_rgba_array(colours))


def test_of_a_long_window_five_frames_are_drawn() -> None:
    figure = draw_page([window(frames=27)], ["long"], "title", HeatmapCodec(SIZE))
    assert len(figure.axes) == 2 * record_page.MAX_FRAMES
    assert len(draw_page([window(frames=2)], ["short"], "title", HeatmapCodec(SIZE)).axes) == 4


def test_the_input_is_the_stored_one_or_the_noise_that_training_draws() -> None:
    shown, stored = window(), np.random.default_rng(0).random((5, *SIZE, 25)).astype(np.float32)
    noise = DetectorNoise().simulate(
        shown["keypoints"][None], shown["visibility"][None], shown["clip_key"][None], shown["frame_numbers"][None], SIZE
    )
    codec = HeatmapCodec(SIZE)
    simulated = codec.encode(noise["keypoints"], noise["visibility"], noise["sigma_index"])[0]
    for heatmaps, given in ((stored, shown | {"heatmaps": stored}), (simulated, shown)):
        page = draw_page([given], ["window"], "title", codec)
        peaks = heatmaps.max(axis=(1, 2), keepdims=True)
        expected = (heatmaps / np.where(peaks > 0, peaks, 1)).max(axis=-1)
        for axes, image in zip(page.subfigs[0].subfigs[1].axes, expected, strict=True):
            np.testing.assert_allclose(axes.images[0].get_array(), image, atol=1e-5)


def test_the_same_page_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save_figure(draw_page([window()], ["w"], "title", HeatmapCodec(SIZE)), tmp_path / name, dpi=110)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]


def test_a_window_in_which_nothing_is_visible_is_drawn_empty() -> None:
    nothing = window() | {"visibility": np.zeros((5, 25), bool), "keypoints": np.zeros((5, 25, 2), np.float32)}
    figure = draw_page([nothing], ["nothing"], "title", HeatmapCodec(SIZE))
    assert not any(len(axes.collections[-1].get_offsets()) for axes in figure.subfigs[0].subfigs[0].axes)
