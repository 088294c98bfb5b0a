"""Small JSON and text pose files by frame or person, written by hand, with the numbers that a reader must find."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAN = float("nan")


@dataclass(frozen=True)
class Expected:
    """What a table of a file holds. `points`: (row, keypoint) -> (x, y, confidence); NaN for missing or unknown."""

    name: str
    frames: list[int]
    people: list[int]
    num_keypoints: int
    points: dict[tuple[int, int], tuple[float, float, float]]
    frame_numbers: list[int]
    attributes: dict[str, Any] = field(default_factory=dict)


def flat(count: int, start: float, score: float = 0.5) -> list[float]:
    """x, y, score: keypoint k at (start + k, start + 100 + k)."""
    return [value for k in range(count) for value in (start + k, start + 100 + k, score)]


def coco(folder: Path) -> tuple[Path, Expected]:
    path = folder / "results.json"
    people = [
        {
            "image_id": 7,
            "category_id": 1,
            "keypoints": [1, 2, 0.5, 0, 0, 0, *flat(15, 10)],
            "score": 0.897,
            "mine": {"a": ["é"]},
        },
        {"image_id": 7, "category_id": 1, "keypoints": flat(17, 20), "score": 0.664},
        {"image_id": 9, "category_id": 1, "keypoints": flat(17, 30), "score": 1e-05},
    ]
    path.write_text(json.dumps(people, separators=(",", ":")))
    points = {(0, 0): (1, 2, 0.5), (0, 1): (NAN, NAN, 0), (1, 2): (22, 122, 0.5), (2, 16): (46, 146, 0.5)}
    return path, Expected("coco", [7, 7, 9], [-1, -1, -1], 17, points, [7, 9])


def alphapose(folder: Path) -> tuple[Path, Expected]:
    path = folder / "alphapose-results.json"
    people = [
        {
            "image_id": "0.jpg",
            "category_id": 1,
            "keypoints": flat(26, 5),
            "score": 2.5,
            "box": [1, 2, 3, 4.5],
            "idx": [3.0],
        },
        {
            "image_id": "0.jpg",
            "category_id": 1,
            "keypoints": flat(26, 6),
            "score": 2.5,
            "box": [1, 2, 3, 4.5],
            "idx": 4,
        },
        {
            "image_id": "12.jpg",
            "category_id": 1,
            "keypoints": flat(26, 7),
            "score": 2.5,
            "box": [1, 2, 3, 4.5],
            "idx": [[3.0]],
        },
    ]
    path.write_text(json.dumps(people))
    points = {(0, 0): (5, 105, 0.5), (1, 25): (31, 131, 0.5), (2, 1): (8, 108, 0.5)}
    return path, Expected("alphapose", [0, 0, 12], [3, 4, 3], 26, points, [0, 12])


def openpose(folder: Path) -> tuple[Path, Expected]:
    path = folder / "openpose"
    path.mkdir()
    hands = {"face_keypoints_2d": [], "hand_left_keypoints_2d": [1.5, 2.5, 0.25], "odd": "kept"}
    body = flat(25, 40)
    body[3:6] = [0, 0, 0]
    frames = {
        "000000000003": [{"person_id": [-1], "pose_keypoints_2d": body, **hands}],
        "000000000004": [],
        "000000000010": [
            {"person_id": [-1], "pose_keypoints_2d": [], "odd": "empty"},
            {"person_id": [5], "pose_keypoints_2d": flat(25, 60), "face_keypoints_2d": []},
        ],
    }
    for number, people in frames.items():
        (path / f"video_{number}_keypoints.json").write_text(
            json.dumps({"version": 1.3, "people": people}, separators=(",", ":"))
        )
    points = {(0, 0): (40, 140, 0.5), (0, 1): (NAN, NAN, 0), (1, 24): (84, 184, 0.5)}
    points[0, 25] = (1.5, 2.5, 0.25)
    return path, Expected("openpose", [3, 10], [-1, 5], 26, points, [3, 4, 10])


def mmpose(folder: Path) -> tuple[Path, Expected]:
    path = folder / "results_video.json"
    names = {str(i): name for i, name in enumerate(["head", "left_paw", "right_paw"])}
    person = {"keypoints": [[1.5, 2.5], [3, 4], [0, 0]], "keypoint_scores": [0.9, 0.8, 0.0], "bbox": [[0, 1, 2, 3]]}
    value = {
        "meta_info": {"dataset_name": "cat", "keypoint_id2name": names, "skeleton_links": [[0, 1], [0, 2]]},
        "instance_info": [
            {"frame_id": 1, "instances": [person, {**person, "track_id": 8}]},
            {"frame_id": 2, "instances": []},
            {"frame_id": 5, "instances": [person]},
        ],
    }
    path.write_text(json.dumps(value, indent="\t"))
    points = {(0, 0): (1.5, 2.5, 0.9), (1, 1): (3, 4, 0.8), (2, 2): (NAN, NAN, 0)}
    return path, Expected("mmpose", [1, 1, 5], [-1, 8, -1], 3, points, [1, 2, 5])


def openpifpaf(folder: Path) -> tuple[Path, Expected]:
    path = folder / "a.jpg.predictions.json"
    person = {
        "keypoints": [0.0, -3.0, 0.0, *flat(16, 5)],
        "bbox": [1.0, 2.0, 3.0, 4.0],
        "score": 0.776,
        "category_id": 1,
    }
    path.write_text(json.dumps([person, {**person, "id_": 2}]))
    points = {(0, 0): (NAN, NAN, 0), (1, 1): (5, 105, 0.5)}
    return path, Expected("openpifpaf", [0, 0], [-1, 2], 17, points, [0])


def openpifpaf_video(folder: Path) -> tuple[Path, Expected]:
    path = folder / "video.openpifpaf.json"
    person = {"keypoints": flat(17, 5), "bbox": [1.0, 2.0, 3.0, 4.0], "score": 0.776, "category_id": 1, "id_": 2}
    lines = [{"frame": 1, "predictions": [person], "note": "a"}, {"frame": 2, "predictions": []}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path, Expected("openpifpaf", [1], [2], 17, {(0, 3): (8, 108, 0.5)}, [1, 2])


def ultralytics(folder: Path) -> tuple[Path, Expected]:
    path = folder / "video.json"
    points = {"x": [0.0, *range(11, 27)], "y": [0.0, *range(111, 127)], "visible": [0.1, *[0.75] * 16]}
    person = {
        "name": "person",
        "class": 0,
        "confidence": 0.9,
        "box": {"x1": 1, "y1": 2, "x2": 3, "y2": 4},
        "keypoints": points,
    }
    dog = {"name": "dog", "class": 16, "confidence": 0.5, "box": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}}
    path.write_text(json.dumps([[dog, {**person, "track_id": 1}], [], [person]]))
    points_of = {(0, 0): (NAN, NAN, 0.1), (0, 1): (11, 111, 0.75), (1, 16): (26, 126, 0.75)}
    return path, Expected("ultralytics", [0, 2], [1, -1], 17, points_of, [0, 1, 2])


def ultralytics_txt(folder: Path) -> tuple[Path, Expected]:
    path = folder / "labels"
    path.mkdir()
    points = " ".join(f"0.{k + 10} 0.{k + 20} 0.5" for k in range(17))
    (path / "video_1.txt").write_text(f"0 0.18 0.28 0.2 0.2 {points} 0.875 4\n0 0.18 0.28 0.2 0.2 {points} 0.875 5\n")
    (path / "video_12.txt").write_text(f"0 0.18 0.28 0.2 0.2 {points} 0.875 4\n")
    expected = {(0, 0): (0.10, 0.20, 0.5), (2, 16): (0.26, 0.36, 0.5)}
    return path, Expected("ultralytics_txt", [1, 1, 12], [4, 5, 4], 17, expected, [1, 12], {"unit": "normalised"})
