"""Trained runs as files for other programs."""
