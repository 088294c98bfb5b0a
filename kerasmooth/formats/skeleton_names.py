"""Skeletons of files that name their keypoints in their own way (RHip, wingL, l_ank, Left knee)."""

import re
from collections.abc import Sequence

from kerasmooth.formats.skeleton_json import index_skeleton
from kerasmooth.skeletons import COCO_17, COCO_WHOLEBODY_133, HALPE_26, SKELETONS, Skeleton

_OF_DETECTORS = {each.num_keypoints: each for each in (COCO_17, HALPE_26, COCO_WHOLEBODY_133)}
_KNOWN = {name for skeleton in SKELETONS.values() for name in skeleton.keypoints}
_SIDES = {"left": "left", "right": "right", "l": "left", "r": "right", "lt": "left", "rt": "right"}
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def skeleton_of_count(num_keypoints: int) -> Skeleton:
    """What detectors trained on COCO and its extensions mean by this number of keypoints; otherwise known by index."""
    return _OF_DETECTORS.get(num_keypoints) or index_skeleton(num_keypoints)


def skeleton_of_names(name: str, names: Sequence[str]) -> Skeleton:
    """Keypoints in this order, sides as the prefixes left_ and right_, with the limbs that a known skeleton has.

    A name with a side must have its other side among the names or be known from another skeleton; the rest is put in
    lower case and keeps what it says. Known skeletons with the same names are found.
    """
    plain = [_snake(each) for each in names]
    sided = [_with_side(each) for each in names]
    keypoints = [
        side if side and (_other(side) in sided or side in _KNOWN) and sided.count(side) == 1 else simple
        for side, simple in zip(sided, plain, strict=True)
    ]
    if len(set(keypoints)) < len(keypoints) or not all(keypoints):
        keypoints = list(names)
    for known in SKELETONS.values():
        if known.keypoints == tuple(keypoints):
            return known
    return Skeleton(name, tuple(keypoints), known_limbs(keypoints))


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


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def _snake(name: str) -> str:
    return "_".join(_words(name))


def _with_side(name: str) -> str:
    """The name with its side in front, or an empty text where it says none or several."""
    words = _words(name)
    sides = [word for word in words if word in _SIDES]
    if len(sides) != 1 or len(words) < 2:
        return _glued_side(words)
    words.remove(sides[0])
    return "_".join([_SIDES[sides[0]], *words])


def _glued_side(words: list[str]) -> str:
    """For names such as leftear, in one word without capitals."""
    for side in ("left", "right"):
        if len(words) == 1 and words[0].startswith(side) and len(words[0]) > len(side):
            return f"{side}_{words[0].removeprefix(side)}"
    return ""


def _other(sided: str) -> str:
    if sided.startswith("left_"):
        return "right_" + sided.removeprefix("left_")
    return "left_" + sided.removeprefix("right_")
