"""Trained models as SavedModels, compared with the model before they get their name."""
