"""Checkpoints that are whole or absent: every variable by its path and the state of the loop in one .npz.

What Keras's own BackupAndRestore forgets (the place in the epoch, the order of the data) is what repeats batches
after a kill; the state holds it.
"""

import json
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.files import replacing

_DAMAGE = (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, NotImplementedError, zipfile.BadZipFile)
"""What reading a damaged archive raises."""
CHECKPOINT_FILE = "checkpoint.npz"
_STATE = "state"
_SEED_GENERATOR = re.compile(r"\bseed_generator(_\d+)?\b")


def save(path: Path, groups: Mapping[str, Sequence[Any]], state: Mapping[str, Any]) -> None:
    """Writes lists of Keras variables by the name of their group ("model", "optimizer", ...), and plain values as JSON,
    in which floats keep every bit.
    """
    arrays = {key: np.asarray(variable.numpy()) for key, variable in _by_path(groups).items()}
    arrays[_STATE] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    with replacing(path) as partial, open(partial, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def load(path: Path, groups: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Assigns the variables of `groups` from a checkpoint and returns its state.

    Raises InputError where the file is damaged or was written for other variables.
    """
    try:
        # NumPy leaves a file that it cannot read open.
        with path.open("rb") as file, np.load(file) as archive:
            arrays = dict(archive)
        state: dict[str, Any] = json.loads(arrays.pop(_STATE).tobytes())
    except _DAMAGE as error:
        raise InputError(f"{path} is damaged or no checkpoint ({error}): remove the run to start anew") from None
    variables = _by_path(groups)
    found = {f"{key} {value.shape}" for key, value in arrays.items()}
    needed = {f"{key} {tuple(variable.shape)}" for key, variable in variables.items()}
    if different := sorted(found ^ needed):
        raise InputError(
            f"{path} holds other variables than this run has ({different[0]}, ...): remove the run folder to start anew"
        )
    for key, variable in variables.items():
        variable.assign(arrays[key])
    return state


def _by_path(groups: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Variables by group and path.

    Keras numbers seed generators over all models of a process, so those of one place in the model are counted anew.
    """
    named: dict[str, Any] = {}
    for group, variables in groups.items():
        counts: Counter[str] = Counter()
        for variable in variables:
            key = f"{group}/{_SEED_GENERATOR.sub('seed_generator', variable.path)}"
            if _SEED_GENERATOR.search(variable.path):
                counts[key] += 1
                key += f"_{counts[key]}"
            if key in named:
                raise ValueError(f"two variables have one path: give each layer a name. Received: path={key}")
            named[key] = variable
    return named
