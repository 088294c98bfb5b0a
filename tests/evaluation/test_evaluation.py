import dataclasses
import json
import math
import shutil
from pathlib import Path

import naive_scores as naive
import numpy as np
import pytest
import tensorflow as tf
from small_runs import KEYPOINTS, SIZE, WINDOW, write_records, write_run

from kerasmooth.errors import InputError
from kerasmooth.evaluation import evaluator as evaluation
from kerasmooth.evaluation.contestants import BiasFit, Contestants
from kerasmooth.evaluation.evaluator import Evaluation, evaluate, settings_of
from kerasmooth.evaluation.scores import SpaceScore, in_spaces, score_tracks
from kerasmooth.evaluation.tracks import TrackMerger
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import DetectorNoise, clip_key
from kerasmooth.tfrecord.parts import PreparedClip
from kerasmooth.training.runs import Run, load_run


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
    return evaluate([conv3d, deciwatch], settings_of(conv3d), batch_size=4)


def one_frame(points: dict[int, tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints [1, 1, K, 2] and visibility [1, 1, K] of the named indices."""
    keypoints, visibility = np.zeros((1, 1, KEYPOINTS, 2)), np.zeros((1, 1, KEYPOINTS), bool)
    for index, point in points.items():
        keypoints[0, 0, index], visibility[0, 0, index] = point, True
    return keypoints, visibility


def test_a_case_computed_by_hand() -> None:
    # Shoulders at y = 0, hips at y = 20: a torso of 20 cells, so thresholds of 1, 2 and 4 cells.
    truth, visibility = one_frame({3: (0, 0), 4: (10, 0), 15: (0, 20), 16: (10, 20), 7: (5, 5), 8: (8, 8)})
    predicted = truth.copy()
    predicted[0, 0, 3] += (1, 0)  # exactly at 0.05: counts
    predicted[0, 0, 4] += (0, 2.001)  # between 0.1 and 0.2
    predicted[0, 0, 15] += (0, 4)  # exactly at 0.2: counts
    predicted[0, 0, 16] += (3, 4)  # 5 cells: beyond
    predicted[0, 0, 7] += (0, 0)
    predicted[0, 0, 8] += (2, 0)  # exactly at 0.1: counts
    predicted[0, 0, 0] += 100  # not annotated: never counts
    score = SpaceScore.of(truth, predicted, visibility)
    np.testing.assert_allclose(score.pck.total(), [2 / 6, 3 / 6, 5 / 6])
    np.testing.assert_allclose(score.pck.by_name()["shoulder"], [0.5, 0.5, 1.0])
    np.testing.assert_allclose(score.error.mean(), (1 + 2.001 + 4 + 5 + 0 + 2) / 6)
    assert score.mean_torso == 20
    shares = score.curve_shares()
    assert [round(6 * shares[i]) for i in (0, 4, 5, 9, 10, 11, 19, 20, 24, 25, 50)] == [1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6]


def test_nothing_annotated_is_no_score() -> None:
    truth, visibility = one_frame({7: (5, 5)})
    score = SpaceScore.of(truth, truth, visibility)
    assert np.isnan(score.pck.total()).all()
    assert math.isnan(score.mean_torso)
    assert np.isnan(score.curve_shares()).all()
    assert score.error.mean() == 0


def test_the_published_truth_is_a_whole_cell_and_ours_is_exact() -> None:
    truth, visibility = one_frame({3: (2, 2), 4: (6, 2), 15: (2, 12), 16: (6, 12), 7: (5.4, 5.4)})
    predicted = np.round(truth)
    box = np.array([[[0.0, 0.0, 160.0, 240.0]]])
    scores = in_spaces(truth, predicted, visibility, box, (12, 16))
    assert scores["published"].error.mean() == 0
    np.testing.assert_allclose(scores["cells"].error.mean(), math.hypot(0.4, 0.4) / 5)
    # A cell is 10 px wide and 20 px high.
    np.testing.assert_allclose(scores["pixels"].error.mean(), math.hypot(4, 8) / 5)
    assert scores["pixels"].mean_torso == 200


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
        inputs = {"keypoints": seen["keypoints"][0][frames], "visibility": clip.visibility[frames].astype(np.float32)}
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


def naive_tracks(clips: list[PreparedClip], answers: list[list[np.ndarray]]) -> list[list[Frame]]:
    tracks = []
    for clip, by_window in zip(clips, answers, strict=True):
        track = []
        for i in range(len(clip.frame_numbers)):
            of_frame = [a[i - w.start] for w, a in zip(windows_of(clip), by_window, strict=True) if i in w]
            track.append(in_space(clip, i, sum(of_frame) / len(of_frame), "pixels"))
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
    score = judged.total(row)
    for space in ("cells", "pixels"):
        frames, found = naive_frames(clips, answers, space), score.windows[space]
        expected = [naive.pck(frames, threshold) for threshold in (0.05, 0.1, 0.2)]
        np.testing.assert_allclose(100 * found.pck.total(), expected, rtol=1e-12)
        knees = [naive.pck(frames, threshold, (17, 18)) for threshold in (0.05, 0.1, 0.2)]
        np.testing.assert_allclose(100 * found.pck.by_name()["knee"], knees, rtol=1e-12)
        if space == "pixels":
            np.testing.assert_allclose(found.error.mean(), naive.end_point_error(frames), rtol=1e-5)
    tracks = naive_tracks(clips, answers)
    merged = [frame for track in tracks for frame in track]
    expected = [naive.pck(merged, threshold) for threshold in (0.05, 0.1, 0.2)]
    np.testing.assert_allclose(100 * score.frames["pixels"].pck.total(), expected, rtol=1e-12)
    np.testing.assert_allclose(score.jitter.error.mean(), naive.acceleration_error(tracks), rtol=1e-5)
    np.testing.assert_allclose(score.frames["pixels"].error.mean(), naive.end_point_error(merged), rtol=1e-5)


def test_every_frame_of_every_window_is_scored(judged: Evaluation) -> None:
    # Clips of 13 and 8 frames: 9 + 4 windows; frame 4 of each lacks a hip, and is in 4 of each clip's windows.
    assert (judged.num_windows, judged.in_all, judged.bias_windows) == ({"sample": 13}, {"sample": 13}, 10)
    for entry in judged.entries:
        score = judged.total(entry.name)
        assert (score.windows["cells"].pck.frames, score.windows["cells"].pck.frames_skipped) == (65, 0)
        assert (score.windows["published"].pck.frames, score.windows["published"].pck.frames_skipped) == (65, 8)
        assert (score.frames["published"].pck.frames, score.frames["published"].pck.frames_skipped) == (21, 2)


def test_rows_are_identity_bias_and_each_model_by_each_decoder(judged: Evaluation) -> None:
    names = [entry.name for entry in judged.entries]
    assert names == ["identity", "bias_only", "conv3d (argmax)", "conv3d (dark)", "deciwatch"]
    assert [entry.decoder for entry in judged.entries] == ["argmax", "argmax", "argmax", "dark", ""]


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
    window = judged.pictured[0]
    moved = window["bias_only"] - window["identity"]
    np.testing.assert_allclose(moved, offsets * window["visibility"][..., None], atol=1e-5)


def test_scores_do_not_depend_on_the_batch_size(judged: Evaluation, deciwatch: Run) -> None:
    in_one = evaluate([deciwatch], judged.setting, batch_size=64)
    for name in ("identity", "bias_only", "deciwatch"):
        one, other = in_one.total(name), judged.total(name)
        np.testing.assert_array_equal(one.windows["pixels"].pck.hits, other.windows["pixels"].pck.hits)
        np.testing.assert_allclose(one.jitter.predicted.mean(), other.jitter.predicted.mean(), rtol=1e-5)


def test_some_windows_only(judged: Evaluation, deciwatch: Run) -> None:
    some = evaluate([deciwatch], judged.setting, batch_size=4, max_windows=5)
    assert some.num_windows == {"sample": 5}
    assert some.total("identity").windows["cells"].pck.frames == 25


def test_detections_with_an_offset_are_mended_by_the_bias_only_row() -> None:
    fit, random = BiasFit(KEYPOINTS), np.random.default_rng(0)
    offset = random.normal(size=(KEYPOINTS, 2))
    visibility = random.random((6, 5, KEYPOINTS)) < 0.5
    visibility[..., 3] = False
    truth = random.normal(size=(6, 5, KEYPOINTS, 2)).astype(np.float32)
    for part in (slice(0, 2), slice(2, 6)):
        fit.add(truth[part], truth[part] - offset, visibility[part])
    offset[3] = 0
    np.testing.assert_allclose(fit.offsets(), offset, atol=1e-6)


def test_a_real_detector_is_decoded_and_not_simulated(conv3d: Run) -> None:
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
    rows = Contestants([conv3d], codec, DetectorNoise(), ["dark"], ("argmax", "dark"))
    answers = rows.predict(batch)
    assert list(answers) == ["identity (argmax)", "identity (dark)", "conv3d"]
    np.testing.assert_array_equal(answers["identity (argmax)"], np.rint(truth))
    assert np.abs(answers["identity (dark)"] - truth).max() < 0.1


def test_windows_become_tracks() -> None:
    merger = TrackMerger(["model"], 2)
    for start, value in ((1, 1.0), (2, 4.0), (7, 9.0)):
        frames = np.arange(start, start + 3)[None]
        batch = {
            "clip_id": np.array([b"clip"]),
            "frame_numbers": frames,
            "keypoints": np.repeat(frames[..., None, None].astype(np.float32), 2, axis=2).repeat(2, axis=3),
            "visibility": np.ones((1, 3, 2), bool),
            "boxes": np.ones((1, 3, 4), np.float32),
        }
        merger.add(batch, {"model": np.full((1, 3, 2, 2), value, np.float32)})
    tracks = merger.tracks()
    assert tracks.frame_numbers.tolist() == [1, 2, 3, 4, 7, 8, 9]
    assert tracks.predicted["model"][:, 0, 0].tolist() == [1, 2.5, 2.5, 4, 9, 9, 9]
    assert tracks.truth[:, 1, 1].tolist() == [1, 2, 3, 4, 7, 8, 9]
    assert tracks.triples().tolist() == [0, 1, 4], "no triple spans the gap"


def test_tracks_with_a_frame_step_keep_each_phase_apart(root: Path, tmp_path: Path, deciwatch: Run) -> None:
    clips = write_records(tmp_path / "records", frame_step=2, frames={"test": (12,)})
    config = dataclasses.replace(deciwatch.config, frame_step=2)
    run = dataclasses.replace(deciwatch, config=config)
    found = evaluate([run], settings_of(run, records_dir=str(tmp_path / "records")))
    assert found.bias_windows == 0
    assert [entry.name for entry in found.entries] == ["identity", "deciwatch"]
    detected = detections(clips[0])
    tracks = [[in_space(clips[0], i, detected[i], "pixels") for i in range(phase, 12, 2)] for phase in (0, 1)]
    jitter = found.total("identity").jitter
    np.testing.assert_allclose(jitter.error.mean(), naive.acceleration_error(tracks), rtol=1e-5)


def test_long_tracks_are_scored_in_parts(monkeypatch: pytest.MonkeyPatch, clips: list[PreparedClip]) -> None:
    merger = TrackMerger(["model"], KEYPOINTS)
    for clip in clips:
        arrays = {name: getattr(clip, name)[None] for name in ("keypoints", "visibility", "boxes", "frame_numbers")}
        merger.add(arrays | {"clip_id": np.array([clip.clip_id.encode()])}, {"model": detections(clip)[None]})
    whole = score_tracks(merger.tracks(), "model", SIZE)
    monkeypatch.setattr("kerasmooth.evaluation.scores._CHUNK", 4)
    parts = score_tracks(merger.tracks(), "model", SIZE)
    np.testing.assert_array_equal(whole[0]["pixels"].pck.hits, parts[0]["pixels"].pck.hits)
    np.testing.assert_array_equal(whole[0]["cells"].curve, parts[0]["cells"].curve)
    np.testing.assert_allclose(whole[1].error.sums, parts[1].error.sums)
    assert whole[1].error.counts.tolist() == parts[1].error.counts.tolist()


def test_datasets_add_up(tmp_path: Path, deciwatch: Run) -> None:
    write_records(tmp_path / "records", "penn_action", {"train": (9,), "test": (9,)})
    write_records(tmp_path / "records", "brace", {"test": (13, 7)})
    setting = settings_of(deciwatch, records_dir=str(tmp_path / "records"), datasets=("penn_action", "brace"))
    found = evaluate([deciwatch], setting)
    assert found.num_windows == {"penn_action": 5, "brace": 12}
    assert not evaluation.uses_sample_records(setting)
    total = found.total("deciwatch").windows["cells"]
    parts = [found.scores["deciwatch"][name].windows["cells"] for name in ("penn_action", "brace")]
    np.testing.assert_array_equal(total.pck.hits, parts[0].pck.hits + parts[1].pck.hits)
    assert total.pck.frames == 5 * 17
    assert evaluation.windows_to_judge(setting, 4) == {"penn_action": 1, "brace": 3}
    assert evaluation.windows_to_judge(setting, 1000) == {"penn_action": 5, "brace": 12}


def test_noise_is_the_runs_own_and_that_of_epoch_0(root: Path, clips: list[PreparedClip], deciwatch: Run) -> None:
    louder = dataclasses.replace(deciwatch.config, shifting_scalar=2.0, noise="fixed")
    run = dataclasses.replace(deciwatch, config=louder)
    one, two = settings_of(deciwatch), settings_of(run)
    assert one != two
    assert two.noise.shifting_scalar == 2
    fixed = dataclasses.replace(deciwatch, config=dataclasses.replace(deciwatch.config, noise="fixed"))
    assert settings_of(fixed) == one, "fresh or fixed makes no difference in epoch 0"


def test_a_shard_damaged_inside_is_bad_input(root: Path, tmp_path: Path, deciwatch: Run) -> None:
    records = Path(shutil.copytree(root / "records", tmp_path / "records"))
    path = records / "sample" / "test-00001-of-00002.tfrecord"
    content = bytearray(path.read_bytes())
    content[-40] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"records.*sample.*cannot be read"):
        evaluate([deciwatch], settings_of(deciwatch, records_dir=str(records)))


def test_unknown_decoders_are_refused(judged: Evaluation, deciwatch: Run) -> None:
    with pytest.raises(ValueError, match="Received: decoders="):
        evaluate([deciwatch], judged.setting, decoders=["softmax"])


def test_runs_of_the_same_name_are_told_apart(judged: Evaluation, deciwatch: Run, tmp_path: Path) -> None:
    twin = dataclasses.replace(deciwatch, folder=tmp_path / "deciwatch")
    rows = Contestants([deciwatch, twin], HeatmapCodec(size=SIZE), judged.setting.noise, ["argmax"])
    assert [entry.name for entry in rows.entries[1:]] == [str(deciwatch.folder), str(twin.folder)]


def test_settings_are_plain(judged: Evaluation) -> None:
    json.dumps(dataclasses.asdict(judged.setting))
