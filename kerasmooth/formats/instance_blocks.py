"""Long files of MMPose and Ultralytics, in blocks of their frames' lists of people."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.block_file import WholeOnly
from kerasmooth.formats.instance_lists import Instances
from kerasmooth.formats.json_blocks import JsonBlocks
from kerasmooth.formats.mmpose import MMPose, skeleton_of
from kerasmooth.formats.ultralytics_json import UltralyticsJson
from kerasmooth.pose_table import PoseTable


class MMPoseBlocks(JsonBlocks):
    """Videos whose entries have increasing frame numbers."""

    key = "instance_info"

    def table(self, elements: list[Any], first: int) -> PoseTable:
        if any(type(entry) is not dict or not {"instances", "frame_id"} <= entry.keys() for entry in elements):
            raise WholeOnly("its entries are not numbered frames")
        table = MMPose().table_of(
            self.path, elements, elements, self.style, fps=self.fps, image_size=self.image_size, first=first
        )
        if (np.diff(table.source.payload.frames) <= 0).any():
            raise WholeOnly("its frames are not in order")
        return table

    def learn(self, items: list[Any]) -> dict[str, Any]:
        count = items[0].num_keypoints if items else 0
        return {"skeleton": skeleton_of(self.around, count)}

    def payload_of(self, payload: Instances, elements: list[Any]) -> Instances:
        return replace(payload, value=elements, people=[entry["instances"] for entry in elements])

    def changed(self, table: PoseTable) -> list[Any]:
        return MMPose().changed(table, self.path)


class UltralyticsBlocks(JsonBlocks):
    """Videos: lists of lists of people."""

    def __init__(self, path: Path, fps: float | None, image_size: Size | None) -> None:
        super().__init__(path, fps, image_size)
        self._units: set[str] = set()

    def table(self, elements: list[Any], first: int) -> PoseTable:
        if isinstance(elements[0], dict):
            raise WholeOnly("it is one image")
        table = UltralyticsJson().table_of(
            self.path, elements, elements, self.style, fps=self.fps, image_size=self.image_size, first=first
        )
        self._units |= {table.unit} if len(table.frames) else set()
        return table

    def learn(self, items: list[Any]) -> dict[str, Any]:
        # Shares of the image are those that are small in every block.
        return super().learn(items) | {"unit": "normalised" if self._units == {"normalised"} else "px"}

    def payload_of(self, payload: Instances, elements: list[Any]) -> Instances:
        return replace(payload, value=elements, people=elements)

    def changed(self, table: PoseTable) -> list[Any]:
        return UltralyticsJson().changed(table, self.path)
