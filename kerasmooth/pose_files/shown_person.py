"""The person that pictures show, frame by frame."""

import numpy as np

from kerasmooth.pose_files.table_smoothing import SmoothedTable, frame_step
from kerasmooth.pose_table import PROVENANCE, PoseTable

MAX_FRAMES = 600
"""Most frames in a picture: more would not be seen."""
NUM_KEYPOINTS = 5
_WANTED = ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "nose")


class ShownPerson:
    """The person with the most frames, before and after, frame by frame; what is absent is NaN and MISSING.

    Attributes:
      numbers: [T], frame numbers; `seconds` [T] from the first frame of the file.
      before, after: [T, K, 2]; provenance, deviation: [T, K].
      name, of: what the person is called, and how many people there are.
      aspect: length of a unit along y by that along x.
    """

    def __init__(self, before: PoseTable, after: SmoothedTable) -> None:
        table = after.table
        self.skeleton, self.unit, self.y_up = table.skeleton, table.unit, table.y_up
        self.aspect = 1.0
        if table.unit == "normalised" and table.image_size:
            self.aspect = table.image_size[0] / table.image_size[1]
        step = frame_step(before.frame_numbers)
        self.fps = float(table.fps or 1.0) / step
        people = after.people[: len(before.frames)]
        # A duplicate of somebody else is nobody.
        people, counts = np.unique(people[people >= 0] if (people >= 0).any() else people, return_counts=True)
        person, self.of = int(people[counts.argmax()]) if len(people) else -1, len(people)
        self.name = table.person_names.get(person, str(person))
        rows = np.flatnonzero(after.people == person)
        rows = rows[np.argsort(table.frames[rows], kind="stable")]
        rows = rows[_busiest(table.frames[rows] // step)]
        first = int(table.frames[rows[0]]) if len(rows) else 0
        places = (table.frames[rows] - first) // step
        total = int(places[-1]) + 1 if len(rows) else 1
        shape = (total, table.skeleton.num_keypoints)
        self.numbers = first + np.arange(total) * step
        self.seconds = (self.numbers - (before.frame_numbers[0] if len(before.frame_numbers) else 0)) / step / self.fps
        self.before, self.after = np.full((*shape, 2), np.nan), np.full((*shape, 2), np.nan)
        self.provenance, self.deviation = np.full(shape, len(PROVENANCE) - 1), np.full(shape, np.nan)
        self.after[places], self.provenance[places] = table.keypoints[rows], table.provenance[rows]
        self.deviation[places] = table.deviation[rows]
        old = rows < len(before.frames)
        self.before[places[old]] = before.keypoints[rows[old]]

    @property
    def title(self) -> str:
        if not self.of:
            return "nobody is in this file"
        frames = f"frames {self.numbers[0]} to {self.numbers[-1]} at {self.fps:g} fps"
        if self.unit == "normalised" and self.aspect == 1.0:
            frames += " (image drawn square: give --image_size for its shape)"
        who = f"person {self.name}, seen most of {self.of}: " if self.of > 1 else ""
        return who + frames

    def chosen(self) -> list[int]:
        """Keypoints to show: hands, feet and head where there are any, otherwise those that move most."""
        known = np.isfinite(self.before).all(axis=-1).sum(axis=0)
        wanted = [self.skeleton.keypoints.index(name) for name in _WANTED if name in self.skeleton.keypoints]
        travelled = np.nan_to_num(_spread(self.before))
        order = sorted(range(len(known)), key=lambda i: (known[i] == 0, i not in wanted, -travelled[i]))
        return sorted(order[:NUM_KEYPOINTS])


def _spread(keypoints: np.ndarray) -> np.ndarray:
    """[K]: how far the middle half of the positions [T, K, 2] is apart; NaN where there are none."""
    spread = np.full(keypoints.shape[1], np.nan)
    for i in np.flatnonzero(np.isfinite(keypoints).all(axis=-1).any(axis=0)).tolist():
        low, high = np.nanpercentile(keypoints[:, i], [25, 75], axis=0)
        spread[i] = np.linalg.norm(high - low)
    return spread


def _busiest(places: np.ndarray) -> np.ndarray:
    """Indices of those of increasing places that lie in the MAX_FRAMES with the most entries."""
    if not len(places):
        return np.empty(0, np.int64)
    ends = np.searchsorted(places, places + MAX_FRAMES)
    start = int(np.argmax(ends - np.arange(len(places))))
    return np.arange(start, ends[start])
