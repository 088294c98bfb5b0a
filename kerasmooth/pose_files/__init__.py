"""The smoothing command: pose files in, pose files out, with tables, plots and overlays of what changed."""
