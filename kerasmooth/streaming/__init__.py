"""Smoothing while frames arrive, one at a time."""
