"""Checks that a method or a metric, of this project or of another package, does what ugbench relies on."""
