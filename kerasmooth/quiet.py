"""Importing TensorFlow without its greetings."""

import os
import sys


def import_tensorflow() -> None:
    """Imports TensorFlow while the standard error stream is closed to its C++ core, which heeds no log level there.

    Messages below errors stay off afterwards too, unless TF_CPP_MIN_LOG_LEVEL says otherwise. So do warnings from
    Python of functions that are traced again: each model has its own.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" in sys.modules:
        return
    stderr, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        import tensorflow

        tensorflow.get_logger().setLevel("ERROR")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nothing)
