"""kerasmooth: steadier 2D pose keypoints.

Importing the package loads neither TensorFlow nor Keras; modules that need them import them themselves.
"""

__version__ = "0.1.0"

from typing import Any

_LAZY = {"smooth_keypoints": "kerasmooth.smoothing.keypoints", "KeypointStream": "kerasmooth.streaming.stream"}


def __getattr__(name: str) -> Any:
    """`smooth_keypoints` and `KeypointStream`, loaded when first asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'kerasmooth' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
