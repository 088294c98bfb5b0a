"""A camera that looks at a moving person and keeps the whole of them in the picture."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.sample.body import rotation
from kerasmooth.sample.curves import wander

Size = tuple[int, int]


@dataclass(frozen=True)
class View:
    """Where the camera stands.

    Attributes:
      azimuth: radians about the vertical; 0 is in front (+z), positive goes to the viewer's right.
      elevation: radians above the horizontal.
      distance: statures from the middle of the motion.
      fill: share of the image that the motion takes up along its tighter dimension, at most 0.9.
    """

    azimuth: float
    elevation: float
    distance: float
    fill: float


def draw_view(rng: np.random.Generator, azimuths: tuple[tuple[float, float], ...]) -> View:
    """A view whose azimuth lies in one of the ranges (degrees)."""
    low, high = azimuths[int(rng.integers(len(azimuths)))]
    return View(
        azimuth=np.radians(rng.uniform(low, high)),
        elevation=np.radians(rng.uniform(0.0, 12.0)),
        distance=rng.uniform(3.0, 6.0),
        fill=rng.uniform(0.55, 0.88),
    )


def project(
    points: np.ndarray, times: np.ndarray, view: View, image_size: Size, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Perspective projection of [T, N, 3] statures.

    The camera pans softly after the person, shakes a little as in a hand, and zooms so that every point of every
    frame lies inside the image.

    Args:
      points: [T, N, 3].
      times: [T] s.
      view: where the camera stands.
      image_size: (height, width) in pixels.
      rng: for the shake and for the place in the image.

    Returns:
      (pixels float64 [T, N, 2], depth [T, N] in statures, larger is farther away).
    """
    turned = points - _pan(points.mean(axis=1), times)[:, None]
    turned = turned @ rotation(-view.azimuth, 0.0, 0.0)[0].T @ rotation(0.0, view.elevation, 0.0)[0].T
    depth = np.maximum(view.distance - turned[..., 2], 0.5)
    flat = turned[..., :2] * np.array([1.0, -1.0]) * (view.distance / depth)[..., None]
    flat += wander(rng, times, (2,), amplitude=0.004, frequency=0.8)[:, None]
    low, high = flat.min(axis=(0, 1)), flat.max(axis=(0, 1))
    size = np.array(image_size[::-1], np.float64)
    scale = float(np.min(view.fill * size / (high - low)))
    margin = (size - scale * (high - low)) / 2
    place = size / 2 + rng.uniform(-0.5, 0.5, 2) * np.maximum(margin - 0.04 * size, 0)
    return (flat - (low + high) / 2) * scale + place, depth


def _pan(centre: np.ndarray, times: np.ndarray) -> np.ndarray:
    """[T, 3]: what the camera looks at: the mean of the path [T, 3], plus most of its slow (parabolic) part."""
    mean = centre.mean(axis=0)
    if len(times) < 8:
        return np.broadcast_to(mean, centre.shape)
    middle = times - times.mean()
    basis = np.stack([np.ones_like(times), middle, middle**2], axis=1)
    slow = basis @ np.linalg.lstsq(basis, centre - mean, rcond=None)[0]
    return mean + 0.85 * slow
