"""Folders with one JSON file an image, whose names count the frames of one video."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from kerasmooth.formats.frame_names import Names, are_counted, file_frames
from kerasmooth.formats.json_files import dump, load
from kerasmooth.formats.json_format import JsonFormat
from kerasmooth.formats.json_frames import Frames, Shapes
from kerasmooth.formats.pose_format import RawPoses
from kerasmooth.formats.safe_files import bad, head_text, replacing_folder
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

MAX_FRAME_BYTES = 64 << 20
"""Largest file of one frame."""
LOOKED_AT = 20
"""Files of a folder whose beginnings tell its format."""


class JsonFolder(JsonFormat):
    """Before a JSON format of single images among the bases of a class: that format in a folder, a file an image.

    Attributes:
      digits: of the frame number in the names of files in a fresh folder.
    """

    suffix = ""
    counts_from_zero = False
    digits: int = 6

    def detect(self, path: Path) -> bool:
        names = list_files(path, ".json")
        # Files of images without anybody say nothing.
        shown = [path / name for name in names[:LOOKED_AT] if len(head_text(path / name, 8).strip()) > 2]
        first = next((file for file in shown if super(JsonFolder, self).detect(file)), None)
        if first is None or not are_counted(names) or first.stat().st_size > MAX_FRAME_BYTES:
            return False
        return len(self.split(first, load(first)).numbers) == 1

    def _read(self, path: Path) -> Frames:
        """The frames of all files; their entries are the `Frames` of each."""
        if not path.is_dir():
            raise bad(path, "path", "be the folder of all frames", "one file", "give the folder that holds it")
        files = list_files(path, ".json")
        if not files:
            raise bad(path, "folder", "hold .json files", "none", "give the folder of all frames")
        names = file_frames(path, files)
        images = [self._image(path / file, load(path / file, MAX_FRAME_BYTES)) for file in files]
        return Frames(names.numbers.tolist(), [image.people[0] for image in images], images, names=names)

    def _image(self, path: Path, value: Any) -> Frames:
        image = self.split(path, value)
        if len(image.numbers) > 1:
            raise bad(path, "content", "be of one image", f"{len(image.numbers)}", "give the file alone")
        # A list of nobody could be one of no frames.
        return image if image.numbers else replace(image, numbers=[0], people=[[]], entries=[[]], is_image=True)

    def join(self, frames: Frames, table: PoseTable) -> Any:
        """The name and the document of each file."""
        fresh = self._image(Path(), self.fresh_value(table, True))
        for number, people, image in zip(frames.numbers, frames.people, frames.entries, strict=True):
            yield frames.names.name(number), super().join(replace(image or fresh, people=[people]), table)

    def _write(self, value: Any, path: Path) -> None:
        with replacing_folder(path) as target:
            for name, document in value:
                with (target / name).open("w", encoding="utf-8") as stream:
                    dump(document, stream)

    def skeleton(self, frames: Frames, shapes: Shapes, raw: RawPoses) -> Skeleton:
        return super().skeleton(frames.entries[0] if frames.entries else frames, shapes, raw)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        raw, (frames, shapes) = super().fresh(table, path)
        names = Names(pattern=(f"{path.name or 'frame'}_", self.digits, self.folder_ending))
        return raw, (replace(frames, names=names), shapes)


def in_folder(image: type[JsonFormat]) -> type[JsonFormat]:
    """The format of folders with a file an image of a format."""
    facts = {"name": f"{image.name}_folder", "description": f"a folder with a file an image: {image.description}"}
    return type(f"{image.__name__}Folder", (JsonFolder, image), facts)


def list_files(folder: Path, suffix: str) -> list[str]:
    """Sorted names of the files in a folder that end in `suffix`, hidden ones left out; [] for no folder."""
    try:
        return sorted(
            entry.name
            for entry in folder.iterdir()
            # A link to nothing is a frame that is lost: reading it says so.
            if entry.name.lower().endswith(suffix) and not entry.name.startswith(".") and not entry.is_dir()
        )
    except OSError:
        return []
