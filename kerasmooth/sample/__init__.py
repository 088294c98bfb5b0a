"""A generated moving person: its motion, its detections, and raw files in every dataset's layout."""
