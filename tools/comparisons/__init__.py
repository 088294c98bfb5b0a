"""Comparisons of smoothers where the truth is known, one dataset a module."""
