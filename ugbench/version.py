"""The version of ugbench, for modules that must not import the Python API."""

VERSION = "0.1.0"
