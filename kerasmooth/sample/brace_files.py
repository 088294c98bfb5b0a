"""Generated files in the layout of BRACE: automatic annotations, manual corrections, tables."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kerasmooth.sample.motion import simulate
from kerasmooth.sample.randomness import correlated, generator
from kerasmooth.sample.raw_bytes import csv_bytes, json_bytes, npz_bytes
from kerasmooth.skeletons import COCO_17

DANCE_TYPES = ("toprock", "powermove", "footwork")
"""In the order of their dance_type_id."""

GAP_FRAMES = 3
_FPS = 30000 / 1001
_IMAGE_SIZE = (1080, 1920)
_YEARS = (2011, 2014, 2017, 2020)
_DANCERS = ("niña", "ken", "roxy", "zoë", "lil o")  # the real tables have letters beyond ASCII too


@dataclass(frozen=True)
class Segment:
    """One dance element of one dancer.

    Attributes:
      video: index of the video.
      sequence: index of the sequence within the video; every sequence has one segment here.
      ordinal: index over all segments.
      start: number of the first frame.
      frames: number of frames from the first to the last, missing ones included.
    """

    video: int
    sequence: int
    ordinal: int
    start: int
    frames: int

    @property
    def video_id(self) -> str:
        return f"sample{self.video:05d}"

    @property
    def sequence_id(self) -> str:
        return f"{self.video_id}.{self.sequence}"

    @property
    def year(self) -> int:
        return _YEARS[self.video % len(_YEARS)]

    @property
    def end(self) -> int:
        return self.start + self.frames - 1

    @property
    def dance_type(self) -> str:
        return DANCE_TYPES[self.ordinal % len(DANCE_TYPES)]

    @property
    def missing(self) -> range:
        """Frame numbers in the middle that have no annotation: in every fourth segment, if it has 12 frames."""
        first = self.start + self.frames // 2
        return range(first, first + (GAP_FRAMES if self.ordinal % 4 == 1 and self.frames >= 12 else 0))

    @property
    def official_split(self) -> str:
        return "test" if (self.video + self.sequence) % 3 == 2 else "train"


def segments(num_videos: int, frames_per_video: int) -> list[Segment]:
    """Two segments (3/5 and 2/5 of the frames, two dancers) a video, or one where there are fewer than 20 frames."""
    result: list[Segment] = []
    for video in range(num_videos):
        first = frames_per_video if frames_per_video < 20 else 3 * frames_per_video // 5
        start = 100 + 37 * video
        for sequence, frames in enumerate((first, frames_per_video - first)):
            if frames:
                result.append(Segment(video, sequence, len(result), start, frames))
                start += frames + 25
    return result


def brace_files(num_videos: int, frames_per_video: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(path, content) of dataset/, manual_keypoints/, annotations/ and videos_info.csv.

    The frames of a video are spread over its segments; in every fourth segment GAP_FRAMES of them are missing.
    """
    all_segments = segments(num_videos, frames_per_video)
    for segment in all_segments:
        yield from _segment_files(segment, seed)
    yield from _tables(all_segments)


def _segment_files(segment: Segment, seed: int) -> Iterator[tuple[str, bytes]]:
    rng = generator(seed, "brace", segment.video, segment.sequence)
    motion = simulate(segment.dance_type, segment.frames, _FPS, int(rng.integers(2**31)), image_size=_IMAGE_SIZE)
    true = motion.select(COCO_17.keypoints)
    person = np.ptp(true, axis=1).max()
    automatic = true + correlated(rng, true.shape, 0.004 * person, 0.6)
    outliers = rng.permutation(segment.frames)[: max(1, segment.frames // 15)]
    automatic[outliers] = _spoil(automatic[outliers], person, rng)
    scores = np.clip(rng.normal(0.85, 0.08, true.shape[:2]), 0.05, 1.0)
    scores[outliers] *= 0.6
    folder = f"{segment.year}/{segment.video_id}"
    name = f"{segment.video_id}_{segment.start}-{segment.end}_{segment.dance_type}"
    yield f"dataset/{folder}/{name}.json", json_bytes(_automatic_file(segment, automatic, scores))
    # Three outliers of four were noticed and corrected; the first missing frame has a correction of its own.
    corrected = {segment.start + int(frame) for frame in outliers[: -(-3 * len(outliers) // 4)]}
    for number in sorted(corrected | set(segment.missing[:1])):
        clicked = true[number - segment.start] + rng.normal(0.0, 0.002 * person, (17, 2))
        joints = np.column_stack([np.rint(clicked * 8) / 8, np.ones(17)])
        yield f"manual_keypoints/{folder}/{segment.video_id}_{number:06d}.npz", npz_bytes({"coco_joints2d": joints})


def _spoil(keypoints: np.ndarray, person: float, rng: np.random.Generator) -> np.ndarray:
    """Frames [N, 17, 2] in which the detector went wrong: the legs swapped, or a few joints far off."""
    left, right = np.array([pair for pair in COCO_17.pairs if pair[0] >= COCO_17.index("left_hip")]).T
    swapped = keypoints.copy()
    swapped[:, left], swapped[:, right] = keypoints[:, right], keypoints[:, left]
    astray = rng.random((*keypoints.shape[:2], 1)) < 0.25
    astray[:, 9] = True
    angle = rng.uniform(0, 2 * np.pi, keypoints.shape[:2])
    jump = (
        person * rng.uniform(0.12, 0.3, (*keypoints.shape[:2], 1)) * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    )
    moved = np.where(astray, np.clip(keypoints + jump, 1, np.array(_IMAGE_SIZE[::-1]) - 1), keypoints)
    return np.where((rng.random(len(keypoints)) < 0.4)[:, None, None], swapped, moved)


def _automatic_file(segment: Segment, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, object]:
    low, high = keypoints.min(axis=1), keypoints.max(axis=1)
    margin = 0.08 * (high - low)
    box = np.concatenate([low - margin, (high - low) + 2 * margin], axis=1)
    box_scores = 0.5 + 0.5 * scores.mean(axis=1)
    joints = np.concatenate([keypoints, scores[..., None]], axis=-1)
    return {
        f"{segment.video_id}/img-{segment.start + frame:06d}.png": {
            "box": _rounded(np.append(box[frame], box_scores[frame])),
            "keypoints": [_rounded(joint) for joint in joints[frame]],
        }
        for frame in range(segment.frames)
        if segment.start + frame not in segment.missing
    }


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 2) for value in values]


def _tables(all_segments: list[Segment]) -> Iterator[tuple[str, bytes]]:
    yield (
        "annotations/segments.csv",
        csv_bytes(
            "video_id seq_idx start_frame end_frame dance_type dance_type_id dancer dancer_id year uid",
            [
                (
                    *_span(s),
                    s.dance_type,
                    DANCE_TYPES.index(s.dance_type),
                    *_dancer(s),
                    f"{s.video_id}.{s.start}.{s.end}",
                )
                for s in all_segments
            ],
        ),
    )
    yield (
        "annotations/sequences.csv",
        csv_bytes(
            "video_id seq_idx start_frame end_frame dancer dancer_id year uid",
            [(*_span(s), *_dancer(s), s.sequence_id) for s in all_segments],
        ),
    )
    for split in ("train", "test"):
        rows = [(s.video_id, s.sequence, s.sequence_id) for s in all_segments if s.official_split == split]
        yield f"annotations/sequences_{split}.csv", csv_bytes("video_id seq_idx uid", rows)
    yield (
        "videos_info.csv",
        csv_bytes(
            "video_id video_url year duration fps resolution",
            [
                (s.video_id, "", s.year, round((s.end + 50) / _FPS, 6), round(_FPS, 8), "{1}x{0}".format(*_IMAGE_SIZE))
                for s in {segment.video_id: segment for segment in all_segments}.values()
            ],
        ),
    )


def _span(segment: Segment) -> tuple[object, ...]:
    return segment.video_id, segment.sequence, segment.start, segment.end


def _dancer(segment: Segment) -> tuple[object, ...]:
    index = segment.ordinal % len(_DANCERS)
    return _DANCERS[index], index, segment.year
