"""A trained model as a smoother of one person's keypoints in image pixels."""

from pathlib import Path

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.serving import Client
from kerasmooth.skeletons import BOULDERING_25


class ModelSmoother:
    """Smooths the 25 keypoints of `skeletons.BOULDERING_25`, here or on a server.

    Args:
      client: of the model.

    Raises:
      InputError: it is a model of other keypoints.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        facts = client.metadata
        if tuple(facts["skeleton"]["keypoints"]) != BOULDERING_25.keypoints:
            raise InputError(
                f"{client.address} is a model of the skeleton {facts['skeleton']['name']}, not of {BOULDERING_25.name}"
            )
        self.name = str(facts["name"])
        self.supervised = np.isin(BOULDERING_25.keypoints, facts["supervised"])
        """bool [25]: keypoints that it was trained on."""

    def smooth(self, keypoints: np.ndarray, confidence: np.ndarray, fps: float) -> np.ndarray:
        """float64 [T, 25, 2] of keypoints [T, 25, 2] in pixels and confidence [T, 25]: see `Client.smooth`."""
        return self._client.smooth(keypoints, confidence, fps)


def load(address: str | Path) -> ModelSmoother:
    """A run folder, an export of `kerasmooth.export`, or a served model such as grpc://host:8500/name.

    Raises:
      InputError: it is none of these, it is damaged, or the server does not answer.
    """
    try:
        return ModelSmoother(Client(address))
    except InputError as error:
        raise InputError(f"--model={error}") from None
