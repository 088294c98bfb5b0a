"""A skeleton as text, for the formats of our own; and skeletons for files that name none."""

import json
from pathlib import Path

from kerasmooth.formats.limits import MAX_KEYPOINTS, bad
from kerasmooth.skeletons import SKELETONS, Skeleton


def index_skeleton(num_keypoints: int) -> Skeleton:
    """keypoint_0, keypoint_1, ... without limbs, for keypoints of which nothing but the number is known."""
    return Skeleton(f"keypoints_{num_keypoints}", tuple(f"keypoint_{i}" for i in range(num_keypoints)), ())


def to_json(skeleton: Skeleton) -> str:
    """One line of JSON."""
    return json.dumps({"name": skeleton.name, "keypoints": skeleton.keypoints, "limbs": skeleton.limbs})


def from_json(path: Path, text: str) -> Skeleton:
    """The inverse of `to_json`. Raises InputError for anything else."""
    try:
        value = json.loads(text)
        name, keypoints = value["name"], value["keypoints"]
        limbs = tuple((int(a), int(b)) for a, b in value["limbs"])
        if not isinstance(name, str) or not isinstance(keypoints, list) or not 1 <= len(keypoints) <= MAX_KEYPOINTS:
            raise ValueError("name or keypoints")
        if any(not isinstance(keypoint, str) for keypoint in keypoints) or len(set(keypoints)) < len(keypoints):
            raise ValueError("names that are not different texts")
        if any(not 0 <= end < len(keypoints) for limb in limbs for end in limb):
            raise ValueError("limbs between keypoints that there are not")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        expected = 'be JSON with "name", "keypoints" and "limbs"'
        raise bad(path, "skeleton", expected, f"{text[:60]!r} ({error})", "write the file again") from None
    known = SKELETONS.get(name)
    return known if known and known.keypoints == tuple(keypoints) else Skeleton(name, tuple(keypoints), limbs)
