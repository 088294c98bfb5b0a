"""How a single-frame detector errs: the published way, and ways nearer to real detectors, each a few numbers."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator

from kerasmooth import files
from kerasmooth.errors import InputError
from kerasmooth.settings import Settings
from kerasmooth.skeletons import BOULDERING_25

Probability = Annotated[float, Field(ge=0, le=1)]


class NoiseProfile(Settings):
    """Errors of a detector; without arguments the published ones.

    A run of bursts, dropouts or exchanges is cut into segments of so many frames, from a random frame on for each
    keypoint, and each segment is struck with the probability.

    Attributes:
      deviation: standard deviation along one axis at s = 1, in cells (the study's text says 3, its code has 2.95).
      scale: factor of the deviation for each keypoint; () is 1 for all.
      correlation: of a keypoint's error from one frame to the next: AR(1), x[t] = r x[t-1] + sqrt(1 - r^2) e[t].
      spread: standard deviation of the logarithm of a factor of all errors of a clip: not all are equally hard.
      width_factor: the deviation grows by this for each step of the heatmap's width, about its mean, so that wide (low)
        peaks err more: the error of a detector grows as its confidence falls.
      burst_probability, burst_size, burst_frames: a keypoint is off by an offset of `burst_size` deviations more.
      dropout_probability, dropout_frames: a keypoint is not found.
      exchange_probability, exchange_frames: a left/right pair is exchanged.
    """

    deviation: NonNegativeFloat = 2.95
    scale: tuple[NonNegativeFloat, ...] = Field(default=(), strict=False)
    correlation: float = Field(default=0.0, ge=0, lt=1)
    spread: NonNegativeFloat = 0.0
    width_factor: float = Field(default=0.0, ge=0, lt=0.5)
    burst_probability: Probability = 0.0
    burst_size: NonNegativeFloat = 4.0
    burst_frames: PositiveInt = 5
    dropout_probability: Probability = 0.0
    dropout_frames: PositiveInt = 5
    exchange_probability: Probability = 0.0
    exchange_frames: PositiveInt = 8

    @field_validator("scale")
    @classmethod
    def _one_for_each_keypoint(cls, scale: tuple[float, ...]) -> tuple[float, ...]:
        if len(scale) not in (0, BOULDERING_25.num_keypoints):
            raise ValueError(f"must have {BOULDERING_25.num_keypoints} numbers, got {len(scale)}")
        return scale


PUBLISHED = NoiseProfile()
NOISE_MODELS: dict[str, NoiseProfile] = {
    "published": PUBLISHED,
    "ar1": NoiseProfile(correlation=0.8),
    "bursts": NoiseProfile(burst_probability=0.1),
    "dropouts": NoiseProfile(dropout_probability=0.1),
    "exchanges": NoiseProfile(exchange_probability=0.05),
    "confidence": NoiseProfile(width_factor=0.4),
    "mixture": NoiseProfile(
        correlation=0.7,
        width_factor=0.3,
        burst_probability=0.03,
        dropout_probability=0.05,
        exchange_probability=0.02,
    ),
    "varied": NoiseProfile(
        deviation=0.8,
        spread=0.8,
        correlation=0.6,
        width_factor=0.2,
        burst_probability=0.02,
        burst_size=5.0,
        burst_frames=4,
        dropout_probability=0.03,
        exchange_probability=0.005,
        exchange_frames=6,
    ),
}
"""What `--noise_model` may name; anything else is the JSON file of a profile. `varied` is a little of everything, in
nineteen clips of twenty of 0.17 to 3.8 cells: for a model that is to serve any detector."""


def noise_profile(name: str) -> NoiseProfile:
    """A profile by its name in `NOISE_MODELS`, or from a JSON file. Raises InputError where it is neither, or bad."""
    if name in NOISE_MODELS:
        return NOISE_MODELS[name]
    try:
        text = files.installed(name).read_bytes()
    except OSError as error:
        names = ", ".join(NOISE_MODELS)
        reason = f"cannot be read ({error.strerror})"
        raise InputError(f"--noise_model={name}: one of {names}, or the JSON file of a profile: {reason}") from None
    return NoiseProfile.from_json(text, name, "see kerasmooth/noise/profile.py for the fields")
