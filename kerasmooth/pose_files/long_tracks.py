"""Who is who in a long file: people followed block by block, with what was seen a moment ago carried on."""

from dataclasses import dataclass, field, fields

import numpy as np

from kerasmooth.smoothing import tracking

CONTEXT_SECONDS = 2.0
"""How far back the next block is compared: twice as long as anybody is remembered."""


@dataclass(frozen=True, eq=False)
class Detections:
    """Rows in the order of their frames: frames [D], people [D] (-1: unknown), keypoints [D, K, 2], known [D, K].

    Of `confidence` [D, K], which may be left out, see `tracking.follow`.
    """

    frames: np.ndarray
    people: np.ndarray
    keypoints: np.ndarray
    known: np.ndarray
    confidence: np.ndarray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if len(self.confidence) != len(self.known):
            object.__setattr__(self, "confidence", self.known.astype(np.float64))

    def part(self, rows: slice | np.ndarray) -> "Detections":
        return Detections(*(getattr(self, each.name)[rows] for each in fields(self)))

    @classmethod
    def joined(cls, *parts: "Detections") -> "Detections":
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))


@dataclass(frozen=True, eq=False)
class Followed:
    """Of the rows of a block: who they are, and which part (a person between two jumps) of the file they belong to.

    Both are -1 of those that repeat somebody of their frame.
    """

    people: np.ndarray
    parts: np.ndarray


class LongTracks:
    """Follows people through blocks as `tracking.follow` does through a whole file.

    Each block is followed together with the end of the one before and the beginning of the next; a part that has rows
    of the block before is that block's part.

    Attributes:
      jumps: how often an id of the file jumped, but for cuts.
      cuts: how often the video goes on with another shot.
      copies: detections that repeat somebody of their frame.
      followed: whether any id was given here.
    """

    def __init__(self, fps: float, first_id: int) -> None:
        """`first_id` is above all ids of the file; people who have none get it and the next ones."""
        self._fps, self._next = fps, first_id
        self._context: Detections | None = None
        self._labels = np.empty(0, np.int64)
        self._owner: dict[int, int] = {}
        self._last_part: dict[int, int] = {}
        self._count = 0
        self.jumps = 0
        self.cuts = 0
        self.copies = 0
        self.followed = False

    def follow(self, block: Detections, ahead: Detections) -> Followed:
        """The rows of the next block; `ahead` are those that follow within a second or so."""
        context = self._context or block.part(slice(0))
        rows = Detections.joined(context, block, ahead)
        inside = slice(len(context.frames), len(context.frames) + len(block.frames))
        if not len(block.frames):
            return Followed(np.empty(0, np.int64), np.empty(0, np.int64))
        tracks = tracking.follow(
            rows.frames, rows.people, rows.keypoints, rows.known, fps=self._fps, confidence=rows.confidence
        )
        label_of = self._known(tracks.parts[: inside.start])
        self.cuts += int(np.isin(tracks.cuts, block.frames).sum())
        seen = set(context.people.tolist())
        local, given = tracks.parts[inside], tracks.people[inside]
        self.copies += int((local < 0).sum())
        own = (given == block.people) & (local >= 0)
        label_of[-1], self._owner[-1] = -1, -1
        for row in np.sort(np.unique(local, return_index=True)[1]).tolist():
            if int(local[row]) not in label_of:
                person = int(given[row]) if own[row] else -1
                after_cut = _was_cut(tracks, rows.frames, inside.start + row)
                label_of[int(local[row])] = self._label(person, person in seen, after_cut)
                seen.add(person)
        parts = np.array([label_of[part] for part in local.tolist()], np.int64)
        people = np.array([self._owner[part] for part in parts.tolist()], np.int64)
        for person, part in zip(people[own].tolist(), parts[own].tolist(), strict=True):
            self._last_part[person] = part
        self._remember(Detections.joined(context, block), np.concatenate([self._labels, parts]))
        return Followed(people, parts)

    def may_return(self, part: int) -> bool:
        """Whether a part can go on after more than a moment: the last one of an id that the file gives."""
        person = self._owner.get(part)
        return person is not None and self._last_part.get(person) == part

    def _known(self, local: np.ndarray) -> dict[int, int]:
        """Part found now -> part of the file, for those that were there before; the latest row decides."""
        found: dict[int, int] = {}
        taken: set[int] = set()
        for part, label in zip(local[::-1].tolist(), self._labels[::-1].tolist(), strict=True):
            if part >= 0 and label >= 0 and part not in found and label not in taken:
                found[part] = label
                taken.add(label)
        return found

    def _label(self, person: int, recent: bool, after_cut: bool) -> int:
        """A part that begins here: a new one, unless an id that was away for long is back."""
        if person >= 0 and not recent and person in self._last_part:
            return self._last_part[person]
        self._count += 1
        if person < 0:
            person = self._next
            self._next += 1
            self.followed = True
        elif (person in self._last_part or recent) and not after_cut:
            self.jumps += 1
        self._owner[self._count] = person
        return self._count

    def _remember(self, rows: Detections, labels: np.ndarray) -> None:
        first = int(np.searchsorted(rows.frames, rows.frames[-1] - CONTEXT_SECONDS * self._fps))
        self._context, self._labels = rows.part(slice(first, None)), labels[first:]
        kept = {*self._labels.tolist(), *self._last_part.values()}
        self._owner = {label: person for label, person in self._owner.items() if label in kept}


def _was_cut(tracks: tracking.Tracks, frames: np.ndarray, row: int) -> bool:
    """Whether there is a cut between the last time the person of a row was seen and now: then nobody jumped."""
    before = frames[:row][tracks.people[:row] == tracks.people[row]]
    return len(before) > 0 and bool(((tracks.cuts > before[-1]) & (tracks.cuts <= frames[row])).any())
