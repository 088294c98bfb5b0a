"""Folders with one JSON file an image, whose names count the frames of one video."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from kerasmooth.formats.bounded_files import head_text, replacing_folder
from kerasmooth.formats.frame_names import FrameNames, are_counted, file_frames
from kerasmooth.formats.json_files import dump, load
from kerasmooth.formats.json_people import Frames
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Parsed
from kerasmooth.pose_table import PoseTable

MAX_FRAME_BYTES = 64 << 20
"""Largest file of one frame."""
_LOOKED_AT = 20

if TYPE_CHECKING:
    _Base = Any
else:
    _Base = object


class JsonFolder(_Base):
    """Before a JSON format of single images among the bases of a class: that format in a folder, a file an image."""

    suffix = ""
    ending: ClassVar[str] = ".json"
    """Of the names of files in a fresh folder."""
    digits: ClassVar[int] = 6

    def is_image(self, value: Any) -> bool:
        """Whether a document is of one image."""
        return True

    def detect(self, path: Path) -> bool:
        names = list_files(path, ".json")
        # Files of images without anybody say nothing.
        shown = [path / name for name in names[:_LOOKED_AT] if len(head_text(path / name, 8).strip()) > 2]
        first = next((file for file in shown if super(JsonFolder, self).detect(file)), None)
        if first is None or not are_counted(names) or first.stat().st_size > MAX_FRAME_BYTES:
            return False
        return self.is_image(load(first))

    def load(self, path: Path) -> Any:
        if not path.is_dir():
            raise bad(path, "path", "be the folder of all frames", "one file", "give the folder that holds it")
        files = list_files(path, ".json")
        if not files:
            raise bad(path, "folder", "hold .json files", "none", "give the folder of all frames")
        return files, file_frames(path, files)

    def split(self, path: Path, value: Any) -> Frames:
        files, names = value
        numbers, people, documents = [], [], {}
        for file, number in zip(files, names.frames.tolist(), strict=True):
            image = super().split(path / file, load(path / file, MAX_FRAME_BYTES))
            if len(image.numbers) > 1:
                raise bad(path / file, "content", "be of one image", f"{len(image.numbers)}", "give the file alone")
            numbers.append(number)
            people.append(image.people[0] if image.people else [])
            documents[number] = image.value
        return Frames(numbers, people, documents, names)

    def join(self, frames: Frames, order: list[int]) -> Any:
        documents = frames.value or {}
        joined = []
        for number, people in zip(frames.numbers, frames.people, strict=True):
            image = Frames([0], [people], documents.get(number), is_image=True)
            joined.append((frames.names.name(number) if frames.names else number, super().join(image, [0])))
        return joined

    def dump(self, value: Any, path: Path, fill: Any) -> None:
        with replacing_folder(path) as target:
            for name, document in value:
                with (target / name).open("w", encoding="utf-8") as stream:
                    dump(document, stream, fill)

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        parsed = super().fresh(table, path)
        pattern = (f"{path.name or 'frame'}_", self.digits, self.ending)
        parsed.rest.frames.names = FrameNames(table.frame_numbers, {}, pattern)
        return parsed


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
