"""Recordings of people who move."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth import formats
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import COCO_17, Skeleton

FPS = 30.0


def moving(frames: int, num_keypoints: int, seed: int = 0, first: int = 0) -> np.ndarray:
    """[T, K, 2] in pixels: sines of up to 1.2 Hz, noise of 2 px, an outlier in a hundred."""
    motion = np.random.default_rng(seed)
    base, size = motion.uniform(100, 400, (num_keypoints, 2)), motion.uniform(5, 60, (num_keypoints, 2))
    rate, phase = motion.uniform(0.1, 1.2, (2, num_keypoints, 2)) * [[[1.0]], [[6.0]]]
    times = (first + np.arange(frames))[:, None, None] / FPS
    random = np.random.default_rng((seed, first))
    points = base + size * np.sin(2 * np.pi * rate * times + phase) + random.normal(0, 2, (frames, num_keypoints, 2))
    wild = random.random((frames, num_keypoints)) < 0.01
    points[wild] += random.normal(0, 80, (int(wild.sum()), 2))
    return points


def recording(
    frames: int, people: int = 1, seed: int = 0, skeleton: Skeleton = COCO_17, ids: bool = True, jumps: int = 0
) -> PoseTable:
    """People apart from each other, with gaps, absences, frames of nobody, and ids that are exchanged for a while."""
    random = np.random.default_rng(seed)
    count = skeleton.num_keypoints
    points = np.stack([moving(frames, count, seed + person) + [900.0 * person, 0] for person in range(people)], axis=1)
    gone = random.random(points.shape[:-1]) < 0.02
    gone |= np.roll(gone, 1, axis=0) | np.roll(gone, 2, axis=0)
    points[gone] = np.nan
    confidence = np.where(gone, 0.0, np.clip(random.normal(0.8, 0.15, gone.shape), 0.01, 1))
    there = random.random((frames, people)) > 0.02
    for length in (5, 14, 16, 40, 80):
        begin = random.integers(0, frames)
        there[begin : begin + length, random.integers(0, people)] = False
    there[[0, -1]] = True
    who = np.tile(np.arange(people), (frames, 1))
    for length in random.choice([3, 8, 20, 200], jumps):
        begin, (a, b) = random.integers(0, frames), random.choice(people, 2, replace=False)
        who[begin : begin + length, [a, b]] = who[begin : begin + length, [b, a]]
    numbers, person = np.nonzero(there)
    order = np.lexsort((who[numbers, person], numbers))
    numbers, person = numbers[order], person[order]
    named = who[numbers, person] if ids else np.full(len(numbers), -1)
    values = (numbers, named, points[numbers, person], confidence[numbers, person], np.unique(numbers), skeleton)
    return PoseTable(*values, fps=FPS, image_size=(1080, 1920))


def written(path: Path, to: str, table: PoseTable) -> Path:
    formats.write(table, path, to=to)
    return path


def walking(frames: int = 40, seed: int = 0, skeleton: Skeleton = COCO_17) -> np.ndarray:
    """[T, K, 2]: a person of some 300 px who walks to the right, with noise."""
    random = np.random.default_rng(seed)
    place = random.uniform((200, 50), (320, 350), (skeleton.num_keypoints, 2))
    return place + np.arange(frames)[:, None, None] * [2.0, 0.0] + random.normal(0, 2, (frames, len(place), 2))


def table_of(keypoints: np.ndarray, numbers: np.ndarray | None = None, **attributes: Any) -> PoseTable:
    """One person in 400 x 640 pixels; NaN is missing, the rest has a confidence of 0.9."""
    numbers = np.arange(len(keypoints)) if numbers is None else numbers
    skeleton = attributes.pop("skeleton", COCO_17)
    confidence = np.where(np.isnan(keypoints[..., 0]), 0.0, 0.9)
    people = attributes.pop("people", np.zeros(len(keypoints), np.int64))
    settings = {"fps": FPS, "image_size": (400, 640)} | attributes
    return PoseTable(numbers, people, keypoints, confidence, np.unique(numbers), skeleton, **settings)


def write(path: Path, keypoints: np.ndarray, **attributes: Any) -> Path:
    """A file of `table_of`, our NPZ unless `to` says otherwise."""
    formats.write(table_of(keypoints, **attributes), path, to=attributes.pop("to", "npz"))
    return path
