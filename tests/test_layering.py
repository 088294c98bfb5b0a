"""Imports go down only, and the ground floors are light. Read from the source, so that lazy imports count too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "kerasmooth"

# From the ground up: a module may import those of its own layer and of the layers before it. A module of a package that
# lies elsewhere than its package is named with it.
LAYERS: list[set[str]] = [
    {"errors"},
    {"files", "lengths", "skeletons", "boxes", "command_line", "keyed_random", "settings", "interrupt", "progress"}
    | {"processes"},
    {"clip", "pose_table"},
    {
        "heatmap_decoding",
        "heatmap_codec",
        "noise",
        "metrics",
        "windows",
        "splits",
        "augmentation",
        "window_motion",
        "datasets",
        "sample",
    }
    | {"filters", "formats", "smoothing", "pose_files", "streaming"},
    {"quiet", "storage", "tfrecord"},
    {"models", "losses", "masked_mse", "model_inputs", "input_pipeline", "metrics.keras_pck", "fit_data"},
    {"training"},
    {"evaluation", "exporting"},
    {"serving", "reporting"},
    {"loading"},
    {"pose_files.model_smoother", "pose_files.command"},
    {"entry"},
]
ENTRY_POINTS = {"make_records", "study", "report", "train", "evaluate", "export", "smooth"}
WITHOUT_TENSORFLOW = set().union(*LAYERS[:4])


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """The name under which LAYERS has a file: package.module where that is listed, else its first part."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return listed(".".join(parts))


def listed(dotted: str) -> str:
    first, _, rest = dotted.partition(".")
    exact = f"{first}.{rest.partition('.')[0]}"
    return exact if any(exact in layer for layer in LAYERS) else first


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def parts(path: Path) -> set[str]:
    """The parts of kerasmooth that a file imports, as LAYERS names them."""
    inside = {listed(name.removeprefix("kerasmooth.")) for name in imported(path) if name.startswith("kerasmooth.")}
    packages = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    return {name for name in inside if name.partition(".")[0] in packages | modules}


def layer_of(name: str) -> int:
    if name in ENTRY_POINTS:
        return len(LAYERS) - 1
    return next((i for i, layer in enumerate(LAYERS) if name in layer), -1)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    name = name_of(path)
    if name == "__init__":  # its attributes are loaded when they are asked for
        return
    assert layer_of(name) >= 0, f"{name} has no layer: add it to LAYERS where it belongs"
    above = {part for part in parts(path) if layer_of(part) > layer_of(name)}
    assert not above, f"{path.name} imports {above} from above"
    assert not (parts(path) & ENTRY_POINTS), "nothing imports an entry point"


@pytest.mark.parametrize("path", [p for p in modules() if name_of(p) in WITHOUT_TENSORFLOW], ids=lambda p: str(p.name))
def test_the_ground_floors_do_without_tensorflow(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert not roots & {"tensorflow", "keras", "jax", "torch"}


@pytest.mark.parametrize(
    "path",
    [p for p in modules() if name_of(p) in {"models", "losses", "masked_mse", "model_inputs", "metrics.keras_pck"}],
    ids=lambda p: str(p.name),
)
def test_models_know_keras_only(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path)} & {"tensorflow", "jax", "torch"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_entry_points_define_flags(path: Path) -> None:
    if name_of(path) not in ENTRY_POINTS | {"command_line"}:
        assert not {name for name in imported(path) if name.startswith("absl")} - {"absl.logging"}


def test_importing_the_package_is_light() -> None:
    code = "import sys, kerasmooth; print(sorted({'tensorflow', 'keras', 'pandas', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_settings_and_reports_need_no_tensorflow() -> None:
    """Flags are checked before it is loaded, and its greetings are kept from the user."""
    modules = "kerasmooth.training.config, kerasmooth.reporting.grid, kerasmooth.reporting.page"
    code = f"import sys, {modules}; print(sorted({{'tensorflow', 'keras'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_entry_point_goes_through_the_shared_command_line() -> None:
    for name in ENTRY_POINTS:
        path = PACKAGE / f"{name}.py"
        if path.is_file():
            assert "kerasmooth.command_line" in imported(path)
