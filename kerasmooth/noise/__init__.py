"""How a single-frame detector errs: simulated from a few numbers, and these estimated from its detections (`fit`)."""

from kerasmooth.noise.detector import DetectorNoise, clip_key
from kerasmooth.noise.profile import NOISE_MODELS, PUBLISHED, NoiseProfile, noise_profile

__all__ = ["NOISE_MODELS", "PUBLISHED", "DetectorNoise", "NoiseProfile", "clip_key", "noise_profile"]
