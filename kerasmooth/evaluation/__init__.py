"""Judging trained models beside no smoothing: predictions, scores, tables and pictures."""
