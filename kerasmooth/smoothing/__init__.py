"""Smoothing keypoint arrays: people followed, swaps and outliers mended, gaps filled, filters tuned."""
