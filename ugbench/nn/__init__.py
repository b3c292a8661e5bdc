"""Layers, losses, initial weights and learning-rate schedules that methods share."""
