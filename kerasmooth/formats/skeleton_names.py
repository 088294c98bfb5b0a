"""Skeletons of files: by the names that they use (RHip, wingL, l_ank, Left knee), by their number, and as text."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.safe_files import MAX_KEYPOINTS, bad
from kerasmooth.skeletons import COCO_17, COCO_WHOLEBODY_133, HALPE_26, SKELETONS, Skeleton

_OF_DETECTORS = {each.num_keypoints: each for each in (COCO_17, HALPE_26, COCO_WHOLEBODY_133)}
_KNOWN = {name for skeleton in SKELETONS.values() for name in skeleton.keypoints}
_SIDES = {"left": "left", "right": "right", "l": "left", "r": "right", "lt": "left", "rt": "right"}
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")


def index_skeleton(num_keypoints: int) -> Skeleton:
    """keypoint_0, keypoint_1, ... without limbs, for keypoints of which nothing but the number is known."""
    return Skeleton(f"keypoints_{num_keypoints}", tuple(f"keypoint_{i}" for i in range(num_keypoints)), ())


def skeleton_of_count(num_keypoints: int) -> Skeleton:
    """What detectors trained on COCO and its extensions mean by this number of keypoints; otherwise known by index."""
    return _OF_DETECTORS.get(num_keypoints) or index_skeleton(num_keypoints)


def skeleton_of_names(name: str, names: Sequence[str]) -> Skeleton:
    """Keypoints in this order, sides as the prefixes left_ and right_, with the limbs that a known skeleton has.

    A name with a side must have its other side among the names or be known from another skeleton; the rest is put in
    lower case and keeps what it says. Known skeletons with the same names are found.
    """
    plain = ["_".join(words(each)) for each in names]
    sided = [_with_side(each) for each in names]
    keypoints = [
        side if side and (_other(side) in sided or side in _KNOWN) and sided.count(side) == 1 else simple
        for side, simple in zip(sided, plain, strict=True)
    ]
    if len(set(keypoints)) < len(keypoints) or not all(keypoints):
        keypoints = list(names)
    return _known(keypoints) or Skeleton(name, tuple(keypoints), known_limbs(keypoints))


def with_links(skeleton: Skeleton, links: Any, first: int = 0) -> Skeleton:
    """A skeleton with the links that a file gives between its keypoints, by name or by numbers that begin at `first`.

    Known skeletons stay as they are, and so do others where the file gives none.
    """
    links = links.tolist() if isinstance(links, np.ndarray) else links
    pairs = [tuple(link) for link in links if isinstance(link, list)] if isinstance(links, list) else []
    index: dict[Any, int] = {name: i for i, name in enumerate(skeleton.keypoints)}
    index |= {i + first: i for i in range(skeleton.num_keypoints)}
    ends = [pair for pair in pairs if len(pair) == 2 and all(type(end) in (int, float, str) for end in pair)]
    limbs = tuple(dict.fromkeys((index[a], index[b]) for a, b in ends if a in index and b in index))
    return _known(skeleton.keypoints) or Skeleton(skeleton.name, skeleton.keypoints, limbs or skeleton.limbs)


def _known(keypoints: Sequence[str]) -> Skeleton | None:
    return next((known for known in SKELETONS.values() if known.keypoints == tuple(keypoints)), None)


def known_limbs(keypoints: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Index pairs of the limbs that any known skeleton draws between keypoints of these names."""
    index = {name: i for i, name in enumerate(keypoints)}
    limbs: dict[tuple[int, int], None] = {}
    for known in SKELETONS.values():
        for a, b in known.limbs:
            ends = index.get(known.keypoints[a]), index.get(known.keypoints[b])
            if ends[0] is not None and ends[1] is not None and ends[::-1] not in limbs:
                limbs[ends[0], ends[1]] = None
    return tuple(limbs)


def words(name: str) -> list[str]:
    """The words of a name in lower case: those of LandmarkID and landmark_id are the same."""
    return [word.lower() for word in _WORDS.findall(name)]


def _with_side(name: str) -> str:
    """The name with its side in front, or an empty text where it says none or several."""
    parts = words(name)
    sides = [word for word in parts if word in _SIDES]
    if len(sides) == 1 and len(parts) > 1:
        parts.remove(sides[0])
        return "_".join([_SIDES[sides[0]], *parts])
    # Names such as leftear, in one word without capitals.
    glued = re.fullmatch("(left|right)(.+)", parts[0]) if len(parts) == 1 else None
    return f"{glued.group(1)}_{glued.group(2)}" if glued else ""


def _other(sided: str) -> str:
    side, _, rest = sided.partition("_")
    return f"{'right' if side == 'left' else 'left'}_{rest}"


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
