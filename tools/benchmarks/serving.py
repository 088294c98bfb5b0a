"""Served models: how long each signature takes, by gRPC and by REST."""

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

from kerasmooth.quiet import import_tensorflow

TITLE = "Served models, 56 x 56 cells, windows of 5 frames, random weights: one client, one request at a time"
LIMIT = (
    "DeciWatch: one window fills no processor, and 16 together take hardly more: batch many small requests; Conv3D: "
    "its convolution, as in training; REST: JSON, 392,000 numbers for the heatmaps of a window: send those by gRPC."
)
MODELS: dict[str, tuple[str, dict[str, Any]]] = {"DeciWatch": ("deciwatch", {}), "Conv3D": ("conv3d", {})}
SIZE, WINDOW = (56, 56), 5
REQUESTS, LONGEST = 300, 50
"""Requests to a signature, fewer where they would take longer than so many times --seconds."""
TESTS = Path(__file__).resolve().parents[2] / "tests"


def export_to(bundle: Path, model: str, options: dict[str, Any]) -> None:
    """A model of random weights, as `python -m kerasmooth.export --bundle_dir` writes a trained one."""
    from kerasmooth import models
    from kerasmooth.datasets import Sample
    from kerasmooth.exporting.saved_model import export_run
    from kerasmooth.training.config import TrainingConfig
    from kerasmooth.training.run_folder import Run

    config = TrainingConfig(model=model, model_options=options)
    config = config.replace(window=WINDOW, size=SIZE, annotated=Sample.annotated())
    built = models.build(model, window=WINDOW, size=SIZE, **options)
    export_run(Run(bundle / "random", config, built), bundle, for_serving=True)


def measure(seconds: float) -> dict[str, list[dict[str, object]]]:
    """Heading -> rows. The server is tensorflow_model_server where it is on PATH, else the stand-in of the tests."""
    if importlib.util.find_spec("tensorflow_serving") is None:
        return {"": [{"serving": "missing: pip install -e '.[dev]'"}]}
    import_tensorflow()
    from benchmarks._served import rows

    from kerasmooth.serving import Client

    sys.path += [str(TESTS), str(TESTS / "serving")]
    from running import REAL, Running

    found = {}
    with tempfile.TemporaryDirectory(prefix="kerasmooth-") as folder:
        bundle = Path(folder) / "bundle"
        for model, options in MODELS.values():
            export_to(bundle, model, options)
        server = Running(bundle, Path(folder), apart=True).start()
        try:
            for name, (model, _) in MODELS.items():
                for scheme, protocol in (("grpc", "gRPC"), ("http", "REST")):
                    with Client(server.address(scheme, model), timeout=300) as client:
                        heading = f"{name} by {protocol} from {'tensorflow_model_server' if REAL else 'the stand-in'}"
                        found[heading] = rows(client, Client(bundle / model), REQUESTS, LONGEST * seconds)
        finally:
            server.stop()
    return found
