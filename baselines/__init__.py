"""Baselines: every public module of this package is one method (entry-point group `ugbench.methods`)."""
