"""`load_dataset`: every argument is seen to do something, against NumPy's own simulation and rendering."""

from pathlib import Path

import numpy as np
import pytest
from small_records import SIZE, write_records

from kerasmooth.errors import InputError
from kerasmooth.fit_data import load_dataset
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.input_pipeline import evaluation_batches
from kerasmooth.losses import MaskedMSE
from kerasmooth.models import GatedSplines
from kerasmooth.noise import DetectorNoise
from kerasmooth.tfrecord.record_sets import RecordSets

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit") / "records"
    write_records(folder)
    return folder


def one_pass(records: Path, split: str = "train", **arguments: object) -> tuple[Arrays, np.ndarray]:
    """All inputs and targets of a pass, batches joined."""
    batches = list(load_dataset(records, split, **arguments))  # type: ignore[arg-type]
    names = batches[0][0]
    inputs = {name: np.concatenate([batch[name].numpy() for batch, _ in batches]) for name in names}
    return inputs, np.concatenate([truth.numpy() for _, truth in batches])


@pytest.mark.parametrize("split", ["train", "validation"])
def test_in_order_it_is_what_evaluation_sees(records: Path, split: str) -> None:
    batch = next(iter(evaluation_batches(RecordSets(records, ("sample",)), split, batch_size=50)))
    windows = {name: tensor.numpy()[0] for name, tensor in batch.items()}
    real = windows["clip_id"] != b""
    truth, shown, *keys = (windows[n][real] for n in ("keypoints", "visibility", "clip_key", "frame_numbers"))
    seen = DetectorNoise(shifting_scalar=0.5).simulate(truth, shown, *keys, SIZE)
    inputs, targets = one_pass(
        records, split, takes="keypoints", shuffle=False, noise=DetectorNoise(shifting_scalar=0.5), batch_size=7
    )
    assert set(inputs) == {"keypoints", "visibility"}
    np.testing.assert_array_equal(inputs["keypoints"], seen["keypoints"])
    np.testing.assert_array_equal(inputs["visibility"], shown)
    np.testing.assert_array_equal(targets, np.where(shown[..., None], truth, np.nan))
    heatmaps, _ = one_pass(records, split, shuffle=False, noise=DetectorNoise(shifting_scalar=0.5))
    expected = HeatmapCodec(size=SIZE).encode(seen["keypoints"], seen["visibility"], seen["sigma_index"])
    np.testing.assert_allclose(heatmaps["heatmaps"], expected, atol=1e-4)


def test_a_model_that_asks_for_boxes_is_fitted_with_them(records: Path) -> None:
    data = load_dataset(records, takes="keypoints", boxes=True, shuffle=False)
    boxes = np.concatenate([inputs["boxes"].numpy() for inputs, _ in data])
    batch = next(iter(evaluation_batches(RecordSets(records, ("sample",)), "train", batch_size=50)))
    np.testing.assert_array_equal(boxes, batch["boxes"].numpy()[0])
    model = GatedSplines(size=SIZE, window=5, width=16, rounds=1)
    model.compile("adam", MaskedMSE())
    losses = model.fit(data, epochs=3, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_batches_are_as_long_as_asked_and_the_last_one_is_what_is_left(records: Path) -> None:
    lengths = [len(truth) for _, truth in load_dataset(records, batch_size=16)]
    assert lengths == [16, 16, 16, 2]


def test_a_seed_gives_the_same_passes(records: Path) -> None:
    def passes(seed: int) -> list[np.ndarray]:
        dataset = load_dataset(records, takes="keypoints", seed=seed)
        return [np.concatenate([inputs["keypoints"].numpy() for inputs, _ in dataset]) for _ in range(2)]

    first, again, other = passes(3), passes(3), passes(4)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])


def test_noise_that_is_not_fresh_stays_while_the_order_changes(records: Path) -> None:
    dataset = load_dataset(records, takes="keypoints", noise=DetectorNoise(fresh=False))
    first, second = (np.concatenate([np.concatenate([i["keypoints"], t], -1) for i, t in dataset]) for _ in range(2))
    assert not np.array_equal(first, second, equal_nan=True)

    def in_one_order(windows: np.ndarray) -> np.ndarray:
        return windows[np.lexsort(np.nan_to_num(windows).reshape(len(windows), -1).T)]

    np.testing.assert_array_equal(in_one_order(first), in_one_order(second))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"takes": "images"}, ValueError, "takes='images'"),
        ({"split": "testing"}, InputError, "testing"),
        ({"datasets": ("brace",)}, InputError, "no records of brace"),
        ({"records_dir": "nowhere"}, InputError, "no records in nowhere"),
    ],
)
def test_what_is_not_there_is_named(
    records: Path, arguments: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        load_dataset(**{"records_dir": records} | arguments)  # type: ignore[arg-type]
