"""What TensorFlow Serving is started with."""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from small_bundle import EXPORTED, Bundle
from tensorflow_serving.config import model_server_config_pb2

from kerasmooth.errors import InputError
from kerasmooth.exporting import bundle as bundles
from kerasmooth.exporting import saved_model as exporting
from kerasmooth.exporting import warmup
from kerasmooth.exporting.saved_model import EXTRA_ASSETS, Exported, export_run
from kerasmooth.serving import Client
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.training.run_folder import load_run


@pytest.mark.parametrize("model", EXPORTED)
def test_warm_up_asks_every_signature_once(small_bundle: Bundle, model: str) -> None:
    path = small_bundle.version(model) / EXTRA_ASSETS / warmup.WARMUP_FILE
    loaded = tf.saved_model.load(str(small_bundle.version(model))).signatures
    asked = [signature for signature, _ in warmup.read_warmup(path)]
    assert sorted(asked) == sorted(set(loaded) - {"serving_default"})
    assert warmup.replay(path, loaded) == len(asked)
    assert path.stat().st_size < 200_000, "a server reads it at every start"


def test_a_warm_up_that_fails_keeps_the_version_from_appearing(
    small_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "check_export", lambda *_: (0.0, 0))
    examples = warmup.example_inputs

    def wrong(*arguments: object) -> dict[str, np.ndarray]:
        return {name: value[..., :1] for name, value in examples(*arguments).items()}  # type: ignore[arg-type]

    monkeypatch.setattr(warmup, "example_inputs", wrong)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be"):
        export_run(load_run(small_bundle.run("deciwatch")), tmp_path, for_serving=True)
    assert list((tmp_path / "deciwatch").iterdir()) == []
    assert not (tmp_path / "models.config").exists()


def models_of(folder: Path) -> dict[str, tuple[list[int], dict[str, int]]]:
    """Versions and labels of each model, as a server reads them."""
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((folder / "models.config").read_text(), config)
    models = config.model_config_list.config
    assert all(model.base_path == f"/models/{model.name}" for model in models)
    assert all(model.model_platform == "tensorflow" for model in models)
    return {m.name: (list(m.model_version_policy.specific.versions), dict(m.version_labels)) for m in models}


def exported(bundle: Bundle, folder: Path, version: int) -> Exported:
    """A version of Conv3D in another bundle, without exporting anew."""
    target = folder / "conv3d" / str(version)
    shutil.copytree(bundle.version("conv3d"), target)
    tensors = json.loads((target / EXTRA_ASSETS / "metadata.json").read_text())["tensors"]
    return Exported(target, tensors, 0, 0, 0.0, 0)


def test_labels_are_rolled_forward_and_back(small_bundle: Bundle, tmp_path: Path) -> None:
    assert models_of(small_bundle.path) == {m: ([1], {"stable": 1, "canary": 1}) for m in EXPORTED}
    path = tmp_path / "models.config"
    bundles.write_beside(tmp_path, exported(small_bundle, tmp_path, 1))
    bundles.write_beside(tmp_path, exported(small_bundle, tmp_path, 2))
    assert models_of(tmp_path) == {"conv3d": ([1, 2], {"stable": 1, "canary": 2})}
    forward = re.sub(r'key: "stable"\s+value: 1', 'key: "stable" value: 2', path.read_text())
    path.write_text("# by hand\n" + forward)
    bundles.write_beside(tmp_path, exported(small_bundle, tmp_path, 3))
    assert models_of(tmp_path) == {"conv3d": ([2, 3], {"stable": 2, "canary": 3})}
    shutil.rmtree(tmp_path / "conv3d" / "2")
    bundles.write_beside(tmp_path, exported(small_bundle, tmp_path, 5))
    assert models_of(tmp_path) == {"conv3d": ([5], {"stable": 5, "canary": 5})}, "a version that is gone is not served"
    path.write_text("model_config_list {")
    with pytest.raises(InputError, match=r"models.config cannot be read .* mend it or remove it; .*conv3d/6 is whole"):
        bundles.write_beside(tmp_path, exported(small_bundle, tmp_path, 6))
    assert path.read_text() == "model_config_list {"


def test_what_is_yours_stays(small_bundle: Bundle, tmp_path: Path) -> None:
    one = exported(small_bundle, tmp_path, 1)
    (tmp_path / "compose.yaml").write_text("mine")
    (tmp_path / "README.md").write_text("old")
    bundles.write_beside(tmp_path, one)
    assert (tmp_path / "compose.yaml").read_text() == "mine"
    assert "# Serving conv3d" in (tmp_path / "README.md").read_text()
    assert not list(tmp_path.rglob("*partial*"))


def test_the_composition_pins_its_images_and_mounts_nothing_to_write(small_bundle: Bundle) -> None:
    services = yaml.safe_load((small_bundle.path / "compose.yaml").read_text())["services"]
    assert set(services) == {"serving", "prometheus", "grafana"}
    for service in services.values():
        assert re.fullmatch(r"[a-z/]+:v?[0-9]+\.[0-9]+\.[0-9]+", service["image"])
        assert all(volume.endswith(":ro") for volume in service["volumes"])
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        mounted = [volume.split(":")[0] for volume in service["volumes"]]
        assert all((small_bundle.path / path).exists() for path in mounted)
    flags = services["serving"]["command"]
    assert all(re.fullmatch(r"--[a-z_]+=\S+", flag) for flag in flags)
    for flag in flags:
        name, _, value = flag.partition("=")
        if value.startswith("/models/"):
            assert (small_bundle.path / value.removeprefix("/models/")).is_file(), name
    assert "healthcheck" in services["serving"]
    dashboard = json.loads((small_bundle.path / "grafana" / "kerasmooth.json").read_text())
    assert len({panel["title"] for panel in dashboard["panels"]}) == len(dashboard["panels"]) >= 4


MESSAGES = """
name: "as_read.proto" syntax: "proto3" dependency: "google/protobuf/wrappers.proto"
message_type { name: "PrometheusConfig"
  field { name: "enable" number: 1 type: TYPE_BOOL }
  field { name: "path" number: 2 type: TYPE_STRING } }
message_type { name: "MonitoringConfig"
  field { name: "prometheus_config" number: 1 type: TYPE_MESSAGE type_name: ".PrometheusConfig" } }
message_type { name: "BatchingParameters"
  field { name: "max_batch_size" number: 1 type: TYPE_MESSAGE type_name: ".google.protobuf.Int64Value" }
  field { name: "batch_timeout_micros" number: 2 type: TYPE_MESSAGE type_name: ".google.protobuf.Int64Value" }
  field { name: "max_enqueued_batches" number: 3 type: TYPE_MESSAGE type_name: ".google.protobuf.Int64Value" }
  field { name: "num_batch_threads" number: 4 type: TYPE_MESSAGE type_name: ".google.protobuf.Int64Value" }
  field { name: "allowed_batch_sizes" number: 6 type: TYPE_INT64 label: LABEL_REPEATED }
  field { name: "pad_variable_length_inputs" number: 7 type: TYPE_BOOL } }
"""
"""Messages of the server that tensorflow-serving-api leaves out, as its monitoring_config.proto and
session_bundle_config.proto have them."""


def test_the_server_can_read_its_settings(small_bundle: Bundle) -> None:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(text_format.Parse(MESSAGES, descriptor_pb2.FileDescriptorProto()))

    def read(path: Path, name: str) -> Any:
        message = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()
        return text_format.Parse(path.read_text(), message)

    monitoring = read(small_bundle.path / "monitoring.config", "MonitoringConfig").prometheus_config
    assert monitoring.enable
    (scraped,) = yaml.safe_load((small_bundle.path / "prometheus.yml").read_text())["scrape_configs"]
    assert monitoring.path == scraped["metrics_path"]
    batching = read(small_bundle.version("deciwatch") / "batching_params.pbtxt", "BatchingParameters")
    assert batching.pad_variable_length_inputs
    assert (batching.batch_timeout_micros.value, batching.max_batch_size.value) == (2000, 1024)


def test_grafana_finds_prometheus_and_the_dashboard(small_bundle: Bundle) -> None:
    grafana, services = small_bundle.path / "grafana", yaml.safe_load((small_bundle.path / "compose.yaml").read_text())
    (source,) = yaml.safe_load((grafana / "datasource.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert {"prometheus", "grafana"} < set(services["services"])
    dashboard = json.loads((grafana / "kerasmooth.json").read_text())
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    (provider,) = yaml.safe_load((grafana / "dashboards.yml").read_text())["providers"]
    mounted = dict(volume.split(":")[:2] for volume in services["services"]["grafana"]["volumes"])
    assert mounted["./grafana/kerasmooth.json"].rpartition("/")[0] == provider["options"]["path"]


def test_only_a_model_that_gains_by_it_is_batched(small_bundle: Bundle) -> None:
    batched = [model for model in EXPORTED if (small_bundle.version(model) / "batching_params.pbtxt").is_file()]
    assert batched == ["deciwatch"]


def test_the_page_says_what_works(small_bundle: Bundle) -> None:
    page = (small_bundle.path / "README.md").read_text()
    assert not re.findall(r"@[A-Z]+@", page), "every blank is filled in"
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code
    address = "grpc://localhost:8500/deciwatch/labels/stable"
    assert address in code[1]
    scope: dict[str, np.ndarray] = {}
    exec(code[1].replace(address, str(small_bundle.path / "deciwatch")), scope)
    assert scope["smoothed"].shape == (5, 25, 2)
    request = json.loads((small_bundle.path / "request.json").read_text())
    inputs = {k: np.asarray(v, np.int32 if k == "length" else np.float32) for k, v in request["inputs"].items()}
    client = Client(small_bundle.path / "deciwatch")
    trained = client.metadata["supervised"]
    assert f"trained on these, looks at no others and gives no others: {', '.join(trained)}." in page
    found = client.ask(request["signature_name"], **inputs)["found"]
    assert (found == np.isin(BOULDERING_25.keypoints, trained)).all()


def test_without_the_api_a_bundle_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis.prediction_log_pb2", None)
    with pytest.raises(InputError, match=r"pip install 'kerasmooth\[serving\]'"):
        bundles.check_installed()
