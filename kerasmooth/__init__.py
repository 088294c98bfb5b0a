"""kerasmooth: steadier 2D pose keypoints.

Importing the package loads neither TensorFlow nor Keras; modules that need them import them themselves.
"""

__version__ = "0.1.0"
