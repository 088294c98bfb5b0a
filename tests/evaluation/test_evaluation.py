import dataclasses
import math
import shutil
from pathlib import Path
from typing import Any

import naive_scores as naive
import numpy as np
import pytest
import tensorflow as tf
from small_runs import KEYPOINTS, SIZE, WINDOW, write_records, write_run

from kerasmooth.errors import InputError
from kerasmooth.evaluation.evaluator import Evaluation, evaluate
from kerasmooth.evaluation.predictor import Predictor, detector_offsets, simple_rows
from kerasmooth.evaluation.scores import count, curve, mean_error, pck
from kerasmooth.evaluation.setting import setting_of
from kerasmooth.evaluation.tables import as_json
from kerasmooth.evaluation.windows import Frames, merged, single_frames
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import DetectorNoise, clip_key, noise_profile
from kerasmooth.tfrecord.parts import PreparedClip
from kerasmooth.training.run_folder import Run, load_run


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def clips(root: Path) -> list[PreparedClip]:
    """The clips of the test split; the records are in root / "records"."""
    return write_records(root / "records")


@pytest.fixture(scope="module")
def deciwatch(root: Path, clips: list[PreparedClip]) -> Run:
    return load_run(write_run(root / "runs" / "deciwatch", "deciwatch", root / "records"))


@pytest.fixture(scope="module")
def conv3d(root: Path, clips: list[PreparedClip]) -> Run:
    return load_run(write_run(root / "runs" / "conv3d", "conv3d", root / "records"))


@pytest.fixture(scope="module")
def judged(deciwatch: Run, conv3d: Run) -> Evaluation:
    (found,) = evaluate([conv3d, deciwatch], batch_size=4)
    return found


def one_frame(points: dict[int, tuple[float, float]], predicted: np.ndarray | None = None) -> Frames:
    """One window of one frame in a box of 160 x 240 pixels that shows the keypoints of these indices."""
    truth, visibility = np.zeros((1, 1, KEYPOINTS, 2)), np.zeros((1, 1, KEYPOINTS), bool)
    for index, point in points.items():
        truth[0, 0, index], visibility[0, 0, index] = point, True
    box = np.array([[[0.0, 0.0, 160.0, 240.0]]])
    rows = {"model": truth if predicted is None else predicted}
    return Frames(np.array([b"clip"]), np.array([[1]]), truth, visibility, box, rows)


def test_a_case_computed_by_hand() -> None:
    # Shoulders at y = 0, hips at y = 20: a torso of 20 cells, so thresholds of 1, 2 and 4 cells.
    frame = one_frame({3: (0, 0), 4: (10, 0), 15: (0, 20), 16: (10, 20), 7: (5, 5), 8: (8, 8)})
    predicted = frame.truth.copy()
    predicted[0, 0, 3] += (1, 0)  # exactly at 0.05: counts
    predicted[0, 0, 4] += (0, 2.001)  # between 0.1 and 0.2
    predicted[0, 0, 15] += (0, 4)  # exactly at 0.2: counts
    predicted[0, 0, 16] += (3, 4)  # 5 cells: beyond
    predicted[0, 0, 8] += (2, 0)  # exactly at 0.1: counts
    frame = frame.with_rows({"model": predicted})
    np.testing.assert_allclose(pck(frame, "model", (12, 16))["cells"], [2 / 6, 3 / 6, 5 / 6], atol=1e-6)
    np.testing.assert_allclose(count(frame, "model", (12, 16)).by_name()["shoulder"], [0.5, 0.5, 1.0])
    assert mean_error(frame, "model", (12, 16), "cells") == pytest.approx((1 + 2.001 + 4 + 5 + 0 + 2) / 6)
    shares = curve(frame, "model", (12, 16))
    assert [round(6 * shares[i]) for i in (0, 4, 5, 9, 10, 11, 19, 20, 24, 25, 50)] == [1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6]


def test_nothing_annotated_is_no_score() -> None:
    frame = one_frame({7: (5, 5)})
    assert set(pck(frame, "model", (12, 16)).values()) == {(None, None, None)}
    assert set(curve(frame, "model", (12, 16))) == {None}
    assert mean_error(frame, "model", (12, 16), "cells") == 0


def test_the_published_truth_is_a_whole_cell_and_ours_is_exact() -> None:
    frame = one_frame({3: (2, 2), 4: (6, 2), 15: (2, 12), 16: (6, 12), 7: (5.4, 5.4)})
    frame = frame.with_rows({"model": np.round(frame.truth)})
    errors = {space: mean_error(frame, "model", (12, 16), space) for space in ("cells", "pixels", "published")}
    # A cell is 10 px wide and 20 px high.
    known = {"cells": math.hypot(0.4, 0.4) / 5, "pixels": math.hypot(4, 8) / 5, "published": 0}
    assert errors == pytest.approx(known, abs=1e-6)


def detections(clip: PreparedClip) -> np.ndarray:
    """What the simulated detector says of every frame of a clip, by NumPy: [T, K, 2]."""
    seen = DetectorNoise().simulate(
        clip.keypoints[None],
        clip.visibility[None],
        np.array([clip_key(clip.clip_id)], np.uint32),
        clip.frame_numbers[None],
        SIZE,
    )
    return np.asarray(seen["keypoints"][0])


def windows_of(clip: PreparedClip) -> list[range]:
    return [range(start, start + WINDOW) for start in range(len(clip.frame_numbers) - WINDOW + 1)]


def model_answers(run: Run, clip: PreparedClip) -> list[np.ndarray]:
    """The model's keypoints [T, K, 2] of each window, with inputs and decoding by NumPy."""
    codec, numbers = HeatmapCodec(size=SIZE), clip.frame_numbers[None]
    key = np.array([clip_key(clip.clip_id)], np.uint32)
    seen = DetectorNoise().simulate(clip.keypoints[None], clip.visibility[None], key, numbers, SIZE)
    frames = np.stack([list(window) for window in windows_of(clip)])
    if run.takes == "keypoints":
        given = {"keypoints": seen["keypoints"][0], "visibility": clip.visibility, "boxes": clip.boxes}
        inputs = {name: values[frames].astype(np.float32) for name, values in given.items()}
        return list(run.model(inputs)["keypoints"].numpy())
    heatmaps = codec.encode(seen["keypoints"][0], seen["visibility"][0], seen["sigma_index"][0])
    return list(codec.decode(run.model({"heatmaps": heatmaps[frames]})["heatmaps"].numpy(), "argmax")[0])


Frame = tuple[np.ndarray, np.ndarray, np.ndarray]


def naive_frames(clips: list[PreparedClip], answers: list[list[np.ndarray]], space: str) -> list[Frame]:
    """All frames of all windows; `answers`: by clip, by window, [T, K, 2]."""
    frames = []
    for clip, by_window in zip(clips, answers, strict=True):
        for window, answer in zip(windows_of(clip), by_window, strict=True):
            frames += [in_space(clip, i, answer[t], space) for t, i in enumerate(window)]
    return frames


def naive_tracks(clips: list[PreparedClip], answers: list[list[np.ndarray]], space: str) -> list[list[Frame]]:
    tracks = []
    for clip, by_window in zip(clips, answers, strict=True):
        track = []
        for i in range(len(clip.frame_numbers)):
            of_frame = [a[i - w.start] for w, a in zip(windows_of(clip), by_window, strict=True) if i in w]
            track.append(in_space(clip, i, sum(of_frame) / len(of_frame), space))
        tracks.append(track)
    return tracks


def in_space(clip: PreparedClip, i: int, predicted: np.ndarray, space: str) -> Frame:
    truth, visible = clip.keypoints[i].astype(np.float64), clip.visibility[i]
    if space == "cells":
        return truth, predicted, visible
    return naive.to_pixels(truth, clip.boxes[i], SIZE), naive.to_pixels(predicted, clip.boxes[i], SIZE), visible


@pytest.mark.parametrize("row", ["identity", "conv3d (argmax)", "deciwatch"])
def test_agrees_with_a_naive_judge(
    row: str, judged: Evaluation, clips: list[PreparedClip], conv3d: Run, deciwatch: Run
) -> None:
    if row == "identity":
        answers = [[detections(clip)[list(window)] for window in windows_of(clip)] for clip in clips]
    else:
        answers = [model_answers(conv3d if row.startswith("conv3d") else deciwatch, clip) for clip in clips]
    score = judged.scores.rows[row]
    assert score.windows is not None
    for space in ("cells", "pixels"):
        frames = naive_frames(clips, answers, space)
        expected = [naive.pck(frames, threshold) / 100 for threshold in (0.05, 0.1, 0.2)]
        np.testing.assert_allclose(score.windows[space], expected, atol=1e-6)
        assert mean_error(judged.windows, row, SIZE, space) == pytest.approx(naive.end_point_error(frames), rel=1e-5)
    np.testing.assert_allclose(judged.pck().loc[row], [100 * share for share in score.windows["cells"]])
    tracks, cells = (naive_tracks(clips, answers, space) for space in ("pixels", "cells"))
    merged = [frame for track in tracks for frame in track]
    expected = [naive.pck(merged, threshold) / 100 for threshold in (0.05, 0.1, 0.2)]
    np.testing.assert_allclose(score.tracks["pixels"], expected, atol=1e-6)
    knees = [naive.pck([f for track in cells for f in track], a, (17, 18)) / 100 for a in (0.05, 0.1, 0.2)]
    np.testing.assert_allclose(score.by_keypoint["knee"], knees, atol=1e-6)
    assert score.acceleration_error == pytest.approx(naive.acceleration_error(tracks), rel=1e-5)
    assert score.error["pixels"] == pytest.approx(naive.end_point_error(merged), rel=1e-5)


def test_every_frame_of_every_window_is_scored(judged: Evaluation) -> None:
    # Clips of 13 and 8 frames: 9 + 4 windows; frame 4 of each lacks a hip, and is in 4 of each clip's windows.
    assert (judged.num_windows, judged.in_all, judged.bias_windows) == ({"sample": 13}, {"sample": 13}, 10)
    frames = single_frames(judged.tracks)
    counts = [
        count(part, "identity", SIZE, space) for part in (judged.windows, frames) for space in ("cells", "published")
    ]
    assert [(each.frames, each.frames_skipped) for each in counts] == [(65, 0), (65, 8), (21, 0), (21, 2)]
    assert (judged.scores.num_windows, judged.scores.judged) == (13, 1)
    assert judged.scores.published_judged == pytest.approx(57 / 65, abs=1e-6)


def test_rows_are_the_detector_simple_corrections_and_each_model_by_each_decoder(judged: Evaluation) -> None:
    names = [row.name for row in judged.rows]
    assert names[:4] == ["identity", "bias_only", "window_mean", "window_median"]
    assert names[4:] == ["conv3d (argmax)", "conv3d (dark)", "deciwatch"]
    assert [row.decoder for row in judged.rows] == ["argmax"] * 5 + ["dark", ""]
    found = judged.windows.predicted
    whole = [not (found[f"conv3d ({decoder})"] % 1).any() for decoder in ("argmax", "dark")]
    assert whole == [True, False], "arg-max is a cell, dark lies between cells"


def test_bias_only_adds_the_mean_error_of_training(judged: Evaluation, root: Path, clips: list[PreparedClip]) -> None:
    from small_runs import FRAMES, moving_clip

    train = moving_clip("train0", FRAMES["train"][0])
    detected, sums, counts = detections(train), np.zeros((KEYPOINTS, 2)), np.zeros((KEYPOINTS, 1))
    for window in windows_of(train):
        for i in window:
            shown = train.visibility[i][:, None] & detected[i].any(axis=-1)[:, None]
            sums += np.where(shown, train.keypoints[i] - detected[i], 0)
            counts += shown
    offsets = sums / np.maximum(counts, 1)
    windows = judged.windows
    moved = windows.predicted["bias_only"] - windows.predicted["identity"]
    np.testing.assert_allclose(moved, offsets * windows.visibility[..., None], atol=1e-5)


def test_the_middle_of_a_window_leaves_out_what_was_not_detected() -> None:
    detected = np.array([[1.0, 2], [0, 0], [3, 9], [8, 1]])[None, :, None]  # the second frame is a miss
    both = np.repeat(detected, 2, axis=2)
    both[:, :, 1] = 0
    rows = simple_rows(both, None)
    assert list(rows) == ["window_mean", "window_median"]
    np.testing.assert_allclose(rows["window_mean"][0, :, 0], [[4, 4]] * 4)
    np.testing.assert_allclose(rows["window_median"][0, :, 0], [[3, 2]] * 4)
    assert not rows["window_mean"][0, :, 1].any()


def test_scores_do_not_depend_on_the_batch_size(judged: Evaluation, deciwatch: Run) -> None:
    (in_one,) = evaluate(deciwatch, batch_size=64)
    for name in ("identity", "bias_only", "deciwatch"):
        one, other = (each.scores.rows[name] for each in (in_one, judged))
        assert one.tracks == other.tracks
        assert one.acceleration == pytest.approx(other.acceleration, rel=1e-5)


def test_some_windows_only(deciwatch: Run) -> None:
    (some,) = evaluate(deciwatch.folder, batch_size=4, max_windows=5)
    assert (some.num_windows, some.in_all) == ({"sample": 5}, {"sample": 13})


def test_a_constant_error_of_the_detector_is_found() -> None:
    random = np.random.default_rng(0)
    offset = random.normal(size=(KEYPOINTS, 2))
    visibility = random.random((6, 5, KEYPOINTS)) < 0.5
    visibility[..., 3] = False
    truth = random.normal(size=(6, 5, KEYPOINTS, 2))
    windows = Frames(np.array([b"a"] * 6), np.zeros((6, 5)), truth, visibility, truth, {"identity": truth - offset})
    offset[3] = 0
    np.testing.assert_allclose(detector_offsets(windows), offset, atol=1e-6)


def test_a_real_detector_is_decoded_and_not_simulated(conv3d: Run, deciwatch: Run) -> None:
    codec = HeatmapCodec(size=SIZE)
    truth = np.random.default_rng(0).uniform((3, 3), (12, 8), (2, WINDOW, KEYPOINTS, 2)).astype(np.float32)
    visibility = np.ones(truth.shape[:-1], bool)
    heatmaps = 3 * codec.encode(truth, visibility, 0, sub_pixel=True) - 0.01
    batch = {
        "keypoints": tf.constant(truth),
        "visibility": tf.constant(visibility),
        "boxes": tf.zeros((2, WINDOW, 4)),
        "frame_numbers": tf.zeros((2, WINDOW), tf.int32),
        "clip_key": tf.zeros(2, tf.uint32),
        "clip_id": tf.constant(["a", "b"]),
        "heatmaps": tf.constant(heatmaps),
    }
    readers = [dataclasses.replace(deciwatch, config=deciwatch.config.replace(decoder=d)) for d in ("argmax", "dark")]
    readers = [dataclasses.replace(run, folder=Path(name)) for run, name in zip(readers, "ab", strict=True)]
    rows = Predictor([conv3d, *readers], codec, DetectorNoise(), ["dark"], ("argmax", "dark"))
    answers = rows.predict(batch)
    assert list(answers) == ["identity (argmax)", "identity (dark)", "conv3d", "a", "b"]
    assert np.abs(answers["a"] - answers["b"]).max() > 0.1, "a model of keypoints is given what its decoder reads"
    np.testing.assert_array_equal(answers["identity (argmax)"], np.rint(truth))
    assert np.abs(answers["identity (dark)"] - truth).max() < 0.1


def test_windows_become_tracks() -> None:
    numbers = np.array([[7, 8, 9], [1, 2, 3], [2, 3, 4]])
    values = np.array([9.0, 1.0, 4.0])[:, None, None, None] * np.ones((3, 3, 2, 2))
    truth = np.broadcast_to(numbers[..., None, None], values.shape)
    windows = Frames(
        np.array([b"clip"] * 3), numbers, truth, np.ones((3, 3, 2), bool), np.ones((3, 3, 4)), {"model": values}
    )
    first, second = merged(windows, 1)
    assert first.frame_numbers.tolist() == [[1, 2, 3, 4]]
    assert first.predicted["model"][0, :, 0, 0].tolist() == [1, 2.5, 2.5, 4]
    assert first.truth[0, :, 1, 1].tolist() == [1, 2, 3, 4]
    assert second.frame_numbers.tolist() == [[7, 8, 9]], "no track spans the gap"


def test_tracks_with_a_frame_step_keep_each_phase_apart(root: Path, tmp_path: Path, deciwatch: Run) -> None:
    clips = write_records(tmp_path / "records", frame_step=2, frames={"test": (12,)})
    config = deciwatch.config.replace(frame_step=2)
    run = dataclasses.replace(deciwatch, config=config)
    (found,) = evaluate([run], records_dir=str(tmp_path / "records"))
    assert found.bias_windows == 0
    assert [row.kind for row in found.rows] == ["identity", "window_mean", "window_median", "model"]
    detected = detections(clips[0])
    tracks = [[in_space(clips[0], i, detected[i], "pixels") for i in range(phase, 12, 2)] for phase in (0, 1)]
    error = found.scores.rows["identity"].acceleration_error
    assert error == pytest.approx(naive.acceleration_error(tracks), rel=1e-5)


def test_datasets_add_up(tmp_path: Path, deciwatch: Run) -> None:
    write_records(tmp_path / "records", "penn_action", {"train": (9,), "test": (9,)})
    write_records(tmp_path / "records", "brace", {"test": (13, 7)})
    records = {"records_dir": str(tmp_path / "records"), "datasets": ("penn_action", "brace")}
    (found,) = evaluate(deciwatch, **records)  # type: ignore[arg-type]
    assert found.num_windows == {"penn_action": 5, "brace": 12}
    assert not found.setting.is_sample
    assert sum(len(track.truth[0]) for track in found.tracks) == 9 + 13 + 7
    row = as_json([found])["evaluations"][0]["rows"][-1]
    totals = {name: sum(n[-1] for video, n in row["videos"].items() if video.startswith(name)) for name in found.in_all}
    parts = [row["by_dataset"][name]["cells"][2] * totals[name] for name in ("penn_action", "brace")]
    assert row["tracks"]["cells"][2] == pytest.approx(sum(parts) / sum(totals.values()), abs=1e-5)
    (some,) = evaluate(deciwatch, max_windows=4, **records)  # type: ignore[arg-type]
    assert (some.num_windows, some.in_all) == ({"penn_action": 1, "brace": 3}, {"penn_action": 5, "brace": 12})


NOISES: list[dict[str, Any]] = [
    {"shifting_scalar": 0.5},
    {"random_sigma": False},
    {"noise_profile": noise_profile("mixture").model_dump(mode="json")},
    {"noise_seed": 1},
    {"noise_dropout": 0.5},
    {"noise_swap": 0.5},
    {"constant_shift": True},
]


@pytest.mark.parametrize("changes", NOISES, ids=lambda changes: next(iter(changes)))
def test_runs_of_other_noise_are_judged_apart(deciwatch: Run, changes: dict[str, Any]) -> None:
    assert setting_of(deciwatch.config.replace(**changes)).noise != setting_of(deciwatch.config).noise


@pytest.mark.parametrize("changes", [NOISES[2], {"constant_shift": True}], ids=["mixture", "constant"])
def test_each_setting_of_the_noise_changes_what_is_judged(
    judged: Evaluation, deciwatch: Run, changes: dict[str, Any]
) -> None:
    run = dataclasses.replace(deciwatch, config=deciwatch.config.replace(**changes))
    (found,) = evaluate(run)
    one, other = (each.windows.predicted["identity"] for each in (found, judged))
    assert not np.array_equal(one, other)
    assert judged.scores.bound is not None
    assert found.scores.bound is None, "the bound is that of independent normal shifts"


def test_noise_is_the_runs_own_and_that_of_epoch_0(root: Path, clips: list[PreparedClip], deciwatch: Run) -> None:
    louder = deciwatch.config.replace(shifting_scalar=2.0, noise="fixed")
    run = dataclasses.replace(deciwatch, config=louder)
    one, two = setting_of(deciwatch.config), setting_of(run.config)
    assert one != two
    assert two.noise.shifting_scalar == 2
    fixed = dataclasses.replace(deciwatch, config=deciwatch.config.replace(noise="fixed"))
    assert setting_of(fixed.config) == one, "fresh or fixed makes no difference in epoch 0"


def test_a_shard_damaged_inside_is_bad_input(root: Path, tmp_path: Path, deciwatch: Run) -> None:
    records = Path(shutil.copytree(root / "records", tmp_path / "records"))
    path = records / "sample" / "test-00001-of-00002.tfrecord"
    content = bytearray(path.read_bytes())
    content[-40] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"records.*sample.*cannot be read"):
        evaluate([deciwatch], records_dir=str(records))


def test_what_was_held_out_is_judged_too_where_no_split_is_named(
    tmp_path: Path, deciwatch: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_records(tmp_path, frames={"train": (9,), "test": (9,), "extra": (9,)})
    monkeypatch.setattr("kerasmooth.evaluation.evaluator.evaluate_setting", lambda setting, _, **how: setting.split)
    splits = [evaluate(deciwatch, split, records_dir=str(tmp_path)) for split in ("", "test", "extra")]
    assert splits == [["test", "extra"], ["test"], ["extra"]]


def test_unknown_decoders_are_refused(deciwatch: Run) -> None:
    with pytest.raises(ValueError, match="Received: decoders="):
        evaluate([deciwatch], decoders=["softmax"])


def test_runs_of_the_same_name_are_told_apart(judged: Evaluation, deciwatch: Run, tmp_path: Path) -> None:
    twin = dataclasses.replace(deciwatch, folder=tmp_path / "deciwatch")
    rows = Predictor([deciwatch, twin], HeatmapCodec(size=SIZE), judged.setting.noise, ["argmax"]).model_rows
    assert [row.name for row in rows] == [str(deciwatch.folder), str(twin.folder)]
    called_like_a_filter = dataclasses.replace(deciwatch, folder=tmp_path / "auto")
    (row,) = Predictor([called_like_a_filter], HeatmapCodec(size=SIZE), judged.setting.noise).model_rows
    assert row.name == str(tmp_path / "auto")
