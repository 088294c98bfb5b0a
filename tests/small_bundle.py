"""Small models exported once for all tests: `python -m kerasmooth.export --bundle_dir` for Conv3D and DeciWatch.

`python tests/small_bundle.py DIR` writes them for a server of your own: see `serving/running.py`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from small_runs import write_run

from kerasmooth.exporting.saved_model import export_run
from kerasmooth.training.run_folder import load_run

EXPORTED = ("conv3d", "deciwatch")
FOLDER_VARIABLE = "KERASMOOTH_BUNDLE"
"""Names the folder of a bundle that was made already."""


@dataclass(frozen=True)
class Bundle:
    """Run folders in `folder`/runs, and the bundle of those that are exported in `folder`/bundle."""

    folder: Path

    def run(self, model: str) -> Path:
        return self.folder / "runs" / model

    @property
    def path(self) -> Path:
        return self.folder / "bundle"

    def version(self, model: str) -> Path:
        return self.path / model / "1"


def make(folder: Path) -> Bundle:
    bundle = Bundle(folder)
    for model in (*EXPORTED, "bi_conv_lstm", "gated_splines"):
        write_run(bundle.run(model), model)
    for model in EXPORTED:
        exported = export_run(load_run(bundle.run(model)), bundle.path, for_serving=True)
        assert exported.largest_difference < 1e-5
    return bundle


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve())
