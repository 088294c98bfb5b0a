"""Runs the cases on the backend that KERAS_BACKEND names: FOLDER/weights.npz -> FOLDER/outputs.npz."""

import sys
from pathlib import Path

import keras
import numpy as np
from model_cases import CASES, inputs_for

folder = Path(sys.argv[1])
results = {"backend": np.array(keras.backend.backend())}
with np.load(folder / "weights.npz") as weights:
    for case in CASES:
        model = case.build()
        model.set_weights([weights[name] for name in sorted(weights.files) if name.startswith(f"{case}/")])
        outputs = model.predict_on_batch(inputs_for(model.takes))
        results |= {f"{case}/{name}": value for name, value in outputs.items()}
np.savez(folder / "outputs.npz", **results)
