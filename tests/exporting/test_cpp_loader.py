"""Exports in the C++ loader that TensorFlow Serving is built on: every signature, every warm-up request, refusals."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from small_bundle import EXPORTED, Bundle
from tensorflow.core.framework import tensor_pb2
from test_requests import BAD

from kerasmooth.exporting.check import example_inputs
from kerasmooth.exporting.warmup import WARMUP_FILE, read_warmup
from kerasmooth.serving.transport import plain
from kerasmooth.training.run_folder import load_run

Arrays = dict[str, np.ndarray]
SOURCE = Path(__file__).parent / "ask_saved_model.cc"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("g++"):
        pytest.skip("there is no g++")
    path, libraries = tmp_path_factory.mktemp("loader") / "ask", tf.sysconfig.get_lib()
    flags = [*tf.sysconfig.get_compile_flags(), f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-Wl,--no-as-needed"]
    linked = ["-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"]
    subprocess.run(["g++", "-O0", "-w", "-o", str(path), str(SOURCE), *flags, *linked], check=True)
    return path


def ask(program: Path, export: Path, folder: Path, requests: list[tuple[str, Arrays]]) -> list[Arrays | str]:
    """The answers in C++, or the text of the refusal."""
    folders = [folder / str(number) for number in range(len(requests))]
    for here, (signature, inputs) in zip(folders, requests, strict=True):
        here.mkdir(parents=True)
        (here / "signature").write_text(signature)
        for name, value in inputs.items():
            (here / f"{name}.in").write_bytes(tf.make_tensor_proto(value).SerializeToString())
    subprocess.run([str(program), str(export), *map(str, folders)], check=True, timeout=300)
    return [_answer(here) for here in folders]


def _answer(folder: Path) -> Arrays | str:
    if (folder / "error").is_file():
        return (folder / "error").read_text()
    protos = {path.stem: tensor_pb2.TensorProto.FromString(path.read_bytes()) for path in folder.glob("*.out")}
    return {name: tf.make_ndarray(proto) for name, proto in protos.items()}


@pytest.mark.parametrize("model", EXPORTED)
def test_cpp_says_what_python_says(program: Path, small_bundle: Bundle, tmp_path: Path, model: str) -> None:
    run, export = load_run(small_bundle.run(model)), small_bundle.version(model)
    loaded = tf.saved_model.load(str(export)).signatures
    requests = list(read_warmup(export / "assets.extra" / WARMUP_FILE))
    assert len(requests) == len(loaded) - 1
    for signature in loaded:
        name = "sequence" if signature == "serving_default" else signature
        requests += [(signature, example_inputs(run, name, shape)) for shape in ((1, 2), (3, 11))]
    answers = ask(program, export, tmp_path, requests)
    for (signature, inputs), answer in zip(requests, answers, strict=True):
        expected = loaded[signature](**{name: tf.constant(value) for name, value in inputs.items()})
        assert isinstance(answer, dict), answer
        assert set(answer) == set(expected)
        for name, value in expected.items():
            if value.dtype == tf.string or value.dtype == tf.bool:
                np.testing.assert_array_equal(answer[name], value.numpy())
            else:
                np.testing.assert_allclose(answer[name], value.numpy(), atol=2e-3)


def test_cpp_refuses_what_python_refuses(program: Path, small_bundle: Bundle, tmp_path: Path) -> None:
    """A C++ session holds no request to the declared shapes: only the checks in the graph do."""
    run, requests = load_run(small_bundle.run("conv3d")), []
    for signature, wrong, _ in BAD.values():
        inputs = example_inputs(run, signature, (2, 7))
        requests.append((signature, inputs | {n: np.asarray(v).astype(inputs[n].dtype) for n, v in wrong.items()}))
    answers = ask(program, small_bundle.version("conv3d"), tmp_path, requests)
    for (case, (_, _, text)), answer in zip(BAD.items(), answers, strict=True):
        if isinstance(answer, str):
            assert re.search(text.removeprefix("refuses: "), plain(answer)), (case, answer)
        else:  # only one of the rows is wrong
            assert any(answer["fault"]), case
