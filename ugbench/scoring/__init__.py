"""Scores of images: extractors, protocols, score records, and what `ugbench eval` does."""
