"""What a client must know of an exported model to ask it, and where it comes from."""

from typing import Any

from kerasmooth import __version__
from kerasmooth.exporting.signatures import INPUTS, OUTPUTS, SIGNATURES
from kerasmooth.exporting.steady_boxes import BOX_SECONDS
from kerasmooth.exporting.stream_state import StreamState
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.training.run_folder import Run

SCHEMA = "kerasmooth.export/2"


def metadata(run: Run, *, name: str, version: int, decoder: str) -> dict[str, Any]:
    """As JSON it is what the signature `metadata` answers."""
    height, width = run.config.size
    left_out = set() if run.takes == "heatmaps" else {"heatmaps"}  # a model of keypoints gives none back
    return {
        "schema": SCHEMA,
        "kerasmooth": __version__,
        "name": name,
        "version": version,
        "model": run.config.model,
        "run": run.name,
        "takes": run.takes,
        "window": run.config.window,
        "height": height,
        "width": width,
        "num_keypoints": BOULDERING_25.num_keypoints,
        "state_size": StreamState(run.config.window, BOULDERING_25.num_keypoints).size,
        "skeleton": {
            "name": BOULDERING_25.name,
            "keypoints": list(BOULDERING_25.keypoints),
            "limbs": [list(limb) for limb in BOULDERING_25.limbs],
        },
        "supervised": [name for name, known in zip(BOULDERING_25.keypoints, run.annotated, strict=True) if known],
        "decoder": decoder,
        "box_seconds": BOX_SECONDS,
        "signatures": {name: text for name, text in SIGNATURES.items() if name not in left_out},
        "inputs": INPUTS,
        "outputs": {name: text for name, text in OUTPUTS.items() if name not in left_out},
        "config": run.config.to_json(),
    }
