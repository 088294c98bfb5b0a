"""What a user should know of a smoothed file beside the numbers: a line each."""

import numpy as np

from kerasmooth.pose_files.person_report import PersonReport, total
from kerasmooth.pose_files.table_smoothing import SmoothedTable
from kerasmooth.pose_table import PoseTable
from kerasmooth.smoothing.settings import SmoothingSettings

UNRELATED = "nothing was smoothed: the frames are unrelated photographs, or too far apart"
_MAX_NAMES = 5


def notes_of(table: PoseTable, done: SmoothedTable, settings: SmoothingSettings) -> tuple[str, ...]:
    """What was left as it was, and why; warnings.

    Args:
      table: as read.
      done: what became of it.
      settings: how it was asked for.
    """
    everything = total(done.reports)
    notes = [_nothing_smoothed(table, done, everything, settings)]
    for count, one, several in ((done.jumps, "jump of an id", "jumps of ids"), (done.cuts, "cut", "cuts")):
        if count:
            notes.append(f"{count:,} {one if count == 1 else several}: nothing is smoothed across")
    if done.duplicates:
        what = "detection repeats" if done.duplicates == 1 else "detections repeat"
        notes.append(f"{done.duplicates:,} {what} somebody in the same frame: left as they are")
    if everything.removed:
        less = f"less confidence than {settings.min_confidence:g}"
        notes.append(f"{everything.removed:,} keypoints of {less} were not filled: they are missing now")
    if everything.limited:
        names = [name for name, _ in everything.limited.most_common()]
        more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
        notes.append(
            f"warning: the automatic cut-off ran into its limit for {', '.join(names[:_MAX_NAMES])}{more}: "
            "motion and noise look alike at this frame rate, so that little was smoothed"
        )
    return tuple(note for note in notes if note)


def _nothing_smoothed(
    table: PoseTable, done: SmoothedTable, everything: PersonReport, settings: SmoothingSettings
) -> str:
    """Why no keypoint of the file was moved; empty where one was."""
    if done.unrelated:
        return UNRELATED
    rows, present = len(table.frames), np.isfinite(table.keypoints).all(axis=-1)
    if everything.moved.max(initial=0.0) > 0 or everything.replaced or everything.exchanged:
        return ""
    counts = np.unique(done.people[:rows], return_counts=True)[1]
    if rows and (table.confidence <= 0).all():
        reason = "the confidence of every keypoint is 0, so that all count as missing"
    elif not present.any():
        reason = "nobody is in this file"
    elif (table.confidence[present] < settings.min_confidence).all():
        reason = f"no keypoint has a confidence of {settings.min_confidence:g}"
    elif settings.strength == 0:
        reason = "the strength is 0"
    elif len(np.unique(table.frames)) == 1:
        reason = "there is one frame; frames of one video belong into one input"
    elif counts.max() < 3:
        reason = "nobody is followed for more than two frames"
    elif set(everything.methods) == {"none"}:
        reason = "the recording is too short to tell noise from motion; a --method by name smooths it all the same"
    else:
        reason = "no keypoint had to be moved"
    return f"nothing was smoothed: {reason}"
