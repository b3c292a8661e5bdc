"""What differences between scores can be claimed: of two checkpoints, of two methods, across data sets.

Pure functions of features and values. "These checkpoints differ" has images as its unit (paired.py,
permutation.py); "this method beats that one" has seeds (seeds.py). docs/statistics.md has the measured coverage.
"""
