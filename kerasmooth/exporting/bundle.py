"""What TensorFlow Serving is started with: beside a SavedModel, and beside the folders of all models of a bundle."""

import json
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf import text_format

from kerasmooth import files
from kerasmooth.errors import InputError
from kerasmooth.exporting.versions import versions
from kerasmooth.training.run_folder import Run

if TYPE_CHECKING:
    from kerasmooth.exporting.saved_model import Exported

MODELS_FILE = "models.config"
SERVED_FROM = "/models"
"""Where the bundle lies inside the container."""
STABLE, CANARY = "stable", "canary"
_INSTALL = "pip install 'kerasmooth[serving]'"
_WRITTEN_ONCE = (
    "monitoring.config",
    "compose.yaml",
    "prometheus.yml",
    "grafana/datasource.yml",
    "grafana/dashboards.yml",
    "grafana/kerasmooth.json",
)
"""Files that are yours once they are there."""


def check_installed() -> None:
    """Raises InputError where the packages that a bundle needs are absent."""
    try:
        import tensorflow_serving.apis.prediction_log_pb2  # noqa: F401
    except ImportError:
        raise InputError(f"--bundle_dir needs tensorflow-serving-api: {_INSTALL}, or use --export_dir") from None


def add_to_version(folder: Path, run: Run, signatures: Mapping[str, Callable[..., Any]], *, name: str) -> None:
    """Adds to a SavedModel its warm-up requests, which are asked once, and how to batch requests where that pays."""
    from kerasmooth.exporting.warmup import WARMUP_FILE, replay, write_warmup

    path = folder / "assets.extra" / WARMUP_FILE
    write_warmup(path, run, signatures, name)
    replay(path, signatures)
    # Convolutions of one window fill a processor; a transformer on a few coordinates does not.
    if run.takes == "keypoints":
        (folder / "batching_params.pbtxt").write_text(_template("batching_params.pbtxt"))


def write_beside(folder: Path, exported: "Exported") -> None:
    """Writes or updates what lies beside the models' folders.

    `models.config` gets the new version under the label canary; stable stays where it is, or becomes the new version
    where there is none. README.md and request.json are written anew. The other files are left alone where they exist.

    Raises:
      InputError: `models.config` cannot be read, or a file cannot be written.
    """
    _update_models(folder / MODELS_FILE, exported)
    for name in _WRITTEN_ONCE:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            files.write_text(path, _template(name))
    facts = json.loads((exported.path / "assets.extra" / "metadata.json").read_text())
    files.write_text(folder / "request.json", json.dumps(_request(facts)) + "\n")
    files.write_text(folder / "README.md", _page(exported, facts))


def _update_models(path: Path, exported: "Exported") -> None:
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    try:
        if path.exists():
            text_format.Parse(path.read_text(), config)
    except (text_format.ParseError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}): mend it or remove it; {exported.path} is whole") from None
    models = config.model_config_list.config
    model = next((one for one in models if one.name == exported.name), None)
    if model is None:
        model = models.add(name=exported.name, base_path=f"{SERVED_FROM}/{exported.name}", model_platform="tensorflow")
    labels = model.version_labels
    labels[CANARY] = exported.version
    if STABLE not in labels or labels[STABLE] not in versions(exported.path.parent):
        labels[STABLE] = exported.version
    del model.model_version_policy.specific.versions[:]
    model.model_version_policy.specific.versions.extend(sorted(set(labels.values())))
    files.write_text(path, text_format.MessageToString(config))


def _request(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A request of one window of a person who stands still while the detector jitters."""
    frames, random = (facts["window"], facts["num_keypoints"]), np.random.default_rng(0)
    keypoints = random.uniform(100, 500, (*frames[1:], 2)) + random.normal(0, 4, (*frames, 2))
    inputs = {
        "keypoints": [keypoints.round(1).tolist()],
        "confidence": np.ones((1, *frames)).tolist(),
        "fps": [30.0],
        "length": [facts["window"]],
    }
    return {"signature_name": "sequence", "inputs": inputs}


def _page(exported: "Exported", facts: Mapping[str, Any]) -> str:
    """The page of a bundle: how to start it, roll forward and back, and ask it."""
    lines = ["| signature | takes | gives | for |", "|---|---|---|---|"]
    for name, purpose in facts["signatures"].items():
        sides = exported.signatures[name]
        takes, gives = ("<br>".join(f"{k}: {v}" for k, v in sides[side].items()) for side in ("inputs", "outputs"))
        lines.append(f"| `{name}` | {takes} | {gives} | {purpose} |")
    words = {
        "NAME": exported.name,
        "WINDOW": str(facts["window"]),
        "KEYPOINTS": ", ".join(facts["skeleton"]["keypoints"]),
        "SUPERVISED": ", ".join(facts["supervised"]),
        "K": str(facts["num_keypoints"]),
        "GRID": f"{facts['height']} x {facts['width']}",
        "SIGNATURES": "\n".join(lines),
        "INPUTS": "\n".join(f"- `{name}`: {text}." for name, text in facts["inputs"].items()),
        "OUTPUTS": "\n".join(f"- `{name}`: {text}." for name, text in facts["outputs"].items()),
    }
    text = _template("README.md")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def _template(name: str) -> str:
    return resources.files("kerasmooth.exporting").joinpath("templates", name).read_text()
