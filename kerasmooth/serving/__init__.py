"""Asking an exported model: behind TensorFlow Serving by gRPC or REST, or in this process, in one way."""

from kerasmooth.serving.client import Client

__all__ = ["Client"]
