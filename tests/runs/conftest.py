"""A small method, and runs and images for it."""

from toy_runs import images, make_run, toy

__all__ = ["images", "make_run", "toy"]
