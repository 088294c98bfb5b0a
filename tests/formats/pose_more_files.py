"""Small pose files of further tools, written by hand, with the numbers that a reader must find."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pose_json_files import NAN, Expected, flat


def coco_annotations(folder: Path) -> tuple[Path, Expected]:
    """Images out of order; image 2 has nobody."""
    path = folder / "person_keypoints_default.json"
    images = [{"id": 30, "file_name": "frame_000009.png", "width": 640, "height": 480, "license": 1}]
    images += [{"id": i, "file_name": f"frame_{i:06d}.png", "width": 640, "height": 480} for i in (7, 8)]
    annotation = {"category_id": 3, "num_keypoints": 2, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    annotations = [
        {"id": 1, "image_id": 7, "track_id": 4, "keypoints": [1, 2, 2, 3, 4, 1, 0, 0, 0], **annotation},
        {"id": 2, "image_id": 30, "track_id": 4, "keypoints": [5, 6, 2, 7, 8, 2, 9.5, 1, 2], **annotation},
    ]
    category = {"id": 3, "name": "cat", "keypoints": ["head", "left_paw", "right_paw"], "skeleton": [[1, 2], [1, 3]]}
    value = {"info": {"year": 2020}, "images": images, "annotations": annotations, "categories": [category]}
    path.write_text(json.dumps(value))
    points = {(0, 0): (1, 2, 1), (0, 1): (3, 4, 0.5), (0, 2): (NAN, NAN, 0), (1, 2): (9.5, 1, 1)}
    return path, Expected("coco_annotations", [7, 9], [4, 4], 3, points, [7, 8, 9], {"image_size": (480, 640)})


def cvat(folder: Path) -> tuple[Path, Expected]:
    """The ids are among the attributes; a box has no keypoints."""
    path = folder / "person_keypoints_default.json"
    images = [{"id": i, "file_name": f"frame_{i:06d}.PNG", "width": 640, "height": 480} for i in (1, 2)]
    box = {"category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0}
    annotations = [
        {
            "id": i,
            "image_id": i,
            "attributes": {"occluded": False, "track_id": 9},
            "keypoints": [i, 2, 2, 3, 4, 1],
            **box,
        }
        for i in (1, 2)
    ]
    annotations.append({"id": 3, "image_id": 2, "attributes": {"track_id": 1}, **box})
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": []}))
    return path, Expected("coco_annotations", [1, 2], [9, 9], 2, {(1, 0): (2, 2, 1), (1, 1): (3, 4, 0.5)}, [1, 2])


def openpose_frames(folder: Path) -> tuple[Path, Expected]:
    """As ComfyUI saves it."""
    path = folder / "pose.json"
    size = {"canvas_height": 480, "canvas_width": 640}
    person = {"pose_keypoints_2d": flat(18, 5), "face_keypoints_2d": None, "hand_left_keypoints_2d": flat(21, 50)}
    path.write_text(
        json.dumps([{"people": [person], **size}, {"people": [], **size}, {"people": [person] * 2, **size}])
    )
    points = {(0, 1): (6, 106, 0.5), (2, 18): (50, 150, 0.5)}
    return path, Expected("openpose_frames", [0, 2, 2], [-1] * 3, 39, points, [0, 1, 2], {"image_size": (480, 640)})


def mediapipe_bare(folder: Path) -> tuple[Path, Expected]:
    """A list of landmarks a frame, without any object around them."""
    path = folder / "landmarks.json"
    points = [{"x": 0.25 + k / 100, "y": 0.5, "z": -0.125, "visibility": 0.75} for k in range(33)]
    path.write_text(json.dumps([points, [], points]))
    return path, Expected(
        "mediapipe_json", [0, 2], [-1, -1], 33, {(1, 1): (0.26, 0.5, 0.75)}, [0, 1, 2], {"unit": "normalised"}
    )


def wholebody(folder: Path) -> tuple[Path, Expected]:
    path = folder / "wholebody.json"
    lengths = {"keypoints": 17, "foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}
    person = {name: flat(count, 10 * i) for i, (name, count) in enumerate(lengths.items())}
    path.write_text(json.dumps([{"image_id": 1, "category_id": 1, "score": 1.0, "face_valid": True, **person}]))
    points = {(0, 0): (0, 100, 0.5), (0, 17): (10, 110, 0.5), (0, 91): (30, 130, 0.5), (0, 132): (60, 160, 0.5)}
    return path, Expected("coco", [1], [-1], 133, points, [1])


def alphapose_tracked(folder: Path) -> tuple[Path, Expected]:
    path = folder / "alphapose-results-forvis-tracked.json"
    person = {"keypoints": flat(17, 5), "scores": 2.5, "idx": 3}
    path.write_text(json.dumps({"2.jpg": [person, {**person, "idx": 1}], "10.jpg": [], "11.jpg": [person]}))
    points = {(0, 0): (5, 105, 0.5), (2, 16): (21, 121, 0.5)}
    return path, Expected("alphapose_images", [2, 2, 11], [3, 1, 3], 17, points, [2, 10, 11])


def alphapose_cmu(folder: Path) -> tuple[Path, Expected]:
    path = folder / "alphapose-results.json"
    frame = {"version": "AlphaPose v0.2", "bodies": [{"joints": flat(18, 7)}]}
    path.write_text(json.dumps({"0.jpg": frame, "1.jpg": {**frame, "bodies": []}}))
    return path, Expected("alphapose_images", [0], [-1], 18, {(0, 1): (8, 108, 0.5)}, [0, 1])


def easy_vitpose(folder: Path) -> tuple[Path, Expected]:
    path = folder / "clip_result.json"
    person = [[20.5, 10.25, 0.9], [40, 30, 0.8]]
    names = {"0": "nose", "1": "left_eye"}
    path.write_text(json.dumps({"keypoints": [{"0": person, "4": person}, {}, {"4": person}], "skeleton": names}))
    points = {(0, 0): (10.25, 20.5, 0.9), (2, 1): (30, 40, 0.8)}
    return path, Expected("easy_vitpose", [0, 0, 2], [0, 4, 4], 2, points, [0, 1, 2])


def mediapipe_json(folder: Path) -> tuple[Path, Expected]:
    path = folder / "landmarks.json"

    def landmarks(start: float) -> list[dict[str, Any]]:
        x = [start + k / 100 for k in range(33)]
        return [{"x": v, "y": v / 2, "z": -v, "visibility": 0.75, "presence": 0.5} for v in x]

    frames = [
        {"frame": 3, "timestamp_ms": 100, "landmarks": [landmarks(0.25)], "worldLandmarks": [landmarks(-1)]},
        {"frame": 4, "timestamp_ms": 133, "landmarks": [], "worldLandmarks": []},
        {"frame": 5, "timestamp_ms": 167, "landmarks": [landmarks(0.5)], "worldLandmarks": [landmarks(-1)]},
    ]
    path.write_text(json.dumps({"model": "heavy", "frames": frames}))
    points = {(0, 0): (0.25, 0.125, 0.75), (1, 10): (0.6, 0.3, 0.75)}
    return path, Expected("mediapipe_json", [3, 5], [-1, -1], 33, points, [3, 4, 5], {"unit": "normalised"})


def mediapipe_alone(folder: Path) -> tuple[Path, Expected]:
    """A list of landmarks, not a list of such lists, a frame; the last frame does not have the field."""
    path = folder / "alone.json"
    points = [{"x": k / 100, "y": 0.5, "z": 0.0, "visibility": 0.75} for k in range(33)]
    path.write_text(json.dumps([{"t": 1, "landmarks": points}, {"t": 2, "landmarks": []}, {"t": 3}]))
    return path, Expected(
        "mediapipe_json", [0], [-1], 33, {(0, 9): (0.09, 0.5, 0.75)}, [0, 1, 2], {"unit": "normalised"}
    )


def mediapipe_lines(folder: Path) -> tuple[Path, Expected]:
    path = folder / "lines.jsonl"
    people = [[{"x": k / 100, "y": 0.5, "presence": 1} for k in range(33)]]
    lines = [{"frame_index": i, "pose_landmarks": people if i != 4 else []} for i in (3, 4, 6)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    points = {(1, 9): (0.09, 0.5, NAN)}
    return path, Expected("mediapipe_json", [3, 6], [-1, -1], 33, points, [3, 4, 6], {"unit": "normalised"})


def _image_folder(folder: Path, name: str, documents: list[Any], ending: str) -> Path:
    path = folder / name
    path.mkdir()
    for at, document in enumerate(documents):
        (path / f"clip_{at + 8:03d}_cam2{ending}").write_text(json.dumps(document))
    return path


def mmpose_folder(folder: Path) -> tuple[Path, Expected]:
    person = {"keypoints": [[1.5, 2.5], [3, 4]], "keypoint_scores": [0.9, 0.8], "bbox": [[0, 1, 2, 3]]}
    path = _image_folder(folder, "predictions", [[person, person], [], [person]], ".json")
    return path, Expected("mmpose_folder", [8, 8, 10], [-1] * 3, 2, {(2, 0): (1.5, 2.5, 0.9)}, [8, 9, 10])


def openpifpaf_folder(folder: Path) -> tuple[Path, Expected]:
    person = {"keypoints": flat(17, 5), "bbox": [1.0, 2.0, 3.0, 4.0], "score": 0.776, "category_id": 1}
    path = _image_folder(folder, "pifpaf", [[person], [person]], ".jpg.predictions.json")
    return path, Expected("openpifpaf_folder", [8, 9], [-1, -1], 17, {(1, 1): (6, 106, 0.5)}, [8, 9])


def ultralytics_folder(folder: Path) -> tuple[Path, Expected]:
    keypoints = {"x": [10.0, 0.0], "y": [20.0, 0.0], "visible": [0.75, 0.25]}
    person = {"name": "person", "class": 0, "confidence": 0.9, "box": {"x1": 1.0}, "keypoints": keypoints}
    path = _image_folder(folder, "results", [[person], [person]], ".json")
    points = {(0, 0): (10, 20, 0.75), (1, 1): (NAN, NAN, 0.25)}
    return path, Expected("ultralytics_folder", [8, 9], [-1, -1], 2, points, [8, 9])


def easy_vitpose_folder(folder: Path) -> tuple[Path, Expected]:
    image = {"keypoints": {"0": [[20.5, 10.25, 0.9]]}, "skeleton": {"0": "nose"}}
    path = _image_folder(folder, "vitpose", [image, image], "_result.json")
    return path, Expected("easy_vitpose_folder", [8, 9], [0, 0], 1, {(1, 0): (10.25, 20.5, 0.9)}, [8, 9])


def sleap_csv(folder: Path) -> tuple[Path, Expected]:
    path = folder / "clip.analysis.csv"
    path.write_text(
        "track,frame_idx,instance.score,nose.x,nose.y,nose.score,tail.x,tail.y,tail.score\n"
        "mouse,4,0.9,1.5,2.5,0.75,3.0,4.0,0.5\nrat,4,0.8,5.0,6.0,0.25,,,\nmouse,6,0.7,7.0,8.0,0.75,9.0,10.0,0.5\n"
    )
    points = {(0, 0): (1.5, 2.5, 0.75), (1, 1): (NAN, NAN, NAN), (2, 1): (9, 10, 0.5)}
    names = {"person_names": {0: "mouse", 1: "rat"}, "is_single": False}
    return path, Expected("wide_csv", [4, 4, 6], [0, 1, 0], 2, points, [4, 6], names)


def semicolons(folder: Path) -> tuple[Path, Expected]:
    """As a spreadsheet saves it where the decimal mark is a comma; boxes and sensors are no keypoints."""
    path = folder / "table.csv"
    head = "image;x_nose;y_nose;x_leftEar;y_leftEar;bbox_x;bbox_y;AX;AY;note"
    lines = ["img_2.png;150,5;2;3,25;-1;7,5;8;1,5;2;007", "img_10.png;151,5;0;0;0;7,5;8;1,5;2;;"[:-1]]
    path.write_bytes(("\ufeff" + "\r\n".join([head, *lines]) + "\r\n").encode())
    points = {(0, 0): (150.5, 2, NAN), (0, 1): (3.25, -1, NAN), (1, 1): (NAN, NAN, NAN)}
    return path, Expected("wide_csv", [2, 10], [0, 0], 2, points, [2, 10], {"is_single": True})


def freemocap(folder: Path) -> tuple[Path, Expected]:
    path = folder / "recording_by_frame.csv"
    rows = [(model, name) for model, name in (("body", "nose"), ("body", "left_eye"), ("right_hand", "wrist"))]
    lines = ["frame,timestamp,model,keypoint,x,y,z,reprojection_error"]
    for frame in (0, 1):
        lines += [f"{frame},0.{frame},{m},{n},{100 + i},{200 + frame},{i}.5,0.1" for i, (m, n) in enumerate(rows)]
    path.write_text("\n".join(lines) + "\n")
    points = {(0, 0): (100, 200, NAN), (1, 2): (102, 201, NAN)}
    return path, Expected("tidy_csv", [0, 1], [0, 0], 3, points, [0, 1], {"is_single": True})


def tidy_names(folder: Path) -> tuple[Path, Expected]:
    """No frame numbers, two people, headings in another spelling."""
    path = folder / "tidy.tsv"
    lines = ["TimeStamp\tPersonID\tLandmarkName\tX\tY\tmood"]
    for time in ("0.5", "0.75"):
        lines += [f"{time}\tp{p}\t{n}\t{p}{i}.25\t{i}.5\tok" for p in (3, 1) for i, n in enumerate(("NOSE", "tail"))]
    path.write_text("\n".join(lines) + "\n")
    points = {(0, 0): (30.25, 0.5, NAN), (3, 1): (11.25, 1.5, NAN)}
    return path, Expected("tidy_csv", [0, 0, 1, 1], [3, 1, 3, 1], 2, points, [0, 1])


def parquet_tidy(folder: Path) -> tuple[Path, Expected]:
    import pyarrow
    from pyarrow import parquet

    path = folder / "tidy.parquet"
    columns = {
        "frame": pyarrow.array([5, 5, 6, 6], pyarrow.int32()),
        "keypoint": pyarrow.array(["nose", "tail"] * 2).dictionary_encode(),
        "x": pyarrow.array([1.5, 2.5, 3.5, None], pyarrow.float32()),
        "y": pyarrow.array([10, 20, 30, None], pyarrow.int16()),
        "likelihood": [0.5, 0.25, 1.0, 0.125],
        "mine": [["a"], [], None, ["b"]],
    }
    parquet.write_table(pyarrow.table(columns), path)
    points = {(0, 0): (1.5, 10, 0.5), (1, 1): (NAN, NAN, 0.125)}
    return path, Expected("parquet", [5, 6], [0, 0], 2, points, [5, 6])


def parquet_wide(folder: Path) -> tuple[Path, Expected]:
    import pyarrow
    from pyarrow import parquet

    path = folder / "wide.parquet"
    columns = {"frame": [1, 2, 4], "nose_x": [1.5, None, 3.5], "nose_y": [1.0, None, 3.0], "speed_x": [1, 2, 3]}
    parquet.write_table(pyarrow.table(columns), path)
    points = {(0, 0): (1.5, 1, NAN), (1, 0): (3.5, 3, NAN)}
    return path, Expected("parquet", [1, 4], [0, 0], 1, points, [1, 2, 4])


def sleap_slp(folder: Path) -> tuple[Path, Expected]:
    """Two predicted instances and a labelled one, which corrects a prediction that is left alone."""
    path = folder / "labels.slp"
    kind = {"py/reduce": [{"py/type": "sleap.skeleton.EdgeType"}, {"py/tuple": [1]}]}
    skeleton = {"nodes": [{"id": 1}, {"id": 0}], "links": [{"source": 1, "target": 0, "type": kind}]}
    facts = {"skeletons": [skeleton], "nodes": [{"name": "tail"}, {"name": "head"}]}
    point = [("x", "<f8"), ("y", "<f8"), ("visible", "?"), ("complete", "?")]
    instances = np.zeros(4, [("instance_id", "<i8"), ("instance_type", "u1"), ("frame_id", "<u8"), ("skeleton", "<u4"),
                             ("track", "<i4"), ("from_predicted", "<i8"), ("score", "<f4"), ("point_id_start", "<u8"),
                             ("point_id_end", "<u8"), ("tracking_score", "<f4")])  # fmt: skip
    instances["instance_id"], instances["instance_type"] = range(4), [1, 1, 1, 0]
    instances["frame_id"], instances["track"], instances["from_predicted"] = [0, 0, 1, 1], [0, 1, 1, 1], [-1, -1, -1, 2]
    instances["point_id_start"], instances["point_id_end"] = [0, 2, 4, 0], [2, 4, 6, 2]
    frames = np.array([(0, 0, 3, 0, 2), (1, 0, 8, 2, 4)], [("frame_id", "<u8"), ("video", "<u4"), ("frame_idx", "<u8"),
                      ("instance_id_start", "<u8"), ("instance_id_end", "<u8")])  # fmt: skip
    predicted = np.zeros(6, [*point, ("score", "<f8")])
    predicted["x"], predicted["y"], predicted["score"] = [1, 2, 3, NAN, 5, 6], [10, 20, 30, NAN, 50, 60], 0.75
    with h5py.File(path, "w") as file:
        group = file.create_group("metadata")
        group.attrs["format_id"], group.attrs["json"] = 1.2, np.bytes_(json.dumps(facts))
        video = {"filename": "a.mp4", "backend": {"shape": [9, 480, 640, 3], "fps": 25.0}}
        file["videos_json"], file["tracks_json"] = [json.dumps(video).encode()], [b'[0, "a"]', b'[0, "b"]']
        file["frames"], file["instances"], file["pred_points"] = frames, instances, predicted
        file["points"] = np.array([(7, 70, True, True), (8, 80, True, False)], point)
        file["mine"] = np.arange(3)
    points = {(0, 0): (1, 10, 0.75), (1, 1): (NAN, NAN, 0.75), (2, 1): (8, 80, NAN)}
    facts = {"fps": 25.0, "image_size": (480, 640)}
    return path, Expected("sleap_slp", [3, 3, 8], [0, 1, 1], 2, points, [3, 8], facts)


def nwb(folder: Path) -> tuple[Path, Expected]:
    path = folder / "session.nwb"
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.6.0"
        pose = file.create_group("processing/behavior/PoseEstimation")
        pose.attrs["neurodata_type"] = "PoseEstimation"
        pose["dimensions"] = np.array([[640, 480]], np.uint16)
        for k, name in enumerate(("body", "paw")):
            series = pose.create_group(name)
            series.attrs["neurodata_type"] = "PoseEstimationSeries"
            series["data"] = np.array([[1 + k, 10], [NAN, NAN], [3 + k, 30]], np.float32)
            series["data"].attrs["unit"] = "pixels"
            series["confidence"] = np.array([0.5, 0.0, 1.0])
            if k:
                series["timestamps"] = h5py.SoftLink("/processing/behavior/PoseEstimation/body/timestamps")
            else:
                series["timestamps"] = np.array([0, 0.04, 0.08])
    points = {(0, 0): (1, 10, 0.5), (1, 1): (4, 30, 1.0)}
    facts = {"fps": 25.0, "image_size": (480, 640), "is_single": True}
    return path, Expected("nwb", [0, 2], [0, 0], 2, points, [0, 1, 2], facts)


MORE = (
    *(coco_annotations, wholebody, alphapose_tracked, alphapose_cmu, easy_vitpose, mediapipe_json, mmpose_folder),
    *(mediapipe_alone, mediapipe_lines, mediapipe_bare, cvat, openpose_frames),
    *(openpifpaf_folder, ultralytics_folder, easy_vitpose_folder, sleap_csv, semicolons, freemocap, tidy_names),
    *(parquet_tidy, parquet_wide, sleap_slp, nwb),
)
