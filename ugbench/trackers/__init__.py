"""Trackers: each module is one program that shows trainings, see `ugbench.tracker`."""
