"""Intervals and tests for scores: pure functions of features and values.

The unit of a claim about two checkpoints is the image (paired.py, permutation.py). The unit of a claim about two
methods is the seed (seeds.py). docs/statistics.md has the measured coverage of the intervals.
"""
